//! The manifests were written by this build: the output folder began empty, so they are there only if they were.

use std::fs;

use super::{Invariant, Subject};
use crate::finding::Finding;
use crate::manifest::{Manifest, ManifestFormat, ManifestSet};

pub(super) const INVARIANT: Invariant =
    Invariant { id: "manifest-written", statement: "The manifest was written by this build.", check };

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    bundlers(subject).into_iter().chain(rails_missing(subject)).collect()
}

/// Rails keeps a manifest of its own (sprockets, propshaft) for what the bundler does not make.
fn rails_missing(subject: &Subject<'_>) -> Option<Finding> {
    let is_rails =
        |manifest: &Manifest| matches!(manifest.format, ManifestFormat::Sprockets | ManifestFormat::Propshaft);
    let of_rails = |set: &ManifestSet| {
        let mut found = set.manifests.iter().filter(|(_, manifest)| is_rails(manifest) && !manifest.entries.is_empty());
        found.next().map(|(path, _)| path.clone())
    };
    // Where nothing was built at all, that is the cause, and it is told.
    let is_built = subject.staged.findings.is_empty() && subject.staged.set.bundler().is_some();
    let before = of_rails(&subject.live.set).filter(|_| !subject.themes_only && is_built)?;
    of_rails(&subject.staged.set).is_none().then(|| {
        Finding::review("rails-manifest-missing", format!("The build wrote no manifest of Rails' own assets; the live tree has {before}."))
            .at(before)
            .meaning("Half of rails assets:precompile did not happen. Pages that ask Rails for a picture or a script of its own answer 500 once nothing else is there.")
            .help("See the build log for what ended it, or whether the command compiles with the bundler alone: themegate show latest --log")
    })
}

fn bundlers(subject: &Subject<'_>) -> Vec<Finding> {
    let staged = subject.staged;
    if !staged.findings.is_empty() {
        return staged.findings.clone();
    }
    let Some(path) = staged.set.bundler_path() else { return vec![nothing_built()] };
    let written = fs::metadata(staged.root.join(path)).and_then(|file| file.modified());
    match written {
        // File systems keep times more coarsely than the clock: two seconds cover the coarsest in use.
        Ok(time) if time + std::time::Duration::from_secs(2) < subject.build_began => vec![
            Finding::fatal(
                "manifest-stale",
                format!("The manifest {path} is older than the build that should have written it."),
            )
            .at(path)
            .meaning("The build did nothing; what would go live is an older compile.")
            .help("Report this: themegate starts from an empty output folder, so this should not happen."),
        ],
        _ => Vec::new(),
    }
}

fn nothing_built() -> Finding {
    Finding::fatal("nothing-built", "The build wrote no manifest: nothing was compiled, whatever its exit code says.")
        .meaning("Rails would go on serving the old stylesheets while it offers the new themes.")
        .help("Look at the build log: themegate show latest --log. A build that says \"Nothing to do\" has trusted a stale digest.")
}
