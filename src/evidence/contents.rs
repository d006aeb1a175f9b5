//! What was in each file of a tree when its question was asked: for a file that was touched meanwhile, and may hold the same.

use std::fs::{self, File};
use std::path::Path;
use std::sync::OnceLock;

use super::index::{Index, Stat, read_content};
use super::{INDEX, sealed};

/// The contents of a tree's files, as the last digest of it has left them.
#[derive(Debug)]
pub struct Contents {
    /// Open, because the next digest puts another one in its place.
    file: File,
    /// Read when it is first asked, which hardly ever happens.
    index: OnceLock<Index>,
}

impl Contents {
    /// Those of the tree whose state folder this is; none if no digest was made of it.
    #[must_use]
    pub fn known(state: &Path) -> Option<Self> {
        let file = sealed::open(&state.join("evidence").join(INDEX))?;
        Some(Self { file, index: OnceLock::new() })
    }

    /// Whether the file at `path` holds what it held then; none if nobody knows, as of one whose name is no text.
    #[must_use]
    pub fn is_same(&self, path: &Path) -> Option<bool> {
        let read = || sealed::read_open(&self.file).map_or_else(Index::default, |bytes| Index::of(&bytes));
        let path = fs::canonicalize(path).ok()?;
        let before = self.index.get_or_init(read).last_content(&path)?;
        let now = fs::symlink_metadata(&path).and_then(|facts| read_content(&path, &Stat::of(&facts)));
        Some(now.is_ok_and(|now| now == before))
    }
}
