//! Reads files that a stranger may have left: as regular files of a size that can be held, or not at all. A build can put
//! anything in the place of a file: a FIFO, which nobody would ever write to, a device, or a hole without end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Bytes. The largest files of a compiled tree, source maps and videos, are some tens of millions.
pub(crate) const MOST: u64 = 512 * 1024 * 1024;

/// Opens a regular file; links are followed.
///
/// # Errors
/// What the system says, and anything else that has this name.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::empty())
}

/// The same, and a link is no regular file either.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_itself(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::NOFOLLOW)
}

/// The bytes of a regular file; links are followed.
///
/// # Errors
/// As [`open`], and one of more than [`MOST`] bytes.
pub(crate) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let size = file.metadata()?.len();
    if size > MOST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has {size} bytes")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn open_with(path: &Path, flags: OFlags) -> io::Result<File> {
    // What is no regular file may keep whoever opens it waiting.
    let flags = i32::try_from((flags | OFlags::NONBLOCK).bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn what_is_no_regular_file_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, fifo] = ["file", "link", "fifo"].map(|name| folder.path().join(name));
        std::fs::write(&file, "text").unwrap();
        symlink(&file, &link).unwrap();
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert_eq!((bytes(&file).unwrap(), bytes(&link).unwrap()), (b"text".to_vec(), b"text".to_vec()));
        assert!(open_itself(&file).is_ok() && open_itself(&link).is_err());
        for place in [&fifo, folder.path(), Path::new("/dev/zero")] {
            assert_eq!(bytes(place).unwrap_err().to_string(), "it is not a regular file", "{}", place.display());
        }
        File::create(&file).unwrap().set_len(MOST + 1).unwrap();
        assert_eq!(bytes(&file).unwrap_err().to_string(), "it has 536870913 bytes");
    }
}
