//! Removes a stage: folder by folder through open descriptors, so that no link can lead the removal out of it.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fchmod, openat, renameat, statfs, unlinkat};
use rustix::io::Errno;

use super::error::StagingError;
use super::walk::{self, Names};

/// How XFS is told by `statfs` (`XFS_SUPER_MAGIC`).
const XFS: rustix::fs::FsWord = 0x5846_5342;

/// How often a folder is emptied that somebody still fills, and how long is waited in between: the processes of a killed gate
/// write for some moments until the kernel has ended them.
const ROUNDS: usize = 50;
const BETWEEN_ROUNDS: Duration = Duration::from_millis(20);

/// Folders that lie deeper are moved up first: a build may leave more of them, one in the other, than there are descriptors,
/// or room on a thread's stack.
const DEEPEST: usize = 64;

/// The same where descriptors are scarce: a limit of 64 is enough then.
const DEEPEST_OF_FEW: usize = 8;

/// Removes a folder and all below it. A folder that is not there is no error.
pub(crate) fn remove_tree(path: &Path) -> Result<(), StagingError> {
    let mut pace = Pace::at(path);
    let mut rounds = 1;
    loop {
        match walk::spread(|| remove_whole(path, pace)) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTEMPTY) if rounds < ROUNDS => {
                rounds += 1;
                thread::sleep(BETWEEN_ROUNDS);
            }
            // Each thread has as many folders open as its way is deep.
            Err(Errno::MFILE | Errno::NFILE) if pace != Pace::Sparing => pace = Pace::Sparing,
            Err(error) => {
                return Err(StagingError::Removal { path: PathBuf::from(path), source: io::Error::from(error) });
            }
        }
    }
}

/// Empties the folder again and again, as long as deep ones were moved up into it.
fn remove_whole(path: &Path, pace: Pace) -> Result<(), Errno> {
    loop {
        let top = open_folder(CWD, path)?;
        let removal = Removal { top: &top, pace, moved_up: AtomicU64::new(0) };
        removal.empty(&top, 0)?;
        if removal.moved_up.into_inner() == 0 {
            return unlinkat(CWD, path, AtFlags::REMOVEDIR);
        }
    }
}

/// How many threads remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// One.
    Alone,
    /// As many as staging has.
    Together,
    /// One, with few folders open at a time.
    Sparing,
}

impl Pace {
    /// XFS frees inodes behind the caller's back, on every processor; threads that unlink meanwhile wait for the same locks,
    /// and two of them are slower than one.
    fn at(path: &Path) -> Self {
        let is_xfs = statfs(path).is_ok_and(|status| status.f_type == XFS);
        if is_xfs { Self::Alone } else { Self::Together }
    }

    const fn deepest(self) -> usize {
        if matches!(self, Self::Sparing) { DEEPEST_OF_FEW } else { DEEPEST }
    }
}

fn open_folder(parent: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// One way through a tree.
struct Removal<'a> {
    top: &'a OwnedFd,
    pace: Pace,
    /// How many folders lie in the top one that were too deep.
    moved_up: AtomicU64,
}

impl Removal<'_> {
    /// Takes everything out of an open folder, so many below the top; the folders in it on several threads.
    fn empty(&self, folder: &OwnedFd, depth: usize) -> Result<(), Errno> {
        let names = Names::read(folder.as_fd())?;
        let mut folders = Vec::new();
        for (name, kind) in names.iter() {
            if kind == FileType::Directory {
                folders.push(name);
            } else {
                permitted(folder, || self.remove_file(folder, name, depth))?;
            }
        }
        let remove = |name: &&CStr| permitted(folder, || self.remove_folder(folder, name, depth));
        match self.pace {
            Pace::Alone | Pace::Sparing => folders.iter().try_for_each(remove),
            Pace::Together => folders.par_iter().try_for_each(remove),
        }
    }

    fn remove_file(&self, folder: &OwnedFd, name: &CStr, depth: usize) -> Result<(), Errno> {
        match unlinkat(folder, name, AtFlags::empty()) {
            // File systems that do not tell kinds in listings.
            Err(Errno::ISDIR) => self.remove_folder(folder, name, depth),
            Err(Errno::NOENT) => Ok(()),
            other => other,
        }
    }

    fn remove_folder(&self, folder: &OwnedFd, name: &CStr, depth: usize) -> Result<(), Errno> {
        match self.remove_below(folder, name, depth) {
            // Not readable by us: made readable, tried once more.
            Err(Errno::ACCESS) => {
                rustix::fs::chmodat(folder, name, Mode::RWXU, AtFlags::empty())?;
                self.remove_below(folder, name, depth)
            }
            Err(Errno::NOENT) => Ok(()),
            other => other,
        }
    }

    fn remove_below(&self, folder: &OwnedFd, name: &CStr, depth: usize) -> Result<(), Errno> {
        if depth >= self.pace.deepest() && self.move_up(folder, name)? {
            return Ok(());
        }
        self.empty(&open_folder(folder, name)?, depth + 1)?;
        unlinkat(folder, name, AtFlags::REMOVEDIR)
    }

    /// False where that is not to be had: an overlay moves no folder of its lower layers.
    fn move_up(&self, folder: &OwnedFd, name: &CStr) -> Result<bool, Errno> {
        loop {
            let number = self.moved_up.fetch_add(1, Ordering::Relaxed);
            match renameat(folder, name, self.top, format!("deep-{number}")) {
                Ok(()) => return Ok(true),
                // Left by the way before, or the build's own.
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
                Err(Errno::XDEV) => return Ok(false),
                Err(Errno::ACCESS) if fchmod(self.top, Mode::RWXU).is_ok() => {
                    return renameat(folder, name, self.top, format!("deep-{number}")).map(|()| true);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// A build may leave folders that nobody can write to: made writable, tried once more.
fn permitted(folder: &OwnedFd, removal: impl Fn() -> Result<(), Errno>) -> Result<(), Errno> {
    match removal() {
        Err(Errno::ACCESS) => {
            fchmod(folder, Mode::RWXU)?;
            removal()
        }
        other => other,
    }
}
