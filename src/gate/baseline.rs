//! The control build: what the untouched site says of itself, so that a change is charged only with what it adds.
//!
//! Made only when the log of a change holds something to review, or when a theme that it does not bring comes out otherwise than it
//! is live; and kept by a digest of the live tree: a site that warns on its own pays for it once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::build::{self, Gate};
use super::record::Record;
use super::{GateError, bystanders, caches, question, surroundings};
use crate::change::ChangeSource;
use crate::compiler::Compiler;
use crate::evidence;
use crate::finding::{Baseline, Evidence, Finding, Severity};
use crate::precompile::BuildEnd;
use crate::runs::RunError;
use crate::site::environment::SiteEnvironment;

/// What a control build has shown.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Control {
    /// The findings of its log, each as [`key`] has it.
    findings: BTreeSet<String>,
    /// Digests of what people see of the compiled stylesheets, by theme.
    pub(super) looks: BTreeMap<String, String>,
}

/// Marks each finding of the log that needs review as the change's own, or as one that the untouched site has too. Fatal
/// ones are left alone: nothing goes live on top of a build that fails, whoever brought the fault.
pub(super) fn attribute(gate: &Gate<'_>, compiler: &Compiler, record: &mut Record<'_>) -> Result<(), GateError> {
    let doubtful = record.findings.iter().any(needs_attribution);
    let failed = record.findings.iter().any(|finding| finding.severity == Severity::Fatal);
    if !doubtful || failed || gate.change.source == ChangeSource::AsItIs {
        return Ok(());
    }
    record.begin("baseline");
    let Some(known) = of_untouched(gate, compiler, record)? else { return Ok(()) };
    for finding in record.findings.iter_mut().filter(|finding| needs_attribution(finding)) {
        let outstanding = known.findings.contains(&key(finding));
        finding.baseline = Some(if outstanding { Baseline::Outstanding } else { Baseline::New });
    }
    Ok(())
}

fn needs_attribution(finding: &Finding) -> bool {
    finding.severity == Severity::Review && finding.rule.is_some() && finding.counts() && !finding.inconclusive
}

/// What makes two findings of two builds the same: the rule, the words, and what was printed, however often. A warning that
/// the change repeats in a file of its own is printed with that file, and is another one.
fn key(finding: &Finding) -> String {
    let counted = finding.message.rsplit_once(" (").filter(|(_, end)| end.ends_with("times)"));
    let message = counted.map_or(finding.message.as_str(), |(words, _)| words);
    let printed = finding.evidence.iter().filter_map(|evidence| match evidence {
        Evidence::Log { excerpt, .. } => Some(without_stage(excerpt)),
        Evidence::File { .. } => None,
    });
    let printed: BTreeSet<String> = printed.collect();
    format!("{} {message} {printed:?}", finding.id)
}

/// The stage's own name differs from build to build.
fn without_stage(text: &str) -> String {
    let mut parts = text.split("/stage-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| whole + part.split_once('/').map_or(part, |(_, rest)| rest))
}

/// What the untouched tree's build has shown, from an earlier run or from a build made now; none if that build failed, or if
/// nobody knows what it compiled, which is a finding then.
/// Named by everything that the control build depends on.
pub(super) fn of_untouched(
    gate: &Gate<'_>,
    compiler: &Compiler,
    record: &mut Record<'_>,
) -> Result<Option<Control>, GateError> {
    let key = gate.question.map(|question| question.untouched);
    let kept = key.and_then(|key| evidence::find_baseline(&gate.site.state, &key));
    if let Some(known) = kept.and_then(|text| serde_json::from_slice(&text).ok()) {
        return Ok(Some(known));
    }
    let Some(known) = build_untouched(gate, compiler, record)? else { return Ok(None) };
    if let Some(key) = key.filter(|_| gate.question.is_some_and(|question| question::still_asked(gate, question))) {
        let path = gate.site.state.join("baselines");
        let unusable = |source| RunError::Unusable { path, source };
        let text = serde_json::to_vec_pretty(&known).map_err(std::io::Error::from);
        text.and_then(|text| evidence::keep_baseline(&gate.site.state, &key, &text)).map_err(unusable)?;
    }
    Ok(Some(known))
}

fn build_untouched(
    gate: &Gate<'_>,
    compiler: &Compiler,
    record: &mut Record<'_>,
) -> Result<Option<Control>, GateError> {
    let prepared = caches::prepare(gate, compiler);
    let control = surroundings::stage(gate, compiler, false, None, prepared.replacement(), record.progress)?;
    let shown = caches::bring_to_control(gate, compiler, &control, prepared)?;
    let own = SiteEnvironment::read(&gate.site.root);
    let build = build::compile(gate, compiler, &control, &own, record.progress)?;
    if build.end != BuildEnd::Exited(0) {
        control.close()?;
        return if build.end == BuildEnd::Interrupted { Err(GateError::Interrupted) } else { Ok(None) };
    }
    let log = build::whole_log(&build, &control)?;
    let classified = build::read_log(gate, &log, &build)?;
    let looks = bystanders::looks_of(gate.offered, &build::compiled_in(gate, compiler, &control));
    control.close()?;
    if let Some(moved) = caches::moved(shown.as_ref()) {
        record.findings.push(moved);
        return Ok(None);
    }
    Ok(Some(Control { findings: classified.findings.iter().map(key).collect(), looks }))
}
