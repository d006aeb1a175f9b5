//! Carries the agreed changes out and reports: the undo file's place, the caches, and what nobody knows.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;

use super::facts::Facts;
use super::{Console, RollbackThemeArgs, Usage, wording};
use crate::site::{locate, owner};
use crate::theme_setting::cache::{CacheSettings, LIFETIME_MINUTES};
use crate::theme_setting::plan::{Change, Owner, Write};
use crate::theme_setting::rollback::{SecondLook, carry_out};
use crate::theme_setting::store::{ApplyError, Store};

/// The first signal ends the run at the next safe place, the second at once.
pub(super) fn listen(interrupted: &Arc<AtomicBool>) -> std::io::Result<()> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(interrupted))?;
        signal_hook::flag::register(signal, Arc::clone(interrupted))?;
    }
    Ok(())
}

/// Carries the changes out and tells what came of it; gives the exit code.
pub(super) fn apply(
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
    let mut report = wording::outcome(&outcome);
    report.push_str(&cache_line(forgotten));
    if !outcome.done.is_empty() {
        let _ = writeln!(report, "undo         themegate rollback-theme --undo {}", undo_file.display());
    }
    // It is done: a reader that went away must not make it look as if it were not, nor keep the undo file's name from people.
    if console.out.write_all(report.as_bytes()).and_then(|()| console.out.flush()).is_err() {
        let _ = console.err.write_all(report.as_bytes());
    }
    Ok(u8::from(!outcome.moved.is_empty() || !outcome.returned.is_empty()))
}

fn cache_line(forgotten: Option<Result<usize, String>>) -> String {
    match forgotten {
        Some(Ok(number)) => {
            format!("cache        {} deleted\n", wording::count(number, "cached setting", "cached settings"))
        }
        Some(Err(reason)) => format!(
            "cache        {reason}. Rails may show the old setting for up to {LIFETIME_MINUTES} minutes; \
             RAILS_ENV=production bin/tootctl cache clear ends that.\n"
        ),
        None => String::new(),
    }
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
    by_sql && changes.iter().any(|change| change.write == Write::Rows)
}

/// A new file in the state folder beside the live tree.
fn undo_file(live: &Path) -> anyhow::Result<PathBuf> {
    let state = locate::state_folder(live);
    let folder = state.join("undo");
    let make = || {
        let is_new = state.symlink_metadata().is_err();
        locate::make_private(&state)?;
        if is_new {
            owner::hand_over_like(&state, live)?;
        }
        locate::make_private(&folder)
    };
    make().with_context(|| format!("The state folder {} could not be made. Nothing was changed.", folder.display()))?;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S%.3f").to_string();
    Ok(folder.join(format!("{now}.json")))
}
