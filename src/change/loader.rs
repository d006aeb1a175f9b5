//! Whether a theme's stylesheets name a loader. Pure.
//!
//! webpack reads `url("!!./a.scss!./b.png")` as "run the program a.scss on b.png", whatever the files are called: with it, a
//! theme of stylesheets and images runs code in every compile, and can put what it likes into Mastodon's own scripts.

use std::path::Path;

use super::reach::{is_text_only, unescaped, without_comments};
use crate::finding::Finding;
use crate::stylesheet::percent_decoded;

/// What of a stylesheet at `to` (relative to the live tree) names a loader.
pub fn named(to: &Path, text: &str) -> Option<Finding> {
    // What of an address stands in quotes may go on after a backslash at the line's end. A mark with a backslash before it
    // begins no text, but belongs to a name.
    pattern!(
        PARTS,
        r#"(?is)(?P<name>\\[\\"'])|(?:url|:import)\(\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*\)|(?P<bare>[^)]*))|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"#
    );
    pattern!(COMPUTED, r"(?i)url\([^)]*(?:#\{|\$|\+)|(?:@import|from)[^;]*#\{");
    let bare = without_comments(text, to.extension().is_none_or(|ending| ending != "css"));
    let computes = COMPUTED.is_match(&bare);
    PARTS.captures_iter(&bare).filter(|found| found.name("name").is_none()).find_map(|found| {
        let whole = found.get(0)?;
        let is_address = found.name("text").is_none();
        let part = found.name("quoted").or_else(|| found.name("bare")).unwrap_or(whole);
        let read = read(part.as_str());
        let before = &bare[..whole.start()];
        let names = read.contains('!')
            && !leads_to_a_server(&read)
            && (is_address
                || is_imported(before)
                || (!is_text_only(&bare[..=whole.start()])
                    && (is_path(&read) || (computes && may_be_part(&read) && !is_label(before)))));
        names.then(|| {
            let line = bare[..part.start()].matches('\n').count();
            finding(to, line as u64 + 1, text.lines().nth(line).unwrap_or_default(), &read)
        })
    })
}

/// As the bundler reads it: without quotes, escapes and broken lines.
fn read(part: &str) -> String {
    let inner = part.trim().trim_matches(['"', '\'']);
    let joined = ["\\\r\n", "\\\n", "\\\r", "\\\u{c}"].iter().fold(inner.to_owned(), |text, end| text.replace(end, ""));
    percent_decoded(&unescaped(&joined))
}

/// An address with a scheme is no file, and css-loader leaves it alone.
fn leads_to_a_server(address: &str) -> bool {
    pattern!(SCHEME, r"(?i)^(?:data|https?|blob|about):|^//|^#[^{]");
    SCHEME.is_match(address)
}

fn is_imported(before: &str) -> bool {
    pattern!(IMPORT, r"(?is)(?:@import[^;{}]*|@(?:use|forward)\s+|\bfrom\s*|image-set\([^)]*)$");
    IMPORT.is_match(before)
}

/// A text that may be put together with others to an address.
fn may_be_part(text: &str) -> bool {
    !text.contains(char::is_whitespace) && !text.eq_ignore_ascii_case("!important")
}

/// Whether what follows `before` is meant to be read by people.
fn is_label(before: &str) -> bool {
    pattern!(LABEL, r"(?i)(?:^|[;{}])\s*(?:@(?:warn|error|debug)\b|(?:--[\w-]+|font|font-family)\s*:)[^;{}]*$");
    LABEL.is_match(before)
}

/// What follows the last mark names a file.
fn is_path(text: &str) -> bool {
    let after = text.rsplit('!').next().unwrap_or_default().trim_end_matches(['"', '\'', ')', ' ']);
    after.contains(['/', '.']) && after.contains(char::is_alphanumeric) && !after.contains(char::is_whitespace)
}

