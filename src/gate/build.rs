//! From the staged tree to findings: build, classify, read the manifests, check the invariants.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::record::Record;
use super::{
    CheckRequest, GateError, Progress, aftermath, baseline, bystanders, caches, foresight, isolation, minified,
    surroundings, writes,
};
use crate::byte_size::ByteSize;
use crate::change::{Change, ThemeAddition, is_stylesheet};
use crate::compiled::CompiledTree;
use crate::compiler::Compiler;
use crate::configuration::Configuration;
use crate::evidence::Question;
use crate::finding::Finding;
use crate::fit;
use crate::invariant::{self, OfferedTheme, Subject, ThemeSheet};
use crate::manifest::diff::ManifestDiff;
use crate::plain_file;
use crate::precompile::environment::environment;
use crate::precompile::{self, Build, BuildEnd};
use crate::report::{LogFacts, PrecompileFacts};
use crate::rules::{self, Classified, LogContext, LogEnd, RuleSet};
use crate::runs;
use crate::site::environment::SiteEnvironment;
use crate::site::{LiveSite, Toolchain};
use crate::staging::StagedTree;

/// What a build is judged against.
pub(super) struct Gate<'gate> {
    pub(super) request: &'gate CheckRequest,
    pub(super) site: &'gate LiveSite,
    pub(super) settings: &'gate Configuration,
    pub(super) live: &'gate CompiledTree,
    pub(super) offered: &'gate [OfferedTheme],
    pub(super) change: &'gate Change,
    /// The program's rules with the site's own; none where the site has none.
    pub(super) rules: Option<&'gate RuleSet>,
    /// What is asked, as a digest; none where that cannot be had.
    pub(super) question: Option<&'gate Question>,
    /// Why the tree is not to be staged as an overlay, if there is a reason: an earlier build of the same check has met it.
    pub(super) against_overlay: Option<&'gate str>,
}

/// Bytes of the last build's log that are read while another one runs: more hold no other kinds of lines.
const FORETASTE: u64 = 1 << 20;

impl<'gate> Gate<'gate> {
    /// The rules that a log is read by.
    fn rules(&self) -> &'gate RuleSet {
        self.rules.unwrap_or_else(|| RuleSet::builtin())
    }
}

/// Builds in the staged tree and inspects what came of it; gives the path of the whole build log, or why it has to be built once
/// more where there are no layers.
pub(super) fn build_and_inspect(
    gate: &Gate<'_>,
    compiler: &Compiler,
    staged: &StagedTree,
    record: &mut Record<'_>,
) -> Result<Result<PathBuf, String>, GateError> {
    record.begin("precompile");
    let before = writes::inventory(gate.site, staged)?;
    let began = SystemTime::now();
    let build = run(gate, compiler, staged, record)?;
    if build.end == BuildEnd::Interrupted {
        return Err(GateError::Interrupted);
    }
    staged.ensure_readable()?;
    record.begin("rules");
    let log = whole_log(&build, staged)?;
    if let Some(why) = isolation::hindered_by_layers(gate, staged, &build, &log) {
        return Ok(Err(why));
    }
    classify(gate, &log, &build, record)?;
    minified::place(&mut record.findings, gate.change);
    baseline::attribute(gate, compiler, record)?;
    aftermath::of(&build, compiler, gate.site, record);
    record.findings.extend(isolation::suspected(staged, &build, &log));
    if build.end == BuildEnd::Exited(0) {
        let compiled = inspect(gate, compiler, staged, began, record);
        bystanders::altered(gate, compiler, &compiled, record)?;
        writes::unexpected_writes(gate, staged, &before, &build.wrapped, record)?;
    }
    writes::live_tree_moved(gate, staged, record)?;
    let shown = record.caches.as_ref().and_then(|(_, shown)| shown.as_ref());
    record.findings.extend(caches::moved(shown));
    staged.ensure_readable()?;
    Ok(Ok(log))
}

fn run(gate: &Gate<'_>, compiler: &Compiler, staged: &StagedTree, record: &mut Record<'_>) -> Result<Build, GateError> {
    let own = SiteEnvironment::read(&gate.site.root);
    record.findings.extend(own.findings().iter().cloned());
    let build = compile(gate, compiler, staged, &own, record.progress)?;
    record.precompile = Some(PrecompileFacts {
        command: compiler.shown.clone(),
        end: aftermath::in_words(&build.end),
        exit: if let BuildEnd::Exited(code) = build.end { Some(code) } else { None },
        builtin: compiler.is_builtin,
        peak_memory: build.peak_memory,
        output_bytes: foresight::output_bytes(gate.site, staged),
        heard: !build.heard.is_empty(),
    });
    Ok(build)
}

