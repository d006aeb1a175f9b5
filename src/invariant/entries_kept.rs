//! No entry that the live site has, and that the staged sources still make, vanished or shrank to nothing.

use super::{Invariant, Subject};
use crate::compiled::CompiledTree;
use crate::finding::Finding;
use crate::manifest::{Entry, Manifest};

pub(super) const INVARIANT: Invariant = Invariant {
    id: "entries-kept",
    statement: "No script entry of the site's own vanished, and no entry shrank to nothing.",
    check,
};

/// An entry smaller than this may shrink freely, in bytes.
const SMALL: u64 = 4096;
/// An entry that keeps less than a tenth was replaced by something else, not edited.
const COLLAPSED: u64 = 10;

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let (Some(before), Some(after)) = (subject.live.set.bundler(), subject.staged.set.bundler()) else {
        return Vec::new();
    };
    if before.format != after.format || subject.themes_only {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (key, entry) in before.entries.iter().filter(|(_, entry)| entry.is_entry) {
        match after.entries.get(key) {
            None => findings.extend(vanished(subject, after, key)),
            Some(now) => findings.extend(collapsed(subject, key, entry, now)),
        }
    }
    findings
}

/// Chunks are renumbered by every build, and an upgrade drops entries on purpose. What may not vanish is an entry whose
/// source is still among the site's own.
fn vanished(subject: &Subject<'_>, after: &Manifest, key: &str) -> Option<Finding> {
    let stem = key.rsplit('/').next().unwrap_or(key).split('.').next().unwrap_or(key);
    let is_pack = subject.packs.iter().any(|pack| pack == stem);
    let was_script = [".js", ".ts", ".tsx", ".jsx"].iter().any(|ending| key.ends_with(ending));
    if !is_pack || !was_script {
        return None;
    }
    let renamed = after.entries.keys().any(|other| is_script_of(other, stem));
    (!renamed && source_exists(subject.staged, stem)).then(|| {
        Finding::fatal("entry-vanished", format!("{key} is in the live manifest and no longer in the new one."))
            .meaning("Pages that ask for it answer 500, or stay blank.")
            .help("See what the change does to this entry; a theme of the same name replaces it.")
    })
}

/// True for a script of that name under another ending or in another folder.
fn is_script_of(key: &str, stem: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    let is_script = [".js", ".ts", ".tsx", ".jsx"].iter().any(|ending| name.ends_with(ending));
    is_script && name.split('.').next() == Some(stem)
}

fn source_exists(staged: &CompiledTree, stem: &str) -> bool {
    let folders = ["app/javascript/packs", "app/javascript/entrypoints"];
    let endings = ["js", "jsx", "ts", "tsx"];
    folders
        .iter()
        .any(|folder| endings.iter().any(|ending| staged.root.join(folder).join(format!("{stem}.{ending}")).is_file()))
}

fn collapsed(subject: &Subject<'_>, key: &str, before: &Entry, now: &Entry) -> Option<Finding> {
    let old = subject.live.size_of(&before.file)?;
    let new = subject.staged.size_of(&now.file)?;
    let is_code = [".js", ".css", ".mjs"].iter().any(|ending| now.file.ends_with(ending));
    (is_code && old >= SMALL && new * COLLAPSED < old).then(|| {
        Finding::review("entry-collapsed", format!("{key} shrank from {old} to {new} bytes."))
            .at(subject.staged.shown(&now.file))
            .meaning("Something replaced it, or most of what it loads is gone: the page may stay blank.")
            .help("Open a page that uses it in the staged tree (check --keep-stage), or see what the change replaces.")
    })
}
