//! The site's own repository at a revision: what a checkout of it would make of the live tree.
//!
//! Two commits and the live tree are compared, path by path: the commit that the live tree was made from, the one that
//! shall go live, and what stands there now.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use git2::Oid;

use super::checkout::Checkout;
use super::listing::{self, Bounds, Entry, Kind, Listing};
use super::local_edits::{self, Edits};
use super::merge::{Merged, three_way};
use super::repository::Source;
use super::{LocalEdits, RepositoryPlace, RevisionError, RevisionName, SiteRevision, base, bytes};
use crate::change::tree::{TreeChange, case_clashes};
use crate::change::{Change, ChangeError, ChangeSource, SiteFacts};
use crate::finding::Finding;
use crate::site::registry;

/// Mastodon 4.6 has about ten thousand files.
const BOUNDS: Bounds = Bounds { most: 200_000, what: "Mastodon tree" };

/// Edits named in a finding; the others are counted.
const SHOWN: usize = 6;

/// Reads what the revision would make of the live tree. `matters` says whether a path of the live tree is staged at all;
/// `scratch` is an empty folder that lives as long as the change.
///
/// # Errors
/// If the repository cannot be read, or has no such revision.
pub fn read_site_revision(
    wanted: &SiteRevision,
    site: &SiteFacts<'_>,
    matters: &dyn Fn(&Path) -> bool,
    scratch: &Path,
) -> Result<Change, ChangeError> {
    let place = wanted.repository.clone().unwrap_or_else(|| RepositoryPlace::at(site.live));
    let source = Source::open(&place).map_err(|error| not_a_checkout(error, wanted))?;
    let (commit, revision) = source.commit(&wanted.rev)?;
    let target = listing::list(&source, &revision, source.tree(&commit, &revision)?, &BOUNDS)?;
    let base_tree = base::tree_of(&source, wanted, site.live)?;
    let before = listing_of(&source, &revision, base_tree)?;
    let checkout = Checkout::prepare(scratch, "files", &source)?;
    let edits = edits_of(&source, &revision, &checkout, site.live, base_tree, matters)?;
    let mut reading = Reading {
        source: &source,
        revision: &revision,
        policy: wanted.edits,
        live: site.live,
        before: &before,
        target: &target,
        edits: &edits,
        checkout: &checkout,
        tree: TreeChange::new(checkout.files.clone()),
        conflicts: Vec::new(),
        merged: Vec::new(),
    };
    reading.tree.findings.extend(base::unfinished(site.live));
    reading.tree.findings.extend(target.impossible.iter().map(|path| bytes::unsafe_name(path)));
    reading.read(matters, scratch)?;
    let repository = place.path.clone();
    Ok(reading.into_change(repository, wanted.repository.is_none(), site))
}

fn not_a_checkout(error: RevisionError, wanted: &SiteRevision) -> RevisionError {
    match error {
        RevisionError::NotARepository { path, .. } if wanted.repository.is_none() => RevisionError::NotARepository {
            path,
            advice: "If the site is deployed from a repository elsewhere, name it: --repo DIR\nFor a theme's repository: --theme DIR --rev REV",
        },
        other => other,
    }
}

fn listing_of(source: &Source, revision: &RevisionName, tree: Option<Oid>) -> Result<Listing, RevisionError> {
    let Some(id) = tree else { return Ok(Listing::default()) };
    let tree = source.repository.find_tree(id).map_err(|error| source.incomplete(revision, &error))?;
    listing::list(source, revision, tree, &BOUNDS)
}

fn edits_of(
    source: &Source,
    revision: &RevisionName,
    checkout: &Checkout,
    live: &Path,
    base: Option<Oid>,
    matters: &dyn Fn(&Path) -> bool,
) -> Result<Edits, RevisionError> {
    let Some(base) = base else { return Ok(Edits::default()) };
    local_edits::of(checkout, live, base, matters).map_err(|error| source.incomplete(revision, &error))
}

/// Everything at hand while the paths are gone through.
struct Reading<'a> {
    source: &'a Source,
    revision: &'a RevisionName,
    policy: LocalEdits,
    live: &'a Path,
    before: &'a Listing,
    target: &'a Listing,
    edits: &'a Edits,
    checkout: &'a Checkout,
    tree: TreeChange,
    conflicts: Vec<(PathBuf, String)>,
    merged: Vec<PathBuf>,
}

