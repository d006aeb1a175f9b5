//! glitch-soc: a theme is a skin of a flavour, and its place is its registration.
//!
//! Read from glitch-soc of July 2023 (`config/webpack/configuration.js`) and 4.6.5 (`config/vite/plugin-glitch-themes.ts`).

use std::collections::BTreeMap;
use std::path::Path;

use super::{below_paths_root, refused_name};
use crate::change::layout::is_partial;
use crate::change::places::is_stylesheet;
use crate::change::theme_folder::{Candidate, ThemeFolder};
use crate::change::{SiteFacts, ThemeAddition, ThemeKind};
use crate::finding::Finding;
use crate::site::Toolchain;
use crate::site::registry::PATHS_ROOT;

/// The stylesheets of a skin's folder that the bundler starts from.
const ENTRIES: [&str; 6] =
    ["common.scss", "common.css", "index.scss", "index.css", "application.scss", "application.css"];

/// The skins that a theme folder brings.
pub(super) fn themes_of(theme: &ThemeFolder, site: &SiteFacts<'_>, findings: &mut Vec<Finding>) -> Vec<ThemeAddition> {
    let mut skins: BTreeMap<(String, String), Vec<&Candidate>> = BTreeMap::new();
    for candidate in theme.candidates.iter().filter(|candidate| !candidate.refused) {
        if let Some(skin) = skin_of(candidate) {
            skins.entry(skin).or_default().push(candidate);
        }
    }
    let mut found = Vec::new();
    for ((flavour, name), files) in skins {
        match skin(&flavour, &name, &files, site) {
            Ok(addition) => found.push(addition),
            Err(finding) => findings.push(*finding),
        }
    }
    found
}

/// Flavour and skin that a file belongs to.
fn skin_of(candidate: &Candidate) -> Option<(String, String)> {
    let rest = candidate.to.strip_prefix("app/javascript/skins").ok()?;
    let parts: Vec<String> = rest.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    match parts.as_slice() {
        [flavour, file] if is_stylesheet(rest) => {
            Some((flavour.clone(), Path::new(file).file_stem()?.to_string_lossy().into_owned()))
        }
        [flavour, name, _, ..] => Some((flavour.clone(), name.clone())),
        _ => None,
    }
}

fn skin(flavour: &str, name: &str, files: &[&Candidate], site: &SiteFacts<'_>) -> Result<ThemeAddition, Box<Finding>> {
    let at = &files[0].path;
    let live = site.live.join(PATHS_ROOT);
    if !live.join("flavours").join(flavour).is_dir() {
        return Err(Box::new(no_flavour(flavour, at)));
    }
    let base = live.join("skins").join(flavour);
    let is_known = ["", ".scss", ".css"].iter().any(|kind| base.join(format!("{name}{kind}")).exists());
    if !is_known && let Some(finding) = refused_name(name, at, &[]) {
        return Err(Box::new(finding));
    }
    // `skins_for` of 4.6.5 offers `system` as soon as a skin has this name, and nothing is compiled under it.
    if name == "mastodon-light" && site.toolchain == Toolchain::Vite && !is_known {
        return Err(Box::new(light_skin(at)));
    }
    if let Some(other) = files.iter().find_map(|file| other_place(file, flavour, name, &base)) {
        return Err(Box::new(twice(flavour, name, &other, at)));
    }
    let entry = files.iter().find(|file| is_skin_entry(file, name, site.toolchain));
    let Some(path) =
        entry.map(|file| below_paths_root(file)).or_else(|| live_entry(&base, flavour, name).filter(|_| is_known))
    else {
        return Err(Box::new(no_stylesheet(flavour, name, at)));
    };
    let kind = if is_known { ThemeKind::Update } else { ThemeKind::New };
    Ok(ThemeAddition { name: format!("{flavour}/{name}"), path, kind })
}

/// Whether the bundler makes an entry of it: any stylesheet of the skin's folder on webpack, three names on Vite.
fn is_skin_entry(file: &Candidate, skin: &str, toolchain: Toolchain) -> bool {
    let stem = file.to.file_stem().unwrap_or_default().to_string_lossy();
    let depth = file.to.iter().count();
    let usable = is_stylesheet(&file.to) && !is_partial(&file.to);
    match depth {
        5 => usable && stem == skin,
        6 => usable && (toolchain == Toolchain::Webpacker || matches!(&*stem, "common" | "index" | "application")),
        _ => false,
    }
}

/// The stylesheet that the live tree already has for a skin.
fn live_entry(base: &Path, flavour: &str, name: &str) -> Option<String> {
    let mut places =
        ENTRIES.iter().map(|kind| format!("{name}/{kind}")).chain([format!("{name}.scss"), format!("{name}.css")]);
    places.find(|place| base.join(place).is_file()).map(|place| format!("skins/{flavour}/{place}"))
}

/// The stylesheet that the live tree has for a skin in the other of the two places, if the file brings one of its own: a
/// folder, or a single stylesheet.
fn other_place(file: &Candidate, flavour: &str, name: &str, base: &Path) -> Option<String> {
    let rest = file.to.strip_prefix(Path::new(PATHS_ROOT).join("skins").join(flavour)).ok()?;
    let is_single = rest.iter().count() == 1;
    let is_own = if is_single {
        is_stylesheet(rest)
    } else {
        ENTRIES.iter().any(|kind| rest == Path::new(&format!("{name}/{kind}")))
    };
    let singles = [format!("{name}.scss"), format!("{name}.css")];
    let in_folder = ENTRIES.iter().map(|kind| format!("{name}/{kind}"));
    let others: Vec<String> = if is_single { in_folder.chain(singles).collect() } else { singles.to_vec() };
    let mut others = others.into_iter().filter(|other| rest != Path::new(other));
    others.find(|other| is_own && base.join(other).is_file()).map(|other| format!("skins/{flavour}/{other}"))
}

fn twice(flavour: &str, name: &str, other: &str, at: &Path) -> Finding {
    Finding::fatal("skin-twice", format!("The skin {flavour}/{name} is there already, as app/javascript/{other}."))
        .at(at)
        .meaning("Only one of the two is compiled, and everybody who has the skin would get the other one, or this one would do nothing.")
        .help("Give the new skin another name, or bring it at the same place as the one that is there.")
}

fn no_flavour(flavour: &str, at: &Path) -> Finding {
    Finding::fatal("skin-flavour-missing", format!("The skin is made for the flavour {flavour}, which this site does not have."))
        .at(at)
        .meaning("Nobody could pick it.")
        .help("Take the skin's folder for a flavour of this site (often `glitch` or `vanilla`), or delete it from the theme folder.")
}

fn light_skin(at: &Path) -> Finding {
    Finding::fatal(
        "skin-name-reserved",
        "A skin called mastodon-light makes this glitch-soc offer a skin `system` that is not compiled.",
    )
    .at(at)
    .meaning("Whoever picks `system` gets an error on every page.")
    .help("Give the skin's folder another name.")
}

fn no_stylesheet(flavour: &str, name: &str, at: &Path) -> Finding {
    Finding::fatal(
        "skin-stylesheet-missing",
        format!("The skin {flavour}/{name} has no stylesheet that glitch-soc compiles."),
    )
    .at(at)
    .meaning("It would be offered in the settings, and whoever picks it gets an error on every page.")
    .help(format!("Put one at app/javascript/skins/{flavour}/{name}/common.scss."))
}
