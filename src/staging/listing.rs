//! What stands in one folder, packed: a tree of sixty thousand files is seven thousand of these.
//!
//! It must not know what a tree is read for.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::inventory::Entry;
use super::walk::Seen;

/// What is done with one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Role {
    /// It must not change.
    pub(super) watched: bool,
    /// It is a file that the stage gets.
    pub(super) copied: bool,
    /// Whether it stands in the live tree itself and is ours: an overlay shows it as it is, and lets a build change it.
    pub(super) shows_through: bool,
    /// What is in it, or where it leads, is nobody's business.
    pub(crate) closed: bool,
}

/// One name in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Where its name ends among the names.
    end: usize,
    pub(crate) entry: Entry,
    /// The number of its file system.
    pub(crate) device: u64,
    /// The user and the group that it belongs to.
    pub(crate) owner: (u32, u32),
    pub(crate) role: Role,
}

impl Item {
    pub(crate) fn new(seen: Seen, role: Role) -> Self {
        let Seen { entry, device, owner, .. } = seen;
        Self { end: 0, entry, device, owner, role }
    }
}

/// The names in one folder, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// Relative to the tree's root.
    pub(crate) place: PathBuf,
    /// Where the folder lies on the disk.
    pub(crate) source: PathBuf,
    /// Bytes that the files in it which the stage gets take on the disk.
    pub(super) disk_bytes: u64,
    /// One after the other.
    names: OsString,
    items: Vec<Item>,
}

impl Listing {
    /// An empty one, with room for so many names.
    pub(crate) fn new(place: &Path, source: &Path, names: usize) -> Self {
        let (place, source) = (place.to_path_buf(), source.to_path_buf());
        Self {
            place,
            source,
            disk_bytes: 0,
            names: OsString::with_capacity(names * 16),
            items: Vec::with_capacity(names),
        }
    }

    /// Takes in the name that comes next in the order.
    pub(crate) fn push(&mut self, name: &OsStr, item: Item) {
        self.names.push(name);
        self.items.push(Item { end: self.names.len(), ..item });
    }

    /// The names and what they stand for.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsStr, &Item)> {
        let starts = std::iter::once(0).chain(self.items.iter().map(|item| item.end));
        starts.zip(&self.items).map(|(start, item)| (self.name(start, item.end), item))
    }

    /// What a name stands for.
    pub(super) fn find(&self, name: &OsStr) -> Option<&Item> {
        self.position(name).map(|at| &self.items[at])
    }

    /// Puts something else in the place of what a name stood for; nothing if there is no such name.
    pub(super) fn replace(&mut self, name: &OsStr, item: Item) {
        if let Some(at) = self.position(name) {
            self.items[at] = Item { end: self.items[at].end, ..item };
        }
    }

    /// How many names it has.
    pub(crate) const fn len(&self) -> usize {
        self.items.len()
    }

    /// The same folder with the chosen names alone; none if there are none.
    pub(super) fn only(&self, chosen: impl Fn(&Item) -> bool) -> Option<Self> {
        let mut part = Self::new(&self.place, &self.source, 0);
        self.iter().filter(|(_, item)| chosen(item)).for_each(|(name, item)| part.push(name, item.clone()));
        (!part.items.is_empty()).then_some(part)
    }

    /// Leaves out of the stage what it was to get of this folder; gives the entries.
    pub(super) fn leave_out(&mut self) -> impl Iterator<Item = &Item> {
        let copied = self.items.iter_mut().filter(|item| item.role.copied);
        copied.map(|item| {
            item.role.copied = false;
            &*item
        })
    }

    fn position(&self, name: &OsStr) -> Option<usize> {
        let start = |at: usize| at.checked_sub(1).map_or(0, |before| self.items[before].end);
        let (mut low, mut high) = (0, self.items.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.name(start(middle), self.items[middle].end).cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn name(&self, start: usize, end: usize) -> &OsStr {
        OsStr::from_bytes(&self.names.as_bytes()[start..end])
    }
}

/// Brings listings into the order of their folders: parents before what is in them.
pub(super) fn sort(listings: &mut [Listing]) {
    listings.sort_unstable_by(|one, other| order(&one.place, &other.place));
}

/// By bytes: quicker than by the parts of the paths, and as good.
pub(crate) fn order(one: &Path, other: &Path) -> std::cmp::Ordering {
    one.as_os_str().as_bytes().cmp(other.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staging::Kind;

    fn item(size: u64, role: Role) -> Item {
        let entry = Entry { kind: Kind::File, size, mode: 0o644, mtime: (0, 0), ctime: (0, 0), inode: 1, target: None };
        Item::new(Seen { entry, disk_bytes: size, device: 1, owner: (0, 0) }, role)
    }

    fn told(listing: &Listing) -> Vec<(&str, u64)> {
        listing.iter().map(|(name, item)| (name.to_str().unwrap(), item.entry.size)).collect()
    }

    #[test]
    fn names_come_out_as_they_went_in_and_are_found() {
        let mut listing = Listing::new(Path::new("a"), Path::new("/live/a"), 2);
        let names = ["", "a", "a-b", "b", "bb"];
        for (size, name) in (0..).zip(names) {
            listing.push(OsStr::new(name), item(size, Role { copied: size == 3, ..Role::default() }));
        }
        assert_eq!(told(&listing), [("", 0), ("a", 1), ("a-b", 2), ("b", 3), ("bb", 4)]);
        let found = |name: &str| listing.find(OsStr::new(name)).map(|item| item.entry.size);
        assert_eq!(names.map(found), [Some(0), Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(["A", "aa", "c"].map(found), [None, None, None]);
        assert_eq!(told(&listing.only(|item| item.role.copied).unwrap()), [("b", 3)]);
        assert!(listing.only(|item| item.role.shows_through).is_none());
        listing.replace(OsStr::new("a-b"), item(9, Role::default()));
        listing.replace(OsStr::new("nobody"), item(9, Role::default()));
        assert_eq!(told(&listing), [("", 0), ("a", 1), ("a-b", 9), ("b", 3), ("bb", 4)]);
    }
}
