//! The manifests themselves: there, readable, and complete.

use std::fs::File;
use std::io;

use super::patient::Patient;
use crate::finding::{Evidence, Finding, Severity};
use crate::manifest::{Entry, ManifestFormat};
use crate::site::Toolchain;

pub(super) fn see(patient: &Patient<'_>) -> Vec<Finding> {
    let unreadable = patient.tree.findings.iter().map(|finding| unreadable(patient, finding));
    let missing = missing(patient).or_else(|| without_lookup(patient)).filter(|_| patient.tree.findings.is_empty());
    unreadable.chain(missing).chain(without_integrity(patient)).collect()
}

fn compile(patient: &Patient<'_>, finding: Finding) -> Finding {
    let [check, promote] = patient.commands.compile();
    finding.command(check).command(promote).command(patient.commands.restart())
}

fn unreadable(patient: &Patient<'_>, finding: &Finding) -> Finding {
    let denied = finding.evidence.iter().any(|evidence| match evidence {
        Evidence::File { path, .. } => {
            let opened = File::open(patient.site.root.join(path));
            opened.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
        }
        Evidence::Log { .. } => false,
    });
    if denied {
        let help = "Run this as the user that owns the live tree: su - mastodon".to_owned();
        return Finding { severity: Severity::Review, help: Some(help), ..finding.clone() }.inconclusive();
    }
    let help = "Compile in a stage and make that live:".to_owned();
    compile(patient, Finding { help: Some(help), ..finding.clone() })
}

fn missing(patient: &Patient<'_>) -> Option<Finding> {
    if patient.tree.set.bundler().is_some() {
        return None;
    }
    let packs = patient.site.output.packs.display();
    if !patient.site.has_toolchain() {
        let message =
            format!("Nothing is compiled here: {packs} holds no manifest, and there is no Rails that could run.");
        return Some(Finding::benign("nothing-compiled", message).at(&patient.site.output.packs));
    }
    let finding = Finding::fatal("manifest-missing", format!("{packs} holds no manifest of the bundler."))
        .at(&patient.site.output.packs)
        .meaning("Rails finds every stylesheet and script through it; without it each page answers 500.")
        .help(
            "If Mastodon runs from a container image, look there instead (themegate doctor --live /opt/mastodon). Else compile \
             in a stage and make that live:",
        );
    Some(compile(patient, finding))
}

fn without_lookup(patient: &Patient<'_>) -> Option<Finding> {
    let vite = patient.site.toolchain == Toolchain::Vite;
    (vite && patient.tree.set.lookup.is_none()).then(|| {
        let finding =
            Finding::fatal("lookup-missing", "There is no .vite/manifest-lookup.json beside .vite/manifest.json.")
                .at(patient.site.output.packs.join(crate::manifest::vite::LOOKUP_FILE))
                .meaning("Rails finds themes through it; without it every page answers 500.")
                .help("A copy of `packs/*` leaves hidden folders out. Compile in a stage and make that live:");
        compile(patient, finding)
    })
}

/// A build that was killed in its last second leaves a manifest in which integrity values are missing.
fn without_integrity(patient: &Patient<'_>) -> Option<Finding> {
    let manifest = patient.tree.set.bundler()?;
    let carries = |entry: &&Entry| [".css", ".js"].iter().any(|ending| entry.file.ends_with(ending));
    let (with, without): (Vec<&Entry>, Vec<&Entry>) =
        manifest.entries.values().filter(carries).partition(|entry| entry.integrity.is_some());
    // Mastodon's own reader of Vite's manifest insists on them.
    let insists =
        manifest.format == ManifestFormat::Vite && patient.site.root.join("lib/vite_ruby/sri_extensions.rb").is_file();
    if without.is_empty() || with.is_empty() && !insists {
        return None;
    }
    let message = format!("{} entries of the manifest have no integrity value.", without.len());
    let finding = Finding::fatal("integrity-missing", message)
        .at(patient.tree.set.bundler_path().unwrap_or_default())
        .meaning("Rails raises KeyError (key not found: \"integrity\") on every page that asks for one of them.")
        .help("The last compile was cut off. Compile in a stage and make that live:");
    Some(compile(patient, finding))
}
