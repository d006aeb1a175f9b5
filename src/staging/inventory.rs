//! What stood where at one moment: so that "the live tree is unchanged" and "the build wrote nowhere unexpected" can be shown.
//!
//! It compares names, kinds, sizes, modes, times, inodes and link targets; it reads no content. Where only the time of the last
//! change of anything differs, whoever asks has to compare that.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat};

use super::error::StagingError;
use super::listing::{self, Listing};
use super::scan;

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A socket, a FIFO or a device.
    Special,
}

/// One path at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// In bytes.
    pub size: u64,
    /// Permission bits, set-user-id and the like included.
    pub mode: u32,
    /// Seconds and nanoseconds of the last change of content.
    pub mtime: (i64, i64),
    /// Seconds and nanoseconds of the last change of anything, which no program can set back; a hard link to the file, a
    /// `chmod` or a backup program that puts times back changes it too.
    pub ctime: (i64, i64),
    /// The inode's number: another one means that the file was replaced.
    pub inode: u64,
    /// Where a link points, as it is written.
    pub target: Option<PathBuf>,
}

impl Entry {
    pub(super) fn new(status: &Stat, target: Option<PathBuf>) -> Self {
        Self {
            kind: Kind::of(status.st_mode),
            size: u64::try_from(status.st_size).unwrap_or(0),
            mode: status.st_mode & 0o7777,
            mtime: (status.st_mtime, i64::try_from(status.st_mtime_nsec).unwrap_or(0)),
            ctime: (status.st_ctime, i64::try_from(status.st_ctime_nsec).unwrap_or(0)),
            inode: status.st_ino,
            target,
        }
    }

    /// The same but for the inode, which an overlay gives anew to what it takes into its upper layer.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        !Self { inode: other.inode, ..self.clone() }.differs_from(other)
    }

    /// How it differs from what it was.
    pub(super) fn since(&self, before: &Self) -> Option<What> {
        if self.differs_from(before) {
            return Some(What::Changed);
        }
        (self.kind == Kind::File && self.ctime != before.ctime).then_some(What::Touched)
    }

    /// Folders count by their mode alone: what was put in or taken out is listed by its own name, and an editor's
    /// temporary file that came and went is no change.
    fn differs_from(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (Kind::Folder, Kind::Folder) => self.mode != other.mode,
            (Kind::Link, Kind::Link) => self.target != other.target,
            _ => Self { ctime: other.ctime, ..self.clone() } != *other,
        }
    }
}

impl Kind {
    /// What a path is, links not followed; `mode` as the system gives it.
    pub(crate) const fn of(mode: u32) -> Self {
        match FileType::from_raw_mode(mode) {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Link,
            _ => Self::Special,
        }
    }
}

/// How a path differs between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// It is there, and not the same.
    Changed,
    /// A file of which nothing differs but that something about it was written: its content may have been, by somebody who
    /// kept its size and put its time back.
    Touched,
    /// It cannot be read any more, so nobody knows.
    Unreadable,
}

/// A path, relative to the tree's root, and how it differs.
pub type Change = (PathBuf, What);

/// Name → entry, for everything that is watched in a tree.
#[derive(Debug, Default)]
pub struct Inventory {
    /// In the order of their folders.
    listings: Vec<Listing>,
}

impl Inventory {
    pub(crate) fn new(mut listings: Vec<Listing>) -> Self {
        listing::sort(&mut listings);
        Self { listings }
    }

    /// Reads a whole tree, leaving out nothing.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn of_tree(root: &Path) -> Result<Self, StagingError> {
        Self::of_tree_but(root, &[])
    }

    /// Reads a tree; of the folders `closed`, relative to its root, it sees only that they are there.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn of_tree_but(root: &Path, closed: &[PathBuf]) -> Result<Self, StagingError> {
        Ok(Self::new(scan::whole_tree(root, closed)?))
    }
}

fn watched(listings: &[Listing]) -> impl Iterator<Item = (Name<'_>, &Entry)> {
    let names = |listing| Listing::iter(listing).map(move |(name, item)| (listing, name, item));
    let watched = listings.iter().flat_map(names).filter(|(_, _, item)| item.role.watched);
    watched.map(|(listing, name, item)| (Name { folder: &listing.place, name }, &item.entry))
}

/// What differs between two moments of the same tree, in the order of the names.
#[must_use]
pub fn differences(before: &Inventory, after: &Inventory) -> Vec<Change> {
    changes(&before.listings, &after.listings)
}

