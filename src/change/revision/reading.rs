//! Goes through two commits and the live tree, path by path: the commit that the live tree was made from, the one that
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
use super::{LocalEdits, RevisionError, RevisionName, SiteRevision, base, bytes};
use crate::change::tree::{TreeChange, case_clashes};
use crate::finding::Finding;

/// Mastodon 4.6 has about ten thousand files.
const BOUNDS: Bounds = Bounds { most: 200_000, what: "Mastodon tree" };

/// The two commits, and the live tree.
pub(super) struct Around<'a> {
    pub(super) source: &'a Source,
    pub(super) revision: RevisionName,
    pub(super) live: &'a Path,
    /// The commit that the live tree was made from.
    pub(super) before: Listing,
    /// The commit that shall go live.
    pub(super) target: Listing,
    pub(super) edits: Edits,
    /// Where its files are written.
    pub(super) checkout: Checkout,
}

impl<'a> Around<'a> {
    pub(super) fn read(
        source: &'a Source,
        wanted: &SiteRevision,
        live: &'a Path,
        matters: &dyn Fn(&Path) -> bool,
        scratch: &Path,
    ) -> Result<Self, RevisionError> {
        let (commit, revision) = source.commit(&wanted.rev)?;
        let target = listing::list(source, &revision, source.tree(&commit, &revision)?, &BOUNDS)?;
        let base = base::tree_of(source, wanted, live)?;
        let before = listing_of(source, &revision, base)?;
        let checkout = Checkout::prepare(scratch, "files", source)?;
        let edits = edits_of(source, &revision, &checkout, live, base, matters)?;
        Ok(Self { source, revision, live, before, target, edits, checkout })
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

/// What comes of it, while the paths are gone through.
pub(super) struct Reading<'a> {
    pub(super) around: &'a Around<'a>,
    pub(super) policy: LocalEdits,
    /// Whether a path that the new commit does not have goes.
    removes: &'a dyn Fn(&Path) -> bool,
    pub(super) tree: TreeChange,
    pub(super) conflicts: Vec<(PathBuf, String)>,
    pub(super) merged: Vec<PathBuf>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(around: &'a Around<'a>, policy: LocalEdits, removes: &'a dyn Fn(&Path) -> bool) -> Self {
        let mut tree = TreeChange::new(around.checkout.files.clone());
        tree.findings.extend(around.target.impossible.iter().map(|path| bytes::unsafe_name(path)));
        Self { around, policy, removes, tree, conflicts: Vec::new(), merged: Vec::new() }
    }

    /// Goes through everything that differs.
    pub(super) fn read(&mut self, matters: &dyn Fn(&Path) -> bool, scratch: &Path) -> Result<(), RevisionError> {
        let paths: BTreeSet<PathBuf> = self.paths().into_iter().filter(|path| matters(path)).collect();
        self.write_targets(&paths)?;
        let bases = self.write_bases(&paths, scratch)?;
        for path in &paths {
            self.path(path, bases.get(path));
        }
        let added = paths.iter().filter(|path| !self.around.before.entries.contains_key(*path));
        let all = self.around.target.entries.keys();
        self.tree.findings.extend(case_clashes(added, all));
        Ok(())
    }

    /// What differs between the two commits, and with `drop` what differs between the first and the live tree too.
    fn paths(&self) -> BTreeSet<PathBuf> {
        let (old, new) = (&self.around.before.entries, &self.around.target.entries);
        let mut paths: BTreeSet<PathBuf> =
            new.iter().filter(|(path, entry)| old.get(*path) != Some(entry)).map(|(path, _)| path.clone()).collect();
        paths.extend(old.keys().filter(|path| !new.contains_key(*path)).cloned());
        if self.policy == LocalEdits::Drop {
            paths.extend(self.around.edits.tracked.iter().cloned());
        }
        paths
    }

    fn write_targets(&mut self, paths: &BTreeSet<PathBuf>) -> Result<(), RevisionError> {
        let mut wanted = BTreeSet::new();
        for path in paths {
            let Some(entry) = self.around.target.entries.get(path).filter(|entry| entry.is_file()) else { continue };
            match self.size(entry)? {
                len if len > bytes::TOO_LARGE => self.tree.findings.push(bytes::too_large(path, len)),
                _ => drop(wanted.insert(path.as_path())),
            }
        }
        self.around.checkout.write(self.around.source, &self.around.revision, &self.around.target, &wanted)
    }

    /// The files that both sides changed, as they were before.
    fn write_bases(
        &self,
        paths: &BTreeSet<PathBuf>,
        scratch: &Path,
    ) -> Result<BTreeMap<PathBuf, Vec<u8>>, RevisionError> {
        let both: BTreeSet<&Path> =
            paths.iter().filter(|path| self.around.edits.tracked.contains(*path)).map(PathBuf::as_path).collect();
        if both.is_empty() {
            return Ok(BTreeMap::new());
        }
        let checkout = Checkout::prepare(scratch, "before", self.around.source)?;
        checkout.write(self.around.source, &self.around.revision, &self.around.before, &both)?;
        let read = |path: &Path| Some((path.to_path_buf(), bytes::settle(&checkout, self.around.source, path).ok()?));
        Ok(both.into_iter().filter_map(read).collect())
    }

    fn size(&self, entry: &Entry) -> Result<usize, RevisionError> {
        let header = self.around.source.repository.odb().and_then(|odb| odb.read_header(entry.id));
        header.map(|(len, _)| len).map_err(|error| self.around.source.incomplete(&self.around.revision, &error))
    }

    fn path(&mut self, path: &Path, base: Option<&Vec<u8>>) {
        match self.around.target.entries.get(path) {
            Some(_) if !super::is_plain_name(path) => self.tree.findings.push(bytes::unsafe_name(path)),
            None if self.keeps_edit(path) => self.removed_under_an_edit(path),
            None if !(self.removes)(path) => {}
            None => self.tree.remove(path),
            Some(entry) if entry.kind == Kind::Submodule => {
                self.tree.findings.push(bytes::submodule(path, self.around.source));
            }
            Some(entry) if entry.kind == Kind::Link => self.link(path, entry),
            Some(entry) => self.file(path, entry, base),
        }
    }

    /// Whether an edit of this path stands and has to be minded.
    fn keeps_edit(&self, path: &Path) -> bool {
        self.policy != LocalEdits::Drop && self.around.edits.tracked.contains(path)
    }

    fn removed_under_an_edit(&mut self, path: &Path) {
        if self.around.live.join(path).symlink_metadata().is_ok() {
            self.conflict(path, "edited here, and removed by the revision");
        }
    }

    fn link(&mut self, path: &Path, entry: &Entry) {
        let target = self.around.source.repository.find_blob(entry.id).map(|blob| blob.content().to_vec());
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
        if !self.around.checkout.files.join(path).is_file() {
            return; // Too large, which is said.
        }
        let new = match bytes::settle(&self.around.checkout, self.around.source, path) {
            Ok(new) => new,
            Err(finding) => return self.tree.findings.push(*finding),
        };
        if self.is_untracked(path) {
            match fs::read(self.around.live.join(path)) {
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
        match fs::read(self.around.live.join(path)) {
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
            && !self.around.before.entries.contains_key(path)
            && self.around.live.join(path).symlink_metadata().is_ok_and(|found| !found.is_dir())
    }

    fn conflict(&mut self, path: &Path, lines: &str) {
        self.conflicts.push((path.to_path_buf(), lines.to_owned()));
    }
}
