//! The bundler's manifest was written by this build: the output folder began empty, so it is there only if it was.

use std::fs;

use super::{Invariant, Subject};
use crate::finding::Finding;

pub(super) const INVARIANT: Invariant =
    Invariant { id: "manifest-written", statement: "The manifest was written by this build.", check };

fn check(subject: &Subject<'_>) -> Vec<Finding> {
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
