//! What stands at a path of a tree: asked without following a link, and with the exact spelling.

use std::fs;
use std::path::{Component, Path};

/// What a registry path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathKind {
    /// A file.
    File,
    /// A folder.
    Dir,
    /// Nothing.
    Missing,
    /// Nothing of that spelling; this one differs in upper and lower case only.
    WrongCase(String),
}

impl PathKind {
    /// What stands at `relative` below `root`. Case is compared even where the file system does not care.
    #[must_use]
    pub fn of(root: &Path, relative: &str) -> Self {
        let (mut place, mut spelled, mut exact) = (root.to_path_buf(), Vec::new(), true);
        for component in Path::new(relative).components() {
            let Component::Normal(name) = component else { continue };
            let Some(found) = spelled_as(&place, &name.to_string_lossy()) else {
                return Self::Missing;
            };
            exact &= name.to_string_lossy() == found;
            place.push(&found);
            spelled.push(found);
        }
        match fs::metadata(&place) {
            Ok(_) if !exact => Self::WrongCase(spelled.join("/")),
            Ok(found) if found.is_dir() => Self::Dir,
            Ok(_) => Self::File,
            Err(_) => Self::Missing,
        }
    }

    /// The same for `relative` once the files `added` have come to what is there; they are counted from the same root.
    #[must_use]
    pub fn with_added<'a>(self, relative: &Path, mut added: impl Iterator<Item = &'a Path> + Clone) -> Self {
        if added.clone().any(|path| path == relative) {
            return Self::File;
        }
        if added.clone().any(|path| path.starts_with(relative)) {
            return Self::Dir;
        }
        let folded = relative.to_string_lossy().to_lowercase();
        match added.find(|path| path.to_string_lossy().to_lowercase() == folded) {
            Some(near) if self == Self::Missing => Self::WrongCase(near.to_string_lossy().into_owned()),
            _ => self,
        }
    }
}

/// The name in `folder` that is `name`, or else differs from it in case only.
pub(crate) fn spelled_as(folder: &Path, name: &str) -> Option<String> {
    let mut near = None;
    for found in fs::read_dir(folder).ok()?.flatten() {
        let found = found.file_name().to_string_lossy().into_owned();
        if found == name {
            return Some(found);
        }
        if found.to_lowercase() == name.to_lowercase() {
            near = Some(found);
        }
    }
    near
}
