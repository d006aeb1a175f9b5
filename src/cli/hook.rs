//! `themegate hook`: install it in a repository, take it away, and run it for git.

mod installing;

use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::SiteArgs;
use super::progress::TerminalProgress;
use crate::gate::Progress;
use crate::hook::install::{self, Files, Uninstalled};
use crate::hook::kept::Given;
use crate::hook::place::Place;
use crate::hook::run::{HookRun, Listener};
use crate::hook::{self, CONFIG_KEY, HookName, LIVE_KEY, OWNER_KEY, STATE_KEY, bypass, configured};
use crate::report::text;
use crate::site::LiveSite;
use installing::{InstallArgs, install};

/// Have git ask themegate: a push or commit that would break the site is refused, with the reason.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct HookArgs {
    #[command(subcommand)]
    command: HookCommand,
}

const EXAMPLES: &str = "\
Examples, in the repository:
  themegate hook install --live ~/live                     a theme's repository, or a fork of Mastodon: judge before a push
  themegate hook install --hook pre-commit --hook pre-push --live ~/live
  themegate hook install --live /home/mastodon/live        a bare repository that deploys: judge what arrives
  themegate hook install --configured --live ~/live        in git's configuration, with git 2.54 or later: no file is written
  themegate hook uninstall                                 take all of them away; a hook that was there before comes back

A push that has to go through unjudged, on record in `themegate history`:
  THEMEGATE_SKIP='the reason' git push
  git push -o themegate-skip='the reason'                  to a pre-receive hook on another machine";

#[derive(Debug, Subcommand)]
enum HookCommand {
    Install(InstallArgs),
    Uninstall(UninstallArgs),
    Run(RunArgs),
}

/// Take hooks away; one that was there before comes back byte for byte.
#[derive(Debug, Args)]
struct UninstallArgs {
    /// Which hook; may be given several times [default: all that themegate has installed here]
    #[arg(long = "hook", value_enum, value_name = "HOOK")]
    hooks: Vec<HookName>,
}

/// Run a hook, as git does: with its arguments, and what it gives to read on standard input.
#[derive(Debug, Args)]
struct RunArgs {
    /// Which hook
    #[arg(value_enum)]
    hook: HookName,
    #[command(flatten)]
    site: SiteArgs,
    /// The hook that was there before
    #[arg(long, value_name = "FILE")]
    kept: Option<PathBuf>,
    /// Leave repositories alone that were not set up
    #[arg(long)]
    shared: bool,
    /// What git gives the hook
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Installs, takes away or runs; gives the exit code.
///
/// # Errors
/// If a hook could not be installed or taken away.
pub fn run(args: &HookArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    match &args.command {
        HookCommand::Install(args) => install(args, out),
        HookCommand::Uninstall(args) => uninstall(args, out),
        HookCommand::Run(args) => run_hook(args),
    }
}

fn uninstall(args: &UninstallArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let place = Place::of(Path::new("."))?;
    let hooks = if args.hooks.is_empty() { HookName::ALL.to_vec() } else { args.hooks.clone() };
    for hook in hooks {
        let files = Files::of(&place.hooks, hook);
        let was_configured = configured::uninstall(&place, hook)?;
        if was_configured {
            writeln!(out, "{:<14}taken out of the configuration: hook.{}", hook.word(), configured::name(hook))?;
        }
        match install::uninstall(&place, hook)? {
            Uninstalled::Removed => writeln!(out, "{:<14}taken away: {}", hook.word(), files.hook.display())?,
            Uninstalled::Restored => {
                writeln!(out, "{:<14}taken away; {} is as it was before", hook.word(), files.hook.display())?;
            }
            Uninstalled::Absent if args.hooks.is_empty() || was_configured => {}
            Uninstalled::Absent => writeln!(out, "{:<14}was not installed here", hook.word())?,
        }
    }
    // Where `core.hooksPath` leads elsewhere now, a hook may still lie in the folder that it led away from.
    let usual = Place { hooks: place.common.join("hooks"), ..place.clone() };
    let is_installed = |hook| {
        [&place, &usual].iter().any(|place| install::is_installed(place, hook))
            || configured::is_installed(&place, hook)
    };
    if !HookName::ALL.into_iter().any(is_installed) {
        for key in [OWNER_KEY, LIVE_KEY, STATE_KEY, CONFIG_KEY] {
            place.record(key, None)?;
        }
    }
    Ok(0)
}

fn run_hook(args: &RunArgs) -> anyhow::Result<u8> {
    let mut input = Vec::new();
    if args.hook.reads_input() && !std::io::stdin().is_terminal() {
        std::io::stdin().lock().read_to_end(&mut input).context("what git gives the hook could not be read")?;
    }
    let request = HookRun {
        hook: args.hook,
        given: Given { arguments: args.arguments.clone(), input: args.hook.reads_input().then_some(input) },
        kept: args.kept.clone(),
        shared: args.shared,
        live: args.site.live.clone(),
        state: args.site.state.clone(),
        config: args.site.config.clone(),
        skip: bypass::reason(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))),
        ),
        user: user(),
        own: std::env::current_exe().context("themegate could not find its own program file")?,
        interrupted: super::check::hear_interruptions()?,
    };
    let console = Console::default();
    let code = hook::run::run(&request, &Listener { say: &|words| console.say(words), progress: &console });
    Ok(u8::try_from(code).unwrap_or(1))
}

/// The name of whoever runs this, or the number.
fn user() -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    named.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}

/// Standard error: words for the pusher, and between them, on a terminal, what the check is doing.
#[derive(Default)]
struct Console {
    progress: Mutex<Option<TerminalProgress>>,
}

impl Console {
    fn say(&self, words: &str) {
        self.with(|progress| drop(progress.take()));
        let _ = writeln!(anstream::stderr(), "{}", words.trim_end());
    }

    fn with(&self, act: impl FnOnce(&mut Option<TerminalProgress>)) {
        act(&mut self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Progress for Console {
    fn stage(&self, stage: &'static str) {
        self.with(|progress| progress.get_or_insert_with(TerminalProgress::start).stage(stage));
    }

    fn detail(&self, text: &str) {
        self.with(|progress| {
            if let Some(progress) = progress {
                progress.detail(text);
            }
        });
    }
}

/// Lists what went past a hook by `THEMEGATE_SKIP`, the latest first.
pub(super) fn bypasses(site: &LiveSite, out: &mut dyn Write) -> anyhow::Result<()> {
    for bypass in bypass::list(&site.state)? {
        let refs = bypass.refs.join(", ");
        let line =
            format!("{}   not judged by {}: {refs}   {}: {}", bypass.time, bypass.hook, bypass.user, bypass.reason);
        writeln!(out, "{}", text::plain(&line).replace('\n', " "))?;
    }
    Ok(())
}
