//! Reads the names of a tree on several threads, folder by folder through open descriptors. It follows no link.
//!
//! It must not know what anything that it finds is for.

use std::ffi::{CStr, OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::{Scope, ThreadPool, ThreadPoolBuilder};
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, Stat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::error::StagingError;
use super::inventory::{Entry, Kind};

/// Most of the time is spent waiting for the disk, so there are more threads than processors; not so many that a running
/// site would starve.
const THREADS_PER_PROCESSOR: usize = 4;
const MOST_THREADS: usize = 16;

/// Bytes of names that the system is asked for at a time: some hundreds of names.
const LISTED_AT_ONCE: usize = 32 * 1024;

/// How many threads can work at a time if none of them has to wait.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How many threads there are for what may wait.
pub(super) fn threads() -> usize {
    (processors() * THREADS_PER_PROCESSOR).min(MOST_THREADS)
}

/// Runs `work`, with what it does in parallel on staging's own threads.
pub(crate) fn spread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let begin = || {
        ThreadPoolBuilder::new().num_threads(threads()).thread_name(|number| format!("staging {number}")).build().ok()
    };
    match POOL.get_or_init(begin) {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// What one path is.
pub(crate) struct Seen {
    pub(crate) entry: Entry,
    /// Bytes that it takes on the disk.
    pub(super) disk_bytes: u64,
    /// The number of its file system.
    pub(super) device: u64,
    /// The user and the group that it belongs to.
    pub(super) owner: (u32, u32),
}

/// Something in a folder.
pub(super) struct Found<'a> {
    pub(super) name: &'a OsStr,
    /// Relative to the tree's root.
    pub(super) place: &'a Path,
    /// Where it lies on the disk.
    pub(super) path: &'a Path,
    pub(super) seen: Seen,
}

/// What is done with what is found.
pub(super) trait Visitor: Sync {
    /// What is gathered in one folder.
    type Part: Send;

    /// Begins a folder at `place` of the tree, which lies at `path` on the disk and has so many names in it.
    fn enter(&self, place: &Path, path: &Path, names: usize) -> Self::Part;

    /// Takes in what was found, name by name in their order; false if nothing below it matters.
    fn visit(&self, found: Found<'_>, part: &mut Self::Part) -> bool;

    /// True if something that cannot be read stops nothing.
    fn may_be_missed(&self, place: &Path, error: &io::Error) -> bool;

    /// Asked in each folder.
    fn is_interrupted(&self) -> bool;
}

/// Reads everything below `folder`, whose own place in the tree is `place`: one part a folder, in no order.
pub(super) fn below<V: Visitor>(visitor: &V, folder: &Path, place: &Path) -> Result<Vec<V::Part>, StagingError> {
    let walk = Walk { visitor, parts: Mutex::default(), failure: Mutex::default() };
    let root = Folder { path: folder.to_path_buf(), place: place.to_path_buf(), is_root: true };
    rayon::scope(|scope| walk.read(&root, scope));
    let failure = walk.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or_else(|| Ok(walk.parts.into_inner().unwrap_or_else(PoisonError::into_inner)), Err)
}

struct Walk<'a, V: Visitor> {
    visitor: &'a V,
    parts: Mutex<Vec<V::Part>>,
    /// The first one: it ends the walk.
    failure: Mutex<Option<StagingError>>,
}

struct Folder {
    path: PathBuf,
    place: PathBuf,
    is_root: bool,
}

impl<V: Visitor> Walk<'_, V> {
    fn read<'s>(&'s self, folder: &Folder, scope: &Scope<'s>) {
        if self.failure().is_some() {
            return;
        }
        if self.visitor.is_interrupted() {
            return self.fail(StagingError::Interrupted);
        }
        match list(self.visitor, folder) {
            Ok((part, folders)) => {
                self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
                folders.into_iter().for_each(|inner| scope.spawn(move |scope| self.read(&inner, scope)));
            }
            Err(StagingError::Unreadable { path, source })
                if !folder.is_root && path == folder.path && self.visitor.may_be_missed(&folder.place, &source) => {}
            Err(error) => self.fail(error),
        }
    }

    fn fail(&self, error: StagingError) {
        self.failure().get_or_insert(error);
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<StagingError>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn list<V: Visitor>(visitor: &V, folder: &Folder) -> Result<(V::Part, Vec<Folder>), StagingError> {
    let unreadable = |error: Errno| StagingError::unreadable(&folder.path, error);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let descriptor = openat(CWD, &folder.path, flags, Mode::empty()).map_err(unreadable)?;
    let mut names = Names::read(descriptor.as_fd()).map_err(unreadable)?;
    names.sort();
    let mut part = visitor.enter(&folder.place, &folder.path, names.len());
    let mut folders = Vec::new();
    let (mut path, mut place) = (Way::from(&folder.path), Way::from(&folder.place));
    for (name, _) in names.iter() {
        let plain = OsStr::from_bytes(name.to_bytes());
        let (path, place) = (path.to(plain), place.to(plain));
        match look(descriptor.as_fd(), name) {
            Ok(seen) => {
                let is_folder = seen.entry.kind == Kind::Folder;
                let found = Found { name: plain, place, path, seen };
                if visitor.visit(found, &mut part) && is_folder {
                    folders.push(Folder { path: path.to_path_buf(), place: place.to_path_buf(), is_root: false });
                }
            }
            Err(error) if visitor.may_be_missed(place, &error.into()) => {}
            Err(error) => return Err(StagingError::unreadable(path, error)),
        }
    }
    Ok((part, folders))
}

/// The paths of the names in one folder, one after the other in the same memory: [`PathBuf`] takes a path apart to shorten it.
struct Way {
    bytes: Vec<u8>,
    /// Where the names begin.
    names: usize,
}

impl Way {
    fn from(folder: &Path) -> Self {
        // With a slash at its end, if it is not the tree's own root.
        let bytes = folder.join("").into_os_string().into_vec();
        Self { names: bytes.len(), bytes }
    }

    fn to(&mut self, name: &OsStr) -> &Path {
        self.bytes.truncate(self.names);
        self.bytes.extend_from_slice(name.as_bytes());
        Path::new(OsStr::from_bytes(&self.bytes))
    }
}

fn look(folder: BorrowedFd<'_>, name: &CStr) -> Result<Seen, Errno> {
    let status = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let target = if FileType::from_raw_mode(status.st_mode).is_symlink() {
        let target = readlinkat(folder, name, Vec::new()).unwrap_or_default();
        Some(OsString::from_vec(target.into_bytes()).into())
    } else {
        None
    };
    Ok(Seen::new(&status, target))
}

/// The names in one folder.
pub(super) struct Names {
    /// One after the other, each with its final zero.
    bytes: Vec<u8>,
    /// Where each of them is, and what the listing said of its kind.
    names: Vec<(usize, usize, FileType)>,
}

impl Names {
    /// Reads an open folder from its beginning, if nobody has read in it yet.
    #[inline(never)]
    pub(super) fn read(folder: BorrowedFd<'_>) -> Result<Self, Errno> {
        // On the stack, and not below what calls itself: most folders are small, and there are thousands.
        let mut buffer = [MaybeUninit::uninit(); LISTED_AT_ONCE];
        let mut listing = RawDir::new(folder, &mut buffer);
        let mut read = Self { bytes: Vec::new(), names: Vec::new() };
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                let start = read.bytes.len();
                read.bytes.extend_from_slice(name.to_bytes_with_nul());
                read.names.push((start, read.bytes.len(), entry.file_type()));
            }
        }
        Ok(read)
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.names.sort_unstable_by(|one, other| bytes[one.0..one.1].cmp(&bytes[other.0..other.1]));
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&CStr, FileType)> {
        let name = |(start, end, _): &(usize, usize, _)| CStr::from_bytes_with_nul(&self.bytes[*start..*end]);
        self.names.iter().filter_map(move |entry| Some((name(entry).ok()?, entry.2)))
    }
}

/// What one path is; where a link leads is not asked.
pub(crate) fn look_at(path: &Path) -> io::Result<Seen> {
    Ok(Seen::new(&statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?, None))
}

impl Seen {
    fn new(status: &Stat, target: Option<PathBuf>) -> Self {
        let disk_bytes = u64::try_from(status.st_blocks).unwrap_or(0) * 512;
        let (device, owner) = (status.st_dev, (status.st_uid, status.st_gid));
        Self { entry: Entry::new(status, target), disk_bytes, device, owner }
    }
}
