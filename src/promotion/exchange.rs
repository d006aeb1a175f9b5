//! Carries out one step of a switch, or undoes it: always by a single atomic rename or exchange, with the content written
//! and synced beforehand.
//!
//! After an exchange the displaced content is compared with what was expected. If somebody edited the file in between,
//! it is put back: no edit is ever lost.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::disk::{Attributes, Disk, DiskError, failed};
use super::plan::{Content, Group, Origin, Step};
use super::recovery::{Holds, Seen};

/// Why a step could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Somebody changed the file while the switch was running.
    #[error("{} was changed by somebody else while themegate was at work; what they wrote stands. \
             Run `themegate check` again", .0.display())]
    Edited(PathBuf),
    /// The source of the new content no longer has it.
    #[error("{} is not what was checked any more: it changed or vanished. Run `themegate check` again", .0.display())]
    Vanished(PathBuf),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The content of a path: `None` if nothing is there.
///
/// # Errors
/// It is no regular file, or cannot be read.
pub fn content_of(path: &Path) -> Result<Option<Content>, DiskError> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Err(failed("read", path)(io::Error::other("it is not a regular file"))),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed("read", path)(error)),
    };
    let digest = digest_of(path)?;
    Ok(Some(Content { digest, size: metadata.size(), attributes: Attributes::of(&metadata) }))
}

fn digest_of(path: &Path) -> Result<String, DiskError> {
    let file = File::open(path).map_err(failed("read", path))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(failed("read", path))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// True if `path` holds exactly `content`; `None` is absence. A folder or a symlink there is something else.
fn holds(path: &Path, content: Option<&Content>) -> Result<bool, DiskError> {
    let metadata = path.symlink_metadata();
    match (content, metadata) {
        (None, Err(error)) => Ok(matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)),
        (Some(content), Ok(metadata)) if metadata.is_file() && metadata.size() == content.size => {
            Ok(digest_of(path)? == content.digest)
        }
        _ => Ok(false),
    }
}

/// Looks at the disk: what a step's path holds, and which contents are at hand. `saved` is the old content's safe copy.
///
/// # Errors
/// A file that cannot be read.
pub fn look(step: &Step, saved: &Path) -> Result<Seen, DiskError> {
    let path = match (holds(&step.path, step.after.as_ref())?, holds(&step.path, step.before.as_ref())?) {
        (true, _) => Holds::New,
        (_, true) => Holds::Old,
        _ => Holds::Other,
    };
    let new_at_hand = step.after.is_none() || waits(step, step.after.as_ref())? || origin_has(step)?;
    let old_at_hand =
        step.before.is_none() || waits(step, step.before.as_ref())? || holds(saved, step.before.as_ref())?;
    Ok(Seen { path, new_at_hand, old_at_hand })
}

fn waits(step: &Step, content: Option<&Content>) -> Result<bool, DiskError> {
    Ok(content.is_some() && holds(&step.temporary, content)?)
}

fn origin_has(step: &Step) -> Result<bool, DiskError> {
    match &step.origin {
        Some(Origin::File(file)) => holds(file, step.after.as_ref()),
        Some(Origin::Text(_)) => Ok(true),
        None => Ok(false),
    }
}

/// Puts the new content under the step's temporary name, unless it is there already. It is not synced.
///
/// # Errors
/// The origin has changed, or the disk refused.
pub fn prepare(disk: &Disk, step: &Step) -> Result<(), StepError> {
    let (Some(after), Some(origin)) = (&step.after, &step.origin) else { return Ok(()) };
    if waits(step, Some(after))? {
        return Ok(());
    }
    disk.remove_file(&step.temporary)?;
    match origin {
        Origin::File(from) => copy_exactly(disk, from, &step.temporary, after),
        Origin::Text(text) => {
            let file = disk.write_new(&step.temporary, text.as_bytes())?;
            Ok(disk.set_attributes(&file, &step.temporary, after.attributes)?)
        }
    }
}

