//! What a build is to see: written by the gate, carried out by `__init`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fault::{Fault, failed};
use super::sockets;

/// What the caller wants of an isolation.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Our own program file.
    pub own: PathBuf,
    /// Whether the build keeps the network.
    pub network: bool,
    /// The words of the build's command.
    pub command: Vec<OsString>,
    /// The variables that the build will have: they name its home, its caches and its tools.
    pub variables: Vec<(OsString, OsString)>,
}

/// Where a stage lies, and where the build is to see its tree.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The stage's folder.
    pub stage: &'a Path,
    /// The staged tree in it.
    pub tree: &'a Path,
    /// The folder that the bundler's ear writes to.
    pub heard: &'a Path,
    /// The state folder, which the build does not see.
    pub state: &'a Path,
    /// The live tree, in whose place the build sees the staged one.
    pub live: &'a Path,
}

/// What a build is to see, and how to get there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Where the build sees the staged tree: the live tree's own path.
    pub at: PathBuf,
    /// Whether the build keeps the network.
    pub network: bool,
    pub(super) tree: PathBuf,
    pub(super) stage: PathBuf,
    pub(super) heard: PathBuf,
    pub(super) state: PathBuf,
    /// The process that holds the overlay, if there is one.
    pub(super) holder: Option<i32>,
    pub(super) home: Option<PathBuf>,
    /// Folders in which tools keep what they fetched: writable, and forgotten afterwards.
    pub(super) caches: Vec<PathBuf>,
    /// What the build needs although it lies in a folder for temporary files.
    pub(super) kept: Vec<PathBuf>,
    /// Secrets outside of the tree, and sockets of services.
    pub(super) hidden: Vec<PathBuf>,
    pub(super) hidden_folders: Vec<PathBuf>,
}

/// Folders for temporary files, of which the build gets its own.
pub(super) const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

/// Variables that name the folder of a cache.
const CACHES: [&str; 8] = [
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "YARN_CACHE_FOLDER",
    "npm_config_cache",
    "NPM_CONFIG_CACHE",
    "BUNDLE_USER_HOME",
    "COREPACK_HOME",
];

impl Plan {
    /// Plans for a stage; `secrets` are files outside of the tree that the build must not read.
    #[must_use]
    pub fn new(place: Place<'_>, wish: &Wish, secrets: &[PathBuf], holder: Option<i32>) -> Self {
        let home = home(&wish.variables, place);
        let elsewhere = |path: &PathBuf| {
            [Some(place.live), Some(place.state), home.as_deref()].iter().flatten().all(|at| !path.starts_with(at))
        };
        let temporary =
            |path: &PathBuf| TEMPORARY.iter().any(|folder| path.starts_with(folder) && path != Path::new(folder));
        let named = named_paths(wish);
        let (hidden_folders, mut hidden) = sockets::covers(&sockets::listening());
        hidden.extend(secrets.iter().cloned());
        let caches = wish.variables.iter().filter(|(name, _)| CACHES.iter().any(|cache| name == cache));
        let caches = caches.map(|(_, value)| PathBuf::from(value)).filter(|path| path.is_absolute() && path.is_dir());
        Self {
            at: place.live.to_path_buf(),
            network: wish.network,
            tree: place.tree.to_path_buf(),
            stage: place.stage.to_path_buf(),
            heard: place.heard.to_path_buf(),
            state: place.state.to_path_buf(),
            holder,
            caches: caches.filter(elsewhere).collect(),
            kept: outermost(named.into_iter().filter(temporary).filter(elsewhere).collect()),
            hidden: hidden.into_iter().filter(elsewhere_of(place)).collect(),
            hidden_folders: hidden_folders.into_iter().filter(elsewhere_of(place)).collect(),
            home,
        }
    }

    pub(super) fn path(stage: &Path) -> PathBuf {
        stage.join("isolation.json")
    }

    /// Where a child says why it could not set up what is planned.
    pub(super) fn note(&self) -> PathBuf {
        self.stage.join("isolation.note")
    }

    /// Writes the plan into its stage, and gives the file.
    pub(super) fn write(&self) -> io::Result<PathBuf> {
        let path = Self::path(&self.stage);
        fs::write(&path, serde_json::to_vec(self)?)?;
        Ok(path)
    }

    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    /// The words that come before a command, so that it runs as is planned here.
    ///
    /// # Errors
    /// The plan cannot be written into the stage, or holds a path that is no text.
    pub fn command(&self) -> io::Result<Vec<OsString>> {
        let _none_yet = fs::remove_file(self.note());
        Ok(vec![super::ISOLATE_COMMAND.into(), self.write()?.into_os_string()])
    }

    /// Why the last child could not set up what is planned, if it could not.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        fs::read_to_string(self.note()).ok().map(|text| text.trim().to_owned())
    }
}

/// The folder in a stage that an isolated build's own folders are made in. The gate makes it: children that outlive the gate
/// for a moment must not make a stage anew that was removed.
#[must_use]
pub fn space(stage: &Path) -> PathBuf {
    stage.join("space")
}

/// Makes a folder whose parent is there.
pub(super) fn make_folder(path: &Path) -> Result<(), Fault> {
    fs::create_dir(path)
        .or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
        .map_err(failed("make", path))
}

/// The home, unless it is the system's root or part of what is staged.
fn home(variables: &[(OsString, OsString)], place: Place<'_>) -> Option<PathBuf> {
    let named = variables.iter().find(|(name, _)| name == "HOME").map(|(_, value)| PathBuf::from(value))?;
    let home = fs::canonicalize(named).ok().filter(|home| home.is_dir() && home.parent().is_some())?;
    let apart = !home.starts_with(place.live) && !home.starts_with(place.state);
    (apart && !TEMPORARY.iter().any(|folder| home == Path::new(folder))).then_some(home)
}

/// Absolute paths that the build's variables and its command name, and our own program.
fn named_paths(wish: &Wish) -> Vec<PathBuf> {
    let texts = wish.variables.iter().map(|(_, value)| value).chain(&wish.command);
    let words = texts.flat_map(|text| text.as_bytes().split(|byte| b": '\"\t\n;=".contains(byte)));
    let paths = words.filter(|word| word.starts_with(b"/")).map(|word| PathBuf::from(OsStr::from_bytes(word)));
    paths.chain([wish.own.clone()]).filter(|path| path.exists()).collect()
}

/// Without those that lie in another one.
fn outermost(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    paths.dedup_by(|later, earlier| later.starts_with(&*earlier));
    paths
}

fn elsewhere_of(place: Place<'_>) -> impl Fn(&PathBuf) -> bool {
    move |path: &PathBuf| !path.starts_with(place.live) && !path.starts_with(place.state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_another_one_is_kept_with_it() {
        let paths = ["/tmp/a/b", "/tmp/a", "/tmp/ab", "/tmp/a"].map(PathBuf::from).to_vec();
        assert_eq!(outermost(paths), ["/tmp/a", "/tmp/ab"].map(PathBuf::from));
    }
}
