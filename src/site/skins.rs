//! glitch-soc's themes: flavours with a `theme.yml`, and the skins of each, found by folder as Rails finds them.
//!
//! Facts: glitch-soc `app/lib/themes.rb` globs `app/javascript/flavours/*/theme.yml` and `app/javascript/skins/FLAVOUR/*`
//! when the site runs; a skin is a folder or a single stylesheet. Ruby's `*` matches no name that begins with a dot. What
//! else it asks differs from one generation to the next, so it is probed from that file: whether a flavour needs `pack:` or
//! `pack_directory:`, whether a folder needs a stylesheet of one of three names, and whether `system` is offered. Every
//! flavour has a skin called `default`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use serde_saphyr::granit_parser::Parser;

use super::theming;

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

/// A flavour whose `theme.yml` stops Rails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenFlavour {
    /// The file, relative to the tree.
    pub place: PathBuf,
    /// The line, where there is one to name.
    pub line: Option<u64>,
    /// What is wrong with it.
    pub reason: String,
}

/// How a tree's own `app/lib/themes.rb` reads folders.
struct Reader {
    /// The keys of `theme.yml` one of which a flavour needs.
    flavour_keys: &'static [&'static str],
    /// Whether a folder without a stylesheet that is compiled is passed over.
    folder_needs_sheet: bool,
    /// Whether `system` is offered beside `default` and `mastodon-light`, and nothing shows it.
    has_dead_system: bool,
}

impl Reader {
    fn of(root: &Path) -> Self {
        let source = fs::read_to_string(root.join("app/lib/themes.rb")).unwrap_or_default();
        let helper = fs::read_to_string(root.join("app/helpers/theme_helper.rb"));
        let flavour_keys: &[&str] = match (source.contains("pack_directory"), source.contains("['pack']")) {
            (true, false) => &["pack_directory"],
            (false, true) => &["pack"],
            _ => &["pack_directory", "pack"],
        };
        Self {
            flavour_keys,
            folder_needs_sheet: source.contains("{common,index,application}"),
            has_dead_system: theming::offers_system(root) && helper.is_ok_and(|helper| !helper.contains("system")),
        }
    }

    fn offers_flavour(&self, definition: &Path) -> bool {
        let text = fs::read_to_string(definition).unwrap_or_default();
        // What cannot be read stops Rails or the build, which say so.
        let Ok(Value::Object(keys)) = serde_saphyr::from_str(&text) else { return true };
        let is_set =
            |key: &&str| keys.get(*key).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)));
        self.flavour_keys.iter().any(is_set)
    }

    fn offers_folder(&self, mut files: impl Iterator<Item = PathBuf>) -> bool {
        !self.folder_needs_sheet || files.any(|file| is_entry(&file))
    }
}

/// The skins of the tree at `root`, and those that files at `added` (relative to the tree) would bring.
#[must_use]
pub fn of(root: &Path, added: &[&Path]) -> BTreeSet<Skin> {
    let reader = Reader::of(root);
    let flavours = flavours(root, &reader);
    let mut skins = BTreeSet::new();
    let folder = Path::new("app/javascript/skins");
    for flavour in &flavours {
        for skin in fs::read_dir(root.join(folder).join(flavour)).into_iter().flatten().flatten() {
            let (path, is_folder) = (skin.path(), skin.path().is_dir());
            if !is_folder || reader.offers_folder(below(&path)) {
                skins.extend(skin_at(flavour, &folder.join(flavour).join(skin.file_name()), is_folder));
            }
        }
    }
    skins.extend(added.iter().filter_map(|path| brought_by(path, folder, &flavours, &reader)));
    // Where no skin of the name is there, the flavour itself is compiled as it.
    let plain = |flavour: &&String| !skins.iter().any(|skin| skin.flavour == **flavour && skin.name == "default");
    let plain: Vec<Skin> = flavours.iter().filter(plain).map(|flavour| default_of(flavour)).collect();
    skins.extend(plain);
    let light = skins.iter().filter(|skin| reader.has_dead_system && skin.name == "mastodon-light");
    let dead: Vec<Skin> = light.map(|light| Skin { name: "system".to_owned(), ..light.clone() }).collect();
    skins.extend(dead);
    skins
}

