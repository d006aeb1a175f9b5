//! Is there room for a stage? Pure but for the one call that asks the file system.

use std::path::Path;

use rustix::fs::StatVfs;

use super::copy::Method;
use super::error::StagingError;

/// An inode and its share of folders, on the usual file systems.
const BYTES_PER_INODE: u64 = 512;

/// Bytes and inodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) bytes: u64,
    /// None where the file system makes inodes as it needs them.
    pub(super) inodes: Option<u64>,
}

/// What a stage needs: the copy itself, and what is written to it, which is about as much output as the live tree has.
pub(super) fn needed(method: Method, disk_bytes: u64, written_bytes: u64, inodes: u64) -> Room {
    let content = if method == Method::Copy { disk_bytes } else { 0 };
    Room { bytes: content + written_bytes + inodes * BYTES_PER_INODE, inodes: Some(inodes) }
}

/// Asks the file system, and refuses if it has not got that much.
pub(super) fn check(folder: &Path, needs: Room) -> Result<(), StagingError> {
    let status = rustix::fs::statvfs(folder).map_err(|error| StagingError::unwritable(folder, error))?;
    compare(folder, needs, available(&status))
}

fn available(status: &StatVfs) -> Room {
    // A file system that counts no blocks (ramfs, some of FUSE) says nothing of its room.
    let counts = status.f_blocks > 0;
    Room {
        bytes: if counts { status.f_bavail.saturating_mul(status.f_frsize) } else { u64::MAX },
        inodes: (status.f_files > 0).then_some(status.f_favail),
    }
}

fn compare(folder: &Path, needs: Room, has: Room) -> Result<(), StagingError> {
    let few_inodes = matches!((needs.inodes, has.inodes), (Some(needs), Some(has)) if has < needs);
    if has.bytes >= needs.bytes && !few_inodes {
        return Ok(());
    }
    let advice = if has.bytes < needs.bytes {
        "Free some room there (old compiled files: `rails assets:clean`; `yarn cache clean`; old backups), then run again."
    } else {
        "Free inodes there: look for folders with very many small files, then run again."
    };
    Err(StagingError::NoRoom {
        path: folder.to_path_buf(),
        needs: needs.words(),
        has: has.words(),
        advice: advice.to_owned(),
    })
}

impl Room {
    fn words(self) -> String {
        let bytes = megabytes(self.bytes);
        self.inodes.map_or_else(|| bytes.clone(), |inodes| format!("{bytes} and {} inodes", grouped(inodes)))
    }
}

fn megabytes(bytes: u64) -> String {
    if bytes < 1_000_000 {
        format!("{} kB", bytes.div_ceil(1000))
    } else {
        format!("{} MB", grouped(bytes.div_ceil(1_000_000)))
    }
}

/// `52549` as `52,549`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(needs: Room, has: Room) -> String {
        compare(Path::new("/home"), needs, has).unwrap_err().to_string()
    }

    #[test]
    fn too_little_room_is_refused_with_the_numbers() {
        let needs = needed(Method::Copy, 500_000_000, 7_000_000, 52_549);
        let message = refusal(needs, Room { bytes: 120_000_000, inodes: Some(1_000_000) });
        assert!(message.contains("534 MB and 52,549 inodes, and /home has 120 MB and 1,000,000 inodes"), "{message}");
    }

    #[test]
    fn too_few_inodes_are_refused_even_where_bytes_abound() {
        let message = refusal(needed(Method::Copy, 1, 0, 50), Room { bytes: u64::MAX, inodes: Some(49) });
        assert!(message.contains("50 inodes") && message.contains("Free inodes"), "{message}");
    }

    #[test]
    fn reflinks_need_no_room_for_content() {
        let needs = needed(Method::Reflink, 500_000_000, 1000, 10);
        assert_eq!(needs, Room { bytes: 6120, inodes: Some(10) });
        assert!(compare(Path::new("/"), needs, Room { bytes: 7000, inodes: None }).is_ok());
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([grouped(7), grouped(999), grouped(1000), grouped(1_234_567)], ["7", "999", "1,000", "1,234,567"]);
    }
}
