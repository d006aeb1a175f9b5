//! What is wrong with the path that a theme leads to.

use super::faults::{BROKEN_PAGES, RegistrySemantics};
use super::{PATH, PathKind, RegistryEntry, is_safe_path};
use crate::finding::Finding;

/// Whether the toolchain makes a stylesheet of it at all.
pub(super) fn compiled_fault(entry: &RegistryEntry, semantics: &RegistrySemantics<'_>) -> Option<Finding> {
    let RegistryEntry { name, path, .. } = entry;
    // config/vite/plugin-mastodon-themes.ts (4.4.0 to 4.6.5): one dot, and `css` at the end; anything else is skipped.
    let skipped = semantics.is_vite() && (path.matches('.').count() != 1 || !path.ends_with("css"));
    if skipped {
        let message = format!("{name} is offered in the settings, and the asset compiler skips its path {path}.");
        return Some(
            Finding::fatal("theme-not-compiled", message)
                .meaning(format!(
                    "Mastodon's Vite plugin takes a theme only if its path has exactly one dot and ends in css; others it skips with \
                     a note, and the compile exits 0 all the same. {BROKEN_PAGES}"
                ))
                .help(format!("Give the file a name with a single dot, and the line that name: {name}: {}", single_dot(path, name))),
        );
    }
    let stylesheet = path.ends_with(".css") || path.ends_with(".scss") || path.ends_with(".sass");
    (!semantics.is_vite() && !stylesheet).then(|| {
        Finding::fatal("theme-not-a-stylesheet", format!("The theme {name} leads to {path}, which is no stylesheet."))
            .meaning(format!(
                "webpack compiles it without a complaint, and the manifest gets no {name}.css. {BROKEN_PAGES}"
            ))
            .help(format!("Name a .scss or .css file: `{name}: styles/{name}.scss`."))
    })
}

/// The path as Vite would take it.
fn single_dot(path: &str, name: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let Some((stem, suffix)) = path.rsplit_once('.').filter(|(_, suffix)| suffix.ends_with("css")) else {
        return format!("styles/{name}.scss");
    };
    if stem.contains("..") { format!("styles/{name}.{suffix}") } else { format!("{}.{suffix}", stem.replace('.', "-")) }
}

pub(super) fn file_fault(entry: &RegistryEntry, exists: &dyn Fn(&str) -> PathKind) -> Option<Finding> {
    let RegistryEntry { name, path, .. } = entry;
    let meaning = "The compile cannot find it and fails, or leaves the theme out; until then nothing of this site can be compiled.";
    let (id, message, help) = match exists(path) {
        PathKind::File => return None,
        PathKind::Missing => (
            "theme-file-missing",
            format!("The theme {name} leads to {path}, which does not exist."),
            match meant(path, exists) {
                Some(meant) => format!("Write the line as `{name}: {meant}`: paths are counted from app/javascript."),
                None => format!("Put the file at app/javascript/{path}, or remove the line from {PATH}."),
            },
        ),
        PathKind::Dir => (
            "theme-file-is-folder",
            format!("The theme {name} leads to {path}, which is a folder."),
            format!("Name the stylesheet in it, often `{name}: {path}.scss`."),
        ),
        PathKind::WrongCase(spelled) => (
            "theme-file-wrong-case",
            format!("The theme {name} leads to {path}; the file is called {spelled}."),
            format!("Write the line as `{name}: {spelled}`: upper and lower case count."),
        ),
    };
    Some(Finding::fatal(id, message).meaning(meaning).help(help))
}

/// The file that a path which leads nowhere most likely means: counted from the tree's root, with the other ending, or in
/// Mastodon's folder for stylesheets.
fn meant(path: &str, exists: &dyn Fn(&str) -> PathKind) -> Option<String> {
    let stem_of = |path: &str| path.strip_suffix(".css").or_else(|| path.strip_suffix(".scss")).map(str::to_owned);
    let below = path.split_once("app/javascript/").map_or(path, |(_, below)| below);
    let in_styles = format!("styles/{}", below.rsplit('/').next().unwrap_or(below));
    let spellings = [below.to_owned(), in_styles];
    let endings = spellings
        .iter()
        .filter_map(|path| stem_of(path))
        .flat_map(|stem| [format!("{stem}.scss"), format!("{stem}.css")]);
    spellings.iter().cloned().chain(endings).find(|path| matches!(exists(path), PathKind::File))
}

/// A path that compiles, and that is not spelled in the one obvious way.
pub(super) fn unusual_path(entry: &RegistryEntry) -> Option<Finding> {
    let RegistryEntry { name, path, .. } = entry;
    if is_safe_path(path) {
        return None;
    }
    let message = format!("The path of the theme {name} is unusual: {path}.");
    let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
    let finding = if leaves {
        Finding::review("theme-path-unsafe", message)
    } else {
        Finding::benign("theme-path-unusual", message)
    };
    Some(
        finding
            .meaning("It works with this toolchain; Mastodon 4.4 and later skip such a theme without failing.")
            .help(format!("Write the path below app/javascript, like `{name}: styles/{name}.scss`.")),
    )
}
