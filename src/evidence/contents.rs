//! What is in each file of a tree, as far as it is known: of the digest that was made last, or of an index of earlier ones.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::index::{Content, Folder, Index, Stat, read_content};

/// The contents of a tree's files.
#[derive(Debug, Default)]
pub struct Contents {
    /// What earlier looks have seen.
    index: Arc<Index>,
    /// What the index did not tell, and was read.
    newer: HashMap<PathBuf, (Stat, Content)>,
    /// The time by the file system's own clock before that was read.
    began: i64,
}

impl Contents {
    /// Those that an index tells.
    pub(super) fn of(index: Index) -> Self {
        Self { index: Arc::new(index), ..Self::default() }
    }

    /// The same, and what was read since.
    pub(super) fn and(&self, newer: HashMap<PathBuf, (Stat, Content)>, began: i64) -> Self {
        Self { index: Arc::clone(&self.index), newer, began }
    }

    /// What the index knows of a folder, by its path on the disk.
    pub(super) fn folder(&self, path: &Path) -> Option<&Folder> {
        self.index.folder(path)
    }

    /// How many files the index knows.
    pub(super) fn indexed(&self) -> usize {
        self.index.len()
    }

    /// The content of a file that has not been touched since; `indexed` is its folder.
    pub(super) fn content(
        &self,
        indexed: Option<&Folder>,
        folder: &Path,
        name: &OsStr,
        stat: &Stat,
    ) -> Option<Content> {
        indexed.and_then(|indexed| self.index.content(indexed, name, stat)).or_else(|| {
            let settled = !self.newer.is_empty() && stat.is_settled(self.began);
            let (seen, content) = self.newer.get(&folder.join(name)).filter(|_| settled)?;
            (seen == stat).then_some(*content)
        })
    }

    /// Whether the file at `path` holds what it held then; none if nobody knows, as of one whose name is no text.
    #[must_use]
    pub fn is_same(&self, path: &Path) -> Option<bool> {
        let path = fs::canonicalize(path).ok()?;
        let newer = self.newer.get(&path).map(|(_, content)| *content);
        let before = newer.or_else(|| self.index.last_content(&path))?;
        let now = fs::symlink_metadata(&path).and_then(|facts| read_content(&path, &Stat::of(&facts)));
        Some(now.is_ok_and(|now| now == before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It may have been written once more within the same tick of the clock, in as many bytes.
    #[test]
    fn a_file_that_was_young_when_it_was_read_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "1").unwrap();
        let (stat, content) = (Stat::of(&fs::symlink_metadata(&path).unwrap()), *blake3::hash(b"1").as_bytes());
        let known = |began: i64, stat: Stat| {
            let contents = Contents::default().and(HashMap::from([(path.clone(), (stat, content))]), began);
            let of = |name: &str| contents.content(None, folder.path(), OsStr::new(name), &stat);
            assert_eq!(of("b"), None);
            of("a")
        };
        assert_eq!(known(stat.changed() + 2, stat), Some(content));
        assert_eq!((known(stat.changed() + 1, stat), known(stat.changed(), stat)), (None, None));
    }
}
