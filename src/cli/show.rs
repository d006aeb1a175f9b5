//! `themegate show` and `themegate history`: what earlier checks said.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;

use super::{SiteArgs, generations, terminal};
use crate::report::{json, text};
use crate::runs::{self, RunError};
use crate::site::LiveSite;

/// Show the whole report of an earlier check, or what a promotion, rollback or withdrawal changed.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  themegate show 2026-11-22T14-02-51           a run, or a generation, as `history` names it\n  themegate show latest --log | less\n  \
    themegate show latest --json | jq .findings"
)]
pub struct ShowArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// The run or the generation, as `history` lists it; `latest` for the last run
    #[arg(value_name = "RUN|GENERATION")]
    run: String,
    /// As JSON
    #[arg(long, conflicts_with = "log")]
    json: bool,
    /// The build log itself
    #[arg(long)]
    log: bool,
    /// List harmless notes too
    #[arg(long, short)]
    verbose: bool,
}

/// List earlier checks, what was promoted, rolled back, withdrawn and frozen, and what went past a hook, the latest first.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  themegate history\n  themegate history --live ~/live")]
pub struct HistoryArgs {
    #[command(flatten)]
    site: SiteArgs,
}

/// Shows a report.
///
/// # Errors
/// If there is no such run, or it cannot be read or written.
pub fn run(args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let site = LiveSite::inspect(args.site.live.as_deref(), args.site.state.as_deref())?;
    if args.log {
        copy_log(runs::open_log(&site.state, &args.run)?, out)?;
        return Ok(0);
    }
    // The two are named alike, and a check that was promoted within its second shares its name with the generation.
    let is_generation = !args.json && generations::show(&site, &args.run, out)?;
    let report = match runs::read(&site.state, &args.run) {
        Err(RunError::Unknown { .. }) if is_generation => return Ok(0),
        other => other?,
    };
    if is_generation {
        writeln!(out)?;
    }
    if args.json {
        json::write(&report, out)?;
    } else {
        text::write(&report, text::Layout { width: terminal::width(), verbose: args.verbose, stored: true }, out)?;
        if let Some(diff) = report.manifest_diff.as_ref().filter(|diff| args.verbose && !diff.is_empty()) {
            write!(out, "\nmanifest\n{}", diff.text())?;
        }
    }
    Ok(0)
}

/// Byte for byte into a file or a pipe; to a terminal without control characters, which a build may print on purpose.
fn copy_log(mut log: std::fs::File, out: &mut dyn Write) -> std::io::Result<()> {
    if !std::io::stdout().is_terminal() {
        return std::io::copy(&mut log, out).map(|_| ());
    }
    for line in std::io::BufReader::new(log).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        writeln!(out, "{}", text::plain(&anstream::adapter::strip_str(&line).to_string()))?;
    }
    Ok(())
}

/// Lists runs.
///
/// # Errors
/// If they cannot be read or written.
pub fn history(args: &HistoryArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let site = LiveSite::inspect(args.site.live.as_deref(), args.site.state.as_deref())?;
    let runs = runs::list(&site.state)?;
    if runs.is_empty() {
        writeln!(out, "No check has been made on {} yet: themegate check --theme DIR", site.root.display())?;
    }
    let mut lines: Vec<(String, String)> =
        runs.into_iter().map(|name| (name.clone(), run_line(&site, &name))).collect();
    lines.extend(generations::lines(&site)?);
    lines.sort_by(|(one, _), (other, _)| other.cmp(one));
    lines.iter().try_for_each(|(name, line)| writeln!(out, "{name:<22} {line}"))?;
    generations::freeze_now(&site, out)?;
    super::hook::bypasses(&site, out)?;
    Ok(0)
}

fn run_line(site: &LiveSite, name: &str) -> String {
    match runs::read(&site.state, name) {
        Ok(report) => {
            let word = text::word(&report).to_lowercase();
            text::plain(&format!("{word:<10} {}   {}", report.change.source, report.themes.join(", ")))
        }
        Err(error) => format!("unreadable: {error}"),
    }
}
