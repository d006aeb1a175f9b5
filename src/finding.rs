//! What a check found: the one record that every stage produces and every report reads.
//!
//! It must not know the stages, the rules or the reports.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How grave a finding is by itself, before any acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Known and harmless: reported for completeness, never holds anything.
    Benign,
    /// A person has to look: holds the change until it is mended or acknowledged.
    Review,
    /// The site would be broken for somebody: blocks the change.
    Fatal,
}

impl Severity {
    /// The word used in reports and rule files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Benign => "benign",
            Self::Review => "review",
            Self::Fatal => "fatal",
        }
    }
}

/// Where a finding can be seen: a line of the build log, or a place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Evidence {
    /// A file of the site or of the change.
    File {
        /// Relative to the live tree or to the theme folder, whichever the reader can open.
        path: PathBuf,
        /// Counted from 1.
        #[serde(rename = "file_line", skip_serializing_if = "Option::is_none")]
        line: Option<u64>,
        /// What stands there.
        #[serde(rename = "file_excerpt", skip_serializing_if = "Option::is_none")]
        excerpt: Option<String>,
    },
    /// A line of the build log and those that belong to it.
    Log {
        /// Counted from 1.
        line: u64,
        /// The lines themselves, colour codes removed, at most a few.
        excerpt: String,
    },
}

/// Why somebody accepted a finding, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acknowledgement {
    /// The reason given.
    pub reason: String,
    /// The last day on which it counts, `YYYY-MM-DD`.
    pub expires: String,
}

/// Whether the untouched site already had a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Baseline {
    /// The change brought it.
    New,
    /// The untouched site has it too.
    Outstanding,
}

/// One thing that a check found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable name, in kebab case: a rule's id or an invariant's.
    pub id: String,
    /// How grave it is.
    pub severity: Severity,
    /// Who spoke: `webpack`, `sass`, `themegate`, ….
    pub tool: String,
    /// One sentence: what is wrong.
    pub message: String,
    /// Where it can be seen, the most useful place first.
    pub evidence: Vec<Evidence>,
    /// What it means for the people who use the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// What to do, or to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The exact commands that mend it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// The rule of a rule pack that recognised it, if one did.
    pub rule: Option<String>,
    /// Compared with the untouched site, where that was asked.
    pub baseline: Option<Baseline>,
    /// Set when the site's configuration accepts it.
    pub acknowledged: Option<Acknowledgement>,
    /// True if this keeps the gate from knowing (no memory, no disk, no tool): undecided, whatever else was seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inconclusive: bool,
}

impl Finding {
    /// A finding of the gate's own, without evidence yet.
    pub fn new(id: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            severity,
            tool: "themegate".to_owned(),
            message: message.into(),
            evidence: Vec::new(),
            meaning: None,
            help: None,
            commands: Vec::new(),
            rule: None,
            baseline: None,
            acknowledged: None,
            inconclusive: false,
        }
    }

    /// A fatal finding of the gate's own.
    pub fn fatal(id: &str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Fatal, message)
    }

    /// A finding of the gate's own that a person has to look at.
    pub fn review(id: &str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Review, message)
    }

    /// A harmless note of the gate's own.
    pub fn benign(id: &str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Benign, message)
    }

    /// Adds a file as evidence.
    #[must_use]
    pub fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.evidence.push(Evidence::File { path: legible(path.into()), line: None, excerpt: None });
        self
    }

    /// Adds a line of a file as evidence; `line` counts from 1.
    #[must_use]
    pub fn at_line(mut self, path: impl Into<PathBuf>, line: u64, excerpt: impl Into<String>) -> Self {
        self.evidence.push(Evidence::File {
            path: legible(path.into()),
            line: Some(line),
            excerpt: Some(excerpt.into()),
        });
        self
    }

    /// Adds a line of the build log as evidence; `line` counts from 1.
    #[must_use]
    pub fn in_log(mut self, line: u64, excerpt: impl Into<String>) -> Self {
        self.evidence.push(Evidence::Log { line, excerpt: excerpt.into() });
        self
    }

    /// Says what it means for the people who use the site.
    #[must_use]
    pub fn meaning(mut self, meaning: impl Into<String>) -> Self {
        self.meaning = Some(meaning.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a command that mends it, or a part of it; they are typed in this order.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }

    /// Marks it as a reason why the gate cannot know.
    #[must_use]
    pub fn inconclusive(mut self) -> Self {
        self.inconclusive = true;
        self
    }

    /// True unless it is benign, acknowledged, or a matter of review that the untouched site has too.
    ///
    /// A fatal finding of the untouched site still counts: nothing may go live on top of a build that fails.
    #[must_use]
    pub fn counts(&self) -> bool {
        let outstanding = self.severity == Severity::Review && self.baseline == Some(Baseline::Outstanding);
        self.severity > Severity::Benign && self.acknowledged.is_none() && !outstanding
    }
}

/// A report is text: of a name that is none, what cannot be written is replaced.
fn legible(path: PathBuf) -> PathBuf {
    path.into_os_string().into_string().unwrap_or_else(|name| name.to_string_lossy().into_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_name_that_is_no_text_can_be_reported() {
        let name = OsStr::from_bytes(b"app/caf\xe9.scss");
        let found = Finding::fatal("x", "x").at(name).at_line(name, 1, "x");
        let written = serde_json::to_string(&found).unwrap();
        assert_eq!(written.matches("app/caf\u{fffd}.scss").count(), 2, "{written}");
    }
}
