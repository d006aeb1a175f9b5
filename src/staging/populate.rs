//! Makes in the stage what was planned: folders, files on several threads, links, and at last the folders' own modes and times.
//!
//! It must not know why something is left out.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rayon::prelude::*;
use rustix::fs::{AtFlags, CWD, Mode};

use super::copy::{Copied, Copier, Folders, Method, times};
use super::crew::Crew;
use super::error::StagingError;
use super::inventory::Kind;
use super::listing::Listing;
use super::plan::{Plan, Planned};
use super::walk;

/// Folders that Rails expects to find, whether the live tree has them or not.
const WANTED_BY_RAILS: &[&str] = &["log", "tmp", "tmp/pids"];

/// How often the caller hears how far the copy is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// What was made.
#[derive(Debug, Default)]
pub(super) struct Populated {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Files of the live tree that changed or vanished while they were copied.
    pub(super) moving: Vec<PathBuf>,
}

/// The folders that are made whether the live tree has them or not: where a link within the tree stands for one, it is what it
/// leads to.
pub(super) fn wanted(plan: &Plan) -> Vec<&'static Path> {
    let is_linked = |folder: &&Path| plan.links.iter().any(|link| folder.starts_with(&link.place));
    WANTED_BY_RAILS.iter().map(Path::new).filter(|folder| !is_linked(folder)).collect()
}

/// Fills `tree`, which exists and is empty; the folders `wanted` are made in any case.
pub(super) fn populate(
    plan: &Plan,
    wanted: &[&Path],
    tree: &Path,
    method: Method,
    interrupted: &AtomicBool,
    progress: &dyn Fn(u64),
) -> Result<Populated, StagingError> {
    let mask = permission_mask(tree)?;
    walk::spread(|| make_folders(plan, tree))?;
    wanted.iter().try_for_each(|folder| make_folder(&tree.join(folder)))?;
    let crew = Crew::default();
    let copier = Copier::new(method, mask, interrupted, &crew);
    let populated = files(plan, tree, &copier, &crew, interrupted, progress)?;
    for link in &plan.links {
        make_link(link, tree)?;
    }
    walk::spread(|| settle_folders(plan, tree))?;
    Ok(populated)
}

/// Gives the folders their own modes and times; last, and from the inside out, those through which there is no way then (a
/// folder of somebody else's that its group may read).
fn settle_folders(plan: &Plan, tree: &Path) -> Result<(), StagingError> {
    let (open, closed): (Vec<_>, Vec<_>) = plan.folders.iter().partition(|folder| folder.entry.mode & 0o700 == 0o700);
    open.par_iter().try_for_each(|folder| settle_folder(folder, tree))?;
    closed.iter().rev().try_for_each(|folder| settle_folder(folder, tree))
}

/// The permission bits that a new file here can have: what the umask, or a default list of the folder, leaves.
fn permission_mask(tree: &Path) -> Result<u32, StagingError> {
    let trial = tree.join("themegate-mode-trial");
    let make = || {
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o777).open(&trial)?;
        fs::remove_file(&trial)?;
        Ok(file.metadata()?.mode() & 0o777)
    };
    make().map_err(|error: io::Error| StagingError::unwritable(&trial, error))
}

/// Makes all folders, those of one depth at a time.
fn make_folders(plan: &Plan, tree: &Path) -> Result<(), StagingError> {
    let mut levels: BTreeMap<usize, Vec<&Path>> = BTreeMap::new();
    for place in plan.folders.iter().map(|folder| &folder.place).chain(&plan.empty) {
        levels.entry(place.components().count()).or_default().push(place);
    }
    levels.values().try_for_each(|level| level.par_iter().try_for_each(|place| make_folder(&tree.join(place))))
}

fn make_folder(path: &Path) -> Result<(), StagingError> {
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(|error| StagingError::unwritable(path, error)),
    }
}

/// Copies on several threads, while this thread tells the caller how far it is.
fn files(
    plan: &Plan,
    tree: &Path,
    copier: &Copier<'_>,
    crew: &Crew,
    interrupted: &AtomicBool,
    progress: &dyn Fn(u64),
) -> Result<Populated, StagingError> {
    let count = AtomicU64::new(0);
    let bytes = AtomicU64::new(0);
    let moving = Mutex::new(Vec::new());
    let one = |buffer: &mut Vec<u8>, listing: &Listing| {
        let mut files = listing.iter().filter(|(_, item)| item.role.copied).peekable();
        if files.peek().is_none() {
            return Ok(());
        }
        let target = tree.join(&listing.place);
        let folders = Folders::open(&listing.source, &target)?;
        files.try_for_each(|(name, item)| {
            if interrupted.load(Ordering::Relaxed) {
                return Err(StagingError::Interrupted);
            }
            let copied = copier.file(&folders, name, &item.entry, buffer)?;
            if !matches!(copied, Copied::Same(_)) && item.role.watched {
                moving.lock().unwrap_or_else(PoisonError::into_inner).push(listing.place.join(name));
            }
            if let Copied::Same(copied) | Copied::Moved(copied) = copied {
                count.fetch_add(1, Ordering::Relaxed);
                bytes.fetch_add(copied, Ordering::Relaxed);
            }
            Ok(())
        })
    };
    with_progress(|| crew.each(&plan.listings, one), || progress(count.load(Ordering::Relaxed)))?;
    let mut moving = moving.into_inner().unwrap_or_else(PoisonError::into_inner);
    moving.sort();
    Ok(Populated { files: count.into_inner(), bytes: bytes.into_inner(), moving })
}

