//! `themegate promote`: make live what passed.

use std::io::Write;
use std::time::Instant;

use clap::Args;

use super::{SiteArgs, history};
use crate::configuration::Configuration;
use crate::gate::people;
use crate::promotion::{self, Promotable, promotable::StoredError};
use crate::report::text::plain;

/// Make live what a check has passed, all of it or nothing.
///
/// Compiled files come first, then the manifests, and the line that makes a theme selectable last. Refused if either tree
/// has moved since the check. What is replaced is kept: `themegate rollback` brings it back in seconds.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct PromoteArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// The run that passed, as `check` named it
    #[arg(long, value_name = "RUN")]
    run: String,
    /// Go ahead although the site is frozen, for this reason, which is recorded
    #[arg(long, value_name = "REASON")]
    despite_freeze: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  themegate promote --run 2026-11-22T14-02-51
  themegate promote --run 2026-11-22T14-02-51 --despite-freeze 'security fix of the theme'

Exit codes: 0 live · 1 frozen · 2 usage · 4 failed, live tree as it was · 5 interrupted, run `themegate recover` · 6 locked";

/// Promotes.
///
/// # Errors
/// If nothing was promoted; the error says what stands.
pub fn run(args: &PromoteArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let began = Instant::now();
    let held = history::hold(&args.site, "promote")?;
    let promotable = Promotable::load(held.state.root(), &args.run)?;
    if promotable.live() != held.site.root {
        return Err(StoredError::OtherTree { run: args.run.clone(), live: promotable.live().to_path_buf() }.into());
    }
    let inquiry = people::ask(&held.site, people::PATIENCE);
    let settings = Configuration::read(args.site.config.as_deref(), &held.site.root)?;
    tell_people(&people::line_of_run(&held.site, inquiry, &args.run)?, out)?;
    match promotion::promote(&held.disk, &held.state, &promotable, args.despite_freeze.as_deref())? {
        Some(done) => {
            let seconds = began.elapsed().as_secs_f64();
            let aftercare = settings.promotion.aftercare();
            let outcome = aftercare.see_through(&held.disk, &held.state, &promotable, &done)?;
            history::describe(&done, seconds, &outcome, out)?;
        }
        None => writeln!(out, "Nothing to promote: {} has it all already.", held.site.root.display())?,
    }
    Ok(0)
}

/// Before anything happens: who is touched, or that it is not known.
fn tell_people(line: &str, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "people       {}", plain(line))?;
    out.flush()
}
