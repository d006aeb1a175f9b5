//! A home in which a build may write what it likes, and nothing of it is kept: the real one's files are there to be read, its
//! folders for caches and settings take writes and forget them, and its keys are missing.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::fault::{Fault, failed};
use super::mounts;
use super::plan::make_folder;

/// Keys, passwords and what was typed.
const SECRET: [&[u8]; 20] = [
    b".ssh",
    b".gnupg",
    b".aws",
    b".docker",
    b".kube",
    b".pgpass",
    b".netrc",
    b".my.cnf",
    b".mylogin.cnf",
    b".git-credentials",
    b".vault-token",
    b".bash_history",
    b".zsh_history",
    b".psql_history",
    b".rediscli_history",
    b".irb_history",
    b".pry_history",
    b".python_history",
    b".node_repl_history",
    b".mysql_history",
];

/// More than this is no home; it is left as it is, to be read only, and its keys are covered.
const MOST: usize = 500;

/// The keys in a home at `at` that is left as it is: folders, and files.
pub(super) fn keys(at: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let names = SECRET.iter().map(|name| at.join(OsStr::from_bytes(name)));
    // A link is no place for a mount: what it leads to is covered.
    names.filter_map(|path| fs::canonicalize(path).ok()).partition(|path| path.is_dir())
}

/// A home that is ready to be put in place.
pub(super) struct Home {
    at: PathBuf,
    folder: OwnedFd,
    entries: Vec<(OsString, Entry)>,
}

enum Entry {
    Folder(OwnedFd),
    File(OwnedFd),
    Link(PathBuf),
    /// Something of its own will be mounted there.
    Empty,
}

/// Opens a folder of the home that takes writes; the other folder is for them.
type Opening<'a> = &'a dyn Fn(&Path, &Path) -> Result<OwnedFd, Fault>;

impl Home {
    /// Opens everything that is in the home at `at`; `space` is an empty folder that can be written, `replaced` are the
    /// places where something else will be mounted, and `forgetful` opens a folder that takes writes, with a folder of its own.
    pub(super) fn open(
        at: &Path,
        space: &Path,
        replaced: &[&Path],
        forgetful: Opening<'_>,
    ) -> Result<Option<Self>, Fault> {
        // One that cannot be listed is of no use to the build either.
        let listing: Vec<DirEntry> = fs::read_dir(at).into_iter().flatten().flatten().take(MOST + 1).collect();
        if listing.is_empty() || listing.len() > MOST {
            return Ok(None);
        }
        let folder = space.join("home");
        let layers = space.join("home-layers");
        make_folder(&folder)?;
        make_folder(&layers)?;
        let mut entries = Vec::new();
        for found in listing.iter().filter(|found| !SECRET.contains(&found.file_name().as_bytes())) {
            if let Some(entry) = open(found, &layers, replaced, forgetful) {
                entries.push((found.file_name(), entry));
            }
        }
        Ok(Some(Self { at: at.to_path_buf(), folder: mounts::twin(&folder)?, entries }))
    }

    /// Puts it in the real one's place.
    pub(super) fn attach(self) -> Result<(), Fault> {
        mounts::attach_new(&self.folder, &self.at, true)?;
        for (name, entry) in &self.entries {
            let path = self.at.join(name);
            match entry {
                Entry::Folder(tree) => mounts::attach_new(tree, &path, true)?,
                Entry::File(file) => mounts::attach_new(file, &path, false)?,
                Entry::Link(target) if !path.is_symlink() => {
                    symlink(target, &path).map_err(failed("make", &path))?;
                }
                Entry::Empty => fs::create_dir_all(&path).map_err(failed("make", &path))?,
                Entry::Link(_) => {}
            }
        }
        Ok(())
    }
}

/// None for what cannot be opened: a build cannot either.
fn open(found: &DirEntry, layers: &Path, replaced: &[&Path], forgetful: Opening<'_>) -> Option<Entry> {
    let path = found.path();
    let kind = found.file_type().ok()?;
    if replaced.contains(&path.as_path()) {
        return Some(Entry::Empty);
    }
    if kind.is_symlink() {
        return fs::read_link(&path).ok().map(Entry::Link);
    }
    if kind.is_dir() && found.file_name().as_bytes().starts_with(b".") {
        return forgetful(&path, &layers.join(found.file_name())).ok().map(Entry::Folder);
    }
    let tree = mounts::twin(&path).ok()?;
    if kind.is_dir() { Some(Entry::Folder(tree)) } else { kind.is_file().then_some(Entry::File(tree)) }
}

/// A folder that takes writes and forgets them; one that cannot be written where the kernel has no overlay for it.
pub(super) fn forgetful(path: &Path, space: &Path) -> Result<OwnedFd, Fault> {
    let [upper, work, merged] = ["upper", "work", "merged"].map(|name| space.join(name));
    make_folder(space)?;
    [&upper, &work, &merged].into_iter().try_for_each(|folder| make_folder(folder))?;
    match mounts::overlay(&[path], &upper, &work, &merged) {
        Ok(()) => mounts::twin(&merged),
        Err(_) => mounts::twin(path),
    }
}
