//! Copies one file: by reflink where the file system can, else in the kernel, holes kept. Never by hard link, because
//! bundlers cut files in place and would write through it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, IoSliceMut, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, Mode, OFlags, SeekFrom, Timespec, Timestamps, openat};
use rustix::io::{Errno, ReadWriteFlags};

use super::crew::Crew;
use super::error::StagingError;
use super::inventory::Entry;

/// How files reach the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Nothing is copied: the live tree shows through, and what is written goes to a layer above it.
    Overlay,
    /// The file system shares the blocks until one side writes: no time, no room.
    Reflink,
    /// Every byte is copied.
    Copy,
}

impl Method {
    /// The word used in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Reflink => "reflink",
            Self::Copy => "copy",
        }
    }
}

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Copied {
    /// So many bytes, and the file was the one that had been seen.
    Same(u64),
    /// It was written to since it had been seen.
    Moved(u64),
    /// It vanished since it had been seen.
    Gone,
}

/// A file up to this size is read and written through the buffer: two calls instead of five.
const SMALL: u64 = 64 * 1024;

/// Where the last read of the file ended (preadv2(2)).
const HERE: u64 = u64::MAX;

/// Bytes per call for the others, so that an interruption is heard in time.
const CHUNK: usize = 16 * 1024 * 1024;

/// Copies files, and remembers whether reflinks work here.
#[derive(Debug)]
pub(super) struct Copier<'a> {
    reflink: AtomicBool,
    /// The permission bits that a new file gets if it asks for all.
    mask: u32,
    interrupted: &'a AtomicBool,
    /// Told when the disk has to be waited for.
    crew: &'a Crew,
}

impl<'a> Copier<'a> {
    pub(super) fn new(method: Method, mask: u32, interrupted: &'a AtomicBool, crew: &'a Crew) -> Self {
        Self { reflink: AtomicBool::new(method == Method::Reflink), mask, interrupted, crew }
    }

    /// Copies content, permission bits (set-user-id and set-group-id dropped) and times.
    pub(super) fn file(
        &self,
        folders: &Folders<'_>,
        name: &OsStr,
        seen: &Entry,
        buffer: &mut Vec<u8>,
    ) -> Result<Copied, StagingError> {
        let Some(from) = folders.source(name)? else { return Ok(Copied::Gone) };
        let unreadable = |error: io::Error| StagingError::unreadable(&folders.from.join(name), error);
        let unwritable = |error: io::Error| StagingError::unwritable(&folders.to.join(name), error);
        let mode = seen.mode & 0o777;
        let mut to = folders.target(name, mode)?;
        let now = from.metadata().map_err(unreadable)?;
        if !now.is_file() {
            return Ok(Copied::Gone);
        }
        let bytes =
            self.content(&from, &mut to, now.len(), now.blocks() * 512, buffer).map_err(|failure| match failure {
                Failure::Interrupted => StagingError::Interrupted,
                Failure::Reading(error) => unreadable(error),
                Failure::Writing(error) => unwritable(error),
            })?;
        // Most files have got their mode by being made.
        let wanted = (mode & !self.mask != 0).then_some(mode);
        settle(&to, wanted, now.mtime(), now.mtime_nsec()).map_err(unwritable)?;
        let same = (now.mtime(), now.mtime_nsec()) == seen.mtime && bytes == seen.size;
        Ok(if same { Copied::Same(bytes) } else { Copied::Moved(bytes) })
    }

    fn content(
        &self,
        from: &File,
        to: &mut File,
        size: u64,
        on_disk: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<u64, Failure> {
        if size == 0 {
            return Ok(0);
        }
        if self.reflink.load(Ordering::Relaxed) {
            match rustix::fs::ioctl_ficlone(&*to, from) {
                Ok(()) => return Ok(size),
                Err(Errno::OPNOTSUPP | Errno::XDEV | Errno::NOTTY | Errno::NOSYS) => {
                    self.reflink.store(false, Ordering::Relaxed);
                }
                // This file cannot be cloned; others may.
                Err(_) => {}
            }
        }
        if size <= SMALL {
            return self.small(from, to, size, buffer);
        }
        if on_disk < size { self.with_holes(from, to, size) } else { self.range(from, to, 0, u64::MAX) }
    }

    /// Copies the parts that hold data, and leaves the holes as holes.
    fn with_holes(&self, from: &File, to: &File, size: u64) -> Result<u64, Failure> {
        to.set_len(size).map_err(Failure::Writing)?;
        let mut position = 0;
        loop {
            let data = match rustix::fs::seek(from, SeekFrom::Data(position)) {
                Ok(data) => data,
                Err(Errno::NXIO) => return Ok(size),
                // The file system does not tell holes from data.
                Err(_) => return self.range(from, to, 0, u64::MAX),
            };
            let hole = rustix::fs::seek(from, SeekFrom::Hole(data)).unwrap_or(size);
            // It may have grown, or been cut off, since its size was asked for.
            self.range(from, to, data, hole.saturating_sub(data))?;
            position = hole.max(data + 1);
        }
    }

    /// Copies up to `length` bytes from `start` on; returns where it ended.
    fn range(&self, from: &File, to: &File, start: u64, length: u64) -> Result<u64, Failure> {
        let (mut reading, mut writing) = (start, start);
        let end = start.saturating_add(length);
        while reading < end {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(Failure::Interrupted);
            }
            let wanted = usize::try_from(end - reading).unwrap_or(CHUNK).min(CHUNK);
            match rustix::fs::copy_file_range(from, Some(&mut reading), to, Some(&mut writing), wanted) {
                Ok(0) if reading > start => break,
                Ok(count) if count > 0 => {}
                Err(Errno::INTR) => {}
                Err(error @ (Errno::NOSPC | Errno::DQUOT)) => return Err(Failure::Writing(error.into())),
                // Some file systems refuse it, each with an error of its own, and some copy nothing without one (FUSE, CIFS);
                // reading and writing also tells which of the two fails.
                Ok(_) | Err(_) => return self.plain(from, to, reading, end),
            }
        }
        Ok(reading)
    }

