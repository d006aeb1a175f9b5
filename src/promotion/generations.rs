//! Generations: what each switch of the live tree replaced, kept so that it can come back.
//!
//! A generation lies in `generations/ID/`: `generation.json`, and under `files/` the replaced files, by their names in the
//! live tree. It holds only what the switch touched. While a switch runs its generation is called `.ID.partial`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::disk::{Disk, DiskError, failed};
use super::plan::{Content, Plan, Role};
use super::soundness;

/// What a switch of the live tree was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A change that passed went live.
    Promotion,
    /// The live tree went back to a generation.
    Rollback,
    /// A theme went out of the registry.
    Withdrawal,
}

impl Kind {
    /// The word used in messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Promotion => "promotion",
            Self::Rollback => "rollback",
            Self::Withdrawal => "withdrawal",
        }
    }

    /// What was done, for lists.
    #[must_use]
    pub const fn past(self) -> &'static str {
        match self {
            Self::Promotion => "promoted",
            Self::Rollback => "rolled back",
            Self::Withdrawal => "withdrawn",
        }
    }
}

/// The command that takes the folder of a record out of the generations and leaves it in the state folder.
fn out_of_the_way(record: &Path) -> String {
    let folder = record.parent().filter(|folder| folder.file_name().is_some());
    let state = folder.and_then(Path::parent).and_then(Path::parent);
    folder
        .zip(state)
        .map_or_else(String::new, |(folder, state)| format!("\n  mv '{}' '{}'", folder.display(), state.display()))
}

/// One switch of the live tree, as the journal announces it and the generation records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Layout of this record.
    pub schema: u32,
    /// Its name: when it began, by the local clock.
    pub id: String,
    /// Counts the switches of this site; clocks may go back, this does not.
    pub sequence: u64,
    /// What it was for.
    pub kind: Kind,
    /// When it began, RFC 3339.
    pub began: String,
    /// The live tree.
    pub live: PathBuf,
    /// The run that passed, for a promotion; the theme, for a withdrawal; the generation gone back to, for a rollback.
    pub subject: String,
    /// The switches that a rollback undid.
    pub undoes: Vec<String>,
    /// The reason given for a promotion in spite of a freeze.
    pub despite_freeze: Option<String>,
    /// What it did.
    pub plan: Plan,
}

/// The layout written by this version.
pub const SCHEMA: u32 = 1;

/// Why a generation cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// No such generation.
    #[error("there is no generation {0}. See `themegate history`")]
    Unknown(String),
    /// Nothing to go back to.
    #[error("there is nothing to roll back: no promotion or withdrawal is in force. See `themegate history`")]
    Nothing,
    /// Something in the folder that themegate did not write.
    #[error("{} is no generation of themegate. Nothing was changed. Move it away and try again", .0.display())]
    Foreign(PathBuf),
    /// A record that cannot be read.
    #[error(
        "the generation record {} cannot be read: {why}. Nothing was changed. Move its folder out of the way and try again; \
         what it replaced is not brought back then:{}", path.display(), out_of_the_way(path)
    )]
    Unreadable {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Where a generation lies once its switch is over.
#[must_use]
pub fn folder_of(generations: &Path, id: &str) -> PathBuf {
    generations.join(id)
}

/// Where it lies while its switch runs.
#[must_use]
pub fn partial_of(generations: &Path, id: &str) -> PathBuf {
    generations.join(format!(".{id}.partial"))
}

/// The saved copy of a replaced file within a generation's folder.
#[must_use]
pub fn saved(folder: &Path, name: &Path) -> PathBuf {
    folder.join("files").join(name)
}

/// Reads all generations, the oldest first.
///
/// # Errors
/// Something foreign in the folder, or an unreadable record.
pub fn list(generations: &Path) -> Result<Vec<Generation>, GenerationError> {
    let entries = fs::read_dir(generations).map_err(failed("read the folder", generations))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed("read the folder", generations))?.path();
        if !is_partial(&path) {
            found.push(read(&path)?);
        }
    }
    found.sort_by_key(|generation: &Generation| generation.sequence);
    Ok(found)
}

fn is_partial(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.starts_with('.') && name.ends_with(".partial")
}

fn read(folder: &Path) -> Result<Generation, GenerationError> {
    let path = folder.join("generation.json");
    let unreadable = |why: String| GenerationError::Unreadable { path: path.clone(), why };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Err(GenerationError::Foreign(folder.to_path_buf()));
        }
        Err(error) => return Err(failed("read", &path)(error).into()),
    };
    let generation: Generation = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    if folder.file_name() != Some(std::ffi::OsStr::new(&generation.id)) {
        return Err(unreadable(format!("it calls itself {:?}", generation.id)));
    }
    match generation.schema {
        SCHEMA => Ok(generation),
        other => Err(unreadable(format!("it has layout {other}, this version of themegate knows {SCHEMA}"))),
    }
}

