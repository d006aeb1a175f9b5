//! glitch-soc's themes: flavours with a `theme.yml`, and the skins of each, found by folder as Rails finds them.
//!
//! Facts: glitch-soc `app/lib/themes.rb` globs `app/javascript/flavours/*/theme.yml` and `app/javascript/skins/FLAVOUR/*`
//! when the site runs; a skin is a folder or a single stylesheet. Every flavour has a skin called `default`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A skin that Rails offers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skin {
    /// The flavour.
    pub flavour: String,
    /// The skin.
    pub name: String,
    /// Its folder or stylesheet, relative to the tree.
    pub place: PathBuf,
}

/// The skins of the tree at `root`, and those that files at `added` (relative to the tree) would bring.
#[must_use]
pub fn of(root: &Path, added: &[&Path]) -> BTreeSet<Skin> {
    let flavours = flavours(root);
    let mut skins: BTreeSet<Skin> = flavours.iter().map(|flavour| default_of(flavour)).collect();
    let folder = Path::new("app/javascript/skins");
    for flavour in &flavours {
        for skin in fs::read_dir(root.join(folder).join(flavour)).into_iter().flatten().flatten() {
            skins.extend(skin_at(flavour, &folder.join(flavour).join(skin.file_name()), skin.path().is_dir()));
        }
    }
    skins.extend(added.iter().filter_map(|path| brought_by(path, folder, &flavours)));
    skins
}

fn flavours(root: &Path) -> Vec<String> {
    let folders = fs::read_dir(root.join("app/javascript/flavours")).into_iter().flatten().flatten();
    let real = folders.filter(|folder| folder.path().join("theme.yml").is_file());
    real.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect()
}

fn default_of(flavour: &str) -> Skin {
    let place = PathBuf::from("app/javascript/flavours").join(flavour).join("theme.yml");
    Skin { flavour: flavour.to_owned(), name: "default".to_owned(), place }
}

fn skin_at(flavour: &str, place: &Path, is_folder: bool) -> Option<Skin> {
    let ending = place.extension().map(|ending| ending.to_string_lossy().into_owned());
    let is_sheet = matches!(ending.as_deref(), Some("scss" | "css"));
    let name = if is_folder { place.file_name()? } else { place.file_stem().filter(|_| is_sheet)? };
    let name = name.to_string_lossy().into_owned();
    Some(Skin { flavour: flavour.to_owned(), name, place: place.to_path_buf() })
}

fn brought_by(path: &Path, folder: &Path, flavours: &[String]) -> Option<Skin> {
    let mut parts = path.strip_prefix(folder).ok()?.components();
    let flavour = parts.next()?.as_os_str().to_string_lossy().into_owned();
    let skin = folder.join(&flavour).join(parts.next()?);
    let is_folder = parts.next().is_some();
    flavours.contains(&flavour).then(|| skin_at(&flavour, &skin, is_folder)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skins_are_folders_and_single_sheets_of_a_flavour() {
        let tree = tempfile::tempdir().unwrap();
        for folder in ["flavours/glitch", "skins/glitch/win95", "skins/unknown/x"] {
            fs::create_dir_all(tree.path().join("app/javascript").join(folder)).unwrap();
        }
        fs::write(tree.path().join("app/javascript/flavours/glitch/theme.yml"), "pack_directory: x\n").unwrap();
        fs::write(tree.path().join("app/javascript/skins/glitch/flat.scss"), "").unwrap();
        let added = Path::new("app/javascript/skins/glitch/new/common.scss");
        let names: Vec<String> = of(tree.path(), &[added]).into_iter().map(|skin| skin.name).collect();
        assert_eq!(names, ["default", "flat", "new", "win95"]);
    }
}
