//! `themegate recover`: finish or undo what was interrupted.

use std::io::Write;

use clap::Args;

use super::{SiteArgs, history};
use crate::promotion::{self, switch::Recovered, switch::Stands};

/// Finish or undo a promotion, rollback or withdrawal that was interrupted: by a kill, a power cut, a failing disk.
///
/// It can be run at any time, and again if it is interrupted itself.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  themegate recover\n\nExit codes: 0 done · 5 it could not be ended, and why · 6 locked"
)]
pub struct RecoverArgs {
    #[command(flatten)]
    site: SiteArgs,
}

/// Recovers.
///
/// # Errors
/// If something is left unfinished; the error says what.
pub fn run(args: &RecoverArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let held = history::hold(&args.site, "recover")?;
    let recovered = promotion::recover(&held.disk, &held.state)?;
    if recovered.is_empty() {
        writeln!(out, "Nothing was interrupted.")?;
    }
    recovered.iter().try_for_each(|one| writeln!(out, "{}", sentence(one)))?;
    Ok(0)
}

fn sentence(recovered: &Recovered) -> String {
    let (kind, id) = (recovered.generation.kind.word(), &recovered.generation.id);
    match recovered.stands {
        Stands::New => format!(
            "The {kind} {id} is finished: the new tree is live.\nRestart Mastodon: systemctl restart mastodon-web mastodon-sidekiq"
        ),
        Stands::Old if recovered.added_stay => format!(
            "The {kind} {id} is undone: the old tree is live.\nCompiled files that it had added stay, since a worker may have read of them. \
             Restart Mastodon: systemctl restart mastodon-web mastodon-sidekiq"
        ),
        Stands::Old => format!("The {kind} {id} is undone: the live tree is as it was before."),
    }
}