impl Reading<'_> {
    fn read(&mut self, matters: &dyn Fn(&Path) -> bool, scratch: &Path) -> Result<(), RevisionError> {
        let paths: BTreeSet<PathBuf> = self.paths().into_iter().filter(|path| matters(path)).collect();
        self.write_targets(&paths)?;
        let bases = self.write_bases(&paths, scratch)?;
        for path in &paths {
            self.path(path, bases.get(path));
        }
        let added = paths.iter().filter(|path| !self.before.entries.contains_key(*path));
        let all = self.target.entries.keys();
        self.tree.findings.extend(case_clashes(added, all));
        Ok(())
    }

    /// What differs between the two commits, and with `drop` what differs between the first and the live tree too.
    fn paths(&self) -> BTreeSet<PathBuf> {
        let (old, new) = (&self.before.entries, &self.target.entries);
        let mut paths: BTreeSet<PathBuf> =
            new.iter().filter(|(path, entry)| old.get(*path) != Some(entry)).map(|(path, _)| path.clone()).collect();
        paths.extend(old.keys().filter(|path| !new.contains_key(*path)).cloned());
        if self.policy == LocalEdits::Drop {
            paths.extend(self.edits.tracked.iter().cloned());
        }
        paths
    }

    fn write_targets(&mut self, paths: &BTreeSet<PathBuf>) -> Result<(), RevisionError> {
        let mut wanted = BTreeSet::new();
        for path in paths {
            let Some(entry) = self.target.entries.get(path).filter(|entry| entry.is_file()) else { continue };
            match self.size(entry)? {
                len if len > bytes::TOO_LARGE => self.tree.findings.push(bytes::too_large(path, len)),
                _ => drop(wanted.insert(path.as_path())),
            }
        }
        self.checkout.write(self.source, self.revision, self.target, &wanted)
    }

    /// The files that both sides changed, as they were before.
    fn write_bases(
        &self,
        paths: &BTreeSet<PathBuf>,
        scratch: &Path,
    ) -> Result<BTreeMap<PathBuf, Vec<u8>>, RevisionError> {
        let both: BTreeSet<&Path> =
            paths.iter().filter(|path| self.edits.tracked.contains(*path)).map(PathBuf::as_path).collect();
        if both.is_empty() {
            return Ok(BTreeMap::new());
        }
        let checkout = Checkout::prepare(scratch, "before", self.source)?;
        checkout.write(self.source, self.revision, self.before, &both)?;
        let read = |path: &Path| Some((path.to_path_buf(), bytes::settle(&checkout, self.source, path).ok()?));
        Ok(both.into_iter().filter_map(read).collect())
    }

    fn size(&self, entry: &Entry) -> Result<usize, RevisionError> {
        let header = self.source.repository.odb().and_then(|odb| odb.read_header(entry.id));
        header.map(|(len, _)| len).map_err(|error| self.source.incomplete(self.revision, &error))
    }

    fn path(&mut self, path: &Path, base: Option<&Vec<u8>>) {
        match self.target.entries.get(path) {
            Some(_) if !super::is_plain_name(path) => self.tree.findings.push(bytes::unsafe_name(path)),
            None if self.keeps_edit(path) => self.removed_under_an_edit(path),
            None => self.tree.remove(path),
            Some(entry) if entry.kind == Kind::Submodule => {
                self.tree.findings.push(bytes::submodule(path, self.source));
            }
            Some(entry) if entry.kind == Kind::Link => self.link(path, entry),
            Some(entry) => self.file(path, entry, base),
        }
    }

    /// Whether an edit of this path stands and has to be minded.
    fn keeps_edit(&self, path: &Path) -> bool {
        self.policy != LocalEdits::Drop && self.edits.tracked.contains(path)
    }

    fn removed_under_an_edit(&mut self, path: &Path) {
        if self.live.join(path).symlink_metadata().is_ok() {
            self.conflict(path, "edited here, and removed by the revision");
        }
    }

    fn link(&mut self, path: &Path, entry: &Entry) {
        let target = self.source.repository.find_blob(entry.id).map(|blob| blob.content().to_vec());
        let taken = self.is_untracked(path);
        match target {
            Ok(_) if self.keeps_edit(path) || taken => {
                self.conflict(path, "edited here, and made a link by the revision");
            }
            Ok(target) => self.tree.link(path, &target),
            Err(error) => self.tree.findings.push(
                Finding::fatal(
                    "revision-unreadable",
                    format!("{} could not be read: {}.", path.display(), error.message()),
                )
                .at(path)
                .inconclusive(),
            ),
        }
    }

    fn file(&mut self, path: &Path, entry: &Entry, base: Option<&Vec<u8>>) {
        if !self.checkout.files.join(path).is_file() {
            return; // Too large, which is said.
        }
        let new = match bytes::settle(self.checkout, self.source, path) {
            Ok(new) => new,
            Err(finding) => return self.tree.findings.push(*finding),
        };
        if self.is_untracked(path) {
            match fs::read(self.live.join(path)) {
                Ok(bytes) if bytes == new => {}
                _ => {
                    return self
                        .conflict(path, "not known to git here, and brought by the revision with other content");
                }
            }
        }
        if !self.keeps_edit(path) {
            return self.tree.write(path, new, entry.mode());
        }
        match fs::read(self.live.join(path)) {
            Ok(live) if live == new => {}
            Ok(live) => self.merge(path, entry, (base, &live, &new)),
            Err(_) => self.conflict(path, "removed here, and changed by the revision"),
        }
    }

    fn merge(&mut self, path: &Path, entry: &Entry, (base, live, new): (Option<&Vec<u8>>, &[u8], &[u8])) {
        match three_way(base.map_or(&[], Vec::as_slice), live, new) {
            Merged::Clean(merged) => {
                self.merged.push(path.to_path_buf());
                self.tree.write(path, merged, entry.mode());
            }
            Merged::Conflict(lines) => self.conflict(path, &lines),
        }
    }

    /// Something stands where the revision brings a path that the base does not have.
    fn is_untracked(&self, path: &Path) -> bool {
        self.policy != LocalEdits::Drop
            && !self.before.entries.contains_key(path)
            && self.live.join(path).symlink_metadata().is_ok_and(|found| !found.is_dir())
    }

    fn conflict(&mut self, path: &Path, lines: &str) {
        self.conflicts.push((path.to_path_buf(), lines.to_owned()));
    }

    fn into_change(mut self, repository: PathBuf, is_own: bool, site: &SiteFacts<'_>) -> Change {
        let conflicts = std::mem::take(&mut self.conflicts);
        let here = self.live.display().to_string();
        self.tree.findings.extend(conflicts.iter().map(|(path, lines)| conflict(path, lines, &here)));
        self.tree.findings.extend(self.edits_finding());
        self.tree.findings.extend(untracked(&self.edits.untracked));
        let carried =
            if self.policy == LocalEdits::Carry { self.edits.tracked.iter().cloned().collect() } else { Vec::new() };
        let command = self.checkout_command();
        let source = ChangeSource::SiteRevision { repository, revision: self.revision.clone(), edits: carried, is_own };
        self.tree.into_change(source, site, is_own.then_some(command))
    }

    /// What brings the revision to the live tree, in git's words.
    fn checkout_command(&self) -> String {
        let way = match self.policy {
            LocalEdits::Drop => "checkout --force",
            LocalEdits::Carry if !self.merged.is_empty() => "checkout --merge",
            _ => "checkout",
        };
        format!("git -C {} {way} {}", self.live.display(), self.revision.given)
    }

    fn edits_finding(&self) -> Option<Finding> {
        let edited = &self.edits.tracked;
        let first = edited.first()?;
        let files = match edited.len() {
            1 => first.display().to_string(),
            count => format!("{} and {} more", first.display(), count - 1),
        };
        let finding = match self.policy {
            LocalEdits::Refuse => Finding::fatal(
                "local-edits-refused",
                format!("The live tree has edits that are not committed: {files}."),
            )
            .meaning("--local-edits refuse asks for a live tree that is exactly what was committed.")
            .help(format!(
                "See them: git -C {} diff HEAD\nCommit them, or let them be carried over: --local-edits carry",
                self.live.display()
            )),
            LocalEdits::Carry => {
                let merged = match self.merged.len() {
                    0 => String::new(),
                    count => format!(" ({count} merged with the revision's own)"),
                };
                Finding::benign(
                    "local-edits-carried",
                    format!("Edits of the live tree are carried over: {files}{merged}."),
                )
            }
            LocalEdits::Drop => {
                Finding::benign("local-edits-dropped", format!("Edits of the live tree are not carried over: {files}."))
            }
        };
        Some(edited.iter().take(SHOWN).fold(finding, Finding::at))
    }
}

