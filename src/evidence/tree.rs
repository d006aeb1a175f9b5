//! One digest for all that a build can read of a live tree: names, kinds, permissions, owners, link targets and bytes.
//!
//! What staging leaves out is left out here. Links that lead out of the tree are followed: the build reads what lies there.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::index::{Content, Index, Known, Stat, read_content};
use crate::staging::{Exclusions, Fate, Kind};

/// A disk answers many requests at once: so many are made, however few cores there are. Measured: docs/benchmarks.md.
const READERS: usize = 16;

/// A tree with more entries than this is not digested.
const MOST: usize = 1_500_000;

/// Nor is one with folders that lie deeper, which no toolchain makes: each takes a part of a thread's stack.
const DEEPEST: usize = 200;

/// Where the tree is, and what of it counts.
pub struct TreeRequest<'a> {
    /// The live tree, links resolved.
    pub live: &'a Path,
    /// The compiled output folders, relative to it.
    pub outputs: &'a [PathBuf],
    /// The state folder: the index is kept there, and nothing of it is digested.
    pub state: &'a Path,
    /// Read every file again, whatever the index says.
    pub afresh: bool,
}

/// One entry of the tree.
#[derive(Debug)]
struct Seen {
    /// What it is called in the tree.
    place: PathBuf,
    /// Where it is.
    path: PathBuf,
    stat: Stat,
    kind: Kind,
    /// Where a link points, as it is written.
    target: Option<PathBuf>,
    /// Where it leads, if that is outside of the tree.
    outside: Option<PathBuf>,
}

/// The digest of a tree.
///
/// # Errors
/// Something that cannot be read, that changed meanwhile, or that leads to the whole disk: then there is no digest, and
/// nothing is answered from evidence.
pub fn digest(request: &TreeRequest<'_>) -> io::Result<blake3::Hash> {
    match rayon::ThreadPoolBuilder::new().num_threads(READERS).build() {
        Ok(readers) => readers.install(|| read(request)),
        Err(_no_more_threads) => read(request),
    }
}

fn read(request: &TreeRequest<'_>) -> io::Result<blake3::Hash> {
    let folder = super::folder(request.state)?;
    let path = folder.join(super::INDEX);
    let began = time_of(&folder)?;
    let index = if request.afresh { Index::default() } else { Index::read(&path) };
    let seen = Walk::new(request)?.everything()?;
    let contents = contents(&seen, &index)?;
    let files = contents.iter().flatten();
    let (count, remembered) = files.fold((0, 0), |(count, old), file| (count + 1, old + usize::from(file.remembered)));
    if remembered < count || count < index.len() {
        Index::write(&path, began, seen.iter().zip(&contents).filter_map(known))?;
    }
    Ok(hash(&seen, &contents))
}

/// The time by the file system's own clock.
fn time_of(folder: &Path) -> io::Result<i64> {
    Ok(tempfile::NamedTempFile::new_in(folder)?.as_file().metadata()?.ctime())
}

fn known<'a>((seen, file): (&'a Seen, &Option<Read>)) -> Option<Known<'a>> {
    file.as_ref().map(|file| (seen.path.as_path(), seen.stat, file.content))
}

/// What is in a file, and whether the index knew it.
struct Read {
    content: Content,
    remembered: bool,
}

fn contents(seen: &[Seen], index: &Index) -> io::Result<Vec<Option<Read>>> {
    let content = |seen: &Seen| {
        if seen.kind != Kind::File {
            return Ok(None);
        }
        let known = index.content(&seen.path, &seen.stat);
        let remembered = known.is_some();
        let content = known.map_or_else(|| read_content(&seen.path, &seen.stat), Ok)?;
        Ok(Some(Read { content, remembered }))
    };
    seen.par_iter().map(content).collect()
}

fn hash(seen: &[Seen], contents: &[Option<Read>]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for (seen, content) in seen.iter().zip(contents) {
        super::add(&mut hasher, seen.place.as_os_str().as_bytes());
        for number in seen.stat.noticeable() {
            hasher.update(&number.to_le_bytes());
        }
        let target = seen.target.as_ref().map_or(&b""[..], |target| target.as_os_str().as_bytes());
        super::add(&mut hasher, target);
        hasher.update(content.as_ref().map_or(&[], |file| &file.content[..]));
    }
    hasher.finalize()
}

