//! Where the pictures and fonts of the output come from: from the sources, and from nowhere else on the server.
//!
//! Vite takes `url(/srv/x)` for a path of the server where the site has no such file, and copies what is there. It names its
//! sources in the manifest; webpack does not, so there a source has to be found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use super::Subject;
use crate::finding::Finding;
use crate::manifest::{Entry, ManifestFormat};
use crate::plain_file;

/// Where assets may come from, in the tree. What is in `public` is public already.
const SOURCES: [&str; 6] = ["app/javascript", "app/assets", "public", "vendor/assets", "node_modules", ".yarn"];

/// The folder that Vite's keys are relative to.
const VITE_ROOT: &str = "app/javascript";

/// What webpack's configuration of Mastodon puts before the name of a picture or font (`config/webpack/rules/file.js`).
const MEDIA: &str = "media/";

/// Assets that the live site does not have and that come from elsewhere.
pub(super) fn strangers(subject: &Subject<'_>) -> Vec<Finding> {
    let known: BTreeSet<&String> =
        subject.live.set.manifests.iter().flat_map(|(_, manifest)| manifest.entries.keys()).collect();
    let mut findings = Vec::new();
    for (_, manifest) in &subject.staged.set.manifests {
        let new = manifest.entries.iter().filter(|(key, _)| !known.contains(*key));
        match manifest.format {
            ManifestFormat::Vite | ManifestFormat::ViteAssets => {
                let strange = new.filter(|(key, entry)| !entry.is_entry && !is_script(entry) && leads_out(key));
                findings.extend(strange.map(|(key, entry)| from_outside(subject, key, entry)));
            }
            // An image that was built elsewhere comes without its packages, and what came from them has no source then.
            ManifestFormat::Webpacker if !subject.themes_only && subject.staged.root.join("node_modules").is_dir() => {
                let media: Vec<_> = new.filter(|(key, _)| key.starts_with(MEDIA)).collect();
                findings.extend(without_source(subject, media));
            }
            _ => {}
        }
    }
    findings
}

fn is_script(entry: &Entry) -> bool {
    [".js", ".mjs", ".css"].iter().any(|ending| entry.file.ends_with(ending))
}

/// Whether a key of Vite's manifest, a path relative to the sources, leads to none of the folders that assets come from.
/// `node_modules` may be a link to a folder that releases share.
fn leads_out(key: &str) -> bool {
    if !key.starts_with("../") || Path::new(key).iter().any(|part| part == "node_modules") {
        return false;
    }
    let mut place = PathBuf::from(VITE_ROOT);
    for part in Path::new(key).components() {
        match part {
            Component::Normal(name) => place.push(name),
            Component::ParentDir if !place.pop() => return true,
            _ => {}
        }
    }
    !SOURCES.iter().any(|folder| place.starts_with(folder))
}

fn from_outside(subject: &Subject<'_>, key: &str, entry: &Entry) -> Finding {
    Finding::fatal("output-from-outside", format!("The build copied {key} into the public output, as {}.", entry.file))
        .at(subject.staged.shown(&entry.file))
        .meaning("It lies outside of the sources, and everybody on the internet could read it. A stylesheet of the change names a file of the server.")
        .help("Put the file into the theme and name it there. If you do not know why it is in there, do not trust this theme.")
}

/// New pictures and fonts of which no source is found: neither one with the same bytes, nor one that is called like it.
fn without_source(subject: &Subject<'_>, mut media: Vec<(&String, &Entry)>) -> Vec<Finding> {
    for folder in SOURCES {
        if !media.is_empty() {
            let sources = sources_in(subject, folder);
            media.retain(|(key, entry)| !is_among(subject, &sources, key, entry));
        }
    }
    let fault = |(key, entry): (&String, &Entry)| {
        Finding::review(
            "output-without-source",
            format!("The build copied {key} into the public output, and no source of it was found."),
        )
        .at(subject.staged.shown(&entry.file))
        .meaning("It may come from elsewhere on the server, and everybody on the internet could read it.")
        .help("See which stylesheet names it. If it is a file of the server, do not trust this theme.")
    };
    media.into_iter().map(fault).collect()
}

/// The files of a folder of sources, by their size.
fn sources_in(subject: &Subject<'_>, folder: &str) -> BTreeMap<u64, Vec<PathBuf>> {
    let packs = subject.staged.set.bundler_path().and_then(|path| Path::new(path).parent());
    let packs = packs.map(|folder| subject.staged.root.join(folder));
    let walk = WalkDir::new(subject.staged.root.join(folder)).into_iter();
    let kept = walk.filter_entry(|entry| packs.as_deref() != Some(entry.path())).flatten();
    let mut sources: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
    for entry in kept.filter(|entry| entry.file_type().is_file()) {
        if let Ok(metadata) = entry.metadata() {
            sources.entry(metadata.len()).or_default().push(entry.into_path());
        }
    }
    sources
}

fn is_among(subject: &Subject<'_>, sources: &BTreeMap<u64, Vec<PathBuf>>, key: &str, entry: &Entry) -> bool {
    let below = Path::new(key.strip_prefix(MEDIA).unwrap_or(key));
    let is_called_so = |path: &PathBuf| below.components().count() > 1 && path.ends_with(below);
    let has_bytes = || {
        let Ok(bytes) = subject.staged.read_served(&entry.file) else { return true };
        let alike = sources.get(&(bytes.len() as u64)).into_iter().flatten();
        alike.into_iter().any(|path| plain_file::bytes(path).is_ok_and(|source| source == bytes))
    };
    sources.values().flatten().any(is_called_so) || has_bytes()
}

#[cfg(test)]
mod tests {
    use super::leads_out;

    #[test]
    fn a_source_is_told_from_a_file_of_the_server_by_its_key() {
        for key in [
            "images/x.png",
            "../../node_modules/f/x.woff2",
            "../assets/x.png",
            "../../public/oops.png",
            "_x-1.js",
            "../../../../shared/node_modules/f/x.woff2",
        ] {
            assert!(!leads_out(key), "{key}");
        }
        for key in
            ["../../Gemfile", "../../config/x.bin", "../../../../../data/x.woff2", "../../../shared/x", "../lib/x.rb"]
        {
            assert!(leads_out(key), "{key}");
        }
    }
}
