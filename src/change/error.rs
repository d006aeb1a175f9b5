//! Why a change could not be read at all, and what to do about it.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::patch::PatchError;
use super::revision::RevisionError;

/// Why a change could not be read at all.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// The revision.
    #[error(transparent)]
    Revision(#[from] RevisionError),
    /// The patch.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// There is nothing at the path.
    #[error("{path} does not exist.\nName the folder of the theme, or its stylesheet: --theme DIR")]
    Missing {
        /// What was named.
        path: PathBuf,
    },
    /// Something could not be read.
    #[error(
        "{path} could not be read: {source}\nMake it readable for the user that runs themegate: chmod -R u+rX {path}"
    )]
    Unreadable {
        /// What could not be read.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It was another file when it was judged.
    #[error("{path} changed while it was being checked.\nRun the check again when nothing writes to the theme folder.")]
    Moved {
        /// The file.
        path: PathBuf,
    },
    /// Neither a folder nor a stylesheet.
    #[error("{path} is neither a folder nor a .scss or .css file.\n{}", instead_of(path))]
    NotATheme {
        /// What was named.
        path: PathBuf,
    },
    /// The theme is in a folder of the folder.
    #[error(
        "{path} does not look like a theme, and {below} does: archives are often unpacked into a folder of their own.\n\
         Name that folder: --theme {below}"
    )]
    OneBelow {
        /// What was named.
        path: PathBuf,
        /// The folder in it that looks like a theme.
        below: PathBuf,
    },
    /// No layout that themes are published in.
    #[error(
        "{path} does not look like a theme. Looked for: mastodon/app/javascript/, app/javascript/, skins/, *.scss or *.css \
         here, and *.css or *.scss in dist/, build/, src/, styles/, css/ and scss/.\n\
         Name the folder that holds one of these, or the stylesheet itself: --theme DIR/NAME.scss. A skin for glitch-soc \
         (NAME/common.scss) belongs into skins/FLAVOUR/ of a folder of its own."
    )]
    NoLayout {
        /// The folder.
        path: PathBuf,
    },
}

/// What to type instead of naming a file that is no stylesheet.
fn instead_of(path: &Path) -> String {
    let shown = path.display();
    match super::places::extension(path).as_str() {
        "zip" => format!("Unpack it, and name the folder that comes of it: unzip {shown} -d DIR"),
        "tar" | "tgz" | "gz" | "xz" | "bz2" | "zst" => {
            format!("Unpack it, and name the folder that comes of it: tar -xf {shown}")
        }
        "patch" | "diff" => format!("A patch is checked by: themegate check --patch {shown}"),
        _ => "Name the folder of the theme, or its stylesheet: --theme DIR".to_owned(),
    }
}
