//! The staged tree as the rest of the gate has it: where it is, what is known of it, and its end.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::mem;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::error::StagingError;
use super::inventory::{Change, Inventory, What, differences};
use super::survey::Look;
use super::{HEARD, Method, SIDE, TREE, ladder, layer, overlay, ownership};
use crate::finding::Finding;
use crate::isolation::{self, Holder};

/// A staged tree, with a folder beside it for what a run leaves. Dropped, it is removed, unless it is to be kept.
#[derive(Debug)]
pub struct StagedTree {
    pub(super) folder: PathBuf,
    pub(super) live: PathBuf,
    /// The process that has the overlay mounted, if the tree is one.
    pub(super) holder: Option<Holder>,
    pub(super) isolation: Option<isolation::Plan>,
    /// Whether what replaces folders of the live tree is shown in it.
    pub(super) shows_replacement: bool,
    pub(super) passed_over: Vec<String>,
    /// Holds the lock that says that the owner lives; none once the stage is being removed.
    owner: Option<File>,
    pub(super) keep: bool,
    removed: bool,
    pub(super) method: Method,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) findings: Vec<Finding>,
    /// The look at the live tree that it was staged by; none before it was.
    pub(super) before: Option<Look>,
}

impl StagedTree {
    pub(super) fn begin(state: &Path, live: &Path) -> Result<Self, StagingError> {
        let (folder, owner) = ownership::new_stage(state)?;
        let staged = Self {
            folder,
            live: live.to_path_buf(),
            holder: None,
            isolation: None,
            shows_replacement: false,
            passed_over: Vec::new(),
            owner: Some(owner),
            keep: false,
            removed: false,
            method: Method::Copy,
            files: 0,
            bytes: 0,
            findings: Vec::new(),
            before: None,
        };
        let space = isolation::space(&staged.folder);
        for folder in [staged.folder.join(TREE), staged.side(), staged.heard(), space] {
            DirBuilder::new().mode(0o700).create(&folder).map_err(|error| StagingError::unwritable(&folder, error))?;
        }
        Ok(staged)
    }

    pub(super) fn marked_kept(mut self) -> Result<Self, StagingError> {
        ownership::mark_kept(&self.folder)?;
        self.keep = true;
        Ok(self)
    }

