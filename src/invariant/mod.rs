//! What must hold on a compiled tree, whatever the exit code said. One file each.
//!
//! An invariant sees a [`Subject`] and gives findings; it neither judges nor knows the other invariants.

mod addresses;
mod body_classes;
mod comes_to_something;
mod dead_css;
mod entries_kept;
mod entry_files;
mod functions;
pub(crate) mod integrity;
mod manifest_written;
mod manifests_agree;
mod origins;
mod output_kinds;
mod page_shown;
mod sheet_weight;
mod sheet_whole;
mod sources;
pub(crate) mod static_page;
mod theme_compiled;
#[cfg(test)]
mod tried;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compiled::CompiledTree;
use crate::finding::{Finding, Severity};
use crate::manifest::resolution::{Resolution, resolve_skin, resolve_theme};
use crate::manifest::{Entry, ManifestSet};
use crate::stylesheet::Sheet;

/// How a theme is found in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// A line of `config/themes.yml`.
    Listed,
    /// glitch-soc: a skin of a flavour.
    Skin {
        /// The flavour.
        flavour: String,
        /// The skin.
        skin: String,
    },
}

/// A theme that Rails offers in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedTheme {
    /// What users see and what is stored for them.
    pub name: String,
    /// Where it is offered: the registry, or the skin's folder.
    pub place: PathBuf,
    /// The line of the registry, counted from 1.
    pub line: Option<u64>,
    /// The source it is compiled from, relative to the sources' folder.
    pub source: String,
    /// How it is looked up.
    pub kind: Lookup,
}

impl OfferedTheme {
    /// Looks it up as Rails does.
    #[must_use]
    pub fn resolve<'set>(&self, set: &'set ManifestSet) -> Resolution<'set> {
        match &self.kind {
            Lookup::Listed => resolve_theme(set, &self.name),
            Lookup::Skin { flavour, skin } => resolve_skin(set, flavour, skin),
        }
    }

    /// The name of the stock theme that it replaces: `default`, or its flavour's; none for that one itself.
    #[must_use]
    pub fn stock(&self) -> Option<String> {
        let stock = match &self.kind {
            Lookup::Listed => "default".to_owned(),
            Lookup::Skin { flavour, .. } => format!("{flavour}/default"),
        };
        (stock != self.name).then_some(stock)
    }

    /// Whether Mastodon, or glitch-soc, ships a theme of that name.
    #[must_use]
    pub fn is_shipped(&self) -> bool {
        let name = match &self.kind {
            Lookup::Listed => &self.name,
            Lookup::Skin { skin, .. } => skin,
        };
        ["default", "contrast", "mastodon-light"].contains(&name.as_str())
    }

    /// Adds the place where it is offered to a finding.
    #[must_use]
    pub fn show_in(&self, finding: Finding) -> Finding {
        match self.line {
            Some(line) => finding.at_line(&self.place, line, format!("{}: {}", self.name, self.source)),
            None => finding.at(&self.place),
        }
    }
}

/// A theme's compiled stylesheet, read.
#[derive(Debug)]
pub struct ThemeSheet {
    /// The file, relative to the web server's root.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// What it holds.
    pub sheet: Sheet,
}

/// What the invariants look at.
#[derive(Debug)]
pub struct Subject<'gate> {
    /// Themes that Rails will offer once the staged tree is live.
    pub offered: &'gate [OfferedTheme],
    /// Names of the site's own entries.
    pub packs: &'gate [String],
    /// The live tree's output before the change.
    pub live: &'gate CompiledTree,
    /// The staged tree's output.
    pub staged: &'gate CompiledTree,
    /// When the build began: output older than this was not made by it.
    pub build_began: std::time::SystemTime,
    /// `CDN_HOST` of the site, which its content security policy lets through; without a slash at the end.
    pub cdn: Option<String>,
    /// True if only themes were compiled (the builtin compiler): scripts and Rails' own assets are then not judged.
    pub themes_only: bool,
    /// Files of the change with their text, for naming the place of a fault; relative to the live tree.
    pub sources: &'gate BTreeMap<PathBuf, String>,
    /// Compiled sheets of the offered themes, by theme name.
    pub sheets: BTreeMap<String, ThemeSheet>,
    /// Themes that are new, or whose stylesheet has other bytes than the live one.
    pub touched: BTreeSet<String>,
}

