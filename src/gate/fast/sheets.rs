//! Which stylesheets a change can break, where they are, and what became of them.

use std::fs;
use std::path::{Path, PathBuf};

use super::Css;
use crate::change::{Change, ChangeSource, is_stylesheet};
use crate::compiler::sheets::SheetList;
use crate::gate::build::Gate;
use crate::invariant::{Lookup, OfferedTheme};
use crate::staging::StagedTree;

/// A stylesheet that is looked at.
pub(super) struct Looked<'gate> {
    pub(super) theme: &'gate OfferedTheme,
    /// Relative to the tree.
    pub(super) file: PathBuf,
    /// False for the stock sheet that shows only whether this way of compiling understands the site.
    pub(super) affected: bool,
}

impl Looked<'_> {
    /// Plain CSS needs no compiler.
    pub(super) fn is_compiled(&self) -> bool {
        self.file.extension().is_none_or(|ending| ending != "css")
    }
}

/// The sheets that the change can break, the stock one first.
pub(super) fn to_look_at<'gate>(gate: &Gate<'gate>, staged: &StagedTree) -> Vec<Looked<'gate>> {
    let all = reaches_others(gate);
    let mut looked: Vec<Looked<'_>> = Vec::new();
    for theme in gate.offered {
        let affected = all || is_own(gate, theme);
        let Some(file) = entry(gate, staged, theme).filter(|_| affected || is_stock(theme)) else { continue };
        if !looked.iter().any(|other| other.theme.name == theme.name) {
            looked.push(Looked { theme, file, affected });
        }
    }
    looked.sort_by_key(|sheet| !is_stock(sheet.theme));
    looked
}

/// `default`, and on glitch-soc the skin of that name of each flavour: everything else is built on it.
pub(super) fn is_stock(theme: &OfferedTheme) -> bool {
    match &theme.kind {
        Lookup::Listed => theme.name == "default",
        Lookup::Skin { skin, .. } => skin == "default",
    }
}

fn is_own(gate: &Gate<'_>, theme: &OfferedTheme) -> bool {
    let named = gate.change.themes.iter().any(|added| added.name == theme.name);
    named || gate.change.files.iter().any(|file| belongs(gate, &file.to, theme))
}

/// True for the theme's own sheet, and for what lies in the folder of that name.
fn belongs(gate: &Gate<'_>, path: &Path, theme: &OfferedTheme) -> bool {
    let entry = gate.site.output.source.join(&theme.source);
    path == entry || path.starts_with(entry.with_extension("")) || path.starts_with(&entry)
}

/// True for a change that brings themes, and not the tree itself.
pub(super) fn is_of_themes(change: &Change) -> bool {
    matches!(change.source, ChangeSource::ThemeFolders(_) | ChangeSource::ThemeRevision { .. })
}

/// True if the change replaces a stylesheet that belongs to no theme: any theme may import it.
fn reaches_others(gate: &Gate<'_>) -> bool {
    let mut replaced =
        gate.change.files.iter().filter(|file| is_stylesheet(&file.to) && gate.site.root.join(&file.to).exists());
    !is_of_themes(gate.change) || replaced.any(|file| !gate.offered.iter().any(|theme| belongs(gate, &file.to, theme)))
}

/// The file that the bundler would begin with; none where it takes none, or not one that can be told.
fn entry(gate: &Gate<'_>, staged: &StagedTree, theme: &OfferedTheme) -> Option<PathBuf> {
    let named = gate.site.output.source.join(&theme.source);
    let with = |ending: &str| PathBuf::from(format!("{}.{ending}", named.display()));
    let within = |name: &str| named.join(name);
    let candidates: Vec<PathBuf> = match theme.kind {
        Lookup::Listed => std::iter::once(named.clone()).chain(["css", "scss", "sass"].map(with)).collect(),
        Lookup::Skin { .. } => {
            let names = ["common.scss", "common.css", "index.scss", "index.css", "application.scss", "application.css"];
            std::iter::once(named.clone()).chain(names.map(within)).collect()
        }
    };
    let is_sheet = |path: &PathBuf| is_stylesheet(path) && staged.root().join(path).is_file();
    candidates.into_iter().find(is_sheet)
}

/// The CSS of what compiled, and of what is CSS already.
pub(super) fn compiled(looked: &[Looked<'_>], list: &SheetList, staged: &StagedTree) -> Css {
    let place = |sheet: &Looked<'_>| {
        if !sheet.is_compiled() {
            return Some(staged.root().join(&sheet.file));
        }
        let index = list.sheets.iter().position(|file| *file == sheet.file)?;
        Some(list.output.join(format!("{index}.css")))
    };
    let read = |sheet: &Looked<'_>| {
        let bytes = fs::read(place(sheet)?).ok()?;
        Some((sheet.theme.name.clone(), String::from_utf8_lossy(&bytes).into_owned()))
    };
    looked.iter().filter_map(read).collect()
}
