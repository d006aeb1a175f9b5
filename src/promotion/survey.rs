//! Looks at both trees and says, file by file, what the live tree holds and what it shall hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::PromotionError;
use super::disk::{Attributes, DiskError};
use super::exchange::content_of;
use super::generations::{self, Generation, Restored};
use super::ground::{Ground, Refusal, attributes_of_new};
use super::plan::{Content, Fact, Origin, Role, base_of, compressed_forms};
use super::promotable::{Promotable, files_below};
use super::state::StateFolder;

/// All that a promotion might touch: each compiled file, each source, the registry, and compressed forms gone stale.
///
/// # Errors
/// A link or something else that is no file in the way, or an unreadable file.
pub fn facts(ground: &Ground, promotable: &Promotable) -> Result<Vec<Fact>, PromotionError> {
    let mut facts = Vec::new();
    for folder in promotable.output_folders() {
        for name in files_below(promotable.staged(), folder).map_err(refused)? {
            let role = if is_manifest(&name, promotable.manifests()) { Role::Manifest } else { Role::Asset };
            facts.push(fact(ground, promotable, name, role)?);
        }
    }
    stale_forms(ground, &mut facts)?;
    for name in promotable.sources() {
        facts.push(fact(ground, promotable, name.clone(), Role::Source)?);
    }
    if let Some(name) = promotable.registry() {
        facts.push(fact(ground, promotable, name.to_path_buf(), Role::Registry)?);
    }
    tell_fixed_names(&mut facts);
    Ok(facts)
}

fn refused(error: DiskError) -> PromotionError {
    PromotionError::Refused(error.into())
}

/// A manifest itself, its compressed form, or whatever lies in the same hidden folder (`.vite`).
fn is_manifest(name: &Path, manifests: &[PathBuf]) -> bool {
    let base = base_of(name);
    let hidden = |folder: &Path| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let beside = |manifest: &PathBuf| name.parent() == manifest.parent() && name.parent().is_some_and(hidden);
    manifests.iter().any(|manifest| name == manifest || base.as_ref() == Some(manifest) || beside(manifest))
}

fn fact(ground: &Ground, promotable: &Promotable, name: PathBuf, role: Role) -> Result<Fact, PromotionError> {
    let path = if role == Role::Registry { ground.resolve_registry(&name)? } else { ground.resolve(&name)? };
    let before = regular(&path)?;
    let from = promotable.staged().join(&name);
    let mut after = regular(&from)?;
    if let Some(after) = &mut after {
        after.attributes = attributes(&path, before.as_ref(), after)?;
    }
    let origin = after.as_ref().map(|_| Origin::File(from));
    Ok(Fact { name, path, role, before, after, origin })
}

/// Replaced files keep owner and mode; new ones take them from their folder.
fn attributes(path: &Path, before: Option<&Content>, after: &Content) -> Result<Attributes, PromotionError> {
    let modified = after.attributes.modified;
    match before {
        Some(before) => Ok(Attributes { modified, ..before.attributes }),
        None => attributes_of_new(path, modified).map_err(refused),
    }
}

fn regular(path: &Path) -> Result<Option<Content>, PromotionError> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_symlink() => Err(Refusal::Link(path.to_path_buf()).into()),
        Ok(metadata) if !metadata.is_file() => Err(Refusal::NotAFile(path.to_path_buf()).into()),
        _ => content_of(path).map_err(refused),
    }
}

/// A compressed form in the live tree whose file changes, and which the staged tree does not have, has to go: the web
/// server would go on sending it.
fn stale_forms(ground: &Ground, facts: &mut Vec<Fact>) -> Result<(), PromotionError> {
    let known: BTreeSet<&PathBuf> = facts.iter().map(|fact| &fact.name).collect();
    let changes = |fact: &&Fact| digest(fact.before.as_ref()) != digest(fact.after.as_ref());
    let mut stale = Vec::new();
    for changing in facts.iter().filter(changes) {
        for name in compressed_forms(&changing.name).into_iter().filter(|name| !known.contains(name)) {
            let path = ground.resolve(&name)?;
            if let Some(before) = regular(&path)? {
                stale.push(Fact { name, path, role: changing.role, before: Some(before), after: None, origin: None });
            }
        }
    }
    facts.extend(stale);
    Ok(())
}

fn digest(content: Option<&Content>) -> Option<&str> {
    content.map(|content| content.digest.as_str())
}

/// What has its name already in the live tree is seen at once when it is replaced, and so is a new compressed form of a
/// file that changes.
fn tell_fixed_names(facts: &mut [Fact]) {
    let fixed: BTreeSet<PathBuf> =
        facts.iter().filter(|fact| fact.before.is_some()).map(|fact| fact.name.clone()).collect();
    let changing: BTreeMap<PathBuf, bool> =
        facts.iter().map(|f| (f.name.clone(), digest(f.before.as_ref()) != digest(f.after.as_ref()))).collect();
    let seen_at_once = |name: &PathBuf| fixed.contains(name) && changing.get(name).copied().unwrap_or_default();
    for fact in facts.iter_mut().filter(|fact| fact.role == Role::Asset) {
        if fact.before.is_some() || base_of(&fact.name).is_some_and(|base| seen_at_once(&base)) {
            fact.role = Role::Fixed;
        }
    }
}

/// What a rollback has to bring back.
///
/// # Errors
/// A file edited since the switches to undo, unless `discard_edits`.
pub fn restoring(
    state: &StateFolder,
    undone: &[&Generation],
    discard_edits: bool,
) -> Result<Vec<Fact>, PromotionError> {
    let mut facts = Vec::new();
    let mut edited = Vec::new();
    for (name, restored) in generations::restored(undone) {
        let before = regular(&restored.path)?;
        if digest(before.as_ref()) != digest(restored.left.as_ref()) {
            if restored.role == Role::Old {
                // Nothing needs it: whatever lies there now is left alone, and stands in nobody's way.
                continue;
            }
            edited.push(name.clone());
        }
        facts.push(restoring_fact(state, name, restored, before));
    }
    match edited.is_empty() || discard_edits {
        true => Ok(facts),
        false => Err(PromotionError::EditedSince(edited)),
    }
}

fn restoring_fact(state: &StateFolder, name: PathBuf, restored: Restored, before: Option<Content>) -> Fact {
    let folder = generations::folder_of(&state.generations(), &restored.saved_in);
    let origin = restored.target.as_ref().map(|_| Origin::File(generations::saved(&folder, &name)));
    Fact { path: restored.path, role: restored.role, before, after: restored.target, origin, name }
}
