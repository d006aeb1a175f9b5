//! Which themes a change brings, and the registry's new text.
//!
//! A theme's own `themes.yml` is merged, never copied: only its new names count. Without one, the stylesheets say it.

mod entries;
mod skins;
pub(super) mod theirs;

use std::path::Path;

use super::difference::Compared;
use super::theme_folder::{Candidate, ThemeFolder};
use super::{Change, SiteFacts, ThemeAddition, ThemeKind, leftovers};
use crate::finding::{Evidence, Finding};
use crate::site::Fork;
use crate::site::registry::{NameFault, PATHS_ROOT, PathKind, Registry, RegistrySemantics, is_safe_path, name_fault};

/// Fills in the change's themes and its registry.
pub(super) fn register(themes: &[ThemeFolder], compared: &Compared, site: &SiteFacts<'_>, change: &mut Change) {
    for theme in themes {
        let found = match (site.fork, site.registry) {
            (Fork::Mastodon, Some(registry)) => theirs::themes_of(theme, registry, site, &mut change.findings),
            _ => skins::themes_of(theme, site, &mut change.findings),
        };
        if found.is_empty() && change.findings.iter().all(|finding| !is_fatal(finding)) {
            change.findings.push(no_entry(theme, site));
        }
        for addition in found {
            add(addition, change);
        }
    }
    change.findings.extend(empty_entries(&change.themes, themes));
    change.findings.extend(leftovers::of(&change.themes, compared, site));
    if let (Fork::Mastodon, Some(registry)) = (site.fork, site.registry) {
        merge(registry, themes, site, change);
    }
}

fn is_fatal(finding: &Finding) -> bool {
    finding.severity == crate::finding::Severity::Fatal
}

fn add(addition: ThemeAddition, change: &mut Change) {
    match change.themes.iter().find(|other| other.name == addition.name) {
        None => change.themes.push(addition),
        Some(other) if other.path == addition.path => {}
        Some(other) => {
            let message = format!(
                "Two theme folders bring a theme called {}: {} and {}.",
                addition.name, other.path, addition.path
            );
            let finding = Finding::fatal("change-themes-collide", message)
                .meaning("Only one of the two could be offered.")
                .help("Check the themes one at a time, or rename one of them.");
            change.findings.push(finding);
        }
    }
}

/// Writes the new names into the registry's text, and judges the lines they make.
fn merge(registry: &Registry, themes: &[ThemeFolder], site: &SiteFacts<'_>, change: &mut Change) {
    let wanted: Vec<(String, String)> = change
        .themes
        .iter()
        .filter(|theme| registry.get(&theme.name).is_none_or(|entry| entry.path != theme.path))
        .map(|theme| (theme.name.clone(), theme.path.clone()))
        .collect();
    if wanted.is_empty() {
        return;
    }
    match registry.with(&wanted) {
        Ok(text) => {
            change.findings.extend(faults_of_new_lines(&text, &wanted, themes, site));
            change.registry = Some(text);
        }
        Err(finding) => change.findings.push(*finding),
    }
}

fn faults_of_new_lines(
    text: &str,
    wanted: &[(String, String)],
    themes: &[ThemeFolder],
    site: &SiteFacts<'_>,
) -> Vec<Finding> {
    let merged = match Registry::parse(text.as_bytes()) {
        Ok(merged) => merged,
        Err(findings) => return findings,
    };
    let semantics = RegistrySemantics { toolchain: site.toolchain, packs: site.packs, version: site.version };
    let lines: Vec<u64> = wanted.iter().filter_map(|(name, _)| merged.get(name)).map(|entry| entry.line).collect();
    let is_new = |finding: &Finding| {
        finding
            .evidence
            .iter()
            .any(|place| matches!(place, Evidence::File { line: Some(line), .. } if lines.contains(line)))
    };
    let mut faults = merged.faults(&semantics, &|path| kind_with(path, themes, site));
    faults.retain(|finding| is_new(finding) && finding.id != "registry-default-redefined");
    faults
}

/// What a registry path leads to once the change is applied.
fn kind_with(path: &str, themes: &[ThemeFolder], site: &SiteFacts<'_>) -> PathKind {
    let candidates = themes.iter().flat_map(|theme| &theme.candidates);
    let added = candidates.filter_map(|candidate| candidate.to.strip_prefix(PATHS_ROOT).ok());
    PathKind::of(&site.live.join(PATHS_ROOT), path).with_added(Path::new(path), added)
}

