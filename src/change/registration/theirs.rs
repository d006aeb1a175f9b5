//! The theme's own `themes.yml`: what of it is new.

use std::path::Path;

use super::{below_paths_root, entries, kind_of, refused_name, refused_path};
use crate::change::theme_folder::ThemeFolder;
use crate::change::{SiteFacts, ThemeAddition, ThemeKind};
use crate::finding::{Evidence, Finding};
use crate::site::registry::{PATHS_ROOT, Registry, RegistryEntry};

/// Mastodon's own lines: all three up to 4.5, the first alone from 4.6 on.
const STOCK: [(&str, &str); 3] = [
    ("default", "styles/application.scss"),
    ("contrast", "styles/contrast.scss"),
    ("mastodon-light", "styles/mastodon-light.scss"),
];

/// The themes of one theme folder: from its own registry, or from its stylesheets.
pub(super) fn themes_of(
    theme: &ThemeFolder,
    live: &Registry,
    site: &SiteFacts<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<ThemeAddition> {
    let Some((path, bytes)) = &theme.registry else {
        return entries::themes_of(theme, live, site, findings);
    };
    let read = match Registry::parse(bytes) {
        Ok(read) => read,
        Err(faults) => {
            findings.extend(faults.into_iter().map(|fault| in_theme(fault, path)));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    let faults_before = findings.len();
    for entry in read.entries() {
        found.extend(new_theme(entry, path, theme, live, site, findings));
    }
    if found.is_empty() && findings.len() == faults_before {
        return entries::themes_of(theme, live, site, findings);
    }
    found
}

/// A fault of the theme's own registry: the evidence names the theme's file.
fn in_theme(mut fault: Finding, path: &Path) -> Finding {
    for place in &mut fault.evidence {
        if let Evidence::File { path: shown, .. } = place {
            *shown = path.to_path_buf();
        }
    }
    fault.message = fault.message.replace("The theme registry", "The theme's own config/themes.yml");
    fault
        .meaning("The theme's names could not be read from it, so nothing would be offered.")
        .help("Mend that line in the theme folder, or delete the file: the names are then taken from the stylesheets.")
}

fn new_theme(
    entry: &RegistryEntry,
    at: &Path,
    theme: &ThemeFolder,
    live: &Registry,
    site: &SiteFacts<'_>,
    findings: &mut Vec<Finding>,
) -> Option<ThemeAddition> {
    if let Some((_, stock)) = STOCK.iter().find(|(name, _)| *name == entry.name) {
        findings.extend(stock_line(entry, stock, at, live, site));
        return None;
    }
    if !entry.is_string {
        findings.push(unreadable_line(entry, at));
        return None;
    }
    let known = live.get(&entry.name);
    let refused = [
        known.is_none().then(|| refused_name(&entry.name, at, site.packs)).flatten(),
        known
            .is_none_or(|known| known.path != entry.path)
            .then(|| refused_path(&entry.name, &entry.path, at, entry.line))
            .flatten(),
    ];
    if refused.iter().any(Option::is_some) {
        findings.extend(refused.into_iter().flatten());
        return None;
    }
    let brings_file = theme.candidates.iter().any(|candidate| below_paths_root(candidate) == entry.path);
    match known {
        Some(known) if known.path == entry.path && !brings_file => return None,
        Some(known) if known.path != entry.path => findings.push(path_changes(entry, known, at)),
        _ => {}
    }
    if !brings_file && (site.shipped)(&Path::new(PATHS_ROOT).join(&entry.path)) {
        findings.push(leads_to_stock(entry, at));
    }
    Some(ThemeAddition { name: entry.name.clone(), path: entry.path.clone(), kind: kind_of(&entry.name, live) })
}

/// A line that Mastodon itself has or had.
fn stock_line(entry: &RegistryEntry, stock: &str, at: &Path, live: &Registry, site: &SiteFacts<'_>) -> Option<Finding> {
    let RegistryEntry { name, path, line, .. } = entry;
    let known = live.get(name);
    if path == stock || known.is_some_and(|known| known.path == *path) {
        let gone = known.is_none() && !site.live.join(PATHS_ROOT).join(path).is_file();
        return gone.then(|| {
            let message = format!(
                "The theme's config/themes.yml lists {name}, which this Mastodon no longer has; the line is not added."
            );
            Finding::benign("registry-stock-entry-left-out", message).at_line(at, *line, format!("{name}: {path}"))
        });
    }
    let id = if name == "default" { "change-redefines-default" } else { "change-redefines-stock" };
    Some(
        Finding::fatal(id, format!("The theme wants to be `{name}` itself: {path} in place of {stock}."))
            .at_line(at, *line, format!("{name}: {path}"))
            .meaning("The error page, embedded posts and the way back from a broken theme all rest on Mastodon's own stylesheets: if this one breaks, nothing is left to fall back to.")
            .help("Give the theme a name of its own in that line, and make it the site's theme in the administration settings."),
    )
}

fn unreadable_line(entry: &RegistryEntry, at: &Path) -> Finding {
    let message = format!(
        "The theme's config/themes.yml has a line that Ruby does not read as text: {}: {}",
        entry.name, entry.path
    );
    Finding::fatal("theme-name-not-text", message)
        .at_line(at, entry.line, format!("{}: {}", entry.name, entry.path))
        .meaning(
            "To YAML the name or the path is a truth value, a number, a list, a map or nothing, and no setting can name it.",
        )
        .help("Write the line as `NAME: styles/NAME.scss`, at the margin, with a name that begins with a letter.")
}

fn path_changes(entry: &RegistryEntry, known: &RegistryEntry, at: &Path) -> Finding {
    let message = format!("{} moves from {} to {}.", entry.name, known.path, entry.path);
    Finding::benign("theme-path-changes", message).at_line(at, entry.line, format!("{}: {}", entry.name, entry.path))
}

fn leads_to_stock(entry: &RegistryEntry, at: &Path) -> Finding {
    let RegistryEntry { name, path, line, .. } = entry;
    let message =
        format!("The theme {name} leads to {path}, which is Mastodon's own, and not to a stylesheet of the theme.");
    Finding::review("theme-leads-to-stock", message)
        .at_line(at, *line, format!("{name}: {path}"))
        .meaning(
            "Nothing of the theme is loaded: whoever picks it sees Mastodon as it always looks, if it compiles at all.",
        )
        .help(format!("Name the theme's own stylesheet in that line, often `{name}: styles/{name}.scss`."))
}

/// Whether the name is one that Mastodon ships or shipped.
pub(super) fn is_stock(name: &str) -> bool {
    STOCK.iter().any(|(stock, _)| *stock == name)
}

/// Whether the line is one that Mastodon ships or shipped.
pub(in crate::change) fn is_stock_line(name: &str, path: &str) -> bool {
    STOCK.contains(&(name, path))
}

/// An update of what the site offers under this entry.
pub(super) fn update_of(entry: &RegistryEntry) -> ThemeAddition {
    ThemeAddition { name: entry.name.clone(), path: entry.path.clone(), kind: ThemeKind::Update }
}
