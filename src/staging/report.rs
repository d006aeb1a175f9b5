//! What staging noticed, as findings.

use std::path::{Path, PathBuf};

use crate::finding::{Finding, Severity};

use super::plan::Plan;

/// So many places are named in one finding; the rest is counted.
const NAMED: usize = 5;

/// Folders whose content a build takes in: a link out of them makes the stage depend on something nobody staged.
const COMPILED: &[&str] = &["app", "config", "lib"];

/// Every finding about the copy; `moving` are files that changed while they were copied.
pub(super) fn findings(plan: &Plan, moving: &[PathBuf]) -> Vec<Finding> {
    let (doubtful, plain): (Vec<_>, Vec<_>) =
        plan.leading_out.iter().partition(|(place, _)| COMPILED.iter().any(|folder| place.starts_with(folder)));
    [links(Severity::Review, &doubtful), links(Severity::Benign, &plain), special(&plan.special), moved(moving)]
        .into_iter()
        .flatten()
        .collect()
}

fn links(severity: Severity, links: &[&(PathBuf, PathBuf)]) -> Option<Finding> {
    let (first, to) = links.first()?;
    let message = match links.len() {
        1 => format!("{} is a link that leads out of the live tree, to {}.", first.display(), to.display()),
        count => format!(
            "{count} links lead out of the live tree, the first of them {} to {}.",
            first.display(),
            to.display()
        ),
    };
    let finding = Finding::new("link-leads-out", severity, message)
        .meaning("What lies behind it is not staged: the staged build reads the original, as the live build does.");
    let finding = if severity == Severity::Review {
        finding.help("Put the file itself into the tree, so that what is checked is what goes live.")
    } else {
        finding
    };
    Some(at_places(finding, links.iter().map(|(place, _)| place.as_path())))
}

fn special(places: &[PathBuf]) -> Option<Finding> {
    let first = places.first()?;
    let message = match places.len() {
        1 => format!("{} is a socket, a FIFO or a device, and was left out of the stage.", first.display()),
        count => {
            format!("{count} sockets, FIFOs or devices were left out of the stage, {} among them.", first.display())
        }
    };
    Some(at_places(Finding::benign("special-file-left-out", message), places.iter().map(PathBuf::as_path)))
}

fn moved(places: &[PathBuf]) -> Option<Finding> {
    let first = places.first()?;
    let message =
        format!("The live tree changed while it was copied: {}, {} in all.", first.display(), count(places.len()));
    let finding = Finding::review("live-tree-moving", message)
        .inconclusive()
        .meaning(
            "Something else is writing to the live tree, so what was checked is neither its old nor its new state.",
        )
        .help("Wait until the deployment, update or editor that writes there is done, then run the check again.");
    Some(at_places(finding, places.iter().map(PathBuf::as_path)))
}

fn count(number: usize) -> String {
    if number == 1 { "1 file".to_owned() } else { format!("{number} files") }
}

fn at_places<'a>(finding: Finding, places: impl Iterator<Item = &'a Path>) -> Finding {
    places.take(NAMED).fold(finding, Finding::at)
}
