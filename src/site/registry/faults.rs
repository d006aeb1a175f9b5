//! What is wrong with a registry that can be read: what Rails would offer and nobody could use.
//!
//! Severities are those of a site as it stands. Names that work are not held against a site that uses them, however unwise:
//! `change/` is stricter with what is proposed.

use super::path_faults::{compiled_fault, file_fault, unusual_path};
use super::{NameFault, PATH, PathKind, Registry, RegistryEntry, name_fault};
use crate::finding::Finding;
use crate::site::{MastodonVersion, Toolchain};

/// Whose reading of the registry counts on this site.
#[derive(Debug, Clone, Copy)]
pub struct RegistrySemantics<'a> {
    /// What compiles the registry's files.
    pub toolchain: Toolchain,
    /// The site's own entries (`application`, `public`, …).
    pub packs: &'a [String],
    /// The version, where known: 4.3 to 4.5 offer the pseudo theme `system`.
    pub version: Option<MastodonVersion>,
}

impl RegistrySemantics<'_> {
    pub(super) fn is_vite(&self) -> bool {
        self.toolchain == Toolchain::Vite
    }

    /// Mastodon 4.3 to 4.5 add `system`, which is `mastodon-light` and `default` by the reader's colour preference.
    fn has_system(&self) -> bool {
        self.version.is_some_and(|version| version.major == 4 && (3..=5).contains(&version.minor))
    }
}

/// What a theme that is offered and not compiled does.
pub(super) const BROKEN_PAGES: &str =
    "Whoever picks this theme gets \"Something went wrong on our side\" on every page, the settings page included.";

/// Where the stock stylesheet is.
const STOCK_DEFAULT: &str = "styles/application.scss";

/// Every fault of `registry`, in the order of its lines.
pub(super) fn of(
    registry: &Registry,
    semantics: &RegistrySemantics<'_>,
    exists: &dyn Fn(&str) -> PathKind,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = byte_order_mark(registry).into_iter().collect();
    for (index, entry) in registry.entries().iter().enumerate() {
        let earlier = registry.entries()[..index].iter().find(|other| other.name == entry.name);
        findings.extend(earlier.map(|earlier| duplicate(registry, entry, earlier)));
        findings.extend(entry_fault(registry, entry, semantics, exists));
        let same = registry.entries()[..index].iter().find(|other| shares_path(other, entry));
        findings.extend(same.and_then(|earlier| match semantics.toolchain {
            _ if semantics.is_vite() => Some(same_path(registry, entry, earlier)),
            Toolchain::Webpacker => Some(same_path_by_webpack(registry, entry, earlier)),
            _ => None,
        }));
    }
    findings.extend(default_fault(registry));
    findings.extend(system_fault(registry, semantics));
    findings
}

fn at(finding: Finding, registry: &Registry, entry: &RegistryEntry) -> Finding {
    finding.at_line(PATH, entry.line, registry.line_text(entry.line).trim_end())
}

fn byte_order_mark(registry: &Registry) -> Option<Finding> {
    let message = "The theme registry begins with a byte order mark. Ruby and js-yaml both skip it.";
    registry.text().starts_with('\u{feff}').then(|| Finding::benign("registry-byte-order-mark", message).at(PATH))
}

fn duplicate(registry: &Registry, entry: &RegistryEntry, earlier: &RegistryEntry) -> Finding {
    let message =
        format!("{} is listed twice in the theme registry, on lines {} and {}.", entry.name, earlier.line, entry.line);
    at(Finding::fatal("registry-duplicate-name", message), registry, entry)
        .meaning(
            "Ruby takes the last one and the site runs; the asset compiler refuses the file, so no compile works from here on.",
        )
        .help(format!("Remove one of the two lines from {PATH}."))
}

fn shares_path(one: &RegistryEntry, other: &RegistryEntry) -> bool {
    let plain = |entry: &RegistryEntry| entry.path.strip_prefix("./").unwrap_or(&entry.path).to_owned();
    one.name != other.name && !other.path.is_empty() && plain(one) == plain(other)
}

/// Vite keys its manifest by source file: of two entries with one source, neither is found as a stylesheet (Vite 8).
fn same_path(registry: &Registry, entry: &RegistryEntry, earlier: &RegistryEntry) -> Finding {
    let message = format!(
        "{} and {} lead to the same file, {}: Vite makes one entry of a file, and it is broken for both.",
        earlier.name, entry.name, entry.path
    );
    at(Finding::fatal("registry-same-path", message), registry, entry)
        .meaning(format!("The compile exits 0 all the same. {BROKEN_PAGES}"))
        .help(format!(
            "Remove one of the lines {} and {} from {PATH}, or give the second theme a file of its own that imports the first.",
            earlier.line, entry.line
        ))
}

/// Mastodon's webpack puts a module of two entries into the chunk `common` (config/webpack/shared.js, up to 4.3), and neither
/// theme has a stylesheet of its own then. A site may have changed that: the build tells.
fn same_path_by_webpack(registry: &Registry, entry: &RegistryEntry, earlier: &RegistryEntry) -> Finding {
    let message = format!(
        "{} and {} lead to the same file, {}: as Mastodon sets webpack up, neither gets a stylesheet of its own.",
        earlier.name, entry.name, entry.path
    );
    at(Finding::review("registry-same-path", message), registry, entry)
        .meaning("What two themes share goes into the chunk that every page loads; what the two are called is then missing.")
        .help(format!(
            "Remove one of the lines {} and {} from {PATH}, or give the second theme a file of its own that imports the first.",
            earlier.line, entry.line
        ))
}

