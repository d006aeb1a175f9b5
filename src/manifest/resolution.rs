//! From a theme's name to its stylesheet, exactly as Rails walks it in each version. Pure.

use std::collections::BTreeSet;

use super::{Entry, Manifest, ManifestFormat, ManifestSet};

/// Where the walk to a theme's stylesheet ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution<'set> {
    /// The entry was found under `key`.
    Found {
        /// The manifest's key.
        key: String,
        /// What the manifest says of it.
        entry: &'set Entry,
    },
    /// There is no manifest at all.
    NoManifest,
    /// The key is not in the manifest: every page of that theme's users answers 500.
    Absent {
        /// What Rails would have looked for.
        key: String,
        /// The error Rails would raise.
        raises: String,
    },
}

/// Looks the theme `name` up as Rails does.
///
/// Up to 4.3 `stylesheet_pack_tag NAME` appends `.css` only where the name has no ending (webpacker 5.4,
/// lib/webpacker/manifest.rb `full_pack_name`), and `lookup!` raises `Webpacker::Manifest::MissingEntryError`. From 4.4
/// `themes/NAME` goes through `manifest-lookup.json` with a plain `Hash#fetch` (`KeyError`) to `.vite/manifest.json`.
#[must_use]
pub fn resolve_theme<'set>(set: &'set ManifestSet, name: &str) -> Resolution<'set> {
    let Some(manifest) = set.bundler() else { return Resolution::NoManifest };
    match manifest.format {
        ManifestFormat::Vite => through_lookup(set, manifest, &format!("themes/{name}")),
        _ => in_webpacker(manifest, name),
    }
}

/// Looks a glitch-soc skin up: `skins/FLAVOUR/SKIN` on Vite; `skins/FLAVOUR/SKIN/common.css` or `skins/FLAVOUR/SKIN.css` on
/// webpack, and `flavours/FLAVOUR/common.css` for the skin called `default`.
#[must_use]
pub fn resolve_skin<'set>(set: &'set ManifestSet, flavour: &str, skin: &str) -> Resolution<'set> {
    let Some(manifest) = set.bundler() else { return Resolution::NoManifest };
    if manifest.format == ManifestFormat::Vite {
        return through_lookup(set, manifest, &format!("skins/{flavour}/{skin}"));
    }
    let mut keys = vec![format!("skins/{flavour}/{skin}/common.css"), format!("skins/{flavour}/{skin}.css")];
    if skin == "default" {
        keys.insert(0, format!("flavours/{flavour}/common.css"));
    }
    let found = keys.iter().find_map(|key| manifest.entries.get(key).map(|entry| (key.clone(), entry)));
    found.map_or_else(
        || missing_pack(&format!("skins/{flavour}/{skin}/common.css")),
        |(key, entry)| Resolution::Found { key, entry },
    )
}

fn in_webpacker<'set>(manifest: &'set Manifest, name: &str) -> Resolution<'set> {
    let key = if name.contains('.') { name.to_owned() } else { format!("{name}.css") };
    match manifest.entries.get(&key) {
        Some(entry) => Resolution::Found { key, entry },
        None => missing_pack(&key),
    }
}

fn missing_pack<'set>(key: &str) -> Resolution<'set> {
    let raises = format!("Webpacker::Manifest::MissingEntryError: Webpacker can't find {key}");
    Resolution::Absent { key: key.to_owned(), raises }
}

fn through_lookup<'set>(set: &'set ManifestSet, manifest: &'set Manifest, name: &str) -> Resolution<'set> {
    // Some builds of Mastodon's Vite plugin write the name with its ending.
    let with_ending = format!("{name}.css");
    let in_lookup =
        |lookup: &'set std::collections::BTreeMap<String, String>| lookup.get(name).or(lookup.get(&with_ending));
    let Some(source) = set.lookup.as_ref().and_then(in_lookup) else {
        return Resolution::Absent { key: name.to_owned(), raises: format!("KeyError: key not found: \"{name}\"") };
    };
    match manifest.entries.get(source) {
        Some(entry) => Resolution::Found { key: source.clone(), entry },
        None => {
            Resolution::Absent { key: source.clone(), raises: format!("ViteRuby::MissingEntrypointError for {source}") }
        }
    }
}

/// The keys that an entry loads at once, itself left out, and those of them that the manifest does not have: the Ruby side
/// skips these without a word (vite_ruby 3.10.2, lib/vite_ruby/manifest.rb), and the page stays blank.
#[must_use]
pub fn import_closure<'set>(
    manifest: &'set Manifest,
    entry: &'set Entry,
) -> (BTreeSet<&'set str>, BTreeSet<&'set str>) {
    let (mut seen, mut missing) = (BTreeSet::new(), BTreeSet::new());
    let mut waiting: Vec<&str> = entry.imports.iter().map(String::as_str).collect();
    while let Some(key) = waiting.pop() {
        let Some(next) = manifest.entries.get(key) else {
            missing.insert(key);
            continue;
        };
        if seen.insert(key) {
            waiting.extend(next.imports.iter().map(String::as_str));
        }
    }
    (seen, missing)
}

#[cfg(test)]
mod tests {
    use super::super::{vite, webpacker};
    use super::*;

    fn vite_set(lookup: &[u8]) -> ManifestSet {
        let bytes = br#"{"styles/a.scss":{"file":"assets/a-1.css","isEntry":true}}"#;
        let manifest = vite::parse(bytes, ManifestFormat::Vite, "packs").unwrap();
        ManifestSet { manifests: vec![("m".into(), manifest)], lookup: Some(vite::parse_lookup(lookup).unwrap()) }
    }

    #[test]
    fn a_vite_theme_needs_the_lookup_and_the_manifest() {
        let set = vite_set(br#"{"themes/a":"styles/a.scss","themes/b":"styles/b.scss"}"#);
        assert!(matches!(resolve_theme(&set, "a"), Resolution::Found { .. }));
        assert!(
            matches!(resolve_theme(&set, "b"), Resolution::Absent { raises, .. } if raises.contains("MissingEntrypoint"))
        );
        assert!(matches!(resolve_theme(&set, "c"), Resolution::Absent { raises, .. } if raises.contains("KeyError")));
    }

    #[test]
    fn webpacker_appends_css_only_to_a_name_without_a_dot() {
        let manifest =
            webpacker::parse(br#"{"my.theme.css":"/packs/css/x.css","plain.css":"/packs/css/p.css"}"#).unwrap();
        let set = ManifestSet { manifests: vec![("m".into(), manifest)], lookup: None };
        assert!(matches!(resolve_theme(&set, "plain"), Resolution::Found { .. }));
        assert!(matches!(resolve_theme(&set, "my.theme"), Resolution::Absent { .. }));
    }

    #[test]
    fn an_import_that_the_manifest_lacks_is_seen() {
        let bytes = br#"{"a":{"file":"a.js","imports":["b"]},"b":{"file":"b.js","imports":["gone","a"]}}"#;
        let manifest = vite::parse(bytes, ManifestFormat::Vite, "packs").unwrap();
        let (seen, missing) = import_closure(&manifest, &manifest.entries["a"]);
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(missing.into_iter().collect::<Vec<_>>(), ["gone"]);
    }
}
