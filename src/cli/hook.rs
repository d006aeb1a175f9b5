//! `themegate hook`: install it in a repository, take it away, and run it for git.

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::SiteArgs;
use super::progress::TerminalProgress;
use crate::gate::Progress;
use crate::hook::concern::Owner;
use crate::hook::install::{self, Files, Installed, Uninstalled};
use crate::hook::kept::Given;
use crate::hook::place::Place;
use crate::hook::repository::HookRepository;
use crate::hook::run::{HookRun, Listener};
use crate::hook::{self, CONFIG_KEY, HookName, LIVE_KEY, OWNER_KEY, STATE_KEY, bypass};
use crate::report::text;
use crate::site::LiveSite;

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

/// Install hooks in the repository around the current folder. A hook that is there already is kept, and runs first.
#[derive(Debug, Args)]
struct InstallArgs {
    /// Which hook; may be given several times [default: pre-push; pre-receive in a bare repository]
    #[arg(long = "hook", value_enum, value_name = "HOOK")]
    hooks: Vec<HookName>,
    #[command(flatten)]
    site: SiteArgs,
    /// The repository holds a theme, not Mastodon's own tree [default: told by what is committed]
    #[arg(long)]
    theme_repo: bool,
    /// Install in a hooks folder that other repositories use too (`core.hooksPath`); those that were not set up are left alone
    #[arg(long)]
    shared_hooks: bool,
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

fn install(args: &InstallArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let place = Place::of(Path::new("."))?;
    let repository = HookRepository::open()?;
    let owner = if args.theme_repo { Owner::Theme } else { repository.owner(None) };
    let (live, site) = live_tree(args, &place, owner)?;
    let own = std::env::current_exe().context("themegate could not find its own program file")?;
    let program = install::lasting_path(&own, std::env::var_os("PATH").as_deref());
    for hook in chosen(&args.hooks, &place) {
        let done = install::install(&place, hook, &program, args.shared_hooks)?;
        writeln!(out, "{:<14}{}", hook.word(), installed(done, &Files::of(&place.hooks, hook)))?;
    }
    place.record(OWNER_KEY, Some(OsStr::new(owner.word())))?;
    place.record(LIVE_KEY, Some(live.as_os_str()))?;
    for (key, path) in [(STATE_KEY, &args.site.state), (CONFIG_KEY, &args.site.config)] {
        let path = path.as_deref().map(std::path::absolute).transpose()?;
        place.record(key, path.as_deref().map(Path::as_os_str))?;
    }
    writeln!(out, "judged for    {}   {}", live.display(), site.title())?;
    writeln!(out, "as            {}", as_what(owner))?;
    Ok(notes(&place, owner, &args.hooks, out)?)
}

/// The live tree, as it was named: a link that moves with every release stays one.
fn live_tree(args: &InstallArgs, place: &Place, owner: Owner) -> anyhow::Result<(PathBuf, LiveSite)> {
    let recorded = || place.recorded(LIVE_KEY).map(PathBuf::from);
    let own_tree = || place.top.clone().filter(|_| owner == Owner::Site);
    let home = || std::env::home_dir().map(|home| home.join("live"));
    let named = args.site.live.clone().or_else(recorded).or_else(own_tree).or_else(home);
    let live = settled(&named.unwrap_or_default())?;
    let site = LiveSite::inspect(Some(&live), args.site.state.as_deref())
        .with_context(|| "The hook has to know for which live tree it judges: --live DIR".to_owned())?;
    Ok((live, site))
}

/// An absolute path, whatever folder git will run the hook in; the last part may be a link, and stays one.
fn settled(path: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    Ok(match (parent, path.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => path.canonicalize().unwrap_or(path),
    })
}

fn chosen(named: &[HookName], place: &Place) -> Vec<HookName> {
    match (named, &place.top) {
        ([_, ..], _) => named.to_vec(),
        ([], Some(_)) => vec![HookName::PrePush],
        ([], None) => vec![HookName::PreReceive],
    }
}

fn installed(done: Installed, files: &Files) -> String {
    let hook = files.hook.display();
    match done {
        Installed::New => format!("installed: {hook}"),
        Installed::Kept => format!("installed: {hook}; the hook that was there runs first ({})", files.kept.display()),
        Installed::Renewed => format!("installed anew: {hook}"),
        Installed::Unchanged => format!("is installed already: {hook}"),
    }
}

const fn as_what(owner: Owner) -> &'static str {
    match owner {
        Owner::Site => "Mastodon's own tree: a commit is judged as the site's next tree",
        Owner::Theme => "a theme: a commit is judged as the theme's next version on that site",
    }
}

/// What the person who installs has to know of this repository.
fn notes(place: &Place, owner: Owner, hooks: &[HookName], out: &mut dyn Write) -> std::io::Result<u8> {
    if place.hooks.join("h").is_file() && place.hooks.ends_with("_") {
        writeln!(
            out,
            "note          husky writes {} anew whenever packages are installed, and takes this hook away with it. A line in \
             {}/pre-push lasts: themegate hook run pre-push \"$@\"",
            place.hooks.display(),
            place.hooks.parent().unwrap_or(&place.hooks).display()
        )?;
    }
    if owner == Owner::Theme && hooks.iter().any(|hook| hook.only_warns()) {
        writeln!(
            out,
            "note          post-checkout and post-merge speak of Mastodon's own tree; in a theme's they say nothing"
        )?;
    }
    if place.top.is_none() {
        writeln!(
            out,
            "note          only the branch that HEAD names is judged; others: [hook] branches in themegate.toml"
        )?;
    }
    Ok(0)
}

fn uninstall(args: &UninstallArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let place = Place::of(Path::new("."))?;
    let hooks = if args.hooks.is_empty() { HookName::ALL.to_vec() } else { args.hooks.clone() };
    for hook in hooks {
        let files = Files::of(&place.hooks, hook);
        match install::uninstall(&place, hook)? {
            Uninstalled::Removed => writeln!(out, "{:<14}taken away: {}", hook.word(), files.hook.display())?,
            Uninstalled::Restored => {
                writeln!(out, "{:<14}taken away; {} is as it was before", hook.word(), files.hook.display())?;
            }
            Uninstalled::Absent if args.hooks.is_empty() => {}
            Uninstalled::Absent => writeln!(out, "{:<14}was not installed here", hook.word())?,
        }
    }
    if HookName::ALL.into_iter().all(|hook| !install::is_installed(&place, hook)) {
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
