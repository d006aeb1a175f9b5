//! Files of our own that are believed only if they are whole, ours, and closed to others.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::plain_file;

/// Begins each such file; another number means another shape.
const MARK: &[u8] = b"themegate sealed 1\n";

/// A file larger than this is not ours.
const LARGEST: u64 = 1 << 30;

/// Writes `content` under a checksum, in one step, mode 0600.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    // tempfile makes it with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(MARK)?;
    file.write_all(blake3::hash(content).as_bytes())?;
    file.write_all(content)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The content of a file that [`write`] wrote; none if it is not there, cut off, changed, a link, or open to others.
pub(super) fn read(path: &Path) -> Option<Vec<u8>> {
    let mut file = plain_file::open_itself(path).ok()?;
    let facts = file.metadata().ok()?;
    let ours = facts.uid() == rustix::process::geteuid().as_raw() && facts.mode() & 0o077 == 0;
    if !ours || facts.len() > LARGEST {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(facts.len()).ok()?);
    file.read_to_end(&mut bytes).ok()?;
    let (sum, content) = bytes.strip_prefix(MARK)?.split_at_checked(blake3::OUT_LEN)?;
    (blake3::hash(content).as_bytes() == sum).then(|| content.to_vec())
}

/// How a file that is being written begins (`tempfile`).
const DRAFT: &str = ".tmp";

/// Removes what a writer has left behind that was killed. One that is still at it fails, and writes the next time.
pub(super) fn sweep(folder: &Path) {
    // Not through a link: somebody else's files may begin so too.
    if !fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir()) {
        return;
    }
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    for draft in files.filter(|file| file.file_name().as_encoded_bytes().starts_with(DRAFT.as_bytes())) {
        let _stays = fs::remove_file(draft.path());
    }
}

/// Removes the oldest of the files of a folder that are named by a digest, beyond `most`. What cannot be removed stays: it
/// takes room and nothing else.
pub(super) fn prune(folder: &Path, most: usize) {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = files.filter(|file| file.file_name().len() == 2 * blake3::OUT_LEN);
    let mut files: Vec<_> =
        files.filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path()))).collect();
    files.sort_by(|one, other| other.cmp(one));
    for (_, path) in files.into_iter().skip(most) {
        let _stays = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_was_touched_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write(&path, b"content").unwrap();
        assert_eq!(read(&path).unwrap(), b"content");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut touched = whole.clone();
            touched[at] ^= 1;
            fs::write(&path, &touched).unwrap();
            assert_eq!(read(&path), None, "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(read(&path), None, "cut at {at}");
        }
        fs::write(&path, &whole).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read(&path), None, "open to others");
    }

    #[test]
    fn drafts_are_swept_and_not_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let [theirs, link] = ["theirs", "link"].map(|name| folder.path().join(name));
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join(".tmpA"), "half").unwrap();
        fs::write(theirs.join("index"), "whole").unwrap();
        std::os::unix::fs::symlink(&theirs, &link).unwrap();
        sweep(&link);
        assert!(theirs.join(".tmpA").exists());
        sweep(&theirs);
        assert!(!theirs.join(".tmpA").exists() && theirs.join("index").exists());
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("x"), b"content").unwrap();
        std::os::unix::fs::symlink("x", folder.path().join("link")).unwrap();
        assert_eq!(read(&folder.path().join("link")), None);
    }
}
