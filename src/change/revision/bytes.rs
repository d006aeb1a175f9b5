//! The bytes of one file as it would stand in a working tree, or why nobody can say.

use std::fs;
use std::path::Path;

use super::checkout::Checkout;
use super::lfs;
use super::repository::Source;
use crate::finding::Finding;

/// Larger than this a blob is not even written to the disk.
pub(super) const TOO_LARGE: usize = 512 * 1024 * 1024;

/// Reads a file that was written to the scratch checkout; in a Git LFS pointer's place the object itself is put there.
pub(super) fn settle(checkout: &Checkout, source: &Source, path: &Path) -> Result<Vec<u8>, Box<Finding>> {
    let place = checkout.files.join(path);
    let bytes = fs::read(&place).map_err(|error| Box::new(unreadable(path, &error)))?;
    let filter = checkout.filter_of(path);
    if let Some(pointer) = lfs::pointer(&bytes) {
        let object = pointer.object(source.repository.commondir()).filter(|_| filter.as_deref() == Some("lfs"));
        let object = object.ok_or_else(|| Box::new(lfs_missing(path, source, pointer.size())))?;
        fs::write(&place, &object).map_err(|error| Box::new(unreadable(path, &error)))?;
        return Ok(object);
    }
    match (filter, checkout.encoding_of(path)) {
        (Some(filter), _) if filter != "lfs" => Err(Box::new(filtered(path, &format!("the filter `{filter}`")))),
        (_, Some(encoding)) if !is_utf8(&encoding) => {
            Err(Box::new(filtered(path, &format!("the encoding {encoding}"))))
        }
        _ => Ok(bytes),
    }
}

fn is_utf8(encoding: &str) -> bool {
    matches!(encoding.to_ascii_lowercase().as_str(), "utf-8" | "utf8")
}

fn lfs_missing(path: &Path, source: &Source, size: u64) -> Finding {
    let message =
        format!("{} is a Git LFS pointer: the file itself ({size} bytes) is not in the repository.", path.display());
    Finding::fatal("revision-lfs-missing", message)
        .at(path)
        .meaning("A few lines of text would be served in the place of the image, the font or the stylesheet.")
        .help(format!(
            "Get the files: git -C {0} lfs pull\nIf the repository is bare: git -C {0} lfs fetch --all",
            source.path.display()
        ))
}

fn filtered(path: &Path, what: &str) -> Finding {
    Finding::fatal("revision-needs-filter", format!("{} goes through {what} when it is checked out.", path.display()))
        .at(path)
        .at(".gitattributes")
        .meaning("themegate runs no program that a repository asks for, so it cannot know what the file would hold.")
        .help("Check the checked-out folder instead (--theme DIR without --rev), or take the attribute out of .gitattributes.")
}

fn unreadable(path: &Path, error: &std::io::Error) -> Finding {
    Finding::fatal("revision-unreadable", format!("{} could not be read from the revision: {error}.", path.display()))
        .at(path)
        .help("See that the disk has space (df -h, df -i), and check again.")
        .inconclusive()
}

/// A blob that is too large to be written.
pub(super) fn too_large(path: &Path, len: usize) -> Finding {
    let message = format!("{} is {} MB large.", path.display(), len / (1024 * 1024));
    Finding::fatal("change-has-large-file", message)
        .at(path)
        .meaning("A theme's stylesheets, fonts and images are a few megabytes; every visitor would load this.")
        .help("Take it out of the revision, or make it smaller.")
}

/// A submodule where files are needed.
pub(super) fn submodule(path: &Path, source: &Source) -> Finding {
    let here = source.path.display();
    Finding::fatal("revision-has-submodule", format!("{} is a submodule: its files are in another repository.", path.display()))
        .at(path)
        .at(".gitmodules")
        .meaning("Which files a checkout would get cannot be seen from this repository, so they would not be judged.")
        .help(format!("Copy the submodule's files into the repository, or check out and check the folder: git -C {here} submodule update --init"))
}

/// A name that no working tree should have.
pub(super) fn unsafe_name(path: &Path) -> Finding {
    let shown = String::from_utf8_lossy(path.as_os_str().as_encoded_bytes()).escape_debug().to_string();
    Finding::fatal("change-has-unsafe-name", format!("The revision holds a file whose name cannot be used: {shown}."))
        .at(shown)
        .meaning("git, Rails, the bundler and browsers would not agree on what it is called, or it reaches into git's own folder.")
        .help("Rename it, or take it out of the revision.")
}
