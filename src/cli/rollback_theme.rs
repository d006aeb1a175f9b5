//! `themegate rollback-theme`: gets people out of a broken theme, now.

mod facts;
mod wording;

use std::io::{BufRead, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use clap::{ArgGroup, Args, ValueEnum};

use self::facts::{Facts, find_live};
use self::wording::Sight;
use crate::theme_setting::by_hand;
use crate::theme_setting::cache::{CacheSettings, LIFETIME_MINUTES};
use crate::theme_setting::connection::{ConnectionError, ConnectionSettings};
use crate::theme_setting::plan::{Change, Holding, Owner, Plan, Selection, Stored, plan};
use crate::theme_setting::postgres::{Patience, PostgresStore};
use crate::theme_setting::rails::RailsStore;
use crate::theme_setting::rollback::{SecondLook, carry_out};
use crate::theme_setting::store::{ApplyError, Store, StoreError};
use crate::theme_setting::undo::{self, UndoError, UndoFile};

const EXAMPLES: &str = "\
Examples:
  themegate rollback-theme --user alice                     back to the site's theme
  themegate rollback-theme --all-on tangerineui --dry-run   who is on it, and what they would see
  themegate rollback-theme --all-on tangerineui --to default --yes
  themegate rollback-theme --site --to default              the site's own theme
  themegate rollback-theme --undo ../.themegate/undo/2026-11-22T14-02-51.json
  themegate rollback-theme --user alice --print-sql         to paste into psql

On glitch-soc a theme is FLAVOUR or FLAVOUR/SKIN, and both settings are reset together.

Exit codes: 0 done, or nothing to do · 1 something was not changed · 2 usage · 3 it is not known whether it happened
· 6 another themegate is at it · 130 interrupted";

/// Gets people out of a broken theme: changes who uses which theme in the database, and can undo it
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("whose").required(true).args(["user", "all_on", "site", "undo"])))]
pub struct RollbackThemeArgs {
    /// Local users, by name
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub user: Vec<String>,
    /// Everybody who chose this theme
    #[arg(long, value_name = "THEME")]
    pub all_on: Option<String>,
    /// The site's own theme, which everybody without a choice sees
    #[arg(long)]
    pub site: bool,
    /// Put back what an undo file holds, where nobody has changed it since
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    pub undo: Option<PathBuf>,
    /// The theme to put them on [default: the site's theme; with --site, the one Mastodon ships]
    #[arg(long, value_name = "THEME")]
    pub to: Option<String>,
    /// By SQL, or by the Rails CLI where the database is out of reach
    #[arg(long, value_enum, default_value_t)]
    pub via: Via,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Print SQL to paste into psql, and do nothing
    #[arg(long, conflicts_with = "undo")]
    pub print_sql: bool,
    /// Print commands for the Rails CLI, and do nothing
    #[arg(long, conflicts_with = "undo")]
    pub print_rails: bool,
    /// The Mastodon root [default: upwards from here, then ~/live]
    #[arg(long, value_name = "DIR")]
    pub live: Option<PathBuf>,
    /// postgres://USER@HOST:PORT/DATABASE, without a password [default: as .env.production says]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// How long to wait for a row that somebody else holds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub lock_timeout: u64,
    /// How long to wait before looking whether Rails wrote old values back
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    pub second_look: f64,
}

/// The way to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Via {
    /// A connection to PostgreSQL.
    #[default]
    Sql,
    /// `bin/rails runner`.
    Rails,
}

/// Where the command speaks and listens.
pub struct Console<'a> {
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
    /// The terminal, if a person sits there.
    pub answers: Option<&'a mut dyn BufRead>,
}

/// A fault in how the command was called.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Runs the command and gives its exit code.
///
/// # Errors
///
/// When the terminal or the disk fails; what the database says becomes an exit code and a message.
pub fn run(args: &RollbackThemeArgs, console: &mut Console<'_>) -> anyhow::Result<u8> {
    match attempt(args, console) {
        Ok(code) => Ok(code),
        Err(error) => match code_of(&error) {
            Some(code) => {
                writeln!(console.err, "{error}")?;
                Ok(code)
            }
            None => Err(error),
        },
    }
}

