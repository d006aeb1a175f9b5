//! The ground a switch stands on: where names really lie, what may be written, and what makes it refuse before anything
//! changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::disk::{Attributes, DiskError, failed};
use super::exchange::content_of;
use super::plan::{NewFolder, Plan, Swappable};

/// Why a switch is refused; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A link in a place where it would lead the writing elsewhere.
    #[error("{} is a symlink, and themegate writes through none but the output folders themselves and the registry. \
             Replace it by what it points to", .0.display())]
    Link(PathBuf),
    /// Something else than a file.
    #[error("{} is not a regular file. Move it away and run `themegate check` again", .0.display())]
    NotAFile(PathBuf),
    /// A file that is mounted by itself cannot be replaced atomically.
    #[error("{} is a mount point by itself, so it cannot be replaced in one step. Mount the folder it lies in instead", .0.display())]
    MountPoint(PathBuf),
    /// A folder that may not be written to.
    #[error("the folder {} cannot be written to: {why}. Run themegate as the owner of the live tree (usually mastodon) \
             or as root; if it is mounted read-only, remount it", path.display())]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// A file whose owner could not be kept.
    #[error("{} belongs to user {owner}, and only that user or root can replace it and keep it so. Run themegate as one of them", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// A file that only its group may read, and this process cannot give to that group.
    #[error("{} can be read by group {group} alone, and only a member of it or root can replace it and keep it so. Run \
             themegate as root, or add its user to the group", path.display())]
    Group {
        /// The file.
        path: PathBuf,
        /// Its group.
        group: u32,
    },
    /// Too little room.
    #[error("the file system of {} has {free} bytes free, and {needed} are needed. Make room and try again", path.display())]
    NoRoom {
        /// A folder on it.
        path: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes needed.
        needed: u64,
    },
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The live tree with its output folders, symlinks of the latter resolved (Capistrano shares `public/packs`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    live: PathBuf,
    outputs: Vec<(PathBuf, PathBuf)>,
}

impl Ground {
    /// Resolves the live tree and its output folders.
    ///
    /// # Errors
    /// The live tree, or what an output folder points to, is not there.
    pub fn new(live: &Path, output_folders: &[PathBuf]) -> Result<Self, DiskError> {
        let live = fs::canonicalize(live).map_err(failed("find", live))?;
        let resolve = |folder: &PathBuf| {
            let path = live.join(folder);
            match path.symlink_metadata() {
                Ok(_) => fs::canonicalize(&path).map_err(failed("follow", &path)),
                Err(_) => Ok(path),
            }
            .map(|real| (folder.clone(), real))
        };
        let outputs = output_folders.iter().map(resolve).collect::<Result<_, _>>()?;
        Ok(Self { live, outputs })
    }

    /// The live tree, resolved.
    #[must_use]
    pub fn live(&self) -> &Path {
        &self.live
    }

    /// Where a name of the live tree really lies.
    ///
    /// # Errors
    /// A symlink on the way, or the name is no plain relative path.
    pub fn resolve(&self, name: &Path) -> Result<PathBuf, Refusal> {
        let plain = name.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !plain {
            return Err(Refusal::NotAFile(self.live.join(name)));
        }
        let output = self.outputs.iter().find_map(|(folder, real)| Some((real, name.strip_prefix(folder).ok()?)));
        let (root, rest) = output.map_or((&self.live, name), |(real, rest)| (real, rest));
        let mut path = root.clone();
        for part in rest {
            path.push(part);
            if path.is_symlink() {
                return Err(Refusal::Link(path));
            }
        }
        Ok(path)
    }

    /// Where the registry really lies; it may be a symlink to a file (Capistrano's `shared/config/themes.yml`).
    ///
    /// # Errors
    /// A symlink elsewhere on the way, or one that leads nowhere.
    pub fn resolve_registry(&self, name: &Path) -> Result<PathBuf, Refusal> {
        let path = self.live.join(name);
        if path.is_symlink() {
            return Ok(fs::canonicalize(&path).map_err(failed("follow", &path))?);
        }
        self.resolve(name)
    }
}

/// The folders above `path` that do not exist yet, parents first, with the attributes of the folder they will lie in.
///
/// # Errors
/// The folder above them cannot be read.
pub(crate) fn missing_folders(path: &Path) -> Result<Vec<NewFolder>, DiskError> {
    let missing: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
    let existing = path.ancestors().nth(missing.len() + 1).unwrap_or(path);
    let attributes = Attributes::of(&existing.metadata().map_err(failed("read", existing))?);
    let attributes = Attributes { uid: owner_of_new(attributes), ..attributes };
    Ok(missing.into_iter().rev().map(|folder| NewFolder { path: folder.to_path_buf(), attributes }).collect())
}

/// Only root can give a new file to the owner of the folder; anybody else keeps it.
pub(crate) fn owner_of_new(folder: Attributes) -> u32 {
    let user = rustix::process::geteuid();
    if user.is_root() { folder.uid } else { user.as_raw() }
}

/// A new file's owner and mode: those of the folder it will lie in, readable for whoever may read the folder.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn attributes_of_new(path: &Path, modified: (i64, i64)) -> Result<Attributes, DiskError> {
    let folder = path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(path);
    let folder = Attributes::of(&folder.metadata().map_err(failed("read", folder))?);
    // The group may read what it can list. Where the file cannot be given to it, it has to read as everybody does, as it reads
    // what a compile in the live tree leaves; the folder keeps others out.
    let open = if is_kept(folder.gid, folder) { folder.mode & 0o044 } else { 0o044 };
    Ok(Attributes { mode: 0o600 | open, uid: owner_of_new(folder), gid: folder.gid, modified })
}

