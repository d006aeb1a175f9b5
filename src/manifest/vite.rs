//! Vite's manifest, and the two that Mastodon's own configuration adds beside it.
//!
//! `file` has no leading slash and is relative to the output folder; the Ruby side puts the public path before it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Entry, Manifest, ManifestError, ManifestFormat, kind, object, text, texts};

/// Vite's manifest, relative to the output folder.
pub const FILE: &str = ".vite/manifest.json";
/// The assets' manifest, relative to the output folder.
pub const ASSETS_FILE: &str = ".vite/manifest-assets.json";
/// Mastodon's lookup of entry names, relative to the output folder.
pub const LOOKUP_FILE: &str = ".vite/manifest-lookup.json";

/// Reads `.vite/manifest.json` or `manifest-assets.json`; `folder` is the output folder's name below the web server's root.
///
/// # Errors
/// If it is not JSON, or an entry has no file.
pub fn parse(bytes: &[u8], format: ManifestFormat, folder: &str) -> Result<Manifest, ManifestError> {
    let mut manifest = Manifest::empty(format);
    for (key, value) in object(bytes)? {
        let Value::Object(map) = &value else {
            return Err(ManifestError::Shape(format!("its entry {key} is {} where an object belongs", kind(&value))));
        };
        let Some(file) = text(map, "file") else {
            return Err(ManifestError::Shape(format!("its entry {key} names no file")));
        };
        manifest.entries.insert(key, entry(map, &file, folder));
    }
    Ok(manifest)
}

fn entry(map: &Map<String, Value>, file: &str, folder: &str) -> Entry {
    let served = |file: &str| format!("{folder}/{}", file.trim_start_matches('/'));
    Entry {
        file: served(file),
        integrity: text(map, "integrity"),
        css: texts(map, "css").iter().map(|file| served(file)).collect(),
        imports: texts(map, "imports"),
        dynamic_imports: texts(map, "dynamicImports"),
        is_entry: map.get("isEntry").and_then(Value::as_bool).unwrap_or(false),
    }
}

/// Reads `manifest-lookup.json`: entry name (`themes/default`) to source path (`styles/application.scss`).
///
/// # Errors
/// If it is not JSON, or a value is not a path.
pub fn parse_lookup(bytes: &[u8]) -> Result<BTreeMap<String, String>, ManifestError> {
    let path = |key: &str, value: &Value| match value {
        Value::String(path) => Ok(path.clone()),
        other => Err(ManifestError::Shape(format!("its entry {key} is {} where a path belongs", kind(other)))),
    };
    object(bytes)?.into_iter().map(|(key, value)| path(&key, &value).map(|path| (key, path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_brings_its_styles_and_imports() {
        let bytes =
            br#"{"entrypoints/application.ts":{"file":"assets/app-1.js","isEntry":true,"css":["assets/app-2.css"],
                         "imports":["_shared.js"],"integrity":"sha384-AA"}}"#;
        let manifest = parse(bytes, ManifestFormat::Vite, "packs").unwrap();
        let entry = &manifest.entries["entrypoints/application.ts"];
        assert_eq!(entry.file, "packs/assets/app-1.js");
        assert_eq!(entry.css, ["packs/assets/app-2.css"]);
        assert_eq!(entry.imports, ["_shared.js"]);
        assert!(entry.is_entry);
    }

    #[test]
    fn a_lookup_of_another_shape_is_refused() {
        assert!(parse_lookup(br#"{"themes/default":{}}"#).is_err());
        assert_eq!(parse_lookup(br#"{"themes/a":"styles/a.scss"}"#).unwrap()["themes/a"], "styles/a.scss");
    }
}
