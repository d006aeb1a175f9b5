//! What becomes of a symbolic link: kept as it is, turned towards the stage, or reported because it leads out of the tree.
//!
//! A link that led back into the live tree would let the build write there.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Where the link leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// Means the same in the stage: kept as it is written.
    Inside,
    /// Leads into the live tree by its own path: has to point at this path of the stage instead.
    Rewritten(PathBuf),
    /// Leads out of the tree, to this place.
    Out(PathBuf),
}

/// A folder that the stage takes in, and where it goes.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Resolved once.
    pub(super) folder: PathBuf,
    /// Relative to the tree's root; empty for the live tree itself.
    pub(super) place: PathBuf,
}

/// Decides about the link at `place` (relative to the tree), read as `target`, that lies at `link` on the disk.
///
/// `named` is the live tree as the user named it; `sources` holds the resolved live tree and the folders taken in for links.
pub(super) fn lead(link: &Path, place: &Path, target: &Path, named: &Path, sources: &[Source]) -> Lead {
    let stays = target.is_relative() && stays_inside(place, target);
    match fs::canonicalize(link) {
        Ok(resolved) => match place_of(&resolved, sources) {
            None => Lead::Out(resolved),
            Some(_) if stays => Lead::Inside,
            Some(resolved_place) => Lead::Rewritten(written_place(target, named, sources).unwrap_or(resolved_place)),
        },
        Err(_) if stays => Lead::Inside,
        // It leads nowhere: outside, unless what is written names a place in the tree.
        Err(_) => match written_place(&absolute(link, target), named, sources) {
            Some(written) => Lead::Rewritten(written),
            None => Lead::Out(absolute(link, target)),
        },
    }
}

/// The place in the stage of a resolved path, if it is inside what is staged.
fn place_of(resolved: &Path, sources: &[Source]) -> Option<PathBuf> {
    sources.iter().rev().find_map(|source| Some(source.place.join(resolved.strip_prefix(&source.folder).ok()?)))
}

/// The place that an absolute target names, as it is written: a link of a chain stays a link of a chain.
fn written_place(target: &Path, named: &Path, sources: &[Source]) -> Option<PathBuf> {
    let below_name = target.strip_prefix(named).ok().filter(|_| target.is_absolute());
    let plain = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    below_name.map(Path::to_path_buf).or_else(|| place_of(target, sources)).filter(|path| plain(path))
}

fn absolute(link: &Path, target: &Path) -> PathBuf {
    normalised(&link.parent().unwrap_or(link).join(target))
}

fn normalised(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                result.pop();
            }
            Component::CurDir => {}
            other => result.push(other),
        }
    }
    result
}

/// True if following the words of `target` from `place` never climbs above the tree's root.
fn stays_inside(place: &Path, target: &Path) -> bool {
    let mut depth = place.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}
