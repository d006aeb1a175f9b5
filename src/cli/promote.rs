//! `themegate promote`: make live what passed, or check it and make it live in one go.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;

use super::check::{self, CheckArgs, Format};
use super::history::{self, Held};
use super::{message, terminal};
use crate::configuration::Configuration;
use crate::gate::{self, GateError, people};
use crate::promotion::aftercare::AftercareError;
use crate::promotion::facts::{Aftermath, SwitchFacts};
use crate::promotion::{self, Promotable, Terms, promotable::StoredError};
use crate::report::{Report, text};
use crate::runs;
use crate::site::LiveSite;
use crate::verdict::Verdict;

/// Make live what a check passes, all of it or nothing.
///
/// With --theme and its like the check is made now, and what passes is promoted in the same call. With --run it is what an
/// earlier check has passed. Compiled files come first, then the manifests, and the line that makes a theme selectable last.
/// Refused if either tree has moved since the check. What is replaced is kept: `themegate rollback` brings it back in seconds.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct PromoteArgs {
    #[command(flatten)]
    check: CheckArgs,
    /// Make no check now: promote this run, which passed, as `check` named it
    #[arg(long, value_name = "RUN", conflicts_with_all = ["themes", "rev", "patch", "rehearse", "compiler", "keep_stage", "strict", "fast", "fresh"])]
    run: Option<String>,
    /// Go ahead although the site is frozen, for this reason, which is recorded
    #[arg(long, value_name = "REASON")]
    despite_freeze: Option<String>,
    /// Do not run the restart command of themegate.toml, and ask for no page
    #[arg(long)]
    no_restart: bool,
}

const EXAMPLES: &str = "\
Examples:
  themegate promote --theme ~/TangerineUI        check it, and make it live if it passes
  themegate promote --run 2026-11-22T14-02-51    make live what that check has passed
  themegate promote --run 2026-11-22T14-02-51 --despite-freeze 'security fix of the theme'
  themegate promote --theme ~/TangerineUI --format json --output report.json

Exit codes: 0 live · 1 held, blocked or frozen · 2 usage · 3 undecided · 4 failed, live tree as it was
  5 interrupted, run `themegate recover` · 6 locked · 130 interrupted before anything was changed";

/// Promotes.
///
/// # Errors
/// If nothing was promoted, or it was taken back; the error says what stands.
pub fn run(args: &PromoteArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    if args.check.rehearse.is_some() {
        bail!(
            "a rehearsal is not promoted: the next Mastodon goes live as you deploy. Use themegate check --rehearse TAG"
        );
    }
    if args.check.fast {
        bail!(
            "a look at the stylesheets alone is not promoted. Leave --fast out: the whole check is made, and what passes goes live"
        );
    }
    match &args.run {
        Some(run) => promote_run(args, run, out),
        None => check_and_promote(args, out),
    }
}

fn promote_run(args: &PromoteArgs, run: &str, out: &mut dyn Write) -> anyhow::Result<u8> {
    let held = history::hold(&args.check.site, "promote")?;
    let aloud = args.check.format == Format::Text || args.check.output.is_some();
    if aloud {
        let inquiry = people::ask(&held.site, people::PATIENCE);
        tell_people(&people::line_of_run(&held.site, inquiry, run)?, out)?;
    }
    let promoted = make_live(args, &held, run)?;
    let report = runs::read(&held.site.state, run).ok().map(|report| remember(&held, report, &promoted));
    let wanted = args.check.format != Format::Text || args.check.output.is_some();
    if let Some(report) = report.filter(|_| wanted) {
        hand_over(&report, &args.check, out)?;
    }
    tell(&held, promoted, aloud, out)
}

/// Before anything happens: who is touched, or that it is not known.
fn tell_people(line: &str, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "people       {}", text::plain(line))?;
    out.flush()
}

fn check_and_promote(args: &PromoteArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    refuse_early(args)?;
    let interrupted = check::hear_interruptions()?;
    let progress = super::progress::TerminalProgress::start();
    let outcome = gate::check_and_hold(&check::request(&args.check, &interrupted)?, "promote", &progress);
    drop(progress);
    let (report, lock) = outcome?;
    let Some(lock) = lock.filter(|_| report.promotable) else {
        check::deliver(&report, &args.check, out)?;
        return not_promoted(&report);
    };
    let told_at_once = args.check.format == Format::Text && args.check.output.is_none();
    if told_at_once {
        let layout = text::Layout { width: terminal::width(), verbose: args.check.verbose, stored: true };
        text::write_before_promotion(&report, layout, out)?;
        out.flush()?;
    }
    if interrupted.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(GateError::Interrupted.into());
    }
    let held = history::holding(&args.check.site, lock)?;
    let promoted = make_live(args, &held, &report.run)?;
    let report = remember(&held, report, &promoted);
    if !told_at_once {
        hand_over(&report, &args.check, out)?;
    }
    let aloud = told_at_once || args.check.output.is_some();
    let code = tell(&held, promoted, aloud, out)?;
    if let Some(command) = report.change.afterwards.filter(|_| aloud) {
        writeln!(out, "\nSo that git knows of it: {}", text::plain(&command))?;
    }
    Ok(code)
}

