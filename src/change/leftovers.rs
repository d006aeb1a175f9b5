//! Files of a theme's older version that the new one no longer has: they stay, and that is said.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::difference::Compared;
use super::{SiteFacts, ThemeAddition, ThemeKind};
use crate::finding::Finding;

/// Where a theme has a folder of its own.
const STYLES: &str = "app/javascript/styles";

/// A note if an updated theme's own folders hold files that the change does not bring.
pub(super) fn of(themes: &[ThemeAddition], compared: &Compared, site: &SiteFacts<'_>) -> Option<Finding> {
    if themes.iter().all(|theme| theme.kind == ThemeKind::New) {
        return None;
    }
    let brought: BTreeSet<&Path> = compared.iter().map(|(candidate, _)| candidate.to.as_path()).collect();
    let mut old: Vec<PathBuf> = Vec::new();
    for folder in own_folders(&brought) {
        for entry in walkdir::WalkDir::new(site.live.join(&folder)).follow_links(false).into_iter().flatten() {
            let Ok(path) = entry.path().strip_prefix(site.live) else {
                continue;
            };
            if entry.file_type().is_file() && !brought.contains(path) && !(site.shipped)(path) {
                old.push(path.to_path_buf());
            }
        }
    }
    old.sort();
    let first = old.first()?;
    let message = match old.len() {
        1 => format!("{} belongs to an older version of the theme; it stays.", first.display()),
        count => format!("{count} files of an older version of the theme stay, {} among them.", first.display()),
    };
    let finding = Finding::benign("theme-old-files-stay", message);
    Some(old.iter().take(5).fold(finding, Finding::at))
}

/// Folders right below the styles folder that the change writes into.
fn own_folders(brought: &BTreeSet<&Path>) -> BTreeSet<PathBuf> {
    let folder_of = |path: &&Path| {
        let rest = path.strip_prefix(STYLES).ok()?;
        let mut parts = rest.iter();
        let first = parts.next()?;
        parts.next().map(|_| Path::new(STYLES).join(first))
    };
    brought.iter().filter_map(folder_of).collect()
}
