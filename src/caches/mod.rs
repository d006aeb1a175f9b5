//! The compile caches of builds that passed, kept from one check to the next so that the next build is faster.
//!
//! They are no evidence of anything. What is kept is listed with a checksum for each file; where the list and the files
//! disagree in anything, all of it is thrown away. It must not know what a verdict is: the gate says which builds' caches are
//! worth keeping.

mod keeping;
mod left;
mod list;
mod removal;
mod verified;

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use crate::staging::{Inventory, Kind, Listing, StagingError, covers_what_is_below, remove_tree, whole_tree_at};

use list::{Checksum, FileList, bytes_of, checksum};
use removal::take_away;

pub use left::Left;
pub use removal::{cut_off_from, remove_from};
pub use verified::Verified;

/// Where toolchains keep what they have compiled, relative to the tree: webpack's loaders and minifiers, webpacker, Vite,
/// sprockets. Bootsnap's cache names every path in full and is of no use in another tree.
pub const FOLDERS: [&str; 5] =
    ["node_modules/.cache", "node_modules/.vite", "tmp/cache/webpacker", "tmp/cache/vite", "tmp/cache/assets"];

/// By these webpacker and `vite_ruby` decide that there is nothing to do; they are never kept.
const DIGESTS: [&str; 2] = ["tmp/cache/webpacker/last-compilation-digest-", "tmp/cache/vite/last-build-"];

const LIST: &str = "list.json";
const TREE: &str = "tree";

/// The caches that are kept for a site.
#[derive(Debug)]
pub struct Caches {
    folder: PathBuf,
}

/// What came into a staged tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brought {
    /// Nothing is kept that this build could use: the tree has the caches that it had.
    Nothing,
    /// What is kept, in place of what the tree had.
    Kept {
        /// How many files.
        files: usize,
        /// How many bytes they hold.
        bytes: u64,
    },
    /// What was kept was thrown away, for this reason: the tree has the caches that it had.
    Discarded(String),
}

impl Caches {
    /// Those in the state folder `state`.
    #[must_use]
    pub fn of(state: &Path) -> Self {
        Self { folder: state.join("caches") }
    }

    fn kept(&self) -> PathBuf {
        self.folder.join("kept")
    }

    /// Puts the caches that were kept under `key` into `tree`, in place of those that it has.
    ///
    /// # Errors
    /// Only if the tree may be left with half of them; whatever else goes wrong, they are thrown away.
    pub fn bring(&self, key: &str, tree: &Path) -> Result<Brought, StagingError> {
        match self.verified(key) {
            Ok(Some(verified)) => self.put(&verified, tree),
            Ok(None) => Ok(Brought::Nothing),
            Err(why) => Ok(Brought::Discarded(why)),
        }
    }

    /// What is kept under `key`, every file of it compared with its checksum; none if nothing is.
    ///
    /// # Errors
    /// Why it was thrown away, if it was.
    pub fn verified(&self, key: &str) -> Result<Option<Verified>, String> {
        if !is_plain_folder(&self.folder, Path::new("kept")) {
            return Ok(None);
        }
        self.verify(key).inspect_err(|_| self.forget())
    }

    /// Reads the list, and every file that it names.
    fn verify(&self, key: &str) -> Result<Option<Verified>, String> {
        let list = FileList::read(&self.kept().join(LIST))?;
        if list.key != key {
            return Ok(None);
        }
        if let Some(place) = list.files.keys().find(|place| !may_be_kept(Path::new(place))) {
            return Err(format!("{place} has no place among them"));
        }
        let tree = self.kept().join(TREE);
        let listings = whole_tree_at(&tree, Path::new(""), None);
        let listings = listings.map_err(|error| format!("they could not be read: {error}"))?;
        let is_ours = nothing_else(&listings, &list)?;
        let seen = Inventory::new(listings);
        list.files.par_iter().try_for_each(|(place, known)| match checksum(&tree.join(place)) {
            Ok(found) if found == *known => Ok(()),
            Ok(_) => Err(format!("{place} is not what was kept")),
            Err(error) => Err(format!("{place} could not be read: {error}")),
        })?;
        Ok(Some(Verified { list, tree, seen, is_ours }))
    }

    /// Puts what was verified into `tree`, in place of what that has.
    ///
    /// # Errors
    /// As [`Self::bring`].
    pub fn put(&self, verified: &Verified, tree: &Path) -> Result<Brought, StagingError> {
        match self.copy(&verified.list, tree) {
            Ok((files, bytes)) => Ok(Brought::Kept { files, bytes }),
            Err(why) => {
                remove_from(tree)?;
                self.forget();
                Ok(Brought::Discarded(format!("{why}; the build began without any")))
            }
        }
    }

