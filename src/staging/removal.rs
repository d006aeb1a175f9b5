//! Removes a stage: folder by folder through open descriptors, so that no link can lead the removal out of it.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fchmod, openat, statfs, unlinkat};
use rustix::io::Errno;

use super::error::StagingError;
use super::walk::{self, Names};

/// How XFS is told by `statfs` (`XFS_SUPER_MAGIC`).
const XFS: rustix::fs::FsWord = 0x5846_5342;

/// How often a folder is emptied that somebody still fills, and how long is waited in between: the processes of a killed gate
/// write for some moments until the kernel has ended them.
const ROUNDS: usize = 50;
const BETWEEN_ROUNDS: Duration = Duration::from_millis(20);

/// Removes a folder and all below it. A folder that is not there is no error.
pub(crate) fn remove_tree(path: &Path) -> Result<(), StagingError> {
    let pace = Pace::at(path);
    let mut rounds = 1;
    loop {
        match walk::spread(|| remove_at(CWD, path, pace)) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTEMPTY) if rounds < ROUNDS => {
                rounds += 1;
                thread::sleep(BETWEEN_ROUNDS);
            }
            Err(error) => {
                return Err(StagingError::Removal { path: PathBuf::from(path), source: io::Error::from(error) });
            }
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
}

impl Pace {
    /// XFS frees inodes behind the caller's back, on every processor; threads that unlink meanwhile wait for the same locks,
    /// and two of them are slower than one.
    fn at(path: &Path) -> Self {
        let is_xfs = statfs(path).is_ok_and(|status| status.f_type == XFS);
        if is_xfs { Self::Alone } else { Self::Together }
    }
}

fn remove_at(parent: impl AsFd + Copy, name: impl rustix::path::Arg + Copy, pace: Pace) -> Result<(), Errno> {
    empty(&open_folder(parent, name)?, pace)?;
    unlinkat(parent, name, AtFlags::REMOVEDIR)
}

fn open_folder(parent: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Takes everything out of an open folder; the folders in it on several threads.
fn empty(folder: &OwnedFd, pace: Pace) -> Result<(), Errno> {
    let names = Names::read(folder.as_fd())?;
    let mut folders = Vec::new();
    for (name, kind) in names.iter() {
        if kind == FileType::Directory {
            folders.push(name);
        } else {
            permitted(folder, || remove_file(folder, name, pace))?;
        }
    }
    let remove = |name: &&CStr| permitted(folder, || remove_folder(folder, name, pace));
    match pace {
        Pace::Alone => folders.iter().try_for_each(remove),
        Pace::Together => folders.par_iter().try_for_each(remove),
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

fn remove_file(folder: &OwnedFd, name: &CStr, pace: Pace) -> Result<(), Errno> {
    match unlinkat(folder, name, AtFlags::empty()) {
        // File systems that do not tell kinds in listings.
        Err(Errno::ISDIR) => remove_folder(folder, name, pace),
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

fn remove_folder(folder: &OwnedFd, name: &CStr, pace: Pace) -> Result<(), Errno> {
    match remove_at(folder, name, pace) {
        // Not readable by us: made readable, tried once more.
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(folder, name, Mode::RWXU, AtFlags::empty())?;
            remove_at(folder, name, pace)
        }
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}
