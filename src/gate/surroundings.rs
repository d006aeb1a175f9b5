//! What a check is made with and in: the stage with the change in it, the site's own rules, what is known of the live output.

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
use crate::staging::{self, Look, Method, Replacement, StagedTree, StagingError, StagingRequest};

/// Stages the live tree, by the look at it that there is.
pub(super) fn stage(
    gate: &Gate<'_>,
    compiler: &Compiler,
    keep: bool,
    look: Option<Result<Look, StagingError>>,
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
    let now = || Look::now(&site.root, &site.state, &folders, request.interrupted);
    let staged = staging::stage_by(&request, look.unwrap_or_else(now)?, replacement, gate.against_overlay)?;
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
    RuleSet::with_site_rules(&rule_packs(site)?).map(Some).map_err(GateError::Rules)
}

fn rules_folder(site: &LiveSite) -> Option<PathBuf> {
    settled_in(&site.root, "themegate.d").into_iter().find(|folder| folder.is_dir())
}

/// The packs of the site's own rules, sorted by name.
pub(super) fn rule_packs(site: &LiveSite) -> Result<Vec<(PathBuf, Vec<u8>)>, SiteError> {
    let Some(folder) = rules_folder(site) else { return Ok(Vec::new()) };
    let unreadable = |source| SiteError::Unreadable { path: folder.clone(), source };
    let mut packs = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let pack = fs::read(&path).map_err(|source| SiteError::Unreadable { path: path.clone(), source })?;
            packs.push((path, pack));
        }
    }
    packs.sort();
    Ok(packs)
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

/// Two themes with one file are looked at where webpack may put what they share elsewhere. Where both got a stylesheet of
/// their own, the site has set it up otherwise.
pub(super) fn settle_shared_paths(offered: &[OfferedTheme], compiled: &CompiledTree, record: &mut Record<'_>) {
    let is_there = |theme: &OfferedTheme| matches!(theme.resolve(&compiled.set), Resolution::Found { .. });
    if offered.iter().all(is_there) {
        let shared = record.findings.iter_mut().filter(|finding| finding.id == "registry-same-path");
        shared.filter(|finding| finding.severity == Severity::Review).for_each(|finding| {
            finding.severity = Severity::Benign;
        });
    }
}

/// Vite says of every rooted `url()` that it leaves it for run time. Where the file stands in `public/`, that is proven
/// harmless; where the compiled stylesheet's own address was looked for in vain, that finding says it with its place.
pub(super) fn settle_rooted_addresses(compiled: &CompiledTree, record: &mut Record<'_>) {
    let missed: Vec<String> = record
        .findings
        .iter()
        .filter(|finding| finding.id == "address-unresolved")
        .map(|finding| finding.message.clone())
        .collect();
    let settled = |address: &str| {
        let path = address.split(['?', '#']).next().unwrap_or(address);
        let is_there = path.strip_prefix('/').is_some_and(|path| compiled.size_of(path).is_some());
        is_there || missed.iter().any(|message| message.contains(&format!(" asks for {path}, ")))
    };
    let proven = |finding: &Finding| {
        let mut words = finding.evidence.iter().filter_map(|evidence| match evidence {
            Evidence::Log { excerpt, .. } => excerpt.split_whitespace().next(),
            Evidence::File { .. } => None,
        });
        words.all(settled)
    };
    let unresolved = record.findings.iter_mut().filter(|finding| finding.id == "vite-url-unresolved");
    unresolved.filter(|finding| !finding.evidence.is_empty() && proven(finding)).for_each(|finding| {
        finding.severity = Severity::Benign;
    });
}
