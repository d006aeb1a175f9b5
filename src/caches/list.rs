//! The list of what is kept: each file with its size and checksum.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::plain_file;

/// What is kept, and for which toolchain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileList {
    pub(super) key: String,
    /// By the place in the tree.
    pub(super) files: BTreeMap<String, Checksum>,
}

/// Size, and BLAKE3 in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksum(u64, String);

impl FileList {
    /// Reads a list; gives what is wrong with it, in words.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = bytes_of(path).map_err(|error| format!("their list could not be read: {error}"))?;
        serde_json::from_slice(&text).map_err(|error| format!("their list is damaged: {error}"))
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        File::options().write(true).create_new(true).mode(0o600).open(path)?.write_all(&text)
    }
}

/// The checksum of a regular file; a link is not followed.
pub(super) fn checksum(path: &Path) -> io::Result<Checksum> {
    // Never whole in memory: what node keeps of webpack is megabytes in one file.
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(plain_file::open_itself(path)?)?;
    Ok(Checksum(hasher.count(), hasher.finalize().to_hex().to_string()))
}

impl Checksum {
    /// The size.
    pub(super) fn bytes(&self) -> u64 {
        self.0
    }

    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.len() as u64, blake3::hash(bytes).to_hex().to_string())
    }
}

/// The bytes of a regular file; a link is not followed.
pub(super) fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    plain_file::open_itself(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
