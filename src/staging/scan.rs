//! Reads the names of a live tree once: what will be copied, what is watched, what leads out.
//!
//! It opens no file; it must not know how files are copied.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use walkdir::{DirEntry, WalkDir};

use super::error::StagingError;
use super::exclusion::{Exclusions, Fate, is_secret};
use super::inventory::{Entry, Kind};
use super::link::{self, Lead, Source};

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
    /// Everything that must not change in the live tree.
    pub(super) watched: BTreeMap<PathBuf, Entry>,
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
        Scan { named, exclusions, interrupted, owner: owner(), plan: &mut plan, sources: &mut sources }
            .folder(&source)?;
        next += 1;
    }
    Ok(plan)
}

/// Reads what is watched of a live tree.
pub(super) fn watched(live: &Path, exclusions: &Exclusions) -> Result<BTreeMap<PathBuf, Entry>, StagingError> {
    let named = live;
    let live = fs::canonicalize(live).map_err(|error| StagingError::unreadable(named, error))?;
    Ok(live_tree(named, &live, exclusions, &AtomicBool::new(false))?.watched)
}

/// Reads a whole tree, leaving out nothing.
pub(super) fn whole_tree(root: &Path) -> Result<BTreeMap<PathBuf, Entry>, StagingError> {
    let mut entries = BTreeMap::new();
    for found in WalkDir::new(root).min_depth(1) {
        let found = found.map_err(|error| walk_error(root, error))?;
        let metadata = found.metadata().map_err(|error| walk_error(root, error))?;
        let place = found.path().strip_prefix(root).unwrap_or(found.path()).to_path_buf();
        entries.insert(place, Entry::new(&metadata, target_of(&found, &metadata)));
    }
    Ok(entries)
}

fn target_of(found: &DirEntry, metadata: &Metadata) -> Option<PathBuf> {
    metadata.is_symlink().then(|| fs::read_link(found.path()).unwrap_or_default())
}

fn walk_error(root: &Path, error: walkdir::Error) -> StagingError {
    let path = error.path().unwrap_or(root).to_path_buf();
    let source = error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of links"));
    StagingError::Unreadable { path, source }
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
    named: &'a Path,
    exclusions: &'a Exclusions,
    interrupted: &'a AtomicBool,
    /// Whose files an overlay can change; none for everybody's.
    owner: Option<(u32, u32)>,
    plan: &'a mut Plan,
    sources: &'a mut Vec<Source>,
}

impl Scan<'_> {
    fn folder(&mut self, source: &Source) -> Result<(), StagingError> {
        // A folder taken in for a link is made as a folder; the tree's root is there already.
        let depth = usize::from(source.place.as_os_str().is_empty());
        let mut walk = WalkDir::new(&source.folder).min_depth(depth).into_iter();
        while let Some(found) = walk.next() {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(StagingError::Interrupted);
            }
            let found = match found {
                Ok(found) => found,
                Err(error) if self.may_be_missed(source, &error) => continue,
                Err(error) => return Err(walk_error(&source.folder, error)),
            };
            if !self.entry(source, &found)? && found.file_type().is_dir() {
                walk.skip_current_dir();
            }
        }
        Ok(())
    }

    /// What vanished while we looked, or is only watched and cannot be read, stops nothing.
    fn may_be_missed(&self, source: &Source, error: &walkdir::Error) -> bool {
        let gone = error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
        let place =
            error.path().and_then(|path| path.strip_prefix(&source.folder).ok()).map(|below| source.place.join(below));
        let deep = error.depth() > 0;
        let unneeded = place.is_some_and(|place| {
            matches!(
                self.exclusions.fate(&place, Kind::Folder),
                Fate::Watch | Fate::Output | Fate::Empty | Fate::LeaveOut
            )
        });
        deep && (gone || unneeded)
    }

    /// Takes one entry in; false if nothing below it matters.
    fn entry(&mut self, source: &Source, found: &DirEntry) -> Result<bool, StagingError> {
        let below = found.path().strip_prefix(&source.folder).unwrap_or(found.path());
        let place = if below.as_os_str().is_empty() { source.place.clone() } else { source.place.join(below) };
        let metadata = match found.metadata() {
            Ok(metadata) => metadata,
            Err(error) if self.may_be_missed(source, &error) => return Ok(false),
            Err(error) => return Err(walk_error(&source.folder, error)),
        };
        let entry = Entry::new(&metadata, target_of(found, &metadata));
        let fate = self.exclusions.fate(&place, entry.kind);
        let in_live = source.place.as_os_str().is_empty();
        let secret = fate == Fate::Watch && is_secret(&place);
        if in_live && (fate == Fate::LeaveOut || secret || (staged(fate) && entry.kind == Kind::Special)) {
            self.plan.left_out.push(place.clone());
        }
        if secret && entry.kind == Kind::Link {
            self.plan.secrets_elsewhere.extend(fs::canonicalize(found.path()));
        }
        if matches!(fate, Fate::Stage | Fate::Watch | Fate::Output) {
            self.plan.watched.insert(place.clone(), entry.clone());
        }
        match fate {
            Fate::LeaveOut => return Ok(false),
            Fate::Empty | Fate::Output => {
                self.plan.empty.push(place);
                return Ok(fate == Fate::Output);
            }
            Fate::Watch if secret => return Ok(false),
            Fate::Watch => self.plan.output_bytes += disk_bytes(&metadata),
            Fate::Stage | Fate::StageUnwatched => {
                let unwatched = fate == Fate::StageUnwatched;
                let source = found.path().to_path_buf();
                let shows_through = in_live && self.owner.is_none_or(|owner| owner == (metadata.uid(), metadata.gid()));
                let planned = Planned { place, source, entry, unwatched, points_at: None, shows_through };
                self.plan_for(planned, disk_bytes(&metadata));
            }
        }
        Ok(true)
    }

    fn plan_for(&mut self, planned: Planned, disk_bytes: u64) {
        match planned.entry.kind {
            Kind::Folder => self.plan.folders.push(planned),
            Kind::Link => self.link(planned),
            Kind::Special => self.plan.special.push(planned.place),
            Kind::File => {
                self.plan.disk_bytes += disk_bytes;
                self.plan.files.push(planned);
            }
        }
    }

    fn link(&mut self, mut planned: Planned) {
        let target = planned.entry.target.clone().unwrap_or_default();
        match link::lead(&planned.source, &planned.place, &target, self.named, self.sources) {
            Lead::Inside => {}
            Lead::Rewritten(place) => planned.points_at = Some(place),
            Lead::Out(folder) if self.exclusions.is_real_folder(&planned.place) && folder.is_dir() => {
                self.sources.push(Source { folder, place: planned.place });
                return;
            }
            Lead::Out(to) => self.plan.leading_out.push((planned.place.clone(), to)),
        }
        self.plan.links.push(planned);
    }
}

fn disk_bytes(metadata: &Metadata) -> u64 {
    metadata.blocks() * 512
}
