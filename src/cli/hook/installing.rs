//! `themegate hook install`: as a file or in git's configuration, and what whoever installs has to know.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::cli::SiteArgs;
use crate::hook::concern::Owner;
use crate::hook::install::{self, Files, Installed};
use crate::hook::place::Place;
use crate::hook::repository::HookRepository;
use crate::hook::{CONFIG_KEY, HookName, LIVE_KEY, OWNER_KEY, STATE_KEY, configured};
use crate::report::text;
use crate::site::LiveSite;

/// Install hooks in the repository around the current folder. A hook that is there already is kept, and runs first.
#[derive(Debug, Args)]
pub(super) struct InstallArgs {
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
    /// Put the hook into the repository's configuration and write no file: with git 2.54 or later it stands beside all others
    #[arg(long, conflicts_with = "shared_hooks")]
    configured: bool,
}

/// Installs what was asked for, and says so.
pub(super) fn install(args: &InstallArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let place = Place::of(Path::new("."))?;
    let repository = HookRepository::open()?;
    let owner = if args.theme_repo { Owner::Theme } else { repository.owner(None) };
    let (live, site) = live_tree(args, &place, owner)?;
    let own = std::env::current_exe().context("themegate could not find its own program file")?;
    let program = install::lasting_path(&own, std::env::var_os("PATH").as_deref());
    for hook in chosen(&args.hooks, &place) {
        let words =
            if args.configured { configure(&place, hook, &program)? } else { put(args, &place, hook, &program)? };
        writeln!(out, "{:<14}{words}", hook.word())?;
        beside(&place, hook, out)?;
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

/// Writes the hook's file; one in the configuration goes, so that nothing is judged twice.
fn put(args: &InstallArgs, place: &Place, hook: HookName, program: &Path) -> anyhow::Result<String> {
    let done = install::install(place, hook, program, args.shared_hooks)?;
    let words = installed(done, &Files::of(&place.hooks, hook));
    let was_configured = configured::uninstall(place, hook)?;
    Ok(words + if was_configured { "; the one in the configuration is taken away" } else { "" })
}

/// Writes the hook into the configuration; a file of ours goes, so that nothing is judged twice.
fn configure(place: &Place, hook: HookName, program: &Path) -> anyhow::Result<String> {
    configured::ensure_understood(place)?;
    let had_file = install::is_installed(place, hook);
    if had_file {
        install::uninstall(place, hook)?;
    }
    let done = match configured::install(place, hook, program)? {
        Installed::Unchanged => "is configured already",
        Installed::Renewed => "configured anew",
        Installed::New | Installed::Kept => "configured",
    };
    let file = if had_file { "; the hook file is taken away" } else { "" };
    Ok(format!("{done}: hook.{} in {}{file}", configured::name(hook), place.common.join("config").display()))
}

/// Says which hooks of others are configured for the same event.
fn beside(place: &Place, hook: HookName, out: &mut dyn Write) -> std::io::Result<()> {
    let event = configured::event(place, hook);
    let others = event.hooks.iter().filter(|other| other.name != configured::name(hook));
    let others: Vec<String> = others.map(|other| text::plain(&format!("{} ({})", other.name, other.scope))).collect();
    if others.is_empty() || event.off {
        return Ok(());
    }
    let others = others.join(", ");
    if configured::is_understood(place) {
        writeln!(out, "note          git runs configured hooks on {} too, before hook files: {others}", hook.word())
    } else {
        let since = "this git passes them over, git 2.54 and later runs them";
        writeln!(out, "note          configured for {} too: {others}; {since}", hook.word())
    }
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
    let relative = place.hooks_path.as_ref().filter(|set| Path::new(&set.value).is_relative());
    if let Some(set) = relative.filter(|_| place.top.is_some()) {
        writeln!(
            out,
            "note          core.hooksPath is {}: every linked worktree looks for it in itself, and runs no hook where it is \
             missing. To have one folder for all: git config core.hooksPath {}",
            text::plain(&set.value),
            place.hooks.display()
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
