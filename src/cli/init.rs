//! `themegate init`: a `themegate.toml` with this site's facts in it, to be looked through once.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::SiteArgs;
use crate::configuration::{Configuration, FILE};
use crate::site::LiveSite;
use crate::site::environment::SiteEnvironment;
use crate::site::locate;

/// Write a commented themegate.toml for this site: limits, restart command, probes. Never overwrites one.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  themegate init                                beside the live tree, so that git does not see it\n  \
    themegate init --config /etc/themegate.toml   somewhere else; then name it in every call\n  \
    themegate init --print                        only look at it\n\nExit codes: 0 written · 2 there is one already, or it cannot be written"
)]
pub struct InitArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// Print it instead of writing it
    #[arg(long)]
    print: bool,
}

/// Writes the file.
///
/// # Errors
/// If there is one already, or it cannot be written.
pub fn run(args: &InitArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let site = LiveSite::inspect(args.site.live.as_deref(), args.site.state.as_deref())?;
    let text = configuration(&Facts::of(&site));
    if args.print {
        out.write_all(text.as_bytes())?;
        return Ok(0);
    }
    let beside = locate::beside(&site.root).join(FILE);
    let path = args.site.config.clone().unwrap_or(beside);
    refuse_another(&site, &path)?;
    write_new(&path, &text)?;
    Configuration::read(Some(&path), &site.root)?;
    writeln!(
        out,
        "{} is written. Look through it: promote runs its restart command and asks for its pages.",
        path.display()
    )?;
    Ok(0)
}

/// Two files that both count would be one too many.
fn refuse_another(site: &LiveSite, path: &Path) -> anyhow::Result<()> {
    let places = locate::settled_in(&site.root, FILE);
    match places.into_iter().chain([path.to_path_buf()]).find(|place| place.symlink_metadata().is_ok()) {
        Some(there) => {
            bail!("{} is there already, and is left as it is. themegate init --print shows a new one", there.display())
        }
        None => Ok(()),
    }
}

fn write_new(path: &PathBuf, text: &str) -> anyhow::Result<()> {
    let file =
        File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    match file {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!("{} is there already", path.display()),
        other => other.with_context(|| {
            format!(
                "{} could not be written. Write it elsewhere and name it: themegate init --config FILE",
                path.display()
            )
        }),
    }
}

/// What the file says of this site.
struct Facts {
    title: String,
    host: String,
    port: u16,
}

impl Facts {
    /// The host that people type and the port that puma listens on, from `.env.production`; Mastodon's own units say 3000.
    fn of(site: &LiveSite) -> Self {
        let variables = SiteEnvironment::read(&site.root);
        let plain =
            |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c));
        let host = ["WEB_DOMAIN", "LOCAL_DOMAIN"].into_iter().find_map(|name| variables.secret(name).filter(plain));
        let port = variables.secret("PORT").and_then(|port| port.parse().ok()).unwrap_or(3000);
        Self { title: site.title(), host: host.unwrap_or("mastodon.example").to_owned(), port }
    }
}

/// The file. Every value in it is the default or the suggestion, so that taking one out changes nothing but the restart.
fn configuration(facts: &Facts) -> String {
    let Facts { title, host, port } = facts;
    let title: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!(
        r#"# themegate, for {title}. What is not here has its default; unknown keys are refused.

[check]
# What compiles: "auto" and "rails" run the site's own `bundle exec rails assets:precompile` in the staged tree; "builtin" judges
# stylesheets alone and never leads to a promotion on a site with Rails; anything else is a command line.
compiler = "auto"
# The longest a build may take, and the longest it may neither print nor compute. Beyond it: undecided.
time_limit = "1h"
stall_limit = "10m"

[promotion]
# Mastodon reads manifests and themes when it starts. Run after promote, rollback and withdraw, by `sh -c`, as the user who runs
# themegate: if that is not root, allow exactly this in sudoers and write `sudo systemctl restart ...`.
# Without a restart command nothing is restarted and no page is asked for.
restart = "systemctl restart mastodon-web mastodon-sidekiq"
restart_limit = "5m"
# Each page below has to be right so many times in a row, within this time; if it is not, the promotion is rolled back.
successes = 2
patience = "2m"
# How long compiled files of earlier promotions are kept that neither the live tree nor a kept generation needs any more. A
# promotion removes what is older; "forever" keeps them all.
keep_old_files = "90d"

# Pages asked for after the restart: of puma itself, for the cache of nginx would answer for a broken server. themegate sends
# `X-Forwarded-Proto: https`, and `host` as Host. Right is: 200, each compiled stylesheet that the page links is one of the
# live manifest, and it is served with the bytes that its integrity promises. One page of the web app and one to sign in:
[[promotion.probe]]
url = "http://127.0.0.1:{port}/about"
host = "{host}"

[[promotion.probe]]
url = "http://127.0.0.1:{port}/auth/sign_in"
host = "{host}"

# A visitor's page wears the site's theme. To see another theme with its own eyes, themegate needs a test user who has picked it:
# [[promotion.probe]]
# url = "http://127.0.0.1:{port}/about"
# host = "{host}"
# theme = "tangerineui"
# cookie = "_session_id=..."
# optional = true        # tell, and do not roll back

# Variables for the precompile, besides those that themegate sets itself.
# [environment]
# NODE_OPTIONS = "--max-old-space-size=2048"

# Findings that this site accepts, by name, with a reason and an end. Only what has to be looked at can be accepted.
# [[accept]]
# rule = "sass-theme-warning"
# pattern = "theme is deprecated"
# reason = "the author says so in the README"
# expires = "2027-01-31"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_the_defaults_and_the_suggestions() {
        let facts = Facts { title: "Mastodon 4.6.5".to_owned(), host: "social.example".to_owned(), port: 3000 };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, configuration(&facts)).unwrap();
        let written = Configuration::read(Some(&path), folder.path()).unwrap();
        let defaults = Configuration::default();
        let check = |of: &Configuration| (of.check.compiler.clone(), of.check.time_limit, of.check.stall_limit);
        assert_eq!(check(&written), check(&defaults));
        let care = written.promotion.aftercare();
        assert_eq!(care.restart.as_deref(), Some("systemctl restart mastodon-web mastodon-sidekiq"));
        let default = defaults.promotion.aftercare();
        assert_eq!(
            (care.restart_limit, care.successes, care.patience),
            (default.restart_limit, default.successes, default.patience)
        );
        assert_eq!(written.promotion.keep_old_files, defaults.promotion.keep_old_files);
        let urls: Vec<&str> = care.probes.iter().map(|probe| probe.url.as_str()).collect();
        assert_eq!(urls, ["http://127.0.0.1:3000/about", "http://127.0.0.1:3000/auth/sign_in"]);
        assert!(
            care.probes.iter().all(|probe| probe.host == "social.example" && !probe.optional && probe.theme.is_none())
        );
        assert!(written.accept.is_empty() && written.environment.is_empty());
    }
}
