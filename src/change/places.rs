//! Which files of a theme folder may go where: judged by path alone.

use std::path::Path;

/// What is to be done with a file, by its place in the live tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// It is deployed, if its content and the live tree allow it.
    Deploy,
    /// The theme's own registry: its new names are merged.
    Registry,
    /// It is not deployed, and nobody misses it.
    LeaveOut(&'static str),
    /// It must not be deployed, and the theme is not to be trusted as it is.
    Refuse(&'static str),
}

/// Folders that hold nothing to deploy and are not entered.
pub(super) fn never_entered(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_str()?;
    match name {
        ".git" | ".hg" | ".svn" => Some("version control"),
        "node_modules" | "bower_components" => Some("packages of the theme's own build"),
        ".github" | ".gitlab" | ".forgejo" | ".gitea" | ".circleci" | ".woodpecker" => {
            Some("the repository's own automation")
        }
        ".vscode" | ".idea" | ".claude" | ".sass-cache" | ".cache" | "__MACOSX" => Some("an editor's or tool's folder"),
        _ => None,
    }
}

/// Where Mastodon's own files are, at the root of its tree.
const MASTODON_FOLDERS: [&str; 16] = [
    "app",
    "bin",
    "chart",
    "config",
    "db",
    "dist",
    "docker",
    "lib",
    "log",
    "public",
    "scripts",
    "spec",
    "streaming",
    "tmp",
    "vendor",
    ".bundle",
];

/// What is to be done with a file at `to`, relative to the live tree; `own_folder` says that the overlay has a folder of its
/// own (`mastodon/`), so that everything in it is meant.
pub(super) fn place_of(to: &Path, own_folder: bool) -> Place {
    if let Some(why) = editor_file(to) {
        return Place::LeaveOut(why);
    }
    let parts: Vec<&str> = to.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        ["config", "themes.yml"] => Place::Registry,
        ["config", "locales", name] if name.ends_with(".yml") => Place::Deploy,
        ["app", "javascript", "styles" | "skins" | "fonts" | "images" | "icons", _, ..] => by_kind(to),
        [name] => root_file(name, own_folder),
        [.., name] if is_paperwork(name) => Place::LeaveOut("a text about the theme"),
        [folder, ..] if !own_folder && !is_mastodon_folder(folder) => Place::LeaveOut("not a part of Mastodon's tree"),
        _ => Place::Refuse("it lies outside the places a theme needs"),
    }
}

/// `dist/` and `scripts/` are common in theme repositories and hold nothing that Mastodon loads from an overlay.
fn is_mastodon_folder(folder: &str) -> bool {
    MASTODON_FOLDERS.contains(&folder) && !matches!(folder, "dist" | "scripts" | "docker")
}

fn root_file(name: &str, own_folder: bool) -> Place {
    let mastodon_file = matches!(
        name,
        "Gemfile"
            | "Gemfile.lock"
            | "Rakefile"
            | "config.ru"
            | "Procfile"
            | "vite.config.mts"
            | "babel.config.js"
            | "yarn.lock"
            | ".ruby-version"
            | ".nvmrc"
            | ".yarnrc.yml"
    ) || name.starts_with(".env");
    if mastodon_file
        && (own_folder
            || !matches!(name, "yarn.lock" | ".nvmrc" | ".ruby-version" | ".yarnrc.yml" | "Gemfile" | "Gemfile.lock"))
    {
        return Place::Refuse("it would replace a file that the site runs on");
    }
    Place::LeaveOut("not a part of Mastodon's tree")
}

fn is_paperwork(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let stem = lower.split('.').next().unwrap_or_default();
    matches!(
        stem,
        "readme" | "license" | "licence" | "copying" | "changelog" | "authors" | "contributing" | "claude" | "notice"
    ) || lower.starts_with(".git")
        || matches!(lower.as_str(), ".keep" | ".editorconfig" | ".prettierrc" | ".stylelintrc")
        || lower.ends_with(".md")
}

/// Files in a stylesheet folder, by their kind.
fn by_kind(to: &Path) -> Place {
    let name = to.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if is_paperwork(name) {
        return Place::LeaveOut("a text about the theme");
    }
    match extension(to).as_str() {
        kind if is_deployable_kind(kind) => Place::Deploy,
        "yml" if name == "names.yml" && to.starts_with("app/javascript/skins") => Place::Deploy,
        "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" | "vue" => {
            Place::Refuse("it is a script, and a theme consists of stylesheets, fonts and images")
        }
        "rb" | "erb" | "haml" | "rake" | "php" | "py" | "pl" | "so" | "node" | "wasm" | "html" | "htm" | "yml"
        | "yaml" => {
            Place::Refuse("it is a program, a page or a setting, and a theme consists of stylesheets, fonts and images")
        }
        _ => Place::LeaveOut("no stylesheet, font or image"),
    }
}

/// Lower-case file type of `path`, without the dot.
pub(super) fn extension(path: &Path) -> String {
    path.extension().and_then(|kind| kind.to_str()).unwrap_or_default().to_ascii_lowercase()
}

/// Whether a file is a stylesheet that Sass or a bundler reads, by its ending.
#[must_use]
pub fn is_stylesheet(path: &Path) -> bool {
    matches!(extension(path).as_str(), "scss" | "sass" | "css")
}

/// Stylesheets, fonts and images.
pub(super) fn is_deployable_kind(kind: &str) -> bool {
    matches!(
        kind,
        "scss"
            | "sass"
            | "css"
            | "woff"
            | "woff2"
            | "ttf"
            | "otf"
            | "eot"
            | "png"
            | "jpg"
            | "jpeg"
            | "gif"
            | "svg"
            | "webp"
            | "avif"
            | "apng"
            | "bmp"
            | "cur"
            | "jfif"
            | "jxl"
            | "ico"
    )
}

/// What editors, file managers and merges leave behind.
pub(super) fn editor_file(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_str()?;
    let lower = name.to_ascii_lowercase();
    if matches!(name, ".DS_Store" | "Thumbs.db" | "desktop.ini") || name.starts_with("._") {
        return Some("left behind by a file manager");
    }
    let backup = name.ends_with('~')
        || (name.starts_with('#') && name.ends_with('#'))
        || name.starts_with(".#")
        || ["swp", "swo", "orig", "rej", "bak", "tmp", "old", "save"].contains(&extension(Path::new(&lower)).as_str());
    backup.then_some("an editor's backup file")
}
