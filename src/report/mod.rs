//! What a check says of itself: one record, several readers. One file per format.

pub mod diagnosis;
mod figures;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod people;
mod rehearsed;
mod rows;
pub mod sarif;
pub mod text;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::invariant::InvariantResult;
use crate::manifest::diff::ManifestDiff;
use crate::promotion::facts::SwitchFacts;
use crate::site::{Fork, Toolchain};
use crate::verdict::Verdict;

/// The version of the report's shape. Raised when a reader of the old shape would misread the new one.
pub const SCHEMA_VERSION: u32 = 1;

/// The whole report of one check.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this shape.
    pub schema_version: u32,
    /// The run's name: when it began, `YYYY-MM-DDTHH-MM-SS`.
    pub run: String,
    /// What the gate says.
    pub verdict: Verdict,
    /// True if `promote --run` accepts this run.
    #[serde(default)]
    pub promotable: bool,
    /// The earlier run whose answer this is, if nothing was built because nothing had changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_from: Option<String>,
    /// Themes that the change brings or touches.
    pub themes: Vec<String>,
    /// The live tree.
    pub site: SiteFacts,
    /// What was proposed.
    pub change: ChangeFacts,
    /// What became of the site's own themes, in a rehearsal of an upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsed>,
    /// The staged tree, if there was one.
    pub staging: Option<StagingFacts>,
    /// The build, if there was one.
    pub precompile: Option<PrecompileFacts>,
    /// Set where only the stylesheets were looked at (`--fast`): then a pass means that no fault was found yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast: Option<FastFacts>,
    /// The build log, classified, if there was a build.
    pub log: Option<LogFacts>,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// What the build changed in the manifests, if it wrote any.
    pub manifest_diff: Option<ManifestDiff>,
    /// What was checked on the compiled tree.
    pub invariants: Vec<InvariantResult>,
    /// How many people use each theme that will be offered; none where nobody asked.
    #[serde(default)]
    pub people: Option<people::PeopleFacts>,
    /// Seconds by stage, in order.
    pub timings: Vec<Timing>,
    /// What made it live, if it was promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<SwitchFacts>,
}

/// The live tree.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SiteFacts {
    /// The live tree, links resolved.
    pub live: PathBuf,
    /// Like `Mastodon 4.1.6`.
    pub title: String,
    /// Mastodon or glitch-soc.
    pub fork: Fork,
    /// What compiles the assets.
    pub toolchain: Toolchain,
}

/// What was proposed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ChangeFacts {
    /// In words: the folders, or "the live tree as it is".
    pub source: String,
    /// How many files it brings.
    pub files: usize,
    /// How many files it removes.
    #[serde(default)]
    pub removed: usize,
    /// Set where a promotion cannot bring it: the command that does, or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_live: Option<String>,
    /// What tells git of it after a promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub afterwards: Option<String>,
    /// What it left out, with the reason.
    pub left_out: Vec<LeftOutFact>,
}

/// A file of the change that is not deployed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LeftOutFact {
    /// Relative to the theme folder.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

/// A rehearsal of an upgrade.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Rehearsed {
    /// The commit that was rehearsed.
    pub tag: String,
    /// The site's own themes, by name.
    pub themes: Vec<RehearsedTheme>,
}

/// One theme in a rehearsal.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RehearsedTheme {
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub outcome: ThemeOutcome,
    /// How many people see it now; none if that is not known.
    pub people: Option<u64>,
}

/// What becomes of a theme with an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThemeOutcome {
    /// It compiles, and every invariant holds.
    Works,
    /// It breaks the build or itself.
    Breaks,
    /// Nobody could say.
    Unknown,
}

/// The staged tree.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StagingFacts {
    /// How it was staged.
    pub method: String,
    /// What the build could see and reach, in words.
    #[serde(default)]
    pub isolation: String,
    /// Why better ways to stage or to isolate were passed over.
    #[serde(default)]
    pub passed_over: Vec<String>,
    /// How many files.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
    /// How many files of compile caches came from an earlier check.
    #[serde(default)]
    pub cached_files: u64,
    /// Where it was kept, with `--keep-stage`.
    pub kept: Option<PathBuf>,
}

/// The build.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PrecompileFacts {
    /// What was run.
    pub command: String,
    /// How it ended, in words.
    pub end: String,
    /// Its exit code, if it exited.
    pub exit: Option<i32>,
    /// True for the builtin compiler.
    pub builtin: bool,
    /// The most memory that its processes were seen to hold together, in bytes.
    #[serde(default)]
    pub peak_memory: u64,
    /// Bytes in its output folders afterwards.
    #[serde(default)]
    pub output_bytes: u64,
    /// Whether the bundler was heard directly, past what Rails swallows.
    pub heard: bool,
}

/// A look at the stylesheets alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct FastFacts {
    /// The stylesheets that were looked at, relative to the live tree.
    pub sheets: Vec<PathBuf>,
    /// What this look cannot judge, and leaves to the whole check.
    pub left: Vec<String>,
}

/// The build log, classified.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct LogFacts {
    /// Lines in all.
    pub lines: u64,
    /// Lines that a rule knows as saying nothing.
    pub neutral: u64,
    /// Lines that belong to a finding.
    pub evidence: u64,
    /// Lines that no rule knows and that do not look like trouble.
    pub unaccounted: u64,
}

/// How long a stage took.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// The stage's word.
    pub stage: String,
    /// Seconds.
    pub seconds: f64,
}
