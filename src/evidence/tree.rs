//! One digest for all that a build can read of a live tree: names, kinds, permissions, owners, link targets and bytes.
//!
//! What staging leaves out is left out here. Links that lead out of the tree are followed: the build reads what lies there.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::contents::Contents;
use super::index::{Content, Index, Stat, read_content};
use crate::staging::{Item, Kind, Listing, Look, Role, look_at, order_of_places, spread, whole_tree_until};

/// A disk answers many requests at once: so many are made, however few cores there are. Measured: docs/benchmarks.md.
const READERS: usize = 16;

/// A tree with more entries than this is not digested.
const MOST: usize = 1_500_000;

/// An index that is wrong about no more files than this is left as it is: they are read again sooner than all is written.
const FEW_FILES: usize = 64;

/// The same of the bytes in them.
const FEW_BYTES: u64 = 4 << 20;

/// Bytes that most names and what counts of them fit in.
const A_NAME_TOLD: usize = 96;

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

/// A digest that is about to be made.
#[derive(Debug)]
pub struct Digester {
    /// Where the index lies.
    path: PathBuf,
    /// The time by the file system's own clock, before the tree is looked at.
    began: i64,
    known: Arc<Contents>,
    /// How many entries a tree may have.
    most: usize,
    /// Set when the user asks to stop.
    interrupted: Arc<AtomicBool>,
}

/// One folder, and what is in its files, in the order of its names; none for what is no file.
struct Folder<'a> {
    listing: &'a Listing,
    contents: Vec<Option<Content>>,
}

/// The digest of a tree that nobody has looked at yet.
///
/// # Errors
/// As [`Digester::digest`].
pub fn digest(request: &TreeRequest<'_>) -> io::Result<blake3::Hash> {
    let TreeRequest { live, outputs, state, afresh } = *request;
    let digester = Digester::begin(state)?;
    let look = Look::now(live, state, outputs, &AtomicBool::new(false)).map_err(io::Error::other)?;
    digester.remembering(afresh).digest(&look).map(|(tree, _)| tree)
}

impl Digester {
    /// Notes the time: what is written to a file from then on, its facts may not tell. So it comes before the look at the tree.
    ///
    /// # Errors
    /// A state folder that cannot be written.
    pub fn begin(state: &Path) -> io::Result<Self> {
        let folder = super::folder(state)?;
        let began = Stat::of(&tempfile::NamedTempFile::new_in(&folder)?.as_file().metadata()?).changed();
        Ok(Self {
            path: folder.join(super::INDEX),
            began,
            known: Arc::default(),
            most: MOST,
            interrupted: Arc::default(),
        })
    }

    /// Reads what is known of the tree's files, unless every one is to be read `afresh`.
    #[must_use]
    pub fn remembering(self, afresh: bool) -> Self {
        let known = if afresh { Contents::default() } else { Contents::of(Index::read(&self.path)) };
        Self { known: Arc::new(known), ..self }
    }

    /// Goes by what an earlier digest has found out.
    #[must_use]
    pub fn recalling(self, known: Arc<Contents>) -> Self {
        Self { known, ..self }
    }

    /// Ends without a digest, and soon, when the user asks to stop.
    #[must_use]
    pub fn heeding(self, interrupted: &Arc<AtomicBool>) -> Self {
        Self { interrupted: Arc::clone(interrupted), ..self }
    }

    /// The digest of what was looked at, and what is in its files.
    ///
    /// # Errors
    /// Something that cannot be read, that changed meanwhile, or that leads to the whole disk: then there is no digest, and
    /// nothing is answered from evidence.
    pub fn digest(&self, look: &Look) -> io::Result<(blake3::Hash, Contents)> {
        let behind = spread(|| self.behind_links(look))?;
        let mut all: Vec<&Listing> = look.listings().iter().chain(&behind.listings).collect();
        all.sort_by(|one, other| {
            order_of_places(&one.place, &other.place).then_with(|| order_of_places(&one.source, &other.source))
        });
        let mut folders: Vec<Folder<'_>> = spread(|| all.into_par_iter().map(|listing| self.folder(listing)).collect());
        let unread: Vec<_> = folders.iter().enumerate().flat_map(|(at, folder)| folder.unread(at)).collect();
        let read = self.read_all(&unread)?;
        for (Unread { place: (folder, name), .. }, content) in unread.iter().zip(&read) {
            folders[*folder].contents[*name] = Some(*content);
        }
        let files: usize = folders.iter().map(|folder| folder.contents.iter().flatten().count()).sum();
        let contents = if is_outdated(self.known.indexed(), files, &unread) {
            let seen = folders.iter().map(|folder| (folder.listing, &folder.contents[..]));
            Contents::of(Index::write(&self.path, self.began, seen)?)
        } else {
            let newer =
                unread.into_iter().zip(read).map(|(Unread { path, stat, .. }, content)| (path, (stat, content)));
            self.known.and(newer.collect(), self.began)
        };
        Ok((hash(look, &folders, &behind.ends), contents))
    }

