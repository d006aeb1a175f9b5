//! The few mounts that are needed, with words for what fails. It must not know what they are for.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, StatVfsMountFlags, openat, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change, mount_remount, move_mount,
    open_tree,
};

use super::fault::{Fault, failed};
use super::mountinfo;

/// Takes a second mount of what stands at `path`, with all that is mounted below it, not yet attached anywhere.
pub(super) fn twin(path: &Path) -> Result<OwnedFd, Fault> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags).map_err(failed("open", path))
}

/// Attaches what [`twin`] took.
pub(super) fn attach(tree: &OwnedFd, at: &Path) -> Result<(), Fault> {
    move_mount(tree, c"", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).map_err(failed("mount over", at))
}

/// Attaches it where nothing stands yet: a folder or a file is made first, if it can be.
pub(super) fn attach_new(tree: &OwnedFd, at: &Path, is_folder: bool) -> Result<(), Fault> {
    if !at.exists() {
        let parent = if is_folder { at } else { at.parent().unwrap_or(at) };
        fs::create_dir_all(parent).map_err(failed("make", parent))?;
        if !is_folder {
            fs::write(at, "").map_err(failed("make", at))?;
        }
    }
    attach(tree, at)
}

/// Makes what stands at `path` a mount of its own that cannot be written.
pub(super) fn freeze(path: &Path) -> Result<(), Fault> {
    attach(&twin(path)?, path)?;
    mount_remount(path, MountFlags::BIND | MountFlags::RDONLY, c"").map_err(failed("make read-only", path))
}

/// Nothing that is mounted from now on reaches the system, and nothing of the system's reaches us.
pub(super) fn keep_private() -> Result<(), Fault> {
    let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", flags).map_err(failed("make private", Path::new("/")))
}

/// An empty folder in memory.
pub(super) fn memory(at: &Path, options: &str) -> Result<(), Fault> {
    let options = CString::new(options).map_err(failed("name", at))?;
    mount("tmpfs", at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
        .map_err(failed("mount a tmpfs at", at))
}

/// Makes the file system in memory at `at` unchangeable.
pub(super) fn freeze_memory(at: &Path) -> Result<(), Fault> {
    mount_remount(at, MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV, c"")
        .map_err(failed("make read-only", at))
}

/// The processes of this namespace.
pub(super) fn processes() -> Result<(), Fault> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None).map_err(failed("mount", Path::new("/proc")))
}

/// Terminals of this namespace.
pub(super) fn terminals(at: &Path) -> Result<(), Fault> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("devpts", at, "devpts", flags, c"newinstance,ptmxmode=0666,mode=620").map_err(failed("mount", at))
}

/// Lays `upper` over the folders `lower`, the uppermost first: what is written goes to `upper`, the others are only read. The
/// folders are named by descriptors, so that no character of their paths can be mistaken for an option.
///
/// It is volatile: without that, the end of the mount would wait until all that anybody has written to the file system of
/// `upper` is on the disk. What an interrupted run leaves is swept, and the kernel does not mount it again.
pub(super) fn overlay(lower: &[&Path], upper: &Path, work: &Path, at: &Path) -> Result<(), Fault> {
    let open = |path: &Path| openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let [upper_end, work_end] = [upper, work].map(|path| open(path).map_err(failed("open", path)));
    let (upper_end, work_end) = (upper_end?, work_end?);
    let lower_ends =
        lower.iter().map(|path| open(path).map_err(failed("open", path))).collect::<Result<Vec<_>, _>>()?;
    let named: Vec<String> = lower_ends.iter().map(|end| format!("/proc/self/fd/{}", end.as_raw_fd())).collect();
    let options = format!(
        "lowerdir={},upperdir=/proc/self/fd/{},workdir=/proc/self/fd/{},userxattr,index=off,volatile",
        named.join(":"),
        upper_end.as_raw_fd(),
        work_end.as_raw_fd()
    );
    let options = CString::new(options).map_err(failed("name", at))?;
    mount("overlay", at, "overlay", MountFlags::NODEV, options.as_c_str())
        .map_err(failed("mount an overlay at", at))?;
    // With an upper layer that it cannot use, the kernel mounts one that cannot be written.
    if is_read_only(at) { Err(Fault(format!("the overlay at {} cannot be written", at.display()))) } else { Ok(()) }
}

/// Makes every mount unchangeable but those at or below `kept`.
pub(super) fn freeze_all_but(kept: &[&Path]) -> Result<(), Fault> {
    let table = Path::new("/proc/self/mountinfo");
    let mounts = mountinfo::parse(&fs::read(table).map_err(failed("read", table))?);
    for one in mounts.iter().filter(|one| !one.is_automatic && !kept.iter().any(|folder| one.point.starts_with(folder)))
    {
        let flags = one.flags | MountFlags::BIND | MountFlags::RDONLY;
        let frozen = mount_remount(&one.point, flags, c"");
        // A mount that lies below another one cannot be reached by its name, by nobody; what can be reached counts. Only then
        // is it asked for its state: a file server that is gone would not answer.
        if frozen.is_err() && can_be_seen(&one.point) && !is_read_only(&one.point) {
            frozen.map_err(failed("make read-only", &one.point))?;
        }
    }
    Ok(())
}

fn can_be_seen(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn is_read_only(path: &Path) -> bool {
    statvfs(path).is_ok_and(|status| status.f_flag.contains(StatVfsMountFlags::RDONLY))
}
