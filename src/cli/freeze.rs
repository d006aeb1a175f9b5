//! `themegate freeze` and `themegate unfreeze`: no promotion until a date.

use std::io::Write;

use clap::Args;
use jiff::civil::Date;

use super::{SiteArgs, history};
use crate::promotion::freeze::{self, Freeze};

/// Refuse every promotion up to a date. Rollback, recovery and withdrawal stay possible.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  themegate freeze --until 2026-12-31 --reason 'no changes over the holidays'\n  \
    themegate promote --theme ~/a --despite-freeze 'security fix'     go ahead all the same; the reason is recorded\n  \
    themegate unfreeze\n\nExit codes: 0 done · 2 usage · 4 it could not be written · 6 locked")]
pub struct FreezeArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// The last day on which it holds, YYYY-MM-DD; it ends with that day by this machine's clock and time zone
    #[arg(long, value_name = "DATE", value_parser = date)]
    until: Date,
    /// Why; whoever is refused reads it
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
}

/// Lift a freeze.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  themegate unfreeze")]
pub struct UnfreezeArgs {
    #[command(flatten)]
    site: SiteArgs,
}

/// A day that has not passed yet.
fn date(text: &str) -> Result<Date, String> {
    let date: Date = text.parse().map_err(|_| format!("{text:?} is no date; write YYYY-MM-DD, such as 2026-12-31"))?;
    let today = freeze::today();
    if date < today {
        return Err(format!("{date} has passed: today is {today} by this machine's clock"));
    }
    Ok(date)
}

fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it says nothing; write why nothing may change".to_owned()),
        reason => Ok(reason.to_owned()),
    }
}

/// Sets the freeze.
///
/// # Errors
/// If it could not be written.
pub fn run(args: &FreezeArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let held = history::hold(&args.site, "freeze")?;
    let freeze = Freeze { until: args.until, reason: args.reason.clone() };
    freeze::set(&held.disk, held.state.root(), &freeze)?;
    let zone = jiff::Zoned::now().strftime("%Z").to_string();
    let site = held.site.root.display();
    writeln!(out, "{site} is frozen until {}, the end of that day ({zone}): {}", freeze.until, freeze.reason)?;
    writeln!(out, "check, rollback, recover and withdraw work as ever.")?;
    Ok(0)
}

/// Lifts it.
///
/// # Errors
/// If it could not be removed.
pub fn lift(args: &UnfreezeArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let held = history::hold(&args.site, "unfreeze")?;
    let was_set = freeze::lift(&held.disk, held.state.root())?;
    let word = if was_set { "is not frozen any more." } else { "was not frozen." };
    writeln!(out, "{} {word}", held.site.root.display())?;
    Ok(0)
}