/// The flavours whose `theme.yml` Rails cannot read as a map: it does not come up with them.
#[must_use]
pub fn broken_flavours(root: &Path) -> Vec<BrokenFlavour> {
    let broken = definitions(root).into_iter().filter_map(|place| {
        let text = fs::read_to_string(root.join(&place)).ok()?;
        let (line, reason) = definition_fault(&text)?;
        Some(BrokenFlavour { place, line, reason })
    });
    broken.collect()
}

fn definition_fault(text: &str) -> Option<(Option<u64>, String)> {
    if let Some(error) = Parser::new_from_str(text).find_map(Result::err) {
        return Some((Some(error.marker().line() as u64), error.info()));
    }
    let parsed: Result<Value, _> = serde_saphyr::from_str(text);
    let is_blank = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let is_other = is_blank || parsed.is_ok_and(|value| !value.is_object());
    is_other.then(|| (None, "no `key: value` stands in it".to_owned()))
}

/// The definitions of flavours, relative to the tree.
fn definitions(root: &Path) -> Vec<PathBuf> {
    let folder = Path::new("app/javascript/flavours");
    let folders = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    let places = folders.filter(|entry| !is_hidden(Path::new(&entry.file_name())));
    let mut places: Vec<PathBuf> = places.map(|entry| folder.join(entry.file_name()).join("theme.yml")).collect();
    places.retain(|place| root.join(place).is_file());
    places.sort();
    places
}

fn flavours(root: &Path, reader: &Reader) -> Vec<String> {
    let offered = definitions(root).into_iter().filter(|place| reader.offers_flavour(&root.join(place)));
    offered.filter_map(|place| Some(place.parent()?.file_name()?.to_string_lossy().into_owned())).collect()
}

fn default_of(flavour: &str) -> Skin {
    let place = PathBuf::from("app/javascript/flavours").join(flavour).join("theme.yml");
    Skin { flavour: flavour.to_owned(), name: "default".to_owned(), place }
}

fn skin_at(flavour: &str, place: &Path, is_folder: bool) -> Option<Skin> {
    let ending = place.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    let is_sheet = matches!(ending.as_deref(), Some("scss" | "css"));
    let name = if is_folder { place.file_name()? } else { place.file_stem().filter(|_| is_sheet)? };
    if is_hidden(place) {
        return None;
    }
    let name = name.to_string_lossy().into_owned();
    Some(Skin { flavour: flavour.to_owned(), name, place: place.to_path_buf() })
}

fn brought_by(path: &Path, folder: &Path, flavours: &[String], reader: &Reader) -> Option<Skin> {
    let mut parts = path.strip_prefix(folder).ok()?.components();
    let flavour = parts.next()?.as_os_str().to_string_lossy().into_owned();
    let skin = folder.join(&flavour).join(parts.next()?);
    let inside = parts.as_path();
    let is_folder = !inside.as_os_str().is_empty();
    let counts = !is_folder || reader.offers_folder(std::iter::once(inside.to_path_buf()));
    (counts && flavours.contains(&flavour)).then(|| skin_at(&flavour, &skin, is_folder)).flatten()
}

/// The names in a folder.
fn below(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| PathBuf::from(entry.file_name()))
}

