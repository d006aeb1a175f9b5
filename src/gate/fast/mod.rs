//! `check --fast`: one look at the stylesheets, for a commit. It refuses, or has found no fault yet; it never leads to a
//! promotion, and what it cannot judge it leaves to the whole check, by name.
//!
//! What only this way of compiling dislikes must not refuse anything: see [`weigh`].

mod sheets;
mod weigh;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::build::{self, Gate};
use super::record::Record;
use super::{GateError, aftermath, foresight, surroundings};
use crate::byte_size::ByteSize;
use crate::compiled::CompiledTree;
use crate::compiler::sheets::{self as compiler, SheetList};
use crate::compiler::{Compiler, CompilerChoice};
use crate::finding::{Finding, Severity};
use crate::invariant::{self, OfferedTheme, Subject, ThemeSheet};
use crate::manifest::ManifestSet;
use crate::manifest::resolution::Resolution;
use crate::precompile::{self, Build, BuildEnd, environment::environment};
use crate::report::{FastFacts, LogFacts, PrecompileFacts, Report, StagingFacts};
use crate::runs::{self, RunError};
use crate::site::environment::SiteEnvironment;
use crate::staging::{self, StagedTree};
use crate::stylesheet::Sheet;

use sheets::Looked;
use weigh::Scales;

/// A stylesheet that has not compiled by then never will; nobody waits longer for a commit.
const PATIENCE: Duration = Duration::from_secs(120);

/// What no look at stylesheets can tell.
const ALWAYS_LEFT: &str = "scripts, the bundler's configuration and the manifest";

/// Judges the stylesheets of the change, and gives the report.
pub(super) fn check(gate: &Gate<'_>, mut record: Record<'_>) -> Result<Report, GateError> {
    let run = runs::new_name(&gate.site.state, runs::FAST);
    let mut left = vec![ALWAYS_LEFT.to_owned()];
    let mut facts = FastFacts::default();
    let mut log = None;
    let mut stage = None;
    if !record.is_fatal() {
        record.begin("staging");
        let source = &gate.site.output.source;
        let interrupted = &gate.request.interrupted;
        let staged = stage.insert(staging::stage_sources(&gate.site.root, &gate.site.state, source, interrupted)?);
        surroundings::apply(gate.change, staged)?;
        record.staging = Some(StagingFacts {
            method: "stylesheets alone".to_owned(),
            isolation: "none: a stylesheet compiler runs nothing of the change".to_owned(),
            passed_over: Vec::new(),
            files: staged.files(),
            bytes: staged.bytes(),
            cached_files: 0,
            kept: None,
        });
        let looked = sheets::to_look_at(gate, staged);
        facts.sheets = looked.iter().map(|sheet| sheet.file.clone()).collect();
        log = Some(look(gate, staged, &looked, &mut record, &mut left)?);
    }
    super::stop_if_asked(gate.request)?;
    record.acknowledge(&gate.settings.accept);
    facts.left = left;
    let mut report = record.into_report(run, gate.site, gate.change, gate.offered, None);
    report.fast = Some(facts);
    runs::keep(&gate.site.state, &report, log.as_deref())?;
    super::stage::close(stage, false)?;
    Ok(report)
}

