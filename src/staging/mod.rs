//! The staged tree: a copy of the live tree in which a change is applied and compiled.
//!
//! Reading is all that ever happens to the live tree here. The copy shares nothing with it that can be written through:
//! no hard links, no links back. It must not know what a theme is, nor how a build is run.

mod copy;
mod error;
mod exclusion;
mod inventory;
mod link;
mod overlay;
mod ownership;
mod populate;
mod removal;
mod report;
mod room;
mod scan;
mod scratch;
mod sources;
mod walk;

use std::fs::{self, DirBuilder, File};
use std::mem;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::finding::Finding;

pub use copy::Method;
pub use error::StagingError;
pub(crate) use exclusion::{Exclusions, Fate};
pub use inventory::{Change, Entry, Inventory, Kind, What, differences};
pub use ownership::sweep;
pub(crate) use removal::remove_tree;
pub use scratch::Scratch;
pub use sources::stage_sources;

use scan::Plan;

/// The staged tree itself, in the stage's folder.
const TREE: &str = "tree";

/// Logs and wrappers of the run, beside the staged tree.
const SIDE: &str = "side";

/// True if a file at `path` of the live tree reaches the stage: it is no secret, no medium, no log and no compiled output.
#[must_use]
pub fn is_staged(path: &Path, output_folders: &[PathBuf]) -> bool {
    let rules = Exclusions::new(output_folders, None);
    let stays = |path: &Path, kind| matches!(rules.fate(path, kind), Fate::Stage | Fate::StageUnwatched);
    let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    stays(path, Kind::File) && folders.into_iter().all(|folder| stays(folder, Kind::Folder))
}

/// What to stage, and where.
pub struct StagingRequest<'a> {
    /// The live tree.
    pub live: &'a Path,
    /// The folder that holds the stages; made if it is not there. On the live tree's file system.
    pub state_dir: &'a Path,
    /// Whether the stage stays after the run.
    pub keep: bool,
    /// Compiled output folders relative to the tree, such as `public/packs`: they begin empty.
    pub output_folders: &'a [PathBuf],
    /// Set when the user asks to stop.
    pub interrupted: &'a AtomicBool,
    /// Told now and then how many files are copied.
    pub progress: &'a dyn Fn(u64),
}

/// Copies the live tree.
///
/// # Errors
/// Whatever keeps the copy from being complete; nothing of a failed stage is left behind.
pub fn stage(request: &StagingRequest<'_>) -> Result<StagedTree, StagingError> {
    let live_error = |source| StagingError::LiveTree { path: request.live.to_path_buf(), source };
    let live = request.live.canonicalize().map_err(live_error)?;
    let state = ownership::state_folder(request.state_dir)?;
    check_same_file_system(&live, &state)?;
    let inside = state.strip_prefix(&live).ok().map(Path::to_path_buf);
    let exclusions = Exclusions::new(request.output_folders, inside);
    let mut plan = scan::live_tree(request.live, &live, &exclusions, request.interrupted)?;
    let mut staged = StagedTree::begin(&state)?;
    staged.method = copy::probe(trial_file(&plan), &staged.folder);
    room::check(&state, needed_room(&plan, staged.method))?;
    let populated = populate::populate(&plan, &staged.root(), staged.method, request.interrupted, request.progress)?;
    settle_root(&live, &staged.root())?;
    staged.findings = report::findings(&plan, &populated.moving);
    staged.files = populated.files;
    staged.bytes = populated.bytes;
    staged.live_before = Inventory::new(mem::take(&mut plan.watched), Some(exclusions));
    if request.interrupted.load(Ordering::Relaxed) {
        return Err(StagingError::Interrupted);
    }
    if request.keep { staged.marked_kept() } else { Ok(staged) }
}

fn check_same_file_system(live: &Path, state: &Path) -> Result<(), StagingError> {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
    let live_device = device(live).map_err(|error| StagingError::unreadable(live, error))?;
    let state_device = device(state).map_err(|error| StagingError::unreadable(state, error))?;
    if live_device == state_device {
        return Ok(());
    }
    Err(StagingError::OtherFileSystem { state: state.to_path_buf(), live: live.to_path_buf() })
}

fn trial_file(plan: &Plan) -> Option<&Path> {
    plan.files.iter().find(|file| file.entry.size > 0).map(|file| file.source.as_path())
}

fn needed_room(plan: &Plan, method: Method) -> room::Room {
    let inodes = plan.folders.len() + plan.files.len() + plan.links.len() + plan.empty.len();
    room::needed(method, plan.disk_bytes, plan.output_bytes, inodes as u64)
}

