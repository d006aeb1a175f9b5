//! What is kept, after its files were compared with the list.

use std::path::{Path, PathBuf};

use super::list::{Checksum, FileList, checksum};
use super::{FOLDERS, is_plain_folder};
use crate::staging::{Change, Inventory, What, covers_what_is_below, differences};

/// What is kept, compared with its checksums.
#[derive(Debug)]
pub struct Verified {
    pub(super) list: FileList,
    pub(super) tree: PathBuf,
    /// As it stood before its files were read.
    pub(super) seen: Inventory,
    /// Whether an isolated build may change all of it.
    pub(super) is_ours: bool,
}

impl Verified {
    /// How many files, and how many bytes they hold.
    #[must_use]
    pub fn size(&self) -> (usize, u64) {
        (self.list.files.len(), self.list.files.values().map(Checksum::bytes).sum())
    }

    /// True if nobody has written to it since. A file that was only touched (linked by a backup, given the mode that it had)
    /// counts by its content.
    #[must_use]
    pub fn stands_still(&self) -> bool {
        let is_same = |(place, what): &Change| *what == What::Touched && self.is_as_listed(place);
        Inventory::of_tree(&self.tree).is_ok_and(|now| differences(&self.seen, &now).iter().all(is_same))
    }

    fn is_as_listed(&self, place: &Path) -> bool {
        let listed = place.to_str().and_then(|place| self.list.files.get(place));
        listed.is_some_and(|known| checksum(&self.tree.join(place)).is_ok_and(|found| found == *known))
    }

    /// The folders that an overlay can show as a layer above the live tree, and the tree that holds them; none where it cannot.
    #[must_use]
    pub fn layer(&self) -> Option<(&Path, Vec<&'static Path>)> {
        let held = FOLDERS.into_iter().map(Path::new).filter(|folder| is_plain_folder(&self.tree, folder));
        let held: Vec<&Path> = held.collect();
        let is_marked = held.iter().all(|folder| covers_what_is_below(&self.tree.join(folder)));
        (self.is_ours && is_marked && !held.is_empty()).then_some((self.tree.as_path(), held))
    }
}