    fn small(&self, mut from: &File, to: &mut File, size: u64, buffer: &mut Vec<u8>) -> Result<u64, Failure> {
        // One byte more than expected: shows in the same call whether the file has grown.
        buffer.resize(usize::try_from(size).unwrap_or(0) + 1, 0);
        let mut count = self.read(from, buffer)?;
        if count as u64 != size {
            // It changes while it is read, or the rest of it is still on the disk: as much as there is now.
            buffer.truncate(count);
            count += from.read_to_end(buffer).map_err(Failure::Reading)?;
        }
        to.write_all(&buffer[..count]).map_err(Failure::Writing)?;
        Ok(count as u64)
    }

    /// What is in memory at once, if everybody does not work yet.
    fn read(&self, mut from: &File, buffer: &mut [u8]) -> Result<usize, Failure> {
        if !self.crew.is_complete() {
            let mut into = [IoSliceMut::new(buffer)];
            match rustix::io::preadv2(from, &mut into, HERE, ReadWriteFlags::NOWAIT) {
                Ok(count) => return Ok(count),
                // It has to be waited for, or this file system does not say.
                Err(_) => self.crew.call_all(),
            }
        }
        loop {
            match from.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => return other.map_err(Failure::Reading),
            }
        }
    }

    fn plain(&self, from: &File, to: &File, start: u64, end: u64) -> Result<u64, Failure> {
        let mut buffer = vec![0; 256 * 1024];
        let mut position = start;
        while position < end && !self.interrupted.load(Ordering::Relaxed) {
            let wanted = usize::try_from(end - position).unwrap_or(buffer.len()).min(buffer.len());
            let count = match from.read_at(&mut buffer[..wanted], position) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::Reading(error)),
            };
            to.write_all_at(&buffer[..count], position).map_err(Failure::Writing)?;
            position += count as u64;
        }
        Ok(position)
    }
}

/// A folder of the live tree and the one that its files are copied to.
pub(super) struct Folders<'a> {
    from: &'a Path,
    to: &'a Path,
    /// None if it is gone.
    from_opened: Option<OwnedFd>,
    to_opened: OwnedFd,
}

impl<'a> Folders<'a> {
    /// Opens both, that the way to them is gone once and not for each file.
    pub(super) fn open(from: &'a Path, to: &'a Path) -> Result<Self, StagingError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let from_opened = match openat(CWD, from, flags, Mode::empty()) {
            Ok(opened) => Some(opened),
            // Gone, or something else has its name now.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => None,
            Err(error) => return Err(StagingError::unreadable(from, error)),
        };
        let to_opened = openat(CWD, to, flags, Mode::empty()).map_err(|error| StagingError::unwritable(to, error))?;
        Ok(Self { from, to, from_opened, to_opened })
    }

    /// None if there is no such file any more.
    fn source(&self, name: &OsStr) -> Result<Option<File>, StagingError> {
        let Some(folder) = &self.from_opened else { return Ok(None) };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match openat(folder, name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(file.into())),
            Err(Errno::NOENT | Errno::LOOP) => Ok(None),
            Err(error) => Err(StagingError::unreadable(&self.from.join(name), error)),
        }
    }

    fn target(&self, name: &OsStr, mode: u32) -> Result<File, StagingError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        openat(&self.to_opened, name, flags, Mode::from_raw_mode(mode))
            .map(File::from)
            .map_err(|error| StagingError::unwritable(&self.to.join(name), error))
    }
}

enum Failure {
    Interrupted,
    Reading(io::Error),
    Writing(io::Error),
}

fn settle(to: &File, mode: Option<u32>, seconds: i64, nanoseconds: i64) -> io::Result<()> {
    if let Some(mode) = mode {
        rustix::fs::fchmod(to, Mode::from_raw_mode(mode))?;
    }
    rustix::fs::futimens(to, &times(seconds, nanoseconds))?;
    Ok(())
}

/// The access time is set to the same moment: nothing reads it, and the live file's own must not be asked for.
pub(super) fn times(seconds: i64, nanoseconds: i64) -> Timestamps {
    let moment = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    Timestamps { last_access: moment, last_modification: moment }
}

/// Tries one clone: the only way to know is to do it.
pub(super) fn probe(source: Option<&Path>, folder: &Path) -> Method {
    let Some(source) = source else { return Method::Copy };
    let trial = folder.join("reflink-trial");
    let worked = reflink_copy::reflink(source, &trial).is_ok();
    // Left behind, it would be removed with the stage.
    let _removed = std::fs::remove_file(&trial);
    if worked { Method::Reflink } else { Method::Copy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_a_link_has_taken_the_place_of_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let [real, link, to] = ["real", "link", "to"].map(|name| folder.path().join(name));
        std::fs::create_dir_all(&real).unwrap();
        std::fs::create_dir_all(&to).unwrap();
        std::fs::write(real.join("file"), "secret").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let found =
            |from: &Path, name: &str| Folders::open(from, &to).unwrap().source(OsStr::new(name)).unwrap().is_some();
        assert!(found(&real, "file"));
        assert!(!found(&link, "file") && !found(&real, "other") && !found(&real.join("file"), "file"));
    }
}