/// Refuses a generation whose record leads elsewhere than its live tree.
pub(crate) fn refuse_unsound(generations: &Path, one: &Generation) -> Result<(), GenerationError> {
    let path = folder_of(generations, &one.id).join("generation.json");
    soundness::fault(one).map_or(Ok(()), |why| Err(GenerationError::Unreadable { path, why }))
}

/// The switches that a rollback has to undo, the oldest first: those since `to`, or else the latest one in force. Pure.
///
/// # Errors
/// An unknown generation, or nothing in force.
pub fn to_undo<'a>(all: &'a [Generation], to: Option<&str>) -> Result<Vec<&'a Generation>, GenerationError> {
    let first = match to {
        Some(id) => all.iter().position(|generation| generation.id == id),
        None => all.iter().rposition(|generation| in_force(all, generation)),
    };
    match (first, to) {
        (Some(first), _) => Ok(all[first..].iter().collect()),
        (None, Some(id)) => Err(GenerationError::Unknown(id.to_owned())),
        (None, None) => Err(GenerationError::Nothing),
    }
}

/// True for a promotion or a withdrawal that no later rollback has undone.
#[must_use]
pub fn in_force(all: &[Generation], generation: &Generation) -> bool {
    generation.kind != Kind::Rollback && !undone(all).contains(generation.id.as_str())
}

/// The switches that are undone; a rollback that is itself undone does not count. The latest decides first.
fn undone(all: &[Generation]) -> BTreeSet<&str> {
    let mut gone: BTreeSet<&str> = BTreeSet::new();
    for generation in all.iter().rev().filter(|generation| generation.kind == Kind::Rollback) {
        if !gone.contains(generation.id.as_str()) {
            gone.extend(generation.undoes.iter().map(String::as_str));
        }
    }
    gone
}

/// What a path held before the switches that are undone, and what the last of them left there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where it really lies.
    pub path: PathBuf,
    /// What it is to the site.
    pub role: Role,
    /// What it held.
    pub target: Option<Content>,
    /// In which generation that is saved.
    pub saved_in: String,
    /// What the last switch left there.
    pub left: Option<Content>,
}

/// What has to come back, by name. Files added under new names stay, for open tabs and running workers. Pure.
#[must_use]
pub fn restored(undone: &[&Generation]) -> BTreeMap<PathBuf, Restored> {
    let mut paths: BTreeMap<PathBuf, Restored> = BTreeMap::new();
    for generation in undone {
        for step in generation.plan.steps.iter().filter(|step| step.role != Role::Asset) {
            let first = || Restored {
                path: step.path.clone(),
                role: step.role,
                target: step.before.clone(),
                saved_in: generation.id.clone(),
                left: None,
            };
            paths.entry(step.name.clone()).or_insert_with(first).left.clone_from(&step.after);
        }
    }
    paths
}

/// The generations kept whatever their age, in number.
pub const KEPT: usize = 10;
/// The generations kept at most, in number.
pub const KEPT_AT_MOST: usize = 50;

/// Which generations may go: all beyond [`KEPT_AT_MOST`], and those beyond [`KEPT`] that began before `before` (RFC 3339,
/// UTC), the oldest first. Never one that is needed to undo the latest switch in force, nor the latest promotion in force:
/// it comes next when a withdrawal that lies upon it is rolled back. Pure.
#[must_use]
pub fn prunable<'a>(all: &'a [Generation], before: &str) -> Vec<&'a Generation> {
    let gone = undone(all);
    let last = |kind: Kind| {
        let in_force = |one: &Generation| one.kind == kind && !gone.contains(one.id.as_str());
        all.iter().rposition(in_force).unwrap_or(all.len())
    };
    let needed = last(Kind::Promotion).min(last(Kind::Withdrawal));
    let beyond = |kept: usize| all.len().saturating_sub(kept).min(needed);
    let old = all[..beyond(KEPT)].iter().take_while(|generation| generation.began.as_str() < before).count();
    all[..old.max(beyond(KEPT_AT_MOST))].iter().collect()
}

