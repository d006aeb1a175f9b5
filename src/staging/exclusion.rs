//! What of the live tree reaches the stage, and what of it is watched for changes. Pure: names and kinds in, a fate out.
//!
//! It must not know the disk, nor how files are copied.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::inventory::Kind;

/// What becomes of one path of the live tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Copied, and watched in the live tree.
    Stage,
    /// Copied, but the running site may change it at any time.
    StageUnwatched,
    /// Not copied; the build must leave it alone all the same, so it is watched.
    Watch,
    /// A folder that the stage begins with empty.
    Empty,
    /// A compiled output folder: begins empty in the stage, its content is watched in the live tree.
    Output,
    /// Neither copied nor looked into.
    LeaveOut,
}

/// Folders at the root that hold volumes, media, or what a compile never reads.
const LEFT_OUT: &[&str] = &[
    ".git",
    ".themegate",
    "coverage",
    ".ssh",
    ".gnupg",
    ".aws",
    ".docker",
    "public/packs-dev",
    "public/packs-test",
    "public/system",
];

/// Docker volumes as Mastodon's docker-compose.yml lays them out: `postgres14`, `redis`, `elasticsearch`, ….
const VOLUMES: &[&str] = &["postgres", "redis", "elasticsearch", "opensearch"];

/// Folders that Rails wants to find, and whose content is none of a build's business.
const EMPTY: &[&str] = &["log", "tmp/pids", "tmp/sockets"];

/// Folders that a build writes below: a link out of the tree in their place becomes a folder.
const REAL_FOLDERS: &[&str] = &[
    "node_modules",
    "node_modules/.cache",
    "node_modules/.vite",
    "tmp",
    "tmp/cache",
    "tmp/cache/webpacker",
    "tmp/cache/vite",
    "tmp/cache/assets",
];

/// Files at the root that hold nothing but secrets or personal data.
const SECRET_NAMES: &[&str] =
    &[".pgpass", ".netrc", ".my.cnf", ".bash_history", ".psql_history", ".irb_history", ".pry_history"];

/// Endings of files that hold nothing but secrets or personal data, at the root or under `config/`.
const SECRET_ENDINGS: &[&str] =
    &[".key", ".pem", ".p12", ".pfx", ".jks", ".dump", ".pgdump", ".sql", ".sql.gz", ".dump.gz"];

/// Folders at the root that hold most of a tree's files, and below which none of the rules above applies.
const WHOLE: &[&str] = &["app", "bin", "db", "lib", "node_modules", "spec", "streaming", "vendor"];

/// The rules, and the two things they depend on.
#[derive(Debug)]
pub(crate) struct Exclusions {
    outputs: Vec<PathBuf>,
    /// Those of the whole folders in which there is neither output nor state.
    whole: Vec<&'static str>,
    /// The state folder, if it lies inside the live tree.
    state: Option<PathBuf>,
}

impl Exclusions {
    pub(crate) fn new(outputs: &[PathBuf], state: Option<PathBuf>) -> Self {
        let holds = |folder: &str| outputs.iter().chain(&state).any(|path| path.starts_with(folder));
        let whole = WHOLE.iter().copied().filter(|folder| !holds(folder)).collect();
        Self { outputs: outputs.to_vec(), whole, state }
    }

    /// Decides about a path, relative to the live tree's root.
    pub(crate) fn fate(&self, path: &Path, kind: Kind) -> Fate {
        if path.parent().is_some_and(|folder| self.is_whole(folder)) {
            return Fate::Stage;
        }
        if self.state.as_deref() == Some(path) || is_left_out(path) || is_volume(path, kind) {
            return Fate::LeaveOut;
        }
        if let Some(output) = self.outputs.iter().find(|output| path.starts_with(output)) {
            return if path == output { Fate::Output } else { Fate::Watch };
        }
        if is_secret(path) {
            return Fate::Watch;
        }
        if EMPTY.iter().any(|name| path == Path::new(name)) {
            return Fate::Empty;
        }
        if path.starts_with("tmp") { fate_in_tmp(path) } else { Fate::Stage }
    }

    /// True if everything in this folder is staged, whatever it is.
    pub(super) fn is_whole(&self, folder: &Path) -> bool {
        let first = folder.components().next().map(Component::as_os_str);
        first.is_some_and(|first| self.whole.iter().any(|whole| first == *whole))
    }

    /// True if a link at this place has to become a real folder: the build writes below it, or changes real paths through it.
    pub(super) fn is_real_folder(&self, path: &Path) -> bool {
        REAL_FOLDERS.iter().any(|name| path == Path::new(name))
            || self.outputs.iter().any(|output| output != path && output.starts_with(path))
    }
}

fn is_left_out(path: &Path) -> bool {
    LEFT_OUT.iter().any(|name| path == Path::new(name))
}

