//! Which build's compile caches are kept, and which build gets them.
//!
//! Kept are those of a build that passed and that ran no code but the site's own. A revision or a patch may bring some; and
//! webpack runs whatever file a stylesheet names as a loader, so that there a theme may as well, however hard it is looked at.

mod key;

use std::path::{Path, PathBuf};

use super::GateError;
use super::build::Gate;
use super::record::Record;
use crate::caches::{self, Brought, Caches, Left, Verified};
use crate::change::{Change, ChangeSource};
use crate::compiler::Compiler;
use crate::finding::Finding;
use crate::site::Toolchain;
use crate::staging::{Replacement, StagedTree};
use crate::verdict::Verdict;

/// What the record keeps of the caches while the build runs: their key, if the build may leave any, and what was shown.
pub(super) type Given = Option<(String, Option<Verified>)>;

/// The caches for a stage that is not there yet.
pub(super) struct Prepared {
    folders: Vec<&'static Path>,
    /// Under which key, and what is kept under it or why that was thrown away.
    found: Option<(String, Result<Verified, String>)>,
}

/// Looks for the caches of earlier checks, so that an overlay can show them; with `--fresh` the stage begins without the live
/// tree's own. Whatever is not done here is done by [`bring`].
pub(super) fn prepare(gate: &Gate<'_>, compiler: &Compiler) -> Prepared {
    let nothing = Prepared { folders: Vec::new(), found: None };
    if compiler.is_builtin {
        return nothing;
    }
    if gate.request.fresh {
        return Prepared { folders: caches::FOLDERS.map(Path::new).to_vec(), found: None };
    }
    let touched = gate.change.files.iter().map(|file| &file.to).chain(&gate.change.removed);
    let mut touched = touched.chain(gate.change.links.iter().map(|(place, _)| place));
    if touched.any(|place| key::depends_on(place)) {
        // Their key depends on what the stage will hold.
        return nothing;
    }
    let key = key::of(gate, compiler, &gate.site.root, &gate.site.root);
    let found = Caches::of(&gate.site.state).verified(&key).transpose();
    let layer = found.as_ref().and_then(|found| found.as_ref().ok()).and_then(Verified::layer);
    Prepared { folders: layer.map(|(_, folders)| folders).unwrap_or_default(), found: found.map(|found| (key, found)) }
}

impl Prepared {
    /// What the stage has in place of the live tree's own.
    pub(super) fn replacement(&self) -> Option<Replacement<'_>> {
        let verified = self.found.as_ref().and_then(|(_, found)| found.as_ref().ok());
        let layer = verified.and_then(Verified::layer).map(|(tree, _)| tree);
        let bytes = verified.map_or(0, |verified| verified.size().1);
        (!self.folders.is_empty()).then_some(Replacement { folders: &self.folders, layer, bytes })
    }
}

/// Gives the staged tree the caches of earlier checks, if there are any; with `--fresh` it has none at all.
pub(super) fn bring(
    gate: &Gate<'_>,
    compiler: &Compiler,
    staged: &StagedTree,
    prepared: Prepared,
    record: &mut Record<'_>,
) -> Result<(), GateError> {
    if compiler.is_builtin {
        return Ok(());
    }
    let key = key::of(gate, compiler, &staged.root(), &seen(staged));
    let (brought, shown) = fill(gate, &key, staged, prepared)?;
    if let Brought::Discarded(why) = &brought {
        record.findings.push(
            Finding::benign(
                "caches-discarded",
                format!("The compile caches of earlier checks were thrown away: {why}."),
            )
            .meaning("The build may have taken longer. What it compiled does not depend on them."),
        );
    }
    if let (Some(facts), Brought::Kept { files, .. }) = (&mut record.staging, &brought) {
        facts.cached_files = *files as u64;
    }
    record.caches = Some((key, shown));
    Ok(())
}

/// Gives a tree that nothing is said of, the control's, the same caches; what of them an overlay shows.
pub(super) fn bring_to_control(
    gate: &Gate<'_>,
    compiler: &Compiler,
    control: &StagedTree,
    prepared: Prepared,
) -> Result<Option<Verified>, GateError> {
    if compiler.is_builtin {
        return Ok(None);
    }
    let key = key::of(gate, compiler, &control.root(), &seen(control));
    fill(gate, &key, control, prepared).map(|(_, shown)| shown)
}

/// What came into the tree, and what of it is a layer of an overlay.
fn fill(
    gate: &Gate<'_>,
    key: &str,
    staged: &StagedTree,
    prepared: Prepared,
) -> Result<(Brought, Option<Verified>), GateError> {
    let caches = Caches::of(&gate.site.state);
    if gate.request.fresh {
        caches::cut_off_from(&staged.root())?;
        return Ok((Brought::Nothing, None));
    }
    match prepared.found {
        Some((known, Ok(verified))) if known == key && staged.shows_replacement() => {
            let (files, bytes) = verified.size();
            Ok((Brought::Kept { files, bytes }, Some(verified)))
        }
        Some((known, Ok(verified))) if known == key => Ok((caches.put(&verified, &staged.root())?, None)),
        Some((_, Err(why))) => Ok((Brought::Discarded(why), None)),
        _ => {
            if staged.shows_replacement() {
                // Somebody changed a setting at this very moment.
                caches::remove_from(&staged.root())?;
            }
            Ok((caches.bring(key, &staged.root())?, None))
        }
    }
}

/// A finding if somebody wrote to what an overlay showed while it did: what was compiled may not be what was verified.
pub(super) fn moved(shown: Option<&Verified>) -> Option<Finding> {
    shown.filter(|shown| !shown.stands_still()).map(|_| {
        Finding::fatal("caches-moved", "The kept compile caches were written to while the build read them.")
            .meaning(
                "What was compiled may hold what somebody put there. themegate did not write there during the build.",
            )
            .help("See who writes to the state folder; then: themegate check --fresh")
            .inconclusive()
    })
}

/// Keeps the caches of a build that passed. Whatever another one left is dropped with its stage.
///
/// A cache that cannot be kept costs time, and is no reason to say anything else than the verdict.
pub(super) fn keep(gate: &Gate<'_>, given: Given, verdict: Verdict, staged: Option<&mut StagedTree>) {
    let given = given.filter(|_| verdict == Verdict::Pass && runs_own_code_only(gate.change, gate.site.toolchain));
    let Some(((key, shown), staged)) = given.zip(staged) else { return };
    let (tree, kept) = (staged.root(), Caches::of(&gate.site.state));
    let written = (!gate.request.keep_stage).then(|| staged.written());
    let left = Left { tree: &tree, written: written.as_deref(), shown: shown.as_ref() };
    let Ok(files) = left.files() else { return kept.forget() };
    if left.is_read(&key) {
        // The overlay ends while what was written is taken over.
        staged.let_go();
    }
    let _slower_next_time = kept.keep(&key, &left, &files, gate.settings.check.cache_limit.bytes());
}

fn runs_own_code_only(change: &Change, toolchain: Toolchain) -> bool {
    match change.source {
        ChangeSource::AsItIs => true,
        ChangeSource::ThemeFolders(_) | ChangeSource::ThemeRevision { .. } => toolchain != Toolchain::Webpacker,
        ChangeSource::SiteRevision { .. } | ChangeSource::Patch { .. } | ChangeSource::Rehearsal { .. } => false,
    }
}

/// Where the build sees the staged tree.
fn seen(staged: &StagedTree) -> PathBuf {
    staged.isolation().map_or_else(|| staged.root(), |plan| plan.at.clone())
}