/// Compiles, and turns what came of it into findings; gives the path of the log.
fn look(
    gate: &Gate<'_>,
    staged: &StagedTree,
    looked: &[Looked<'_>],
    record: &mut Record<'_>,
    left: &mut Vec<String>,
) -> Result<PathBuf, GateError> {
    record.begin("precompile");
    let list = SheetList {
        source: gate.site.output.source.clone(),
        modules: gate.site.root.join("node_modules"),
        output: staged.side().join("css"),
        compiler: own_sass(gate).unwrap_or_default().to_owned(),
        sheets: looked.iter().filter(|sheet| sheet.is_compiled()).map(|sheet| sheet.file.clone()).collect(),
    };
    let side = staged.side();
    let unusable = |source| RunError::Unusable { path: side.clone(), source };
    let compiler = compiler::command(&list, gate.site, &side, &gate.request.own).map_err(unusable)?;
    let build = run(gate, &compiler, staged)?;
    if build.end == BuildEnd::Interrupted {
        return Err(GateError::Interrupted);
    }
    record.precompile = Some(PrecompileFacts {
        command: compiler.shown.clone(),
        end: aftermath::in_words(&build.end),
        exit: if let BuildEnd::Exited(code) = build.end { Some(code) } else { None },
        builtin: compiler.is_builtin,
        peak_memory: build.peak_memory,
        output_bytes: 0,
        heard: false,
    });
    record.begin("rules");
    let log = build::whole_log(&build, staged)?;
    match build.end {
        BuildEnd::Exited(0 | 65) if build.log_failure.is_none() => {
            let css = sheets::compiled(looked, &list, staged);
            judge(gate, staged, looked, &css, (&build, &log), record, left)?;
        }
        BuildEnd::Exited(_) | BuildEnd::NotStarted(_) => left.push(weigh::unusable(&compiler, &log)),
        _ => aftermath::of(&build, &compiler, gate.site, record),
    }
    Ok(log)
}

/// The site's own sass, unless the builtin compiler was asked for.
fn own_sass(gate: &Gate<'_>) -> Option<&'static str> {
    let builtin = super::chosen(gate.request, gate.settings) == CompilerChoice::Builtin;
    compiler::own_sass(gate.site).filter(|_| !builtin)
}

fn run(gate: &Gate<'_>, compiler: &Compiler, staged: &StagedTree) -> Result<Build, GateError> {
    let own = SiteEnvironment::read(&gate.site.root);
    let mut environment = environment(std::env::vars_os(), &own, &gate.site.root, &staged.root());
    environment.extend(gate.settings.environment.iter().map(|(name, value)| (name.into(), value.into())));
    Ok(precompile::precompile(&precompile::PrecompileRequest {
        tree: &staged.root(),
        side: &staged.side(),
        command: &compiler.command,
        environment,
        time_limit: gate.request.time_limit.unwrap_or(gate.settings.check.time_limit).min(PATIENCE),
        stall_limit: gate.request.stall_limit.unwrap_or(gate.settings.check.stall_limit),
        memory_limit: foresight::memory_limit(gate).map(ByteSize::bytes),
        interrupted: &gate.request.interrupted,
        progress: &|_| {},
        // With it the compile dies with the gate. There is no launcher in the scratch tree that it could wrap.
        hear: Some(gate.request.own.clone()),
        isolation: None,
    })?)
}

/// By theme, its CSS; a theme is missing if it did not compile.
type Css = BTreeMap<String, String>;

fn judge(
    gate: &Gate<'_>,
    staged: &StagedTree,
    looked: &[Looked<'_>],
    css: &Css,
    (build, log): (&Build, &std::path::Path),
    record: &mut Record<'_>,
    left: &mut Vec<String>,
) -> Result<(), GateError> {
    let classified = build::read_log(gate, log, build)?;
    record.log = Some(LogFacts {
        lines: classified.lines,
        neutral: classified.neutral,
        evidence: classified.evidence,
        unaccounted: classified.unaccounted,
    });
    let scales = Scales::new(gate, looked, css, staged);
    for finding in classified.findings {
        record.findings.extend(scales.of_log(finding, left));
    }
    record.begin("invariants");
    for finding in of_sheets(gate, staged, looked, css) {
        record.findings.extend(scales.of_sheet(finding, css, left));
    }
    left.dedup();
    Ok(())
}

/// What the sheets themselves show.
fn of_sheets(gate: &Gate<'_>, staged: &StagedTree, looked: &[Looked<'_>], css: &Css) -> Vec<Finding> {
    let sources = build::sources(gate.change, gate.offered, staged);
    // Places are shown by the source they were compiled from: there is no output.
    let root = &gate.site.root;
    let unbundled = CompiledTree {
        root: root.clone(),
        public: root.clone(),
        set: ManifestSet::default(),
        findings: Vec::new(),
        is_staged: false,
    };
    let sheet = |looked: &Looked<'_>| {
        let css = css.get(&looked.theme.name)?;
        let file = looked.file.to_string_lossy().into_owned();
        Some((looked.theme.name.clone(), ThemeSheet { file, bytes: css.len() as u64, sheet: Sheet::read(css) }))
    };
    let subject = Subject {
        offered: gate.offered,
        packs: &gate.site.packs,
        live: gate.live,
        staged: &unbundled,
        build_began: std::time::SystemTime::UNIX_EPOCH,
        cdn: surroundings::cdn(gate.site),
        themes_only: true,
        sources: &sources,
        sheets: looked.iter().filter_map(sheet).collect(),
        touched: looked.iter().filter(|looked| looked.affected).map(|looked| looked.theme.name.clone()).collect(),
    };
    let mut findings = invariant::check_sheets(&subject);
    if !sheets::is_of_themes(gate.change) {
        let known = of_live(&subject);
        findings.retain(|finding| match finding.severity {
            Severity::Review => !known.contains(&weigh::words(finding)),
            _ => finding.id != "stylesheet-broken" || !is_live(gate, finding),
        });
    }
    findings
}

/// True if the live site has compiled the sheet that is spoken of: then the whole check alone can tell whether it changed.
fn is_live(gate: &Gate<'_>, finding: &Finding) -> bool {
    let is_of = |theme: &OfferedTheme| {
        finding.message.contains(&theme.source) || finding.message.contains(&format!("of {} is", theme.name))
    };
    let is_found = |theme: &OfferedTheme| matches!(theme.resolve(&gate.live.set), Resolution::Found { .. });
    gate.offered.iter().any(|theme| is_of(theme) && is_found(theme))
}

/// What the live output shows already: a site as it is is not held for it.
fn of_live(subject: &Subject<'_>) -> BTreeSet<String> {
    let mut live = Subject {
        offered: subject.offered,
        packs: subject.packs,
        live: subject.live,
        staged: subject.live,
        build_began: subject.build_began,
        cdn: subject.cdn.clone(),
        themes_only: true,
        sources: subject.sources,
        sheets: BTreeMap::new(),
        touched: BTreeSet::new(),
    };
    live.read_sheets();
    live.touched = subject.touched.clone();
    invariant::check_sheets(&live).iter().map(weigh::words).collect()
}