fn is_volume(path: &Path, kind: Kind) -> bool {
    let at_root = path.parent() == Some(Path::new(""));
    let name = path.as_os_str().as_bytes();
    at_root && kind != Kind::File && VOLUMES.iter().any(|volume| name.starts_with(volume.as_bytes()))
}

/// Caches are kept, so that a staged build is as fast as a live one; the digests by which webpacker and vite_ruby decide
/// that there is nothing to do are not (webpacker's `compiler.rb`, vite_ruby's `build.rb`).
fn fate_in_tmp(path: &Path) -> Fate {
    if path == Path::new("tmp") || path == Path::new("tmp/cache") {
        return Fate::StageUnwatched;
    }
    if !path.starts_with("tmp/cache") || is_nothing_to_do_digest(path) {
        return Fate::LeaveOut;
    }
    Fate::StageUnwatched
}

fn is_nothing_to_do_digest(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    match path.parent() {
        Some(parent) if parent == Path::new("tmp/cache/webpacker") => name.starts_with(b"last-compilation-digest-"),
        Some(parent) if parent == Path::new("tmp/cache/vite") => name.starts_with(b"last-build-"),
        _ => false,
    }
}

/// True for files that hold only secrets: `.env*` but its samples, private keys, password files, database dumps.
///
/// Files that mix secrets with what a build needs (`config/database.yml`, `.npmrc`) are kept: the live build reads them too.
pub(super) fn is_secret(path: &Path) -> bool {
    let Some(parent) = path.parent() else { return false };
    let name = path.file_name().unwrap_or_default();
    let at_root = parent == Path::new("");
    (at_root && (is_env_file(name) || SECRET_NAMES.iter().any(|secret| name == *secret)))
        || ((at_root || parent.starts_with("config")) && ends_like_a_secret(name))
}

fn is_env_file(name: &OsStr) -> bool {
    let name = name.as_bytes();
    (name.starts_with(b".env") || name.starts_with(b"env.production"))
        && !name.ends_with(b".sample")
        && !name.ends_with(b".example")
}

fn ends_like_a_secret(name: &OsStr) -> bool {
    let name = name.as_bytes().to_ascii_lowercase();
    SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(path: &str) -> Fate {
        let outputs = [PathBuf::from("public/packs"), PathBuf::from("public/assets")];
        Exclusions::new(&outputs, Some(PathBuf::from("var/gate"))).fate(Path::new(path), Kind::Folder)
    }

    #[test]
    fn what_a_build_needs_is_staged() {
        for path in [
            "app",
            "config/themes.yml",
            "node_modules/a/.git",
            "public/emoji",
            ".env.production.sample",
            "bin/rails",
            ".yarnrc.yml",
            "node_modules/x/test/server.pem",
            "config/credentials.yml.enc",
            "vendor/redis",
            "app/javascript/log",
        ] {
            assert_eq!(fate(path), Fate::Stage, "{path}");
        }
    }

    #[test]
    fn media_volumes_and_the_state_folder_are_left_out() {
        for path in [
            ".git",
            "public/system",
            "postgres14",
            "redis",
            "elasticsearch",
            "public/packs-test",
            "tmp/restart.txt",
            "var/gate",
        ] {
            assert_eq!(fate(path), Fate::LeaveOut, "{path}");
        }
    }

    #[test]
    fn secrets_never_reach_the_stage() {
        for path in [
            ".env",
            ".env.production",
            ".env.production.bak",
            ".env.production.local",
            ".envrc",
            "config/master.key",
            "config/credentials/production.key",
            "privkey.pem",
            "mastodon.dump",
            "backup.SQL.gz",
        ] {
            assert_eq!(fate(path), Fate::Watch, "{path}");
        }
    }

    #[test]
    fn caches_stay_and_the_digests_that_say_nothing_to_do_go() {
        assert_eq!(fate("tmp/cache/webpacker/babel-loader/x.json"), Fate::StageUnwatched);
        assert_eq!(fate("tmp/cache/webpacker/last-compilation-digest-production"), Fate::LeaveOut);
        assert_eq!(fate("tmp/cache/vite/last-build-production.json"), Fate::LeaveOut);
        assert_eq!(fate("tmp/pids"), Fate::Empty);
    }

    #[test]
    fn the_output_begins_empty_and_is_watched() {
        assert_eq!(fate("public/packs"), Fate::Output);
        assert_eq!(fate("public/packs/manifest.json"), Fate::Watch);
    }

    #[test]
    fn a_volume_is_a_folder_and_a_file_of_that_name_is_not() {
        let rules = Exclusions::new(&[], None);
        assert_eq!(rules.fate(Path::new("redis.conf"), Kind::File), Fate::Stage);
        assert_eq!(rules.fate(Path::new("redis-data"), Kind::Link), Fate::LeaveOut);
    }
}