/// Removes the generations of `live` that may go, and what an interrupted pruning left.
pub(crate) fn prune(disk: &Disk, folder: &Path, live: &Path, before: &str) -> Result<(), GenerationError> {
    let mut all = list(folder)?;
    all.retain(|generation| generation.live == live);
    prunable(&all, before).iter().try_for_each(|generation| remove(disk, folder, &generation.id))?;
    for entry in fs::read_dir(folder).map_err(failed("read the folder", folder))? {
        let path = entry.map_err(failed("read the folder", folder))?.path();
        if is_partial(&path) {
            remove_partial(disk, &path)?;
        }
    }
    Ok(())
}

/// Removes a generation; it is a partial one first, so that a kill never leaves half of one under its name.
pub(crate) fn remove(disk: &Disk, generations: &Path, id: &str) -> Result<(), DiskError> {
    let (folder, partial) = (folder_of(generations, id), partial_of(generations, id));
    if folder.exists() {
        disk.rename_new(&folder, &partial)?;
        disk.sync_folder(generations)?;
    }
    remove_partial(disk, &partial)
}

/// Removes what a switch saved, children before parents; following no symlink.
pub(crate) fn remove_partial(disk: &Disk, partial: &Path) -> Result<(), DiskError> {
    if partial.symlink_metadata().is_err() {
        return Ok(());
    }
    for entry in walkdir::WalkDir::new(partial).follow_links(false).contents_first(true) {
        let entry = entry.map_err(|error| failed("read", partial)(error.into()))?;
        if entry.file_type().is_dir() {
            disk.remove_empty_folder(entry.path())?;
        } else {
            disk.remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(n: u64, kind: Kind, undoes: &[&str]) -> Generation {
        Generation {
            schema: SCHEMA,
            id: n.to_string(),
            sequence: n,
            kind,
            began: format!("2026-01-{n:02}T00:00:00Z"),
            live: "/live".into(),
            subject: String::new(),
            undoes: undoes.iter().map(|&id| id.to_owned()).collect(),
            despite_freeze: None,
            plan: Plan::default(),
        }
    }

    fn ids<'a>(undone: &[&'a Generation]) -> Vec<&'a str> {
        undone.iter().map(|generation| generation.id.as_str()).collect()
    }

    #[test]
    fn rolling_back_twice_goes_two_promotions_back() {
        let mut all = vec![generation(1, Kind::Promotion, &[]), generation(2, Kind::Promotion, &[])];
        assert_eq!(ids(&to_undo(&all, None).unwrap()), ["2"]);
        all.push(generation(3, Kind::Rollback, &["2"]));
        assert_eq!(ids(&to_undo(&all, None).unwrap()), ["1", "2", "3"]);
        all.push(generation(4, Kind::Rollback, &["1", "2", "3"]));
        assert!(matches!(to_undo(&all, None), Err(GenerationError::Nothing)));
        assert!(matches!(to_undo(&all, Some("9")), Err(GenerationError::Unknown(_))));
    }

    #[test]
    fn undoing_a_rollback_brings_back_what_was_in_force_before_it() {
        let all = [
            generation(1, Kind::Promotion, &[]),
            generation(2, Kind::Promotion, &[]),
            generation(3, Kind::Rollback, &["2"]),
            generation(4, Kind::Rollback, &["1", "2", "3"]),
            generation(5, Kind::Rollback, &["4"]),
        ];
        assert!(in_force(&all, &all[0]) && !in_force(&all, &all[1]));
    }

    #[test]
    fn the_latest_switch_in_force_is_never_pruned() {
        let mut all: Vec<Generation> = (1..=5).map(|n| generation(n, Kind::Promotion, &[])).collect();
        let later = "2027-01-01T00:00:00Z";
        assert!(prunable(&all, later).is_empty(), "ten are kept whatever their age");
        all.extend((6..=28).map(|n| generation(n, Kind::Rollback, if n == 6 { &["5"] } else { &[] })));
        assert_eq!(ids(&prunable(&all, later)), ["1", "2", "3"], "4 is in force");
        assert_eq!(ids(&prunable(&all, "2026-01-03T00:00:00Z")), ["1", "2"], "3 is not a month old");
    }

    #[test]
    fn a_promotion_under_a_withdrawal_is_never_pruned() {
        let mut all = vec![generation(1, Kind::Promotion, &[]), generation(2, Kind::Promotion, &[])];
        all.extend((3..=28).map(|n| generation(n, Kind::Rollback, &[])));
        all.push(generation(29, Kind::Withdrawal, &[]));
        assert_eq!(ids(&prunable(&all, "2027-01-01T00:00:00Z")), ["1"], "2 is what a rollback of 29 uncovers");
    }
}
