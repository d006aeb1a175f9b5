//! What earlier switches of a live tree have left: the ledger of the files that they added, and which of these may go now.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::PromotionError;
use super::exchange::content_of;
use super::fingerprints::Fingerprints;
use super::generations;
use super::ground::Ground;
use super::plan::{Fact, Role};
use super::promotable::Promotable;
use super::retention::Ledger;
use super::state::StateFolder;

/// The past of one live tree.
pub(super) struct Past {
    /// As the latest switch left it; empty if that is not known.
    pub(super) ledger: Ledger,
    /// Somebody else has compiled in the live tree since.
    pub(super) outdated: bool,
    /// The ledgers of all generations that are kept.
    kept: Vec<Option<Ledger>>,
}

/// Reads it.
pub(super) fn read(state: &StateFolder, live: &Path) -> Result<Past, PromotionError> {
    let all = generations::list(&state.generations())?;
    let ours = all.iter().filter(|generation| generation.live == live);
    let kept: Vec<Option<Ledger>> = ours.map(|one| Ledger::read(&state.generations(), &one.id)).collect();
    let ledger = kept.last().cloned().flatten().unwrap_or_default();
    // A manifest that cannot be read is another one.
    let now = Fingerprints::of(live, ledger.manifests.keys().cloned()).map_or_else(|_| BTreeMap::new(), |now| now.0);
    Ok(Past { outdated: ledger.is_outdated(&now), ledger, kept })
}

impl Past {
    /// The old files that may go with a promotion whose compile made `compiled`.
    pub(super) fn old_files(
        &self,
        state: &StateFolder,
        ground: &Ground,
        promotable: &Promotable,
        compiled: &BTreeSet<PathBuf>,
        keep: Option<Duration>,
    ) -> Vec<Fact> {
        let cutoff = keep.and_then(|keep| jiff::SignedDuration::try_from(keep).ok());
        let cutoff = cutoff.and_then(|keep| jiff::Timestamp::now().checked_sub(keep).ok());
        let (Some(cutoff), false) = (cutoff, self.outdated) else { return Vec::new() };
        let cutoff = cutoff.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let names = self.ledger.removable(&self.kept, compiled, &cutoff);
        let Some(staged) = names_of_staged(state, promotable) else { return Vec::new() };
        let candidates = names.into_iter().filter(|name| !staged.contains(name));
        candidates.filter_map(|name| self.old_file(ground, name)).collect()
    }

    /// The file as one to go, if it lies in the live tree itself (a folder behind a link may serve other releases, too) and
    /// holds what themegate put there.
    fn old_file(&self, ground: &Ground, name: PathBuf) -> Option<Fact> {
        let path = ground.resolve(&name).ok().filter(|path| *path == ground.live().join(&name))?;
        let before = content_of(&path).ok()??;
        let is_ours = self.ledger.added.get(&name).is_some_and(|added| added.digest == before.digest);
        is_ours.then_some(Fact { name, path, role: Role::Old, before: Some(before), after: None, origin: None })
    }
}

/// The files of every other run that can still be promoted; `None` if one of them cannot be read.
fn names_of_staged(state: &StateFolder, promotable: &Promotable) -> Option<BTreeSet<PathBuf>> {
    let mut names = BTreeSet::new();
    let entries = fs::read_dir(state.root().join("staged")).ok()?;
    for entry in entries {
        let name = entry.ok()?.file_name().to_string_lossy().into_owned();
        if let Some(run) = name.strip_suffix(".json").filter(|run| *run != promotable.run_id()) {
            let other = Promotable::load(state.root(), run).ok()?;
            names.extend(other.staged_seen().0.keys().cloned());
        }
    }
    Some(names)
}