fn code_of(error: &anyhow::Error) -> Option<u8> {
    if error.is::<Usage>() || error.is::<ConnectionError>() || error.is::<UndoError>() {
        return Some(2);
    }
    match (error.downcast_ref::<StoreError>(), error.downcast_ref::<ApplyError>()) {
        (Some(StoreError::Busy), _) | (_, Some(ApplyError::NothingChanged(StoreError::Busy))) => Some(6),
        (Some(StoreError::Interrupted), _) | (_, Some(ApplyError::NothingChanged(StoreError::Interrupted))) => {
            Some(130)
        }
        (Some(StoreError::NotMastodon(_)), _) => Some(2),
        (Some(_), _) | (_, Some(ApplyError::Unknown { .. })) => Some(3),
        (_, Some(_)) => Some(1),
        (None, None) => None,
    }
}

fn attempt(args: &RollbackThemeArgs, console: &mut Console<'_>) -> anyhow::Result<u8> {
    let facts = facts(args)?;
    check_names(args)?;
    let to = args.to.as_deref().map_or_else(|| facts.layout.none(), |name| facts.layout.choice(name));
    if !facts.known.knows(&to) {
        return Err(Usage(format!(
            "{} is not in the theme registry of {}. It offers: {}.",
            args.to.as_deref().unwrap_or_default(),
            facts.live.display(),
            facts.known.names.join(", ")
        ))
        .into());
    }
    if args.print_sql || args.print_rails {
        let print = if args.print_sql { by_hand::sql } else { by_hand::rails };
        write!(console.out, "{}", print(facts.layout, &selection(args), &to))?;
        return Ok(0);
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    let is_interrupted = || interrupted.load(Ordering::Relaxed);
    let environment = environment(&facts.live);
    let mut store = open(args, &facts, &environment, &is_interrupted)?;
    writeln!(console.out, "database     {}", store.describe())?;
    let (changes, complete) = decide(args, &facts, store.as_mut(), &to, console)?;
    let cache = CacheSettings::from_environment(&environment);
    match consent(args, &changes, console)? {
        Consent::Nothing => return Ok(u8::from(!complete)),
        Consent::No(code) => return Ok(code),
        Consent::Yes => listen(&interrupted)?,
    }
    let code = apply(args, &facts, store.as_mut(), changes, &cache, &is_interrupted, console)?;
    Ok(if complete { code } else { code.max(1) })
}

fn facts(args: &RollbackThemeArgs) -> anyhow::Result<Facts> {
    let live = find_live(args.live.as_deref());
    let facts = live.as_deref().and_then(Facts::read);
    facts.ok_or_else(|| {
        Usage("There is no Mastodon here. Run this in the Mastodon root, or give it with --live DIR.".to_owned()).into()
    })
}

/// `@alice` is alice; `alice@elsewhere` is nobody who could have a theme here.
fn check_names(args: &RollbackThemeArgs) -> Result<(), Usage> {
    match args.user.iter().find(|name| name.trim_start_matches('@').contains('@')) {
        Some(name) => {
            Err(Usage(format!("{name} names a server. Give the name of a local user alone, such as \"alice\".")))
        }
        None => Ok(()),
    }
}

fn names(args: &RollbackThemeArgs) -> Vec<String> {
    args.user.iter().map(|name| name.trim_start_matches('@').to_owned()).collect()
}

fn selection(args: &RollbackThemeArgs) -> Selection {
    match (&args.all_on, args.site) {
        (Some(theme), _) => Selection::AllOn(theme.clone()),
        (None, true) => Selection::Site,
        (None, false) => Selection::Names(names(args)),
    }
}

/// The variables that Mastodon would see: this process's own first, then those of `.env.production`.
fn environment(live: &Path) -> impl Fn(&str) -> Option<String> + use<> {
    let file: std::collections::BTreeMap<String, String> =
        dotenvy::from_path_iter(live.join(".env.production")).into_iter().flatten().flatten().collect();
    move |key| std::env::var(key).ok().or_else(|| file.get(key).cloned())
}

fn open<'a>(
    args: &RollbackThemeArgs,
    facts: &Facts,
    environment: &dyn Fn(&str) -> Option<String>,
    interrupted: &'a dyn Fn() -> bool,
) -> anyhow::Result<Box<dyn Store + 'a>> {
    if args.via == Via::Rails {
        let variables = match environment("RAILS_ENV") {
            Some(_) => Vec::new(),
            None => vec![("RAILS_ENV".to_owned(), "production".to_owned())],
        };
        let limit = Duration::from_mins(10);
        return Ok(Box::new(RailsStore::new(&facts.live, facts.layout, limit, variables, interrupted)));
    }
    let mut settings = ConnectionSettings::from_environment(environment)?;
    if let Some(url) = &args.database_url {
        settings = settings.with_url(url)?;
    }
    let patience = Patience { lock: Duration::from_secs(args.lock_timeout), ..Patience::default() };
    Ok(Box::new(PostgresStore::open(settings, Some(facts.layout), patience, interrupted)?))
}

