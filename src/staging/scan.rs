//! Reads the names of a live tree once: what will be copied, what is watched, what leads out.
//!
//! It opens no file; it must not know how files are copied.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::error::StagingError;
use super::exclusion::{Exclusions, Fate, is_secret};
use super::inventory::Kind;
use super::link::{self, Lead, Source};
use super::listing::{Item, Listing, Role};
use super::plan::{Plan, Planned, file_behind};
use super::walk::{self, Found, Visitor};

/// Reads the live tree.
pub(super) fn live_tree(
    named: &Path,
    live: &Path,
    exclusions: &Exclusions,
    interrupted: &AtomicBool,
) -> Result<Plan, StagingError> {
    let mut plan = Plan::default();
    let mut sources = vec![Source { folder: live.to_path_buf(), place: PathBuf::new() }];
    let mut next = 0;
    while let Some(source) = sources.get(next).cloned() {
        let in_live = source.place.as_os_str().is_empty();
        let scan = Scan { exclusions, interrupted, in_live, owner: owner() };
        let mut links = scan.source(&source, &mut plan)?;
        links.sort_unstable_by(|(one, _), (other, _)| one.place.cmp(&other.place));
        // Where a link leads depends on the folders that were taken in for links before it.
        links.into_iter().for_each(|(link, path)| settle_link(link, &path, named, exclusions, &mut sources, &mut plan));
        next += 1;
    }
    plan.sort();
    plan.watch_behind();
    Ok(plan)
}

/// Reads a whole tree; of the folders `closed`, themselves and nothing below them.
pub(super) fn whole_tree(root: &Path, closed: &[PathBuf]) -> Result<Vec<Listing>, StagingError> {
    everything(root, Path::new(""), |found| closed.iter().any(|closed| closed == found.place), &|_| false)
}

/// The same for a tree that stands at `place` of another one; of the folder that lies at `closed`, if any, itself alone.
pub(crate) fn whole_tree_at(root: &Path, place: &Path, closed: Option<&Path>) -> Result<Vec<Listing>, StagingError> {
    whole_tree_until(root, place, closed, &|_| false)
}

/// The same, until `is_enough` says so of the number of names that were seen: that ends as an interruption does.
pub(crate) fn whole_tree_until(
    root: &Path,
    place: &Path,
    closed: Option<&Path>,
    is_enough: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Vec<Listing>, StagingError> {
    everything(root, place, |found| closed == Some(found.path), is_enough)
}

fn everything(
    root: &Path,
    place: &Path,
    is_closed: impl Fn(&Found<'_>) -> bool + Sync + Send,
    is_enough: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Vec<Listing>, StagingError> {
    walk::spread(|| walk::below(&Everything { is_closed, is_enough, seen: AtomicUsize::new(0) }, root, place))
}

struct Everything<'a, F> {
    is_closed: F,
    is_enough: &'a (dyn Fn(usize) -> bool + Sync),
    seen: AtomicUsize,
}

impl<F: Fn(&Found<'_>) -> bool + Sync> Visitor for Everything<'_, F> {
    type Part = Listing;

    fn enter(&self, place: &Path, path: &Path, names: usize) -> Listing {
        self.seen.fetch_add(names, Ordering::Relaxed);
        Listing::new(place, path, names)
    }

    fn visit(&self, found: Found<'_>, listing: &mut Listing) -> bool {
        let is_open = !(self.is_closed)(&found);
        listing.push(found.name, Item::new(found.seen, Role { watched: true, ..Role::default() }));
        is_open
    }

    fn may_be_missed(&self, _: &Path, _: &io::Error) -> bool {
        false
    }

    fn is_interrupted(&self) -> bool {
        (self.is_enough)(self.seen.load(Ordering::Relaxed))
    }
}

/// In a user namespace of its own, a process can change what belongs to itself; root's namespace knows everybody.
fn owner() -> Option<(u32, u32)> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    (!user.is_root()).then(|| (user.as_raw(), group.as_raw()))
}

/// True for what reaches the stage.
const fn staged(fate: Fate) -> bool {
    matches!(fate, Fate::Stage | Fate::StageUnwatched)
}

struct Scan<'a> {
    exclusions: &'a Exclusions,
    interrupted: &'a AtomicBool,
    /// Whether the live tree itself is read, and not a folder that was taken in for a link.
    in_live: bool,
    /// Whose files an overlay can change; none for everybody's.
    owner: Option<(u32, u32)>,
}

/// What was found in one folder.
struct Part {
    plan: Plan,
    listing: Listing,
    /// Whether all of it is staged.
    is_whole: bool,
}

impl Part {
    fn new(place: &Path, path: &Path, names: usize, is_whole: bool) -> Self {
        Self { plan: Plan::default(), listing: Listing::new(place, path, names), is_whole }
    }
}

impl Scan<'_> {
    /// Reads one folder that the stage takes in; gives the links in it, whose fate is not settled yet.
    fn source(&self, source: &Source, plan: &mut Plan) -> Result<Vec<(Planned, PathBuf)>, StagingError> {
        let Source { folder, place } = source;
        // A folder taken in for a link is made as a folder; the tree's root is there already.
        if let (Some(parent), Some(name)) = (place.parent(), place.file_name()) {
            let seen = walk::look_at(folder).map_err(|error| StagingError::unreadable(folder, error))?;
            let mut part = Part::new(parent, folder, 1, false);
            let wanted = self.visit(Found { name, place, path: folder, seen }, &mut part);
            let taken = std::mem::take(&mut part.listing);
            plan.take(part.plan);
            plan.instead_of_link(&taken, name);
            if !wanted {
                return Ok(Vec::new());
            }
        }
        for Part { plan: part, listing, .. } in walk::spread(|| walk::below(self, folder, place))? {
            plan.take(part);
            plan.listings.push(listing);
        }
        Ok(std::mem::take(&mut plan.unsettled))
    }
}

