//! What was seen of a live tree, sorted by what has to be done with it.
//!
//! It must not know how names are read, nor how files are copied.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::inventory::{Entry, Kind};
use super::listing::{self, Listing};
use super::walk;

/// A folder or a link to be made in the stage.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    /// Relative to the tree's root.
    pub(super) place: PathBuf,
    /// As it was seen.
    pub(super) entry: Entry,
    /// A link that has to point at this place of the stage, instead of where it is written to point.
    pub(super) points_at: Option<PathBuf>,
    /// Whether it stands in the live tree itself and is ours: an overlay shows it as it is, and lets a build change it.
    pub(super) shows_through: bool,
}

/// What was seen, sorted by what has to be done with it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Parents before children.
    pub(super) folders: Vec<Planned>,
    /// Everything but what is left out, folder by folder, in the order of the folders.
    pub(super) listings: Vec<Listing>,
    pub(super) files: Files,
    pub(super) links: Vec<Planned>,
    /// Links of which it is not yet known where they lead, and where they lie on the disk; none when the whole tree is read.
    pub(super) unsettled: Vec<(Planned, PathBuf)>,
    /// Folders of the live tree that begin empty.
    pub(super) empty: Vec<PathBuf>,
    /// Sockets, FIFOs and devices, which are left out.
    pub(super) special: Vec<PathBuf>,
    /// Everything of the live tree that is left out one by one, those included.
    pub(super) left_out: Vec<PathBuf>,
    /// Folders that an overlay shows from a layer of their own.
    pub(super) shown: Vec<PathBuf>,
    /// Files outside of the tree that links of secret names lead to.
    pub(super) secrets_elsewhere: Vec<PathBuf>,
    /// Links in whose place the folder stands that they lead to, and what is written in them.
    pub(super) taken_in: Vec<(PathBuf, PathBuf)>,
    /// Links that lead out of the tree, and where to.
    pub(super) leading_out: Vec<(PathBuf, PathBuf)>,
    /// Bytes of the compiled output of the live tree: about what a build will write.
    pub(super) output_bytes: u64,
    /// Bytes that whoever copies brings in place of folders of the live tree.
    pub(super) brought_bytes: u64,
}

/// The files to be copied, counted.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Files {
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// On the disk.
    pub(super) disk_bytes: u64,
    /// Those of them that an overlay does not show as they should be.
    pub(super) hidden: u64,
}

impl Plan {
    pub(super) fn take(&mut self, part: Self) {
        self.folders.extend(part.folders);
        self.files.take(part.files);
        self.unsettled.extend(part.unsettled);
        self.empty.extend(part.empty);
        self.special.extend(part.special);
        self.left_out.extend(part.left_out);
        self.secrets_elsewhere.extend(part.secrets_elsewhere);
        self.output_bytes += part.output_bytes;
    }

    pub(super) fn add(&mut self, place: &Path, path: &Path, entry: &Entry, shows_through: bool) {
        let planned = || Planned { place: place.to_path_buf(), entry: entry.clone(), points_at: None, shows_through };
        match entry.kind {
            Kind::Folder => self.folders.push(planned()),
            Kind::Link => self.unsettled.push((planned(), path.to_path_buf())),
            Kind::Special => self.special.push(place.to_path_buf()),
            Kind::File => {}
        }
    }

    /// Threads have gathered it in any order.
    pub(super) fn sort(&mut self) {
        self.folders.sort_unstable_by(|one, other| listing::order(&one.place, &other.place));
        listing::sort(&mut self.listings);
        for list in [&mut self.empty, &mut self.special, &mut self.left_out, &mut self.secrets_elsewhere] {
            list.sort();
        }
    }

    /// What is watched at the place of a link that became a folder is that folder.
    pub(super) fn instead_of_link(&mut self, taken: &Listing, name: &OsStr) {
        let folder = self.listings.iter_mut().find(|listing| listing.place == taken.place);
        if let (Some(folder), Some(item)) = (folder, taken.find(name)) {
            folder.replace(name, item.clone());
        }
    }

    /// What is watched at the place of a link that leads out to a file (Capistrano's `shared/config/…`) is that file too. In
    /// `public` it is not: no build reads what is served there, and some of it is written all the time (a page of statistics).
    pub(super) fn watch_behind(&mut self) {
        for (place, to) in self.leading_out.iter().filter(|(place, _)| !place.starts_with("public")) {
            let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else { continue };
            let folder = self.listings.binary_search_by(|listing| listing::order(&listing.place, parent));
            let Some(folder) = folder.ok().map(|at| &mut self.listings[at]) else { continue };
            let Some(mut item) = folder.find(name).cloned() else { continue };
            if let Some(entry) = file_behind(to, &item.entry) {
                item.entry = entry;
                folder.replace(name, item);
            }
        }
    }

    /// A file with something in it, to try things with.
    pub(super) fn trial_file(&self) -> Option<PathBuf> {
        self.listings.iter().find_map(|listing| {
            let (name, _) = listing.iter().find(|(_, item)| item.role.copied && item.entry.size > 0)?;
            Some(listing.source.join(name))
        })
    }
}

impl Files {
    pub(super) fn add(&mut self, bytes: u64, disk_bytes: u64, shows_through: bool) {
        self.take(Self { count: 1, bytes, disk_bytes, hidden: u64::from(!shows_through) });
    }

    fn take(&mut self, other: Self) {
        self.count += other.count;
        self.bytes += other.bytes;
        self.disk_bytes += other.disk_bytes;
        self.hidden += other.hidden;
    }
}

/// The file that a link leads to, with where the link says that it is; none if it is no file.
pub(super) fn file_behind(to: &Path, link: &Entry) -> Option<Entry> {
    let behind = walk::look_at(&fs::canonicalize(to).ok()?).ok()?.entry;
    (behind.kind == Kind::File).then(|| Entry { target: link.target.clone(), ..behind })
}
