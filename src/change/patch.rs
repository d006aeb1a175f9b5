//! A patch: a unified diff, git's own or a plain one, against the live tree as it is.
//!
//! It is applied strictly, to copies of the files it names, in a repository of our own in a scratch folder. Its paths are
//! a stranger's: none may lead out of the tree, into git's folder, to secrets or through a link.

mod unified;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use git2::{ApplyOptions, Delta, Diff, DiffDelta, FileMode, Index, IndexEntry, IndexTime, Oid, Repository};
use thiserror::Error;

use super::tree::TreeChange;
use super::{Change, ChangeError, ChangeSource, SiteFacts};
use crate::finding::Finding;
use crate::site::registry::{self, PathKind};

/// A patch longer than this is no change of a theme.
const LONGEST: usize = 64 * 1024 * 1024;

/// A patch that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The file, or none for standard input.
    pub file: Option<PathBuf>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why a patch could not be read at all.
#[derive(Debug, Error)]
pub enum PatchError {
    /// No diff is in it, or a broken one.
    #[error("The patch {name} cannot be read: {why}.\nMake it anew: git diff --binary HEAD > {name}")]
    NotAPatch {
        /// The file, or standard input.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The scratch folder.
    #[error("{path} could not be used while a patch was read: {why}\nSee that the disk has space: df -h, df -i")]
    Scratch {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

/// Reads what a patch would make of the live tree. `matters` says whether a path of the live tree is staged at all;
/// `scratch` is an empty folder that lives as long as the change.
///
/// # Errors
/// If it is no patch. One that does not apply is a finding.
pub fn read_patch(
    patch: &Patch,
    site: &SiteFacts<'_>,
    matters: &dyn Fn(&Path) -> bool,
    scratch: &Path,
) -> Result<Change, ChangeError> {
    let name = patch.file.as_ref().map_or_else(|| "-".to_owned(), |file| file.display().to_string());
    let unreadable = |why: String| PatchError::NotAPatch { name: name.clone(), why };
    let unusable =
        |error: git2::Error| PatchError::Scratch { path: scratch.to_path_buf(), why: error.message().to_owned() };
    if patch.bytes.len() > LONGEST || unpacked(&patch.bytes) > 8 * LONGEST {
        return Err(unreadable(format!("it is larger than {} MB", LONGEST / 1024 / 1024)).into());
    }
    let text = unified::with_headers(&patch.bytes, &|path| is_plain(Path::new(path)) && site.live.join(path).is_file());
    let diff = Diff::from_buffer(&text).map_err(|error| unreadable(error.message().to_owned()))?;
    if diff.deltas().len() == 0 {
        return Err(unreadable("it holds no change of a file".to_owned()).into());
    }
    let mut tree = TreeChange::new(scratch.join("files"));
    let allowed: Vec<Finding> = diff.deltas().filter_map(|delta| fault(&delta, site.live, matters)).collect();
    if allowed.is_empty() {
        let repository = Repository::init_bare(scratch.join("git-of-patch")).map_err(unusable)?;
        match apply(&repository, &diff, site.live).map_err(unusable)? {
            Ok(index) => gather(&repository, &diff, &index, site.live, &mut tree).map_err(unusable)?,
            Err(finding) => tree.findings.push(*finding),
        }
    }
    tree.findings.extend(allowed);
    let command = patch.file.as_ref().map(|file| format!("git -C {} apply {}", site.live.display(), file.display()));
    Ok(tree.into_change(ChangeSource::Patch { file: patch.file.clone() }, site, command))
}

/// What the binary parts say that they unpack to.
fn unpacked(patch: &[u8]) -> usize {
    let size = |line: &[u8]| {
        let text = std::str::from_utf8(line).ok()?;
        let size = text.strip_prefix("literal ").or_else(|| text.strip_prefix("delta "))?;
        size.trim().parse::<usize>().ok()
    };
    patch.split(|byte| *byte == b'\n').filter_map(size).fold(0, usize::saturating_add)
}

fn path_of(file: &git2::DiffFile<'_>) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(file.path_bytes().unwrap_or_default()))
}

/// The paths of a delta: where it reads and where it writes.
fn paths(delta: &DiffDelta<'_>) -> BTreeSet<PathBuf> {
    let files = match delta.status() {
        Delta::Added => vec![delta.new_file()],
        Delta::Deleted => vec![delta.old_file()],
        _ => vec![delta.old_file(), delta.new_file()],
    };
    files.iter().map(path_of).collect()
}

/// Why a file of the patch is refused, whatever is in it.
fn fault(delta: &DiffDelta<'_>, live: &Path, matters: &dyn Fn(&Path) -> bool) -> Option<Finding> {
    let mode = |file: git2::DiffFile<'_>| matches!(file.mode(), FileMode::Link | FileMode::Commit);
    if let Some(path) = paths(delta).iter().find(|path| !is_plain(path)) {
        let shown = path.to_string_lossy().escape_debug().to_string();
        return Some(refused(
            path,
            format!("The patch wants to write {shown}, which leads out of the tree or into git's own folder."),
        ));
    }
    if mode(delta.new_file()) || mode(delta.old_file()) {
        let path = path_of(&delta.new_file());
        return Some(refused(
            &path,
            format!("The patch makes or changes {} as a link or a submodule.", path.display()),
        ));
    }
    if let Some(path) = paths(delta).iter().find(|path| !matters(path)) {
        return Some(refused(
            path,
            format!(
                "The patch wants to write {}: no sources lie there, but secrets, media or compiled files.",
                path.display()
            ),
        ));
    }
    paths(delta).iter().find_map(|path| in_the_live_tree(path, delta, live))
}

/// What the live tree has against it.
fn in_the_live_tree(path: &Path, delta: &DiffDelta<'_>, live: &Path) -> Option<Finding> {
    let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    let is_link = |path: &Path| live.join(path).symlink_metadata().is_ok_and(|found| found.is_symlink());
    let through = folders.into_iter().find(|folder| is_link(folder));
    if let Some(link) = through.or_else(|| (is_link(path) && path != Path::new(registry::PATH)).then_some(path)) {
        return Some(refused(
            path,
            format!("{} of the live tree is a symbolic link, and the patch would write through it.", link.display()),
        ));
    }
    let is_new =
        *path == path_of(&delta.new_file()) && *path != path_of(&delta.old_file()) || delta.status() == Delta::Added;
    let there = live.join(path).symlink_metadata().is_ok();
    if is_new && there {
        return Some(does_not_apply(path, "the patch makes it, and the live tree has it already", ""));
    }
    if is_new && let PathKind::WrongCase(other) = PathKind::of(live, &path.to_string_lossy()) {
        return Some(refused(
            path,
            format!("{} differs from {other} of the live tree in upper and lower case only.", path.display()),
        ));
    }
    (!is_new && !there).then(|| {
        does_not_apply(
            path,
            "the live tree has no such file",
            "A patch made with --no-prefix, or in another folder, names paths that are not the live tree's.",
        )
    })
}

/// Relative, without `..`, without a part that is git's, and plain text.
fn is_plain(path: &Path) -> bool {
    let is_plain_part = |part| match part {
        Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
        _ => false,
    };
    let text = path
        .to_str()
        .is_some_and(|text| !text.is_empty() && !text.chars().any(char::is_control) && !text.contains('\\'));
    text && path.components().all(is_plain_part)
}

/// Applies the patch to copies of the files it names.
fn apply(repository: &Repository, diff: &Diff<'_>, live: &Path) -> Result<Result<Index, Box<Finding>>, git2::Error> {
    let mut before = Index::new()?;
    let changed = diff.deltas().filter(|delta| delta.status() != Delta::Added);
    for path in changed.map(|delta| path_of(&delta.old_file())).collect::<BTreeSet<_>>() {
        let bytes = match fs::read(live.join(&path)) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(Box::new(does_not_apply(&path, &error.to_string(), "")))),
        };
        before.add(&entry(&path, repository.blob(&bytes)?, mode_of(&live.join(&path))))?;
    }
    let tree = repository.find_tree(before.write_tree_to(repository)?)?;
    let place = std::cell::RefCell::new((PathBuf::new(), String::new()));
    let mut options = ApplyOptions::new();
    options.delta_callback(|delta| {
        let path = delta.map(|delta| path_of(&delta.new_file())).unwrap_or_default();
        *place.borrow_mut() = (path, String::new());
        true
    });
    options.hunk_callback(|hunk| {
        place.borrow_mut().1 =
            hunk.map(|hunk| String::from_utf8_lossy(hunk.header()).trim_end().to_owned()).unwrap_or_default();
        true
    });
    let applied = repository.apply_to_tree(&tree, diff, Some(&mut options));
    drop(options);
    let (path, hunk) = place.into_inner();
    Ok(applied.map_err(|error| Box::new(does_not_apply(&path, error.message(), &hunk))))
}

fn entry(path: &Path, id: Oid, mode: u32) -> IndexEntry {
    let never = IndexTime::new(0, 0);
    IndexEntry {
        ctime: never,
        mtime: never,
        dev: 0,
        ino: 0,
        mode: if mode & 0o111 == 0 { 0o100_644 } else { 0o100_755 },
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_os_str().as_bytes().to_vec(),
    }
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).map_or(0o644, |found| found.permissions().mode() & 0o777)
}

