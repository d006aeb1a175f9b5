//! No entry that the live site has, and that the staged sources still make, vanished or shrank to nothing.

use std::path::{Path, PathBuf};

use regex::Regex;
use walkdir::WalkDir;

use super::{Invariant, Subject};
use crate::compiled::CompiledTree;
use crate::finding::Finding;
use crate::manifest::{Entry, Manifest};
use crate::plain_file;

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
            Some(now) => {
                findings.extend(collapsed(subject, key, entry, now).or_else(|| emptied(subject, key, entry, now)));
            }
        }
    }
    findings
}

/// Chunks are renumbered by every build, and an upgrade drops entries on purpose. What may not vanish is an entry whose
/// source is still among the site's own, or that a page still asks for.
fn vanished(subject: &Subject<'_>, after: &Manifest, key: &str) -> Option<Finding> {
    let stem = stem_of(key);
    let kind = Kind::of(key)?;
    if after.entries.keys().any(|other| Kind::of(other) == Some(kind) && stem_of(other) == stem) {
        return None;
    }
    let message = format!("{key} is in the live manifest and no longer in the new one.");
    let finding = Finding::fatal("entry-vanished", message).meaning("Pages that ask for it answer 500, or stay blank.");
    if kind == Kind::Script && subject.packs.iter().any(|pack| pack == stem) && source(subject.staged, stem).is_some() {
        return Some(finding.help("See what the change does to this entry; a theme of the same name replaces it."));
    }
    let (path, line, excerpt) = asked_for(&subject.staged.root, kind, stem)?;
    Some(
        finding
            .at_line(path, line, excerpt)
            .help(format!("Bring its source back: git status shows which {stem} is gone.")),
    )
}

/// The line of a view or helper that asks for the entry of that name, as Mastodon's do: `javascript_pack_tag 'public'`,
/// `vite_typescript_tag 'application.ts'`, `vite_stylesheet_tag 'styles/entrypoints/mailer.scss'`.
fn asked_for(root: &Path, kind: Kind, stem: &str) -> Option<(PathBuf, u64, String)> {
    let (tag, ending) = match kind {
        Kind::Script => ("(?:java|type)script", "[jt]sx?"),
        Kind::Sheet => ("stylesheet", "s?css"),
    };
    let asks = format!(r#"{tag}\w*_tag\b.*['"](?:[^'"]*/)?{}(?:\.{ending})?['"]"#, regex::escape(stem));
    let asks = Regex::new(&asks).ok()?;
    let folders = ["app/views", "app/helpers"].into_iter().map(|folder| root.join(folder));
    let files = folders.flat_map(|folder| WalkDir::new(folder).sort_by_file_name()).flatten();
    files.filter(|file| file.file_type().is_file()).find_map(|file| {
        let text = String::from_utf8(plain_file::bytes(file.path()).ok()?).ok()?;
        let is_comment = |line: &str| ["#", "-#", "<%#"].iter().any(|mark| line.trim_start().starts_with(mark));
        let (index, line) = text.lines().enumerate().find(|(_, line)| asks.is_match(line) && !is_comment(line))?;
        let path = file.path().strip_prefix(root).unwrap_or(file.path());
        Some((path.to_path_buf(), index as u64 + 1, line.trim().to_owned()))
    })
}

/// `application` of `js/application.js`.
fn stem_of(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key).split('.').next().unwrap_or(key)
}

/// What an entry is to a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Script,
    Sheet,
}

impl Kind {
    /// By the ending of its key; none for maps, pictures and fonts.
    fn of(key: &str) -> Option<Self> {
        match key.rsplit('.').next()? {
            "js" | "ts" | "tsx" | "jsx" => Some(Self::Script),
            "css" | "scss" => Some(Self::Sheet),
            _ => None,
        }
    }
}

/// The source of an entry, relative to the tree.
fn source(staged: &CompiledTree, stem: &str) -> Option<PathBuf> {
    let folders = ["app/javascript/packs", "app/javascript/entrypoints"];
    let endings = ["js", "jsx", "ts", "tsx"];
    let places = folders
        .iter()
        .flat_map(|folder| endings.iter().map(move |ending| Path::new(folder).join(format!("{stem}.{ending}"))));
    places.into_iter().find(|place| staged.root.join(place).is_file())
}

/// An entry that compiles to something else because nothing is in its source any more: a save that went wrong.
fn emptied(subject: &Subject<'_>, key: &str, before: &Entry, now: &Entry) -> Option<Finding> {
    let source = source(subject.staged, stem_of(key))
        .filter(|_| Kind::of(key) == Some(Kind::Script) && before.file != now.file)?;
    let bytes = plain_file::bytes(&subject.staged.root.join(&source)).ok()?;
    bytes.trim_ascii().is_empty().then(|| {
        Finding::review(
            "entry-source-empty",
            format!("The source of {key} is empty, and was not when the live site was compiled."),
        )
        .at(&source)
        .meaning("Pages that load it stay blank, or do nothing when somebody clicks.")
        .help("Bring the file back: git checkout, or the copy of the last upgrade.")
    })
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
