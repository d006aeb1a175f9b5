//! What a build has left in its stage, and where it is taken from.

use std::fs;
use std::io;
use std::path::Path;

use super::Verified;
use crate::staging::make_plain;

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