/// The path of a candidate as the registry writes it.
fn below_paths_root(candidate: &Candidate) -> String {
    candidate.to.strip_prefix(PATHS_ROOT).unwrap_or(&candidate.to).to_string_lossy().into_owned()
}

/// The finding that refuses a name for a theme which the site does not have yet.
fn refused_name(name: &str, at: &Path, packs: &[String]) -> Option<Finding> {
    let fault = name_fault(name, packs)?;
    let (id, meaning) = match fault {
        NameFault::Reserved => (
            "theme-name-reserved",
            "On webpack a theme of that name takes the place of the site's own script: a blank page for everyone.",
        ),
        NameFault::Dot => (
            "theme-name-unusable",
            "Mastodon up to 4.3 takes what follows the dot for a file type, and does not find the stylesheet: an error on every page of whoever picks it.",
        ),
        NameFault::Space | NameFault::UpperCase | NameFault::Shape => (
            "theme-name-unusable",
            "The name becomes part of a file name, a web address and a setting, and not all of them agree on such characters.",
        ),
    };
    let mended = mended_name(name);
    Some(
        Finding::fatal(id, format!("The theme name {name} {}.", fault.reason())).at(at).meaning(meaning).help(format!(
            "Give the theme another name, for instance {mended}: lower-case letters, digits, `-` and `_`."
        )),
    )
}

fn mended_name(name: &str) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() || character == '_' { character } else { '-' }
    };
    let mended: String = name.to_lowercase().chars().map(plain).collect();
    let mended = mended.trim_matches(['-', '_']).to_owned();
    if name_fault(&mended, &[]).is_none() {
        mended
    } else {
        format!("{}-theme", if mended.is_empty() { "my" } else { &mended })
    }
}

/// The finding that refuses a path, should it lead out of `app/javascript` or be spelled strangely.
fn refused_path(name: &str, path: &str, at: &Path, line: u64) -> Option<Finding> {
    (!is_safe_path(path)).then(|| {
        Finding::fatal("theme-path-unsafe", format!("The theme {name} wants the path {path}."))
            .at_line(at, line, format!("{name}: {path}"))
            .meaning("Paths that are absolute, hold `..`, `./` or unusual characters lead out of the tree, or make Mastodon 4.4 and later skip the theme without failing.")
            .help(format!("Write the path below app/javascript: `{name}: styles/{name}.scss`."))
    })
}

/// Stylesheets that a registry line names and that hold no rule.
fn empty_entries(additions: &[ThemeAddition], themes: &[ThemeFolder]) -> Vec<Finding> {
    let candidates = || themes.iter().flat_map(|theme| &theme.candidates);
    let is_entry = |candidate: &&Candidate| additions.iter().any(|theme| below_paths_root(candidate) == theme.path);
    candidates()
        .filter(|candidate| candidate.says_nothing)
        .filter(is_entry)
        .map(|candidate| {
            Finding::fatal(
                "theme-entry-empty",
                format!("The theme's stylesheet {} is empty.", candidate.path.display()),
            )
            .at(&candidate.path)
            .meaning("It compiles, and whoever picks the theme sees bare, unstyled pages.")
            .help("Copy the file again: an upload that was cut off leaves an empty file.")
        })
        .collect()
}

fn no_entry(theme: &ThemeFolder, site: &SiteFacts<'_>) -> Finding {
    let (message, help) = match site.fork {
        Fork::Mastodon => (
            "No theme was found in the theme folder: no stylesheet in app/javascript/styles that is not a part of another one.",
            "Add a config/themes.yml with a line `NAME: styles/NAME.scss` to the theme folder, or name the stylesheet itself: --theme DIR/NAME.scss",
        ),
        Fork::GlitchSoc => (
            "No skin was found in the theme folder, and glitch-soc offers flavours and skins only.",
            "Put the stylesheet at app/javascript/skins/FLAVOUR/NAME/common.scss in the theme folder.",
        ),
    };
    Finding::fatal("theme-entry-not-found", message)
        .at(&theme.root)
        .meaning("There is nothing that people could pick.")
        .help(help)
}

/// New or known, by the live registry.
fn kind_of(name: &str, registry: &Registry) -> ThemeKind {
    if registry.get(name).is_some() { ThemeKind::Update } else { ThemeKind::New }
}
