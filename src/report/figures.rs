//! Numbers, sizes and strangers' texts as a report shows them.

/// A stranger's text without control characters, and without the marks that turn the direction of writing: a theme's file
/// name, a manifest's key or a line of a log could otherwise move the cursor, rewrite a verdict, set the terminal's title, or
/// show one name as another.
#[must_use]
pub fn plain(text: &str) -> String {
    let harmless = |character: char| match character {
        '\n' | '\t' => character,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => '\u{fffd}',
        other if other.is_control() => '\u{fffd}',
        other => other,
    };
    text.chars().map(harmless).collect()
}

/// On one line, and no longer than that.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let text = plain(text).replace('\n', " ");
    if text.chars().count() <= most { text } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// `60112` as `60,112`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as people read them, in powers of 1,000.
#[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
pub(crate) fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        b if b < 1e3 => format!("{b:.0} bytes"),
        b if b < 1e6 => format!("{:.1} kB", b / 1e3),
        b if b < 1e9 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.1} GB", b / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_neither_moves_the_cursor_nor_turns_the_writing() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}gnp.scss\u{2066}c\n"), "a\u{fffd}[2Jb\u{fffd}gnp.scss\u{fffd}c\n");
        assert_eq!(plain("thème שלום 🌙"), "thème שלום 🌙");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!((grouped(60112), grouped(7), grouped(1_000_000)), ("60,112".into(), "7".into(), "1,000,000".into()));
    }
}
