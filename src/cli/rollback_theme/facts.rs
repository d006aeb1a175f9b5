//! What the live tree says about themes: which are offered, and which one Mastodon ships as the site's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;

use crate::site::{Fork, locate, theming};
use crate::theme_setting::choice::{KnownThemes, Layout};

/// What `rollback-theme` needs to know of a live tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) live: PathBuf,
    pub(super) layout: Layout,
    pub(super) known: KnownThemes,
    /// The theme of a site that has set none.
    pub(super) shipped: String,
}

impl Facts {
    /// Reads them; `None` when this is no Mastodon.
    pub(super) fn read(live: &Path) -> Option<Self> {
        let flavours = folders(&live.join("app/javascript/flavours"), "theme.yml");
        let layout = if flavours.is_empty() { Layout::Theme } else { Layout::FlavourAndSkin };
        let names = match layout {
            Layout::Theme => registry(live)?,
            Layout::FlavourAndSkin => flavours.iter().flat_map(|flavour| flavour_names(live, flavour)).collect(),
        };
        let fork = if layout == Layout::Theme { Fork::Mastodon } else { Fork::GlitchSoc };
        let shipped = theming::shipped(live, fork);
        Some(Self { live: live.to_owned(), layout, known: KnownThemes { names }, shipped })
    }
}

/// The Mastodon root: as given, or found as every other command finds it.
pub(super) fn find_live(given: Option<&Path>) -> Option<PathBuf> {
    match given {
        Some(given) => fs::canonicalize(given).ok(),
        None => locate::live_tree(None).ok(),
    }
}

/// The names in `config/themes.yml`, and `system`, which Mastodon 4.3 to 4.5 add on their own.
fn registry(live: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(live.join("config/themes.yml")).ok()?;
    let names: BTreeMap<String, IgnoredAny> = serde_saphyr::from_str(&text).unwrap_or_default();
    let system = theming::offers_system(live);
    Some(names.into_keys().chain(system.then(|| "system".to_owned())).collect())
}

fn flavour_names(live: &Path, flavour: &str) -> Vec<String> {
    let skins = fs::read_dir(live.join("app/javascript/skins").join(flavour));
    let skins = skins.into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some(name.trim_end_matches(".scss").trim_end_matches(".css").to_owned())
    });
    let skins = skins.chain(["default".to_owned()]).map(|skin| format!("{flavour}/{skin}"));
    skins.chain([flavour.to_owned()]).collect()
}

/// The names of the folders that hold a certain file.
fn folders(parent: &Path, file: &str) -> Vec<String> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().join(file).exists())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}
