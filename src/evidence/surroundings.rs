//! What a build depends on outside of the tree: the programs that compile, the files in the user's home that steer them, and
//! the limits of the process.
//!
//! A program is told by where it is and by what the file system says of it; what it loads (a shared library, a gem of the
//! system's) is not seen.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use blake3::Hasher;

use super::add;
use crate::programs::{HOME_FILES, found};

/// What an asset compile starts, whatever the command says.
const PROGRAMS: [&str; 7] = ["ruby", "bundle", "node", "yarn", "npm", "corepack", "sh"];

/// Adds everything to the digest; `command` is the line that compiles, `own` this program's file.
pub(super) fn digest(command: &str, own: &Path, hasher: &mut Hasher) {
    file(own, hasher);
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in PROGRAMS.into_iter().chain(command.split_whitespace()) {
        add(hasher, program.as_bytes());
        found(program, &path).iter().for_each(|path| file(path, hasher));
    }
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    for name in HOME_FILES {
        add(hasher, &fs::read(home.join(name)).unwrap_or_default());
    }
    add(hasher, &fs::read("/proc/self/limits").unwrap_or_default());
    add(hasher, umask().as_bytes());
    hasher.update(&rustix::process::geteuid().as_raw().to_le_bytes());
    hasher.update(&rustix::process::getegid().as_raw().to_le_bytes());
}

fn umask() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("Umask:")).unwrap_or_default().to_owned()
}

fn file(path: &Path, hasher: &mut Hasher) {
    add(hasher, path.as_os_str().as_bytes());
    let Ok(facts) = fs::symlink_metadata(path) else { return };
    for number in [facts.size(), facts.ino(), facts.dev(), u64::from(facts.mode())] {
        hasher.update(&number.to_le_bytes());
    }
    for time in [facts.mtime(), facts.mtime_nsec(), facts.ctime(), facts.ctime_nsec()] {
        hasher.update(&time.to_le_bytes());
    }
}
