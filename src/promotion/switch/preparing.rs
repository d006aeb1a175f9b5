//! Puts the new content beside the old, saves the old, and makes all of it durable: nothing in the live tree changes yet.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Switch, SwitchFailure};
use crate::promotion::disk::{Attributes, DiskError, failed};
use crate::promotion::exchange::{self, StepError};
use crate::promotion::generations;
use crate::promotion::journal::{JournalError, Record};
use crate::promotion::plan::{Group, Step};
use crate::promotion::retention;

impl Switch<'_> {
    /// Everything that can fail for want of space or permission happens here, before the live tree changes.
    pub(super) fn prepare(&mut self) -> Result<(), SwitchFailure> {
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
        let attributes =
            Attributes::of(&self.state.generations().metadata().map_err(failed("read", &self.state.generations()))?);
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
        let ledger = serde_json::to_vec(&self.ledger).map_err(JournalError::from)?;
        self.disk.write_new(&partial.join(retention::FILE), &ledger)?;
        Ok(())
    }

    fn make_folders_above(&self, root: &Path, file: &Path, attributes: Attributes) -> Result<(), DiskError> {
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
}

fn edited(error: StepError, step: &Step) -> StepError {
    match error {
        StepError::Vanished(_) => StepError::Edited(step.path.clone()),
        other => other,
    }
}
