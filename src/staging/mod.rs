//! The staged tree: the live tree once more, in which a change is applied and compiled.
//!
//! Reading is all that ever happens to the live tree here. The staged one shares nothing with it that can be written through:
//! no hard links, no links back; an overlay only reads it. It must not know what a theme is, nor how a build is run.

mod copy;
mod crew;
mod error;
mod exclusion;
mod inventory;
mod ladder;
mod layer;
mod link;
mod listing;
mod overlay;
mod ownership;
mod plan;
mod populate;
mod removal;
mod replacement;
mod report;
mod room;
mod scan;
mod scratch;
mod sources;
mod staged_tree;
mod survey;
mod walk;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use serde::Deserialize;

use crate::isolation::Wish;

use exclusion::{Exclusions, Fate};

pub use copy::Method;
pub use error::StagingError;
pub use inventory::{Change, Entry, Inventory, Kind, What, differences};
pub(crate) use layer::{cover_what_is_below, covers_what_is_below, make_plain};
pub(crate) use listing::{Item, Listing, Role, order as order_of_places};
pub use ownership::{sweep, sweep_alone};
pub(crate) use removal::remove_tree;
pub use replacement::Replacement;
pub(crate) use scan::{whole_tree_at, whole_tree_until};
pub use scratch::Scratch;
pub use sources::stage_sources;
pub use staged_tree::StagedTree;
pub use survey::{Look, Survey};
pub(crate) use walk::{look_at, spread};

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
    let look = Look::now(request.live, request.state_dir, request.output_folders, request.interrupted)?;
    stage_by(request, look, None, None)
}

/// Stages the live tree by a look at it, with other folders in the place of some. An overlay is not tried where there is a reason
/// against it, one sentence without its full stop, unless no other way will do.
///
/// # Errors
/// As [`stage`].
pub fn stage_by(
    request: &StagingRequest<'_>,
    mut look: Look,
    replacement: Option<Replacement<'_>>,
    against_overlay: Option<&str>,
) -> Result<StagedTree, StagingError> {
    let mut staged = StagedTree::begin(&look.state, &look.live)?;
    let shown = replacement.and_then(|replacement| replacement.take_effect(&mut look.plan));
    let populated = ladder::climb(&mut staged, &look.plan, request, shown, against_overlay)?;
    staged.findings = report::findings(&look.plan, &populated.moving);
    staged.files = populated.files;
    staged.bytes = populated.bytes;
    staged.before = Some(look);
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
