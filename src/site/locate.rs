//! Finds the live tree, and the place beside it for themegate's own state.

use std::env;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::{SiteError, owner, registry};

/// The folder name of themegate's state.
pub const STATE_FOLDER: &str = ".themegate";

/// The live tree that was named, or the one found upwards from the current folder, or `~/live`; links resolved once, so
/// that a `current` link that moves while themegate runs cannot mix two releases.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn live_tree(named: Option<&Path>) -> Result<PathBuf, SiteError> {
    let Some(named) = named else { return search() };
    let root = resolve(named)?;
    if looks_like_mastodon(&root) { Ok(root) } else { Err(SiteError::NotMastodon { path: named.to_path_buf() }) }
}

fn resolve(path: &Path) -> Result<PathBuf, SiteError> {
    fs::canonicalize(path).map_err(|source| SiteError::Unreadable { path: path.to_path_buf(), source })
}

fn search() -> Result<PathBuf, SiteError> {
    let from = env::current_dir().map_err(|source| SiteError::Unreadable { path: PathBuf::from("."), source })?;
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default().join("live");
    let found = from.ancestors().chain([home.as_path()]).find(|folder| looks_like_mastodon(folder));
    match found {
        Some(folder) => resolve(folder),
        None => Err(SiteError::NotFound { from, home }),
    }
}

/// A registry or glitch-soc's flavours, and the folder that themes are compiled from.
fn looks_like_mastodon(folder: &Path) -> bool {
    let sources = folder.join("app/javascript");
    sources.is_dir() && (folder.join(registry::PATH).exists() || sources.join("flavours").is_dir())
        || folder.join("lib/mastodon/version.rb").is_file()
}

/// Where a path leads when every link is followed, as the kernel says it: a staged tree may be seen through the `/proc` of
/// another process, of which `realpath` makes another path. None if there is nothing.
#[must_use]
pub fn real_path(path: &Path) -> Option<PathBuf> {
    let opened = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd())).ok()
}

/// `.themegate` beside the live tree.
#[must_use]
pub fn state_folder(root: &Path) -> PathBuf {
    beside(root).join(STATE_FOLDER)
}

/// The folder that the live tree lies in. Under Capistrano the tree is `releases/<time>` behind the link `current`: there it is
/// the folder of the whole deployment, since releases are cleaned away.
#[must_use]
pub fn beside(root: &Path) -> &Path {
    let parent = root.parent().unwrap_or(root);
    let deployment = parent.parent().filter(|folder| {
        parent.file_name().is_some_and(|name| name == "releases") && folder.join("current").is_symlink()
    });
    deployment.unwrap_or(parent)
}

/// Where what an administrator has settled for a site may lie, in the order in which it counts: in the live tree, in its
/// parent, and beside Capistrano's `current`.
#[must_use]
pub fn settled_in(root: &Path, name: &str) -> Vec<PathBuf> {
    let mut folders = vec![root, root.parent().unwrap_or(root), beside(root)];
    folders.dedup();
    folders.into_iter().map(|folder| folder.join(name)).collect()
}

/// True for a folder that is in use and not as a state folder: closing it to others could take a web server's root away.
#[must_use]
pub fn holds_something_else(folder: &Path) -> bool {
    let is_named_so = folder.file_name().is_some_and(|name| name == STATE_FOLDER);
    let is_used = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    is_used && !is_named_so && !folder.join("lock").is_file()
}

/// Makes `folder` with mode 0700, and takes back any wider permission that it has. What root makes belongs to the owner of
/// the folder it lies in.
///
/// # Errors
/// If it cannot be made, or is something else than a folder of ours.
pub fn make_private(folder: &Path) -> io::Result<()> {
    make_missing(folder)?;
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is a link or a file, not a folder"));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn make_missing(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|at| !at.as_os_str().is_empty() && !at.exists()).collect();
    for at in missing.into_iter().rev() {
        match fs::DirBuilder::new().mode(0o700).create(at) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.and_then(|()| owner::hand_over_path(at))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mastodon(at: &Path) {
        fs::create_dir_all(at.join("app/javascript")).unwrap();
        fs::create_dir_all(at.join("config")).unwrap();
        fs::write(at.join("config/themes.yml"), "default: styles/application.scss\n").unwrap();
    }

    #[test]
    fn a_current_link_is_resolved_and_the_state_stands_beside_it() {
        let deploy = tempfile::tempdir().unwrap();
        let base = deploy.path().canonicalize().unwrap();
        let release = base.join("releases/20260801");
        mastodon(&release);
        symlink("releases/20260801", base.join("current")).unwrap();
        let root = live_tree(Some(&base.join("current"))).unwrap();
        assert_eq!(root, release);
        assert_eq!(state_folder(&root), base.join(".themegate"));
        let places = ["releases/20260801/x.toml", "releases/x.toml", "x.toml"].map(|place| base.join(place));
        assert_eq!(settled_in(&root, "x.toml"), places);
        assert_eq!(settled_in(&base.join("live"), "x.toml"), [base.join("live/x.toml"), base.join("x.toml")]);
    }

    #[test]
    fn a_folder_without_mastodon_is_refused_with_the_next_step() {
        let folder = tempfile::tempdir().unwrap();
        let error = live_tree(Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains("--live DIR"), "{error}");
    }

    #[test]
    fn the_state_folder_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join(".themegate");
        fs::create_dir(&state).unwrap();
        fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
        make_private(&state).unwrap();
        assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
