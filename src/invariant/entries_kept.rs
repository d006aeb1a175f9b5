//! No entry that the live site has, and that the staged sources still make, vanished or shrank to nothing.

use super::{Invariant, Subject};
use crate::compiled::CompiledTree;
use crate::finding::Finding;
use crate::manifest::{Entry, Manifest};

pub(super) const INVARIANT: Invariant =
    Invariant { id: "entries-kept", statement: "No entry of the live manifest vanished.", check };

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
    let source_is_there = source_exists(subject.staged, stem);
    let renamed =
        after.entries.keys().any(|other| other.rsplit('/').next().unwrap_or(other).split('.').next() == Some(stem));
    (is_pack && was_script && source_is_there && !renamed).then(|| {
        Finding::fatal("entry-vanished", format!("{key} is in the live manifest and no longer in the new one."))
            .meaning("Pages that ask for it answer 500, or stay blank.")
            .help("See what the change does to this entry; a theme of the same name replaces it.")
    })
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
