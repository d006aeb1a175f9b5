//! Carries a plan out: the undo file, the change, the caches, and a second look for values that Rails wrote back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::plan::{Change, Holding, Owner, Selection, change};
use super::postgres::holdings_of;
use super::store::{ApplyError, Moved, Store, StoreError};
use super::undo::UndoFile;

/// So many owners are read one by one without a thought.
const FEW: usize = 1_000;

/// When to look again. Rails writes whole settings from what it read when its request began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondLook {
    /// How long to wait before each look.
    pub wait: Duration,
    /// How often to change those again who are back on the old theme.
    pub rounds: usize,
}

impl Default for SecondLook {
    fn default() -> Self {
        Self { wait: Duration::from_secs(3), rounds: 3 }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Changed.
    pub done: Vec<Change>,
    /// Left alone, since somebody had changed them after the plan was shown.
    pub moved: Vec<Moved>,
    /// Changed again, since a request had written the old value back.
    pub repeated: usize,
    /// On the old theme again at the last look.
    pub returned: Vec<Owner>,
    /// Why the second look was cut short, if it was. The change itself is committed.
    pub unseen: Option<String>,
}

/// Applies the changes and looks again. The undo file is on the disk before the commit, and is removed when it is
/// certain that nothing was changed. `after_commit` is called with everybody changed, after each commit.
///
/// # Errors
///
/// [`ApplyError`] says whether anything was changed.
pub fn carry_out(
    store: &mut dyn Store,
    changes: Vec<Change>,
    undo_file: &Path,
    look: SecondLook,
    after_commit: &mut dyn FnMut(&[Change]),
    interrupted: &dyn Fn() -> bool,
) -> Result<Outcome, ApplyError> {
    let (layout, database) = (store.layout(), store.describe());
    let mut record = |changes: &[Change], transaction: Option<i64>| {
        UndoFile::of(changes, layout, database.clone(), transaction).save(undo_file)
    };
    let applied = store.apply(changes, &mut record).inspect_err(|error| {
        if !matches!(error, ApplyError::Unknown { .. }) {
            let _ = std::fs::remove_file(undo_file);
        }
    })?;
    if applied.done.is_empty() {
        let _ = std::fs::remove_file(undo_file);
    }
    let mut outcome = Outcome { done: applied.done, moved: applied.moved, ..Outcome::default() };
    after_commit(&outcome.done);
    if let Err(error) = look_again(store, &mut outcome, look, after_commit, interrupted) {
        // That nothing was changed is true of the repetition alone.
        outcome.unseen = Some(match error {
            ApplyError::NothingChanged(reason) => reason.to_string(),
            other => other.to_string(),
        });
    }
    Ok(outcome)
}

fn look_again(
    store: &mut dyn Store,
    outcome: &mut Outcome,
    look: SecondLook,
    after_commit: &mut dyn FnMut(&[Change]),
    interrupted: &dyn Fn() -> bool,
) -> Result<(), ApplyError> {
    for round in 0..=look.rounds {
        if outcome.done.is_empty() {
            return Ok(());
        }
        wait(look.wait, interrupted)?;
        let returned = returned(store, &outcome.done)?;
        if round == 0 {
            // A request that read the row before the commit may have cached the old value after it.
            after_commit(&outcome.done);
        }
        outcome.returned = returned.iter().map(|change| change.owner.clone()).collect();
        if returned.is_empty() || round == look.rounds {
            return Ok(());
        }
        let again = store.apply(returned, &mut |_, _| Ok(()))?;
        outcome.repeated += again.done.len();
        after_commit(&again.done);
    }
    Ok(())
}

fn wait(time: Duration, interrupted: &dyn Fn() -> bool) -> Result<(), StoreError> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if interrupted() {
            return Err(StoreError::Interrupted);
        }
        std::thread::sleep(Duration::from_millis(50).min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}

/// Of many who left one theme, only those who may be on it now need to be read.
fn may_have_returned(store: &mut dyn Store, done: &[Change]) -> Result<Vec<Holding>, StoreError> {
    let left = done.first().and_then(|change| change.from.name());
    let one_theme = done.iter().all(|change| change.owner != Owner::Site && change.from == done[0].from);
    match left {
        Some(name) if one_theme && done.len() > FEW => store.holdings(&Selection::AllOn(name)),
        _ => holdings_of(store, done),
    }
}

/// The changes of those who have the old choice again, from what is stored now.
fn returned(store: &mut dyn Store, done: &[Change]) -> Result<Vec<Change>, StoreError> {
    let layout = store.layout();
    let changes: BTreeMap<Option<i64>, &Change> = done.iter().map(|change| (change.owner.id(), change)).collect();
    let mut returned = Vec::new();
    for holding in may_have_returned(store, done)? {
        let Some(done) = changes.get(&holding.owner.id()) else {
            continue;
        };
        if let Ok(now) = holding.stored.choice(layout)
            && now == done.from
        {
            returned.push(change(layout, holding, now, done.to.clone()));
        }
    }
    Ok(returned)
}
