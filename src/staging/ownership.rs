//! Whose stage is it? A lock held on a file in each stage says whether its owner lives; what `kill -9` left is swept away.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FlockOperation;

use super::error::StagingError;
use super::removal;

const PREFIX: &str = "stage-";
const USUAL: &str = "stage-usual";
const OWNER: &str = "owner";
const KEPT: &str = "kept";

/// A stage without a lock file is somebody's that is just being made, unless it is older than this.
const BEING_MADE: Duration = Duration::from_mins(1);

/// Makes the folder that holds the stages, for nobody but its owner.
pub(super) fn state_folder(path: &Path) -> Result<PathBuf, StagingError> {
    let failed = |source| StagingError::StateFolder { path: path.to_path_buf(), source };
    fs::create_dir_all(path).map_err(failed)?;
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    path.canonicalize().map_err(failed)
}

/// Makes a new folder in the state folder and takes its lock. The lock ends with the process, however it ends.
pub(super) fn new_stage(state: &Path) -> Result<(PathBuf, File), StagingError> {
    let failed = |source| StagingError::StateFolder { path: state.to_path_buf(), source };
    loop {
        let folder = new_folder(state).map_err(failed)?;
        let owner =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(OWNER)).map_err(failed)?;
        // A sweep that runs at the same moment may have been faster: then the next folder.
        if try_lock(&owner).map_err(failed)? {
            return Ok((folder, owner));
        }
    }
}

/// The usual place, if nobody has it, so that caches which hold paths serve the next build too; or else another one.
fn new_folder(state: &Path) -> io::Result<PathBuf> {
    let usual = state.join(USUAL);
    match fs::DirBuilder::new().mode(0o700).create(&usual) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map(|()| usual),
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).permissions(fs::Permissions::from_mode(0o700));
    // `removal` takes it away: tempfile would follow no link either, but gives up at folders without write permission.
    Ok(builder.tempdir_in(state)?.keep())
}

fn try_lock(file: &File) -> io::Result<bool> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Marks a stage as one that no sweep removes.
pub(super) fn mark_kept(folder: &Path) -> Result<(), StagingError> {
    let path = folder.join(KEPT);
    fs::write(&path, "kept on request; remove this folder when it has served\n")
        .map_err(|error| StagingError::unwritable(&path, error))
}

/// Removes the stages whose owner is dead, and returns what it removed. Stages kept on request stay.
///
/// # Errors
/// A state folder that cannot be listed, a stage that cannot be removed. A state folder that is not there is no error.
pub fn sweep(state_dir: &Path) -> Result<Vec<PathBuf>, StagingError> {
    sweep_but(state_dir, is_young)
}

/// The same for whoever holds the site's lock: nobody else is making a stage then, so one that is half made is nobody's.
///
/// # Errors
/// As for [`sweep`].
pub fn sweep_alone(state_dir: &Path) -> Result<Vec<PathBuf>, StagingError> {
    sweep_but(state_dir, |_| false)
}

fn sweep_but(state_dir: &Path, spared: fn(&Path) -> bool) -> Result<Vec<PathBuf>, StagingError> {
    let failed = |source| StagingError::StateFolder { path: state_dir.to_path_buf(), source };
    let listing = match fs::read_dir(state_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.map_err(failed)?,
    };
    let mut removed = Vec::new();
    for entry in listing {
        let entry = entry.map_err(failed)?;
        let is_stage = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        if is_stage && entry.file_type().map_err(failed)?.is_dir() && remove_if_orphaned(&entry.path(), spared)? {
            removed.push(entry.path());
        }
    }
    Ok(removed)
}

fn remove_if_orphaned(folder: &Path, spared: fn(&Path) -> bool) -> Result<bool, StagingError> {
    if folder.join(KEPT).exists() || is_foreign(folder) {
        return Ok(false);
    }
    // Held until the stage is gone, so that no two sweeps meet in it.
    let lock = match File::open(folder.join(OWNER)) {
        Ok(owner) if !try_lock(&owner).unwrap_or(false) => return Ok(false),
        Ok(owner) => Some(owner),
        Err(_) if spared(folder) => return Ok(false),
        Err(_) => None,
    };
    remove_stage(folder, lock)?;
    Ok(true)
}

/// Removes a stage, the file that its lock is held on at the end, and closed by then: on file systems that cannot remove an open
/// file (NFS, FUSE) it would stay behind under another name, and the folder with it.
pub(super) fn remove_stage(folder: &Path, lock: Option<File>) -> Result<(), StagingError> {
    let failed = |source| StagingError::Removal { path: folder.to_path_buf(), source };
    let listing = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        listing => listing.map_err(failed)?,
    };
    for entry in listing {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            removal::remove_tree(&entry.path())?;
        } else if entry.file_name() != OWNER {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    drop(lock);
    removal::remove_tree(folder)
}

/// A stage that root was killed over cannot be removed by anybody else, and must not keep him from a check: root's next check
/// removes it.
fn is_foreign(folder: &Path) -> bool {
    let user = rustix::process::geteuid();
    !user.is_root() && fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.uid() != user.as_raw())
}

fn is_young(folder: &Path) -> bool {
    let modified = fs::symlink_metadata(folder).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().map_or(true, |age| age < BEING_MADE))
}