/// Nobody should wait for a build whose result must not go live.
fn refuse_early(args: &PromoteArgs) -> anyhow::Result<()> {
    let site = LiveSite::inspect(args.check.site.live.as_deref(), args.check.site.state.as_deref())?;
    Configuration::read(args.check.site.config.as_deref(), &site.root)?;
    let state = history::state_of(&site)?;
    promotion::refuse_now(&state, args.despite_freeze.as_deref())?;
    Ok(())
}

fn not_promoted(report: &Report) -> anyhow::Result<u8> {
    if report.verdict == Verdict::Pass && report.change.goes_live.is_some() {
        bail!("nothing was promoted: this change passed, and it goes live as you deploy");
    }
    if report.verdict == Verdict::Pass {
        bail!(
            "nothing was promoted: what the builtin compiler makes never goes live on a site with a toolchain of its own. \
             Run it again with --compiler rails"
        );
    }
    Ok(report.verdict.exit_code())
}

/// What a promotion came to: its figures, unless the live tree had it all already; and what went wrong after the switch.
struct Promoted {
    facts: Option<SwitchFacts>,
    fault: Option<AftercareError>,
}

fn make_live(args: &PromoteArgs, held: &Held, run: &str) -> anyhow::Result<Promoted> {
    let promotable = Promotable::load(held.state.root(), run)?;
    if promotable.live() != held.site.root {
        return Err(StoredError::OtherTree { run: run.to_owned(), live: promotable.live().to_path_buf() }.into());
    }
    let aftercare = history::aftercare(&args.check.site, held, args.no_restart)?;
    let began = Instant::now();
    let terms = Terms { despite_freeze: args.despite_freeze.as_deref(), keep_old_files: keep_old_files(args, held)? };
    let Some(done) = promotion::promote(&held.disk, &held.state, &promotable, terms)? else {
        return Ok(Promoted { facts: None, fault: None });
    };
    let facts = SwitchFacts::of(&done, began.elapsed().as_secs_f64());
    let promoted = match aftercare.see_through(&held.disk, &held.state, &promotable, &done) {
        Ok(outcome) => Promoted { facts: Some(facts.followed_by(&outcome)), fault: None },
        Err(fault) => Promoted { facts: Some(facts.failed(aftermath(&fault), fault.to_string())), fault: Some(fault) },
    };
    promoted.facts.iter().for_each(|facts| facts.keep(&held.state.generations()));
    Ok(promoted)
}

fn keep_old_files(args: &PromoteArgs, held: &Held) -> anyhow::Result<Option<Duration>> {
    let settings = Configuration::read(args.check.site.config.as_deref(), &held.site.root)?;
    Ok(settings.promotion.keep_old_files)
}

const fn aftermath(fault: &AftercareError) -> Aftermath {
    match fault {
        AftercareError::RolledBack { .. } => Aftermath::RolledBack,
        AftercareError::StillLive { .. } => Aftermath::Failed,
    }
}

/// The report with the promotion in it, kept so that `show` can tell. It is made live already: failing to keep it fails nothing.
fn remember(held: &Held, report: Report, promoted: &Promoted) -> Report {
    let report = Report { promotion: promoted.facts.clone(), ..report };
    if report.promotion.is_some() {
        let _ = runs::keep(&held.site.state, &report, None);
    }
    report
}

/// The report of what is live already: that it cannot be written takes nothing back, and is only said.
fn hand_over(report: &Report, args: &CheckArgs, out: &mut dyn Write) -> std::io::Result<()> {
    match check::deliver(report, args, out) {
        Ok(()) => Ok(()),
        Err(error) => writeln!(out, "report       {}; it is kept: themegate show {}", message(&error), report.run),
    }
}

fn tell(held: &Held, promoted: Promoted, aloud: bool, out: &mut dyn Write) -> anyhow::Result<u8> {
    match promoted {
        Promoted { fault: Some(fault), .. } => return Err(fault.into()),
        Promoted { facts: Some(facts), .. } if aloud => {
            history::describe(&facts, out)?;
        }
        Promoted { facts: None, .. } if aloud => {
            writeln!(out, "Nothing to promote: {} has it all already.", held.site.root.display())?;
        }
        Promoted { .. } => {}
    }
    Ok(0)
}
