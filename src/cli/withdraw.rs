//! `themegate withdraw`: a theme out of the registry, now.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;

use super::{SiteArgs, history};
use crate::promotion;
use crate::site::LiveSite;
use crate::site::registry::{self, Registry};
use crate::site::theming;

/// Take a theme out of the theme registry in one atomic step. Needs no database and no Ruby.
///
/// After the restart, whoever chose the theme gets the site's default; the choice is kept for the day the theme returns.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  themegate withdraw tangerineui && systemctl restart mastodon-web mastodon-sidekiq\n\n\
    Exit codes: 0 done · 2 usage · 4 failed, live tree as it was · 5 interrupted, run `themegate recover` · 6 locked"
)]
pub struct WithdrawArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// The theme, as the registry names it
    theme: String,
    /// Do not run the restart command of themegate.toml, and ask for no page
    #[arg(long)]
    no_restart: bool,
}

/// Withdraws.
///
/// # Errors
/// If the theme is not in the registry, or must stay there, or the registry could not be replaced.
pub fn run(args: &WithdrawArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    take_out(&args.site, &args.theme, args.no_restart, out)
}

/// Takes a theme out of the registry, restarts Mastodon if that is configured and wanted, and says what makes it take effect;
/// gives the exit code.
///
/// # Errors
/// If the theme is not in the registry, or must stay there, or the registry could not be replaced.
pub(super) fn take_out(site: &SiteArgs, theme: &str, no_restart: bool, out: &mut dyn Write) -> anyhow::Result<u8> {
    let held = history::hold(site, "withdraw")?;
    let Some(seen) = held.site.registry_text()? else {
        bail!("{} has no {}: glitch-soc's themes are folders", held.site.root.display(), registry::PATH);
    };
    let text = without(&seen, theme)?;
    let name = Path::new(registry::PATH);
    let aftercare = history::aftercare(site, &held, no_restart)?;
    let began = Instant::now();
    let done = promotion::withdraw(&held.disk, &held.state, &held.site.root, name, theme, (&seen, text))?;
    let seconds = began.elapsed().as_secs_f64();
    writeln!(out, "{theme} is out of {}.", registry::PATH)?;
    warn_of_site_default(&held.site, theme, out)?;
    done.map_or(Ok(0), |done| history::conclude(&held, aftercare, (&done, seconds), out))
}

fn without(seen: &[u8], theme: &str) -> anyhow::Result<String> {
    if theme == "default" {
        bail!("the theme default cannot be withdrawn: error pages and embeds need it");
    }
    let registry = Registry::parse(seen).map_err(|findings| {
        let first = findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
        anyhow::anyhow!("{} cannot be read: {first}", registry::PATH)
    })?;
    if registry.get(theme).is_none() {
        bail!("{theme} is not in {}. It offers: {}", registry::PATH, registry.names().join(", "));
    }
    registry.without(theme).map_err(|finding| anyhow::anyhow!(finding.message))
}

/// Up to 4.5 the site's own theme is taken unchecked, and one that is not listed any more breaks every page.
fn warn_of_site_default(site: &LiveSite, theme: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    if theming::checks_site_theme(&site.root, site.fork) {
        return Ok(());
    }
    writeln!(
        out,
        "\nIf {theme} is also the site's default theme, its stylesheet is asked for all the same, compiled or not. Then change that, too:"
    )
    .context("the warning could not be written")?;
    writeln!(out, "       themegate rollback-theme --site\n")?;
    Ok(())
}
