//! Themes of a folder without a registry of its own: stylesheets that are not parts of others.

use std::path::{Path, PathBuf};

use super::theirs::{is_stock, update_of};
use super::{below_paths_root, refused_name, refused_path};
use crate::change::layout::is_partial;
use crate::change::places::is_stylesheet;
use crate::change::theme_folder::{Candidate, ThemeFolder};
use crate::change::{SiteFacts, ThemeAddition, ThemeKind};
use crate::finding::Finding;
use crate::site::registry::Registry;

/// Where entries lie.
const STYLES: &str = "app/javascript/styles";

/// The themes that the stylesheets themselves make.
pub(super) fn themes_of(
    theme: &ThemeFolder,
    live: &Registry,
    site: &SiteFacts<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<ThemeAddition> {
    let mut found: Vec<ThemeAddition> = Vec::new();
    let is_own = |candidate: &&Candidate| is_entry(candidate, theme) && !(site.shipped)(&candidate.to);
    for candidate in theme.candidates.iter().filter(is_own) {
        let path = below_paths_root(candidate);
        let registered = live.entries().iter().filter(|entry| entry.path == path && !is_stock(&entry.name));
        let mut known: Vec<ThemeAddition> = registered.map(update_of).collect();
        if known.is_empty() {
            known.extend(new_theme(candidate, path, live, site, findings));
        }
        for addition in known {
            match found.iter().find(|other| other.name == addition.name) {
                Some(other) => findings.push(ambiguous(&addition, other, &candidate.path)),
                None => found.push(addition),
            }
        }
    }
    if found.is_empty() { parts_of_known_themes(theme, live) } else { found }
}

fn is_entry(candidate: &Candidate, theme: &ThemeFolder) -> bool {
    let right_there = candidate.to.parent() == Some(Path::new(STYLES));
    let imported =
        || theme.candidates.iter().any(|other| other.to != candidate.to && imports(other, &candidate.to, theme));
    right_there && !candidate.refused && is_stylesheet(&candidate.to) && !is_partial(&candidate.to) && !imported()
}

/// Whether `other` imports the stylesheet at `to`, which lies right in the styles folder.
fn imports(other: &Candidate, to: &Path, theme: &ThemeFolder) -> bool {
    let stem = to.file_stem().unwrap_or_default().to_string_lossy();
    other.imports.iter().any(|written| {
        let plain = without_kind(written);
        let name = ["@/styles/", "~styles/", "styles/", "~/"]
            .iter()
            .find_map(|prefix| plain.strip_prefix(prefix))
            .unwrap_or(plain);
        let upwards = name.starts_with("../");
        let name = name.trim_start_matches("./").trim_start_matches("../");
        name == stem && (upwards || !has_sibling(other, name, theme))
    })
}

fn without_kind(written: &str) -> &str {
    [".scss", ".sass", ".css"].iter().find_map(|kind| written.strip_suffix(kind)).unwrap_or(written)
}

/// Whether `name` means a file beside `other`, in a folder below the styles folder.
fn has_sibling(other: &Candidate, name: &str, theme: &ThemeFolder) -> bool {
    let Some(folder) = other.to.parent().filter(|folder| *folder != Path::new(STYLES)) else {
        return false;
    };
    let spelled: Vec<PathBuf> = ["scss", "sass", "css"]
        .iter()
        .flat_map(|kind| [folder.join(format!("{name}.{kind}")), folder.join(format!("_{name}.{kind}"))])
        .collect();
    theme.candidates.iter().any(|candidate| spelled.contains(&candidate.to))
}

fn new_theme(
    candidate: &Candidate,
    path: String,
    live: &Registry,
    site: &SiteFacts<'_>,
    findings: &mut Vec<Finding>,
) -> Option<ThemeAddition> {
    let name = candidate.to.file_stem()?.to_string_lossy().into_owned();
    let known = live.get(&name).is_some();
    let name_fault = if known { None } else { refused_name(&name, &candidate.path, site.packs) };
    let fault = name_fault
        .or_else(|| stock_name(&name, &candidate.path))
        .or_else(|| refused_path(&name, &path, &candidate.path, 1));
    if let Some(fault) = fault {
        findings.push(fault);
        return None;
    }
    Some(ThemeAddition { name, path, kind: if known { ThemeKind::Update } else { ThemeKind::New } })
}

/// A stylesheet called like one of Mastodon's own themes.
fn stock_name(name: &str, at: &Path) -> Option<Finding> {
    is_stock(name).then(|| {
        Finding::fatal(
            "theme-name-reserved",
            format!("The stylesheet {} has the name of one of Mastodon's own themes.", at.display()),
        )
        .at(at)
        .meaning("It would take that theme's place in the settings, or come back to life what Mastodon has retired.")
        .help("Rename the file: its name is the theme's name.")
    })
}

fn ambiguous(one: &ThemeAddition, other: &ThemeAddition, at: &Path) -> Finding {
    let message = format!("Two stylesheets would make the theme {}: {} and {}.", one.name, other.path, one.path);
    Finding::fatal("theme-entry-ambiguous", message)
        .at(at)
        .meaning("Only one of the two could be offered.")
        .help("Delete the one that is not meant from the theme folder: most often the .css is what the .scss was compiled to.")
}

/// Themes of the site whose folder the change writes into: an update of parts alone.
fn parts_of_known_themes(theme: &ThemeFolder, live: &Registry) -> Vec<ThemeAddition> {
    let own = |entry: &&crate::site::registry::RegistryEntry| {
        let stem = Path::new(&entry.path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folders = [Path::new(STYLES).join(&entry.name), Path::new(STYLES).join(stem)];
        theme.candidates.iter().any(|candidate| folders.iter().any(|folder| candidate.to.starts_with(folder)))
    };
    live.entries().iter().filter(|entry| !is_stock(&entry.name)).filter(own).map(update_of).collect()
}