/// Takes what came of it into the change.
fn gather(
    repository: &Repository,
    diff: &Diff<'_>,
    after: &Index,
    live: &Path,
    tree: &mut TreeChange,
) -> Result<(), git2::Error> {
    for delta in diff.deltas() {
        let (old, new) = (path_of(&delta.old_file()), path_of(&delta.new_file()));
        if delta.status() == Delta::Deleted || (delta.status() == Delta::Renamed && old != new) {
            tree.remove(&old);
        }
        if delta.status() == Delta::Deleted {
            continue;
        }
        let Some(entry) = after.get_path(&new, 0) else { continue };
        let mode = match delta.new_file().mode() {
            FileMode::BlobExecutable => 0o755,
            FileMode::Blob | FileMode::BlobGroupWritable => 0o644,
            _ => mode_of(&live.join(&old)),
        };
        tree.write(&new, repository.find_blob(entry.id)?.content().to_vec(), mode);
    }
    Ok(())
}

fn refused(path: &Path, message: String) -> Finding {
    Finding::fatal("patch-refused", message)
        .at(path.to_string_lossy().escape_debug().to_string())
        .meaning("A patch may change files of the live tree's sources, and nothing else.")
        .help("Take this file out of the patch. If you do not know why it is in there, do not trust the patch.")
}

fn does_not_apply(path: &Path, why: &str, hunk: &str) -> Finding {
    let hunk = if hunk.is_empty() { String::new() } else { format!("\n{hunk}") };
    Finding::fatal("patch-does-not-apply", format!("The patch does not apply to {}: {why}.{hunk}", path.display()))
        .at(path)
        .meaning("It was made for another version of the file. Nothing was staged.")
        .help("Make the patch anew against the live tree as it is: git diff --binary HEAD, or diff -u OLD NEW.")
}
