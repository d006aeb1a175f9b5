//! A tree that was compiled elsewhere: no stage, no build, the same judgement.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::record::Record;
use super::{GateError, Progress, offered, surroundings};
use crate::change;
use crate::compiled::CompiledTree;
use crate::configuration::Configuration;
use crate::invariant::{self, Subject};
use crate::manifest::ManifestSet;
use crate::report::{LogFacts, Report};
use crate::rules::{self, LogContext, RuleSet};
use crate::site::LiveSite;

/// What is asked of `verify`.
#[derive(Debug, Clone)]
pub struct VerifyRequest {
    /// The compiled tree.
    pub tree: PathBuf,
    /// The log of its build, if there is one; `-` for standard input.
    pub log: Option<PathBuf>,
    /// The exit status of its build, if it is known.
    pub exit: Option<i32>,
    /// Report every line that no rule knows.
    pub strict: bool,
}

/// Judges a compiled tree as it stands, and the log of its build, by the rules and acceptances of its site. Writes nothing.
///
/// # Errors
/// If the tree is no Mastodon tree, or the log cannot be read.
pub fn verify(request: &VerifyRequest, progress: &dyn Progress) -> Result<Report, GateError> {
    let mut record = Record::new(progress);
    record.begin("site");
    let site = LiveSite::inspect(Some(&request.tree), None)?;
    let settings = Configuration::read(None, &site.root)?;
    let rules = surroundings::site_rules(&site)?;
    let registry = super::registry_of(site.registry_text()?.as_deref(), &mut record);
    let change = change::as_it_is();
    let offered = offered::after(&site, registry, &change, &mut record);
    if let Some(log) = &request.log {
        record.begin("rules");
        read_log(log, request, rules.as_ref().unwrap_or_else(|| RuleSet::builtin()), &mut record)?;
    }
    record.begin("invariants");
    let compiled = CompiledTree::read(&site.root, &site.output, site.toolchain);
    let nothing = CompiledTree {
        root: site.root.clone(),
        public: compiled.public.clone(),
        set: ManifestSet::default(),
        findings: Vec::new(),
        is_staged: false,
    };
    let sources = BTreeMap::new();
    let mut subject = Subject {
        offered: &offered,
        packs: &site.packs,
        live: &nothing,
        staged: &compiled,
        build_began: SystemTime::UNIX_EPOCH,
        cdn: surroundings::cdn(&site),
        themes_only: false,
        sources: &sources,
        sheets: BTreeMap::new(),
        touched: BTreeSet::new(),
    };
    subject.read_sheets();
    let (results, findings) = invariant::check(&subject);
    record.invariants = results;
    record.findings.extend(findings);
    record.acknowledge(&settings.accept);
    Ok(record.into_report(crate::runs::new_name(&site.state, ""), &site, &change, &offered, None))
}

fn read_log(path: &Path, request: &VerifyRequest, rules: &RuleSet, record: &mut Record<'_>) -> Result<(), GateError> {
    let unusable = |source| GateError::Log { path: path.to_path_buf(), source };
    let mut log: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(unusable)?)
    };
    let context = request.exit.map_or_else(LogContext::unknown, LogContext::finished);
    let options = rules::Options { strict: request.strict };
    let classified = rules::classify(&mut log, rules, &context, options).map_err(unusable)?;
    record.log = Some(LogFacts {
        lines: classified.lines,
        neutral: classified.neutral,
        evidence: classified.evidence,
        unaccounted: classified.unaccounted,
    });
    record.findings.extend(classified.findings);
    Ok(())
}
