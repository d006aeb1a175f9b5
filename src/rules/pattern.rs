//! A regular expression that is compiled when it is first asked: most rules never are.

use std::sync::OnceLock;

use regex::{Captures, Regex};

/// A pattern of a rule. Its grammar was checked when the rule was read.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    /// A pattern that was parsed before.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            compiled: OnceLock::new(),
        }
    }

    /// As it stands in the rule file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_match(&self, line: &str) -> bool {
        self.regex().is_match(line)
    }

    pub(crate) fn captures<'l>(&self, line: &'l str) -> Option<Captures<'l>> {
        self.regex().captures(line)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.regex().capture_names().flatten()
    }

    /// A pattern too large to compile matches nothing; `rules test` tells it by its examples.
    fn regex(&self) -> &Regex {
        self.compiled.get_or_init(|| {
            Regex::new(&self.text).unwrap_or_else(|_| Regex::new(r"[^\s\S]").expect("a pattern that matches nothing"))
        })
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}