/// Compiles a staged tree: the one with the change, or the control.
pub(super) fn compile(
    gate: &Gate<'_>,
    compiler: &Compiler,
    staged: &StagedTree,
    own: &SiteEnvironment,
    progress: &dyn Progress,
) -> Result<Build, GateError> {
    let seen = staged.isolation().map_or_else(|| staged.root(), |plan| plan.at.clone());
    let mut environment = variables(gate, own, &seen);
    if staged.isolation().is_some() {
        environment.retain(|(name, _)| name != "TMPDIR");
    }
    let request = precompile::PrecompileRequest {
        tree: &staged.root(),
        side: &staged.side(),
        command: &compiler.command,
        environment,
        time_limit: gate.request.time_limit.unwrap_or(gate.settings.check.time_limit),
        stall_limit: gate.request.stall_limit.unwrap_or(gate.settings.check.stall_limit),
        memory_limit: foresight::memory_limit(gate).map(ByteSize::bytes),
        interrupted: &gate.request.interrupted,
        progress: &|line| progress.detail(line),
        hear: Some(gate.request.own.clone()),
        isolation: staged.isolation(),
    };
    std::thread::scope(|scope| {
        let _read_when_needed = std::thread::Builder::new().spawn_scoped(scope, || foretaste(gate));
        Ok(precompile::precompile(&request)?)
    })
}

/// Reads the rules, and has those patterns compiled that the log of the last build asked for: while a build runs, so that its
/// own log need not wait for them.
fn foretaste(gate: &Gate<'_>) {
    let rules = gate.rules();
    if let Some(log) = runs::last_log(&gate.site.state) {
        let context = LogContext { exit: None, end: LogEnd::Stopped };
        // What it says was said in its own report.
        let _as_far_as_it_can_be_read =
            rules::classify(&mut log.take(FORETASTE), rules, &context, rules::Options { strict: false });
    }
}

/// The build's environment, for a tree that it sees at `seen`.
pub(super) fn variables(gate: &Gate<'_>, own: &SiteEnvironment, seen: &Path) -> Vec<(OsString, OsString)> {
    let mut variables = environment(std::env::vars_os(), own, &gate.site.root, seen);
    variables.extend(gate.settings.environment.iter().map(|(name, value)| (name.into(), value.into())));
    variables
}

/// What the command printed, and after it what the bundler printed past Rails.
pub(super) fn whole_log(build: &Build, staged: &StagedTree) -> Result<PathBuf, GateError> {
    let path = staged.side().join("whole.log");
    let unusable = |source: io::Error| runs::RunError::Unusable { path: path.clone(), source };
    let join = || -> io::Result<()> {
        let mut whole = File::create(&path)?;
        for part in std::iter::once(&build.log).chain(&build.heard) {
            io::copy(&mut plain_file::open_itself(part)?, &mut whole)?;
        }
        Ok(())
    };
    join().map_err(unusable)?;
    Ok(path)
}

fn classify(gate: &Gate<'_>, log: &Path, build: &Build, record: &mut Record<'_>) -> Result<(), GateError> {
    let classified = read_log(gate, log, build)?;
    record.log = Some(LogFacts {
        lines: classified.lines,
        neutral: classified.neutral,
        evidence: classified.evidence,
        unaccounted: classified.unaccounted,
    });
    record.findings.extend(classified.findings);
    Ok(())
}

/// Classifies the log of a build by the program's rules and the site's own.
pub(super) fn read_log(gate: &Gate<'_>, log: &Path, build: &Build) -> Result<Classified, GateError> {
    let unusable = |source: io::Error| runs::RunError::Unusable { path: log.to_path_buf(), source };
    let context = match build.end {
        BuildEnd::Exited(code) => LogContext::finished(code),
        _ => LogContext { exit: None, end: LogEnd::Stopped },
    };
    let options = rules::Options { strict: gate.request.strict };
    let mut file = File::open(log).map_err(unusable)?;
    Ok(rules::classify(&mut file, gate.rules(), &context, options).map_err(unusable)?)
}

