//! The staged tree: the live tree once more, in which a change is applied and compiled.
//!
//! Reading is all that ever happens to the live tree here. The staged one shares nothing with it that can be written through:
//! no hard links, no links back; an overlay only reads it. It must not know what a theme is, nor how a build is run.

mod copy;
mod error;
mod exclusion;
mod inventory;
mod ladder;
mod layer;
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
use std::io;
use std::mem;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use serde::Deserialize;

use crate::finding::Finding;
use crate::isolation::{self, Holder, Wish};

pub use copy::Method;
pub use error::StagingError;
pub(crate) use exclusion::{Exclusions, Fate};
pub use inventory::{Change, Entry, Inventory, Kind, What, differences};
pub use ownership::{sweep, sweep_alone};
pub(crate) use removal::remove_tree;
pub use scratch::Scratch;
pub use sources::stage_sources;

/// The staged tree itself, in the stage's folder.
const TREE: &str = "tree";

/// Logs of the run, beside the staged tree.
const SIDE: &str = "side";

/// What the bundler's ear writes, in the side folder.
const HEARD: &str = "heard";

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
    /// How the tree is to be staged.
    pub way: Way,
    /// How the build is to be isolated; none for not at all.
    pub isolate: Option<Wish>,
}

/// Which way to stage, best first; the names are the words of `--staging`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The best that works here
    #[default]
    Auto,
    /// The live tree shows through; what is written goes to a layer above it
    Overlay,
    /// A copy that shares its blocks with the live tree (XFS, btrfs, bcachefs)
    Reflink,
    /// A copy of every byte
    Copy,
}

/// Stages the live tree.
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
    let mut staged = StagedTree::begin(&state, &live)?;
    let populated = ladder::climb(&mut staged, &plan, request)?;
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

/// A staged tree, with a folder beside it for what a run leaves. Dropped, it is removed, unless it is to be kept.
#[derive(Debug)]
pub struct StagedTree {
    folder: PathBuf,
    live: PathBuf,
    /// The process that has the overlay mounted, if the tree is one.
    holder: Option<Holder>,
    isolation: Option<isolation::Plan>,
    passed_over: Vec<String>,
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
    fn begin(state: &Path, live: &Path) -> Result<Self, StagingError> {
        let (folder, owner) = ownership::new_stage(state)?;
        let staged = Self {
            folder,
            live: live.to_path_buf(),
            holder: None,
            isolation: None,
            passed_over: Vec::new(),
            _owner: owner,
            keep: false,
            removed: false,
            method: Method::Copy,
            files: 0,
            bytes: 0,
            findings: Vec::new(),
            live_before: Inventory::default(),
        };
        let space = isolation::space(&staged.folder);
        for folder in [staged.folder.join(TREE), staged.side(), staged.heard(), space] {
            DirBuilder::new().mode(0o700).create(&folder).map_err(|error| StagingError::unwritable(&folder, error))?;
        }
        Ok(staged)
    }

    fn marked_kept(mut self) -> Result<Self, StagingError> {
        ownership::mark_kept(&self.folder)?;
        self.keep = true;
        Ok(self)
    }

    /// The root of the staged tree, where the gate reads and writes it. An overlay is seen through the process that has it
    /// mounted: there, a canonical path of something in it means nothing.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.holder.as_ref().map_or_else(|| self.folder.join(TREE), |holder| holder.root().to_path_buf())
    }

    /// How the build is isolated, if it is.
    #[must_use]
    pub fn isolation(&self) -> Option<&isolation::Plan> {
        self.isolation.as_ref()
    }

    /// Why better ways to stage or to isolate were passed over, in sentences without their full stop.
    #[must_use]
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// Makes sure that the tree can still be read: what an overlay no longer shows would look like missing files.
    ///
    /// # Errors
    /// If the process that has the overlay mounted is gone.
    pub fn ensure_readable(&self) -> Result<(), StagingError> {
        if self.holder.as_ref().is_none_or(Holder::is_alive) { Ok(()) } else { Err(StagingError::OverlayLost) }
    }

    /// A folder beside the staged tree, for logs and the like.
    #[must_use]
    pub fn side(&self) -> PathBuf {
        self.folder.join(SIDE)
    }

    /// The folder in it that the bundler's ear writes to.
    #[must_use]
    pub fn heard(&self) -> PathBuf {
        self.side().join(HEARD)
    }

    /// How the tree was staged.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// How many files it has.
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

    /// What stands now where writes to the staged tree end up, but for what is below the folders `closed`: for
    /// [`Self::changes_since`].
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn inventory(&self, closed: &[PathBuf]) -> Result<Inventory, StagingError> {
        Inventory::of_tree_but(&self.written(), closed)
    }

    /// What was made, changed and removed in the staged tree since its inventory was taken with the same folders `closed`.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn changes_since(&self, before: &Inventory, closed: &[PathBuf]) -> Result<Vec<Change>, StagingError> {
        let now = self.inventory(closed)?;
        Ok(match self.holder {
            Some(_) => layer::changes(before, &now, &self.written(), &self.live),
            None => differences(before, &now),
        })
    }

    /// Where writes to the tree end up.
    fn written(&self) -> PathBuf {
        if self.holder.is_some() { self.folder.join(ladder::UPPER) } else { self.root() }
    }

    /// Moves a file or folder that was written since the tree was staged to `to`, on the same file system; false if there is
    /// none. It is missing in the tree afterwards.
    ///
    /// # Errors
    /// If it cannot be moved.
    pub fn take(&self, place: &Path, to: &Path) -> io::Result<bool> {
        let from = self.written().join(place);
        if !from.exists() {
            return Ok(false);
        }
        if self.holder.is_some() {
            layer::make_plain(&from)?;
        }
        fs::rename(&from, to).map(|()| true)
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
        drop(self.holder.take());
        remove_tree(&self.folder)
    }
}

impl Drop for StagedTree {
    fn drop(&mut self) {
        // Nobody is left to tell; the next run sweeps what could not be removed.
        let _swept_later = self.remove_now();
    }
}
