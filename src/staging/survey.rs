//! The live tree's names, read while the caller does something else: whether an earlier run has answered already.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::StagingError;
use super::exclusion::Exclusions;
use super::scan::{self, Plan};
use super::{check_same_file_system, ownership};

/// How often it is asked whether the user wants to stop.
const PAUSE: Duration = Duration::from_millis(1);

/// The names of a live tree, being read. Dropped, it stops.
#[derive(Debug)]
pub struct Survey {
    reading: Option<JoinHandle<Result<Surveyed, StagingError>>>,
    abandoned: Arc<AtomicBool>,
}

/// What was read, and by which rules.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub(super) live: PathBuf,
    pub(super) state: PathBuf,
    pub(super) exclusions: Exclusions,
    pub(super) plan: Plan,
}

impl Survey {
    /// Begins to read, on a thread of its own; arguments as in [`super::StagingRequest`]. What goes wrong is told when the
    /// tree is staged.
    #[must_use]
    pub fn begin(live: &Path, state_dir: &Path, output_folders: &[PathBuf]) -> Self {
        let abandoned = Arc::new(AtomicBool::new(false));
        let (live, state_dir, outputs) = (live.to_path_buf(), state_dir.to_path_buf(), output_folders.to_vec());
        let stop = Arc::clone(&abandoned);
        let read = move || now(&live, &state_dir, &outputs, &stop);
        // No thread to be had: it is read when the tree is staged.
        let reading = std::thread::Builder::new().name("survey".to_owned()).spawn(read).ok();
        Self { reading, abandoned }
    }

    /// Waits for the end; none if it was never begun.
    pub(super) fn finish(mut self, interrupted: &AtomicBool) -> Option<Result<Surveyed, StagingError>> {
        let reading = self.reading.take()?;
        while !reading.is_finished() {
            self.abandoned.fetch_or(interrupted.load(Ordering::Relaxed), Ordering::Relaxed);
            std::thread::sleep(PAUSE);
        }
        Some(reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

impl Drop for Survey {
    fn drop(&mut self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }
}

/// Reads the live tree.
pub(super) fn now(
    named: &Path,
    state_dir: &Path,
    output_folders: &[PathBuf],
    interrupted: &AtomicBool,
) -> Result<Surveyed, StagingError> {
    let live_error = |source| StagingError::LiveTree { path: named.to_path_buf(), source };
    let live = named.canonicalize().map_err(live_error)?;
    let state = ownership::state_folder(state_dir)?;
    check_same_file_system(&live, &state)?;
    let inside = state.strip_prefix(&live).ok().map(Path::to_path_buf);
    let exclusions = Exclusions::new(output_folders, inside);
    let plan = scan::live_tree(named, &live, &exclusions, interrupted)?;
    Ok(Surveyed { live, state, exclusions, plan })
}
