//! `themegate rollback-theme`: gets people out of a broken theme, now.

mod arguments;
mod execution;
mod facts;
mod wording;

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use self::arguments::{RollbackThemeArgs, Via};
use self::execution::{apply, listen};
use self::facts::{Facts, find_live};
use self::wording::Sight;
use crate::site::environment::SiteEnvironment;
use crate::theme_setting::by_hand;
use crate::theme_setting::cache::CacheSettings;
use crate::theme_setting::connection::{ConnectionError, ConnectionSettings};
use crate::theme_setting::plan::{Change, Holding, Owner, Plan, Selection, Stored, plan};
use crate::theme_setting::postgres::{Patience, PostgresStore};
use crate::theme_setting::rails::RailsStore;
use crate::theme_setting::store::{ApplyError, Store, StoreError};
use crate::theme_setting::undo::{self, UndoError, UndoFile};
use crate::theme_setting::usage::theme_usage;

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
                // A store's own error comes of reading; what comes of writing says itself what was changed.
                match error.downcast_ref() {
                    Some(StoreError::Unreachable(_)) => write!(console.err, "{}", wording::UNREACHABLE)?,
                    Some(_) => writeln!(console.err, "Nothing was changed.")?,
                    None => {}
                }
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
    let own = SiteEnvironment::read(&facts.live);
    // Without the site's own settings another database may answer, or none.
    own.findings().iter().try_for_each(|finding| writeln!(console.err, "{}", finding.message))?;
    let environment = environment(own);
    let mut store = open(args, &facts, &environment, &is_interrupted)?;
    writeln!(console.out, "database     {}", store.describe())?;
    let (changes, complete) = decide(args, &facts, store.as_mut(), &to, console)?;
    let cache = CacheSettings::from_environment(&environment);
    match consent(args, &changes, console)? {
        // A dry run ends as the run itself would.
        Consent::Nothing | Consent::No(0) => return Ok(u8::from(!complete)),
        Consent::No(code) => return Ok(code),
        Consent::Yes => listen(&interrupted)?,
    }
    let code = apply(args, &facts, store.as_mut(), changes, &cache, &is_interrupted, console)?;
    Ok(if complete { code } else { code.max(1) })
}

/// How many people see each theme of the site at `live`, or why that cannot be known.
///
/// # Errors
/// In words: no Mastodon there, no database, no answer.
pub(super) fn people(live: &Path) -> Result<BTreeMap<String, u64>, String> {
    let facts = Facts::read(live).ok_or("there is no theme registry")?;
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let settings = ConnectionSettings::from_environment(&environment(SiteEnvironment::read(live)))
        .map_err(|error| words(&error))?;
    let patience = Patience::default();
    let mut store =
        PostgresStore::open(settings, Some(facts.layout), patience, &|| false).map_err(|error| words(&error))?;
    theme_usage(&mut store, &facts.shipped).map_err(|error| words(&error))
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

/// The variables that Mastodon would see: this process's own first, then those of `.env.production` and its companions.
fn environment(own: SiteEnvironment) -> impl Fn(&str) -> Option<String> + use<> {
    move |key| std::env::var(key).ok().or_else(|| own.secret(key).map(str::to_owned))
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
    if let Some(theme) = args.all_on.as_deref().filter(|_| plan.changes.is_empty()) {
        write!(console.out, "{}", wording::nobody_on(theme))?;
    }
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
    write!(console.err, "{}", wording::other_database(&file.database, &store.describe()))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_companions_of_the_sites_settings_come_first_as_for_mastodon_itself() {
        let live = tempfile::tempdir().unwrap();
        std::fs::write(live.path().join(".env.production"), "DB_HOST=/old\nDB_NAME=social\n").unwrap();
        std::fs::write(live.path().join(".env.production.local"), "export DB_HOST='/run/new'\n").unwrap();
        let read = environment(SiteEnvironment::read(live.path()));
        assert_eq!((read("DB_HOST").as_deref(), read("DB_NAME").as_deref()), (Some("/run/new"), Some("social")));
    }
}
