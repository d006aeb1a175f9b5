//! Writes what the builtin compiler made: hashed stylesheets, the files they load, and the manifest.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::builtin::BuiltinError;
use super::sources::SourceTree;
use crate::manifest::webpacker;
use crate::site::OutputLayout;
use crate::stylesheet::{AddressKind, Sheet, percent_decoded};

/// A theme's stylesheet, written.
pub(super) struct Made {
    /// Relative to the web server's root.
    pub(super) file: String,
    pub(super) bytes: usize,
    /// Addresses that lead nowhere, as sentences.
    pub(super) missing: Vec<String>,
}

/// The output folder of one tree.
pub(super) struct Output {
    folder: PathBuf,
    served: String,
    entries: Map<String, Value>,
}

impl Output {
    pub(super) fn new(root: &Path, layout: &OutputLayout) -> Self {
        let served = layout.packs.strip_prefix(&layout.public).unwrap_or(&layout.packs);
        Self { folder: root.join(&layout.packs), served: served.to_string_lossy().into_owned(), entries: Map::new() }
    }

    /// Writes a theme's CSS under a hashed name, together with the files it loads.
    pub(super) fn theme(
        &mut self,
        name: &str,
        source: &str,
        css: &str,
        tree: &SourceTree,
    ) -> Result<Made, BuiltinError> {
        let entry = tree.source.join(source);
        let (css, missing) = self.bring_along(css, &entry, tree)?;
        let file = format!("css/{name}-{}.css", short_hash(css.as_bytes()));
        self.write(&file, css.as_bytes())?;
        self.entries.insert(format!("{name}.css"), self.entry(&file, css.as_bytes()));
        Ok(Made { file: format!("{}/{file}", self.served), bytes: css.len(), missing })
    }

    /// Copies each local file that the stylesheet loads into the output, and points the stylesheet at the copy: what
    /// css-loader does for the real toolchain.
    fn bring_along(
        &mut self,
        css: &str,
        entry: &Path,
        tree: &SourceTree,
    ) -> Result<(String, Vec<String>), BuiltinError> {
        let mut result = String::with_capacity(css.len());
        let (mut copied_to, mut missing) = (0, Vec::new());
        for address in Sheet::read(css).addresses {
            let Some(path) = address.local_path().filter(|path| !path.starts_with('/')) else { continue };
            let path = &percent_decoded(path);
            let wanted = tree.real(&entry.parent().unwrap_or(&tree.source).join(path));
            if let Ok(bytes) = grass::Fs::read(tree, &wanted) {
                let (start, end) = address.span;
                let served = self.media(&wanted, &bytes)?;
                let fragment = address.url.find(['?', '#']).map_or("", |at| &address.url[at..]);
                result.push_str(&css[copied_to..start]);
                result.push_str(&format!("url(\"{served}{fragment}\")"));
                copied_to = end;
            } else if address.kind == AddressKind::Url || !path.ends_with(".css") {
                missing.push(format!("{}: Can't resolve '{path}'", tree.shown(&entry.to_string_lossy())));
            }
        }
        result.push_str(&css[copied_to..]);
        Ok((result, missing))
    }

    fn media(&mut self, source: &Path, bytes: &[u8]) -> Result<String, BuiltinError> {
        let stem = source.file_stem().unwrap_or_default().to_string_lossy();
        let ending = source.extension().unwrap_or_default().to_string_lossy();
        let file = format!("media/{stem}-{}.{ending}", short_hash(bytes));
        self.write(&file, bytes)?;
        let served = format!("/{}/{file}", self.served);
        self.entries.insert(format!("media/{stem}.{ending}"), Value::String(served.clone()));
        Ok(served)
    }

    fn entry(&self, file: &str, bytes: &[u8]) -> Value {
        let integrity = format!("sha256-{}", STANDARD.encode(Sha256::digest(bytes)));
        json!({ "src": format!("/{}/{file}", self.served), "integrity": integrity })
    }

    pub(super) fn write_manifest(&self) -> Result<(), BuiltinError> {
        let text = format!("{:#}\n", Value::Object(self.entries.clone()));
        self.write(webpacker::FILE, text.as_bytes())
    }

    fn write(&self, file: &str, bytes: &[u8]) -> Result<(), BuiltinError> {
        let path = self.folder.join(file);
        let folder = path.parent().unwrap_or(&self.folder);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, bytes));
        written.map_err(|source| BuiltinError::Write { path: path.clone(), source })
    }
}

/// Eight hexadecimal digits of the content, as webpack's `[contenthash:8]`.
fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}
