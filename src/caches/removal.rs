//! Takes compile caches out of a tree.

use std::fs;
use std::path::{Path, PathBuf};

use super::{FOLDERS, is_plain_folder};
use crate::site::locate::real_path;
use crate::staging::{StagingError, remove_tree};

/// Takes every compile cache out of a tree.
///
/// # Errors
/// One that cannot be removed.
pub fn remove_from(tree: &Path) -> Result<(), StagingError> {
    FOLDERS.iter().try_for_each(|folder| take_away(tree, folder))
}

/// The same, and the links in their places with them, which lead to caches elsewhere in the tree. The packages and the folder
/// for temporary files stay where they are; where one of them is a link itself, what it leads to within the tree is cleared.
///
/// # Errors
/// One that cannot be removed.
pub fn cut_off_from(tree: &Path) -> Result<(), StagingError> {
    for folder in FOLDERS {
        let (first, rest) = folder.split_once('/').unwrap_or((folder, ""));
        // Behind a link out of the tree, nothing is ours to take away.
        let Some(base) = within(tree, &tree.join(first)) else { continue };
        let mut place = base.clone();
        let mut way = Path::new(rest).components().map(|part| {
            place.push(part);
            place.clone()
        });
        if let Some(link) = way.find(|path| fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())) {
            fs::remove_file(&link).map_err(|source| StagingError::Removal { path: link, source })?;
        }
        take_away(&base, rest)?;
    }
    Ok(())
}

pub(super) fn take_away(tree: &Path, folder: &str) -> Result<(), StagingError> {
    if is_plain_folder(tree, Path::new(folder)) { remove_tree(&tree.join(folder)) } else { Ok(()) }
}

/// The place of the tree that `path` leads to; none if that is out of it, or nothing.
fn within(tree: &Path, path: &Path) -> Option<PathBuf> {
    let real = real_path(path)?;
    real.strip_prefix(real_path(tree)?).ok().map(|place| tree.join(place))
}
