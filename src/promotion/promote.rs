//! The switches that an administrator asks for: promote, rollback, withdraw.
//!
//! Each looks at the disk, makes a plan, refuses what cannot end well, and hands the plan to [`switch::carry_out`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::PromotionError;
use super::disk::Disk;
use super::edits;
use super::exchange::content_of;
use super::fingerprints::Fingerprints;
use super::freeze;
use super::generations::{self, Generation, Kind, SCHEMA};
use super::ground::{Ground, missing_folders, refuse_unsound, swappable};
use super::past;
use super::plan::{Content, Direction, Fact, NewFolder, Origin, Plan, Role};
use super::promotable::Promotable;
use super::retention::{self, Ledger};
use super::state::StateFolder;
use super::survey;
use super::switch;

/// Makes a change that passed live. `None` if the live tree has it all already.
///
/// # Errors
/// A freeze, a tree that moved since the check, ground that does not bear it, or a failed switch.
pub fn promote(
    disk: &Disk,
    state: &StateFolder,
    promotable: &Promotable,
    terms: Terms<'_>,
) -> Result<Option<Generation>, PromotionError> {
    let frozen = refuse_now(state, terms.despite_freeze)?;
    let ground = Ground::new(promotable.live(), promotable.output_folders()).map_err(refused)?;
    let facts = survey::facts(&ground, promotable)?;
    refuse_moved(&ground, promotable, &facts)?;
    let mut intent = announce(state, Kind::Promotion, ground.live(), promotable.run_id())?;
    intent.despite_freeze = terms.despite_freeze.filter(|_| frozen).map(str::to_owned);
    let past = past::read(state, ground.live())?;
    let (compiled, manifests) = (retention::compiled(&facts), retention::manifests(&facts));
    let old = past.old_files(state, &ground, promotable, &compiled, terms.keep_old_files);
    intent.plan = plan_with(&intent.id, facts, old, state)?;
    let mut ledger = past.ledger.promoted(&compiled, &intent.plan, &intent.began, past.outdated);
    ledger.manifests.extend(manifests);
    carry_out(disk, state, intent, ledger)
}

/// On what terms a change goes live.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms<'a> {
    /// The reason to go ahead in spite of a freeze.
    pub despite_freeze: Option<&'a str>,
    /// How long old compiled files are kept that nothing needs any more; `None` for ever.
    pub keep_old_files: Option<Duration>,
}

/// The plan with the old files that go. Where one of them cannot go now, none does: that keeps no change from going live.
fn plan_with(id: &str, facts: Vec<Fact>, old: Vec<Fact>, state: &StateFolder) -> Result<Plan, PromotionError> {
    let only = plan(id, facts.clone(), Direction::Promote)?;
    if old.is_empty() || only.steps.is_empty() {
        return Ok(only);
    }
    let both = plan(id, facts.into_iter().chain(old).collect(), Direction::Promote)?;
    Ok(if refuse_unsound(&both, &state.generations()).is_ok() { both } else { only })
}

/// Refuses what would be refused whatever the change is: an earlier switch that is unfinished, or a freeze. True if the site
/// is frozen, and a reason was given to go ahead all the same.
///
/// # Errors
/// One of the two.
pub fn refuse_now(state: &StateFolder, despite_freeze: Option<&str>) -> Result<bool, PromotionError> {
    switch::refuse_pending(state)?;
    freeze::refuse(state.root(), despite_freeze)
}

/// Takes the live tree back to what it was before generation `to` and all later ones, or before the latest in force.
///
/// # Errors
/// Nothing to undo; files edited since, unless `discard_edits`; or a failed switch.
pub fn rollback(
    disk: &Disk,
    state: &StateFolder,
    live: &Path,
    to: Option<&str>,
    discard_edits: bool,
) -> Result<Option<Generation>, PromotionError> {
    switch::refuse_pending(state)?;
    let ground = Ground::new(live, &[]).map_err(refused)?;
    let all = generations::list(&state.generations())?;
    let all: Vec<Generation> = all.into_iter().filter(|generation| generation.live == ground.live()).collect();
    let undone = generations::to_undo(&all, to)?;
    undone.iter().try_for_each(|one| generations::refuse_unsound(&state.generations(), one))?;
    let subject = undone.first().map(|generation| generation.id.clone()).unwrap_or_default();
    let mut intent = announce(state, Kind::Rollback, ground.live(), &subject)?;
    intent.undoes = undone.iter().map(|generation| generation.id.clone()).collect();
    let facts = survey::restoring(state, &undone, discard_edits)?;
    intent.plan = plan(&intent.id, facts, direction(&undone))?;
    let created = undone.iter().rev().flat_map(|generation| generation.plan.new_folders.iter().rev());
    intent.plan.emptied = created.map(|folder| folder.path.clone()).collect();
    let past = past::read(state, ground.live())?;
    let first = undone.first().and_then(|first| Ledger::read(&state.generations(), &first.id));
    let needed = first.as_ref().map(|ledger| &ledger.needed_before);
    let ledger = past.ledger.rolled_back(needed, &intent.plan, &intent.began, past.outdated);
    carry_out(disk, state, intent, ledger)
}

/// To undo a rollback is to promote again.
fn direction(undone: &[&Generation]) -> Direction {
    match undone.first().map(|generation| generation.kind) {
        Some(Kind::Rollback) => Direction::Promote,
        _ => Direction::Rollback,
    }
}

