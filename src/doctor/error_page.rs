//! The page that people see when everything else fails finds what it loads.

use std::fs;
use std::io;

use super::patient::Patient;
use crate::finding::Finding;
use crate::invariant::static_page::loaded_by;

/// What nginx and Rails send with a 500; in Mastodon a link to `assets/500.html`.
const PAGE: &str = "500.html";

pub(super) fn see(patient: &Patient<'_>) -> Vec<Finding> {
    let path = patient.tree.path_of(PAGE);
    let shown = patient.tree.shown(PAGE);
    let page = match fs::read_to_string(&path) {
        Ok(page) => page,
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => return vec![nowhere(patient)],
        Err(_) => return Vec::new(),
    };
    let folders = [&patient.site.output.packs, &patient.site.output.assets];
    let folders = folders.map(|folder| folder.strip_prefix(&patient.site.output.public).unwrap_or(folder));
    let loaded = folders.iter().flat_map(|folder| loaded_by(&page, &format!("{}/", folder.display())));
    let missing: Vec<String> = loaded.filter(|served| patient.tree.size_of(served).is_none()).collect();
    let Some(first) = missing.first() else { return Vec::new() };
    let more = if missing.len() > 1 { format!(", and {} more", missing.len() - 1) } else { String::new() };
    let message = format!("The error page loads {first}{more}, which is not there.");
    let finding = Finding::review("error-page-broken", message)
        .at(shown)
        .meaning("When something goes wrong, people get a page without styles.");
    vec![compile(patient, finding)]
}

fn nowhere(patient: &Patient<'_>) -> Finding {
    let finding = Finding::review("error-page-missing", "The error page is a link that leads nowhere.")
        .at(patient.tree.shown(PAGE))
        .meaning("When something goes wrong, people get an empty page.");
    compile(patient, finding)
}

fn compile(patient: &Patient<'_>, finding: Finding) -> Finding {
    let [check, promote] = patient.commands.compile();
    finding.help("It is rendered by the compile; in a stage, and made live:").command(check).command(promote)
}
