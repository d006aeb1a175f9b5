//! A change of the tree itself, as a revision or a patch makes it: files written, removed and linked wherever they lie.
//!
//! It must not know where the bytes come from.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::places::{self, Place};
use super::{Change, ChangeSource, ChangedFile, GoesLive, SiteFacts, ThemeAddition, ThemeKind, content, stock};
use crate::finding::Finding;
use crate::site::registry::{self, Registry};

/// Bytes that are kept in memory; what exceeds it is read again from the scratch folder when it is staged.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// Files by which packages are chosen: with other ones, what is installed is not what the revision wants.
const LOCKS: [&str; 5] = ["yarn.lock", "package-lock.json", "pnpm-lock.yaml", "Gemfile.lock", ".ruby-version"];

/// A change of the tree while it is gathered.
pub(super) struct TreeChange {
    /// Holds a copy of every file that is written.
    scratch: PathBuf,
    files: Vec<ChangedFile>,
    kept: u64,
    removed: Vec<PathBuf>,
    links: Vec<(PathBuf, PathBuf)>,
    registry: Option<Vec<u8>>,
    /// What is wrong with it.
    pub(super) findings: Vec<Finding>,
}

impl TreeChange {
    /// Nothing yet; `scratch` is where the files that are written lie.
    pub(super) fn new(scratch: PathBuf) -> Self {
        let (files, removed, links) = (Vec::new(), Vec::new(), Vec::new());
        Self { scratch, files, kept: 0, removed, links, registry: None, findings: Vec::new() }
    }

    /// A file gets this content.
    pub(super) fn write(&mut self, path: &Path, bytes: Vec<u8>, mode: u32) {
        self.findings.extend(content::broken(path, &bytes));
        if path == Path::new(registry::PATH) {
            self.registry = Some(bytes);
            return;
        }
        let len = bytes.len() as u64;
        let keeps = self.kept + len <= KEPT_BYTES || std::fs::write(self.scratch.join(path), &bytes).is_err();
        self.kept += if keeps { len } else { 0 };
        self.files.push(ChangedFile {
            to: path.to_path_buf(),
            from: self.scratch.join(path),
            bytes_len: len,
            mode,
            blake3: blake3::hash(&bytes),
            content: keeps.then(|| bytes.into()),
            root: self.scratch.clone(),
        });
    }

    /// A path goes.
    pub(super) fn remove(&mut self, path: &Path) {
        self.removed.push(path.to_path_buf());
    }

    /// Whether a path goes.
    pub(super) fn removes(&self, path: &Path) -> bool {
        self.removed.iter().any(|removed| removed == path)
    }

    /// A path becomes a link, if that leads to another place of the tree.
    pub(super) fn link(&mut self, path: &Path, target: &[u8]) {
        let target = PathBuf::from(OsStr::from_bytes(target));
        if stays_inside(path, &target) {
            self.links.push((path.to_path_buf(), target));
        } else {
            self.findings.push(leads_out(path, &target));
        }
    }

