//! What a check has to leave alone: the change is applied to the stage only, the build stays in its folders, and the live
//! tree does not move meanwhile.

use std::path::{Path, PathBuf};

use super::GateError;
use super::record::Record;
use crate::change::Change;
use crate::compiled::CompiledTree;
use crate::compiler::CompilerChoice;
use crate::finding::Finding;
use crate::site::{LiveSite, registry};
use crate::staging::{Inventory, Method, StagedTree, What, differences};

/// Writes the change into the staged tree: the very bytes that were judged.
pub(super) fn apply(change: &Change, staged: &StagedTree) -> Result<(), GateError> {
    for file in &change.files {
        staged.put(&file.to, &file.bytes()?, file.mode)?;
    }
    if let Some(text) = &change.registry {
        staged.put(Path::new(registry::PATH), text.as_bytes(), 0o644)?;
    }
    Ok(())
}

/// Where Rails should compile and its command is not there, nothing can be known: without `bin/rails` the command prints its
/// help and exits 0, and the builtin compiler proves nothing of a site that has a bundler of its own.
pub(super) fn rails_missing(choice: &CompilerChoice, site: &LiveSite) -> Option<Finding> {
    let has_bundler = ["webpack", "vite"].iter().any(|bin| site.root.join("node_modules/.bin").join(bin).exists());
    let wants_rails = match choice {
        CompilerChoice::Rails => true,
        CompilerChoice::Auto => has_bundler,
        CompilerChoice::Builtin | CompilerChoice::Command(_) => false,
    };
    (wants_rails && !site.has_rails).then(|| {
        Finding::fatal("rails-missing", "The live tree has no bin/rails, so its assets cannot be compiled.")
            .at("bin/rails")
            .meaning(
                "Nothing is known of this change. On the live tree the compile would print a help text and do nothing.",
            )
            .help("Put it back: git checkout bin/\nTo judge the stylesheets alone: themegate check --compiler builtin")
            .inconclusive()
    })
}

/// What stands in the staged tree now.
pub(super) fn inventory(staged: &StagedTree) -> Result<Inventory, GateError> {
    Ok(staged.inventory()?)
}

/// Where a build writes: its output, its caches, its logs, and what package managers keep beside the lock file.
fn expected(site: &LiveSite, path: &Path) -> bool {
    let folders = [site.output.packs.as_path(), site.output.assets.as_path()];
    let caches = ["tmp", "log", "node_modules", ".yarn", ".cache", ".sass-cache", "coverage"].map(Path::new);
    let known = folders.iter().chain(&caches).any(|folder| path.starts_with(folder));
    known || path == Path::new(".yarn-integrity") || path == site.output.public
}

/// The build wrote nowhere unexpected. A build script that edits sources would do it on the live tree too.
pub(super) fn unexpected_writes(
    site: &LiveSite,
    staged: &StagedTree,
    before: &Inventory,
    wrapped: &[PathBuf],
    record: &mut Record<'_>,
) -> Result<(), GateError> {
    let after = inventory(staged)?;
    let strange = |(path, _): &(PathBuf, What)| !expected(site, path) && !wrapped.contains(path);
    let strange: Vec<_> = differences(before, &after).into_iter().filter(strange).collect();
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

/// Nothing that the verdict rests on changed in the live tree while the check ran.
pub(super) fn live_tree_moved(
    site: &LiveSite,
    live: &CompiledTree,
    staged: &StagedTree,
    record: &mut Record<'_>,
) -> Result<(), GateError> {
    let runs_on = ["tmp", "log", "node_modules/.cache"].map(Path::new);
    let counts = |path: &Path| {
        !runs_on.iter().any(|folder| path.starts_with(folder))
            && !path.starts_with(&site.output.packs)
            && !path.starts_with(&site.output.assets)
    };
    let moved = staged.live_before().changed_since(&site.root);
    let mut moved: Vec<PathBuf> = moved.into_iter().map(|(path, _)| path).filter(|path| counts(path)).collect();
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
        record.findings.push(moved.iter().take(6).fold(finding, |finding, path| finding.at(path)));
    }
    Ok(())
}

const fn verb(what: What) -> &'static str {
    match what {
        What::Added => "made",
        What::Removed => "removed",
        What::Changed | What::Unreadable => "changed",
    }
}

/// How the copy was made, in the words of the report.
pub(super) const fn method(method: Method) -> &'static str {
    match method {
        Method::Reflink => "reflink copy",
        Method::Copy => "copy",
    }
}
