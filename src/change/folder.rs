//! Walks and reads a theme folder without ever following a link.
//!
//! Every folder and file is opened relative to its parent's descriptor with `O_NOFOLLOW`, so that nothing can be swapped for
//! a link between looking and reading.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};

use super::{ChangeError, content, places};
use crate::finding::Finding;

/// A theme is a few dozen files. More than this is not a theme, and not worth the time.
const MOST_FILES: usize = 10_000;

/// Folders within folders; deeper is a trap.
const DEEPEST: usize = 40;

/// What was found in a theme folder.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Regular files, sorted by path.
    pub(super) files: Vec<FoundFile>,
    /// Folders that are never deployed and were not entered, and why.
    pub(super) skipped: Vec<(PathBuf, &'static str)>,
    /// Links, devices and the like.
    pub(super) findings: Vec<Finding>,
}

/// A regular file of a theme folder.
#[derive(Debug, Clone)]
pub(super) struct FoundFile {
    /// Relative to the theme folder.
    pub(super) path: PathBuf,
    /// Whether anybody may run it.
    pub(super) executable: bool,
    /// Length in bytes when it was found.
    pub(super) len: u64,
}

/// Everything below `root`, which is itself resolved already.
pub(super) fn walk(root: &Path) -> Result<Walk, ChangeError> {
    let folder = openat(CWD, root, folder_flags(), Mode::empty()).map_err(|error| unreadable(root, error))?;
    let mut walk = Walk::default();
    let mut pending = vec![(folder, PathBuf::new())];
    while let Some((folder, path)) = pending.pop() {
        for name in names_in(&folder, &root.join(&path))? {
            let inner = path.join(&name);
            if walk.files.len() >= MOST_FILES {
                walk.findings.push(too_many());
                return Ok(walk);
            }
            if let Some(opened) = visit(&folder, &name, &inner, root, &mut walk)? {
                pending.push((opened, inner));
            }
        }
    }
    walk.files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(walk)
}

/// Notes one name of a folder; a folder that is to be entered comes back opened.
fn visit(
    folder: &OwnedFd,
    name: &OsStr,
    path: &Path,
    root: &Path,
    walk: &mut Walk,
) -> Result<Option<OwnedFd>, ChangeError> {
    let full = root.join(path);
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| unreadable(&full, error))?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if name.to_str().is_none_or(|name| name.chars().any(char::is_control) || name.contains('\\')) {
        walk.findings.push(unreadable_name(path));
        return Ok(None);
    }
    match kind {
        FileType::Directory => {
            if let Some(why) = places::never_entered(path) {
                walk.skipped.push((path.to_path_buf(), why));
                return Ok(None);
            }
            if path.components().count() > DEEPEST {
                walk.findings.push(too_deep(path));
                return Ok(None);
            }
            let opened =
                openat(folder, name, folder_flags(), Mode::empty()).map_err(|error| unreadable(&full, error))?;
            return Ok(Some(opened));
        }
        FileType::RegularFile => {
            let executable = stat.st_mode & 0o7111 != 0;
            walk.files.push(FoundFile { path: path.to_path_buf(), executable, len: stat.st_size.unsigned_abs() });
        }
        FileType::Symlink => walk.findings.push(link(path)),
        other => walk.findings.push(special(path, other)),
    }
    Ok(None)
}

fn names_in(folder: &OwnedFd, full: &Path) -> Result<Vec<OsString>, ChangeError> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder).map_err(|error| unreadable(full, error))? {
        let entry = entry.map_err(|error| unreadable(full, error))?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name.to_vec()));
        }
    }
    names.sort();
    Ok(names)
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// Opens `path` below `root`, each part of it without following a link, and reads it.
pub(super) fn read(root: &Path, path: &Path) -> Result<Vec<u8>, ChangeError> {
    let full = root.join(path);
    let mut folder = openat(CWD, root, folder_flags(), Mode::empty()).map_err(|error| unreadable(&full, error))?;
    let parts: Vec<&OsStr> = path.iter().collect();
    let Some((name, parents)) = parts.split_last() else {
        return Err(unreadable(&full, rustix::io::Errno::ISDIR));
    };
    for parent in parents {
        folder = openat(&folder, *parent, folder_flags(), Mode::empty()).map_err(|error| unreadable(&full, error))?;
    }
    // Without NONBLOCK a FIFO that took the file's place would wait for ever.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(openat(&folder, *name, flags, Mode::empty()).map_err(|error| unreadable(&full, error))?);
    read_file(file).map_err(|source| ChangeError::Unreadable { path: full, source })
}

/// Reads `full`, which lies below `root`, again.
pub(super) fn read_again(root: &Path, full: &Path) -> Result<Vec<u8>, ChangeError> {
    read(root, full.strip_prefix(root).unwrap_or(full))
}

fn read_file(mut file: File) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file any more"));
    }
    // It may have grown since its size was judged.
    let mut bytes = Vec::new();
    file.by_ref().take(content::TOO_LARGE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > content::TOO_LARGE {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: rustix::io::Errno) -> ChangeError {
    ChangeError::Unreadable { path: path.to_path_buf(), source: error.into() }
}

pub(super) fn link(path: &Path) -> Finding {
    Finding::fatal("change-has-link", format!("{} in the theme folder is a symbolic link.", path.display()))
        .at(path)
        .meaning("A link can lead to any file of the server, which would then be compiled into a public stylesheet.")
        .help("Put the file itself in its place, or delete the link.")
}

fn special(path: &Path, kind: FileType) -> Finding {
    let what = match kind {
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "no regular file",
    };
    Finding::fatal("change-has-special-file", format!("{} in the theme folder is {what}.", path.display()))
        .at(path)
        .meaning("A theme consists of stylesheets, fonts and images; reading this could hang or disclose something.")
        .help("Delete it from the theme folder.")
}

fn unreadable_name(path: &Path) -> Finding {
    let shown = String::from_utf8_lossy(path.as_os_str().as_bytes()).escape_debug().to_string();
    Finding::fatal(
        "change-has-unsafe-name",
        format!("The theme folder holds a file whose name is not plain text: {shown}."),
    )
    .at(shown)
    .meaning("Rails, the bundler and browsers would not agree on what it is called.")
    .help("Rename it, or delete it from the theme folder.")
}

fn too_many() -> Finding {
    Finding::fatal("change-has-too-many-files", format!("The theme folder holds more than {MOST_FILES} files."))
        .meaning("That is no theme: probably the folder above it was named.")
        .help("Name the theme's own folder: --theme DIR")
}

fn too_deep(path: &Path) -> Finding {
    Finding::fatal("change-is-too-deep", format!("The theme folder holds folders more than {DEEPEST} deep."))
        .at(path)
        .meaning("That is no theme: probably the folder above it was named.")
        .help("Name the theme's own folder: --theme DIR")
}
