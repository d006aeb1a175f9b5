//! Each file that a manifest names is there, is not empty, and is of the kind that its use needs.

use std::collections::BTreeSet;

use super::{BROKEN_PAGES, Invariant, Subject};
use crate::finding::Finding;
use crate::manifest::resolution::import_closure;
use crate::manifest::{Entry, Manifest, ManifestFormat};

pub(super) const INVARIANT: Invariant = Invariant {
    id: "entry-files",
    statement: "Each file that a manifest names exists, is not empty, and is of the right kind.",
    check,
};

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for (_, manifest) in &subject.staged.set.manifests {
        for (key, entry) in &manifest.entries {
            let files = std::iter::once(&entry.file).chain(&entry.css);
            findings.extend(files.filter(|file| seen.insert(*file)).filter_map(|file| file_fault(subject, key, file)));
        }
        let listed = manifest.entrypoints.iter().flat_map(|(name, files)| files.iter().map(move |file| (name, file)));
        findings.extend(
            listed.filter(|(_, file)| seen.insert(*file)).filter_map(|(name, file)| file_fault(subject, name, file)),
        );
        findings.extend(missing_imports(manifest));
    }
    findings.extend(subject.offered.iter().filter_map(|theme| {
        let (key, entry) = subject.entry(theme)?;
        if entry.file.ends_with(".css") {
            return None;
        }
        let twin = subject.offered.iter().find(|other| other.source == theme.source && other.name != theme.name);
        Some(theme.show_in(match twin {
            Some(twin) => two_names(&theme.name, &twin.name, &theme.source),
            None => not_a_stylesheet(&theme.name, &key, entry),
        }))
    }));
    findings
}

fn file_fault(subject: &Subject<'_>, key: &str, file: &str) -> Option<Finding> {
    let shown = subject.staged.shown(file);
    match subject.staged.size_of(file) {
        None => Some(
            Finding::fatal(
                "entry-file-missing",
                format!("The manifest sends {key} to {file}, and there is no such file."),
            )
            .at(shown)
            .meaning("Browsers get 404 for it: pages stay without styles or without their script.")
            .help("Compile again. If it stays, something removes files from the output folder during the build."),
        ),
        Some(0) if needs_content(file) => Some(
            Finding::fatal("entry-file-empty", format!("{file}, the file of {key}, is empty."))
                .at(shown)
                .meaning("It was cut off while it was written, or there was nothing to write.")
                .help("See that the disk has space (df -h, df -i), and compile again."),
        ),
        Some(_) => None,
    }
}

/// An empty source map or text asset may be meant; an empty script, stylesheet or picture is not.
fn needs_content(file: &str) -> bool {
    let ending = file.rsplit('.').next().unwrap_or_default();
    matches!(ending, "css" | "js" | "mjs" | "woff" | "woff2" | "ttf" | "png" | "jpg" | "svg" | "gz" | "br")
}

/// Vite builds one entry for a source that two names share, and Rails finds its empty script instead of its stylesheet.
fn two_names(theme: &str, twin: &str, source: &str) -> Finding {
    Finding::fatal("themes-share-a-source", format!("{theme} and {twin} both name {source}."))
        .meaning("The build exits 0, and neither of them loads a stylesheet: their users see bare HTML.")
        .help(format!("Keep one of the two lines, or give {theme} a file of its own that imports the other."))
}

fn not_a_stylesheet(theme: &str, key: &str, entry: &Entry) -> Finding {
    let message =
        format!("The theme {theme} resolves to {}, which is not a stylesheet (manifest key {key}).", entry.file);
    Finding::fatal("theme-not-a-stylesheet", message)
        .meaning(BROKEN_PAGES)
        .help("Give the registry a path that ends in .scss or .css.")
}

fn missing_imports(manifest: &Manifest) -> Vec<Finding> {
    if manifest.format != ManifestFormat::Vite {
        return Vec::new();
    }
    let entries = manifest.entries.iter().filter(|(_, entry)| entry.is_entry);
    let missing =
        entries.flat_map(|(key, entry)| import_closure(manifest, entry).1.into_iter().map(move |gone| (key, gone)));
    let fault = |(key, gone): (&String, &str)| {
        Finding::fatal("import-missing", format!("{key} imports {gone}, which the manifest does not have."))
            .meaning("Rails leaves it out without a word, and the page's script fails in the browser.")
            .help("Compile again from a clean state.")
    };
    missing.map(fault).collect()
}