/// What a build has left in its stage.
pub(super) fn compiled_in(gate: &Gate<'_>, compiler: &Compiler, staged: &StagedTree) -> CompiledTree {
    // The builtin compiler writes webpacker's shape whatever the site's own toolchain is.
    let toolchain = if compiler.is_builtin { Toolchain::Webpacker } else { gate.site.toolchain };
    CompiledTree::read_staged(&staged.root(), &gate.site.output, toolchain)
}

fn inspect(
    gate: &Gate<'_>,
    compiler: &Compiler,
    staged: &StagedTree,
    began: SystemTime,
    record: &mut Record<'_>,
) -> CompiledTree {
    record.begin("manifest");
    let compiled = compiled_in(gate, compiler, staged);
    let size_of = |tree: &'_ CompiledTree, file: &str| tree.size_of(file);
    record.manifest_diff =
        Some(ManifestDiff::between(&gate.live.set, &compiled.set, &|file| size_of(gate.live, file), &|file| {
            size_of(&compiled, file)
        }));
    record.begin("invariants");
    let sources = sources(gate.change, gate.offered, staged);
    let mut subject = Subject {
        offered: gate.offered,
        packs: &gate.site.packs,
        live: gate.live,
        staged: &compiled,
        build_began: began,
        cdn: surroundings::cdn(gate.site),
        themes_only: compiler.is_builtin,
        sources: &sources,
        sheets: BTreeMap::new(),
        touched: std::collections::BTreeSet::new(),
    };
    subject.read_sheets();
    let (results, findings) = invariant::check(&subject);
    let has_output_before = gate.live.set.bundler().is_some();
    record.touched = subject.touched.iter().filter(|_| has_output_before).cloned().collect();
    record.invariants = results;
    record.findings.extend(findings);
    record.findings.extend(fits(&subject, gate.change));
    surroundings::settle_rooted_addresses(&compiled, record);
    if !compiler.is_builtin {
        surroundings::settle_shared_paths(gate.offered, &compiled, record);
    }
    compiled
}

/// How well the themes of the change fit this Mastodon: a figure, which holds nothing.
fn fits(subject: &Subject<'_>, change: &Change) -> Vec<Finding> {
    let Some(stock) = subject.sheets.get("default") else { return Vec::new() };
    let brought = change.themes.iter().filter(|theme| theme.name != "default");
    let brought: Vec<_> = brought.filter_map(|theme| Some((theme, subject.sheets.get(&theme.name)?))).collect();
    if brought.is_empty() {
        return Vec::new();
    }
    let own = change.files.iter().map(|file| file.to.clone()).collect();
    let words = fit::words_of(&subject.staged.root, &own);
    let figure = |(theme, read): (&ThemeAddition, &ThemeSheet)| {
        let fit = fit::of(&read.sheet, &stock.sheet, &words);
        let named: Vec<String> = fit.dead.iter().take(40).map(|class| format!(".{class}")).collect();
        let share = (fit.dead.len() * 100).checked_div(fit.classes).unwrap_or(0);
        let message = format!(
            "{} of the {} classes that {} styles occur nowhere in this Mastodon ({share} %). {}",
            fit.dead.len(),
            fit.classes,
            theme.name,
            named.join(" ")
        );
        Finding::benign("theme-fit", message.trim_end().to_owned())
            .meaning("Rules for such classes do nothing. A third of them or more is often a theme for another version.")
    };
    brought.into_iter().map(figure).collect()
}

/// The change's own stylesheets as text, and the plain CSS that themes are listed with: for naming the place of a fault.
pub(super) fn sources(change: &Change, offered: &[OfferedTheme], staged: &StagedTree) -> BTreeMap<PathBuf, String> {
    let sheets = change.files.iter().filter(|file| is_stylesheet(&file.to));
    let changed = sheets.filter_map(|file| Some((file.to.clone(), file.bytes().ok()?.to_vec())));
    let plain = offered.iter().filter(|theme| theme.source.ends_with(".css"));
    let listed = plain.filter_map(|theme| {
        let path = Path::new("app/javascript").join(&theme.source);
        Some((path.clone(), plain_file::bytes(&staged.root().join(path)).ok()?))
    });
    let all = changed.chain(listed);
    all.map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned())).collect()
}