/// Copies a file that must hold `content`. It is not synced.
pub(crate) fn copy_exactly(disk: &Disk, from: &Path, to: &Path, content: &Content) -> Result<(), StepError> {
    match disk.copy(from, to, content.attributes) {
        Ok(digest) if digest == content.digest => Ok(()),
        Ok(_) => Err(StepError::Vanished(from.to_path_buf())),
        Err(error) if error.source.kind() == io::ErrorKind::NotFound && from.symlink_metadata().is_err() => {
            Err(StepError::Vanished(from.to_path_buf()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Carries out a step whose new content waits under its temporary name.
///
/// # Errors
/// Somebody edited the path, or the disk refused; the path is then as it was.
pub fn make(disk: &Disk, step: &Step) -> Result<(), StepError> {
    match (&step.before, &step.after) {
        (None, _) => add(disk, &step.temporary, &step.path),
        (Some(before), Some(_)) => replace(disk, &step.temporary, &step.path, before),
        (Some(before), None) => set_aside(disk, step, before),
    }
}

fn add(disk: &Disk, from: &Path, to: &Path) -> Result<(), StepError> {
    match disk.rename_new(from, to) {
        Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => Err(StepError::Edited(to.to_path_buf())),
        other => Ok(other?),
    }
}

/// Swaps `from` with `to`, which must hold `expected`.
fn replace(disk: &Disk, from: &Path, to: &Path, expected: &Content) -> Result<(), StepError> {
    if !holds(to, Some(expected))? {
        return Err(StepError::Edited(to.to_path_buf()));
    }
    if !disk.exchange(from, to)? {
        return Ok(disk.rename(from, to)?);
    }
    if holds(from, Some(expected))? {
        return Ok(());
    }
    disk.exchange(from, to)?;
    Err(StepError::Edited(to.to_path_buf()))
}

fn set_aside(disk: &Disk, step: &Step, expected: &Content) -> Result<(), StepError> {
    if !holds(&step.path, Some(expected))? {
        return Err(StepError::Edited(step.path.clone()));
    }
    add(disk, &step.path, &step.temporary)?;
    if holds(&step.temporary, Some(expected))? {
        return Ok(());
    }
    add(disk, &step.temporary, &step.path)?;
    Err(StepError::Edited(step.path.clone()))
}

/// Undoes a step that was made; `saved` is the old content's safe copy.
///
/// # Errors
/// The disk refused, or the copy is not what was saved.
pub fn unmake(disk: &Disk, step: &Step, saved: &Path) -> Result<(), StepError> {
    let Some(before) = &step.before else {
        return Ok(disk.remove_file(&step.path)?);
    };
    if !holds(&step.temporary, Some(before))? {
        disk.remove_file(&step.temporary)?;
        copy_exactly(disk, saved, &step.temporary, before)?;
        let copy = File::open(&step.temporary).map_err(failed("open", &step.temporary))?;
        disk.sync_file(&copy, &step.temporary)?;
    }
    match &step.after {
        Some(after) => replace(disk, &step.temporary, &step.path, after),
        None => add(disk, &step.temporary, &step.path),
    }
}

/// Swaps a whole folder with its successor, either way; `false` where the file system cannot.
///
/// # Errors
/// A file in it is not what was expected (all is put back then), or the disk refused.
pub fn swap(disk: &Disk, group: &Group, displaced: &[(PathBuf, Option<Content>)]) -> Result<bool, StepError> {
    if !disk.exchange(&group.temporary, &group.folder)? {
        return Ok(false);
    }
    for (name, expected) in displaced {
        let path = group.temporary.join(name);
        if !holds(&path, expected.as_ref())? {
            disk.exchange(&group.temporary, &group.folder)?;
            return Err(StepError::Edited(group.folder.join(name)));
        }
    }
    Ok(true)
}

/// Clears a group's successor folder away, whatever it holds: its name is this switch's own.
pub(crate) fn clear_folder(disk: &Disk, folder: &Path) -> Result<(), DiskError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("read the folder", folder)(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(failed("read the folder", folder))?.path());
    }
    paths.sort();
    paths.iter().try_for_each(|path| disk.remove_file(path))?;
    disk.remove_empty_folder(folder)
}
