//! Nothing but assets reached the public output: what a build copies there, everybody can read.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Invariant, Subject, origins};
use crate::compiled::CompiledTree;
use crate::finding::Finding;

pub(super) const INVARIANT: Invariant =
    Invariant { id: "output-kinds", statement: "Nothing but assets reached the public output.", check };

/// Endings that hold settings, secrets or programs of the server. A list of what is harmless would cry wolf at the first
/// new picture format.
const SERVER_SIDE: [&str; 19] = [
    "yml",
    "yaml",
    "enc",
    "env",
    "production",
    "bak",
    "key",
    "pem",
    "p12",
    "pfx",
    "sql",
    "dump",
    "rb",
    "erb",
    "haml",
    "rake",
    "sh",
    "lock",
    "log",
];

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = server_side(subject);
    findings.extend(origins::strangers(subject));
    findings
}

fn server_side(subject: &Subject<'_>) -> Vec<Finding> {
    let before = endings(subject.live);
    let strange = files(subject.staged)
        .into_iter()
        .filter(|(_, ending)| SERVER_SIDE.contains(&ending.as_str()) && !before.contains(ending));
    let fault = |(file, _): (String, String)| {
        Finding::fatal("output-not-an-asset", format!("The build copied {file} into the public output."))
            .at(subject.staged.shown(&file))
            .meaning("Everybody on the internet could read it. A stylesheet of the change names a file of the server.")
            .help(
                "Do not trust this theme until you know why. If it was promoted elsewhere: change what the file held.",
            )
    };
    strange.map(fault).collect()
}

fn endings(tree: &CompiledTree) -> BTreeSet<String> {
    files(tree).into_iter().map(|(_, ending)| ending).collect()
}

/// Served files that manifests name, with their endings.
fn files(tree: &CompiledTree) -> Vec<(String, String)> {
    let entries = tree.set.manifests.iter().flat_map(|(_, manifest)| manifest.entries.values());
    let named = entries.map(|entry| entry.file.clone()).chain(on_disk(tree));
    let unique: BTreeSet<String> = named.collect();
    let with_ending = |file: String| {
        let ending = Path::new(&file).extension()?.to_string_lossy().to_ascii_lowercase();
        Some((file, ending))
    };
    unique.into_iter().filter_map(with_ending).collect()
}

fn on_disk(tree: &CompiledTree) -> Vec<String> {
    let Some(folder) =
        tree.set.bundler_path().and_then(|path| Path::new(path).ancestors().find(|at| at.ends_with("packs")))
    else {
        return Vec::new();
    };
    let walked = walkdir::WalkDir::new(tree.root.join(folder)).into_iter().flatten();
    let files = walked.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    files
        .filter_map(|path| path.strip_prefix(&tree.public).ok().map(|path| path.to_string_lossy().into_owned()))
        .collect()
}
