//! The folders in `.themegate/` that belong to switches of the live tree.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Attributes, Disk, DiskError, failed};

/// `.themegate/` beside the live tree, with the folders of this module in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFolder {
    root: PathBuf,
}

impl StateFolder {
    /// Opens the state folder, and creates what is missing in it.
    ///
    /// # Errors
    /// Something else lies where a folder belongs, or the disk refused.
    pub fn open(disk: &Disk, root: &Path) -> Result<Self, DiskError> {
        let state = Self { root: root.to_path_buf() };
        for folder in [state.root.clone(), state.journal(), state.generations()] {
            ensure_folder(disk, &folder)?;
        }
        Ok(state)
    }

    /// `.themegate/` itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the journals of unfinished switches lie.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// Where the generations lie.
    #[must_use]
    pub fn generations(&self) -> PathBuf {
        self.root.join("generations")
    }
}

/// Creates a folder of mode 0700, owned like the one it lies in, unless it is there.
fn ensure_folder(disk: &Disk, folder: &Path) -> Result<(), DiskError> {
    match folder.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => {
            let foreign = io::Error::other("something else than a folder lies there. Move it away and try again");
            return Err(failed("use the state folder", folder)(foreign));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("use the state folder", folder)(error)),
    }
    let parent = folder.parent().unwrap_or(folder);
    let metadata = parent.metadata().map_err(failed("read", parent))?;
    disk.make_folder(folder, Attributes { mode: 0o700, ..Attributes::of(&metadata) })?;
    disk.sync_folder(parent)
}
