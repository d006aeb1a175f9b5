//! `themegate freeze` and `themegate unfreeze`: no promotion until a date.

use std::io::Write;

use clap::Args;
use jiff::civil::Date;

use super::{SiteArgs, history};
use crate::promotion::freeze::{self, Freeze};

/// Refuse every promotion up to a date. Rollback, recovery and withdrawal stay possible.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  themegate freeze --until 2026-12-31 --reason 'no changes over the holidays'")]
pub struct FreezeArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// The last day on which it holds, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    until: Date,
    /// Why; whoever is refused reads it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Lift a freeze.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  themegate unfreeze")]
pub struct UnfreezeArgs {
    #[command(flatten)]
    site: SiteArgs,
}

/// Sets the freeze.
///
/// # Errors
/// If it could not be written.
pub fn run(args: &FreezeArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let held = history::hold(&args.site, "freeze")?;
    let freeze = Freeze { until: args.until, reason: args.reason.clone() };
    freeze::set(&held.disk, held.state.root(), &freeze)?;
    writeln!(out, "{} is frozen until {}: {}", held.site.root.display(), freeze.until, freeze.reason)?;
    Ok(0)
}

/// Lifts it.
///
/// # Errors
/// If it could not be removed.
pub fn lift(args: &UnfreezeArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let held = history::hold(&args.site, "unfreeze")?;
    freeze::lift(&held.disk, held.state.root())?;
    writeln!(out, "{} is not frozen.", held.site.root.display())?;
    Ok(0)
}
