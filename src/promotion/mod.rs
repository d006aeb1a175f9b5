//! Makes what passed the gate live, all of it or nothing, and brings it back.
//!
//! Nothing else in themegate writes to the live tree. This module knows no compilers, rules or verdicts: it takes a
//! [`Promotable`], which only an outcome that passed turns into.

pub mod aftercare;
pub mod disk;
pub mod edits;
pub mod exchange;
pub mod facts;
mod fingerprints;
pub mod freeze;
pub mod generations;
pub mod ground;
pub mod journal;
mod past;
pub mod plan;
pub mod probe;
pub mod promotable;
pub mod promote;
pub mod recovery;
pub mod restart;
pub mod retention;
mod soundness;
pub mod state;
pub mod survey;
pub mod switch;

use std::path::PathBuf;

pub use fingerprints::Fingerprints;
pub use promotable::{Passed, Promotable};
pub use promote::{Terms, promote, refuse_now, rollback, withdraw};
pub use state::StateFolder;
pub use switch::recover;

/// Why a promotion, rollback or withdrawal did not happen.
#[derive(Debug, thiserror::Error)]
pub enum PromotionError {
    /// The site is frozen.
    #[error("the site is frozen until the end of {}: {}. Nothing was changed. `--despite-freeze REASON` goes ahead all the \
             same and is recorded; `themegate unfreeze` lifts it", .0.until, .0.reason)]
    Frozen(freeze::Freeze),
    /// Somebody changed the live tree since the check.
    #[error("the live tree has changed since it was looked at: {}. themegate changed nothing.{} Run it again: the change is \
             then judged together with what is there now", names(changed), edits.as_deref().map(shown).unwrap_or_default())]
    LiveMoved {
        /// What changed or vanished.
        changed: Vec<PathBuf>,
        /// What somebody changed in the registry, line by line.
        edits: Option<String>,
    },
    /// Somebody changed the staged tree since the check.
    #[error("the staged tree {} is not what was checked any more: {}. Nothing was changed. Run `themegate check` again",
            staged.display(), names(changed))]
    StagedMoved {
        /// The staged tree.
        staged: PathBuf,
        /// What changed or vanished.
        changed: Vec<PathBuf>,
    },
    /// Somebody edited files since the switch that a rollback would undo.
    #[error("these files were edited since: {}. Nothing was changed. `--discard-edits` rolls them back too; what they \
             hold now is kept as a generation", names(.0))]
    EditedSince(Vec<PathBuf>),
    /// The ground does not bear it.
    #[error("{0}.\nNothing was changed.")]
    Refused(#[from] ground::Refusal),
    /// A generation that cannot be used.
    #[error(transparent)]
    Generation(#[from] generations::GenerationError),
    /// The switch itself.
    #[error(transparent)]
    Switch(#[from] switch::SwitchError),
}

impl PromotionError {
    /// The process exit code that stands for it: 1 frozen, 4 the live tree is as it was, 5 run `recover`.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Frozen(_) => 1,
            Self::Switch(switch::SwitchError::Pending { .. } | switch::SwitchError::Unfinished { .. }) => 5,
            _ => 4,
        }
    }
}

fn shown(edits: &str) -> String {
    format!("\nWhat changed in the theme registry (- gone, + new):\n{edits}")
}

/// A list of names, cut where it would fill the screen.
fn names(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = paths.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