/// Replaces the text of the registry, `registry` by name, in one step; `seen` is the text that `text` was made from.
///
/// # Errors
/// The registry was edited meanwhile, or the switch failed.
pub fn withdraw(
    disk: &Disk,
    state: &StateFolder,
    live: &Path,
    registry: &Path,
    theme: &str,
    (seen, text): (&[u8], String),
) -> Result<Option<Generation>, PromotionError> {
    switch::refuse_pending(state)?;
    let ground = Ground::new(live, &[]).map_err(refused)?;
    let path = ground.resolve_registry(registry)?;
    let before = content_of(&path).map_err(refused)?;
    if before.as_ref().map(|content| content.digest.as_str()) != Some(blake3::hash(seen).to_hex().as_str()) {
        let edits = edits::of_registry(ground.live(), Some(&String::from_utf8_lossy(seen)));
        return Err(PromotionError::LiveMoved { changed: vec![registry.to_path_buf()], edits });
    }
    let attributes = before.as_ref().map(|content| content.attributes);
    let after = attributes.map(|attributes| Content {
        digest: blake3::hash(text.as_bytes()).to_hex().to_string(),
        size: text.len() as u64,
        attributes: super::disk::Attributes { modified: now(), ..attributes },
    });
    let (name, role, origin) = (registry.to_path_buf(), Role::Registry, Some(Origin::Text(text)));
    let mut intent = announce(state, Kind::Withdrawal, ground.live(), theme)?;
    intent.plan = plan(&intent.id, vec![Fact { name, path, role, before, after, origin }], Direction::Promote)?;
    let past = past::read(state, ground.live())?;
    carry_out(disk, state, intent, past.ledger.withdrawn(past.outdated))
}

fn now() -> (i64, i64) {
    let now = jiff::Timestamp::now();
    (now.as_second(), i64::from(now.subsec_nanosecond()))
}

fn refused(error: super::disk::DiskError) -> PromotionError {
    PromotionError::Refused(error.into())
}

/// Neither tree may have moved since the check: what was judged is what goes live, and nobody's edit is lost.
fn refuse_moved(ground: &Ground, promotable: &Promotable, facts: &[Fact]) -> Result<(), PromotionError> {
    let digests = |which: fn(&Fact) -> Option<&Content>| {
        let digest = |fact: &Fact| (fact.name.clone(), which(fact).map(|content| content.digest.clone()));
        Fingerprints(facts.iter().map(digest).collect())
    };
    let names = promotable.live_seen().0.keys().cloned();
    let mut live = Fingerprints::of(ground.live(), names).map_err(refused)?;
    let planned = digests(|fact| fact.before.as_ref());
    live.0.extend(planned.0.into_iter().filter(|(name, _)| promotable.live_seen().0.contains_key(name)));
    let moved = promotable.live_seen().changed(&live);
    if !moved.is_empty() {
        let edits = edits::of_registry(ground.live(), promotable.registry_seen());
        return Err(PromotionError::LiveMoved { changed: moved, edits });
    }
    let mut staged = digests(|fact| fact.after.as_ref());
    staged.0.retain(|_, digest| digest.is_some());
    match promotable.staged_seen().changed(&staged) {
        moved if moved.is_empty() => Ok(()),
        moved => Err(PromotionError::StagedMoved { staged: promotable.staged().to_path_buf(), changed: moved }),
    }
}

/// Orders the facts; folders to create and folders to swap whole are looked up here.
fn plan(id: &str, facts: Vec<Fact>, direction: Direction) -> Result<Plan, PromotionError> {
    let mut new_folders: Vec<NewFolder> = Vec::new();
    let mut swappables = BTreeMap::new();
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    for fact in &facts {
        let folder = fact.path.parent().unwrap_or(&fact.path).to_path_buf();
        if !seen.insert(folder.clone()) {
            continue;
        }
        for missing in missing_folders(&fact.path).map_err(refused)? {
            if !new_folders.iter().any(|known| known.path == missing.path) {
                new_folders.push(missing);
            }
        }
        if let Some(now) = swappable(&folder).map_err(refused)? {
            swappables.insert(folder, now);
        }
    }
    Ok(Plan::new(id, facts, &swappables, new_folders, direction))
}

/// The record of a switch that is about to begin; its plan is still empty.
fn announce(state: &StateFolder, kind: Kind, live: &Path, subject: &str) -> Result<Generation, PromotionError> {
    let all = generations::list(&state.generations())?;
    let began = jiff::Timestamp::now();
    // By the clock on the wall, as runs are named: the two are listed together.
    let plain = jiff::Zoned::now().strftime("%Y-%m-%dT%H-%M-%S").to_string();
    let taken = |id: &String| all.iter().any(|generation| generation.id == *id);
    let mut names = (1..).map(|n| if n == 1 { plain.clone() } else { format!("{plain}-{n}") });
    let id = names.find(|id| !taken(id)).unwrap_or(plain.clone());
    Ok(Generation {
        schema: SCHEMA,
        id,
        sequence: all.last().map_or(1, |last| last.sequence + 1),
        kind,
        began: began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        live: live.to_path_buf(),
        subject: subject.to_owned(),
        undoes: Vec::new(),
        despite_freeze: None,
        plan: Plan::default(),
    })
}

fn carry_out(
    disk: &Disk,
    state: &StateFolder,
    intent: Generation,
    ledger: Ledger,
) -> Result<Option<Generation>, PromotionError> {
    if intent.plan.steps.is_empty() && intent.undoes.is_empty() {
        return Ok(None);
    }
    refuse_unsound(&intent.plan, &state.generations())?;
    switch::carry_out(disk, state, intent.clone(), ledger)?;
    // The switch is over: pruning that fails now must not turn it into a failure, and the next switch prunes again.
    let _ = generations::prune(disk, &state.generations(), &intent.live, &month_ago());
    Ok(Some(intent))
}

fn month_ago() -> String {
    let month_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 30);
    month_ago.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
