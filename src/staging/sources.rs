//! A scratch tree for one look at the stylesheets: what Sass reads of the live tree, and nothing else.
//!
//! It serves `check --fast`, which never leads to a promotion. Links are read through: what Sass would find is what counts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use walkdir::WalkDir;

use super::error::StagingError;
use super::{StagedTree, ownership};

/// What Sass reads.
const ENDINGS: [&str; 3] = ["scss", "sass", "css"];

/// Files at the root by which version managers choose a node.
const CHOICES: [&str; 6] = [".nvmrc", ".node-version", ".tool-versions", "mise.toml", ".mise.toml", "package.json"];

/// Copies the stylesheets below `source` (relative to the live tree) into a stage of their own.
///
/// # Errors
/// Whatever keeps the copy from being complete; nothing of a failed stage is left behind.
pub fn stage_sources(
    live: &Path,
    state_dir: &Path,
    source: &Path,
    interrupted: &AtomicBool,
) -> Result<StagedTree, StagingError> {
    let state = ownership::state_folder(state_dir)?;
    let mut staged = StagedTree::begin(&state, live)?;
    let choices = CHOICES.map(PathBuf::from).into_iter().filter(|name| live.join(name).is_file());
    for place in choices.chain(stylesheets(live, source)) {
        if interrupted.load(Ordering::Relaxed) {
            return Err(StagingError::Interrupted);
        }
        staged.bytes += copy(live, &staged.root(), &place)?;
        staged.files += 1;
    }
    Ok(staged)
}

/// A link that leads nowhere or in circles is left to whoever compiles: nothing of it can be read.
fn stylesheets<'a>(live: &'a Path, source: &Path) -> impl Iterator<Item = PathBuf> + use<'a> {
    let found = WalkDir::new(live.join(source)).follow_links(true).into_iter().flatten();
    let is_sheet = |path: &Path| path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
    found
        .filter(move |entry| entry.file_type().is_file() && is_sheet(entry.path()))
        .filter_map(move |entry| entry.path().strip_prefix(live).map(Path::to_path_buf).ok())
}

fn copy(live: &Path, tree: &Path, place: &Path) -> Result<u64, StagingError> {
    let (from, to) = (live.join(place), tree.join(place));
    let parent = to.parent().unwrap_or(tree);
    fs::create_dir_all(parent).map_err(|error| StagingError::unwritable(parent, error))?;
    let bytes = fs::read(&from).map_err(|error| StagingError::unreadable(&from, error))?;
    fs::write(&to, &bytes).map_err(|error| StagingError::unwritable(&to, error))?;
    Ok(bytes.len() as u64)
}
