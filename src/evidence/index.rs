//! What is in each file, remembered by what the file system says of it: as git's index does, so that a tree that did not
//! change is not read again.
//!
//! A change that keeps the size and puts the modification time back still moves the time of the last status change
//! (`ctime`), which no program can set. A file whose `ctime` is not safely older than the index is read again: it may have
//! been written once more within the same tick of the clock.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::sealed;

/// Seconds: no file system in use has coarser times.
const TICK: i64 = 2;

/// What the file system says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stat {
    device: u64,
    inode: u64,
    mode: u32,
    owner: (u32, u32),
    size: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
}

impl Stat {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            size: metadata.size(),
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
            ctime: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// What of it a build could notice, beside the content: kind, permissions, owner.
    pub(super) fn noticeable(&self) -> [u32; 3] {
        [self.mode, self.owner.0, self.owner.1]
    }
}

/// The hash of a file's bytes.
pub(super) type Content = [u8; blake3::OUT_LEN];

/// One file: its path, what the file system said of it, and what was in it.
pub(super) type Known<'a> = (&'a Path, Stat, Content);

#[derive(Serialize, Deserialize)]
struct Stored {
    /// When the reading began, in the file system's own time.
    began: i64,
    files: Vec<(String, Stat, Content)>,
}

/// The files of earlier looks at a tree.
#[derive(Debug, Default)]
pub(super) struct Index {
    began: i64,
    // Paths as plain bytes: as paths they would be taken apart for each look.
    files: HashMap<OsString, (Stat, Content)>,
}

impl Index {
    /// Reads the index; an empty one if there is none that can be believed.
    pub(super) fn read(path: &Path) -> Self {
        sealed::read(path).map_or_else(Self::default, |bytes| Self::of(&bytes))
    }

    /// Reads the bytes of one.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let Ok(Stored { began, files }) = postcard::from_bytes(bytes) else { return Self::default() };
        Self { began, files: files.into_iter().map(|(path, stat, content)| (path.into(), (stat, content))).collect() }
    }

    /// Writes what was seen in a look that began at `began`. A name that is not text is read again each time.
    pub(super) fn write<'a>(path: &Path, began: i64, seen: impl Iterator<Item = Known<'a>>) -> io::Result<()> {
        let named = seen.filter_map(|(path, stat, content)| Some((path.to_str()?.to_owned(), stat, content)));
        let bytes = postcard::to_stdvec(&Stored { began, files: named.collect() }).map_err(io::Error::other)?;
        sealed::write(path, &bytes)
    }

    /// The content of a file that has not been touched since.
    pub(super) fn content(&self, path: &Path, stat: &Stat) -> Option<Content> {
        let is_same = |(known, _): &&(Stat, Content)| known == stat && stat.ctime.0 + TICK <= self.began;
        self.files.get::<OsStr>(path.as_ref()).filter(is_same).map(|(_, content)| *content)
    }

    /// What was in a file when it was last read, whatever has become of it since.
    pub(super) fn last_content(&self, path: &Path) -> Option<Content> {
        self.files.get::<OsStr>(path.as_ref()).map(|(_, content)| *content)
    }

    /// How many files it knows.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }
}

/// Reads a file, and makes sure that it was the one that was seen, from beginning to end.
pub(super) fn read_content(path: &Path, seen: &Stat) -> io::Result<Content> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let mut file = File::options().read(true).custom_flags(flags).open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; usize::try_from(seen.size).unwrap_or(usize::MAX).clamp(1, 256 * 1024)];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
    }
    if Stat::of(&file.metadata()?) == *seen {
        Ok(*hasher.finalize().as_bytes())
    } else {
        Err(io::Error::other("it changed while it was read"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_status_changed_as_the_index_was_made_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, index) = (folder.path().join("a.scss"), folder.path().join("index"));
        std::fs::write(&file, "a").unwrap();
        let stat = Stat::of(&std::fs::symlink_metadata(&file).unwrap());
        let content = read_content(&file, &stat).unwrap();
        let remembered = |began: i64| {
            Index::write(&index, began, std::iter::once((file.as_path(), stat, content))).unwrap();
            Index::read(&index).content(&file, &stat)
        };
        assert_eq!(remembered(stat.ctime.0 + TICK), Some(content));
        // Written once more within the same tick of the clock, it would look the same; after a clock that was set back, too.
        for began in [stat.ctime.0 + TICK - 1, stat.ctime.0, stat.ctime.0 - 86_400] {
            assert_eq!(remembered(began), None, "{began}");
        }
        let touched = Stat { ctime: (stat.ctime.0, stat.ctime.1 + 1), ..stat };
        Index::write(&index, stat.ctime.0 + TICK, std::iter::once((file.as_path(), stat, content))).unwrap();
        assert_eq!(Index::read(&index).content(&file, &touched), None, "only its status changed");
    }
}
