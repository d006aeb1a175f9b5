//! Follows the log of the running site for pages that ask for a theme that is not compiled, and says which, since when and
//! how often. Whoever calls may withdraw the theme; here nothing is written.

mod exception;
mod journal;
mod lines;
mod log_file;
mod proof;

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use crate::site::{LiveSite, SiteError};

pub use journal::Journal;
pub use log_file::LogFile;
pub use proof::Standing;

use exception::Missing;
use proof::Proof;

/// How long it rests where nothing is new.
const REST: Duration = Duration::from_millis(200);
/// How long a compile may need between two writes of its manifests: a second look comes after that.
const SECOND_LOOK: Duration = Duration::from_secs(2);
/// How often the count of a theme is told again while it rises.
const AGAIN: Duration = Duration::from_secs(60);
/// So many names are kept; a log that holds more is not a site's.
const NAMES: usize = 64;

/// Where lines come from.
pub trait Source {
    /// Its name, for people.
    fn describe(&self) -> String;

    /// Hands on the lines that are new; true if there were any bytes.
    ///
    /// # Errors
    /// If it cannot be read any more.
    fn poll(&mut self, hear: &mut dyn FnMut(&str)) -> io::Result<bool>;
}

/// What was seen of one theme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The theme.
    pub theme: String,
    /// Pages that failed.
    pub count: u64,
    /// When the first was written, as the log says, or when it was read.
    pub since: String,
    /// How the theme stands on the disk.
    pub standing: Standing,
}

/// What came of a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// It is done.
    Done,
    /// Not now; it is tried again after this long.
    Later(Duration),
}

/// Who hears of it.
pub trait Listener {
    /// A theme is missing, for the first time or more often than before.
    ///
    /// # Errors
    /// If it cannot be said.
    fn seen(&mut self, sighting: &Sighting) -> anyhow::Result<()>;

    /// A theme is proven to be offered and not compiled, twice. Asked once, and again only if it said so.
    ///
    /// # Errors
    /// If the watch has to end.
    fn withdraw(&mut self, theme: &str) -> anyhow::Result<Withdrawal>;
}

/// What is known of one name in the log.
struct Known {
    count: u64,
    since: String,
    told: Option<(Instant, u64)>,
    proof: Option<(Instant, Proof)>,
    not_before: Option<Instant>,
    is_done: bool,
}

/// Watches until `interrupted` says so; true if any theme was missing.
///
/// # Errors
/// If the log, the live tree or the listener fails.
pub fn watch(
    source: &mut dyn Source,
    site: &dyn Fn() -> Result<LiveSite, SiteError>,
    interrupted: &dyn Fn() -> bool,
    listener: &mut dyn Listener,
) -> anyhow::Result<bool> {
    let mut known: BTreeMap<Missing, Known> = BTreeMap::new();
    let mut time: Option<String> = None;
    while !interrupted() {
        let any = source
            .poll(&mut |line| note(line, &mut time, &mut known))
            .map_err(|error| anyhow::Error::new(error).context(format!("{} can no longer be read", source.describe())));
        // Ctrl-C reaches journalctl too.
        let any = if interrupted() { break } else { any? };
        for (missing, known) in &mut known {
            see_to(missing, known, site, listener)?;
        }
        if !any {
            std::thread::sleep(REST);
        }
    }
    Ok(!known.is_empty())
}

fn note(line: &str, time: &mut Option<String>, known: &mut BTreeMap<Missing, Known>) {
    if let Some(written) = exception::written(line) {
        *time = Some(written.to_owned());
    }
    let Some(missing) = exception::read(line) else { return };
    if known.len() >= NAMES && !known.contains_key(&missing) {
        return;
    }
    let now = || jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let one = known.entry(missing).or_insert_with(|| Known {
        count: 0,
        since: time.clone().unwrap_or_else(now),
        told: None,
        proof: None,
        not_before: None,
        is_done: false,
    });
    one.count += 1;
}

/// Tells what is new of a theme, and has it withdrawn once that is proven.
fn see_to(
    missing: &Missing,
    known: &mut Known,
    site: &dyn Fn() -> Result<LiveSite, SiteError>,
    listener: &mut dyn Listener,
) -> anyhow::Result<()> {
    let is_due = known.told.is_none_or(|(at, count)| known.count > count && at.elapsed() >= AGAIN);
    let look_again = known.proof.as_ref().is_some_and(|(at, proof)| {
        !known.is_done && proof.standing == Standing::Withdrawable && at.elapsed() >= SECOND_LOOK
    });
    if !is_due && !look_again {
        return Ok(());
    }
    let proof = Proof::read(&site()?, missing);
    if is_due {
        let sighting = Sighting {
            theme: proof.theme.clone(),
            count: known.count,
            since: known.since.clone(),
            standing: proof.standing.clone(),
        };
        listener.seen(&sighting)?;
        known.told = Some((Instant::now(), known.count));
    }
    let confirmed = look_again && known.proof.as_ref().is_some_and(|(_, earlier)| earlier.is_confirmed_by(&proof));
    if confirmed && known.not_before.is_none_or(|at| Instant::now() >= at) {
        match listener.withdraw(&proof.theme)? {
            Withdrawal::Done => known.is_done = true,
            Withdrawal::Later(wait) => known.not_before = Some(Instant::now() + wait),
        }
    }
    known.proof = Some((Instant::now(), proof));
    Ok(())
}