/// True if a file that this process makes in `folder` can have this group: it is root or a member, or the folder hands it on.
fn is_kept(group: u32, folder: Attributes) -> bool {
    const SETGID: u32 = 0o2000;
    let member = || rustix::process::getgroups().is_ok_and(|groups| groups.iter().any(|own| own.as_raw() == group));
    rustix::process::geteuid().is_root()
        || rustix::process::getegid().as_raw() == group
        || (folder.mode & SETGID != 0 && folder.gid == group)
        || member()
}

/// The folder as one to swap whole, if it is hidden, no mount point, and holds only files; `None` otherwise.
///
/// # Errors
/// A file in it cannot be read.
pub(crate) fn swappable(folder: &Path) -> Result<Option<Swappable>, DiskError> {
    let hidden = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let Ok(metadata) = folder.symlink_metadata() else { return Ok(None) };
    if !hidden || !metadata.is_dir() || mount_points().contains(folder) {
        return Ok(None);
    }
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed("read the folder", folder))? {
        let entry = entry.map_err(failed("read the folder", folder))?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        match content_of(&entry.path()) {
            Ok(Some(content)) if is_file => files.insert(PathBuf::from(entry.file_name()), content),
            Err(error) if is_file => return Err(error),
            _ => return Ok(None),
        };
    }
    Ok(Some(Swappable { attributes: Attributes::of(&metadata), files }))
}

/// Refuses a plan that cannot be carried out to its end, before anything changes. `generations` is where old content goes.
///
/// # Errors
/// The reason.
pub fn refuse_unsound(plan: &Plan, generations: &Path) -> Result<(), Refusal> {
    let mounts = mount_points();
    if let Some(step) = plan.steps.iter().find(|step| mounts.contains(&step.path)) {
        return Err(Refusal::MountPoint(step.path.clone()));
    }
    let folders: BTreeSet<PathBuf> = plan.folders(|_| true).iter().map(|folder| existing(folder)).collect();
    folders.iter().map(PathBuf::as_path).chain([generations]).try_for_each(refuse_unwritable)?;
    refuse_other_owner(plan)?;
    refuse_full(plan, &folders, generations)
}

fn existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder).to_path_buf()
}

fn refuse_unwritable(folder: &Path) -> Result<(), Refusal> {
    let answer = rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK);
    answer.map_err(|why| Refusal::NotWritable { path: folder.to_path_buf(), why: why.into() })
}

fn refuse_other_owner(plan: &Plan) -> Result<(), Refusal> {
    let user = rustix::process::geteuid();
    let owner = |step: &super::plan::Step| step.before.as_ref().map(|content| content.attributes.uid);
    let other = plan.steps.iter().find_map(|step| Some((step, owner(step).filter(|&uid| uid != user.as_raw())?)));
    match other {
        Some((step, owner)) if !user.is_root() => Err(Refusal::Owner { path: step.path.clone(), owner }),
        _ => plan.steps.iter().try_for_each(refuse_other_group),
    }
}

/// A file that only its group may read would be lost to it: the web server's, most often.
fn refuse_other_group(step: &super::plan::Step) -> Result<(), Refusal> {
    let readers = |mode: u32| mode & 0o044;
    let kept = step.before.as_ref().zip(step.after.as_ref()).map(|(before, _)| before.attributes);
    let Some(kept) = kept.filter(|kept| readers(kept.mode) == 0o040) else { return Ok(()) };
    let folder = step.path.parent().unwrap_or(&step.path);
    let metadata = folder.metadata().map_err(failed("read", folder))?;
    match is_kept(kept.gid, Attributes::of(&metadata)) {
        true => Ok(()),
        false => Err(Refusal::Group { path: step.path.clone(), group: kept.gid }),
    }
}

/// Compares the room on each file system with what the plan writes there, and a margin for folders and the journal.
fn refuse_full(plan: &Plan, folders: &BTreeSet<PathBuf>, generations: &Path) -> Result<(), Refusal> {
    const MARGIN: u64 = 1 << 20;
    let mut needed: BTreeMap<u64, (PathBuf, u64)> = BTreeMap::new();
    let mut add = |folder: &Path, bytes: u64| -> Result<(), DiskError> {
        let device = folder.metadata().map_err(failed("read", folder))?.dev();
        needed.entry(device).or_insert_with(|| (folder.to_path_buf(), MARGIN)).1 += bytes;
        Ok(())
    };
    add(generations, plan.old_bytes())?;
    for step in &plan.steps {
        let size = step.after.as_ref().map_or(0, |content| content.size.next_multiple_of(4096));
        add(&existing(step.path.parent().unwrap_or(&step.path)), size)?;
    }
    folders.iter().try_for_each(|folder| add(folder, 0))?;
    for (path, needed) in needed.into_values() {
        let room = rustix::fs::statvfs(&path).map_err(|error| failed("measure", &path)(error.into()))?;
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        // Without blocks it counts nothing (ramfs, some of FUSE), and says nothing.
        if room.f_blocks > 0 && free < needed {
            return Err(Refusal::NoRoom { path, free, needed });
        }
    }
    Ok(())
}

/// The mount points that this process sees; none where `/proc` is not mounted.
fn mount_points() -> BTreeSet<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table.lines().filter_map(|line| line.split(' ').nth(4)).map(|field| PathBuf::from(unescape(field))).collect()
}

/// The kernel writes space, tab, newline and backslash as three octal digits (`proc_pid_mountinfo(5)`).
fn unescape(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |text, (code, plain)| text.replace(code, plain))
}
