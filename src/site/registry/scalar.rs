//! How Ruby reads a plain (unquoted) YAML value: as text, or as something else.
//!
//! Source: `Psych::ScalarScanner#tokenize` of psych 4.0 and 5.2 (YAML 1.1). js-yaml differs, and its verdict is never the
//! one that the settings page shows.

use std::sync::LazyLock;

use regex::Regex;

/// Everything that Psych turns into a time, a date, a number, a symbol, a truth value or nothing.
static NOT_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    let shapes = [
        r"~|(?i:null|yes|true|on|no|false|off)",
        r"-?\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|\s+)\d{1,2}:\d\d:\d\d(?:\.\d*)?(?:\s*(?:Z|[-+]\d{1,2}:?(?:\d\d)?))?",
        r"\d{4}-(?:1[012]|0\d|\d)-(?:[12]\d|3[01]|0\d|\d)",
        r"[-+]?\.(?i:inf)|\.(?i:nan)",
        r":(?su:.)+",
        r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9]){1,2}(?:\.[0-9_]*)?",
        r"[-+]?(?:[0-9][0-9_,]*\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?",
        r"[-+]?0b[01_,]+|[-+]?0x[0-9a-fA-F_,]+|[-+]?0[0-7_,]+|[-+]?(?:0|[1-9](?:[0-9]|,[0-9]|_[0-9])*)",
    ];
    // Psych's own patterns know ASCII's digits and spaces alone.
    Regex::new(&format!("^(?-u:{})$", shapes.join("|"))).expect("the pattern is a constant and compiles")
});

/// Whether Ruby reads the plain value as text.
pub(crate) fn is_text(plain: &str) -> bool {
    !plain.is_empty() && !NOT_TEXT.is_match(plain)
}

#[cfg(test)]
mod tests {
    use super::is_text;

    #[test]
    fn what_ruby_takes_for_something_else_is_not_text() {
        // Checked against psych 4.0.4: `YAML.load("#{value}: x").keys.first.is_a?(String)` is false for each.
        for value in [
            "on",
            "No",
            "TRUE",
            "null",
            "~",
            "1",
            "1_000",
            "0x1f",
            "017",
            "1.5",
            "1,5.2",
            "2024-01-02",
            "12:30",
            ":blue",
            ".inf",
            "-.INF",
            ".nan",
            "+12",
            "0b11",
            "1.",
            "1.5e+3",
            "2024-01-02 10:00:00",
        ] {
            assert!(!is_text(value), "{value}");
        }
    }

    #[test]
    fn ordinary_names_are_text() {
        for value in
            ["default", "mastodon-light", "y", "n", "one", "2k-theme", "on-air", "1.5.2", "e3", "0x", "08", "-", "."]
        {
            assert!(is_text(value), "{value}");
        }
    }
}
