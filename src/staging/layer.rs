//! The upper layer of an overlay: what the build must not see of the live tree is covered there, what it could not change is
//! copied there, and what it writes ends up there.
//!
//! The format is the kernel's (`Documentation/filesystems/overlayfs.rst`): a character device 0:0 hides a name, the extended
//! attribute `user.overlay.opaque` hides what a folder held.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use rustix::fs::{CWD, FileType, Mode, XattrFlags, lgetxattr, llistxattr, lremovexattr, mknodat, setxattr};
use walkdir::WalkDir;

use super::copy::Method;
use super::error::StagingError;
use super::inventory::{Change, Entry, Inventory, Kind, What, unequal};
use super::listing::Item;
use super::plan::Plan;
use super::{populate, walk};

const OPAQUE: &str = "user.overlay.opaque";

/// All attributes of the format begin like this.
const FORMAT: &[u8] = b"user.overlay.";

/// More files that belong to others than this are copied with all the rest, not one by one.
const MOST_COPIED: u64 = 2_000;

/// Says why the overlay would be no gain, if it would be none.
pub(super) fn is_pointless(plan: &Plan) -> Option<String> {
    let copied = plan.files.hidden;
    (copied > MOST_COPIED).then(|| {
        format!(
            "{copied} files belong to somebody else, or lie behind a link out of the tree, and would have to be copied"
        )
    })
}

/// Says why no layer can lie in this folder, if none can. The kernel mounts an overlay without such attributes too, and then
/// fails where a build puts a new folder in the place of an old one.
pub(super) fn is_impossible(folder: &Path) -> Option<String> {
    let tried = cover_what_is_below(folder).and_then(|()| Ok(lremovexattr(folder, OPAQUE)?));
    tried.err().map(|error| format!("the state folder's file system has no extended attributes for it: {error}"))
}

/// Fills `upper`, which exists and is empty.
pub(super) fn fill(
    plan: &Plan,
    upper: &Path,
    method: Method,
    interrupted: &AtomicBool,
) -> Result<Vec<PathBuf>, StagingError> {
    let wanted = populate::wanted(plan);
    let part = part(plan, &wanted);
    let populated = populate::populate(&part, &wanted, upper, method, interrupted, &|_| ())?;
    for place in &part.left_out {
        hide(&upper.join(place))?;
    }
    for place in &part.empty {
        let path = upper.join(place);
        cover_what_is_below(&path).map_err(|error| StagingError::unwritable(&path, error))?;
    }
    // What was made in them has given them another time.
    part.folders.iter().rev().try_for_each(|folder| populate::settle_folder(folder, upper))?;
    Ok(populated.moving)
}

fn hide(path: &Path) -> Result<(), StagingError> {
    mknodat(CWD, path, FileType::CharacterDevice, Mode::empty(), 0)
        .map_err(|error| StagingError::unwritable(path, error))
}

/// What has to be made in the upper layer: all that does not show through as it should be, and the folders it lies in.
fn part(plan: &Plan, wanted: &[&Path]) -> Plan {
    let is_copied = |item: &Item| item.role.copied && !item.role.shows_through;
    let hidden = if plan.files.hidden > 0 { &plan.listings[..] } else { &[] };
    let listings: Vec<_> = hidden.iter().filter_map(|listing| listing.only(is_copied)).collect();
    let links: Vec<_> =
        plan.links.iter().filter(|link| !link.shows_through || link.points_at.is_some()).cloned().collect();
    let own_folders = plan.folders.iter().filter(|folder| !folder.shows_through).map(|folder| &folder.place);
    let others = plan.empty.iter().chain(&plan.left_out).chain(&plan.shown);
    let made = links.iter().map(|one| &one.place).chain(others);
    let parents = made.map(PathBuf::as_path).flat_map(|place| place.ancestors().skip(1));
    let filled = listings.iter().map(|listing| listing.place.as_path());
    let needed: BTreeSet<&Path> =
        parents.chain(filled).chain(own_folders.map(PathBuf::as_path)).chain(wanted.iter().copied()).collect();
    let with_parents: BTreeSet<&Path> = needed.iter().flat_map(|place| place.ancestors()).collect();
    let folders = plan.folders.iter().filter(|folder| with_parents.contains(folder.place.as_path())).cloned().collect();
    Plan { folders, listings, links, empty: plan.empty.clone(), left_out: plan.left_out.clone(), ..Plan::default() }
}

/// What a build did to the tree: what the upper layer holds `after` it beyond what it held `before`.
pub(super) fn changes(before: &Inventory, after: &Inventory, upper: &Path, live: &Path) -> Vec<Change> {
    let told = |(place, was, is): (PathBuf, Option<&Entry>, Option<&Entry>)| {
        // What is gone from the upper layer alone was made before the build, and was in no other layer.
        let what = is.map_or(Some(What::Removed), |now| what(&place, now, was, upper, live))?;
        Some((place, what))
    };
    unequal(before, after).into_iter().filter_map(told).collect()
}

/// None for what the kernel made in passing, such as a folder on the way. A copy of a file that looks the same was touched: the
/// kernel makes one when somebody opens it for writing.
fn what(place: &Path, now: &Entry, before: Option<&Entry>, upper: &Path, live: &Path) -> Option<What> {
    if is_hidden(&upper.join(place)) {
        return Some(What::Removed);
    }
    if let Some(before) = before {
        return if now.is_like(before) {
            now.since(&Entry { inode: now.inode, ..before.clone() })
        } else {
            Some(What::Changed)
        };
    }
    let Ok(below) = walk::look_at(&live.join(place)) else { return Some(What::Added) };
    let target = (below.entry.kind == Kind::Link).then(|| fs::read_link(live.join(place)).unwrap_or_default());
    let opaque = now.kind == Kind::Folder && is_opaque(&upper.join(place));
    let same = now.is_like(&Entry { target, ..below.entry }) && !opaque;
    match (same, now.kind) {
        (true, Kind::File) => Some(What::Touched),
        (true, _) => None,
        (false, _) => Some(What::Changed),
    }
}

fn is_hidden(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_char_device() && metadata.rdev() == 0)
}

fn is_opaque(path: &Path) -> bool {
    lgetxattr(path, OPAQUE, &mut [0_u8; 1]).is_ok_and(|length| length == 1)
}

/// Marks a folder of a layer, so that nothing shows through of what lower layers hold at its place.
///
/// # Errors
/// A file system without such attributes.
pub(crate) fn cover_what_is_below(folder: &Path) -> io::Result<()> {
    Ok(setxattr(folder, OPAQUE, b"y", XattrFlags::empty())?)
}

/// True for a folder that [`cover_what_is_below`] has marked.
pub(crate) fn covers_what_is_below(folder: &Path) -> bool {
    let mut value = [0_u8; 2];
    lgetxattr(folder, OPAQUE, &mut value).is_ok_and(|length| &value[..length] == b"y")
}

/// Takes the format's attributes from `path` and all below it: what is kept is a tree like any other.
///
/// # Errors
/// What cannot be read or written.
pub(crate) fn make_plain(path: &Path) -> io::Result<()> {
    for found in WalkDir::new(path) {
        let found = found?;
        let mut names = vec![0_u8; 4096];
        // A list that is longer, or a kind of file that can have none: nothing of ours.
        let length = llistxattr(found.path(), &mut names).unwrap_or(0);
        for name in names[..length].split(|byte| *byte == 0).filter(|name| name.starts_with(FORMAT)) {
            lremovexattr(found.path(), CString::new(name)?.as_c_str())?;
        }
    }
    Ok(())
}
