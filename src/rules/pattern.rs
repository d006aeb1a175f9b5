//! A regular expression that is compiled when it is first asked: most rules never are.

use std::sync::OnceLock;

use regex::{Captures, Regex};

use super::literals::required;

/// What no line is.
const NOTHING: &str = r"[^\s\S]";

/// A pattern of a rule. Its grammar was checked when the rule was read.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    /// Texts of which every match contains one; none if there are none to rely on.
    required: Option<Vec<String>>,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    /// Checks the grammar of a pattern.
    ///
    /// # Errors
    /// It is no regular expression.
    pub(crate) fn parse(text: &str) -> Result<Self, Box<regex_syntax::Error>> {
        let grammar = regex_syntax::parse(text)?;
        Ok(Self { text: text.to_owned(), required: required(&grammar), compiled: OnceLock::new() })
    }

    /// A pattern that matches nothing.
    pub(crate) fn nothing() -> Self {
        Self { text: NOTHING.to_owned(), required: None, compiled: OnceLock::new() }
    }

    /// Texts in lower case of which every match contains one, as [`required`] has them.
    pub(crate) fn required(&self) -> Option<&[String]> {
        self.required.as_deref()
    }

    /// As it stands in the rule file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_match(&self, line: &str) -> bool {
        self.regex().is_match(line)
    }

    /// True if it matches the beginning of the line.
    pub(crate) fn begins(&self, line: &str) -> bool {
        self.regex().find(line).is_some_and(|found| found.start() == 0)
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
            Regex::new(&self.text).unwrap_or_else(|_| Regex::new(NOTHING).expect("a pattern that matches nothing"))
        })
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}