/// Whether a file of a skin's folder is one of those that the build starts from.
fn is_entry(file: &Path) -> bool {
    let names =
        ["common", "index", "application"].into_iter().flat_map(|stem| [format!("{stem}.scss"), format!("{stem}.css")]);
    names.into_iter().any(|name| file == Path::new(&name))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree with the flavour glitch and these files.
    fn tree(reader: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        let definition = ("app/javascript/flavours/glitch/theme.yml", "pack_directory: x\n");
        for (path, text) in [("app/lib/themes.rb", reader), definition].iter().chain(files) {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        tree
    }

    fn names(tree: &tempfile::TempDir, added: &[&Path]) -> Vec<String> {
        of(tree.path(), added).into_iter().map(|skin| format!("{}/{}", skin.flavour, skin.name)).collect()
    }

    #[test]
    fn skins_are_folders_and_single_sheets_of_a_flavour() {
        let tree =
            tree("", &[("app/javascript/skins/glitch/flat.scss", ""), ("app/javascript/skins/glitch/LOUD.SCSS", "")]);
        for folder in ["glitch/win95", "unknown/x"] {
            fs::create_dir_all(tree.path().join("app/javascript/skins").join(folder)).unwrap();
        }
        let added = Path::new("app/javascript/skins/glitch/new/common.scss");
        let expected = ["glitch/LOUD", "glitch/default", "glitch/flat", "glitch/new", "glitch/win95"];
        assert_eq!(names(&tree, &[added]), expected);
    }

    #[test]
    fn names_that_begin_with_a_dot_are_not_skins() {
        let files = [("app/javascript/skins/glitch/.git/HEAD", ""), ("app/javascript/skins/glitch/._ft.scss", "")];
        let tree = tree("", &files);
        assert_eq!(names(&tree, &[]), ["glitch/default"]);
    }

    #[test]
    fn a_folder_without_a_stylesheet_counts_only_where_rails_takes_every_folder() {
        let files =
            [("app/javascript/skins/glitch/old/style.scss", ""), ("app/javascript/skins/glitch/ft/index.css", "")];
        let picky = tree("pathname.glob('{common,index,application}.{css,scss}').any?", &files);
        let added = Path::new("app/javascript/skins/glitch/new/style.scss");
        assert_eq!(names(&picky, &[added]), ["glitch/default", "glitch/ft"]);
        let other = tree("", &files);
        assert_eq!(names(&other, &[added]), ["glitch/default", "glitch/ft", "glitch/new", "glitch/old"]);
    }

    #[test]
    fn a_flavour_counts_only_with_the_key_that_this_tree_asks_for() {
        let files = [
            ("app/javascript/flavours/old/theme.yml", "pack:\n  common: x\n"),
            ("app/javascript/flavours/none/theme.yml", "name: x\n"),
            ("app/javascript/flavours/null/theme.yml", "pack_directory:\n"),
        ];
        assert_eq!(names(&tree("next unless data['pack_directory']", &files), &[]), ["glitch/default"]);
        assert_eq!(names(&tree("next unless data['pack']", &files), &[]), ["old/default"]);
        assert_eq!(names(&tree("", &files), &[]), ["glitch/default", "old/default"]);
    }

    #[test]
    fn a_light_skin_brings_system_where_nothing_shows_it() {
        let light = ("app/javascript/skins/glitch/mastodon-light/common.scss", "");
        let reader = "['system'] + skins";
        let dead = tree(reader, &[light, ("app/helpers/theme_helper.rb", "def theme_style_tags")]);
        assert_eq!(names(&dead, &[]), ["glitch/default", "glitch/mastodon-light", "glitch/system"]);
        let shown = tree(reader, &[light, ("app/helpers/theme_helper.rb", "if theme == 'system'")]);
        assert_eq!(names(&shown, &[]), ["glitch/default", "glitch/mastodon-light"]);
    }

    #[test]
    fn a_definition_that_is_no_map_is_broken() {
        let cut = ("app/javascript/flavours/cut/theme.yml", "pack_directory: [x\n y: : z");
        let empty = ("app/javascript/flavours/empty/theme.yml", "# later\n");
        let broken = broken_flavours(tree("", &[cut, empty]).path());
        let places: Vec<(&str, Option<u64>)> =
            broken.iter().map(|flavour| (flavour.place.to_str().unwrap(), flavour.line)).collect();
        assert_eq!(places, [(cut.0, Some(2)), (empty.0, None)]);
    }
}