fn conflict(path: &Path, lines: &str, live: &str) -> Finding {
    let first = lines.lines().next().unwrap_or("both are no text");
    let (message, excerpt) = if lines.starts_with("<<<<<<<") {
        (format!("{} was edited in the live tree at a place that the revision changes too.", path.display()), lines)
    } else {
        (format!("{}: {first}.", path.display()), "")
    };
    let shown = if excerpt.is_empty() { String::new() } else { format!("\n{excerpt}") };
    let note =
        if path == Path::new(registry::PATH) { " For the registry, commit the site's own lines once." } else { "" };
    Finding::fatal("local-edit-conflict", format!("{message}{shown}"))
        .at(path)
        .meaning("git would refuse the checkout, or leave the marks of a conflict in the file.")
        .help(format!(
            "See the edit: git -C {live} diff HEAD -- {0}\nCommit or undo it, then check again; to check without it: --local-edits drop.{note}",
            path.display()
        ))
}

fn untracked(paths: &[PathBuf]) -> Option<Finding> {
    let first = paths.first()?;
    let message = match paths.len() {
        1 => format!("{} is not known to git; it stays.", first.display()),
        count => format!("{} and {} more are not known to git; they stay.", first.display(), count - 1),
    };
    Some(paths.iter().take(SHOWN).fold(Finding::benign("untracked-files-stay", message), Finding::at))
}
