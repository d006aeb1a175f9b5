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
        (true, false) => take_back(false, steps, seen),
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn step(role: Role) -> Step {
        let (name, path, temporary) = (PathBuf::from("n"), PathBuf::from("/n"), PathBuf::from("/t"));
        Step { name, path, temporary, role, before: None, after: None, origin: None }
    }

    fn steps() -> Vec<Step> {
        [Role::Asset, Role::Fixed, Role::Manifest, Role::Registry].map(step).to_vec()
    }

    const fn seen(path: Holds) -> Seen {
        Seen { path, new_at_hand: true, old_at_hand: true }
    }

    const OLD: Seen = seen(Holds::Old);
    const NEW: Seen = seen(Holds::New);
    const OTHER: Seen = seen(Holds::Other);

    #[test]
    fn an_intent_alone_is_dropped() {
        assert_eq!(decide(&[], &steps(), &[OLD; 4]), Decision::ClearUndone);
    }

    #[test]
    fn files_that_nobody_knows_of_are_taken_away_again() {
        let decision = decide(&[Record::Prepared], &steps(), &[NEW, OLD, OLD, OLD]);
        assert_eq!(decision, Decision::TakeBack { keep_added: false });
    }

    #[test]
    fn from_the_first_replaced_file_on_the_switch_is_finished() {
        for made in 2..=4 {
            let seen: Vec<Seen> = (0..4).map(|n| if n < made { NEW } else { OLD }).collect();
            assert_eq!(decide(&[Record::Prepared], &steps(), &seen), Decision::Finish, "{made} made");
        }
    }

    #[test]
    fn what_cannot_be_finished_is_taken_back_and_keeps_what_a_manifest_named() {
        let lost = Seen { new_at_hand: false, ..OLD };
        let before_the_manifest = decide(&[Record::Prepared], &steps(), &[NEW, NEW, lost, OLD]);
        assert_eq!(before_the_manifest, Decision::TakeBack { keep_added: false });
        let after_it = decide(&[Record::Prepared], &steps(), &[NEW, NEW, NEW, lost]);
        assert_eq!(after_it, Decision::TakeBack { keep_added: true });
    }

    #[test]
    fn an_edit_made_after_the_interruption_is_never_overwritten() {
        assert_eq!(decide(&[Record::Prepared], &steps(), &[NEW, NEW, NEW, OTHER]), Decision::Stuck(vec![3]));
        let undoing = [Record::Prepared, Record::TakingBack { keep_added: true }];
        assert_eq!(decide(&undoing, &steps(), &[NEW, NEW, OLD, OTHER]), Decision::TakeBack { keep_added: true });
    }

    #[test]
    fn whatever_is_on_the_disk_a_step_whose_content_is_lost_is_never_made_or_undone() {
        let records =
            [vec![], vec![Record::Prepared], vec![Record::Prepared, Record::TakingBack { keep_added: false }]];
        for (progress, code) in
            records.iter().flat_map(|progress| (0..12_usize.pow(4)).map(move |code| (progress, code)))
        {
            let seen: Vec<Seen> = (0..4).map(|n| any_seen(code / 12_usize.pow(n) % 12)).collect();
            match decide(progress, &steps(), &seen) {
                Decision::Finish => {
                    assert!(seen.iter().all(|s| s.path == Holds::New || s.path == Holds::Old && s.new_at_hand));
                }
                Decision::TakeBack { .. } => assert!(seen.iter().all(|s| s.path != Holds::New || s.old_at_hand)),
                Decision::ClearUndone => assert!(seen[1..].iter().all(|s| s.path != Holds::New)),
                Decision::ClearDone => panic!("nothing says that it is done"),
                Decision::Stuck(which) => assert!(!which.is_empty()),
            }
        }
    }

    fn any_seen(code: usize) -> Seen {
        let path = [Holds::Old, Holds::New, Holds::Other][code % 3];
        Seen { path, new_at_hand: code / 3 % 2 == 1, old_at_hand: code / 6 % 2 == 1 }
    }
}