    /// The root of the staged tree, where the gate reads and writes it. An overlay is seen through the process that has it
    /// mounted: there, a canonical path of something in it means nothing.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.holder.as_ref().map_or_else(|| self.folder.join(TREE), |holder| holder.root().to_path_buf())
    }

    /// How the build is isolated, if it is.
    #[must_use]
    pub fn isolation(&self) -> Option<&isolation::Plan> {
        self.isolation.as_ref()
    }

    /// True if what replaces folders of the live tree stands in it already, as a layer of the overlay.
    #[must_use]
    pub fn shows_replacement(&self) -> bool {
        self.shows_replacement
    }

    /// Why better ways to stage or to isolate were passed over, in sentences without their full stop.
    #[must_use]
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// Makes sure that the tree can still be read: what an overlay no longer shows would look like missing files.
    ///
    /// # Errors
    /// If the process that has the overlay mounted is gone.
    pub fn ensure_readable(&self) -> Result<(), StagingError> {
        if self.holder.as_ref().is_none_or(Holder::is_alive) { Ok(()) } else { Err(StagingError::OverlayLost) }
    }

    /// A folder beside the staged tree, for logs and the like.
    #[must_use]
    pub fn side(&self) -> PathBuf {
        self.folder.join(SIDE)
    }

    /// The folder in it that the bundler's ear writes to.
    #[must_use]
    pub fn heard(&self) -> PathBuf {
        self.side().join(HEARD)
    }

    /// How the tree was staged.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// How many files it has.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.files
    }

    /// How many bytes they hold.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What staging noticed: links that lead out, sockets left out, a live tree that moved.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What is different now in the live tree from what was staged, and the look that tells so, if all of it can be read. Media,
    /// logs and caches, which a running site writes, are not compared.
    #[must_use]
    pub fn live_changes(&self) -> (Vec<Change>, Option<Look>) {
        let Some(before) = &self.before else { return (Vec::new(), None) };
        match before.again() {
            Ok(now) => (now.changes_since(before), Some(now)),
            Err(StagingError::Unreadable { path, .. }) => {
                (vec![(path.strip_prefix(&self.live).unwrap_or(&path).to_path_buf(), What::Unreadable)], None)
            }
            Err(_) => (vec![(PathBuf::new(), What::Unreadable)], None),
        }
    }

    /// What stands now where writes to the staged tree end up, but for what is below the folders `closed`: for
    /// [`Self::changes_since`].
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn inventory(&self, closed: &[PathBuf]) -> Result<Inventory, StagingError> {
        Inventory::of_tree_but(&self.written(), closed).map_err(|error| match error {
            StagingError::Unreadable { path, source } => StagingError::StageUnreadable { path, source },
            other => other,
        })
    }

    /// What was made, changed and removed in the staged tree since its inventory was taken with the same folders `closed`.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn changes_since(&self, before: &Inventory, closed: &[PathBuf]) -> Result<Vec<Change>, StagingError> {
        let now = self.inventory(closed)?;
        Ok(match self.holder {
            Some(_) => layer::changes(before, &now, &self.written(), &self.live),
            None => differences(before, &now),
        })
    }

    /// Where writes to the tree end up: a tree that holds what was written, and with an overlay nothing else.
    #[must_use]
    pub fn written(&self) -> PathBuf {
        if self.holder.is_some() { self.folder.join(ladder::UPPER) } else { self.root() }
    }

    /// Moves a file or folder that was written since the tree was staged to `to`, on the same file system; false if there is
    /// none. It is missing in the tree afterwards.
    ///
    /// # Errors
    /// If it cannot be moved.
    pub fn take(&self, place: &Path, to: &Path) -> io::Result<bool> {
        let from = self.written().join(place);
        if !from.exists() {
            return Ok(false);
        }
        if self.holder.is_some() {
            layer::make_plain(&from)?;
        }
        fs::rename(&from, to).map(|()| true)
    }

    /// Writes a file of the change, replacing a regular file of that name; folders are made as they are needed.
    ///
    /// # Errors
    /// A path that is absolute, climbs with `..` or passes through a link; a name taken by something that is no file.
    pub fn put(&self, place: &Path, bytes: &[u8], mode: u32) -> Result<(), StagingError> {
        overlay::put(&self.root(), place, bytes, mode)
    }

    /// Removes a file that the change takes away.
    ///
    /// # Errors
    /// As for [`Self::put`], and a file that is not there.
    pub fn remove(&self, place: &Path) -> Result<(), StagingError> {
        overlay::remove(&self.root(), place)
    }

    /// Takes away the file or link at a place, and the folders that are empty without it. That nothing is there is no error.
    ///
    /// # Errors
    /// As for [`Self::put`], and a folder at that place.
    pub fn discard(&self, place: &Path) -> Result<(), StagingError> {
        overlay::discard(&self.root(), place)
    }

    /// Makes a symbolic link that points at `target`, as it is written.
    ///
    /// # Errors
    /// As for [`Self::put`], and a name that is taken.
    pub fn link(&self, place: &Path, target: &Path) -> Result<(), StagingError> {
        overlay::link(&self.root(), place, target)
    }

    /// Tells the overlay, if the tree is one, to end, and does not wait for that: only what was written can be read afterwards.
    pub fn let_go(&mut self) {
        self.holder.iter_mut().filter(|_| !self.keep).for_each(Holder::let_go);
    }

    /// Removes the stage, unless it is to be kept.
    ///
    /// # Errors
    /// Something in it that cannot be removed.
    pub fn close(mut self) -> Result<(), StagingError> {
        self.remove_now()
    }

    /// Leaves the stage where it is, whatever the request said, and returns its folder (`tree/` and `side/` are in it).
    ///
    /// # Errors
    /// The mark that keeps it from being swept cannot be written.
    pub fn keep(self) -> Result<PathBuf, StagingError> {
        let kept = self.marked_kept()?;
        Ok(kept.folder.clone())
    }

    pub(super) fn remove_now(&mut self) -> Result<(), StagingError> {
        if self.keep || mem::replace(&mut self.removed, true) {
            return Ok(());
        }
        // The mount and what is below it end side by side: each waits for the disk.
        self.holder.iter_mut().for_each(Holder::let_go);
        let removed = ownership::remove_stage(&self.folder, self.owner.take());
        drop(self.holder.take());
        removed
    }
}

impl Drop for StagedTree {
    fn drop(&mut self) {
        // Nobody is left to tell; the next run sweeps what could not be removed.
        let _swept_later = self.remove_now();
    }
}
