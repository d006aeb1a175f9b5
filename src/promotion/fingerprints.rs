//! What was in files of a tree, by their names: to be compared with what is there when a promotion begins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::disk::DiskError;
use super::exchange::content_of;

/// Begins a name that is no text, and is written in base64: no path holds it.
const BYTES: char = '\0';

/// The digests of named files of one tree; `None` is absence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprints(
    #[serde(serialize_with = "write", deserialize_with = "read")] pub BTreeMap<PathBuf, Option<String>>,
);

impl Fingerprints {
    /// Reads the named files of a tree; the names are relative to it. Symlinks are followed, as whoever compiles does.
    ///
    /// # Errors
    /// A file that cannot be read, or is none.
    pub fn of(tree: &Path, names: impl IntoIterator<Item = PathBuf>) -> Result<Self, DiskError> {
        let digest = |name: PathBuf| {
            let path = tree.join(&name);
            let real = fs::canonicalize(&path).unwrap_or(path);
            Ok((name, content_of(&real)?.map(|content| content.digest)))
        };
        names.into_iter().map(digest).collect::<Result<_, _>>().map(Self)
    }

    /// The names whose digest differs from `now`'s, or that only one of the two has.
    #[must_use]
    pub fn changed(&self, now: &Self) -> Vec<PathBuf> {
        let names = self.0.keys().chain(now.0.keys().filter(|name| !self.0.contains_key(*name)));
        let digest = |of: &Self, name: &PathBuf| of.0.get(name).cloned().flatten();
        names.filter(|name| digest(self, name) != digest(now, name)).cloned().collect()
    }
}

fn write<S: Serializer>(digests: &BTreeMap<PathBuf, Option<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    let name = |path: &Path| match path.to_str() {
        Some(text) => text.to_owned(),
        None => format!("{BYTES}{}", STANDARD.encode(path.as_os_str().as_bytes())),
    };
    serializer.collect_map(digests.iter().map(|(path, digest)| (name(path), digest)))
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<PathBuf, Option<String>>, D::Error> {
    let path = |name: String| match name.strip_prefix(BYTES) {
        Some(coded) => STANDARD.decode(coded).map(|bytes| OsString::from_vec(bytes).into()).map_err(D::Error::custom),
        None => Ok(name.into()),
    };
    let written = BTreeMap::<String, Option<String>>::deserialize(deserializer)?;
    written.into_iter().map(|(name, digest)| Ok((path(name)?, digest))).collect()
}
