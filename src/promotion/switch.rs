//! One switch of the live tree from beginning to end, and the recovery of one that was interrupted.
//!
//! ```text
//! intent (journal)  ->  new content beside the old, old content saved, all synced  ->  prepared (journal)
//!                   ->  the steps in the plan's order  ->  done (journal)  ->  clear away, generation in place
//! ```
//! A failure on the way is undone at once where that can be; a kill is dealt with by [`recover`], which asks
//! [`recovery::decide`](super::recovery::decide).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::disk::{Disk, DiskError, failed};
use super::exchange::{self, StepError};
use super::generations::{self, Generation};
use super::journal::{Journal, JournalError, Record};
use super::plan::{Content, Group, Role, Step};
use super::recovery::{Decision, Holds, Seen, decide};
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
}

/// Carries out a switch: all of it, or nothing.
///
/// # Errors
/// See [`SwitchError`].
pub fn carry_out(disk: &Disk, state: &StateFolder, intent: Generation) -> Result<(), SwitchError> {
    refuse_pending(state)?;
    let journal = match Journal::begin(disk, &state.journal(), intent) {
        Ok(journal) => journal,
        Err(cause @ JournalError::StillThere(_)) => return Err(unfinished(cause.into(), "the old tree is live")),
        Err(cause) => return Err(SwitchError::untouched(cause)),
    };
    let mut switch = Switch { disk, state, journal };
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
    journals.into_iter().rev().map(|journal| Switch { disk, state, journal }.recover()).collect()
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

    /// Everything that can fail for want of space or permission happens here, before the live tree changes.
    fn prepare(&mut self) -> Result<(), SwitchFailure> {
        self.save()?;
        let plan = &self.journal.intent.plan;
        for folder in &plan.new_folders {
            self.disk.make_folder(&folder.path, folder.attributes)?;
        }
        for group in &plan.groups {
            self.prepare_group(group)?;
        }
        for step in self.steps() {
            exchange::prepare(self.disk, step)?;
        }
        for file_system in self.file_systems()? {
            self.disk.sync_file_system(&file_system)?;
        }
        Ok(self.journal.append(self.disk, Record::Prepared)?)
    }

    /// Keeps what will be replaced, and the record of the switch.
    fn save(&self) -> Result<(), SwitchFailure> {
        let partial = self.partial();
        let attributes = super::disk::Attributes::of(
            &self.state.generations().metadata().map_err(failed("read", &self.state.generations()))?,
        );
        generations::remove_partial(self.disk, &partial)?;
        self.disk.make_folder(&partial, attributes)?;
        for step in self.steps() {
            if let Some(before) = &step.before {
                let copy = self.saved(step);
                self.make_folders_above(&partial, &copy, attributes)?;
                exchange::copy_exactly(self.disk, &step.path, &copy, before).map_err(|error| edited(error, step))?;
            }
        }
        let record = serde_json::to_vec_pretty(&self.journal.intent).map_err(JournalError::from)?;
        self.disk.write_new(&partial.join("generation.json"), &record)?;
        Ok(())
    }

    fn make_folders_above(
        &self,
        root: &Path,
        file: &Path,
        attributes: super::disk::Attributes,
    ) -> Result<(), DiskError> {
        let mut missing: Vec<&Path> =
            file.ancestors().skip(1).take_while(|folder| *folder != root && !folder.is_dir()).collect();
        missing.reverse();
        missing.iter().try_for_each(|folder| self.disk.make_folder(folder, attributes))
    }

    fn prepare_group(&self, group: &Group) -> Result<(), SwitchFailure> {
        exchange::clear_folder(self.disk, &group.temporary)?;
        self.disk.make_folder(&group.temporary, group.attributes)?;
        for (name, content) in &group.carried {
            exchange::copy_exactly(self.disk, &group.folder.join(name), &group.temporary.join(name), content)?;
        }
        Ok(())
    }

    /// One folder on each file system that was written to.
    fn file_systems(&self) -> Result<Vec<PathBuf>, DiskError> {
        use std::os::unix::fs::MetadataExt;
        let mut folders = self.journal.intent.plan.folders(|_| true);
        folders.insert(self.state.generations());
        let mut seen = BTreeSet::new();
        let mut one_each = Vec::new();
        for folder in folders {
            let device = folder.metadata().map_err(failed("read", &folder))?.dev();
            if seen.insert(device) {
                one_each.push(folder);
            }
        }
        Ok(one_each)
    }

    /// The steps that are left, role by role, each role durable before the next one begins.
    fn make_all(&mut self) -> Result<(), SwitchFailure> {
        let roles: Vec<Role> = self.steps().iter().map(|step| step.role).collect();
        for range in roles.chunk_by(|one, next| one == next) {
            self.make_role(range[0])?;
        }
        Ok(self.journal.append(self.disk, Record::Done)?)
    }

    fn make_role(&self, role: Role) -> Result<(), SwitchFailure> {
        let plan = &self.journal.intent.plan;
        let mut made = BTreeSet::new();
        for group in &plan.groups {
            made.extend(self.make_group(group, role)?);
        }
        for step in plan.steps.iter().filter(|step| step.role == role && !made.contains(&step.path)) {
            if exchange::look(step, &self.saved(step))?.path != Holds::New {
                exchange::prepare(self.disk, step)?;
                exchange::make(self.disk, step)?;
            }
        }
        plan.folders(|step| step.role == role).iter().try_for_each(|folder| Ok(self.disk.sync_folder(folder)?))
    }

    /// Swaps a folder of manifests as a whole if none of its steps was made yet; answers the paths dealt with.
    fn make_group(&self, group: &Group, role: Role) -> Result<Vec<PathBuf>, SwitchFailure> {
        let steps: Vec<&Step> = self.in_group(group).filter(|step| step.role == role).collect();
        for step in &steps {
            if exchange::look(step, &self.saved(step))?.path != Holds::Old {
                return Ok(Vec::new());
            }
            exchange::prepare(self.disk, step)?;
        }
        if steps.is_empty() || !self.swap(group, &steps, |step| step.before.clone())? {
            return Ok(Vec::new());
        }
        Ok(steps.iter().map(|step| step.path.clone()).collect())
    }

    fn swap(
        &self,
        group: &Group,
        steps: &[&Step],
        expected: impl Fn(&Step) -> Option<Content>,
    ) -> Result<bool, SwitchFailure> {
        let name = |step: &Step| step.path.file_name().map(PathBuf::from).unwrap_or_default();
        let mut displaced: Vec<_> = steps.iter().map(|step| (name(step), expected(step))).collect();
        displaced.extend(group.carried.iter().map(|(name, content)| (name.clone(), Some(content.clone()))));
        Ok(exchange::swap(self.disk, group, &displaced)?)
    }

    fn in_group<'s>(&'s self, group: &'s Group) -> impl Iterator<Item = &'s Step> {
        self.steps().iter().filter(|step| step.path.parent() == Some(&group.folder))
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

    /// Undoes the steps that were made, the last one first, each role durable before the next.
    fn take_back(&mut self, keep_added: bool, seen: &[Seen]) -> Result<(), SwitchFailure> {
        self.journal.append(self.disk, Record::TakingBack { keep_added })?;
        let made = |(_, seen): &(&Step, &Seen)| seen.path == Holds::New;
        let mut roles: Vec<Role> = self.steps().iter().zip(seen).filter(made).map(|(step, _)| step.role).collect();
        roles.dedup();
        for role in roles.into_iter().rev().filter(|role| !(keep_added && *role == Role::Asset)) {
            self.take_back_role(role)?;
        }
        Ok(self.journal.append(self.disk, Record::Undone)?)
    }

    fn take_back_role(&self, role: Role) -> Result<(), SwitchFailure> {
        let plan = &self.journal.intent.plan;
        for group in &plan.groups {
            self.take_back_group(group, role)?;
        }
        for step in plan.steps.iter().filter(|step| step.role == role) {
            let ours = step.before.is_some() || step.temporary.symlink_metadata().is_err();
            if ours && exchange::look(step, &self.saved(step))?.path == Holds::New {
                exchange::unmake(self.disk, step, &self.saved(step))?;
            }
        }
        plan.folders(|step| step.role == role).iter().try_for_each(|folder| Ok(self.disk.sync_folder(folder)?))
    }

    /// Swaps a folder of manifests back as a whole, if all of it was swapped and the old one is still beside it.
    fn take_back_group(&self, group: &Group, role: Role) -> Result<(), SwitchFailure> {
        let steps: Vec<&Step> = self.in_group(group).filter(|step| step.role == role).collect();
        for step in &steps {
            let old_waits = step.before.as_ref() == exchange::content_of(&step.temporary)?.as_ref();
            if exchange::look(step, &self.saved(step))?.path != Holds::New || !old_waits {
                return Ok(());
            }
        }
        if !steps.is_empty() {
            self.swap(group, &steps, |step| step.after.clone())?;
        }
        Ok(())
    }

    /// Clears temporary names away, puts the generation in place or drops it, and ends the journal.
    fn clear(&self, stands: Stands) -> Result<(), SwitchFailure> {
        let plan = &self.journal.intent.plan;
        for step in &plan.steps {
            self.disk.remove_file(&step.temporary).or_else(|error| gone_with_its_folder(error, &step.temporary))?;
        }
        for group in &plan.groups {
            exchange::clear_folder(self.disk, &group.temporary)?;
        }
        let unused: Vec<&PathBuf> = match stands {
            Stands::New => plan.emptied.iter().collect(),
            Stands::Old => plan.new_folders.iter().rev().map(|folder| &folder.path).collect(),
        };
        unused.into_iter().try_for_each(|folder| self.disk.remove_empty_folder(folder))?;
        self.sync_standing_folders()?;
        self.keep_or_drop(stands)?;
        Ok(self.journal.close(self.disk)?)
    }

    fn sync_standing_folders(&self) -> Result<(), DiskError> {
        let plan = &self.journal.intent.plan;
        let mut folders = plan.folders(|_| true);
        let parents = plan.emptied.iter().chain(plan.new_folders.iter().map(|folder| &folder.path));
        folders.extend(parents.filter_map(|folder| folder.parent()).map(Path::to_path_buf));
        folders.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| self.disk.sync_folder(folder))
    }

    fn keep_or_drop(&self, stands: Stands) -> Result<(), DiskError> {
        let (generations, partial) = (self.state.generations(), self.partial());
        match stands {
            Stands::Old => generations::remove_partial(self.disk, &partial)?,
            Stands::New if partial.is_dir() => {
                let kept = generations::folder_of(&generations, &self.journal.intent.id);
                self.disk.rename_new(&partial, &kept)?;
            }
            Stands::New => {}
        }
        self.disk.sync_folder(&generations)
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

fn edited(error: StepError, step: &Step) -> StepError {
    match error {
        StepError::Vanished(_) => StepError::Edited(step.path.clone()),
        other => other,
    }
}

/// The folder of a temporary name was removed by an earlier attempt at clearing away, and the name with it.
fn gone_with_its_folder(error: DiskError, temporary: &Path) -> Result<(), DiskError> {
    if temporary.parent().is_some_and(Path::is_dir) { Err(error) } else { Ok(()) }
}
