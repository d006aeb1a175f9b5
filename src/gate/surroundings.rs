//! What a check has to leave alone: the change is applied to the stage only, the build stays in its folders, and the live
//! tree does not move meanwhile.

use std::fs;
use std::path::{Path, PathBuf};

use super::build::Gate;
use super::record::Record;
use super::{GateError, Progress, isolation};
use crate::change::Change;
use crate::compiled::CompiledTree;
use crate::compiler::{Compiler, CompilerChoice};
use crate::finding::{Evidence, Finding, Severity};
use crate::invariant::OfferedTheme;
use crate::manifest::resolution::Resolution;
use crate::rules::RuleSet;
use crate::site::environment::SiteEnvironment;
use crate::site::locate::settled_in;
use crate::site::{LiveSite, SiteError, registry};
use crate::staging::{self, Inventory, Method, Replacement, StagedTree, StagingError, StagingRequest, Survey, What};

/// Stages the live tree.
pub(super) fn stage(
    gate: &Gate<'_>,
    compiler: &Compiler,
    keep: bool,
    survey: Option<Survey>,
    replacement: Option<Replacement<'_>>,
    progress: &dyn Progress,
) -> Result<StagedTree, GateError> {
    let (request, site) = (gate.request, gate.site);
    let folders = site.output.folders();
    let request = StagingRequest {
        live: &site.root,
        state_dir: &site.state,
        keep,
        output_folders: &folders,
        interrupted: &request.interrupted,
        progress: &|files| progress.detail(&format!("{files} files")),
        way: request.staging.unwrap_or(gate.settings.check.staging),
        isolate: isolation::wish(gate, compiler),
    };
    let staged = staging::stage_surveyed(&request, survey, replacement)?;
    materialise_registry(site, &staged)?;
    Ok(staged)
}

/// A registry that is a link (a shared file of Capistrano's) becomes a file of its own in the stage: the change is written
/// into it there, and a relative link would lead nowhere.
fn materialise_registry(site: &LiveSite, staged: &StagedTree) -> Result<(), GateError> {
    let path = staged.root().join(registry::PATH);
    if !path.is_symlink() {
        return Ok(());
    }
    let unwritable = |source| StagingError::Unwritable { path: path.clone(), source };
    fs::remove_file(&path).map_err(unwritable)?;
    if let Some(text) = site.registry_text()? {
        staged.put(Path::new(registry::PATH), &text, 0o644)?;
    }
    Ok(())
}

/// What staging noticed, without the link that [`stage`] has resolved.
pub(super) fn noticed(staged: &StagedTree) -> impl Iterator<Item = Finding> {
    let is_registry =
        |evidence: &Evidence| matches!(evidence, Evidence::File { path, .. } if path == Path::new(registry::PATH));
    staged.findings().iter().filter(move |finding| !finding.evidence.iter().any(is_registry)).cloned()
}

/// The program's rules with those of `themegate.d/*.toml` in the live tree's root or beside it; none if there are none.
pub(super) fn site_rules(site: &LiveSite) -> Result<Option<RuleSet>, GateError> {
    if rules_folder(site).is_none() {
        return Ok(None);
    }
    RuleSet::with_site_rules(&rule_texts(site)?).map(Some).map_err(GateError::Rules)
}

fn rules_folder(site: &LiveSite) -> Option<PathBuf> {
    settled_in(&site.root, "themegate.d").into_iter().find(|folder| folder.is_dir())
}

/// The texts of the site's own rules, sorted by name.
pub(super) fn rule_texts(site: &LiveSite) -> Result<Vec<(PathBuf, String)>, SiteError> {
    let Some(folder) = rules_folder(site) else { return Ok(Vec::new()) };
    let unreadable = |source| SiteError::Unreadable { path: folder.clone(), source };
    let mut texts = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text =
                fs::read_to_string(&path).map_err(|source| SiteError::Unreadable { path: path.clone(), source })?;
            texts.push((path, text));
        }
    }
    texts.sort();
    Ok(texts)
}

/// Writes the change into the staged tree: the very bytes that were judged.
pub(super) fn apply(change: &Change, staged: &StagedTree) -> Result<(), GateError> {
    for place in &change.removed {
        staged.discard(place)?;
    }
    for file in &change.files {
        if change.is_of_the_tree() {
            // A link that becomes a file.
            staged.discard(&file.to)?;
        }
        staged.put(&file.to, &file.bytes()?, file.mode)?;
    }
    if let Some(text) = &change.registry {
        staged.put(Path::new(registry::PATH), text.as_bytes(), 0o644)?;
    }
    for (place, target) in &change.links {
        staged.discard(place)?;
        staged.link(place, target)?;
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
    site: &LiveSite,
    staged: &StagedTree,
    before: &Inventory,
    wrapped: &[PathBuf],
    record: &mut Record<'_>,
) -> Result<(), GateError> {
    let folders = expected(site);
    let strange = |(path, _): &(PathBuf, What)| !is_expected(site, &folders, path) && !wrapped.contains(path);
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
        record.findings.push(moved.iter().take(6).fold(finding, Finding::at));
    }
    Ok(())
}

/// What is wrong with the output that is live now, as notes: a check judges what would go live, and must not keep anybody
/// from mending this.
pub(super) fn notes_on_live(live: &CompiledTree, offered: &[OfferedTheme]) -> Vec<Finding> {
    let unreadable = live.findings.iter().map(|finding| Finding { severity: Severity::Benign, ..finding.clone() });
    let compiled_before = live.set.bundler().is_some();
    let absent =
        offered.iter().filter(|theme| compiled_before && matches!(theme.resolve(&live.set), Resolution::Absent { .. }));
    let absent = absent.map(|theme| {
        let message = format!("{} has no stylesheet in the manifest that is live now.", theme.name);
        Finding::benign("live-theme-not-compiled", message).help("If its line is live already: themegate verify DIR")
    });
    unreadable.chain(absent).collect()
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
        What::Changed | What::Unreadable => "changed",
    }
}

/// How the copy was made, in the words of the report.
pub(super) const fn method(method: Method) -> &'static str {
    match method {
        Method::Overlay => "overlay",
        Method::Reflink => "reflink copy",
        Method::Copy => "copy",
    }
}

/// The site's `CDN_HOST`, if it has one: a harmless variable that the build gets too.
pub(super) fn cdn(site: &LiveSite) -> Option<String> {
    let own = SiteEnvironment::read(&site.root);
    let host =
        own.harmless().find(|(name, _)| *name == "CDN_HOST").map(|(_, host)| host.trim_end_matches('/').to_owned());
    host.filter(|host| !host.is_empty())
}

/// Vite says of every rooted `url()` that it leaves it for run time. Where the file stands in `public/`, that is proven
/// harmless.
pub(super) fn settle_rooted_addresses(compiled: &CompiledTree, record: &mut Record<'_>) {
    let proven = |finding: &Finding| {
        let mut words = finding.evidence.iter().filter_map(|evidence| match evidence {
            Evidence::Log { excerpt, .. } => excerpt.split_whitespace().next(),
            Evidence::File { .. } => None,
        });
        words.all(|word| word.strip_prefix('/').is_some_and(|path| compiled.size_of(path).is_some()))
    };
    let unresolved = record.findings.iter_mut().filter(|finding| finding.id == "vite-url-unresolved");
    unresolved.filter(|finding| !finding.evidence.is_empty() && proven(finding)).for_each(|finding| {
        finding.severity = Severity::Benign;
    });
}
