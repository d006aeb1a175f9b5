//! Reads the names of a tree on several threads, folder by folder through open descriptors. It follows no link.
//!
//! It must not know what anything that it finds is for.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::error::StagingError;
use super::inventory::{Entry, Kind};

/// Most of the time is spent waiting for the disk, so there are more threads than processors; not so many that a running
/// site would starve.
const THREADS_PER_PROCESSOR: usize = 4;
const MOST_THREADS: usize = 16;

/// Runs `work`, with what it does in parallel on staging's own threads.
pub(super) fn spread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let begin = || {
        let threads = (processors() * THREADS_PER_PROCESSOR).min(MOST_THREADS);
        ThreadPoolBuilder::new().num_threads(threads).thread_name(|number| format!("staging {number}")).build().ok()
    };
    match POOL.get_or_init(begin) {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// Something in a folder.
pub(super) struct Found {
    /// Relative to the tree's root.
    pub(super) place: PathBuf,
    /// Where it lies on the disk.
    pub(super) path: PathBuf,
    pub(super) entry: Entry,
    /// Bytes that it takes on the disk.
    pub(super) disk_bytes: u64,
    /// The user and the group that it belongs to.
    pub(super) owner: (u32, u32),
}

/// What is done with what is found.
pub(super) trait Visitor: Sync {
    /// What is gathered in one folder.
    type Part: Default + Send;

    /// Takes in what was found; false if nothing below it matters.
    fn visit(&self, found: Found, part: &mut Self::Part) -> bool;

    /// True if something that cannot be read stops nothing.
    fn may_be_missed(&self, place: &Path, error: &io::Error) -> bool;

    /// Asked in each folder.
    fn is_interrupted(&self) -> bool;
}

/// Reads everything below `folder`, whose own place in the tree is `place`: one part a folder, parents before children.
pub(super) fn below<V: Visitor>(visitor: &V, folder: &Path, place: &Path) -> Result<Vec<V::Part>, StagingError> {
    if visitor.is_interrupted() {
        return Err(StagingError::Interrupted);
    }
    let mut part = V::Part::default();
    let mut folders = Vec::new();
    for found in list(visitor, folder, place)? {
        let inner = (found.entry.kind == Kind::Folder).then(|| (found.path.clone(), found.place.clone()));
        if visitor.visit(found, &mut part) {
            folders.extend(inner);
        }
    }
    let read = |(path, place): &(PathBuf, PathBuf)| match below(visitor, path, place) {
        Err(StagingError::Unreadable { path: at, source }) if at == *path && visitor.may_be_missed(place, &source) => {
            Ok(Vec::new())
        }
        other => other,
    };
    let nested: Vec<Vec<V::Part>> = folders.par_iter().map(read).collect::<Result<_, _>>()?;
    Ok(std::iter::once(part).chain(nested.into_iter().flatten()).collect())
}

fn list<V: Visitor>(visitor: &V, folder: &Path, place: &Path) -> Result<Vec<Found>, StagingError> {
    let unreadable = |error: Errno| StagingError::unreadable(folder, error);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut listing = openat(CWD, folder, flags, Mode::empty()).and_then(Dir::new).map_err(unreadable)?;
    let mut names = Vec::new();
    while let Some(entry) = listing.read() {
        let name = entry.map_err(unreadable)?.file_name().to_owned();
        if name.as_c_str() != c"." && name.as_c_str() != c".." {
            names.push(name);
        }
    }
    names.sort_unstable();
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let below = Path::new(OsStr::from_bytes(name.to_bytes()));
        let (path, place) = (folder.join(below), place.join(below));
        let look = || {
            let descriptor = listing.fd()?;
            let status = statat(descriptor, &name, AtFlags::SYMLINK_NOFOLLOW)?;
            let link = rustix::fs::FileType::from_raw_mode(status.st_mode).is_symlink();
            let target = if link { Some(readlinkat(descriptor, &name, Vec::new()).unwrap_or_default()) } else { None };
            Ok::<_, Errno>((status, target.map(|target| std::ffi::OsString::from_vec(target.into_bytes()).into())))
        };
        match look() {
            Ok((status, target)) => {
                let disk_bytes = disk_bytes(&status);
                let owner = (status.st_uid, status.st_gid);
                found.push(Found { place, path, entry: Entry::new(&status, target), disk_bytes, owner });
            }
            Err(error) if visitor.may_be_missed(&place, &error.into()) => {}
            Err(error) => return Err(StagingError::unreadable(&path, error)),
        }
    }
    Ok(found)
}

/// What one path is.
pub(super) fn look_at(path: &Path) -> io::Result<Found> {
    let status = statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?;
    let disk_bytes = disk_bytes(&status);
    let owner = (status.st_uid, status.st_gid);
    Ok(Found { place: PathBuf::new(), path: path.to_path_buf(), entry: Entry::new(&status, None), disk_bytes, owner })
}

fn disk_bytes(status: &Stat) -> u64 {
    u64::try_from(status.st_blocks).unwrap_or(0) * 512
}
