//! One switch of the live tree from beginning to end, and the recovery of one that was interrupted.
//!
//! ```text
//! intent (journal)  ->  new content beside the old, old content saved, all synced  ->  prepared (journal)
//!                   ->  the steps in the plan's order  ->  done (journal)  ->  clear away, generation in place
//! ```
//! A failure on the way is undone at once where that can be; a kill is dealt with by [`recover`], which asks
//! [`recovery::decide`](super::recovery::decide).

mod clearing;
mod making;
mod preparing;
mod taking_back;

use std::path::PathBuf;

use super::disk::{Disk, DiskError};
use super::exchange::{self, StepError};
use super::generations::{self, Generation};
use super::journal::{Journal, JournalError, Record};
use super::plan::{Role, Step};
use super::recovery::{Decision, Holds, Seen, decide};
use super::retention::Ledger;
use super::state::StateFolder;

/// Why a switch did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// Nothing was changed, or all of it was changed back.
    #[error("{cause}\nThe live tree is as it was{}.", if *added_stay { ", but for added files that no manifest names" } else { "" })]
    Restored {
        /// What went wrong.
        cause: Box<SwitchFailure>,
        /// Whether files under new names were left in place.
        added_stay: bool,
    },
    /// The switch is unfinished, and its journal says how far it came.
    #[error("{cause}\nThe switch is unfinished: {standing}. Mend the cause, then run `themegate recover`")]
    Unfinished {
        /// What went wrong first.
        cause: Box<SwitchFailure>,
        /// What stands now, or what kept it from being undone.
        standing: String,
    },
    /// An earlier switch is unfinished.
    #[error("the {kind} {id} was interrupted. Run `themegate recover` first")]
    Pending {
        /// The word for what it was.
        kind: &'static str,
        /// Its name.
        id: String,
    },
}

/// What can go wrong within a switch.
#[derive(Debug, thiserror::Error)]
pub enum SwitchFailure {
    /// In a step.
    #[error(transparent)]
    Step(#[from] StepError),
    /// In the journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// On the disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Recovery found files that are neither what they were nor what they were to become.
    #[error("these files were edited after the {kind} {id} was interrupted: {}. Save your edit elsewhere, put back either the old \
             file (under {}) or the new one (under its temporary name beside it), and run `themegate recover` again",
            paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "), saved.display())]
    Stuck {
        /// The word for what was interrupted.
        kind: &'static str,
        /// Its name.
        id: String,
        /// The files.
        paths: Vec<PathBuf>,
        /// Where the old contents are kept.
        saved: PathBuf,
    },
}

impl From<DiskError> for SwitchError {
    fn from(cause: DiskError) -> Self {
        Self::untouched(cause)
    }
}

impl SwitchError {
    /// A failure before anything was changed.
    pub(crate) fn untouched(cause: impl Into<SwitchFailure>) -> Self {
        Self::Restored { cause: Box::new(cause.into()), added_stay: false }
    }
}

/// Which tree stands after a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// The tree as it was before the switch.
    Old,
    /// The tree as the switch meant it to be.
    New,
}

/// What a recovery did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The switch that was interrupted.
    pub generation: Generation,
    /// Which tree stands.
    pub stands: Stands,
    /// True if added files were left in place though the old tree stands.
    pub added_stay: bool,
}

/// A switch at work.
struct Switch<'a> {
    disk: &'a Disk,
    state: &'a StateFolder,
    journal: Journal,
    /// Written while it is prepared; a recovery finds it there.
    ledger: Ledger,
}

/// Carries out a switch: all of it, or nothing. `ledger` is kept beside its generation.
///
/// # Errors
/// See [`SwitchError`].
pub fn carry_out(disk: &Disk, state: &StateFolder, intent: Generation, ledger: Ledger) -> Result<(), SwitchError> {
    refuse_pending(state)?;
    let journal = match Journal::begin(disk, &state.journal(), intent) {
        Ok(journal) => journal,
        Err(cause @ JournalError::StillThere(_)) => return Err(unfinished(cause.into(), "the old tree is live")),
        Err(cause) => return Err(SwitchError::untouched(cause)),
    };
    let mut switch = Switch { disk, state, journal, ledger };
    let result = switch.prepare().and_then(|()| switch.make_all());
    match result {
        Ok(()) => switch.clear(Stands::New).map_err(|cause| unfinished(cause, "the new tree is live")),
        Err(cause) => Err(switch.give_up(cause)),
    }
}