/// The gravest fault of one entry: one cause, one finding; and a note on its name where that is worth one.
fn entry_fault(
    registry: &Registry,
    entry: &RegistryEntry,
    semantics: &RegistrySemantics<'_>,
    exists: &dyn Fn(&str) -> PathKind,
) -> Vec<Finding> {
    let completed = completed_by_webpack(entry, semantics, exists);
    let path = text_fault(entry)
        .or_else(|| compiled_fault(entry, semantics).filter(|_| !completed))
        .or_else(|| file_fault(entry, exists).filter(|_| !completed))
        .or_else(|| unusual_path(entry));
    let name = name_finding(entry, semantics);
    name.into_iter().chain(path).map(|finding| at(finding, registry, entry)).collect()
}

/// webpack completes a path without an ending from its list of endings (webpacker 5, `extensions`), stylesheets among them.
fn completed_by_webpack(
    entry: &RegistryEntry,
    semantics: &RegistrySemantics<'_>,
    exists: &dyn Fn(&str) -> PathKind,
) -> bool {
    let has_ending = entry.path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let with = |ending: &str| exists(&format!("{}.{ending}", entry.path)) == PathKind::File;
    // The file of that very name comes first, then scripts.
    let other_first = exists(&entry.path) == PathKind::File || ["mjs", "js", "ts"].into_iter().any(with);
    let may = !semantics.is_vite() && !has_ending && entry.is_string && !other_first;
    may && ["css", "scss", "sass"].into_iter().any(with)
}

fn text_fault(entry: &RegistryEntry) -> Option<Finding> {
    if entry.is_string {
        return None;
    }
    let name = &entry.name;
    if !entry.name_is_string {
        let message = format!(
            "Ruby does not read the theme name `{name}` as text: to YAML it is a truth value, a number or nothing."
        );
        let finding = Finding::fatal("theme-name-not-text", message);
        return Some(
            finding
                .meaning("Rails would offer a theme that no setting can name, or stop when it starts.")
                .help(format!("Put it in quotes (\"{name}\": …), or better, give the theme another name.")),
        );
    }
    let message = if entry.path.is_empty() {
        format!("The theme {name} has no stylesheet: nothing usable follows its name.")
    } else {
        format!("Ruby does not read the path of the theme {name} as text.")
    };
    Some(Finding::fatal("theme-path-not-text", message).meaning(BROKEN_PAGES).help(format!(
        "Write the stylesheet's path below app/javascript: `{name}: styles/{name}.scss`, or remove the line."
    )))
}

fn name_finding(entry: &RegistryEntry, semantics: &RegistrySemantics<'_>) -> Option<Finding> {
    let name = &entry.name;
    let fault = name_fault(name, semantics.packs).filter(|_| entry.name_is_string)?;
    let is_pack = semantics.packs.contains(name);
    let message = format!("The theme name {name} {}.", fault.reason());
    let rename = format!("Give the theme another name in {PATH}: lower-case letters, digits, `-` and `_`.");
    let (finding, meaning) = match (fault, semantics.is_vite()) {
        (NameFault::Reserved, false) if is_pack => (
            Finding::fatal("theme-name-reserved", message),
            "webpack lets the theme take the place of the site's own script: a blank page for everyone, or a compile that fails.",
        ),
        (NameFault::Reserved, _) if name == "system" && semantics.has_system() => (
            Finding::review("theme-name-reserved", message),
            "This Mastodon has a pseudo theme `system`; whoever picks either gets the pseudo theme.",
        ),
        (NameFault::Reserved, true) if is_pack => (
            Finding::benign("theme-name-reserved", message),
            "Vite keeps themes apart from the site's scripts, so nothing breaks.",
        ),
        (NameFault::Dot, false) => (
            Finding::fatal("theme-name-unusable", message),
            "webpacker takes what follows the dot for a file type and does not find the stylesheet: whoever picks the theme gets \
             an error on every page.",
        ),
        (NameFault::Dot | NameFault::Space, _) => {
            (Finding::benign("theme-name-unusual", message), "Manifest lookups and web addresses may not find it.")
        }
        (NameFault::Reserved | NameFault::UpperCase | NameFault::Shape, _) => return None,
    };
    Some(finding.meaning(meaning).help(rename))
}

fn default_fault(registry: &Registry) -> Option<Finding> {
    let Some(entry) = registry.get("default") else {
        return Some(
            Finding::fatal("registry-default-missing", "The theme registry has no `default`.")
                .at(PATH)
                .meaning("The error page and embedded posts ask for the default theme: the compile stops, or errors end in an empty page.")
                .help(format!("Add this line to {PATH}: default: {STOCK_DEFAULT}")),
        );
    };
    if entry.path == STOCK_DEFAULT {
        return None;
    }
    let message = format!("`default` leads to {} in place of Mastodon's own {STOCK_DEFAULT}.", entry.path);
    Some(
        at(Finding::benign("registry-default-redefined", message), registry, entry)
            .meaning(
                "The error page, embedded posts and everybody without a theme of their own depend on that stylesheet.",
            )
            .help(format!(
                "Safer: `default: {STOCK_DEFAULT}`, the theme under its own name, and that name as the site's theme."
            )),
    )
}

fn system_fault(registry: &Registry, semantics: &RegistrySemantics<'_>) -> Option<Finding> {
    (semantics.has_system() && registry.get("mastodon-light").is_none()).then(|| {
        Finding::fatal("registry-mastodon-light-missing", "The theme registry has no `mastodon-light`, which this Mastodon needs.")
            .at(PATH)
            .meaning(
                "Mastodon 4.3 to 4.5 show `system` to everybody who has not chosen otherwise, and `system` is `default` and \
                 `mastodon-light` together: without it every page is an error.",
            )
            .help(format!("Add this line to {PATH}: mastodon-light: styles/mastodon-light.scss"))
    })
}
