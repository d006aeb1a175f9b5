//! What a switch of the live tree came to, in figures: for the report, and kept beside its generation.

use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aftercare::Outcome;
use super::generations::{self, Generation, Kind};
use crate::site::owner;

/// A switch of the live tree in figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SwitchFacts {
    /// The generation that keeps what was replaced.
    pub generation: String,
    /// What it was for.
    pub kind: Kind,
    /// How many files of the live tree were added, replaced or removed.
    pub files: usize,
    /// How many bytes of new content were written into the live tree.
    pub bytes_written: u64,
    /// How many bytes of replaced content are kept.
    pub bytes_kept: u64,
    /// How many old compiled files, which nothing has needed for long, were removed.
    #[serde(default, skip_serializing_if = "is_none_of_it")]
    pub old_files_removed: usize,
    /// How long the switch took, in seconds, without the restart.
    pub seconds: f64,
    /// The reason given for a promotion in spite of a freeze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub despite_freeze: Option<String>,
    /// What came after it.
    pub aftermath: Aftermath,
    /// What was wrong with the restart or the pages, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// What came after a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Aftermath {
    /// Nobody asked for a restart: Mastodon goes on with what it read when it started.
    NotRestarted,
    /// Mastodon was restarted; no page was asked for.
    Restarted,
    /// Mastodon was restarted, and the pages asked for carry the stylesheets of the new tree.
    Proven,
    /// The restart or a page failed, and the switch was rolled back.
    RolledBack,
    /// The restart or a page failed, and the switch stands.
    Failed,
}

impl Aftermath {
    /// As a sentence goes on after "Mastodon was".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotRestarted => "not restarted",
            Self::Restarted => "restarted; no page was asked for",
            Self::Proven => "restarted; the pages asked for carry the right stylesheets",
            Self::RolledBack => "restarted in vain, so the switch was rolled back",
            Self::Failed => "not restarted, or its pages are not right",
        }
    }
}

impl SwitchFacts {
    /// The figures of a switch that took `seconds`, nothing done after it yet.
    #[must_use]
    pub fn of(done: &Generation, seconds: f64) -> Self {
        Self {
            generation: done.id.clone(),
            kind: done.kind,
            files: done.plan.steps.len(),
            bytes_written: done.plan.new_bytes(),
            bytes_kept: done.plan.old_bytes(),
            old_files_removed: done.plan.old_files_removed().0,
            seconds,
            despite_freeze: done.despite_freeze.clone(),
            aftermath: Aftermath::NotRestarted,
            faults: Vec::new(),
        }
    }

    /// The same with what came after.
    #[must_use]
    pub fn followed_by(self, outcome: &Outcome) -> Self {
        let (aftermath, faults) = match outcome {
            Outcome::NotAsked => (Aftermath::NotRestarted, Vec::new()),
            Outcome::Restarted => (Aftermath::Restarted, Vec::new()),
            Outcome::Proven(tolerated) => (Aftermath::Proven, tolerated.clone()),
        };
        Self { aftermath, faults, ..self }
    }

    /// The same with what went wrong afterwards.
    #[must_use]
    pub fn failed(self, aftermath: Aftermath, fault: String) -> Self {
        Self { aftermath, faults: vec![fault], ..self }
    }

    /// Keeps the figures beside the generation, for `show` and `history`. Nothing depends on them: they are not synced, and
    /// failing to write them fails nothing.
    pub fn keep(&self, generations: &Path) {
        let folder = generations::folder_of(generations, &self.generation);
        let draft = folder.join(".facts.draft");
        let written = serde_json::to_vec_pretty(self).map_err(std::io::Error::from);
        let written = written.and_then(|text| fs::write(&draft, text)).and_then(|()| owner::hand_over_path(&draft));
        let _ = written.and_then(|()| fs::rename(&draft, path(&folder)));
    }

    /// Reads what was kept, if it was.
    #[must_use]
    pub fn read(generations: &Path, id: &str) -> Option<Self> {
        let bytes = fs::read(path(&generations::folder_of(generations, id))).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_none_of_it(count: &usize) -> bool {
    *count == 0
}

fn path(folder: &Path) -> std::path::PathBuf {
    folder.join("facts.json")
}
