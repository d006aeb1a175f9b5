//! The question that a check asks, and the answer of an earlier run to the same one.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::build::Gate;
use super::record::Record;
use super::{CheckRequest, people, surroundings};
use crate::compiler::Compiler;
use crate::evidence::{self, Contents, Digester, Question, Subject, TreeRequest};
use crate::finding::Finding;
use crate::precompile::environment::environment;
use crate::promotion::Promotable;
use crate::report::Report;
use crate::site::LiveSite;
use crate::site::environment::SiteEnvironment;
use crate::staging::{Look, Survey};
use crate::verdict::Verdict;

/// Where the environment of a build points to in place of the live tree: the stage's own name differs from run to run.
const ANY_STAGE: &str = "/stage";

/// The question; none if something cannot be digested, which is then always built. The look at the live tree that it is asked
/// by is kept for the stage.
pub(super) fn ask(gate: &Gate<'_>, compiler: &Compiler, record: &mut Record<'_>) -> Option<Question> {
    record.begin("evidence");
    let LiveSite { root, state, output, .. } = gate.site;
    let digester = Digester::begin(state).ok();
    let survey = Survey::begin(root, state, &output.folders());
    let digester = digester.map(|digester| digester.remembering(gate.request.fresh).heeding(&gate.request.interrupted));
    let own = SiteEnvironment::read(&gate.site.root);
    let mut variables = environment(std::env::vars_os(), &own, &gate.site.root, Path::new(ANY_STAGE));
    variables.extend(gate.settings.environment.iter().map(|(name, value)| (name.into(), value.into())));
    let packs = surroundings::rule_packs(gate.site);
    record.look = survey.finish(&gate.request.interrupted);
    let look = record.look.as_ref()?.as_ref().ok()?;
    let subject = Subject {
        asked: asked(gate),
        change: gate.change.digest(),
        command: format!("{} {:?} strict={}", compiler.shown, compiler.command, gate.request.strict),
        environment: &variables,
        packs: &packs.ok()?,
        own: &gate.request.own,
    };
    let (tree, contents) = digester?.digest(look).ok()?;
    record.contents = Some(Arc::new(contents));
    Some(Question::new(tree, &subject))
}

/// What was asked and by which settings: whatever is added to either, it counts. How the tree was named does not.
fn asked(gate: &Gate<'_>) -> String {
    let request = CheckRequest {
        live: Some(gate.site.root.clone()),
        state: Some(gate.site.state.clone()),
        config: None,
        interrupted: Arc::default(),
        fresh: false,
        by_hook: false,
        ..gate.request.clone()
    };
    let today = jiff::Zoned::now().date();
    let expired = |expires: &str| expires.parse::<jiff::civil::Date>().is_ok_and(|last| last < today);
    let expired: Vec<bool> = gate.settings.accept.iter().map(|acceptance| expired(&acceptance.expires)).collect();
    format!("{request:?} {:?} {expired:?}", gate.settings)
}

/// The report of the earlier run that answered the same question; none if there is none, if somebody wants it built, or if
/// it passed and what passed is no longer there to be promoted, unless a hook asks, which promotes nothing.
pub(super) fn earlier(gate: &Gate<'_>, question: Option<&Question>, record: &mut Record<'_>) -> Option<Report> {
    if gate.request.fresh || gate.request.keep_stage {
        return None;
    }
    let mut report = evidence::find(&gate.site.state, &question?.whole)?;
    if report.promotable && !is_kept(gate.site, &report.run) {
        if gate.request.by_hook {
            report.promotable = false;
            return Some(report);
        }
        record.findings.push(gone(&report.run));
        return None;
    }
    Some(report)
}

/// The earlier report as the answer, marked as such, with what the database says now; none if that makes a difference.
pub(super) fn answered(mut report: Report, record: &mut Record<'_>) -> Option<Report> {
    let of_people = |finding: &Finding| people::FOUND.contains(&finding.id.as_str());
    let blocks = |findings: &[Finding]| findings.iter().any(|finding| finding.id == people::NOT_OFFERED);
    if blocks(&report.findings) != blocks(&record.findings) {
        return None;
    }
    report.findings.retain(|finding| !of_people(finding));
    report.findings.extend(record.findings.iter().filter(|finding| of_people(finding)).cloned());
    report.findings.sort_by_key(|finding| (!finding.inconclusive, std::cmp::Reverse(finding.severity)));
    report.people = record.people.take();
    report.timings = record.timings();
    report.answered_from = Some(report.run.clone());
    Some(report)
}

/// True if a promotion of `run` finds all that it needs.
fn is_kept(site: &LiveSite, run: &str) -> bool {
    let Ok(kept) = Promotable::load(&site.state, run) else { return false };
    let seen = kept.staged_seen().0.iter().filter(|(_, digest)| digest.is_some());
    seen.into_iter().all(|(name, _)| kept.staged().join(name).symlink_metadata().is_ok())
}

fn gone(run: &str) -> Finding {
    Finding::benign(
        "evidence-not-kept",
        format!("The run {run} answered this question already; what it staged is gone, so it was compiled again."),
    )
}

/// The live tree's digest, being made.
pub(super) type TreeNow = JoinHandle<Option<blake3::Hash>>;

/// Begins to make the live tree's digest after the build, by the `look` at it that `digester` was begun before, and by what
/// was found out when the question was asked: none if nothing was, or no thread is to be had.
pub(super) fn begin_tree(
    gate: &Gate<'_>,
    digester: Option<Digester>,
    known: Option<Arc<Contents>>,
    look: Option<Look>,
) -> Option<TreeNow> {
    let (_asked, digester, known, look) = (gate.question?, digester?, known?, look?);
    let digester = digester.heeding(&gate.request.interrupted);
    let digest = move || digester.recalling(known).digest(&look).ok().map(|(tree, _)| tree);
    std::thread::Builder::new().name("evidence".to_owned()).spawn(digest).ok()
}

/// Remembers the answer of a build that ran to its end, if the tree `now` is still the one that the question was about.
pub(super) fn remember(gate: &Gate<'_>, now: Option<TreeNow>, report: &Report) {
    // Waited for in any case: it may be writing to the state folder.
    let now = now.and_then(|now| now.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    let finished = report.precompile.as_ref().is_some_and(|build| build.exit.is_some());
    if !finished || report.verdict == Verdict::Undecided || gate.request.keep_stage {
        return;
    }
    if let Some(question) = gate.question.filter(|question| now == Some(question.tree)) {
        // Without it the next check compiles again: no reason to fail this one.
        let _compiles_again = evidence::keep(&gate.site.state, &question.whole, &report.run);
    }
}

/// True if the live tree is the one that the question was about.
pub(super) fn still_asked(gate: &Gate<'_>, question: &Question) -> bool {
    let LiveSite { root, state, output, .. } = gate.site;
    let request = TreeRequest { live: root, outputs: &output.folders(), state, afresh: false };
    evidence::digest_tree(&request).is_ok_and(|tree| tree == question.tree)
}
