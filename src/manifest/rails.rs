//! What Rails itself compiles: sprockets' and propshaft's manifests below `public/assets`.
//!
//! Themes never touch these, so their diff is normally empty; a missing file of theirs breaks pages all the same.

use serde_json::Value;

use super::{Entry, Manifest, ManifestError, ManifestFormat, kind, object, text};

/// propshaft's file, relative to `public/assets`. Sprockets' has a random part: `.sprockets-manifest-<hex>.json`.
pub const PROPSHAFT_FILE: &str = ".manifest.json";

/// True for the name of a sprockets manifest (sprockets 3.7.2, lib/sprockets/manifest_utils.rb).
#[must_use]
pub fn is_sprockets_file(name: &str) -> bool {
    name.starts_with(".sprockets-manifest-") && name.ends_with(".json")
}

/// Reads a sprockets manifest: `assets` maps logical paths to files, `files` knows their integrity.
///
/// # Errors
/// If it is not JSON or has no `assets`.
pub fn parse_sprockets(bytes: &[u8], folder: &str) -> Result<Manifest, ManifestError> {
    let map = object(bytes)?;
    let Some(Value::Object(assets)) = map.get("assets") else {
        return Err(ManifestError::Shape("it has no `assets`".to_owned()));
    };
    let integrity = |file: &str| match map.get("files").and_then(|files| files.get(file)) {
        Some(Value::Object(facts)) => text(facts, "integrity"),
        _ => None,
    };
    let mut manifest = Manifest::empty(ManifestFormat::Sprockets);
    for (logical, file) in assets {
        let Value::String(file) = file else { continue };
        let entry = Entry { file: format!("{folder}/{file}"), integrity: integrity(file), ..Entry::default() };
        manifest.entries.insert(logical.clone(), Entry { is_entry: true, ..entry });
    }
    Ok(manifest)
}

/// Reads a propshaft manifest in both shapes: a plain name (up to 1.2) or an object with `digested_path` (from 1.3).
///
/// # Errors
/// If it is not JSON, or an entry is of neither shape.
pub fn parse_propshaft(bytes: &[u8], folder: &str) -> Result<Manifest, ManifestError> {
    let mut manifest = Manifest::empty(ManifestFormat::Propshaft);
    for (logical, value) in object(bytes)? {
        let (file, integrity) = match &value {
            Value::String(file) => (Some(file.clone()), None),
            Value::Object(map) => (text(map, "digested_path"), text(map, "integrity")),
            _ => (None, None),
        };
        let Some(file) = file else {
            return Err(ManifestError::Shape(format!("its entry {logical} is {} without a file name", kind(&value))));
        };
        let entry = Entry { file: format!("{folder}/{file}"), integrity, is_entry: true, ..Entry::default() };
        manifest.entries.insert(logical, entry);
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn propshaft_is_read_in_both_shapes() {
        let bytes = br#"{"a.css":"a-1.css","b.css":{"digested_path":"b-2.css","integrity":"sha384-BB"}}"#;
        let manifest = parse_propshaft(bytes, "assets").unwrap();
        assert_eq!(manifest.entries["a.css"].file, "assets/a-1.css");
        assert_eq!(manifest.entries["b.css"].integrity.as_deref(), Some("sha384-BB"));
    }

    #[test]
    fn sprockets_knows_the_integrity_of_its_files() {
        let bytes = br#"{"files":{"a-1.css":{"integrity":"sha256-A"}},"assets":{"a.css":"a-1.css"}}"#;
        assert_eq!(parse_sprockets(bytes, "assets").unwrap().entries["a.css"].integrity.as_deref(), Some("sha256-A"));
        assert!(parse_sprockets(b"{}", "assets").is_err());
    }
}