/// Runs `work` on another thread and `tell` on this one, again and again until the work is done.
fn with_progress<T: Send>(work: impl FnOnce() -> T + Send, tell: impl Fn()) -> T {
    std::thread::scope(|scope| {
        let (done, finished) = std::sync::mpsc::channel();
        let worker = scope.spawn(move || {
            let result = work();
            // The receiver lives until this thread is joined.
            let _heard = done.send(());
            result
        });
        while finished.recv_timeout(PROGRESS_INTERVAL) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            tell();
        }
        tell();
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn make_link(link: &Planned, tree: &Path) -> Result<(), StagingError> {
    let path = tree.join(&link.place);
    let target = match &link.points_at {
        Some(place) => relative(&link.place, place),
        None => link.entry.target.clone().unwrap_or_default(),
    };
    let unwritable = |error: io::Error| StagingError::unwritable(&path, error);
    symlink(target, &path).map_err(unwritable)?;
    let (seconds, nanoseconds) = link.entry.mtime;
    rustix::fs::utimensat(CWD, &path, &times(seconds, nanoseconds), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| unwritable(error.into()))
}

/// The way from the link at `from` to `to`, both relative to the tree: it holds wherever the tree is seen.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let folder: Vec<_> = from.parent().into_iter().flat_map(Path::components).collect();
    let wanted: Vec<_> = to.components().collect();
    let shared = folder.iter().zip(&wanted).take_while(|(one, other)| one == other).count();
    let up = folder[shared..].iter().map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(wanted[shared..].iter().copied()).collect();
    if way.as_os_str().is_empty() { PathBuf::from(".") } else { way }
}

pub(super) fn settle_folder(folder: &Planned, tree: &Path) -> Result<(), StagingError> {
    let path = tree.join(&folder.place);
    let (seconds, nanoseconds) = folder.entry.mtime;
    debug_assert_eq!(folder.entry.kind, Kind::Folder);
    rustix::fs::chmod(&path, Mode::from_raw_mode(folder.entry.mode & 0o777))
        .and_then(|()| rustix::fs::utimensat(CWD, &path, &times(seconds, nanoseconds), AtFlags::empty()))
        .map_err(|error| StagingError::unwritable(&path, error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

    use super::*;
    use crate::staging::inventory::Entry;
    use crate::staging::walk::look_at;

    /// Somebody else's folder that only its group may enter cannot be entered by its copy's owner: the folders in it come first.
    #[test]
    fn folders_that_their_owner_cannot_enter_are_closed_after_those_in_them() {
        let tree = tempfile::tempdir().unwrap();
        let entry = |mode| Entry { kind: Kind::Folder, mode, ..look_at(tree.path()).unwrap().entry };
        let planned = |(place, mode): (&str, u32)| Planned {
            place: place.into(),
            entry: entry(mode),
            points_at: None,
            shows_through: true,
        };
        let modes = [("shut", 0o050), ("shut/inner", 0o070), ("shut/inner/most", 0o755), ("shut/other", 0o755)];
        let plan = Plan { folders: modes.map(planned).into(), ..Plan::default() };
        make_folders(&plan, tree.path()).unwrap();
        // Root enters everything, unless it gives that up; its threads inherit what is left.
        let mut powers = capabilities(None).unwrap();
        powers.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
        set_capabilities(None, powers).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        pool.install(|| settle_folders(&plan, tree.path())).unwrap();
        for (place, mode) in modes {
            let path = tree.path().join(place);
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, mode, "{place}");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        }
    }

    #[test]
    fn a_link_is_turned_without_naming_the_stage() {
        let way = |from: &str, to: &str| relative(Path::new(from), Path::new(to)).display().to_string();
        assert_eq!(way("absolute", "config/themes.yml"), "config/themes.yml");
        assert_eq!(way("public/a/b", "public/c"), "../c");
        assert_eq!(way("a/b/c", "d"), "../../d");
        assert_eq!(way("a/b", "a"), ".");
        assert_eq!(way("link", ""), ".");
    }
}
