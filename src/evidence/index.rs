//! What is in each file, remembered by what the file system says of it: as git's index does, so that a tree that did not
//! change is not read again.
//!
//! A change that keeps the size and puts the modification time back still moves the time of the last status change
//! (`ctime`), which no program can set. A file whose `ctime` is not safely older than the index is read again: it may have
//! been written once more within the same tick of the clock.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::sealed;
use crate::plain_file;
use crate::staging::{Item, Kind, Listing};

/// Seconds: no file system in use has coarser times.
const TICK: i64 = 2;

/// Another number means another shape of what is stored.
const SHAPE: u32 = 2;

/// What the file system says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stat {
    device: u64,
    inode: u64,
    /// Without its kind.
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
            mode: metadata.mode() & 0o7777,
            owner: (metadata.uid(), metadata.gid()),
            size: metadata.size(),
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
            ctime: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The same of what a look has seen; none for what is no file, or a link that is watched for the file behind it.
    pub(super) fn of_file(item: &Item) -> Option<Self> {
        let (entry, device, owner) = (&item.entry, item.device, item.owner);
        (entry.kind == Kind::File && entry.target.is_none()).then_some(Self {
            device,
            inode: entry.inode,
            mode: entry.mode,
            owner,
            size: entry.size,
            mtime: entry.mtime,
            ctime: entry.ctime,
        })
    }

    /// Seconds of the last change of anything.
    pub(super) const fn changed(&self) -> i64 {
        self.ctime.0
    }

    /// True if a file that was read after `began` can have been written since only so that its `ctime` tells.
    pub(super) const fn is_settled(&self, began: i64) -> bool {
        self.ctime.0 + TICK <= began
    }

    /// In bytes.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }
}

/// The hash of a file's bytes.
pub(super) type Content = [u8; blake3::OUT_LEN];

#[derive(Serialize, Deserialize)]
struct Stored {
    shape: u32,
    /// When the reading began, in the file system's own time.
    began: i64,
    /// By the paths of the folders on the disk.
    folders: HashMap<String, Folder>,
}

/// The files of one folder, packed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Folder {
    /// One after the other, in their order.
    names: String,
    files: Vec<Known>,
}

/// One file: where its name ends, what the file system said of it, and what was in it.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    end: usize,
    stat: Stat,
    content: Content,
}

/// The files of earlier looks at a tree.
#[derive(Debug, Default)]
pub(super) struct Index {
    began: i64,
    folders: HashMap<String, Folder>,
}

impl Index {
    /// Reads the index; an empty one if there is none that can be believed.
    pub(super) fn read(path: &Path) -> Self {
        sealed::read(path).map_or_else(Self::default, |bytes| Self::of(&bytes))
    }

    /// Reads the bytes of one.
    pub(super) fn of(bytes: &[u8]) -> Self {
        match postcard::from_bytes(bytes) {
            Ok(Stored { shape: SHAPE, began, folders }) => Self { began, folders },
            _ => Self::default(),
        }
    }

    /// Writes what was seen in a look that began at `began`: each folder, and what is in its files, in the order of its names;
    /// and gives it. A name that is not text is read again each time.
    pub(super) fn write<'a>(
        path: &Path,
        began: i64,
        seen: impl Iterator<Item = (&'a Listing, &'a [Option<Content>])>,
    ) -> io::Result<Self> {
        let mut files: HashMap<&str, Vec<(&str, Stat, Content)>> = HashMap::new();
        for (listing, contents) in seen {
            let Some(folder) = listing.source.to_str() else { continue };
            let known = listing.iter().zip(contents);
            let known =
                known.filter_map(|((name, item), content)| Some((name.to_str()?, Stat::of_file(item)?, (*content)?)));
            files.entry(folder).or_default().extend(known);
        }
        let folders = files.into_iter().map(|(folder, files)| (folder.to_owned(), Folder::of(files))).collect();
        let stored = Stored { shape: SHAPE, began, folders };
        sealed::write(path, &postcard::to_stdvec(&stored).map_err(io::Error::other)?)?;
        Ok(Self { began, folders: stored.folders })
    }

    /// What is known of a folder, by its path on the disk.
    pub(super) fn folder(&self, path: &Path) -> Option<&Folder> {
        self.folders.get(path.to_str()?)
    }

    /// The content of a file of that folder that has not been touched since.
    pub(super) fn content(&self, folder: &Folder, name: &OsStr, stat: &Stat) -> Option<Content> {
        let known = folder.find(name).filter(|known| known.stat == *stat);
        known.filter(|known| known.stat.is_settled(self.began)).map(|known| known.content)
    }

    /// What was in a file when it was last read, whatever has become of it since.
    pub(super) fn last_content(&self, path: &Path) -> Option<Content> {
        Some(self.folder(path.parent()?)?.find(path.file_name()?)?.content)
    }

    /// How many files it knows.
    pub(super) fn len(&self) -> usize {
        self.folders.values().map(|folder| folder.files.len()).sum()
    }
}

impl Folder {
    /// Several links may lead to files of one folder, one by one, in any order.
    fn of(mut files: Vec<(&str, Stat, Content)>) -> Self {
        files.sort_unstable_by_key(|(name, ..)| *name);
        files.dedup_by_key(|(name, ..)| *name);
        let mut folder = Self::default();
        for (name, stat, content) in files {
            folder.names.push_str(name);
            folder.files.push(Known { end: folder.names.len(), stat, content });
        }
        folder
    }

