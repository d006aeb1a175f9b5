//! Reads the names of a live tree once: what will be copied, what is watched, what leads out.
//!
//! It opens no file; it must not know how files are copied.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::StagingError;
use super::exclusion::{Exclusions, Fate, is_secret};
use super::inventory::{Entry, Kind};
use super::link::{self, Lead, Source};
use super::walk::{self, Found, Visitor};

/// One thing to be made in the stage.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    /// Relative to the tree's root.
    pub(super) place: PathBuf,
    /// Where it lies on the disk.
    pub(super) source: PathBuf,
    /// As it was seen.
    pub(super) entry: Entry,
    /// Whether the running site may change it at any time.
    pub(super) unwatched: bool,
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
    pub(super) files: Vec<Planned>,
    pub(super) links: Vec<Planned>,
    /// Links of which it is not yet known where they lead; none when the whole tree is read.
    pub(super) unsettled: Vec<Planned>,
    /// Folders of the live tree that begin empty.
    pub(super) empty: Vec<PathBuf>,
    /// Sockets, FIFOs and devices, which are left out.
    pub(super) special: Vec<PathBuf>,
    /// Everything of the live tree that is left out one by one, those included.
    pub(super) left_out: Vec<PathBuf>,
    /// Files outside of the tree that links of secret names lead to.
    pub(super) secrets_elsewhere: Vec<PathBuf>,
    /// Links that lead out of the tree, and where to.
    pub(super) leading_out: Vec<(PathBuf, PathBuf)>,
    /// Everything that must not change in the live tree, in no order.
    pub(super) watched: Vec<(PathBuf, Entry)>,
    /// Bytes on the disk of the files to be copied.
    pub(super) disk_bytes: u64,
    /// Bytes of the compiled output of the live tree: about what a build will write.
    pub(super) output_bytes: u64,
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
        let links = scan.source(&source, &mut plan)?;
        // Where a link leads depends on the folders that were taken in for links before it.
        links.into_iter().for_each(|link| settle_link(link, named, exclusions, &mut sources, &mut plan));
        next += 1;
    }
    Ok(plan)
}

/// Reads what is watched of a live tree.
pub(super) fn watched(live: &Path, exclusions: &Exclusions) -> Result<BTreeMap<PathBuf, Entry>, StagingError> {
    let named = live;
    let live = fs::canonicalize(live).map_err(|error| StagingError::unreadable(named, error))?;
    Ok(live_tree(named, &live, exclusions, &AtomicBool::new(false))?.watched.into_iter().collect())
}

/// Reads a whole tree; of the folders `closed`, themselves and nothing below them.
pub(super) fn whole_tree(root: &Path, closed: &[PathBuf]) -> Result<BTreeMap<PathBuf, Entry>, StagingError> {
    let parts = walk::spread(|| walk::below(&Everything { closed }, root, Path::new("")))?;
    Ok(parts.into_iter().flatten().collect())
}

struct Everything<'a> {
    closed: &'a [PathBuf],
}

impl Visitor for Everything<'_> {
    type Part = Vec<(PathBuf, Entry)>;

    fn visit(&self, found: Found, part: &mut Self::Part) -> bool {
        let open = !self.closed.contains(&found.place);
        part.push((found.place, found.entry));
        open
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
#[derive(Default)]
struct Part {
    plan: Plan,
    watched: Vec<(PathBuf, Entry)>,
}

impl Scan<'_> {
    /// Reads one folder that the stage takes in; gives the links in it, whose fate is not settled yet.
    fn source(&self, source: &Source, plan: &mut Plan) -> Result<Vec<Planned>, StagingError> {
        // A folder taken in for a link is made as a folder; the tree's root is there already.
        if !source.place.as_os_str().is_empty() {
            let found =
                walk::look_at(&source.folder).map_err(|error| StagingError::unreadable(&source.folder, error))?;
            let mut part = Part::default();
            let wanted = self.visit(Found { place: source.place.clone(), ..found }, &mut part);
            plan.take(part);
            if !wanted {
                return Ok(Vec::new());
            }
        }
        let parts = walk::spread(|| walk::below(self, &source.folder, &source.place))?;
        parts.into_iter().for_each(|part| plan.take(part));
        Ok(std::mem::take(&mut plan.unsettled))
    }
}

impl Visitor for Scan<'_> {
    type Part = Part;

    /// Takes one entry in; false if nothing below it matters.
    fn visit(&self, found: Found, part: &mut Part) -> bool {
        let Found { place, path: source, entry, disk_bytes, owner } = found;
        let fate = self.exclusions.fate(&place, entry.kind);
        let secret = fate == Fate::Watch && is_secret(&place);
        if self.in_live && (fate == Fate::LeaveOut || secret || (staged(fate) && entry.kind == Kind::Special)) {
            part.plan.left_out.push(place.clone());
        }
        if secret && entry.kind == Kind::Link {
            part.plan.secrets_elsewhere.extend(fs::canonicalize(&source));
        }
        if matches!(fate, Fate::Stage | Fate::Watch | Fate::Output) {
            part.watched.push((place.clone(), entry.clone()));
        }
        match fate {
            Fate::LeaveOut => return false,
            Fate::Empty | Fate::Output => {
                part.plan.empty.push(place);
                return fate == Fate::Output;
            }
            Fate::Watch if secret => return false,
            Fate::Watch => part.plan.output_bytes += disk_bytes,
            Fate::Stage | Fate::StageUnwatched => {
                let unwatched = fate == Fate::StageUnwatched;
                let shows_through = self.in_live && self.owner.is_none_or(|ours| ours == owner);
                part.plan.add(Planned { place, source, entry, unwatched, points_at: None, shows_through }, disk_bytes);
            }
        }
        true
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
    fn take(&mut self, part: Part) {
        let Part { plan, watched } = part;
        self.folders.extend(plan.folders);
        self.files.extend(plan.files);
        self.unsettled.extend(plan.unsettled);
        self.empty.extend(plan.empty);
        self.special.extend(plan.special);
        self.left_out.extend(plan.left_out);
        self.secrets_elsewhere.extend(plan.secrets_elsewhere);
        self.disk_bytes += plan.disk_bytes;
        self.output_bytes += plan.output_bytes;
        self.watched.extend(watched);
    }

    fn add(&mut self, planned: Planned, disk_bytes: u64) {
        match planned.entry.kind {
            Kind::Folder => self.folders.push(planned),
            Kind::Link => self.unsettled.push(planned),
            Kind::Special => self.special.push(planned.place),
            Kind::File => {
                self.disk_bytes += disk_bytes;
                self.files.push(planned);
            }
        }
    }
}

fn settle_link(
    mut planned: Planned,
    named: &Path,
    exclusions: &Exclusions,
    sources: &mut Vec<Source>,
    plan: &mut Plan,
) {
    let target = planned.entry.target.clone().unwrap_or_default();
    match link::lead(&planned.source, &planned.place, &target, named, sources) {
        Lead::Inside => {}
        Lead::Rewritten(place) => planned.points_at = Some(place),
        Lead::Out(folder) if exclusions.is_real_folder(&planned.place) && folder.is_dir() => {
            sources.push(Source { folder, place: planned.place });
            return;
        }
        Lead::Out(to) => plan.leading_out.push((planned.place.clone(), to)),
    }
    plan.links.push(planned);
}
