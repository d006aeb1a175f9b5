//! The flow, top to bottom. It hands the result of one stage to the next; it neither prints nor judges.

mod aftermath;
mod baseline;
mod build;
mod bystanders;
mod caches;
mod error;
mod fast;
mod foresight;
mod isolation;
mod minified;
pub(crate) mod offered;
mod passed;
pub mod people;
mod proposal;
mod question;
mod record;
pub mod rehearsal;
mod stage;
mod surroundings;
mod unfinished;
pub mod verify;
mod writes;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::byte_size::ByteSize;
use crate::change::{Change, GoesLive};
use crate::compiled::CompiledTree;
use crate::compiler::{Compiler, CompilerChoice};
use crate::configuration::Configuration;
use crate::evidence;
use crate::isolation::{IsolationChoice, NetworkChoice};
use crate::report::Report;
use crate::runs;
use crate::site::LiveSite;
use crate::site::lock::SiteLock;
use crate::site::registry::Registry;
use crate::staging::{self, Way};
use crate::theme_setting::people::Inquiry;
use crate::verdict::Verdict;

use build::Gate;
pub use error::GateError;
pub use passed::manifests_of_live;
pub use proposal::Proposal;
use record::Record;

/// What is asked of a check.
#[derive(Debug, Clone)]
pub struct CheckRequest {
    /// The live tree, if it was named.
    pub live: Option<PathBuf>,
    /// The state folder, if it was named.
    pub state: Option<PathBuf>,
    /// The configuration file, if it was named.
    pub config: Option<PathBuf>,
    /// What is proposed.
    pub proposal: Proposal,
    /// What compiles, if it was said.
    pub compiler: Option<CompilerChoice>,
    /// The longest a build may take, if it was said.
    pub time_limit: Option<Duration>,
    /// The longest a build may stand still, if it was said.
    pub stall_limit: Option<Duration>,
    /// The most memory a build may hold, if it was said.
    pub memory_limit: Option<ByteSize>,
    /// How the live tree is staged, if it was said.
    pub staging: Option<Way>,
    /// Whether the build is isolated, if it was said.
    pub isolation: Option<IsolationChoice>,
    /// Whether the build may use the network, if it was said.
    pub network: Option<NetworkChoice>,
    /// Keep the staging directory.
    pub keep_stage: bool,
    /// Report every line that no rule knows.
    pub strict: bool,
    /// Look at the stylesheets alone, in seconds: it may refuse, and never passes.
    pub fast: bool,
    /// A hook of git asks: what passes must not take the place of what a person means to promote.
    pub by_hook: bool,
    /// Ask again, whatever an earlier run has answered, and compile without any cache.
    pub fresh: bool,
    /// This program's own file: the builtin compiler and the bundler's listener run in it.
    pub own: PathBuf,
    /// Set when the user asks to stop.
    pub interrupted: Arc<AtomicBool>,
}

