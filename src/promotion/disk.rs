//! The system calls that change the disk, one function each, with a crash point in front of every one of them.
//!
//! It knows nothing of promotions. What it writes carries the owner, the mode and the time it is told to carry.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, Timestamps};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::site::owner;

/// Where a test may kill the process, or make a system call fail.
pub trait CrashPoint {
    /// Called before every system call that changes the disk; an error stands for the call's own.
    ///
    /// # Errors
    /// Whatever the test wants the system call to answer.
    fn reached(&self, _call: &'static str, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    /// False only in the test which shows what the syncs are for.
    fn syncs(&self) -> bool {
        true
    }

    /// False to play a file system that cannot exchange two paths (NFS).
    fn exchanges(&self) -> bool {
        true
    }

    /// How many bytes one write may carry.
    fn chunk(&self) -> usize {
        1 << 20
    }
}

/// The real disk: no crash points.
struct Real;

impl CrashPoint for Real {}

/// A system call on a path that failed.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} {}: {source}{}", path.display(), advice(source))]
pub struct DiskError {
    /// What was tried, as in "could not …".
    pub action: &'static str,
    /// On which path.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// The next thing to try, for the errors that an administrator meets.
fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ". Make room on that file system and try again",
        io::ErrorKind::PermissionDenied => {
            ". Run themegate as the owner of the live tree (usually mastodon) or as root"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            ". That file system is mounted read-only: look for disk errors in dmesg, remount it"
        }
        _ => "",
    }
}

/// Names a failed call: `fs::read(path).map_err(failed("read", path))`.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    let path = path.to_path_buf();
    move |source| DiskError { action, path, source }
}

/// Mode, owner and time of a file or folder, as far as a promotion preserves them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Time of the last change of the content: seconds and nanoseconds since 1970. nginx makes its ETag of it.
    pub modified: (i64, i64),
}

