//! `themegate rollback`: the live tree as it was.

use std::io::Write;
use std::time::Instant;

use clap::Args;

use super::{SiteArgs, history};
use crate::promotion;

/// Take the live tree back to what it was before a promotion or withdrawal, in seconds.
///
/// The registry goes back first, then the manifests and the files. Compiled files under new names stay: open browser tabs
/// and running workers may still ask for them. What is rolled back is kept as a generation itself. Then Mastodon is restarted and
/// asked for pages, if themegate.toml says how.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct RollbackArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// Back to before this generation, as `history` lists it [default: the latest in force]
    #[arg(long, value_name = "GENERATION")]
    to: Option<String>,
    /// Roll files back that were edited since, too; their present content is kept as a generation
    #[arg(long)]
    discard_edits: bool,
    /// Do not run the restart command of themegate.toml, and ask for no page
    #[arg(long)]
    no_restart: bool,
}

const EXAMPLES: &str = "\
Examples:
  themegate rollback                             undo the latest promotion
  themegate rollback --to 2026-11-22T14-02-51    undo that one and all since; a rollback can be undone, too

Exit codes: 0 done · 2 usage · 4 failed, live tree as it was · 5 interrupted, run `themegate recover` · 6 locked";

/// Rolls back.
///
/// # Errors
/// If nothing was rolled back; the error says what stands.
pub fn run(args: &RollbackArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let began = Instant::now();
    let held = history::hold(&args.site, "rollback")?;
    let to = args.to.as_deref();
    let aftercare = history::aftercare(&args.site, &held, args.no_restart)?;
    match promotion::rollback(&held.disk, &held.state, &held.site.root, to, args.discard_edits)? {
        Some(done) => history::conclude(&held, aftercare, (&done, began.elapsed().as_secs_f64()), out),
        None => Ok(writeln!(out, "Nothing to roll back.").map(|()| 0)?),
    }
}