    fn read_all(&self, unread: &[Unread]) -> io::Result<Vec<Content>> {
        let content = |file: &Unread| {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            read_content(&file.path, &file.stat)
        };
        let read = || unread.par_iter().map(content).collect();
        if unread.is_empty() {
            return Ok(Vec::new());
        }
        match rayon::ThreadPoolBuilder::new().num_threads(READERS).build() {
            Ok(readers) => readers.install(read),
            Err(_no_more_threads) => read(),
        }
    }

    fn behind_links(&self, look: &Look) -> io::Result<Behind> {
        let mut behind = Behind { listings: Vec::new(), ends: Vec::new() };
        // What was taken in for a link is looked at already.
        let taken_in = look.taken_in().iter().filter_map(|(place, _)| fs::canonicalize(look.live().join(place)).ok());
        let mut entered: BTreeSet<PathBuf> = taken_in.chain([look.live().to_path_buf()]).collect();
        let mut entries: usize = look.listings().iter().map(Listing::len).sum();
        let mut links: Vec<(PathBuf, PathBuf)> = links(look.listings()).collect();
        let bounded =
            |entries| if entries > self.most { Err(io::Error::other("there are too many files")) } else { Ok(()) };
        bounded(entries)?;
        while !links.is_empty() {
            let end = |(place, link): &(PathBuf, PathBuf)| Some((place.clone(), fs::canonicalize(link).ok()?));
            let ends: Vec<(PathBuf, PathBuf)> = links.par_iter().filter_map(end).collect();
            links.clear();
            for (place, root) in &ends {
                // A link to a folder that holds the live tree itself leads to everything.
                if root != look.live() && look.live().starts_with(root) {
                    return Err(io::Error::other(format!("{} leads to {}", place.display(), root.display())));
                }
                if root.starts_with(look.state()) || root.ancestors().any(|folder| entered.contains(folder)) {
                    continue;
                }
                entered.insert(root.clone());
                let is_enough = |seen| entries + seen > self.most || self.interrupted.load(Ordering::Relaxed);
                let more = read_behind(root, place, look.state(), &is_enough)?;
                entries += more.iter().map(Listing::len).sum::<usize>();
                bounded(entries)?;
                links.extend(self::links(&more));
                behind.listings.extend(more);
            }
            behind.ends.extend(ends);
        }
        Ok(behind)
    }

    fn folder<'a>(&self, listing: &'a Listing) -> Folder<'a> {
        let indexed = self.known.folder(&listing.source);
        let content = |(name, item)| self.known.content(indexed, &listing.source, name, &Stat::of_file(item)?);
        Folder { listing, contents: listing.iter().map(content).collect() }
    }
}

/// True if an index that knows so many files is worth being written anew, for a tree of so many files that it was asked for.
fn is_outdated(indexed: usize, files: usize, unread: &[Unread]) -> bool {
    let bytes: u64 = unread.iter().map(|file| file.stat.size()).sum();
    unread.len() > FEW_FILES || bytes > FEW_BYTES || indexed > files + FEW_FILES || (indexed == 0 && files > 0)
}

/// A file that nobody has read yet, and which folder's which name it is.
struct Unread {
    place: (usize, usize),
    path: PathBuf,
    stat: Stat,
}

impl Folder<'_> {
    /// All that counts of it, so that no two folders look alike.
    fn told(&self) -> Vec<u8> {
        let mut told = Vec::with_capacity(self.listing.len() * A_NAME_TOLD);
        let add = |told: &mut Vec<u8>, bytes: &[u8]| {
            told.extend((bytes.len() as u64).to_le_bytes());
            told.extend(bytes);
        };
        add(&mut told, self.listing.place.as_os_str().as_bytes());
        add(&mut told, &self.listing.len().to_le_bytes());
        for ((name, item), content) in self.listing.iter().zip(&self.contents) {
            add(&mut told, name.as_bytes());
            for number in [item.entry.kind as u32, item.entry.mode, item.owner.0, item.owner.1] {
                told.extend(number.to_le_bytes());
            }
            add(&mut told, target(item).map_or(b"", |target| target.as_os_str().as_bytes()));
            told.extend(content.iter().flatten());
        }
        told
    }

    fn unread(&self, number: usize) -> impl Iterator<Item = Unread> {
        let names = self.listing.iter().zip(&self.contents).enumerate().filter(|(_, (_, content))| content.is_none());
        names.filter_map(move |(at, ((name, item), _))| {
            let stat = Stat::of_file(item)?;
            Some(Unread { place: (number, at), path: self.listing.source.join(name), stat })
        })
    }
}

