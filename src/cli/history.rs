//! What was made live, taken back and withdrawn, for `themegate history`; and what every such command has in common.

use std::io::Write;

use super::SiteArgs;
use crate::promotion::aftercare::Outcome;
use crate::promotion::disk::{Disk, DiskError};
use crate::promotion::generations::{self, Generation, Kind};
use crate::promotion::{PromotionError, StateFolder, freeze};
use crate::site::LiveSite;
use crate::site::lock::SiteLock;

/// A site that a command is about to switch: inspected, locked, its state folder in place.
pub(super) struct Held {
    pub(super) site: LiveSite,
    pub(super) state: StateFolder,
    pub(super) disk: Disk,
    _lock: SiteLock,
}

/// Inspects and locks the site for `purpose`.
pub(super) fn hold(args: &SiteArgs, purpose: &str) -> anyhow::Result<Held> {
    let site = LiveSite::inspect(args.live.as_deref(), args.state.as_deref())?;
    let disk = Disk::real();
    let state = StateFolder::open(&disk, &site.state).map_err(refused)?;
    site.make_state()?;
    let lock = SiteLock::take(&site.state, purpose)?;
    Ok(Held { site, state, disk, _lock: lock })
}

fn refused(error: DiskError) -> PromotionError {
    PromotionError::Refused(error.into())
}

/// Says what a switch did, and what makes it take effect.
pub(super) fn describe(done: &Generation, seconds: f64, outcome: &Outcome, out: &mut dyn Write) -> std::io::Result<()> {
    let plan = &done.plan;
    writeln!(
        out,
        "{} {}   {} files changed, {} written",
        done.kind.word(),
        done.id,
        plan.steps.len(),
        size(plan.new_bytes())
    )?;
    writeln!(out, "kept         {} of replaced files   {seconds:.1} s", size(plan.old_bytes()))?;
    if let Some(reason) = &done.despite_freeze {
        writeln!(out, "freeze       gone ahead in spite of it: {reason}")?;
    }
    match outcome {
        Outcome::NotAsked => {
            writeln!(
                out,
                "\nMastodon reads all this when it starts:\n       systemctl restart mastodon-web mastodon-sidekiq"
            )
        }
        Outcome::Restarted => {
            writeln!(out, "restarted    no page was asked for: themegate.toml names no [[promotion.probe]]")
        }
        Outcome::Proven(tolerated) => {
            tolerated.iter().try_for_each(|fault| writeln!(out, "optional     {fault}"))?;
            writeln!(out, "restarted    the pages asked for carry the promoted stylesheets")
        }
    }
}

/// Bytes in the unit that people use.
#[expect(clippy::cast_precision_loss, reason = "a size for people, to one decimal")]
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Lists the generations of a site, the latest first, and the freeze if there is one.
pub(super) fn generations(site: &LiveSite, out: &mut dyn Write) -> anyhow::Result<()> {
    let folder = site.state.join("generations");
    if folder.is_dir() {
        let all = generations::list(&folder).map_err(PromotionError::from)?;
        for generation in all.iter().rev() {
            writeln!(out, "{}   {}", generation.id, line(&all, generation))?;
        }
    }
    if let Some(freeze) = freeze::read(&site.state).map_err(refused)? {
        writeln!(out, "frozen until {}: {}", freeze.until, freeze.reason)?;
    }
    Ok(())
}

fn line(all: &[Generation], generation: &Generation) -> String {
    let what = match generation.kind {
        Kind::Promotion => format!("promotion of run {}", generation.subject),
        Kind::Rollback => format!("rollback to before {}", generation.subject),
        Kind::Withdrawal => format!("withdrawal of {}", generation.subject),
    };
    let force = if generations::in_force(all, generation) { "   in force" } else { "" };
    let freeze =
        generation.despite_freeze.as_ref().map(|why| format!("   despite the freeze: {why}")).unwrap_or_default();
    format!("{what}   {} files{force}{freeze}", generation.plan.steps.len())
}