impl<'gate> Subject<'gate> {
    /// The entry of a theme in the staged tree, if Rails would find it.
    #[must_use]
    pub fn entry(&self, theme: &OfferedTheme) -> Option<(String, &'gate Entry)> {
        let staged: &'gate CompiledTree = self.staged;
        match theme.resolve(&staged.set) {
            Resolution::Found { key, entry } => Some((key, entry)),
            Resolution::NoManifest | Resolution::Absent { .. } => None,
        }
    }

    /// Reads the sheets of the offered themes, and notes which of them the change touches.
    pub fn read_sheets(&mut self) {
        for theme in self.offered {
            let Some((_, entry)) = self.entry(theme) else {
                self.touched.insert(theme.name.clone());
                continue;
            };
            let bytes = self.staged.read_served(&entry.file).unwrap_or_default();
            let unchanged = match theme.resolve(&self.live.set) {
                Resolution::Found { entry, .. } => self.live.read_served(&entry.file).is_ok_and(|live| live == bytes),
                Resolution::NoManifest | Resolution::Absent { .. } => false,
            };
            if !unchanged {
                self.touched.insert(theme.name.clone());
            }
            let sheet = Sheet::read(&String::from_utf8_lossy(&bytes));
            let sheet = ThemeSheet { file: entry.file.clone(), bytes: bytes.len() as u64, sheet };
            self.sheets.insert(theme.name.clone(), sheet);
        }
    }
}

/// One invariant: its stable name and what it looks for.
pub struct Invariant {
    /// Stable name, in kebab case.
    pub id: &'static str,
    /// What must hold, as a sentence.
    pub statement: &'static str,
    check: fn(&Subject<'_>) -> Vec<Finding>,
}

/// All invariants, in the order of the report.
pub const ALL: &[Invariant] = &[
    manifest_written::INVARIANT,
    manifests_agree::INVARIANT,
    theme_compiled::INVARIANT,
    entry_files::INVARIANT,
    integrity::INVARIANT,
    entries_kept::INVARIANT,
    sheet_whole::INVARIANT,
    sheet_weight::INVARIANT,
    comes_to_something::INVARIANT,
    addresses::INVARIANT,
    functions::INVARIANT,
    dead_css::INVARIANT,
    page_shown::INVARIANT,
    body_classes::INVARIANT,
    output_kinds::INVARIANT,
    static_page::INVARIANT,
];

/// Those that can be checked on single sheets, compiled without a bundler.
const OF_SHEETS: &[Invariant] = &[
    sheet_whole::INVARIANT,
    sheet_weight::INVARIANT,
    addresses::INVARIANT,
    functions::INVARIANT,
    dead_css::INVARIANT,
    page_shown::INVARIANT,
    body_classes::INVARIANT,
];

/// Whether an invariant holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvariantResult {
    /// The invariant's stable name.
    pub id: String,
    /// What must hold.
    pub statement: String,
    /// True if it found nothing above benign.
    pub holds: bool,
}

/// Checks every invariant.
#[must_use]
pub fn check(subject: &Subject<'_>) -> (Vec<InvariantResult>, Vec<Finding>) {
    check_each(ALL, subject)
}

/// Checks what can be known of single sheets: [`Subject::sheets`] is what there is, and nothing of it was bundled.
#[must_use]
pub fn check_sheets(subject: &Subject<'_>) -> Vec<Finding> {
    check_each(OF_SHEETS, subject).1
}

fn check_each(invariants: &[Invariant], subject: &Subject<'_>) -> (Vec<InvariantResult>, Vec<Finding>) {
    let (mut results, mut findings) = (Vec::new(), Vec::new());
    for invariant in invariants {
        let found = (invariant.check)(subject);
        results.push(InvariantResult {
            id: invariant.id.to_owned(),
            statement: invariant.statement.to_owned(),
            holds: found.iter().all(|finding| finding.severity == Severity::Benign),
        });
        findings.extend(found);
    }
    (results, findings)
}

/// What a page does without its theme's stylesheet: the sentence that every such finding ends in.
const BROKEN_PAGES: &str =
    "Whoever picks this theme gets \"Something went wrong on our side\" on every page, the settings page included.";
