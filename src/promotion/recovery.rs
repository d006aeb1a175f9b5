//! What to do about a switch that was interrupted: a pure decision from the journal and from what lies on the disk.
//!
//! As long as only files under new names were added, nobody can know of them, and they are taken away again: the old tree.
//! From the first replaced file on, a running worker or a browser may already have seen the new one: it is finished, and
//! the new tree stands. Both are made of renames alone, since all content was written and synced beforehand. Deciding again
//! after a second interruption gives the same answer.

use super::journal::Record;
use super::plan::{Role, Step};

/// What a step's path holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// What it held before the step.
    Old,
    /// What it holds after the step.
    New,
    /// Something else: somebody has edited it since.
    Other,
}

/// What was found on the disk for one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What its path holds.
    pub path: Holds,
    /// The new content can be had: it waits under the temporary name, or its origin still has it, or it is absence.
    pub new_at_hand: bool,
    /// The old content can be had: from the temporary name or the generation, or it is absence.
    pub old_at_hand: bool,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Carry out the steps that are left: the new tree.
    Finish,
    /// Undo the steps that were made: the old tree.
    TakeBack {
        /// Leave added files in place: somebody may have read a manifest that names them.
        keep_added: bool,
    },
    /// The new tree stands; clear away what is left of the switch.
    ClearDone,
    /// The old tree stands; clear away what is left of the switch.
    ClearUndone,
    /// Neither tree can be had without losing something. The steps, by index, where that is so.
    Stuck(Vec<usize>),
}

/// Decides. `seen` has one entry per step, in the same order.
#[must_use]
pub fn decide(progress: &[Record], steps: &[Step], seen: &[Seen]) -> Decision {
    match progress.last() {
        Some(Record::Done) => return Decision::ClearDone,
        Some(Record::Undone) => return Decision::ClearUndone,
        Some(Record::TakingBack { keep_added }) => return take_back(*keep_added, steps, seen),
        _ => {}
    }
    let visible = steps.iter().zip(seen).any(|(step, seen)| step.role != Role::Asset && seen.path == Holds::New);
    match (progress.contains(&Record::Prepared), visible) {
        (false, false) => Decision::ClearUndone,
        (true, false) if steps.iter().all(|step| step.role == Role::Asset) => finish_or_back(steps, seen),
        (true, false) => Decision::TakeBack { keep_added: false },
        (_, true) => finish_or_back(steps, seen),
    }
}

fn finish_or_back(steps: &[Step], seen: &[Seen]) -> Decision {
    let edited = which(seen, |seen| seen.path == Holds::Other);
    if !edited.is_empty() {
        return Decision::Stuck(edited);
    }
    if which(seen, |seen| seen.path == Holds::Old && !seen.new_at_hand).is_empty() {
        return Decision::Finish;
    }
    let known = steps.iter().zip(seen).any(|(step, seen)| step.role == Role::Manifest && seen.path == Holds::New);
    take_back(known, steps, seen)
}

/// An edited path is left as it is: what stands there is newer than either content.
fn take_back(keep_added: bool, steps: &[Step], seen: &[Seen]) -> Decision {
    debug_assert_eq!(steps.len(), seen.len(), "one observation per step");
    let lost = which(seen, |seen| seen.path == Holds::New && !seen.old_at_hand);
    if lost.is_empty() { Decision::TakeBack { keep_added } } else { Decision::Stuck(lost) }
}

fn which(seen: &[Seen], is: impl Fn(&Seen) -> bool) -> Vec<usize> {
    seen.iter().enumerate().filter(|(_, seen)| is(seen)).map(|(n, _)| n).collect()
}
