//! Reads the names of a live tree once: what will be copied, what is watched, what leads out.
//!
//! It opens no file; it must not know how files are copied.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::StagingError;
use super::exclusion::{Exclusions, Fate, is_secret};
use super::inventory::{Entry, Kind};
use super::link::{self, Lead, Source};
use super::listing::{self, Listing, Role};
use super::walk::{self, Found, Seen, Visitor};

/// A folder or a link to be made in the stage.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    /// Relative to the tree's root.
    pub(super) place: PathBuf,
    /// As it was seen.
    pub(super) entry: Entry,
    /// A link that has to point at this place of the stage, instead of where it is written to point.
    pub(super) points_at: Option<PathBuf>,
    /// Whether it stands in the live tree itself and is ours: an overlay shows it as it is, and lets a build change it.
    pub(super) shows_through: bool,
}

/// What was seen, sorted by what has to be done with it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Parents before children.
    pub(super) folders: Vec<Planned>,
    /// What is watched, and the files to be copied, folder by folder, in the order of the folders.
    pub(super) listings: Vec<Listing>,
    pub(super) files: Files,
    pub(super) links: Vec<Planned>,
    /// Links of which it is not yet known where they lead, and where they lie on the disk; none when the whole tree is read.
    pub(super) unsettled: Vec<(Planned, PathBuf)>,
    /// Folders of the live tree that begin empty.
    pub(super) empty: Vec<PathBuf>,
    /// Sockets, FIFOs and devices, which are left out.
    pub(super) special: Vec<PathBuf>,
    /// Everything of the live tree that is left out one by one, those included.
    pub(super) left_out: Vec<PathBuf>,
    /// Folders that an overlay shows from a layer of their own.
    pub(super) shown: Vec<PathBuf>,
    /// Files outside of the tree that links of secret names lead to.
    pub(super) secrets_elsewhere: Vec<PathBuf>,
    /// Links that lead out of the tree, and where to.
    pub(super) leading_out: Vec<(PathBuf, PathBuf)>,
    /// Bytes of the compiled output of the live tree: about what a build will write.
    pub(super) output_bytes: u64,
    /// Bytes that whoever copies brings in place of folders of the live tree.
    pub(super) brought_bytes: u64,
}

/// The files to be copied, counted.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Files {
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// On the disk.
    pub(super) disk_bytes: u64,
    /// Those of them that an overlay does not show as they should be.
    pub(super) hidden: u64,
}

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
    Ok(plan)
}

/// Reads what is watched of a live tree.
pub(super) fn watched(live: &Path, exclusions: &Exclusions) -> Result<Vec<Listing>, StagingError> {
    let named = live;
    let live = fs::canonicalize(live).map_err(|error| StagingError::unreadable(named, error))?;
    Ok(live_tree(named, &live, exclusions, &AtomicBool::new(false))?.listings)
}

/// Reads a whole tree; of the folders `closed`, themselves and nothing below them.
pub(super) fn whole_tree(root: &Path, closed: &[PathBuf]) -> Result<Vec<Listing>, StagingError> {
    walk::spread(|| walk::below(&Everything { closed }, root, Path::new("")))
}

struct Everything<'a> {
    closed: &'a [PathBuf],
}

impl Visitor for Everything<'_> {
    type Part = Listing;

    fn enter(&self, place: &Path, path: &Path, names: usize) -> Listing {
        Listing::new(place, path, names)
    }

    fn visit(&self, found: Found<'_>, listing: &mut Listing) -> bool {
        listing.push(found.name, found.seen.entry, Role { watched: true, ..Role::default() });
        !self.closed.iter().any(|closed| closed == found.place)
    }

    fn may_be_missed(&self, _: &Path, _: &io::Error) -> bool {
        false
    }

    fn is_interrupted(&self) -> bool {
        false
    }
}

/// In a user namespace of its own, a process can change what belongs to itself; root's namespace knows everybody.
fn owner() -> Option<(u32, u32)> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    (!user.is_root()).then(|| (user.as_raw(), group.as_raw()))
}

/// The file that a link leads to, with where the link says that it is; none if it is no file.
fn file_behind(to: &Path, link: &Entry) -> Option<Entry> {
    let behind = walk::look_at(&fs::canonicalize(to).ok()?).ok()?.entry;
    (behind.kind == Kind::File).then(|| Entry { target: link.target.clone(), ..behind })
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
}

impl Part {
    fn new(place: &Path, path: &Path, names: usize) -> Self {
        Self { plan: Plan::default(), listing: Listing::new(place, path, names) }
    }
}

impl Scan<'_> {
    /// Reads one folder that the stage takes in; gives the links in it, whose fate is not settled yet.
    fn source(&self, source: &Source, plan: &mut Plan) -> Result<Vec<(Planned, PathBuf)>, StagingError> {
        let Source { folder, place } = source;
        // A folder taken in for a link is made as a folder; the tree's root is there already.
        if let (Some(parent), Some(name)) = (place.parent(), place.file_name()) {
            let seen = walk::look_at(folder).map_err(|error| StagingError::unreadable(folder, error))?;
            let mut part = Part::new(parent, folder, 1);
            let wanted = self.visit(Found { name, place, path: folder, seen }, &mut part);
            let taken = std::mem::take(&mut part.listing);
            plan.take(part.plan);
            plan.instead_of_link(&taken, name);
            if !wanted {
                return Ok(Vec::new());
            }
        }
        for Part { plan: part, listing } in walk::spread(|| walk::below(self, folder, place))? {
            plan.take(part);
            plan.listings.push(listing);
        }
        Ok(std::mem::take(&mut plan.unsettled))
    }
}

