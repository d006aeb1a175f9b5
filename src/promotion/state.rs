//! The folders in `.themegate/` that belong to switches of the live tree.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Attributes, Disk, DiskError, failed};
use super::ground::owner_of_new;

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
        Self::open_for(disk, root, root.parent().unwrap_or(root))
    }

    /// The same; a state folder that root has to make first belongs to the owner of `live`.
    ///
    /// # Errors
    /// Something else lies where a folder belongs, or the disk refused.
    pub fn open_for(disk: &Disk, root: &Path, live: &Path) -> Result<Self, DiskError> {
        let state = Self { root: root.to_path_buf() };
        ensure_folder(disk, root, live)?;
        for folder in [state.journal(), state.generations()] {
            ensure_folder(disk, &folder, root)?;
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

/// Creates a folder of mode 0700, unless it is there. It belongs to who makes it, and if root does, to the owner of `like`.
fn ensure_folder(disk: &Disk, folder: &Path, like: &Path) -> Result<(), DiskError> {
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
    let like = Attributes::of(&like.metadata().map_err(failed("read", like))?);
    disk.make_folder(folder, Attributes { mode: 0o700, uid: owner_of_new(like), ..like })?;
    disk.sync_folder(parent)
}
