//! Applies files of a change to a staged tree, through open descriptors: never through a link, never outside.

use std::ffi::OsStr;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fchmod, mkdirat, openat, statat, symlinkat, unlinkat};
use rustix::io::Errno;

use super::error::StagingError;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Writes a file, replacing a regular one that is there. Folders are made; permission bits beyond `0o777` are dropped.
pub(super) fn put(tree: &Path, place: &Path, bytes: &[u8], mode: u32) -> Result<(), StagingError> {
    let (folder, name) = parent(tree, place, true)?;
    clear(&folder, name)
        .or_else(|error| if matches!(error, Refusal::Missing) { Ok(()) } else { Err(error.at(tree, place)) })?;
    let unwritable = |error: Errno| StagingError::unwritable(&tree.join(place), error);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&folder, name, flags, Mode::RUSR | Mode::WUSR).map_err(unwritable)?;
    let mut file = std::fs::File::from(file);
    file.write_all(bytes).map_err(|error| StagingError::unwritable(&tree.join(place), error))?;
    fchmod(&file, Mode::from_raw_mode(mode & 0o777)).map_err(unwritable)
}

/// Removes a regular file.
pub(super) fn remove(tree: &Path, place: &Path) -> Result<(), StagingError> {
    let (folder, name) = parent(tree, place, false)?;
    clear(&folder, name).map_err(|error| error.at(tree, place))
}

/// Removes a file or a link, if there is one, and then the folders that nothing is left in.
pub(super) fn discard(tree: &Path, place: &Path) -> Result<(), StagingError> {
    if tree.join(place).symlink_metadata().is_err() {
        return Ok(());
    }
    let (folder, name) = parent(tree, place, false)?;
    match clear(&folder, name) {
        Ok(()) | Err(Refusal::Missing) => {}
        Err(Refusal::Link) => unlinkat(&folder, name, AtFlags::empty())
            .map_err(|error| StagingError::unwritable(&tree.join(place), error))?,
        Err(error) => return Err(error.at(tree, place)),
    }
    let above = place.ancestors().skip(1).take_while(|folder| !folder.as_os_str().is_empty());
    // The first one that still holds something ends it.
    above.map(|folder| tree.join(folder)).take_while(|folder| std::fs::remove_dir(folder).is_ok()).for_each(drop);
    Ok(())
}

/// Makes a symbolic link.
pub(super) fn link(tree: &Path, place: &Path, target: &Path) -> Result<(), StagingError> {
    let (folder, name) = parent(tree, place, true)?;
    symlinkat(target, &folder, name).map_err(|error| StagingError::unwritable(&tree.join(place), error))
}

enum Refusal {
    Missing,
    Link,
    NotAFile(&'static str),
    Failed(Errno),
}

impl Refusal {
    fn at(self, tree: &Path, place: &Path) -> StagingError {
        match self {
            Self::Missing => unsafe_path(place, "there is no such file to remove"),
            Self::Link => unsafe_path(place, "a symbolic link has this name"),
            Self::NotAFile(reason) => unsafe_path(place, reason),
            Self::Failed(error) => StagingError::unwritable(&tree.join(place), error),
        }
    }
}

/// Takes away what has this name, if it is a regular file.
fn clear(folder: &OwnedFd, name: &OsStr) -> Result<(), Refusal> {
    let status = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) => status,
        Err(Errno::NOENT) => return Err(Refusal::Missing),
        Err(error) => return Err(Refusal::Failed(error)),
    };
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => unlinkat(folder, name, AtFlags::empty()).map_err(Refusal::Failed),
        FileType::Symlink => Err(Refusal::Link),
        FileType::Directory => Err(Refusal::NotAFile("a folder has this name")),
        _ => Err(Refusal::NotAFile("a socket or device has this name")),
    }
}

/// Opens the folder that holds `place`, step by step.
fn parent<'a>(tree: &Path, place: &'a Path, make: bool) -> Result<(OwnedFd, &'a OsStr), StagingError> {
    let mut parts = plain_parts(place)?;
    let name = parts.pop().ok_or_else(|| unsafe_path(place, "it is empty"))?;
    let mut folder = openat(CWD, tree, FOLDER, Mode::empty()).map_err(|error| StagingError::unwritable(tree, error))?;
    for part in parts {
        folder = step(&folder, part, make).map_err(|error| match error {
            Errno::LOOP | Errno::NOTDIR => unsafe_path(place, "a link or a file stands where it needs a folder"),
            error => StagingError::unwritable(&tree.join(place), error),
        })?;
    }
    Ok((folder, name))
}

fn plain_parts(place: &Path) -> Result<Vec<&OsStr>, StagingError> {
    place
        .components()
        .map(|part| match part {
            Component::Normal(name) => Ok(name),
            Component::ParentDir => Err(unsafe_path(place, "it contains `..`")),
            Component::CurDir => Err(unsafe_path(place, "it contains `.`")),
            Component::RootDir | Component::Prefix(_) => Err(unsafe_path(place, "it is absolute")),
        })
        .collect()
}

fn step(folder: &OwnedFd, name: &OsStr, make: bool) -> Result<OwnedFd, Errno> {
    match openat(folder, name, FOLDER, Mode::empty()) {
        Err(Errno::NOENT) if make => {
            mkdirat(folder, name, Mode::from_raw_mode(0o755))?;
            openat(folder, name, FOLDER, Mode::empty())
        }
        other => other,
    }
}

fn unsafe_path(path: &Path, reason: &'static str) -> StagingError {
    StagingError::UnsafePath { path: path.to_path_buf(), reason }
}