struct Walk<'a> {
    live: &'a Path,
    exclusions: Exclusions,
}

impl<'a> Walk<'a> {
    fn new(request: &TreeRequest<'a>) -> io::Result<Self> {
        let state = fs::canonicalize(request.state)?;
        let inside = state.strip_prefix(request.live).ok().map(Path::to_path_buf);
        Ok(Self { live: request.live, exclusions: Exclusions::new(request.outputs, inside) })
    }

    /// The tree, and then what its links lead to, and theirs; sorted by place.
    fn everything(&self) -> io::Result<Vec<Seen>> {
        let mut all = self.below(self.live, Path::new(""), true)?;
        let mut entered = BTreeSet::new();
        let mut next = 0;
        while next < all.len() {
            let at = next;
            next += 1;
            let Some(root) = all[at].outside.clone().filter(|root| entered.insert(root.clone())) else { continue };
            let place = all[at].place.clone();
            // A link to a folder that holds the live tree itself leads to everything, our own state included.
            if self.live.starts_with(&root) {
                return Err(io::Error::other(format!("{} leads to {}", place.display(), root.display())));
            }
            all.extend(self.behind(&root, &place)?);
            if all.len() > MOST {
                return Err(io::Error::other("there are too many files"));
            }
        }
        // By their bytes: as paths they would be taken apart for each comparison.
        all.par_sort_unstable_by(|one, other| {
            let by_place = one.place.as_os_str().cmp(other.place.as_os_str());
            by_place.then_with(|| one.path.as_os_str().cmp(other.path.as_os_str()))
        });
        Ok(all)
    }

    /// What a link leads to, under the link's own name.
    fn behind(&self, root: &Path, place: &Path) -> io::Result<Vec<Seen>> {
        let metadata = fs::symlink_metadata(root)?;
        let kind = Kind::of(metadata.mode());
        let itself = Seen {
            place: place.to_path_buf(),
            path: root.to_path_buf(),
            stat: Stat::of(&metadata),
            kind,
            target: None,
            outside: None,
        };
        let mut all = if kind == Kind::Folder { self.below(root, place, false)? } else { Vec::new() };
        all.push(itself);
        Ok(all)
    }

    fn below(&self, folder: &Path, place: &Path, ruled: bool) -> io::Result<Vec<Seen>> {
        if place.components().count() > DEEPEST {
            return Err(io::Error::other("there are folders that lie too deep"));
        }
        let entries: Vec<DirEntry> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
        let found: Vec<Vec<Seen>> =
            entries.par_iter().map(|entry| self.entry(entry, place, ruled)).collect::<io::Result<_>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// An entry and what is below it; nothing of what staging leaves out.
    fn entry(&self, entry: &DirEntry, folder: &Path, ruled: bool) -> io::Result<Vec<Seen>> {
        let metadata = entry.metadata()?;
        let kind = Kind::of(metadata.mode());
        let (path, place) = (entry.path(), folder.join(entry.file_name()));
        let fate = if ruled { self.exclusions.fate(&place, kind) } else { Fate::Stage };
        if fate == Fate::LeaveOut {
            return Ok(Vec::new());
        }
        // What begins empty in the stage counts by being there.
        let enters = fate != Fate::Empty;
        let mut found = if enters && kind == Kind::Folder { self.below(&path, &place, ruled)? } else { Vec::new() };
        let is_link = enters && kind == Kind::Link;
        let target = if is_link { Some(fs::read_link(&path)?) } else { None };
        let outside = if is_link { self.outside(&path) } else { None };
        found.push(Seen { place, path, stat: Stat::of(&metadata), kind, target, outside });
        Ok(found)
    }

    fn outside(&self, link: &Path) -> Option<PathBuf> {
        fs::canonicalize(link).ok().filter(|real| !real.starts_with(self.live))
    }
}