/// Shows who would change, and gives the changes; the flag is false where somebody who was asked for is left out.
fn decide(
    args: &RollbackThemeArgs,
    facts: &Facts,
    store: &mut dyn Store,
    to: &crate::theme_setting::choice::Choice,
    console: &mut Console<'_>,
) -> anyhow::Result<(Vec<Change>, bool)> {
    let sight = sight(facts, store)?;
    writeln!(console.out, "site theme   {}\n", sight.site)?;
    if let Some(path) = &args.undo {
        return decide_undo(path, facts, store, &sight, console);
    }
    if to.is_none() && args.all_on.as_deref() == Some(&sight.site) {
        return Err(Usage(format!(
            "{0} is also the site's own theme, so whoever loses it would still see it. First: themegate rollback-theme \
             --site --to THEME; or put them elsewhere with --to THEME.",
            sight.site
        ))
        .into());
    }
    let selection = selection(args);
    let holdings = store.holdings(&selection)?;
    let missing = missing(args, &holdings);
    let plan: Plan = plan(facts.layout, holdings, args.all_on.as_deref(), to);
    write!(console.out, "{}", wording::changes(&plan.changes, &sight))?;
    write!(console.out, "{}{}", wording::left_alone(&plan, &missing), wording::site_note(&sight, &plan.changes))?;
    let complete = missing.is_empty() && (plan.unreadable.is_empty() || args.all_on.is_some());
    Ok((plan.changes, complete))
}

fn decide_undo(
    path: &Path,
    facts: &Facts,
    store: &mut dyn Store,
    sight: &Sight,
    console: &mut Console<'_>,
) -> anyhow::Result<(Vec<Change>, bool)> {
    let file = UndoFile::load(path)?;
    if file.layout != facts.layout {
        return Err(Usage("The undo file is from a site of another kind (glitch-soc or not).".to_owned()).into());
    }
    let ids: Vec<i64> = file.changes.iter().filter_map(|entry| entry.owner.id()).collect();
    let mut holdings = store.holdings(&Selection::Ids(ids))?;
    holdings.extend(store.holdings(&Selection::Site)?);
    let plan = undo::plan(&file, facts.layout, holdings, &facts.known);
    write!(console.out, "{}{}", wording::changes(&plan.changes, sight), wording::undo_left_alone(&plan))?;
    let complete = plan.changed_since.is_empty() && plan.unknown.is_empty() && plan.gone.is_empty();
    Ok((plan.changes, complete))
}

fn sight(facts: &Facts, store: &mut dyn Store) -> Result<Sight, StoreError> {
    let stored = store.holdings(&Selection::Site)?.pop().map_or_else(|| Stored::Rows(Vec::new()), |site| site.stored);
    let choice = stored.choice(facts.layout).unwrap_or_else(|_| facts.layout.none());
    let site = choice.name().unwrap_or_else(|| facts.shipped.clone());
    let site_is_known = facts.known.knows(&choice);
    Ok(Sight { site, site_is_known, shipped: facts.shipped.clone() })
}

fn missing(args: &RollbackThemeArgs, holdings: &[Holding]) -> Vec<String> {
    let found = |wanted: &String| {
        holdings
            .iter()
            .any(|holding| matches!(&holding.owner, Owner::User { name, .. } if name.eq_ignore_ascii_case(wanted)))
    };
    names(args).into_iter().filter(|name| !found(name)).collect()
}

/// Whether to go on.
enum Consent {
    Yes,
    No(u8),
    Nothing,
}

