//! The files that manifests name, each looked at once: is it there, is it whole, do its compressed forms hold the same.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};

use rayon::prelude::*;

use crate::compiled::CompiledTree;
use crate::invariant::integrity;
use crate::manifest::ManifestFormat;

/// The state of a file that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedFile {
    /// Relative to the web server's root.
    pub(super) file: String,
    /// The manifest's key for it.
    pub(super) key: String,
    /// Whether the bundler's manifest names it, whose integrity values pages carry.
    pub(super) is_bundled: bool,
    /// Its size.
    pub(super) bytes: u64,
    pub(super) state: FileState,
    /// Compressed forms that hold something else.
    pub(super) torn: Vec<String>,
    /// A compressed form that holds what the manifest promises, where the file itself does not.
    pub(super) cure: Option<String>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileState {
    /// As the manifest promises, as far as it does.
    Whole,
    /// Not there.
    Missing,
    /// There, and this user may not read it.
    Unreadable(String),
    /// Without content.
    Empty,
    /// Its bytes do not match its integrity value.
    Altered,
}

/// Looks at every file that the manifests of a tree name.
pub(super) fn inspect(tree: &CompiledTree) -> Vec<NamedFile> {
    let named: Vec<(String, Named)> = named(tree).into_iter().collect();
    named.into_par_iter().map(|(file, named)| look(tree, file, named)).collect()
}

/// What manifests say of a file.
#[derive(Default)]
struct Named {
    key: String,
    is_bundled: bool,
    integrity: Option<String>,
}

fn named(tree: &CompiledTree) -> BTreeMap<String, Named> {
    let mut all: BTreeMap<String, Named> = BTreeMap::new();
    for (_, manifest) in &tree.set.manifests {
        let is_bundled = matches!(manifest.format, ManifestFormat::Webpacker | ManifestFormat::Vite);
        for (key, entry) in &manifest.entries {
            let known = all.entry(entry.file.clone()).or_default();
            known.integrity = known.integrity.take().or_else(|| entry.integrity.clone());
            known.is_bundled |= is_bundled;
            known.key.clone_from(key);
        }
        let sheets = manifest.entries.iter().flat_map(|(key, entry)| entry.css.iter().map(move |file| (key, file)));
        let points = manifest.entrypoints.iter().flat_map(|(key, files)| files.iter().map(move |file| (key, file)));
        for (key, file) in sheets.chain(points) {
            all.entry(file.clone()).or_insert_with(|| Named { key: key.clone(), is_bundled, integrity: None });
        }
    }
    all
}

fn look(tree: &CompiledTree, file: String, named: Named) -> NamedFile {
    let content = tree.read_served(&file);
    let integrity = named.integrity.as_deref();
    let state = match &content {
        Err(error) if error.kind() == io::ErrorKind::NotFound => missing_or_hidden(tree, &file),
        Err(error) => FileState::Unreadable(error.to_string()),
        Ok(bytes)
            if named.is_bundled
                && bytes.is_empty()
                && integrity.is_none_or(|value| !integrity::matches(value, bytes)) =>
        {
            FileState::Empty
        }
        Ok(bytes) if integrity.is_some_and(|value| !integrity::matches(value, bytes)) => FileState::Altered,
        Ok(_) => FileState::Whole,
    };
    let bytes = content.unwrap_or_default();
    let torn = if state == FileState::Whole { torn(tree, &file, &bytes) } else { Vec::new() };
    let cure = integrity.filter(|_| state != FileState::Whole).and_then(|value| cure(tree, &file, value));
    NamedFile { key: named.key, is_bundled: named.is_bundled, bytes: bytes.len() as u64, state, torn, cure, file }
}

/// A folder that may not be entered hides its files.
fn missing_or_hidden(tree: &CompiledTree, file: &str) -> FileState {
    match fs::metadata(tree.path_of(file)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => FileState::Unreadable(error.to_string()),
        _ => FileState::Missing,
    }
}

fn torn(tree: &CompiledTree, file: &str, bytes: &[u8]) -> Vec<String> {
    let differs = |form: &String| {
        let Ok(packed) = tree.read_served(form) else { return false };
        unpacked(form, &packed, bytes.len() as u64 + 1).is_none_or(|unpacked| unpacked != bytes)
    };
    forms(file).into_iter().filter(differs).collect()
}

/// The most that a compressed form may hold to be a cure, in bytes: no asset of Mastodon comes near.
const LARGEST: u64 = 64 << 20;

fn cure(tree: &CompiledTree, file: &str, integrity: &str) -> Option<String> {
    let holds_it = |form: &String| {
        let packed = tree.read_served(form).ok();
        packed
            .and_then(|packed| unpacked(form, &packed, LARGEST))
            .is_some_and(|bytes| integrity::matches(integrity, &bytes))
    };
    forms(file).into_iter().find(holds_it)
}

fn forms(file: &str) -> [String; 2] {
    [format!("{file}.gz"), format!("{file}.br")]
}

/// What a compressed form holds, read no further than `most` bytes; none where it is damaged.
pub(super) fn unpacked(form: &str, packed: &[u8], most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if form.ends_with(".gz") {
        flate2::read::GzDecoder::new(packed).take(most).read_to_end(&mut bytes)
    } else {
        brotli_decompressor::Decompressor::new(packed, 64 << 10).take(most).read_to_end(&mut bytes)
    };
    read.is_ok().then_some(bytes)
}
