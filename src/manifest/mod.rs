//! Manifests: what a compile says it made. Pure on bytes.
//!
//! Every toolchain has its own shape; all are read into one [`Manifest`], so that the invariants need to know none of them.

pub mod diff;
pub mod rails;
pub mod resolution;
pub mod vite;
pub mod webpacker;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// Why a manifest could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// Not JSON at all: cut off, empty, or something else.
    #[error("it is not JSON: {0}")]
    NotJson(String),
    /// JSON of another shape.
    #[error("{0}")]
    Shape(String),
}

/// Which program reads a manifest, and so what its names mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ManifestFormat {
    /// `public/packs/manifest.json` by webpack-assets-manifest.
    Webpacker,
    /// `.vite/manifest.json` by Vite.
    Vite,
    /// `.vite/manifest-assets.json` by Mastodon's Vite configuration.
    ViteAssets,
    /// `.sprockets-manifest-*.json`.
    Sprockets,
    /// `public/assets/.manifest.json` by propshaft.
    Propshaft,
}

/// One entry of a manifest: a logical path and the file that stands for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The file, relative to the web server's root (`packs/css/default-1a2b.css`).
    pub file: String,
    /// Subresource integrity as written: one or more `sha256-…` words.
    pub integrity: Option<String>,
    /// Stylesheets that come with it, relative to the web server's root (Vite).
    pub css: Vec<String>,
    /// Keys of entries it loads at once (Vite `imports`).
    pub imports: Vec<String>,
    /// Keys of entries it may load later (Vite `dynamicImports`).
    pub dynamic_imports: Vec<String>,
    /// Whether a page can ask for it by name (Vite `isEntry`; everywhere else true).
    pub is_entry: bool,
}

/// What a compile says it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its shape.
    pub format: ManifestFormat,
    /// Entries by logical path.
    pub entries: BTreeMap<String, Entry>,
    /// webpacker's `entrypoints`: all files of a name, relative to the web server's root, in the order they load.
    pub entrypoints: BTreeMap<String, Vec<String>>,
}

impl Manifest {
    /// An empty manifest of `format`.
    #[must_use]
    pub const fn empty(format: ManifestFormat) -> Self {
        Self { format, entries: BTreeMap::new(), entrypoints: BTreeMap::new() }
    }
}

/// All manifests of one compiled tree that a page needs to agree.
#[derive(Debug, Clone, Default)]
pub struct ManifestSet {
    /// Each with its path relative to the tree.
    pub manifests: Vec<(String, Manifest)>,
    /// Mastodon's `manifest-lookup.json`: entry name to source path, where the toolchain has one.
    pub lookup: Option<BTreeMap<String, String>>,
}

impl ManifestSet {
    /// The bundler's manifest: the one that themes are looked up in.
    #[must_use]
    pub fn bundler(&self) -> Option<&Manifest> {
        let is_bundlers = |format| matches!(format, ManifestFormat::Webpacker | ManifestFormat::Vite);
        self.manifests.iter().map(|(_, manifest)| manifest).find(|manifest| is_bundlers(manifest.format))
    }

    /// The path of the bundler's manifest, relative to the tree.
    #[must_use]
    pub fn bundler_path(&self) -> Option<&str> {
        let is_bundlers = |format| matches!(format, ManifestFormat::Webpacker | ManifestFormat::Vite);
        self.manifests.iter().find(|(_, manifest)| is_bundlers(manifest.format)).map(|(path, _)| path.as_str())
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, ManifestError> {
    if bytes.is_empty() {
        return Err(ManifestError::NotJson("the file is empty".to_owned()));
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| ManifestError::NotJson(error.to_string()))?;
    match value {
        Value::Object(map) => Ok(map),
        other => Err(ManifestError::Shape(format!("it holds {} where an object of entries belongs", kind(&other)))),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn text(map: &Map<String, Value>, key: &str) -> Option<String> {
    map.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn texts(map: &Map<String, Value>, key: &str) -> Vec<String> {
    let items = map.get(key).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A served path as a path below the web server's root: no host, no query, no leading slash.
///
/// With `CDN_HOST` set the public path may carry a host (`https://cdn.example/packs/x.css`).
fn below_public(served: &str) -> String {
    let without_query = served.split(['?', '#']).next().unwrap_or(served);
    let after_host = match without_query.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => without_query,
    };
    after_host.trim_start_matches('/').to_owned()
}
