//! `public/packs/manifest.json` as webpack-assets-manifest 4.0.6 writes it and webpacker 5.4 reads it.
//!
//! A value is a string, or an object with `src` and `integrity`; `entrypoints` lists the files of each name by kind, under
//! `assets` in some versions.

use serde_json::{Map, Value};

use super::{Entry, Manifest, ManifestError, ManifestFormat, below_public, kind, object, text};

/// Where webpacker keeps it, relative to the output folder.
pub const FILE: &str = "manifest.json";

/// Reads the manifest.
///
/// # Errors
/// If it is not JSON, or an entry is of no known shape.
pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    let mut manifest = Manifest::empty(ManifestFormat::Webpacker);
    for (key, value) in object(bytes)? {
        if key == "entrypoints" {
            read_entrypoints(&value, &mut manifest);
        } else {
            let entry = entry(&key, &value)?;
            manifest.entries.insert(key, entry);
        }
    }
    Ok(manifest)
}

fn entry(key: &str, value: &Value) -> Result<Entry, ManifestError> {
    let file = match value {
        Value::String(file) => Some((file.clone(), None)),
        Value::Object(map) => text(map, "src").map(|file| (file, text(map, "integrity"))),
        _ => None,
    };
    let Some((file, integrity)) = file else {
        return Err(ManifestError::Shape(format!("its entry {key} is {} without a file name", kind(value))));
    };
    Ok(Entry { file: below_public(&file), integrity, is_entry: true, ..Entry::default() })
}

fn read_entrypoints(value: &Value, manifest: &mut Manifest) {
    let Value::Object(names) = value else { return };
    for (name, point) in names {
        let Value::Object(point) = point else { continue };
        let kinds = match point.get("assets") {
            Some(Value::Object(assets)) => assets,
            _ => point,
        };
        manifest.entrypoints.insert(name.clone(), files_of(kinds));
    }
}

fn files_of(kinds: &Map<String, Value>) -> Vec<String> {
    let lists = kinds.values().filter_map(Value::as_array).flatten();
    let name = |file: &Value| match file {
        Value::String(file) => Some(below_public(file)),
        Value::Object(map) => text(map, "src").map(|file| below_public(&file)),
        _ => None,
    };
    lists.filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_objects_and_entrypoints_are_read() {
        let manifest = parse(
            br#"{"default.css":{"src":"/packs/css/default-1a.css","integrity":"sha256-AA="},"media/a.png":"/packs/media/a-1.png",
                "entrypoints":{"default":{"css":["/packs/css/default-1a.css"],"js":["/packs/js/default-2.js"]}}}"#,
        )
        .unwrap();
        assert_eq!(manifest.entries["default.css"].file, "packs/css/default-1a.css");
        assert_eq!(manifest.entries["default.css"].integrity.as_deref(), Some("sha256-AA="));
        assert_eq!(manifest.entries["media/a.png"].file, "packs/media/a-1.png");
        assert_eq!(manifest.entrypoints["default"].len(), 2);
    }

    #[test]
    fn a_host_of_its_own_is_cut_off() {
        let manifest = parse(br#"{"a.css":{"src":"https://cdn.example/packs/css/a.css"}}"#).unwrap();
        assert_eq!(manifest.entries["a.css"].file, "packs/css/a.css");
    }

    #[test]
    fn half_a_manifest_is_an_error_not_an_empty_one() {
        assert!(matches!(parse(br#"{"default.css":{"src":"/pa"#), Err(ManifestError::NotJson(_))));
        assert!(matches!(parse(b""), Err(ManifestError::NotJson(_))));
        assert!(matches!(parse(br#"{"default.css":null}"#), Err(ManifestError::Shape(_))));
        assert!(matches!(parse(b"[]"), Err(ManifestError::Shape(_))));
    }
}
