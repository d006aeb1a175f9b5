//! Writes files of a commit into a scratch folder, byte for byte as a checkout would: line ends by `.gitattributes` and
//! configuration.
//!
//! It works in a repository of its own, which borrows the objects: nothing of a stranger's configuration, hooks or filters
//! is there to be run, and nothing is written to the repository that is read.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{AttrCheckFlags, AttrValue, IndexEntry, IndexTime, Repository, RepositoryInitOptions};

use super::listing::{Entry, Listing};
use super::repository::Source;
use super::{RevisionError, RevisionName};

/// What decides the bytes of a checkout.
const SETTINGS: [&str; 3] = ["core.autocrlf", "core.eol", "core.filemode"];

/// `info/attributes` and `info/exclude` are a few lines.
const LONGEST_INFO: u64 = 1024 * 1024;

/// A scratch checkout.
pub(super) struct Checkout {
    /// A repository of our own.
    pub(super) repository: Repository,
    /// What is written.
    pub(super) files: PathBuf,
}

impl Checkout {
    /// Makes one below `scratch`; the files go to a folder called `name` there.
    pub(super) fn prepare(scratch: &Path, name: &str, source: &Source) -> Result<Self, RevisionError> {
        let (git, files) = (scratch.join(format!("git-of-{name}")), scratch.join(name));
        fs::create_dir_all(&files).map_err(RevisionError::scratch(&files))?;
        let failed = |error: git2::Error| RevisionError::opening(&source.path, &error);
        let mut options = RepositoryInitOptions::new();
        let repository = Repository::init_opts(&git, options.bare(true).external_template(false)).map_err(failed)?;
        borrow_objects(&git, &source.objects)?;
        take_over_info(&source.repository, &git)?;
        take_over_settings(&source.repository, &repository).map_err(failed)?;
        // Opened again, so that the borrowed objects and the settings are seen.
        let repository = Repository::open_bare(&git).map_err(failed)?;
        repository.set_workdir(&files, false).map_err(failed)?;
        Ok(Self { repository, files })
    }

    /// A second view of the same objects and settings, with a working tree that is only looked at.
    pub(super) fn looking_at(&self, tree: &Path) -> Result<Repository, git2::Error> {
        let repository = Repository::open_bare(self.repository.path())?;
        // Without a link of git's in the tree: nothing is written there.
        repository.set_workdir(tree, false)?;
        Ok(repository)
    }

    /// Writes the wanted files of a listing.
    pub(super) fn write(
        &self,
        source: &Source,
        rev: &RevisionName,
        listing: &Listing,
        wanted: &BTreeSet<&Path>,
    ) -> Result<(), RevisionError> {
        let attributes = |path: &Path| path.file_name().is_some_and(|name| name == ".gitattributes");
        let chosen = listing
            .entries
            .iter()
            .filter(|(path, entry)| entry.is_file() && (attributes(path) || wanted.contains(path.as_path())));
        self.write_entries(chosen).map_err(|error| source.incomplete(rev, &error))
    }

    fn write_entries<'a>(&self, entries: impl Iterator<Item = (&'a PathBuf, &'a Entry)>) -> Result<(), git2::Error> {
        let mut index = self.repository.index()?;
        index.clear()?;
        for (path, entry) in entries {
            index.add(&index_entry(path, entry))?;
        }
        index.write()?;
        let mut options = CheckoutBuilder::new();
        options.force().update_index(false).target_dir(&self.files);
        self.repository.checkout_index(Some(&mut index), Some(&mut options))
    }

    /// The filter that git would have run over a file, beyond line ends.
    pub(super) fn filter_of(&self, path: &Path) -> Option<String> {
        self.attribute(path, "filter")
    }

    /// The encoding that git would have written a file in.
    pub(super) fn encoding_of(&self, path: &Path) -> Option<String> {
        self.attribute(path, "working-tree-encoding")
    }

    fn attribute(&self, path: &Path, name: &str) -> Option<String> {
        let value = self.repository.get_attr(path, name, AttrCheckFlags::INDEX_ONLY).ok()?;
        match AttrValue::from_string(value) {
            AttrValue::String(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

fn index_entry(path: &Path, entry: &Entry) -> IndexEntry {
    let never = IndexTime::new(0, 0);
    IndexEntry {
        ctime: never,
        mtime: never,
        dev: 0,
        ino: 0,
        mode: if entry.mode() == 0o755 { 0o100_755 } else { 0o100_644 },
        uid: 0,
        gid: 0,
        file_size: 0,
        id: entry.id,
        flags: 0,
        flags_extended: 0,
        path: path.as_os_str().as_bytes().to_vec(),
    }
}

fn borrow_objects(git: &Path, objects: &[PathBuf]) -> Result<(), RevisionError> {
    let path = git.join("objects/info/alternates");
    let mut lines = Vec::new();
    for folder in objects {
        let folder = folder.canonicalize().map_err(RevisionError::scratch(folder))?;
        lines.extend_from_slice(folder.as_os_str().as_bytes());
        lines.push(b'\n');
    }
    fs::create_dir_all(git.join("objects/info")).map_err(RevisionError::scratch(&path))?;
    fs::write(&path, lines).map_err(RevisionError::scratch(&path))
}

/// Attributes and exclusions that a repository has for itself.
fn take_over_info(from: &Repository, git: &Path) -> Result<(), RevisionError> {
    let to = git.join("info");
    fs::create_dir_all(&to).map_err(RevisionError::scratch(&to))?;
    for name in ["attributes", "exclude"] {
        let own = from.commondir().join("info").join(name);
        if !own.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        let mut text = Vec::new();
        let read = File::open(&own).and_then(|file| file.take(LONGEST_INFO).read_to_end(&mut text));
        read.map_err(RevisionError::scratch(&own))?;
        fs::write(to.join(name), text).map_err(RevisionError::scratch(&to))?;
    }
    Ok(())
}

fn take_over_settings(from: &Repository, to: &Repository) -> Result<(), git2::Error> {
    let (theirs, mut ours) = (from.config()?, to.config()?);
    for name in SETTINGS {
        if let Ok(value) = theirs.get_string(name) {
            ours.set_str(name, &value)?;
        }
    }
    Ok(())
}
