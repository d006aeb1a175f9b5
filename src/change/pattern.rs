//! The regular expressions of this room: constants, each compiled when it is first asked.

/// A regular expression that is compiled when it is first asked.
macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: std::sync::LazyLock<regex::Regex> =
            std::sync::LazyLock::new(|| regex::Regex::new($text).expect("the pattern is a constant and compiles"));
    };
}