fn consent(args: &RollbackThemeArgs, changes: &[Change], console: &mut Console<'_>) -> std::io::Result<Consent> {
    if changes.is_empty() {
        writeln!(console.out, "Nothing to change.")?;
        return Ok(Consent::Nothing);
    }
    let number = wording::count(changes.len(), "setting", "settings");
    if args.dry_run {
        writeln!(console.out, "{number} would change. Nothing was changed.")?;
        return Ok(Consent::No(0));
    }
    if args.yes {
        return Ok(Consent::Yes);
    }
    let Some(answers) = console.answers.as_mut() else {
        writeln!(console.err, "{number} would change. Nothing was changed. Add --yes to do it without being asked.")?;
        return Ok(Consent::No(2));
    };
    write!(console.out, "Change {number}? [y/N] ")?;
    console.out.flush()?;
    let mut answer = String::new();
    answers.read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(Consent::Yes);
    }
    writeln!(console.out, "Nothing was changed.")?;
    Ok(Consent::No(1))
}

/// The first signal ends the run at the next safe place, the second at once.
fn listen(interrupted: &Arc<AtomicBool>) -> std::io::Result<()> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(interrupted))?;
        signal_hook::flag::register(signal, Arc::clone(interrupted))?;
    }
    Ok(())
}

fn apply(
    args: &RollbackThemeArgs,
    facts: &Facts,
    store: &mut dyn Store,
    changes: Vec<Change>,
    cache: &CacheSettings,
    interrupted: &dyn Fn() -> bool,
    console: &mut Console<'_>,
) -> anyhow::Result<u8> {
    let undo_file = undo_file(&facts.live)?;
    let wait = Duration::try_from_secs_f64(args.second_look)
        .map_err(|_| Usage("--second-look is a number of seconds.".to_owned()))?;
    let look = SecondLook { wait, ..SecondLook::default() };
    let cached = needs_cache(&changes, store.bypasses_rails());
    let mut forgotten: Option<Result<usize, String>> = None;
    let mut forget = |done: &[Change]| {
        if cached && !done.is_empty() {
            let owners: Vec<Owner> = done.iter().map(|change| change.owner.clone()).collect();
            let now = cache.forget(facts.layout, &owners).map_err(|error| error.to_string());
            let before = forgotten.take().and_then(Result::ok).unwrap_or_default();
            forgotten = Some(now.map(|now| now + before));
        }
    };
    let outcome = match carry_out(store, changes, &undo_file, look, &mut forget, interrupted) {
        Ok(outcome) => outcome,
        Err(error) => return Err(explained(error, &undo_file, console)?),
    };
    write!(console.out, "{}", wording::outcome(&outcome))?;
    match forgotten {
        Some(Ok(number)) => writeln!(
            console.out,
            "cache        {} deleted",
            wording::count(number, "cached setting", "cached settings")
        )?,
        Some(Err(reason)) => writeln!(
            console.out,
            "cache        {reason}. Rails may show the old setting for up to {LIFETIME_MINUTES} minutes; \
             RAILS_ENV=production bin/tootctl cache clear ends that."
        )?,
        None => {}
    }
    if !outcome.done.is_empty() {
        writeln!(console.out, "undo         themegate rollback-theme --undo {}", undo_file.display())?;
    }
    Ok(u8::from(!outcome.moved.is_empty() || !outcome.returned.is_empty()))
}

/// After a commit of which nobody knows: where the old values are, and how to find out.
fn explained(error: ApplyError, undo_file: &Path, console: &mut Console<'_>) -> std::io::Result<anyhow::Error> {
    if let ApplyError::Unknown { transaction, .. } = &error {
        let file = undo_file.display();
        writeln!(console.err, "The old values are in {file}. When the database is back, this tells what happened:")?;
        writeln!(console.err, "  themegate rollback-theme --undo {file} --dry-run")?;
        if let Some(number) = transaction {
            writeln!(console.err, "  psql: SELECT txid_status({number});   (committed or aborted)")?;
        }
    }
    Ok(error.into())
}

/// The site's row is cached on every version, users' rows up to 4.1; `users.settings` never is.
fn needs_cache(changes: &[Change], by_sql: bool) -> bool {
    by_sql && changes.iter().any(|change| change.write == crate::theme_setting::plan::Write::Rows)
}

/// A new file in the state folder beside the live tree.
fn undo_file(live: &Path) -> anyhow::Result<PathBuf> {
    let folder = live.parent().unwrap_or(live).join(".themegate/undo");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("The state folder {} could not be made. Nothing was changed.", folder.display()))?;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S%.3f").to_string();
    Ok(folder.join(format!("{now}.json")))
}