    /// Copies the files into the tree, but for those whose folder a link of the tree leads elsewhere: there it may be the live
    /// tree's. What is written is what was compared, even where a file has changed since it was verified.
    fn copy(&self, list: &FileList, tree: &Path) -> Result<(usize, u64), String> {
        let half_way = |path: &Path, error: &dyn std::fmt::Display| {
            format!("{} could not be put into the stage: {error}", path.display())
        };
        let (from, has_packages) = (self.kept().join(TREE), tree.join("node_modules").is_dir());
        let open: Vec<&str> = FOLDERS
            .into_iter()
            .filter(|folder| has_packages || !folder.starts_with("node_modules"))
            .filter(|folder| !is_barred(tree, Path::new(folder)))
            .collect();
        let wanted = |(place, _): &(&String, &Checksum)| open.iter().any(|folder| Path::new(place).starts_with(folder));
        let files: Vec<(&String, &Checksum)> = list.files.iter().filter(wanted).collect();
        for folder in open.iter().filter(|folder| files.iter().any(|(place, _)| Path::new(place).starts_with(folder))) {
            take_away(tree, folder).map_err(|error| half_way(Path::new(folder), &error))?;
        }
        let copy = |(place, known): &(&String, &Checksum)| {
            let (from, to) = (from.join(place), tree.join(place));
            copy_compared(&from, &to, known).map_err(|error| half_way(&to, &error))
        };
        let bytes: u64 = files.par_iter().map(copy).collect::<Result<Vec<u64>, _>>()?.into_iter().sum();
        Ok((files.len(), bytes))
    }

    /// Throws away what is kept, and what a killed run left of keeping it.
    pub fn forget(&self) {
        if !is_plain_folder(&self.folder, Path::new("")) {
            return;
        }
        for folder in ["kept", "draft"] {
            // What stays for want of a right is not trusted either: its list is compared again the next time.
            let _compared_again = clear(&self.folder.join(folder));
        }
    }
}

/// Nothing lies among what is kept that the list does not name, and no link. True if all of it belongs to this process's user.
fn nothing_else(listings: &[Listing], list: &FileList) -> Result<bool, String> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    let mut is_ours = true;
    for (listing, (name, item)) in listings.iter().flat_map(|listing| listing.iter().map(move |one| (listing, one))) {
        let place = listing.place.join(name);
        let listed = || place.to_str().is_some_and(|place| list.files.contains_key(place));
        let belongs = match item.entry.kind {
            Kind::Folder => is_folder_of_theirs(&place, &listing.source.join(name)),
            kind => kind == Kind::File && listed(),
        };
        if !belongs {
            return Err(format!("{} lies among them, and nobody kept it", place.display()));
        }
        is_ours &= user.is_root() || item.owner == (user.as_raw(), group.as_raw());
    }
    Ok(is_ours)
}

fn clear(folder: &Path) -> io::Result<()> {
    if fs::symlink_metadata(folder).is_ok_and(|found| !found.is_dir()) {
        return fs::remove_file(folder);
    }
    remove_tree(folder).map_err(io::Error::other)
}

/// True if `folder` is there, below a `tree` that is no link itself, and no part of its path is one.
fn is_plain_folder(tree: &Path, folder: &Path) -> bool {
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let mut path = tree.to_path_buf();
    is_folder(&path)
        && folder.components().all(|part| {
            path.push(part);
            is_folder(&path)
        })
}

/// True if a link or a file stands on the way to `folder`.
fn is_barred(tree: &Path, folder: &Path) -> bool {
    let is_other = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir());
    folder.ancestors().filter(|part| !part.as_os_str().is_empty()).any(|part| is_other(&tree.join(part)))
}

/// True for a folder of the caches, and for one on the way to them that hides nothing: an overlay would show any other one in
/// the place of the live tree's.
fn is_folder_of_theirs(place: &Path, path: &Path) -> bool {
    FOLDERS.iter().any(|folder| place.starts_with(folder))
        || (FOLDERS.iter().any(|folder| Path::new(folder).starts_with(place)) && !covers_what_is_below(path))
}

/// Writes what was read and compared.
fn copy_compared(from: &Path, to: &Path, known: &Checksum) -> io::Result<u64> {
    let bytes = bytes_of(from)?;
    if Checksum::of(&bytes) != *known {
        return Err(io::Error::other("it is not what was kept"));
    }
    to.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(to, &bytes)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    Ok(bytes.len() as u64)
}

fn may_be_kept(place: &Path) -> bool {
    let plain = place.components().all(|part| matches!(part, Component::Normal(_)));
    let known = FOLDERS.iter().any(|folder| place.starts_with(folder));
    let name = place.to_str().unwrap_or_default();
    plain && known && !DIGESTS.iter().any(|digest| name.starts_with(digest))
}
