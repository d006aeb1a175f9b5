//! Clears away what a switch needed on its way, once one of the two trees stands.

use std::path::{Path, PathBuf};

use super::{Stands, Switch, SwitchFailure};
use crate::promotion::disk::DiskError;
use crate::promotion::{exchange, generations};

impl Switch<'_> {
    /// Clears temporary names away, puts the generation in place or drops it, and ends the journal.
    pub(super) fn clear(&self, stands: Stands) -> Result<(), SwitchFailure> {
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
}

/// The folder of a temporary name was removed by an earlier attempt at clearing away, and the name with it.
fn gone_with_its_folder(error: DiskError, temporary: &Path) -> Result<(), DiskError> {
    if temporary.parent().is_some_and(Path::is_dir) { Err(error) } else { Ok(()) }
}
