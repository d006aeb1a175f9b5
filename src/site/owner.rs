//! Whose is what themegate makes? What root makes in a folder of somebody else's is given to that folder's owner, so that
//! the site's own user is not refused afterwards. It must not know what the files are for.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Owner and group of a folder that is somebody else's than root's, if this process is root; otherwise nobody: what a user
/// makes is the user's.
#[must_use]
pub fn heir(folder: &Path) -> Option<(u32, u32)> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let metadata = rustix::process::geteuid().is_root().then(|| fs::metadata(folder))?.ok()?;
    (metadata.uid() != 0).then(|| (metadata.uid(), metadata.gid()))
}

/// Gives a file at `path` that was opened just now to the owner of its folder, where root made it in somebody else's. A file
/// with a second name is left alone: the other name may be anywhere.
///
/// # Errors
/// If the system refuses.
pub fn hand_over(file: &File, path: &Path) -> io::Result<()> {
    let Some((user, group)) = path.parent().and_then(heir) else { return Ok(()) };
    let metadata = file.metadata()?;
    let is_ours = metadata.uid() == 0 && (metadata.is_dir() || metadata.nlink() == 1);
    if is_ours { std::os::unix::fs::fchown(file, Some(user), Some(group)) } else { Ok(()) }
}

/// The same for a file or folder that was made just now; a link is not followed.
///
/// # Errors
/// If it is not there, is a link, or the system refuses.
pub fn hand_over_path(path: &Path) -> io::Result<()> {
    if path.parent().and_then(heir).is_none() { Ok(()) } else { hand_over(&open_plainly(path)?, path) }
}

/// Gives a folder and all below it, made just now by root, to the owner of the folder it lies in. Links are not followed.
///
/// # Errors
/// If it cannot be read, or the system refuses.
pub fn hand_over_tree(root: &Path) -> io::Result<()> {
    let Some((user, group)) = root.parent().and_then(heir) else { return Ok(()) };
    for entry in walkdir::WalkDir::new(root).follow_links(false) {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.uid() == 0 && (metadata.is_dir() || metadata.nlink() == 1) {
            std::os::unix::fs::lchown(entry.path(), Some(user), Some(group))?;
        }
    }
    Ok(())
}

/// Gives a folder that root made just now to the owner of `like`, whoever owns the folder it lies in.
///
/// # Errors
/// If the system refuses.
pub fn hand_over_like(folder: &Path, like: &Path) -> io::Result<()> {
    match heir(like) {
        Some((user, group)) => std::os::unix::fs::fchown(open_plainly(folder)?, Some(user), Some(group)),
        None => Ok(()),
    }
}

fn open_plainly(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    File::options().read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or_default()).open(path)
}

/// What to type where a file in the state folder belongs to somebody else and cannot be used; nothing where it is not so.
#[must_use]
pub fn advice(path: &Path) -> String {
    let user = rustix::process::geteuid();
    let foreign = |at: &&Path| fs::symlink_metadata(at).is_ok_and(|metadata| metadata.uid() != user.as_raw());
    match path.ancestors().take(2).find(foreign) {
        Some(at) if !user.is_root() => {
            let owner = fs::symlink_metadata(at).map_or(0, |metadata| metadata.uid());
            let folder = path.parent().unwrap_or(path).display();
            format!(
                "\n{} belongs to user {owner}. Run themegate as that user or as root, or give the folder to the one who runs it, \
                 as root: chown -R USER: {folder}",
                at.display()
            )
        }
        _ => String::new(),
    }
}