/// Hears what a check is doing.
pub trait Progress: Sync {
    /// A stage begins.
    fn stage(&self, stage: &'static str);
    /// Something within the stage: a count, the last line of the build.
    fn detail(&self, text: &str);
}

/// Checks a change: may it go live?
///
/// # Errors
/// If the check could not be made at all. Whatever the build did is in the report.
pub fn check(request: &CheckRequest, progress: &dyn Progress) -> Result<Report, GateError> {
    check_and_hold(request, "check", progress).map(|(report, _lock)| report)
}

/// The same for a caller who goes on with the site, for `purpose`: the lock stays taken until it is dropped, so that nobody
/// gets between a check and what is made of it. A fast look takes none.
///
/// # Errors
/// As [`check`].
pub fn check_and_hold(
    request: &CheckRequest,
    purpose: &str,
    progress: &dyn Progress,
) -> Result<(Report, Option<SiteLock>), GateError> {
    let mut record = Record::new(progress);
    record.begin("site");
    let site = LiveSite::inspect(request.live.as_deref(), request.state.as_deref())?;
    let settings = Configuration::read(request.config.as_deref(), &site.root)?;
    let rules = surroundings::site_rules(&site)?;
    site.make_state()?;
    let lock = lock(request, &site, purpose)?;
    let live = CompiledTree::read(&site.root, &site.output, site.toolchain);
    let mut inquiry = (!request.fast).then(|| people::ask(&site, people::PATIENCE));

    record.begin("change");
    let text = site.registry_text()?;
    let registry = registry_of(text.as_deref(), &mut record);
    let proposed = proposal::read(&request.proposal, site, registry.as_ref(), &mut record)?;
    let (site, change) = (&proposed.site, &proposed.change);
    record.findings.extend(offered::trespasses(change, registry.as_ref()));
    let offered = offered::after(site, registry, change, &mut record);
    let gate = Gate {
        request,
        site,
        settings: &settings,
        live: &live,
        offered: &offered,
        change,
        rules: rules.as_ref(),
        question: None,
        against_overlay: None,
    };
    if request.fast {
        return Ok((fast::check(&gate, record)?, lock));
    }
    record.findings.extend(surroundings::rails_missing(&chosen(request, &settings), site));
    record.findings.extend(proposal::packages_change(change, (&chosen(request, &settings), site), &record));

    let compiler = Compiler::decide(&chosen(request, &settings), site, &request.own);
    let question = if record.is_fatal() { None } else { question::ask(&gate, &compiler, &mut record) };
    if let Some(earlier) = question::earlier(&gate, question.as_ref(), &mut record) {
        inquiry.take().into_iter().for_each(|inquiry| tell(&gate, text.as_deref(), inquiry, &mut record));
        if let Some(report) = question::answered(earlier, &mut record) {
            return Ok((report, lock));
        }
    }
    let gate = Gate { question: question.as_ref(), ..gate };
    Ok((compile_and_judge(&gate, &compiler, text.as_deref(), inquiry, record)?, lock))
}

/// Says how many people the change touches.
fn tell(gate: &Gate<'_>, registry: Option<&[u8]>, inquiry: Inquiry, record: &mut Record<'_>) {
    let Gate { site, change, offered, .. } = *gate;
    let told = if people::alters_theming(change) { people::now(site, registry) } else { offered.to_vec() };
    people::tell(site, inquiry, change, &told, record);
}

/// Builds the change in a stage of its own, judges what came of it, and keeps what passed for a promotion.
fn compile_and_judge(
    gate: &Gate<'_>,
    compiler: &Compiler,
    registry: Option<&[u8]>,
    inquiry: Option<Inquiry>,
    mut record: Record<'_>,
) -> Result<Report, GateError> {
    let Gate { request, site, change, .. } = *gate;
    let seen = passed::seen_of_live(site, gate.live, change)?;
    writes::registry_moved(site, registry, &mut record)?;
    record.findings.extend(surroundings::notes_on_live(gate.live, gate.offered));
    let run = runs::new_name(&site.state, if request.by_hook { runs::HOOK } else { "" });
    let mut stage = None;
    record.findings.extend(foresight::of(gate));
    let build =
        || if record.is_fatal() { None } else { Some(stage::build_in_one(gate, compiler, &mut stage, &mut record)) };
    let (built, merges) = unfinished::merges_beside(&site.root, change, build);
    let log = built.transpose()?;
    record.findings.extend(merges);
    stop_if_asked(request)?;
    if let Some(inquiry) = inquiry {
        tell(gate, registry, inquiry, &mut record);
    }
    let given = record.caches.take();
    let tree_now = record.tree_now.take();
    record.acknowledge(&gate.settings.accept);
    let kept = stage.as_ref().filter(|_| request.keep_stage);
    let mut report = record.into_report(run, site, change, gate.offered, kept);
    runs::keep(&site.state, &report, log.as_deref())?;
    if let Some(staged) = stage.as_ref().filter(|_| is_promotable(&report, site, change)) {
        passed::keep(site, change, staged, request.keep_stage, &report.run, seen)?;
        report.promotable = true;
        runs::keep(&site.state, &report, None)?;
    }
    caches::keep(gate, given, report.verdict, stage.as_mut());
    // Both wait for the disk.
    let prune = || if report.promotable { passed::prune(&site.state) } else { Ok(()) };
    let (closed, pruned) = rayon::join(|| stage::close(stage, request.keep_stage), prune);
    closed?;
    pruned?;
    question::remember(gate, tree_now, &report);
    Ok(report)
}

/// One gate a site, and what a killed one left is swept away. A fast look writes nothing that another could meet.
fn lock(request: &CheckRequest, site: &LiveSite, purpose: &str) -> Result<Option<SiteLock>, GateError> {
    if request.fast {
        return Ok(None);
    }
    let lock = SiteLock::take(&site.state, purpose)?;
    staging::sweep_alone(&site.state)?;
    evidence::sweep(&site.state);
    Ok(Some(lock))
}

/// Only what passed and what a promotion can bring, and on a site with a toolchain of its own only what that compiled.
fn is_promotable(report: &Report, site: &LiveSite, change: &Change) -> bool {
    let builtin = report.precompile.as_ref().is_none_or(|build| build.builtin);
    report.verdict == Verdict::Pass && change.goes_live == GoesLive::ByPromotion && !(builtin && site.has_toolchain())
}

/// The registry, or its faults as findings.
fn registry_of(text: Option<&[u8]>, record: &mut Record<'_>) -> Option<Registry> {
    match Registry::parse(text?) {
        Ok(registry) => Some(registry),
        Err(findings) => {
            record.findings.extend(findings);
            None
        }
    }
}

fn chosen(request: &CheckRequest, settings: &Configuration) -> CompilerChoice {
    let configured = || settings.check.compiler.parse().unwrap_or_else(|never| match never {});
    request.compiler.clone().unwrap_or_else(configured)
}

fn stop_if_asked(request: &CheckRequest) -> Result<(), GateError> {
    if request.interrupted.load(Ordering::Relaxed) { Err(GateError::Interrupted) } else { Ok(()) }
}