impl Visitor for Scan<'_> {
    type Part = Part;

    fn enter(&self, place: &Path, path: &Path, names: usize) -> Part {
        Part::new(place, path, names, self.exclusions.is_whole(place))
    }

    fn visit(&self, found: Found<'_>, part: &mut Part) -> bool {
        let Found { name, place, path, mut seen } = found;
        let (disk_bytes, kind) = (seen.disk_bytes, seen.entry.kind);
        let fate = if part.is_whole { Fate::Stage } else { self.exclusions.fate(place, kind) };
        let secret = fate == Fate::Watch && is_secret(place);
        if self.in_live && (fate == Fate::LeaveOut || secret || (staged(fate) && kind == Kind::Special)) {
            part.plan.left_out.push(place.to_path_buf());
        }
        if secret && kind == Kind::Link {
            part.plan.secrets_elsewhere.extend(fs::canonicalize(path));
            seen.entry = file_behind(path, &seen.entry).unwrap_or(seen.entry);
        }
        let role = Role {
            watched: matches!(fate, Fate::Stage | Fate::Watch | Fate::Output),
            copied: staged(fate) && kind == Kind::File,
            shows_through: self.in_live && self.owner.is_none_or(|ours| ours == seen.owner),
            closed: fate == Fate::Empty,
        };
        match fate {
            Fate::LeaveOut => return false,
            Fate::Empty | Fate::Output => part.plan.empty.push(place.to_path_buf()),
            Fate::Watch if secret => {}
            Fate::Watch => part.plan.output_bytes += disk_bytes,
            Fate::Stage | Fate::StageUnwatched if kind == Kind::File => {
                part.plan.files.add(seen.entry.size, disk_bytes, role.shows_through);
                part.listing.disk_bytes += disk_bytes;
            }
            Fate::Stage | Fate::StageUnwatched => part.plan.add(place, path, &seen.entry, role.shows_through),
        }
        part.listing.push(name, Item::new(seen, role));
        !secret && fate != Fate::Empty
    }

    /// What vanished while we looked, or is only watched and cannot be read, stops nothing.
    fn may_be_missed(&self, place: &Path, error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::NotFound
            || matches!(
                self.exclusions.fate(place, Kind::Folder),
                Fate::Watch | Fate::Output | Fate::Empty | Fate::LeaveOut
            )
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

fn settle_link(
    mut planned: Planned,
    path: &Path,
    named: &Path,
    exclusions: &Exclusions,
    sources: &mut Vec<Source>,
    plan: &mut Plan,
) {
    let target = planned.entry.target.clone().unwrap_or_default();
    match link::lead(path, &planned.place, &target, named, sources) {
        Lead::Inside => {}
        Lead::Rewritten(place) => planned.points_at = Some(place),
        Lead::Out(folder) if exclusions.is_real_folder(&planned.place) && folder.is_dir() => {
            sources.push(Source { folder, place: planned.place.clone() });
            plan.taken_in.push((planned.place, target));
            return;
        }
        Lead::Out(to) => plan.leading_out.push((planned.place.clone(), to)),
    }
    plan.links.push(planned);
}
