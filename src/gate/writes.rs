//! What was written meanwhile: by the build outside of its output, and by somebody else to the live tree.

use std::path::{Path, PathBuf};

use super::build::Gate;
use super::record::Record;
use super::{GateError, question};
use crate::change::Change;
use crate::compiled::CompiledTree;
use crate::evidence::{Contents, Digester};
use crate::finding::Finding;
use crate::plain_file;
use crate::site::{LiveSite, registry};
use crate::staging::{Inventory, Method, StagedTree, What};

/// What stands in the staged tree before the build, where no build has to write.
pub(super) fn inventory(site: &LiveSite, staged: &StagedTree) -> Result<Inventory, GateError> {
    Ok(staged.inventory(&expected(site))?)
}

/// Folders in which a build writes: its output, its caches, its logs, and what package managers keep beside the lock file.
fn expected(site: &LiveSite) -> Vec<PathBuf> {
    let caches = ["tmp", "log", "node_modules", ".yarn", ".cache", ".sass-cache", "coverage"].map(PathBuf::from);
    site.output.folders().into_iter().chain(caches).collect()
}

fn is_expected(site: &LiveSite, folders: &[PathBuf], path: &Path) -> bool {
    let known = folders.iter().any(|folder| path.starts_with(folder));
    known || path == Path::new(".yarn-integrity") || path == site.output.public
}

/// The build wrote nowhere unexpected. A build script that edits sources would do it on the live tree too.
pub(super) fn unexpected_writes(
    gate: &Gate<'_>,
    staged: &StagedTree,
    before: &Inventory,
    wrapped: &[PathBuf],
    record: &mut Record<'_>,
) -> Result<(), GateError> {
    let folders = expected(gate.site);
    let strange = |(path, what): &(PathBuf, What)| {
        let is_known = is_expected(gate.site, &folders, path) || wrapped.contains(path);
        !(is_known || *what == What::Touched && is_as_staged(gate, staged, path))
    };
    let strange: Vec<_> = staged.changes_since(before, &folders)?.into_iter().filter(strange).collect();
    if let Some((path, what)) = strange.first() {
        let message = match strange.len() {
            1 => format!("The build {} {}, outside of its output.", verb(*what), path.display()),
            count => {
                format!("The build {} {} and {} more, outside of its output.", verb(*what), path.display(), count - 1)
            }
        };
        let finding = Finding::review("build-wrote-elsewhere", message)
            .meaning(
                "On the live tree it would have changed these files too; what was judged may not be what goes live.",
            )
            .help("See what in the build writes there (package.json, Rakefile, lib/tasks).");
        record.findings.push(strange.iter().take(6).fold(finding, |finding, (path, _)| finding.at(path)));
    }
    Ok(())
}

/// True if the file holds what it held before the build: the change's bytes, or the live tree's.
fn is_as_staged(gate: &Gate<'_>, staged: &StagedTree, place: &Path) -> bool {
    let digest = |path: PathBuf| plain_file::bytes(&path).ok().map(|bytes| blake3::hash(&bytes));
    let Change { files, registry, .. } = gate.change;
    let brought = files.iter().find(|file| file.to == place).map(|file| file.blake3);
    let listed = || registry.as_ref().filter(|_| place == Path::new(registry::PATH));
    let listed = || listed().map(|text| blake3::hash(text.as_bytes()));
    let before = brought.or_else(listed).or_else(|| digest(gate.site.root.join(place)));
    before.is_some() && digest(staged.root().join(place)) == before
}

/// Nothing that the verdict rests on changed in the live tree while the check ran. The look that says so serves the question's
/// answer too.
pub(super) fn live_tree_moved(gate: &Gate<'_>, staged: &StagedTree, record: &mut Record<'_>) -> Result<(), GateError> {
    let Gate { site, live, .. } = *gate;
    let runs_on = ["tmp", "log", "node_modules/.cache"].map(Path::new);
    let counts = |path: &Path| {
        !runs_on.iter().any(|folder| path.starts_with(folder))
            && !path.starts_with(&site.output.packs)
            && !path.starts_with(&site.output.assets)
    };
    let is_same = |(path, what): &(PathBuf, What)| {
        *what == What::Touched && holds_the_same(&site.root, record.contents.as_deref(), staged, path)
    };
    let digester = Digester::begin(&site.state).ok();
    let (moved, look) = staged.live_changes();
    record.tree_now = question::begin_tree(gate, digester, record.contents.clone(), look);
    let moved = moved.into_iter().filter(|change| counts(&change.0) && !is_same(change));
    let mut moved: Vec<PathBuf> = moved.map(|(path, _)| path).collect();
    let now = CompiledTree::read(&site.root, &site.output, site.toolchain);
    if now.set.manifests != live.set.manifests || now.set.lookup != live.set.lookup {
        moved.push(site.output.packs.clone());
    }
    if let Some(first) = moved.first() {
        let message = match moved.len() {
            1 => format!("{} changed in the live tree while the check ran.", first.display()),
            count => {
                format!("{} and {} more changed in the live tree while the check ran.", first.display(), count - 1)
            }
        };
        let finding = Finding::fatal("live-tree-moved", message)
            .meaning("What was judged is no longer what is live. themegate did not write there: somebody else did.")
            .help("Run the check again when nobody else is at work on the live tree.")
            .inconclusive();
        record.findings.push(moved.iter().take(6).fold(finding, Finding::at));
    }
    Ok(())
}

/// True if a file of the live tree that was touched still holds what was judged: a backup program may link to it, or put its
/// times back. Where nobody knows what it held, a copy in the stage tells.
fn holds_the_same(live: &Path, before: Option<&Contents>, staged: &StagedTree, place: &Path) -> bool {
    let as_copied = || {
        let [now, copied] = [live, &staged.root()].map(|tree| plain_file::bytes(&tree.join(place)));
        staged.method() != Method::Overlay && now.is_ok_and(|now| copied.is_ok_and(|copied| copied == now))
    };
    before.and_then(|before| before.is_same(&live.join(place))).unwrap_or_else(as_copied)
}

/// The registry that the change was merged into is the one that a promotion will compare with.
pub(super) fn registry_moved(site: &LiveSite, read: Option<&[u8]>, record: &mut Record<'_>) -> Result<(), GateError> {
    if site.registry_text()?.as_deref() != read {
        let finding =
            Finding::fatal("live-tree-moved", format!("{} was edited while the check began.", registry::PATH));
        record.findings.push(
            finding
                .at(registry::PATH)
                .meaning("What was judged is no longer what is live. themegate did not write there: somebody else did.")
                .help("Run the check again when nobody else is at work on the live tree.")
                .inconclusive(),
        );
    }
    Ok(())
}

const fn verb(what: What) -> &'static str {
    match what {
        What::Added => "made",
        What::Removed => "removed",
        What::Changed | What::Touched | What::Unreadable => "changed",
    }
}
