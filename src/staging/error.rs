//! Why a stage could not be made, changed or removed.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use thiserror::Error;

/// Why a stage could not be made, changed or removed.
#[derive(Debug, Error)]
pub enum StagingError {
    /// The live tree is not a folder that can be listed.
    #[error("The live tree {path} cannot be staged: {source}\nName the folder that holds Mastodon's config/ and app/.")]
    LiveTree {
        /// The live tree as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder that holds the stages cannot be used.
    #[error(
        "The state folder {path} cannot be used: {source}\nMake it, or its parent, writable for the user that runs themegate."
    )]
    StateFolder {
        /// The state folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The stage would lie on another file system than the live tree.
    #[error(
        "The state folder {state} lies on another file system than the live tree {live}: what is staged there could not be \
         promoted in one step.\nName a state folder on the live tree's own file system."
    )]
    OtherFileSystem {
        /// The state folder.
        state: PathBuf,
        /// The live tree.
        live: PathBuf,
    },
    /// Something that the build has left in its stage cannot be read.
    #[error(
        "{path}, as the build has left it in its stage, cannot be read: {source}\nThe live tree is untouched. See what in the \
         build takes permissions away (chmod, umask), and run again."
    )]
    StageUnreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Too little room for the copy.
    #[error("There is no room for a stage: it needs about {needs}, and {path} has {has}.\n{advice}")]
    NoRoom {
        /// The state folder.
        path: PathBuf,
        /// Bytes and inodes, in words.
        needs: String,
        /// Bytes and inodes, in words.
        has: String,
        /// What to do.
        advice: String,
    },
    /// Something in the live tree cannot be read.
    #[error(
        "{path} of the live tree cannot be read: {source}\nRun themegate as the user that owns the live tree (often \
         `mastodon`), or give that user the file: chown mastodon: {path}"
    )]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Folders in folders, deeper than the system can name.
    #[error(
        "{beginning}… is a path of more than 4,096 bytes, which Linux cannot open.\nNo Mastodon holds folders that deep: see what \
         makes them there, and remove the uppermost one."
    )]
    TooDeep {
        /// The beginning of the path.
        beginning: String,
    },
    /// Something cannot be written in the stage.
    #[error(
        "{path} cannot be written in the stage: {source}\nThe live tree is untouched. Check the file system, then run again."
    )]
    Unwritable {
        /// The file or folder in the stage.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A path of the change that may not be applied.
    #[error(
        "{path} of the change cannot be applied: {reason}\nTake it out of the change, or name a plain file below the tree's root."
    )]
    UnsafePath {
        /// The path as it was given.
        path: PathBuf,
        /// Why it is refused.
        reason: &'static str,
    },
    /// The stage, or part of it, cannot be removed.
    #[error("The stage {path} cannot be removed: {source}\nNothing uses it any more; remove it by hand: rm -rf {path}")]
    Removal {
        /// What is left.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The way that was asked for does not work here.
    #[error("The live tree cannot be staged by {way} here: {why}.\nLeave the choice to themegate: --staging auto")]
    WayClosed {
        /// The word of the way.
        way: &'static str,
        /// One sentence without its full stop.
        why: String,
    },
    /// Nobody holds the overlay any more.
    #[error(
        "The overlay over the live tree is gone: the process that held it was ended from outside (for want of memory? See \
         `dmesg | tail`).\nThe live tree is untouched. Run again, or stage by copying: --staging copy"
    )]
    OverlayLost,
    /// The user asked to stop.
    #[error("Staging was interrupted. The live tree is untouched, and the stage is removed.")]
    Interrupted,
}

/// How much of a path that is too long is shown, in characters.
const SHOWN: usize = 160;

impl StagingError {
    pub(super) fn unreadable(path: &Path, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        Self::too_deep(path, &source).unwrap_or_else(|| Self::Unreadable { path: path.to_path_buf(), source })
    }

    pub(super) fn unwritable(path: &Path, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        Self::too_deep(path, &source).unwrap_or_else(|| Self::Unwritable { path: path.to_path_buf(), source })
    }

    fn too_deep(path: &Path, source: &io::Error) -> Option<Self> {
        let is_long = source.raw_os_error() == Some(Errno::NAMETOOLONG.raw_os_error());
        is_long.then(|| Self::TooDeep { beginning: path.to_string_lossy().chars().take(SHOWN).collect() })
    }
}