    fn find(&self, name: &OsStr) -> Option<&Known> {
        let name = name.to_str()?;
        let called = |at: usize| {
            let start = at.checked_sub(1).map_or(0, |before| self.files[before].end);
            self.names.get(start..self.files[at].end).unwrap_or_default()
        };
        let (mut low, mut high) = (0, self.files.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match called(middle).cmp(name) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Some(&self.files[middle]),
                Ordering::Greater => high = middle,
            }
        }
        None
    }
}

/// Reads a file, and makes sure that it was the one that was seen, and that nobody wrote to it meanwhile. One that was only touched
/// since it was seen (linked by a backup, say) is read as it is now.
pub(super) fn read_content(path: &Path, seen: &Stat) -> io::Result<Content> {
    let mut file = plain_file::open_itself(path)?;
    let before = Stat::of(&file.metadata()?);
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
    if Stat::of(&file.metadata()?) == before && (Stat { ctime: seen.ctime, ..before }) == *seen {
        Ok(*hasher.finalize().as_bytes())
    } else {
        Err(io::Error::other("it changed while it was read"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staging::{Role, look_at, whole_tree_at};

    fn written(folder: &Path, index: &Path, began: i64) -> Index {
        let listings = whole_tree_at(folder, Path::new(""), None).unwrap();
        let read =
            |(name, item): (&OsStr, &Item)| Some(read_content(&folder.join(name), &Stat::of_file(item)?).unwrap());
        let contents: Vec<Option<Content>> = listings[0].iter().map(read).collect();
        Index::write(index, began, std::iter::once((&listings[0], &contents[..]))).unwrap();
        Index::read(index)
    }

    #[test]
    fn a_file_whose_status_changed_as_the_index_was_made_is_not_believed() {
        let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let index = state.path().join("index");
        for name in ["a.scss", "b", "c.scss"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        std::fs::create_dir(folder.path().join("bb")).unwrap();
        let stat = |name| Stat::of(&std::fs::symlink_metadata(folder.path().join(name)).unwrap());
        let remembered = |began: i64, name: &str, stat: &Stat| {
            let index = written(folder.path(), &index, began);
            index.content(index.folder(folder.path())?, OsStr::new(name), stat)
        };
        let last = stat("c.scss").changed();
        for name in ["a.scss", "b", "c.scss"] {
            let content = *blake3::hash(name.as_bytes()).as_bytes();
            assert_eq!(remembered(last + TICK, name, &stat(name)), Some(content), "{name}");
        }
        for name in ["", "a", "bb", "d"] {
            assert_eq!(remembered(last + TICK, name, &stat("b")), None, "{name}");
        }
        // Written once more within the same tick of the clock, it would look the same; after a clock that was set back, too.
        for began in [last + TICK - 1, last, last - 86_400] {
            assert_eq!(remembered(began, "c.scss", &stat("c.scss")), None, "{began}");
        }
        let touched = Stat { ctime: (last, stat("b").ctime.1 + 1), ..stat("b") };
        assert_eq!(remembered(last + TICK, "b", &touched), None, "only its status changed");
        let known = written(folder.path(), &index, last);
        assert_eq!(known.last_content(&folder.path().join("b")), Some(*blake3::hash(b"b").as_bytes()));
        assert_eq!((known.len(), known.last_content(&folder.path().join("bb"))), (3, None));
    }

    /// Each of several links to files of one folder is seen as a listing of its own.
    #[test]
    fn files_of_one_folder_that_were_seen_one_by_one_are_all_known() {
        let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let names = ["themes.yml", "database.yml", "a"];
        let one = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, name).unwrap();
            let mut listing = Listing::new(Path::new("config"), folder.path(), 1);
            listing.push(OsStr::new(name), Item::new(look_at(&path).unwrap(), Role::default()));
            (listing, [Some(*blake3::hash(name.as_bytes()).as_bytes())])
        };
        let seen = names.map(one);
        let path = state.path().join("index");
        Index::write(&path, 0, seen.iter().map(|(listing, content)| (listing, &content[..]))).unwrap();
        let known = Index::read(&path);
        for name in names {
            let content = Some(*blake3::hash(name.as_bytes()).as_bytes());
            assert_eq!(known.last_content(&folder.path().join(name)), content, "{name}");
        }
    }

    #[test]
    fn a_file_that_was_touched_since_it_was_seen_is_read_and_one_that_was_written_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "1").unwrap();
        let facts = || std::fs::symlink_metadata(&path).unwrap();
        let seen = Stat::of(&facts());
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::hard_link(&path, folder.path().join("backup")).unwrap();
        assert_ne!(Stat::of(&facts()), seen, "its ctime has moved");
        assert_eq!(read_content(&path, &seen).unwrap(), *blake3::hash(b"1").as_bytes());
        let modified = facts().modified().unwrap();
        std::fs::write(&path, "12").unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert!(read_content(&path, &seen).is_err(), "another size");
        std::fs::write(&path, "2").unwrap();
        assert!(read_content(&path, &seen).is_err(), "another time");
        std::fs::write(folder.path().join("other"), "1").unwrap();
        std::fs::rename(folder.path().join("other"), &path).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert!(read_content(&path, &seen).is_err(), "another file");
    }

    #[test]
    fn what_another_version_has_stored_is_not_read() {
        let stored = |shape| {
            let folder = Folder { names: "a".to_owned(), files: Vec::new() };
            postcard::to_stdvec(&Stored { shape, began: 1, folders: HashMap::from([("/".to_owned(), folder)]) })
                .unwrap()
        };
        assert!(Index::of(&stored(SHAPE)).folder(Path::new("/")).is_some());
        assert!(Index::of(&stored(SHAPE + 1)).folder(Path::new("/")).is_none());
    }
}