fn finding(to: &Path, line: u64, text: &str, address: &str) -> Finding {
    let shown: String = address.chars().take(120).collect();
    Finding::fatal("change-names-a-loader", format!("{} names a loader in an address: {shown}", to.display()))
        .at_line(to, line, text.trim())
        .meaning(
            "webpack runs what stands before an exclamation mark as a program, with all the rights of the build: a theme could \
             change Mastodon's own scripts with it.",
        )
        .help("Give the file a name without an exclamation mark. If you do not know why it is in there, do not trust this theme.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> bool {
        named(Path::new("app/javascript/styles/x.scss"), text).is_some()
    }

    #[test]
    fn a_loader_is_seen_however_it_is_written() {
        for text in [
            r#".a{b:url("!!./x/part.scss!./x/a.png")}"#,
            ".a{b:url(!!./x/part.scss!./x/a.png)}",
            ".a{b:URL( '-!babel-loader?{}!./a.png' )}",
            r#"@import url("!!./part.scss!./a.css");"#,
            r#"@import "a", "!!./part.scss!./a.css";"#,
            ".a{b:image-set('!!./p.scss!./a.png' 1x)}",
            ".a{composes: b from '!!./p.scss!./a.css'}",
            ":import('!!./p.scss!./a.css'){a:b}",
            r#".a{b:url("\21\21./part.scss\21./a.png")}"#,
            ".a{b:url(%21%21./part.scss%21./a.png)}",
            ".a{b:url(\"!\\\n!./part.scss!./a.png\")}",
            r#"$x: "!!./part.scss!./a.png"; .a{b:url($x)}"#,
            r#"$x: "!"; .a{b:url("./part.scss#{$x}./a.png")}"#,
            r##".a{b:url("#{"!"}./part.scss#{"!"}./a.png")}"##,
            r#"$u: 'url( "!!./part.scss!./a.png" )'; .a{b:unquote($u)}"#,
            r#"$x: '!!babel-loader?{"a": "b"}!./a.png'; .a{b:url($x)}"#,
            r".a\'{b:url('!!./part.scss!./a.png')}",
            "$m: (a: b,\n content: '!!./p.scss!./a.png'); .a{b:url(map-get($m, content))}",
            ":import(!!./p.scss!./a.css){a:b}",
            ".a{b:url(\"!\\\u{c}!./part.scss!./a.png\")}",
            r#":root{--x:"!!./p.scss!./a.png"} .a{b:image-set(var(--x) 1x) url($y)}"#,
        ] {
            assert!(names(text), "{text}");
        }
    }

    #[test]
    fn an_exclamation_mark_elsewhere_is_none() {
        for text in [
            ".a{color:red !important} $x: 1px !default;",
            ".a::after{content:'Hello!'} .b::after{content:\"!./a.b\"}",
            ".a[title='wow!/x']{b:c}",
            r#".a{b:url("data:image/svg+xml,%3C!DOCTYPE svg%3E%3C!-- x.y/ --%3E")}"#,
            r"@import url(https://example.com/a!b.css); .c{d:url(//example.com/!x.png)}",
            "$a: 1; @warn 'Set $a!'; .b{--label:'New!'; c:url('a.png') !important}",
            "/* url('!!./a.scss!./b.png') */ .a{b:c} // url(!!./a!./b)",
            ".a{b:url('#{$path}/x.png') !important; @include m($x...)}",
            "$i: if($x, '!important', ''); .a{b:url('#{$p}/x.png')}",
            ".a::after{content: attr(x) '!' \"!!\"; b:url('#{$p}/x.png')} .c{quotes:'!' '!'}",
            ".a::after{content: if($x, 'yes!', 'no!'); b:url('#{$p}/x.png')} .c{font-family:'Yahoo!'; --d:'New!'}",
            "@warn 'Bad!'; .b{c:url('#{$p}/x.png')}",
            "@use 'a' with ($greeting: 'Hello!');",
            r".a\:content-\[\'\'\]{d:e}.f{g:h!important}.i{j:url('a.png')}",
        ] {
            assert!(!names(text), "{text}");
        }
    }
}
