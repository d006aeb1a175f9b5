//! The live tree's names, read while the caller does something else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::StagingError;
use super::exclusion::Exclusions;
use super::inventory::{Change, changes};
use super::listing::Listing;
use super::plan::Plan;
use super::scan;
use super::{check_same_file_system, ownership};

/// How often it is asked whether the user wants to stop.
const PAUSE: Duration = Duration::from_micros(200);

/// The names of a live tree, being read. Dropped, it stops.
#[derive(Debug)]
pub struct Survey {
    reading: Option<JoinHandle<Result<Look, StagingError>>>,
    abandoned: Arc<AtomicBool>,
}

/// One look at the names of a live tree: what it is staged by, compared with and digested by.
#[derive(Debug)]
pub struct Look {
    pub(super) live: PathBuf,
    pub(super) state: PathBuf,
    pub(super) exclusions: Arc<Exclusions>,
    pub(super) plan: Plan,
}

impl Survey {
    /// Begins to read, on a thread of its own; arguments as in [`super::StagingRequest`].
    #[must_use]
    pub fn begin(live: &Path, state_dir: &Path, output_folders: &[PathBuf]) -> Self {
        let abandoned = Arc::new(AtomicBool::new(false));
        let (live, state_dir, outputs) = (live.to_path_buf(), state_dir.to_path_buf(), output_folders.to_vec());
        let stop = Arc::clone(&abandoned);
        let read = move || Look::now(&live, &state_dir, &outputs, &stop);
        // No thread to be had: it is read when the tree is staged.
        let reading = std::thread::Builder::new().name("survey".to_owned()).spawn(read).ok();
        Self { reading, abandoned }
    }

    /// Waits for the end; none if it was never begun.
    ///
    /// # Errors
    /// What cannot be read, and keeps the tree from being staged.
    #[must_use]
    pub fn finish(mut self, interrupted: &AtomicBool) -> Option<Result<Look, StagingError>> {
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

impl Look {
    /// Reads the live tree; arguments as in [`super::StagingRequest`].
    ///
    /// # Errors
    /// What cannot be read, and keeps the tree from being staged.
    pub fn now(
        named: &Path,
        state_dir: &Path,
        output_folders: &[PathBuf],
        interrupted: &AtomicBool,
    ) -> Result<Self, StagingError> {
        let live_error = |source| StagingError::LiveTree { path: named.to_path_buf(), source };
        let live = named.canonicalize().map_err(live_error)?;
        let state = ownership::state_folder(state_dir)?;
        check_same_file_system(&live, &state)?;
        let inside = state.strip_prefix(&live).ok().map(Path::to_path_buf);
        let exclusions = Arc::new(Exclusions::new(output_folders, inside));
        let plan = scan::live_tree(named, &live, &exclusions, interrupted)?;
        Ok(Self { live, state, exclusions, plan })
    }

    /// The live tree, links resolved.
    pub(crate) fn live(&self) -> &Path {
        &self.live
    }

    /// The state folder, links resolved.
    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// What stands in the live tree and in what is taken in for its links, but for what is left out, in the order of the folders.
    pub(crate) fn listings(&self) -> &[Listing] {
        &self.plan.listings
    }

    /// Links in whose place a folder stands in those listings, and what is written in them.
    pub(crate) fn taken_in(&self) -> &[(PathBuf, PathBuf)] {
        &self.plan.taken_in
    }

    /// Looks once more, by the same rules.
    pub(super) fn again(&self) -> Result<Self, StagingError> {
        let plan = scan::live_tree(&self.live, &self.live, &self.exclusions, &AtomicBool::new(false))?;
        let Self { live, state, exclusions, .. } = self;
        Ok(Self { live: live.clone(), state: state.clone(), exclusions: Arc::clone(exclusions), plan })
    }

    /// What is different from what was seen before.
    pub(super) fn changes_since(&self, before: &Self) -> Vec<Change> {
        changes(&before.plan.listings, &self.plan.listings)
    }
}
