//! Git LFS: a small text that stands in git for a large file.
//!
//! Specification: <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

/// A pointer is shorter than this, by its specification.
const LONGEST: usize = 1024;

/// What a pointer names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    oid: String,
    size: u64,
}

/// Reads a pointer; `None` if the bytes are a file of their own.
pub(crate) fn pointer(bytes: &[u8]) -> Option<Pointer> {
    if bytes.len() >= LONGEST || !bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let oid = value("oid")?.strip_prefix("sha256:")?.to_owned();
    let size = value("size")?.trim().parse().ok()?;
    (oid.len() == 64 && oid.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(Pointer { oid, size })
}

impl Pointer {
    /// The file itself, where the repository at `git` (its common folder) has it and it is whole.
    pub(super) fn object(&self, git: &Path) -> Option<Vec<u8>> {
        let path = git.join("lfs/objects").join(&self.oid[..2]).join(&self.oid[2..4]).join(&self.oid);
        let metadata = fs::symlink_metadata(&path).ok()?;
        if !metadata.is_file() || metadata.len() != self.size {
            return None;
        }
        fs::read(&path).ok().filter(|bytes| self.names(bytes))
    }

    /// Whether these bytes are the file that it stands for.
    pub(super) fn names(&self, bytes: &[u8]) -> bool {
        let digest = Sha256::digest(bytes);
        let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.len() as u64 == self.size && hexadecimal == self.oid
    }

    /// In bytes.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_read_and_a_file_that_looks_alike_is_not() {
        let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n");
        assert_eq!(pointer(text.as_bytes()).unwrap().size(), 12345);
        for other in [text.replace("oid", "old"), text.replace(oid, "../../x"), format!("/* {text} */"), text.repeat(9)]
        {
            assert_eq!(pointer(other.as_bytes()), None, "{other}");
        }
    }
}
