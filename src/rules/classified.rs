//! What is asked of a log, and what it says. It must not know how it is read.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::finding::Finding;

/// How a log is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Report every line that no rule knows, not only those that look like trouble.
    pub strict: bool,
}

/// What a log says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Classified {
    /// The worst first, then in the order of the log.
    pub findings: Vec<Finding>,
    /// Lines read.
    pub lines: u64,
    /// Lines known to say nothing: progress, tables, lists, blank lines.
    pub neutral: u64,
    /// Lines that belong to a finding.
    pub evidence: u64,
    /// Lines that no rule knows.
    pub unaccounted: u64,
    /// How many lines each rule recognised, by id.
    pub rules: BTreeMap<String, u64>,
}
