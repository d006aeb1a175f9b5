//! `themegate doctor --watch`: follows the log for themes that pages do not find, and withdraws them if it was told to.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::{SiteArgs, check, withdraw};
use crate::doctor::watch::{self, Journal, Listener, LogFile, Sighting, Source, Standing, Withdrawal};
use crate::report::text::plain;
use crate::site::LiveSite;
use crate::site::lock::LockError;

/// How the log is followed.
#[derive(Debug, Clone, Args)]
pub struct WatchArgs {
    /// Follow the log of the running site, and say which theme pages do not find, since when and how often
    #[arg(long)]
    pub watch: bool,
    /// The log file [default: log/production.log of the live tree]
    #[arg(long, value_name = "FILE", requires = "watch", conflicts_with = "journal")]
    log: Option<PathBuf>,
    /// Follow the systemd journal of this unit instead: mastodon-web from Mastodon 4.3 on
    #[arg(long, value_name = "UNIT", requires = "watch")]
    journal: Option<String>,
    /// Read what the log holds already, not only what comes
    #[arg(long, requires = "watch")]
    from_start: bool,
    /// Withdraw a theme that is proven to be offered and not compiled; each once, and never `default` or `system`
    #[arg(long, requires = "watch")]
    withdraw: bool,
}

/// Watches until Ctrl-C; gives the exit code.
///
/// # Errors
/// If the log cannot be read, or nothing be said.
pub fn run(args: &WatchArgs, site: &SiteArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let interrupted = check::hear_interruptions()?;
    // A `current` link may move on while this runs: each look is one at the site as it is then.
    let inspect = || LiveSite::inspect(site.live.as_deref(), site.state.as_deref());
    let mut source = source(args, &inspect()?)?;
    writeln!(out, "watching     {}; Ctrl-C ends it", source.describe())?;
    out.flush()?;
    let mut teller = Teller { site, out, withdraws: args.withdraw, waiting: None };
    let seen = watch::watch(source.as_mut(), &inspect, &|| interrupted.load(Ordering::Relaxed), &mut teller)?;
    writeln!(
        teller.out,
        "ended        {}",
        if seen { "themes were missing, see above" } else { "no theme was missing" }
    )?;
    Ok(u8::from(seen))
}

fn source(args: &WatchArgs, site: &LiveSite) -> anyhow::Result<Box<dyn Source>> {
    if let Some(unit) = &args.journal {
        let journal = Journal::follow(unit, args.from_start);
        return Ok(Box::new(journal.context("journalctl could not be started; follow a file instead: --log FILE")?));
    }
    let path = args.log.clone().unwrap_or_else(|| site.root.join("log/production.log"));
    if args.log.is_none() && !path.exists() {
        anyhow::bail!(
            "there is no {}. From Mastodon 4.3 on the log goes to the journal: --journal mastodon-web. Else name it: --log FILE",
            path.display()
        );
    }
    let file = LogFile::follow(&path, args.from_start);
    Ok(Box::new(file.with_context(|| format!("the log {} cannot be read", path.display()))?))
}

/// Tells what is seen, and withdraws.
struct Teller<'a> {
    site: &'a SiteArgs,
    out: &'a mut dyn Write,
    withdraws: bool,
    /// What was said last of a withdrawal that has to wait.
    waiting: Option<String>,
}

/// The lock is soon free again, or a check holds it for minutes.
const BUSY: Duration = Duration::from_secs(2);
/// What failed for another reason wants a person.
const FAILED: Duration = Duration::from_secs(60);

impl Teller<'_> {
    fn say(&mut self, theme: &str, words: &str) -> anyhow::Result<()> {
        let now = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
        writeln!(self.out, "{now}     {}   {}", plain(theme), plain(words))?;
        Ok(self.out.flush()?)
    }
}

impl Listener for Teller<'_> {
    fn seen(&mut self, sighting: &Sighting) -> anyhow::Result<()> {
        let pages = if sighting.count == 1 { "1 page".to_owned() } else { format!("{} pages", sighting.count) };
        let restart = "systemctl restart mastodon-web mastodon-sidekiq";
        let theme = &sighting.theme;
        let words = match &sighting.standing {
            Standing::Withdrawable if self.withdraws => {
                "offered and not compiled; it is withdrawn if that stays so".to_owned()
            }
            Standing::Withdrawable => format!("offered and not compiled: themegate withdraw {theme} && {restart}"),
            Standing::Needed(why) => format!("offered and not compiled, and it stays: {why}. See themegate doctor"),
            Standing::Compiled => format!("compiled by now; a worker runs on with what it read before: {restart}"),
            Standing::NotOffered => format!(
                "not offered. If it is the site's own theme: themegate rollback-theme --site. Else a worker runs on: {restart}"
            ),
            Standing::Unknown(why) => format!("nothing is withdrawn: {why}. See themegate doctor"),
        };
        self.say(theme, &format!("{pages} failed since {}   {words}", sighting.since))
    }

    fn withdraw(&mut self, theme: &str) -> anyhow::Result<Withdrawal> {
        if !self.withdraws {
            return Ok(Withdrawal::Done);
        }
        let mut said = Vec::new();
        let (words, wait) = match withdraw::take_out(self.site, theme, true, &mut said) {
            Ok(_) => {
                self.say(theme, "withdrawn")?;
                writeln!(self.out, "{}", plain(String::from_utf8_lossy(&said).trim_end()))?;
                self.out.flush()?;
                return Ok(Withdrawal::Done);
            }
            Err(error) if matches!(error.downcast_ref(), Some(LockError::Held { .. })) => {
                (format!("waits: {}", super::message(&error)), BUSY)
            }
            Err(error) => (format!("could not be withdrawn: {error:#}"), FAILED),
        };
        if self.waiting.as_ref() != Some(&words) {
            self.say(theme, &words)?;
            self.waiting = Some(words);
        }
        Ok(Withdrawal::Later(wait))
    }
}
