//! The comments of a stylesheet, compiled or not. Pure.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

static OF_SASS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)/\*.*?\*/|//[^\n]*").expect("a constant pattern, compiled by a test"));

/// A compiled stylesheet, or a part of it, with a blank for each comment. One within quotation marks is taken for one too.
#[must_use]
pub fn without_comments(css: &str) -> Cow<'_, str> {
    if !css.contains("/*") {
        return Cow::Borrowed(css);
    }
    let (mut plain, mut rest) = (String::with_capacity(css.len()), css);
    while let Some((before, after)) = rest.split_once("/*") {
        plain.push_str(before);
        plain.push(' ');
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    Cow::Owned(plain + rest)
}

/// Whether a source for Sass says nothing: no rule, no import, only blanks and comments.
#[must_use]
pub fn says_nothing(source: &str) -> bool {
    OF_SASS.replace_all(source, "").trim_start_matches('\u{feff}').trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_left_out() {
        for (css, plain) in
            [("a{b:c}", "a{b:c}"), ("a/* x */b/**/c", "a b c"), ("/* never closed", " "), ("/*/ x */a", " a")]
        {
            assert_eq!(without_comments(css), plain);
        }
    }

    #[test]
    fn comments_say_nothing() {
        assert!(says_nothing("") && says_nothing("\u{feff}// to come\n/* x\n // y */\n\n"));
        assert!(!says_nothing("$a: 1;") && !says_nothing("@use 'x'; // y") && !says_nothing(".a{}"));
    }
}
