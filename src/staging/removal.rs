//! Removes a stage: folder by folder through open descriptors, so that no link can lead the removal out of it.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fchmod, openat, unlinkat};
use rustix::io::Errno;

use super::error::StagingError;
use super::walk;

/// Removes a folder and all below it. A folder that is not there is no error.
pub(crate) fn remove_tree(path: &Path) -> Result<(), StagingError> {
    match walk::spread(|| remove_at(CWD, path)) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(StagingError::Removal { path: PathBuf::from(path), source: io::Error::from(error) }),
    }
}

fn remove_at(parent: impl rustix::fd::AsFd + Copy, name: impl rustix::path::Arg + Copy) -> Result<(), Errno> {
    empty(&open_folder(parent, name)?)?;
    unlinkat(parent, name, AtFlags::REMOVEDIR)
}

fn open_folder(parent: impl rustix::fd::AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Takes everything out of an open folder; the folders in it on several threads.
fn empty(folder: &OwnedFd) -> Result<(), Errno> {
    let mut folders = Vec::new();
    let mut files = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        match entry.file_type() {
            _ if name == c"." || name == c".." => {}
            FileType::Directory => folders.push(name.to_owned()),
            _ => files.push(name.to_owned()),
        }
    }
    files.iter().try_for_each(|name| permitted(folder, || remove_file(folder, name)))?;
    folders.par_iter().try_for_each(|name| permitted(folder, || remove_folder(folder, name)))
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

fn remove_file(folder: &OwnedFd, name: &CString) -> Result<(), Errno> {
    match unlinkat(folder, name, AtFlags::empty()) {
        // File systems that do not tell kinds in listings.
        Err(Errno::ISDIR) => remove_folder(folder, name),
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

fn remove_folder(folder: &OwnedFd, name: &CString) -> Result<(), Errno> {
    match remove_at(folder, name.as_c_str()) {
        // Not readable by us: made readable, tried once more.
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(folder, name.as_c_str(), Mode::RWXU, AtFlags::empty())?;
            remove_at(folder, name.as_c_str())
        }
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}