/// Refuses if an earlier switch is unfinished.
///
/// # Errors
/// [`SwitchError::Pending`], or a journal that cannot be read.
pub fn refuse_pending(state: &StateFolder) -> Result<(), SwitchError> {
    let pending = Journal::pending(&state.journal()).map_err(SwitchError::untouched)?;
    pending.first().map_or(Ok(()), |journal| {
        Err(SwitchError::Pending { kind: journal.intent.kind.word(), id: journal.intent.id.clone() })
    })
}

/// Finishes or undoes whatever was interrupted. Nothing to do is a success.
///
/// # Errors
/// A damaged journal, files edited since, or a disk that refuses. It can be run again afterwards.
pub fn recover(disk: &Disk, state: &StateFolder) -> Result<Vec<Recovered>, SwitchFailure> {
    let journals = Journal::pending(&state.journal())?;
    Journal::clear_drafts(disk, &state.journal())?;
    let resume = |journal| Switch { disk, state, journal, ledger: Ledger::default() };
    journals.into_iter().rev().map(|journal| resume(journal).recover()).collect()
}

fn unfinished(cause: SwitchFailure, standing: impl Into<String>) -> SwitchError {
    SwitchError::Unfinished { cause: Box::new(cause), standing: standing.into() }
}

impl Switch<'_> {
    fn steps(&self) -> &[Step] {
        &self.journal.intent.plan.steps
    }

    fn partial(&self) -> PathBuf {
        generations::partial_of(&self.state.generations(), &self.journal.intent.id)
    }

    fn saved(&self, step: &Step) -> PathBuf {
        generations::saved(&self.partial(), &step.name)
    }

    fn seen(&self) -> Result<Vec<Seen>, DiskError> {
        self.steps().iter().map(|step| exchange::look(step, &self.saved(step))).collect()
    }

    /// After a failure: undoes what was done, and says what stands.
    fn give_up(mut self, cause: SwitchFailure) -> SwitchError {
        match self.restore() {
            Ok(added_stay) => SwitchError::Restored { cause: Box::new(cause), added_stay },
            Err(restoring) => unfinished(cause, format!("undoing it failed ({restoring})")),
        }
    }

    fn restore(&mut self) -> Result<bool, SwitchFailure> {
        if !self.journal.progress.contains(&Record::Prepared) {
            self.clear(Stands::Old)?;
            return Ok(false);
        }
        let seen = self.seen()?;
        let known = self.steps().iter().zip(&seen).any(|(s, seen)| s.role == Role::Manifest && seen.path == Holds::New);
        self.take_back(known, &seen)?;
        self.clear(Stands::Old)?;
        Ok(known)
    }

    fn recover(mut self) -> Result<Recovered, SwitchFailure> {
        let seen = self.seen()?;
        let decision = decide(&self.journal.progress, self.steps(), &seen);
        let (stands, added_stay) = match decision {
            Decision::Finish => {
                self.make_all()?;
                (Stands::New, false)
            }
            Decision::TakeBack { keep_added } => {
                self.take_back(keep_added, &seen)?;
                (Stands::Old, keep_added)
            }
            Decision::ClearDone => (Stands::New, false),
            Decision::ClearUndone => {
                (Stands::Old, self.journal.progress.contains(&Record::TakingBack { keep_added: true }))
            }
            Decision::Stuck(which) => return Err(self.stuck(&which)),
        };
        let generation = self.journal.intent.clone();
        self.clear(stands)?;
        Ok(Recovered { generation, stands, added_stay })
    }

    fn stuck(&self, which: &[usize]) -> SwitchFailure {
        SwitchFailure::Stuck {
            kind: self.journal.intent.kind.word(),
            id: self.journal.intent.id.clone(),
            paths: which.iter().map(|&n| self.steps()[n].path.clone()).collect(),
            saved: self.partial().join("files"),
        }
    }
}
