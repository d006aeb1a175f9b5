//! What a build has left in its stage, and where it is taken from.

use std::fs;
use std::io;
use std::path::Path;

use super::{FOLDERS, Verified, is_plain_folder, may_be_kept};
use crate::staging::{Kind, make_plain, whole_tree_at};

/// What a build has left.
#[derive(Debug, Clone, Copy)]
pub struct Left<'a> {
    /// The staged tree.
    pub tree: &'a Path,
    /// Where what was written to it lies and can be taken from; none if it has to stay.
    pub written: Option<&'a Path>,
    /// What an overlay showed in the tree, if it did: what was not written is the same still.
    pub shown: Option<&'a Verified>,
}

impl Left<'_> {
    /// The files that it has left in the folders of caches, relative to the tree, and how many bytes each holds.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn files(&self) -> io::Result<Vec<(String, u64)>> {
        let folders = FOLDERS.iter().map(Path::new).filter(|folder| is_plain_folder(self.tree, folder));
        let mut files = Vec::new();
        for folder in folders {
            for listing in whole_tree_at(&self.tree.join(folder), folder, None).map_err(io::Error::other)? {
                let kept = listing.iter().filter(|(_, item)| item.entry.kind == Kind::File);
                let kept = kept.map(|(name, item)| (listing.place.join(name), item.entry.size));
                let kept = kept.filter(|(place, _)| may_be_kept(place));
                files.extend(kept.filter_map(|(place, size)| Some((place.into_os_string().into_string().ok()?, size))));
            }
        }
        Ok(files)
    }

    /// True if, with its files known, the tree need not be read to keep them under `key`: only what was written is.
    #[must_use]
    pub fn is_read(&self, key: &str) -> bool {
        self.written.is_some() && self.shown(key).is_some()
    }

    /// What was shown under this key.
    pub(super) fn shown(&self, key: &str) -> Option<&Verified> {
        self.shown.filter(|shown| shown.list.key == key)
    }

    pub(super) fn was_written(&self, place: &str) -> bool {
        self.written.is_none_or(|written| fs::symlink_metadata(written.join(place)).is_ok())
    }

    /// Moves the file at `place`, or copies one that has to stay.
    pub(super) fn hand_over(&self, place: &str, to: &Path) -> io::Result<()> {
        match self.written.map(|written| written.join(place)).filter(|from| from.exists()) {
            Some(from) => {
                make_plain(&from)?;
                fs::rename(&from, to).or_else(|_| fs::copy(&from, to).map(|_| ()))
            }
            None => fs::copy(self.tree.join(place), to).map(|_| ()),
        }
    }
}
