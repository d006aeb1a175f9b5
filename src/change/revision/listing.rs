//! All files of a commit's tree: names, kinds and object names, without a look at any content.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Oid, Tree};

use super::repository::Source;
use super::{RevisionError, RevisionName};

/// What a tree's entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file.
    File,
    /// A file that may be run.
    Program,
    /// A symbolic link.
    Link,
    /// A commit of another repository.
    Submodule,
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The object.
    pub(super) id: Oid,
    /// What it is.
    pub(super) kind: Kind,
}

impl Entry {
    /// Whether it is a file, whoever may run it.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File | Kind::Program)
    }

    /// Permission bits, as a checkout gives them with the usual umask.
    pub(super) fn mode(&self) -> u32 {
        if self.kind == Kind::Program { 0o755 } else { 0o644 }
    }
}

/// The entries of a tree.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// By path.
    pub(super) entries: BTreeMap<PathBuf, Entry>,
    /// Names that git itself would refuse to check out.
    pub(super) impossible: Vec<PathBuf>,
}

/// How much a tree may hold.
pub(super) struct Bounds {
    /// Files.
    pub(super) most: usize,
    /// What is read, in a word.
    pub(super) what: &'static str,
}

/// Lists a tree. Trees within trees that repeat themselves without end stop at the bound.
pub(super) fn list(
    source: &Source,
    rev: &RevisionName,
    tree: Tree<'_>,
    bounds: &Bounds,
) -> Result<Listing, RevisionError> {
    let mut listing = Listing::default();
    let mut seen = 0_usize;
    let mut pending = vec![(tree, PathBuf::new())];
    while let Some((tree, folder)) = pending.pop() {
        for found in &tree {
            seen += 1;
            if seen > bounds.most * 2 || listing.entries.len() > bounds.most {
                return Err(too_many(source, rev, bounds));
            }
            let path = folder.join(OsStr::from_bytes(found.name_bytes()));
            if is_impossible(found.name_bytes()) {
                listing.impossible.push(path);
                continue;
            }
            match kind(found.filemode()) {
                Some(kind) => drop(listing.entries.insert(path, Entry { id: found.id(), kind })),
                None => {
                    let inner = source.repository.find_tree(found.id());
                    pending.push((inner.map_err(|error| source.incomplete(rev, &error))?, path));
                }
            }
        }
    }
    Ok(listing)
}

/// The folder `below` of a tree.
pub(super) fn folder_of<'a>(
    source: &'a Source,
    rev: &RevisionName,
    tree: Tree<'a>,
    below: &Path,
) -> Result<Tree<'a>, RevisionError> {
    if below.as_os_str().is_empty() {
        return Ok(tree);
    }
    let found = tree.get_path(below).and_then(|entry| source.repository.find_tree(entry.id()));
    found.map_err(|error| match error.code() {
        ErrorCode::NotFound => {
            RevisionError::NoFolder { path: source.path.clone(), rev: rev.to_string(), folder: below.to_path_buf() }
        }
        _ => source.incomplete(rev, &error),
    })
}

/// `None` for a folder. Modes that git once wrote (0664) are files.
fn kind(mode: i32) -> Option<Kind> {
    match mode & 0o170_000 {
        0o040_000 => None,
        0o120_000 => Some(Kind::Link),
        0o160_000 => Some(Kind::Submodule),
        _ if mode & 0o111 != 0 => Some(Kind::Program),
        _ => Some(Kind::File),
    }
}

/// Names by which a tree would write into git's own folder, or out of the working tree.
fn is_impossible(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let trimmed: &[u8] = lower.as_slice().trim_ascii_end();
    name.is_empty()
        || name == b"."
        || name == b".."
        || name.contains(&b'/')
        || trimmed == b".git"
        || trimmed == b"git~1"
}

fn too_many(source: &Source, rev: &RevisionName, bounds: &Bounds) -> RevisionError {
    RevisionError::TooMany { path: source.path.clone(), rev: rev.to_string(), most: bounds.most, what: bounds.what }
}
