//! Digests that would make the next compile do nothing although something is missing.
//!
//! webpacker (5.4, lib/webpacker/compiler.rb) and vite_ruby (3.10, lib/vite_ruby/builder.rb) skip a build whose digest is
//! recorded. The digest covers neither the theme registry nor the output, and webpacker records it after a failure too.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;

use super::named_files::FileState;
use super::patient::Patient;
use crate::finding::Finding;
use crate::site::Toolchain;

/// The file of a build as vite_ruby records it.
#[derive(Debug, Deserialize)]
struct LastBuild {
    success: bool,
    #[serde(default)]
    timestamp: String,
}

pub(super) fn see(patient: &Patient<'_>) -> Vec<Finding> {
    let records = records(patient);
    let Some(first) = records.first() else { return Vec::new() };
    match (failed(patient, first), incomplete(patient)) {
        (Some(build), _) => failed_last(patient, first, &build).into_iter().collect(),
        (None, Some(why)) => vec![stale(patient, &records, &why)],
        (None, None) => Vec::new(),
    }
}

/// The digests of production builds, relative to the live tree.
fn records(patient: &Patient<'_>) -> Vec<PathBuf> {
    let (folder, prefix) = match patient.site.toolchain {
        Toolchain::Webpacker => ("tmp/cache/webpacker", "last-compilation-digest-"),
        Toolchain::Vite => ("tmp/cache/vite", "last-build-"),
    };
    let entries = fs::read_dir(patient.site.root.join(folder)).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let others = ["development", "test"];
    let is_record = |name: &String| name.starts_with(prefix) && !others.iter().any(|other| name.contains(other));
    let mut found: Vec<PathBuf> = names.filter(is_record).map(|name| Path::new(folder).join(name)).collect();
    found.sort();
    found
}

/// What the site needs and its output lacks.
fn incomplete(patient: &Patient<'_>) -> Option<String> {
    if let Some(theme) = patient.broken().next() {
        return Some(format!("{} is not compiled", theme.name));
    }
    if !patient.is_compiled() {
        return Some("the manifest is missing".to_owned());
    }
    let gone = |state: &FileState| matches!(state, FileState::Missing | FileState::Empty | FileState::Altered);
    let damaged =
        patient.files.iter().find(|file| file.is_bundled && gone(&file.state) && !file.file.ends_with(".map"));
    damaged.map(|file| format!("{} is not what was compiled", file.file))
}

/// The record of a Vite build that failed; such a build is tried again, so that its digest hides nothing.
fn failed(patient: &Patient<'_>, record: &Path) -> Option<LastBuild> {
    let text = fs::read(patient.site.root.join(record)).ok()?;
    let build: LastBuild = serde_json::from_slice(&text).ok()?;
    (!build.success).then_some(build)
}

/// Only if nothing was made live since: a promotion leaves the record of an earlier build where it is.
fn failed_last(patient: &Patient<'_>, record: &Path, build: &LastBuild) -> Option<Finding> {
    let modified = |path: &Path| fs::metadata(patient.site.root.join(path)).and_then(|file| file.modified()).ok();
    let manifest = patient.tree.set.bundler_path().and_then(|path| modified(Path::new(path)));
    let newer = modified(record)? > manifest.unwrap_or(SystemTime::UNIX_EPOCH);
    newer.then(|| {
        let message = format!("The last compile in the live tree failed ({}).", build.timestamp);
        Finding::review("last-build-failed", message)
            .at(record)
            .meaning("What is served is older than the sources. Whatever was added since is not compiled.")
            .help("See why, without touching the live tree:")
            .command(patient.commands.themegate("check"))
    })
}

fn stale(patient: &Patient<'_>, records: &[PathBuf], why: &str) -> Finding {
    let message = format!("A digest says that the last compile is up to date, although {why}.");
    let finding = Finding::review("digest-stale", message)
        .meaning(
            "rails assets:precompile may find nothing to do, say nothing of it and exit 0: neither the registry nor the output \
             is part of the digest.",
        )
        .help("Before anybody compiles in the live tree itself (a check compiles elsewhere, and needs none of this):");
    let finding = records.iter().fold(finding, Finding::at);
    let paths: Vec<String> = records.iter().map(|record| patient.commands.path(record)).collect();
    finding.command(format!("rm {}", paths.join(" ")))
}