/// The hasher is fed by the folder: it takes longer over many short pieces than over one long one.
fn hash(look: &Look, folders: &[Folder<'_>], ends: &[(PathBuf, PathBuf)]) -> blake3::Hash {
    let told: Vec<Vec<u8>> = spread(|| folders.par_iter().map(Folder::told).collect());
    let mut hasher = blake3::Hasher::new();
    for folder in &told {
        hasher.update(folder);
    }
    for (place, target) in look.taken_in().iter().chain(ends) {
        super::add(&mut hasher, place.as_os_str().as_bytes());
        super::add(&mut hasher, target.as_os_str().as_bytes());
    }
    hasher.finalize()
}

/// Where a link points, as it is written; what begins empty in the stage counts by being there.
fn target(item: &Item) -> Option<&Path> {
    item.entry.target.as_deref().filter(|_| !item.role.closed)
}

/// What lies behind the links of a tree.
struct Behind {
    /// What they lead to outside of it, and the links that are found there, under the links' own names.
    listings: Vec<Listing>,
    /// Where each link ends: one on the way, outside, may turn elsewhere.
    ends: Vec<(PathBuf, PathBuf)>,
}

/// The links of these folders that are followed: their places, and where they lie.
fn links(listings: &[Listing]) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    listings.iter().flat_map(|listing| {
        let links = listing.iter().filter(|(_, item)| target(item).is_some());
        links.map(|(name, _)| (listing.place.join(name), listing.source.join(name)))
    })
}

/// What stands at `root` and below it, in the order of the folders, as what a link at `place` leads to; nothing of our own state.
fn read_behind(
    root: &Path,
    place: &Path,
    state: &Path,
    is_enough: &(dyn Fn(usize) -> bool + Sync),
) -> io::Result<Vec<Listing>> {
    let seen = look_at(root)?;
    let is_folder = seen.entry.kind == Kind::Folder;
    let mut itself = Listing::new(place, root.parent().unwrap_or(root), 1);
    itself.push(root.file_name().unwrap_or_default(), Item::new(seen, Role::default()));
    let mut all = if is_folder {
        whole_tree_until(root, place, Some(state), is_enough).map_err(io::Error::other)?
    } else {
        Vec::new()
    };
    all.push(itself);
    all.sort_by(|one, other| order_of_places(&one.place, &other.place));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_with_too_many_entries_is_not_digested_wherever_they_lie() {
        let folder = tempfile::tempdir().unwrap();
        let [live, state, outside] = ["live", "state", "outside"].map(|name| folder.path().join(name));
        for number in 0..10 {
            fs::create_dir_all(live.join("app")).and_then(|()| fs::create_dir_all(&outside)).unwrap();
            fs::write(live.join(format!("app/{number}")), "").unwrap();
            fs::write(outside.join(number.to_string()), "").unwrap();
        }
        let digested = |most| {
            let look = Look::now(&live, &state, &[], &AtomicBool::new(false)).unwrap();
            let digester = Digester { most, ..Digester::begin(look.state()).unwrap() };
            digester.digest(&look).map(|(tree, _)| tree).map_err(|error| error.to_string())
        };
        let refused = Err("there are too many files".to_owned());
        assert_eq!((digested(10), digested(11).is_ok()), (refused.clone(), true));
        std::os::unix::fs::symlink(&outside, live.join("link")).unwrap();
        // The link, what it leads to, and the ten files in that.
        assert_eq!((digested(22), digested(23).is_ok()), (refused, true));
    }

    #[test]
    fn a_digest_ends_when_the_user_asks_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        let [live, state, outside] = ["live", "state", "outside"].map(|name| folder.path().join(name));
        fs::create_dir_all(live.join("app")).and_then(|()| fs::create_dir_all(&outside)).unwrap();
        let ends = |interrupted: bool| {
            let look = Look::now(&live, &state, &[], &AtomicBool::new(false)).unwrap();
            let interrupted = Arc::new(AtomicBool::new(interrupted));
            Digester::begin(look.state()).unwrap().heeding(&interrupted).digest(&look).is_err()
        };
        assert_eq!((ends(true), ends(false)), (false, false), "nothing has to be read");
        fs::write(live.join("app/file"), "").unwrap();
        assert_eq!((ends(true), ends(false)), (true, false), "a file");
        fs::remove_file(live.join("app/file")).unwrap();
        std::os::unix::fs::symlink(&outside, live.join("link")).unwrap();
        assert_eq!((ends(true), ends(false)), (true, false), "a folder behind a link");
    }
}
