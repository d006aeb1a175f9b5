//! The built-in list of what Mastodon and glitch-soc ship in the places that a theme may write to.
//!
//! Made from the trees of Mastodon 3.5.3 to 4.6.5 and glitch-soc of July 2023 and 4.6.5.

use std::path::Path;

/// Stylesheets right in `app/javascript/styles`.
const STYLES: [&str; 10] = [
    "application.scss",
    "common.scss",
    "contrast.scss",
    "mastodon-light.scss",
    "mailer.scss",
    "inert.scss",
    "win95.scss",
    "fonts.scss",
    "entrypoints.scss",
    "variables.scss",
];

/// Folders of stylesheets in `app/javascript/styles`.
const STYLE_FOLDERS: [&str; 6] = ["mastodon", "contrast", "mastodon-light", "fonts", "entrypoints", "win95"];

/// Folders of `app/javascript` that are Mastodon's alone.
const SCRIPT_FOLDERS: [&str; 13] = [
    "mastodon",
    "packs",
    "entrypoints",
    "core",
    "flavours",
    "locales",
    "hooks",
    "testing",
    "types",
    "inline",
    "material-icons",
    "svg-icons",
    "awesome-icons",
];

/// Files and folders in `app/javascript/images`, by how their names begin.
const IMAGES: [&str; 18] = [
    "logo",
    "elephant",
    "mailer",
    "void",
    "proof_providers",
    "screenshot",
    "preview",
    "reticle",
    "oops",
    "icon_",
    "friends-cropped",
    "clippy",
    "start.png",
    "wave",
    "filter-stripes",
    "check",
    "alert_badge",
    "archetypes",
];

/// Files in `app/javascript/icons`, by how their names begin.
const ICONS: [&str; 4] = ["android-chrome", "apple-touch", "favicon", "badge"];

/// Folders in `app/javascript/fonts`.
const FONTS: [&str; 7] =
    ["inter", "montserrat", "roboto", "roboto-mono", "material-icons", "premillenium", "fontawesome"];

/// Skins that glitch-soc ships, in every flavour.
const SKINS: [&str; 5] = ["default", "contrast", "mastodon-light", "win95", "system"];

/// Languages of `config/locales`, 3.5.3 to 4.6.5.
const LANGUAGES: &str = " af an ar ast az ba be bg bn br bs ca ckb co cs csb cy da de el en en-GB eo es es-AR es-MX et eu fa fi fil fo fr \
    fr-CA fr-QC fy ga gd gl got gu gv ha haw he hi hr hu hy ia id ie ig io is it ja jbo ka kab kk km kmr kn ko ku kw ky la lad \
    lb li lt lv mai mi mk ml mn mr ms mt my nan nan-TW nds ne nl nn no nv oc or pa pap pcd pl pt pt-BR pt-PT ro ru rw ry sa sah sat sc sco \
    si sk sl sma sn so sq sr sr-Latn ss st sv sw szl ta tai te th ti tk tl tlh tok tr ts tt tw udm ug uk ur uz ve vi vai wo xh yi zgh zh zh-CN \
    zh-HK zh-TW zu ";

/// Families of locale files: `devise.de.yml`.
const FAMILIES: [&str; 6] = ["activerecord", "devise", "doorkeeper", "simple_form", "rails", "themes"];

/// Whether the theme name is one of Mastodon's own.
pub(super) fn is_stock_theme(name: &str) -> bool {
    matches!(name, "default" | "contrast" | "mastodon-light" | "system")
}

/// Whether some Mastodon ships a file at `path`, relative to the live tree.
pub(super) fn is_stock(path: &Path) -> bool {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        ["app", "javascript", "styles", name] => STYLES.contains(name),
        ["app", "javascript", "styles", folder, _, ..] => STYLE_FOLDERS.contains(folder),
        ["app", "javascript", "images", name, ..] => IMAGES.iter().any(|stock| name.starts_with(stock)),
        ["app", "javascript", "icons", name, ..] => ICONS.iter().any(|stock| name.starts_with(stock)),
        ["app", "javascript", "fonts", folder, _, ..] => FONTS.contains(folder),
        ["app", "javascript", "skins", _, name, ..] => {
            SKINS.contains(&name.trim_end_matches(".scss").trim_end_matches(".css"))
        }
        ["app", "javascript", folder, _, ..] => SCRIPT_FOLDERS.contains(folder),
        ["config", "locales", name] => is_stock_locale(name),
        ["config", "themes.yml"] => false,
        _ => true,
    }
}

fn is_stock_locale(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".yml") else {
        return false;
    };
    let language = FAMILIES.iter().find_map(|family| stem.strip_prefix(family)?.strip_prefix('.')).unwrap_or(stem);
    LANGUAGES.contains(&format!(" {language} "))
}
