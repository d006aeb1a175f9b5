//! The programs that a build starts: where they are found, and what decides which version of them it is.
//!
//! No program is started to ask.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Files in the user's home that steer Ruby, Node and their version managers.
pub(crate) const HOME_FILES: [&str; 12] = [
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".bundle/config",
    ".gemrc",
    ".rbenv/version",
    ".nodenv/version",
    ".nvm/alias/default",
    ".tool-versions",
    ".asdfrc",
    ".config/mise/config.toml",
    ".volta/tools/user/platform.json",
];

/// Where the program is found in the folders `path`, the links resolved, and what a version manager's shim of it may start;
/// sorted.
pub(crate) fn found(program: &str, path: &OsStr) -> Vec<PathBuf> {
    let named = if program.contains('/') {
        Some(PathBuf::from(program)).filter(|path| path.is_absolute())
    } else {
        std::env::split_paths(path).map(|folder| folder.join(program)).find(|path| path.is_file())
    };
    let Some(named) = named else { return Vec::new() };
    let mut all: Vec<PathBuf> = fs::canonicalize(&named).into_iter().collect();
    let shims = named.parent().filter(|folder| folder.file_name() == Some(OsStr::new("shims")));
    if let Some(manager) = shims.and_then(Path::parent) {
        // rbenv and nodenv have a folder for each version; asdf and mise one for each tool, and in it one for each version.
        let installed =
            inside(&manager.join("versions")).chain(inside(&manager.join("installs")).flat_map(|tool| inside(&tool)));
        all.extend(installed.map(|version| version.join("bin").join(program)).filter(|path| path.is_file()));
    }
    all.push(named);
    all.sort();
    all
}

fn inside(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}