/// The same of listings in the order of their folders.
pub(super) fn changes(before: &[Listing], after: &[Listing]) -> Vec<Change> {
    let told = |(path, was, is): (PathBuf, Option<&Entry>, Option<&Entry>)| match (was, is) {
        (Some(_), None) => Some((path, What::Removed)),
        (None, Some(_)) => Some((path, What::Added)),
        (Some(then), Some(now)) => now.since(then).map(|what| (path, what)),
        (None, None) => None,
    };
    unequal_in(before, after).into_iter().filter_map(told).collect()
}

/// Everything that is not the very same at both moments, with what it was and what it is, in the order of the names.
pub(super) fn unequal<'a>(
    before: &'a Inventory,
    after: &'a Inventory,
) -> Vec<(PathBuf, Option<&'a Entry>, Option<&'a Entry>)> {
    unequal_in(&before.listings, &after.listings)
}

fn unequal_in<'a>(before: &'a [Listing], after: &'a [Listing]) -> Vec<(PathBuf, Option<&'a Entry>, Option<&'a Entry>)> {
    let mut unequal = Vec::new();
    // Both stand in the same order: they are gone through side by side.
    let (mut old, mut new) = (watched(before).peekable(), watched(after).peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((was, _)), Some((is, _))) => was.order(is),
        };
        let was = old.next_if(|_| order.is_le());
        let is = new.next_if(|_| order.is_ge());
        if let Some(place) = was.or(is).map(|(name, _)| name) {
            let (was, is) = (was.map(|(_, entry)| entry), is.map(|(_, entry)| entry));
            if was != is {
                unequal.push((place.path(), was, is));
            }
        }
    }
    unequal.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
    unequal
}

/// A path, in two parts.
#[derive(Clone, Copy)]
struct Name<'a> {
    folder: &'a Path,
    name: &'a OsStr,
}

impl Name<'_> {
    fn order(&self, other: &Self) -> Ordering {
        listing::order(self.folder, other.folder).then_with(|| self.name.cmp(other.name))
    }

    fn path(&self) -> PathBuf {
        self.folder.join(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staging::listing::{Item, Role};
    use crate::staging::walk::Seen;

    fn inventory(entries: &[(&str, u64)]) -> Inventory {
        let entry =
            |size| Entry { kind: Kind::File, size, mode: 0o644, mtime: (0, 0), ctime: (0, 0), inode: 1, target: None };
        let mut listings: Vec<Listing> = Vec::new();
        for (path, size) in entries {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            if !listings.iter().any(|listing| listing.place == Path::new(folder)) {
                listings.insert(0, Listing::new(Path::new(folder), Path::new(""), 0));
            }
            let listing = listings.iter_mut().find(|listing| listing.place == Path::new(folder)).unwrap();
            let seen = Seen { entry: entry(*size), disk_bytes: 0, device: 1, owner: (0, 0) };
            let role = Role { watched: *path != "unwatched", ..Role::default() };
            listing.push(OsStr::new(name), Item::new(seen, role));
        }
        Inventory::new(listings)
    }

    #[test]
    fn a_time_that_was_put_back_is_told_and_folders_and_links_are_not_held_to_theirs() {
        let since = |kind, now: (i64, i64)| {
            let entry = Entry { kind, size: 1, mode: 0o644, mtime: (1, 0), ctime: (1, 0), inode: 1, target: None };
            Entry { ctime: now, ..entry.clone() }.since(&entry)
        };
        assert_eq!(since(Kind::File, (1, 1)), Some(What::Touched));
        assert_eq!(since(Kind::File, (1, 0)), None);
        assert_eq!([Kind::Folder, Kind::Link, Kind::Special].map(|kind| since(kind, (2, 0))), [None, None, None]);
    }

    #[test]
    fn differences_are_told_in_the_order_of_the_names() {
        let before = inventory(&[("a", 1), ("a-b", 1), ("a/b", 1), ("c", 1), ("d/e", 1)]);
        let after = inventory(&[("a", 1), ("a/a", 1), ("a/b", 2), ("d/e", 1), ("d/f", 1), ("e", 1)]);
        let told = |before: &Inventory, after: &Inventory| -> Vec<(String, What)> {
            let told = differences(before, after).into_iter();
            told.map(|(path, what)| (path.display().to_string(), what)).collect()
        };
        let change = |path: &str, what| (path.to_owned(), what);
        assert_eq!(
            told(&before, &after),
            [
                change("a/a", What::Added),
                change("a/b", What::Changed),
                change("a-b", What::Removed),
                change("c", What::Removed),
                change("d/f", What::Added),
                change("e", What::Added),
            ]
        );
        assert_eq!(told(&after, &after), []);
        assert_eq!(told(&inventory(&[]), &inventory(&[("a", 1)])), [change("a", What::Added)]);
        assert_eq!(told(&inventory(&[("a", 1)]), &inventory(&[])), [change("a", What::Removed)]);
    }
}