impl Visitor for Scan<'_> {
    type Part = Part;

    fn enter(&self, place: &Path, path: &Path, names: usize) -> Part {
        Part::new(place, path, names)
    }

    fn visit(&self, found: Found<'_>, part: &mut Part) -> bool {
        let Found { name, place, path, seen: Seen { mut entry, disk_bytes, owner } } = found;
        let (fate, kind) = (self.exclusions.fate(place, entry.kind), entry.kind);
        let secret = fate == Fate::Watch && is_secret(place);
        if self.in_live && (fate == Fate::LeaveOut || secret || (staged(fate) && kind == Kind::Special)) {
            part.plan.left_out.push(place.to_path_buf());
        }
        if secret && kind == Kind::Link {
            part.plan.secrets_elsewhere.extend(fs::canonicalize(path));
            entry = file_behind(path, &entry).unwrap_or(entry);
        }
        let role = Role {
            watched: matches!(fate, Fate::Stage | Fate::Watch | Fate::Output),
            copied: staged(fate) && kind == Kind::File,
            shows_through: self.in_live && self.owner.is_none_or(|ours| ours == owner),
        };
        match fate {
            Fate::LeaveOut => return false,
            Fate::Empty | Fate::Output => part.plan.empty.push(place.to_path_buf()),
            Fate::Watch if secret => {}
            Fate::Watch => part.plan.output_bytes += disk_bytes,
            Fate::Stage | Fate::StageUnwatched if kind == Kind::File => {
                part.plan.files.add(entry.size, disk_bytes, role.shows_through);
                part.listing.disk_bytes += disk_bytes;
            }
            Fate::Stage | Fate::StageUnwatched => part.plan.add(place, path, &entry, role.shows_through),
        }
        if role.watched || role.copied {
            part.listing.push(name, entry, role);
        }
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

impl Plan {
    fn take(&mut self, part: Self) {
        self.folders.extend(part.folders);
        self.files.take(part.files);
        self.unsettled.extend(part.unsettled);
        self.empty.extend(part.empty);
        self.special.extend(part.special);
        self.left_out.extend(part.left_out);
        self.secrets_elsewhere.extend(part.secrets_elsewhere);
        self.output_bytes += part.output_bytes;
    }

    fn add(&mut self, place: &Path, path: &Path, entry: &Entry, shows_through: bool) {
        let planned = || Planned { place: place.to_path_buf(), entry: entry.clone(), points_at: None, shows_through };
        match entry.kind {
            Kind::Folder => self.folders.push(planned()),
            Kind::Link => self.unsettled.push((planned(), path.to_path_buf())),
            Kind::Special => self.special.push(place.to_path_buf()),
            Kind::File => {}
        }
    }

    /// Threads have gathered it in any order.
    fn sort(&mut self) {
        self.folders.sort_unstable_by(|one, other| listing::order(&one.place, &other.place));
        listing::sort(&mut self.listings);
        for list in [&mut self.empty, &mut self.special, &mut self.left_out, &mut self.secrets_elsewhere] {
            list.sort();
        }
    }

    /// What is watched at the place of a link that became a folder is that folder.
    fn instead_of_link(&mut self, taken: &Listing, name: &OsStr) {
        let folder = self.listings.iter_mut().find(|listing| listing.place == taken.place);
        if let (Some(folder), Some(item)) = (folder, taken.find(name)) {
            folder.replace(name, item.entry.clone(), item.role);
        }
    }

    /// What is watched at the place of a link that leads out to a file (Capistrano's `shared/config/…`) is that file too.
    fn watch_behind(&mut self, place: &Path, to: &Path) {
        let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else { return };
        let Some(folder) = self.listings.iter_mut().find(|listing| listing.place == parent) else { return };
        let Some((role, link)) = folder.find(name).map(|item| (item.role, &item.entry)) else { return };
        if let Some(entry) = file_behind(to, link) {
            folder.replace(name, entry, role);
        }
    }

    /// A file with something in it, to try things with.
    pub(super) fn trial_file(&self) -> Option<PathBuf> {
        self.listings.iter().find_map(|listing| {
            let (name, _) = listing.iter().find(|(_, item)| item.role.copied && item.entry.size > 0)?;
            Some(listing.source.join(name))
        })
    }
}

impl Files {
    fn add(&mut self, bytes: u64, disk_bytes: u64, shows_through: bool) {
        self.take(Self { count: 1, bytes, disk_bytes, hidden: u64::from(!shows_through) });
    }

    fn take(&mut self, other: Self) {
        self.count += other.count;
        self.bytes += other.bytes;
        self.disk_bytes += other.disk_bytes;
        self.hidden += other.hidden;
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
            sources.push(Source { folder, place: planned.place });
            return;
        }
        Lead::Out(to) => {
            plan.watch_behind(&planned.place, &to);
            plan.leading_out.push((planned.place.clone(), to));
        }
    }
    plan.links.push(planned);
}
