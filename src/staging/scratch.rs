//! A folder for what is read before there is a stage. Swept like a stage if its owner was killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::StagingError;
use super::{ownership, removal};

/// A folder of our own in the state folder, removed when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    /// Holds the lock that says that the owner lives.
    _owner: File,
}

impl Scratch {
    /// Makes one in the state folder.
    ///
    /// # Errors
    /// If the state folder cannot be used.
    pub fn new(state: &Path) -> Result<Self, StagingError> {
        let (folder, owner) = ownership::new_stage(&ownership::state_folder(state)?)?;
        let scratch = Self { folder, _owner: owner };
        let inner = scratch.folder();
        fs::create_dir(&inner).map_err(|error| StagingError::unwritable(&inner, error))?;
        Ok(scratch)
    }

    /// An empty folder, at first.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.join("scratch")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody is left to tell; the next run sweeps what could not be removed.
        let _swept_later = removal::remove_tree(&self.folder);
    }
}