fn settle_root(live: &Path, tree: &Path) -> Result<(), StagingError> {
    let metadata = fs::metadata(live).map_err(|error| StagingError::unreadable(live, error))?;
    let mode = rustix::fs::Mode::from_raw_mode(metadata.mode() & 0o777);
    rustix::fs::chmod(tree, mode).map_err(|error| StagingError::unwritable(tree, error))
}

/// A copy of the live tree, with a folder beside it for what a run leaves. Dropped, it is removed, unless it is to be kept.
#[derive(Debug)]
pub struct StagedTree {
    folder: PathBuf,
    /// Holds the lock that says that the owner lives.
    _owner: File,
    keep: bool,
    removed: bool,
    method: Method,
    files: u64,
    bytes: u64,
    findings: Vec<Finding>,
    live_before: Inventory,
}

impl StagedTree {
    fn begin(state: &Path) -> Result<Self, StagingError> {
        let (folder, owner) = ownership::new_stage(state)?;
        let staged = Self {
            folder,
            _owner: owner,
            keep: false,
            removed: false,
            method: Method::Copy,
            files: 0,
            bytes: 0,
            findings: Vec::new(),
            live_before: Inventory::default(),
        };
        for folder in [staged.root(), staged.side()] {
            DirBuilder::new().mode(0o700).create(&folder).map_err(|error| StagingError::unwritable(&folder, error))?;
        }
        Ok(staged)
    }

    fn marked_kept(mut self) -> Result<Self, StagingError> {
        ownership::mark_kept(&self.folder)?;
        self.keep = true;
        Ok(self)
    }

    /// The root of the staged tree.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.join(TREE)
    }

    /// A folder beside the staged tree, for logs and the like.
    #[must_use]
    pub fn side(&self) -> PathBuf {
        self.folder.join(SIDE)
    }

    /// How the files were copied.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// How many files were copied.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.files
    }

    /// How many bytes they hold.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What staging noticed: links that lead out, sockets left out, a live tree that moved.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The live tree as it was before anything was copied.
    #[must_use]
    pub fn live_before(&self) -> &Inventory {
        &self.live_before
    }

    /// The staged tree as it is now, but for what is below the folders `closed`.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn inventory(&self, closed: &[PathBuf]) -> Result<Inventory, StagingError> {
        Inventory::of_tree_but(&self.root(), closed)
    }

    /// Writes a file of the change, replacing a regular file of that name; folders are made as they are needed.
    ///
    /// # Errors
    /// A path that is absolute, climbs with `..` or passes through a link; a name taken by something that is no file.
    pub fn put(&self, place: &Path, bytes: &[u8], mode: u32) -> Result<(), StagingError> {
        overlay::put(&self.root(), place, bytes, mode)
    }

    /// Removes a file that the change takes away.
    ///
    /// # Errors
    /// As for [`Self::put`], and a file that is not there.
    pub fn remove(&self, place: &Path) -> Result<(), StagingError> {
        overlay::remove(&self.root(), place)
    }

    /// Takes away the file or link at a place, and the folders that are empty without it. That nothing is there is no error.
    ///
    /// # Errors
    /// As for [`Self::put`], and a folder at that place.
    pub fn discard(&self, place: &Path) -> Result<(), StagingError> {
        overlay::discard(&self.root(), place)
    }

    /// Makes a symbolic link that points at `target`, as it is written.
    ///
    /// # Errors
    /// As for [`Self::put`], and a name that is taken.
    pub fn link(&self, place: &Path, target: &Path) -> Result<(), StagingError> {
        overlay::link(&self.root(), place, target)
    }

    /// Removes the stage, unless it is to be kept.
    ///
    /// # Errors
    /// Something in it that cannot be removed.
    pub fn close(mut self) -> Result<(), StagingError> {
        self.remove_now()
    }

    /// Leaves the stage where it is, whatever the request said, and returns its folder (`tree/` and `side/` are in it).
    ///
    /// # Errors
    /// The mark that keeps it from being swept cannot be written.
    pub fn keep(self) -> Result<PathBuf, StagingError> {
        let kept = self.marked_kept()?;
        Ok(kept.folder.clone())
    }

    fn remove_now(&mut self) -> Result<(), StagingError> {
        if self.keep || mem::replace(&mut self.removed, true) {
            return Ok(());
        }
        remove_tree(&self.folder)
    }
}

impl Drop for StagedTree {
    fn drop(&mut self) {
        // Nobody is left to tell; the next run sweeps what could not be removed.
        let _swept_later = self.remove_now();
    }
}
