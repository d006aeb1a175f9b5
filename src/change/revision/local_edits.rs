//! What somebody changed in the live tree and did not commit.
//!
//! The live tree is compared with the tree of the commit it was made from, file by file. Its own git index is neither read
//! nor refreshed: nothing is written there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git2::{Delta, DiffOptions, Oid, Repository};

use super::checkout::Checkout;
use super::lfs;

/// Edits of the live tree, relative to it.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// Tracked files that are changed, deleted or replaced by something else.
    pub(super) tracked: BTreeSet<PathBuf>,
    /// Files and folders that the commit does not have and that no `.gitignore` names, where sources are kept.
    pub(super) untracked: Vec<PathBuf>,
}

/// Where a file that git does not know can matter to a compile.
const SOURCES: [&str; 4] = ["app", "config", "lib", "public"];

/// Compares the live tree with the tree `base`.
pub(super) fn of(
    checkout: &Checkout,
    live: &Path,
    base: Oid,
    matters: &dyn Fn(&Path) -> bool,
) -> Result<Edits, git2::Error> {
    let looking = checkout.looking_at(live)?;
    let tree = looking.find_tree(base)?;
    let mut options = DiffOptions::new();
    options.ignore_submodules(true).include_untracked(true).include_typechange(true).skip_binary_check(true);
    let diff = looking.diff_tree_to_workdir(Some(&tree), Some(&mut options))?;
    let mut edits = Edits::default();
    for delta in diff.deltas() {
        let file = if delta.status() == Delta::Deleted { delta.old_file() } else { delta.new_file() };
        let Some(path) = file.path_bytes().map(|bytes| PathBuf::from(OsStr::from_bytes(bytes))) else { continue };
        if !matters(&path) {
            continue;
        }
        match delta.status() {
            Delta::Untracked if SOURCES.iter().any(|folder| path.starts_with(folder)) => edits.untracked.push(path),
            Delta::Untracked | Delta::Ignored | Delta::Unmodified => {}
            _ if is_lfs_object(&looking, delta.old_file().id(), &live.join(&path)) => {}
            _ => drop(edits.tracked.insert(path)),
        }
    }
    Ok(edits)
}

/// git runs the LFS filter before it compares, and libgit2 does not.
fn is_lfs_object(repository: &Repository, id: Oid, path: &Path) -> bool {
    let Ok(blob) = repository.find_blob(id) else { return false };
    let Some(pointer) = lfs::pointer(blob.content()) else { return false };
    fs::read(path).is_ok_and(|bytes| pointer.names(&bytes))
}
