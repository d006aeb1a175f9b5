//! Reads `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`). Pure: text in, mounts out.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::mount::MountFlags;

/// One mount.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) point: PathBuf,
    /// Those that a remount has to repeat.
    pub(super) flags: MountFlags,
    /// Only stands for a mount that is made when somebody looks.
    pub(super) is_automatic: bool,
}

/// Every mount, parents before what is mounted in them.
pub(super) fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ').skip(4);
    let point = PathBuf::from(OsString::from_vec(unescaped(fields.next()?)));
    let options = String::from_utf8_lossy(fields.next()?).into_owned();
    let is_automatic = fields.skip_while(|field| *field != b"-").nth(1) == Some(b"autofs".as_slice());
    Some(Mount { point, flags: flags(&options), is_automatic })
}

/// A mount that is inherited from a stronger user cannot lose these; and one that has no word for access times updates them
/// always.
fn flags(options: &str) -> MountFlags {
    let flag = |word: &str| match word {
        "ro" => MountFlags::RDONLY,
        "nosuid" => MountFlags::NOSUID,
        "nodev" => MountFlags::NODEV,
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "nodiratime" => MountFlags::NODIRATIME,
        "relatime" => MountFlags::RELATIME,
        _ => MountFlags::empty(),
    };
    let found = options.split(',').map(flag).fold(MountFlags::empty(), MountFlags::union);
    if found.intersects(MountFlags::NOATIME | MountFlags::RELATIME) { found } else { found | MountFlags::STRICTATIME }
}

/// Space, tab, line end and backslash are written as three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                result.push(byte);
                rest = &after[3..];
            }
            None => {
                result.push(*first);
                rest = after;
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_odd_names_are_read() {
        let text = b"36 35 98:0 / /mnt/a\\040b\\134c ro,nosuid,noatime shared:1 - ext4 /dev/x rw\n27 1 8:1 / / rw - ext4 a rw\n";
        let mounts = parse(text);
        assert_eq!(mounts[0].point, PathBuf::from("/mnt/a b\\c"));
        assert_eq!(mounts[0].flags, MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NOATIME);
        assert_eq!(mounts[1].flags, MountFlags::STRICTATIME);
        assert!(!mounts[0].is_automatic);
        assert!(parse(b"36 35 0:9 / /net rw shared:2 - autofs systemd-1 rw,fd=1\n")[0].is_automatic);
        assert_eq!(mounts.len(), 2);
    }
}