impl Attributes {
    /// What a file or folder has now.
    #[must_use]
    pub fn of(metadata: &fs::Metadata) -> Self {
        Self {
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// The disk, and what a test wants to happen on it.
pub struct Disk {
    point: Box<dyn CrashPoint + Send + Sync>,
}

impl Disk {
    /// The real disk.
    #[must_use]
    pub fn real() -> Self {
        Self::with(Box::new(Real))
    }

    /// The real disk with crash points, for tests.
    #[must_use]
    pub fn with(point: Box<dyn CrashPoint + Send + Sync>) -> Self {
        Self { point }
    }

    /// Passes a crash point, then makes the call.
    fn call<T>(&self, name: &'static str, path: &Path, make: impl FnOnce() -> io::Result<T>) -> Result<T, DiskError> {
        self.point.reached(name, path).and_then(|()| make()).map_err(failed(name, path))
    }

    /// Creates a new file that only its owner can read, and writes `bytes` to it. It is not synced. What root makes in
    /// somebody else's folder is that somebody's.
    pub(crate) fn write_new(&self, path: &Path, bytes: &[u8]) -> Result<File, DiskError> {
        let mut file = self.create(path)?;
        if path.parent().and_then(owner::heir).is_some() {
            self.call("change the owner of", path, || owner::hand_over(&file, path))?;
        }
        self.write(&mut file, path, bytes)?;
        Ok(file)
    }

    fn create(&self, path: &Path) -> Result<File, DiskError> {
        self.call("create", path, || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path))
    }

    /// Writes all bytes, a chunk at a time.
    pub(crate) fn write(&self, file: &mut File, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
        bytes.chunks(self.point.chunk().max(1)).try_for_each(|chunk| self.call("write", path, || file.write_all(chunk)))
    }

    /// Copies a regular file to a new one, gives it `attributes`, and answers the digest of what was copied.
    /// A symlink at `from` is refused. It is not synced.
    pub(crate) fn copy(&self, from: &Path, to: &Path, attributes: Attributes) -> Result<String, DiskError> {
        let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
        let mut source =
            OpenOptions::new().read(true).custom_flags(nofollow).open(from).map_err(failed("read", from))?;
        let mut target = self.create(to)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; self.point.chunk().clamp(1, 1 << 18)];
        loop {
            let count = source.read(&mut buffer).map_err(failed("read", from))?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            self.write(&mut target, to, &buffer[..count])?;
        }
        self.set_attributes(&target, to, attributes)?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Gives an open file its owner, mode and time. The owner comes first: changing it would clear mode bits.
    pub(crate) fn set_attributes(&self, file: &File, path: &Path, wanted: Attributes) -> Result<(), DiskError> {
        let now = Attributes::of(&file.metadata().map_err(failed("read", path))?);
        if (now.uid, now.gid) != (wanted.uid, wanted.gid) {
            self.call("change the owner of", path, || give(file, now, wanted))?;
        }
        self.call("change the mode of", path, || {
            rustix::fs::fchmod(file, rustix::fs::Mode::from_raw_mode(wanted.mode)).map_err(io::Error::from)
        })?;
        let time = rustix::fs::Timespec { tv_sec: wanted.modified.0, tv_nsec: wanted.modified.1 };
        let times = Timestamps { last_access: time, last_modification: time };
        self.call("set the time of", path, || rustix::fs::futimens(file, &times).map_err(io::Error::from))
    }

    /// Makes a file's content durable.
    pub(crate) fn sync_file(&self, file: &File, path: &Path) -> Result<(), DiskError> {
        self.call("sync", path, || if self.point.syncs() { file.sync_all() } else { Ok(()) })
    }

    /// Makes a folder's entries durable.
    pub(crate) fn sync_folder(&self, path: &Path) -> Result<(), DiskError> {
        let folder = File::open(path).map_err(failed("open", path))?;
        self.sync_file(&folder, path)
    }

    /// Makes all that was written to the file system of `path` durable, in one call.
    pub(crate) fn sync_file_system(&self, path: &Path) -> Result<(), DiskError> {
        let folder = File::open(path).map_err(failed("open", path))?;
        let sync = || rustix::fs::syncfs(&folder).map_err(io::Error::from);
        self.call("sync the file system of", path, || if self.point.syncs() { sync() } else { Ok(()) })
    }

    /// Moves a file over another one, or to a free name, in one atomic step.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.call("rename to", to, || fs::rename(from, to))
    }

    /// Moves a file to a name that must be free.
    pub(crate) fn rename_new(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.call("rename to", to, || match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if to.symlink_metadata().is_err() => {
                fs::rename(from, to)
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Err(io::ErrorKind::AlreadyExists.into()),
            other => other.map_err(io::Error::from),
        })
    }

    /// Swaps two paths in one atomic step; `false` where the file system cannot.
    pub(crate) fn exchange(&self, one: &Path, other: &Path) -> Result<bool, DiskError> {
        if !self.point.exchanges() {
            return Ok(false);
        }
        self.call("exchange", other, || match rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
            Err(error) => Err(error.into()),
        })
    }

    /// Removes a file; one that is gone already is no error.
    pub(crate) fn remove_file(&self, path: &Path) -> Result<(), DiskError> {
        self.call("remove", path, || gone_is_fine(fs::remove_file(path)))
    }

    /// Creates a folder with its owner and mode; one that exists already is left as it is.
    pub(crate) fn make_folder(&self, path: &Path, attributes: Attributes) -> Result<(), DiskError> {
        use std::os::unix::fs::DirBuilderExt;
        let made = self.call("create the folder", path, || fs::DirBuilder::new().mode(0o700).create(path));
        match made {
            Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            other => other?,
        }
        let folder = File::open(path).map_err(failed("open", path))?;
        self.set_attributes(&folder, path, attributes)
    }

    /// Removes a folder if it is empty; one that is gone already, or holds something, is no error.
    pub(crate) fn remove_empty_folder(&self, path: &Path) -> Result<(), DiskError> {
        let removed = self.call("remove", path, || gone_is_fine(fs::remove_dir(path)));
        match removed {
            Err(error) if error.source.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            other => other,
        }
    }

    /// Cuts a file to its first `length` bytes.
    pub(crate) fn truncate(&self, file: &File, path: &Path, length: u64) -> Result<(), DiskError> {
        self.call("truncate", path, || file.set_len(length))
    }
}

/// Only root can give a file to another user, and only members can give one to a group. A group that cannot be given is let
/// go: whoever compiles in the live tree leaves files of his own group as well, and what nobody could read then has been
/// refused before (`ground`).
fn give(file: &File, now: Attributes, wanted: Attributes) -> io::Result<()> {
    use std::os::unix::fs::fchown;
    if now.uid != wanted.uid {
        fchown(file, Some(wanted.uid), None)?;
    }
    match fchown(file, None, Some(wanted.gid)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
