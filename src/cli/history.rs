//! What the commands that switch the live tree have in common: the site held, the restart afterwards, the words.

use std::io::Write;

use super::SiteArgs;
use crate::configuration::Configuration;
use crate::gate;
use crate::promotion::aftercare::Aftercare;
use crate::promotion::disk::{Disk, DiskError};
use crate::promotion::facts::{Aftermath, SwitchFacts};
use crate::promotion::generations::{Generation, Kind};
use crate::promotion::{PromotionError, StateFolder};
use crate::report::text::size;
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
    let state = state_of(&site)?;
    let lock = SiteLock::take(&site.state, purpose)?;
    Ok(Held { site, state, disk: Disk::real(), _lock: lock })
}

/// The same with a lock that is taken already.
pub(super) fn holding(args: &SiteArgs, lock: SiteLock) -> anyhow::Result<Held> {
    let site = LiveSite::inspect(args.live.as_deref(), args.state.as_deref())?;
    let state = state_of(&site)?;
    Ok(Held { site, state, disk: Disk::real(), _lock: lock })
}

/// The state folder with all that a switch needs in it.
pub(super) fn state_of(site: &LiveSite) -> anyhow::Result<StateFolder> {
    if site.state.is_dir() {
        site.make_state()?;
    }
    Ok(StateFolder::open_for(&Disk::real(), &site.state, &site.root).map_err(refused)?)
}

pub(super) fn refused(error: DiskError) -> PromotionError {
    PromotionError::Refused(error.into())
}

/// What `themegate.toml` wants done after a switch; nothing with `--no-restart`.
pub(super) fn aftercare(args: &SiteArgs, held: &Held, no_restart: bool) -> anyhow::Result<Aftercare> {
    let mut aftercare = Configuration::read(args.config.as_deref(), &held.site.root)?.promotion.aftercare();
    if no_restart {
        aftercare.restart = None;
    }
    Ok(aftercare)
}

/// Restarts and asks for pages after a rollback or a withdrawal that took `seconds`, if that is configured; says what came of
/// it, and gives the exit code. There is nothing to roll back to from here, so a fault is told.
pub(super) fn conclude(
    held: &Held,
    aftercare: Aftercare,
    (done, seconds): (&Generation, f64),
    out: &mut dyn Write,
) -> anyhow::Result<u8> {
    let facts = SwitchFacts::of(done, seconds);
    let manifests = gate::manifests_of_live(&held.site);
    let facts = match aftercare.without_themes().restart_and_prove(&held.site.root, &manifests) {
        Ok(outcome) => facts.followed_by(&outcome),
        Err(fault) => facts.failed(Aftermath::Failed, fault),
    };
    facts.keep(&held.state.generations());
    describe(&facts, out)?;
    Ok(if facts.aftermath == Aftermath::Failed { 4 } else { 0 })
}

/// Says what a switch did, and what makes it take effect.
pub(super) fn describe(facts: &SwitchFacts, out: &mut dyn Write) -> std::io::Result<()> {
    let (kind, id) = (facts.kind.word(), &facts.generation);
    let files = if facts.files == 1 { "1 file".to_owned() } else { format!("{} files", facts.files) };
    let (written, kept) = (size(facts.bytes_written), size(facts.bytes_kept));
    writeln!(out, "{kind:<12} {id}   {files} changed, {written} written in {:.1} s", facts.seconds)?;
    writeln!(out, "kept         {kept} of replaced files; undo: themegate rollback --to {id}")?;
    if facts.old_files_removed > 0 {
        let count = facts.old_files_removed;
        let files = if count == 1 { "1 compiled file".to_owned() } else { format!("{count} compiled files") };
        writeln!(
            out,
            "old files    {files} of earlier promotions removed: needed by nothing for long, and kept with the rest"
        )?;
    }
    if let Some(reason) = &facts.despite_freeze {
        writeln!(out, "freeze       gone ahead in spite of it: {reason}")?;
    }
    aftermath(facts, out)
}

const RESTART: &str = "       systemctl restart mastodon-web mastodon-sidekiq";

fn aftermath(facts: &SwitchFacts, out: &mut dyn Write) -> std::io::Result<()> {
    match facts.aftermath {
        Aftermath::NotRestarted => writeln!(out, "\nMastodon reads all this when it starts:\n{RESTART}"),
        Aftermath::Restarted => {
            writeln!(out, "restarted    no page was asked for: themegate.toml names no [[promotion.probe]]")
        }
        Aftermath::Proven => {
            facts.faults.iter().try_for_each(|fault| writeln!(out, "optional     {fault}"))?;
            let which = match facts.kind {
                Kind::Promotion => "promoted stylesheets",
                Kind::Rollback | Kind::Withdrawal => "stylesheets that are live now",
            };
            writeln!(out, "restarted    the pages asked for carry the {which}")
        }
        Aftermath::RolledBack | Aftermath::Failed => {
            writeln!(out, "\nThe {} stands, and the site is not right:", facts.kind.word())?;
            facts.faults.iter().try_for_each(|fault| writeln!(out, "       {fault}"))?;
            writeln!(out, "See why Mastodon does not come back: journalctl -u mastodon-web -n 50")
        }
    }
}
