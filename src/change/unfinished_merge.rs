//! The lines that git leaves in a file whose merge is not finished. Pure.

use std::path::Path;

use super::places::extension;
use crate::finding::Finding;

/// Whether a file is a script, a page or a setting of the site: what Ruby, a browser or a bundler reads.
#[must_use]
pub fn is_read(path: &Path) -> bool {
    const KINDS: [&str; 13] =
        ["rb", "rake", "erb", "haml", "yml", "js", "jsx", "mjs", "ts", "tsx", "mts", "json", "svg"];
    let has_place = ["app", "config", "lib"].iter().any(|folder| path.starts_with(folder));
    has_place && KINDS.contains(&extension(path).as_str())
}

/// A script, page or setting of the site with both marks of an unfinished merge: most of them no build ever reads.
#[must_use]
pub fn of(path: &Path, bytes: &[u8]) -> Option<Finding> {
    let begins = |mark: &str| bytes.starts_with(mark.as_bytes());
    let has = |mark: &str| begins(mark) || memchr::memmem::find(bytes, format!("\n{mark}").as_bytes()).is_some();
    if !is_read(path) || !has("<<<<<<< ") || !has(">>>>>>> ") {
        return None;
    }
    marks(path, std::str::from_utf8(bytes).ok()?)
}

/// Lines that git leaves in a file whose merge is not finished.
pub(super) fn marks(path: &Path, text: &str) -> Option<Finding> {
    let is_mark = |line: &&str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    let (index, line) = text.lines().enumerate().find(|(_, line)| is_mark(line))?;
    let message = format!("{} holds the marks of an unfinished merge.", path.display());
    Some(
        Finding::fatal("theme-merge-conflict", message)
            .at_line(path, index as u64 + 1, line)
            .meaning("Neither side of the merge was chosen: a stylesheet does not compile, a picture stays blank, and what Ruby reads keeps pages or the whole site from working.")
            .help("Keep the lines that are wanted, and remove the <<<<<<<, ======= and >>>>>>> lines."),
    )
}
