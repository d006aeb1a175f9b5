//! How a theme folder is laid out, and which place in the live tree each of its files is meant for.

use std::path::{Path, PathBuf};

use super::folder::FoundFile;
use super::places;

/// One of the layouts that themes are published in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// The files below the folder lie as they do in Mastodon's tree.
    Overlay(PathBuf),
    /// Stylesheets lie in the folder itself, as they would in `app/javascript/styles`.
    Flat(PathBuf),
    /// glitch-soc skins: `skins/FLAVOUR/NAME` at the root.
    Skins,
}

/// Folders that hold finished or source stylesheets, in the order they are tried.
const STYLE_FOLDERS: [&str; 6] = ["dist", "build", "src", "styles", "css", "scss"];

/// The layout of a theme folder with these files, or `None` if it has no known one. Of several folders with stylesheets, one whose
/// stylesheets import Mastodon's own is made for the tree; the others are often what goes into the field for custom CSS.
pub(super) fn detect(files: &[FoundFile], imports_stock: &dyn Fn(&Path) -> bool) -> Option<Layout> {
    let below = |prefix: &str| files.iter().any(|file| file.path.starts_with(prefix));
    for prefix in ["mastodon", ""] {
        let inner = |rest: &str| Path::new(prefix).join(rest);
        if ["app/javascript", "config/themes.yml", "config/locales"]
            .iter()
            .any(|rest| below(&inner(rest).to_string_lossy()))
        {
            return Some(Layout::Overlay(PathBuf::from(prefix)));
        }
    }
    if below("skins") {
        return Some(Layout::Skins);
    }
    let entries = |prefix: &str| {
        let prefix = PathBuf::from(prefix);
        files.iter().filter(move |file| is_entry_in(&file.path, &prefix)).map(|file| file.path.as_path())
    };
    let folders = || std::iter::once("").chain(STYLE_FOLDERS).filter(|prefix| entries(prefix).next().is_some());
    let made_for_the_tree = folders().find(|prefix| entries(prefix).any(imports_stock));
    made_for_the_tree.or_else(|| folders().next()).map(|prefix| Layout::Flat(PathBuf::from(prefix)))
}

/// A stylesheet right in `folder` that is no partial.
fn is_entry_in(path: &Path, folder: &Path) -> bool {
    path.parent() == Some(folder) && places::is_stylesheet(path) && !is_partial(path)
}

/// Sass files whose name begins with `_` are parts of others.
pub(super) fn is_partial(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with('_'))
}

impl Layout {
    /// The place in the live tree for `path` of the theme folder, or why it has none.
    pub(super) fn target(&self, path: &Path) -> Result<PathBuf, &'static str> {
        match self {
            Self::Overlay(prefix) => {
                path.strip_prefix(prefix).map(Path::to_path_buf).map_err(|_| "outside the theme's mastodon/ folder")
            }
            Self::Skins if path.starts_with("skins") => Ok(Path::new("app/javascript").join(path)),
            Self::Skins => Err("outside the theme's skins/ folder"),
            Self::Flat(prefix) => match path.strip_prefix(prefix) {
                Ok(rest) if places::is_deployable_kind(&places::extension(path)) => {
                    Ok(Path::new("app/javascript/styles").join(rest))
                }
                Ok(_) => Err("no stylesheet, font or image"),
                Err(_) => Err("outside the folder that holds the stylesheets"),
            },
        }
    }

    /// Whether everything in it is meant for the live tree.
    pub(super) fn has_own_folder(&self) -> bool {
        matches!(self, Self::Overlay(prefix) if !prefix.as_os_str().is_empty())
    }

    /// Whether images and fonts are deployed only if a stylesheet names them: the folder has artwork in it too.
    pub(super) fn is_flat(&self) -> bool {
        matches!(self, Self::Flat(_))
    }
}