    /// The whole change. `command` is what brings it to the live tree where a promotion cannot.
    pub(super) fn into_change(mut self, source: ChangeSource, site: &SiteFacts<'_>, command: Option<String>) -> Change {
        let text = self.registry.take().and_then(|bytes| match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) => {
                self.findings.extend(Registry::parse(error.as_bytes()).err().into_iter().flatten());
                None
            }
        });
        let mut change = super::as_it_is();
        change.source = source;
        change.themes = self.themes(text.as_deref(), site);
        change.counts = self.counts(site.live);
        change.locks = self.locks();
        change.goes_live = match command {
            Some(command) if !self.is_carried() => GoesLive::ByCommand(command),
            None if !self.is_carried() => GoesLive::ByHand,
            _ => GoesLive::ByPromotion,
        };
        change.registry = text.filter(|text| site.registry.is_none_or(|live| live.text() != text));
        (change.files, change.removed, change.links) = (self.files, self.removed, self.links);
        change.files.sort_by(|one, other| one.to.cmp(&other.to));
        change.findings = self.findings;
        change
    }

    /// True if a promotion, which writes theme sources and removes nothing, can bring all of it.
    fn is_carried(&self) -> bool {
        let plain = |file: &ChangedFile| file.mode == 0o644 && places::place_of(&file.to, true) == Place::Deploy;
        self.removed.is_empty() && self.links.is_empty() && self.files.iter().all(plain)
    }

    fn locks(&self) -> Vec<PathBuf> {
        let all = self.files.iter().map(|file| &file.to).chain(&self.removed);
        all.filter(|path| LOCKS.iter().any(|lock| *path == Path::new(lock))).cloned().collect()
    }

    fn counts(&self, live: &Path) -> super::ChangeCounts {
        let replaced = self.files.iter().filter(|file| live.join(&file.to).is_file()).count();
        let bytes = self.files.iter().map(|file| file.bytes_len).sum();
        super::ChangeCounts { added: self.files.len() - replaced, replaced, unchanged: 0, bytes }
    }

    /// The themes whose line or whose own files change.
    fn themes(&self, text: Option<&str>, site: &SiteFacts<'_>) -> Vec<ThemeAddition> {
        let parsed = text.and_then(|text| Registry::parse(text.as_bytes()).ok());
        let Some(after) = parsed.as_ref().or(site.registry) else { return Vec::new() };
        let touched: BTreeSet<&Path> = self.files.iter().map(|file| file.to.as_path()).collect();
        let mut themes: BTreeMap<&str, ThemeAddition> = BTreeMap::new();
        for entry in after.entries().iter().filter(|entry| entry.is_string) {
            let known = site.registry.and_then(|live| live.get(&entry.name));
            let sheet = Path::new(registry::PATHS_ROOT).join(&entry.path);
            let own = sheet.with_extension("");
            let has_file = touched.iter().any(|path| *path == sheet || path.starts_with(&own));
            if known.is_none_or(|known| known.path != entry.path) || has_file {
                let kind = if known.is_some() { ThemeKind::Update } else { ThemeKind::New };
                let addition = ThemeAddition { name: entry.name.clone(), path: entry.path.clone(), kind };
                themes.insert(&entry.name, addition);
            }
        }
        themes.into_values().collect()
    }
}

/// True if `target`, read from the folder of the link, stays below the tree's root.
fn stays_inside(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    !target.as_os_str().is_empty()
}

fn leads_out(path: &Path, target: &Path) -> Finding {
    let message = format!("{} becomes a symbolic link to {}, outside of the tree.", path.display(), target.display());
    Finding::fatal("change-has-link", message)
        .at(path)
        .meaning("A link can lead to any file of the server, which would then be compiled into a public stylesheet.")
        .help("Put the file itself in its place, or let the link lead to another file of the tree.")
}

/// Added paths that differ from another path of the same tree in upper and lower case only.
pub(super) fn case_clashes<'a>(
    added: impl Iterator<Item = &'a PathBuf>,
    all: impl Iterator<Item = &'a PathBuf>,
) -> Vec<Finding> {
    let mut spellings: BTreeMap<String, Vec<&PathBuf>> = BTreeMap::new();
    for path in all {
        spellings.entry(path.to_string_lossy().to_lowercase()).or_default().push(path);
    }
    let other = |path: &PathBuf| {
        let same = spellings.get(&path.to_string_lossy().to_lowercase())?;
        same.iter().find(|other| **other != path).map(|other| (*other).clone())
    };
    let mut findings: Vec<Finding> = Vec::new();
    for path in added {
        let Some(other) = other(path) else { continue };
        let message = format!("{} differs from {} in upper and lower case only.", path.display(), other.display());
        findings.push(
            Finding::fatal("change-differs-in-case-only", message)
                .at(path)
                .at(&other)
                .meaning("Both would exist side by side here, and be one file on a Mac: which of the two compiles is a matter of luck.")
                .help(format!("Rename one of them: git mv {} NEW-NAME", path.display())),
        );
    }
    findings
}

/// Whether Mastodon ships something of that name: it may reach where a theme must not.
pub fn is_stock(path: &Path) -> bool {
    stock::is_stock(path)
}
