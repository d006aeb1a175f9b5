//! Judges the bytes of a file that is to be deployed: half-finished merges, broken locales, empty stylesheets.

use std::path::Path;

use super::asset;
use super::locale;
use super::places::{extension, is_deployable_kind, is_stylesheet};
use super::revision::lfs;
use super::unfinished_merge;
use crate::finding::Finding;

/// A stylesheet of a theme is some hundred kilobytes, a font some more.
const LARGE: u64 = 50 * 1024 * 1024;

/// Larger than this a file is not even read.
pub(super) const TOO_LARGE: u64 = 512 * 1024 * 1024;

/// What is wrong with a file of this length; the flag says whether it may be read at all.
pub(super) fn size_fault(path: &Path, len: u64) -> Option<(Finding, bool)> {
    if len <= LARGE {
        return None;
    }
    let message = format!("{} is {} MB large.", path.display(), len / (1024 * 1024));
    let readable = len <= TOO_LARGE;
    let finding = if readable {
        Finding::review("change-has-large-file", message)
    } else {
        Finding::fatal("change-has-large-file", message)
    };
    let finding = finding
        .at(path)
        .meaning("A theme's stylesheets, fonts and images are a few megabytes; every visitor would load this.")
        .help("Delete it from the theme folder, or make it smaller.");
    Some((finding, readable))
}

/// What is wrong with the bytes of the file at `path` (relative to the theme folder).
pub(super) fn faults(path: &Path, bytes: &[u8]) -> Vec<Finding> {
    if lfs::pointer(bytes).is_some() {
        return vec![lfs_pointer(path)];
    }
    if let Some(page) = web_page(bytes) {
        return vec![not_the_file(path, page)];
    }
    let is_yaml = matches!(extension(path).as_str(), "yml" | "yaml");
    if !is_stylesheet(path) && !is_yaml {
        return not_whole(path, bytes).into_iter().collect();
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return vec![not_text(path)];
    };
    let conflict = unfinished_merge::marks(path, text);
    if conflict.is_some() || !is_yaml {
        return conflict.into_iter().collect();
    }
    locale::fault(path, text).into_iter().collect()
}

fn lfs_pointer(path: &Path) -> Finding {
    let message = format!("{} is a Git LFS pointer, not the file itself.", path.display());
    Finding::fatal("theme-file-is-lfs-pointer", message)
        .at(path)
        .meaning("A few lines of text would be served in the place of the image, the font or the stylesheet.")
        .help("Get the files: git lfs pull (in the theme's folder)")
}

/// The beginning of what a web server sends in the place of a file: a page around it, or the words that it is not there.
fn web_page(bytes: &[u8]) -> Option<&str> {
    pattern!(
        PAGE,
        r"(?i)^(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)\b|^(?:404:? )?(?:page )?not found\s*$|^access denied\s*$"
    );
    const READ: usize = 512;
    let head = &bytes[..bytes.len().min(READ)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(cut) => std::str::from_utf8(&head[..cut.valid_up_to()]).ok()?,
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    PAGE.is_match(text).then(|| text.lines().next().unwrap_or_default())
}

fn not_the_file(path: &Path, begins: &str) -> Finding {
    let message = format!("{} is not the file itself, but what a web server said in its place.", path.display());
    Finding::fatal("theme-file-is-web-page", message)
        .at_line(path, 1, begins)
        .meaning("A download went wrong: the file was not at that address, or the page around it was saved.")
        .help("Download it again, on GitHub with the button Raw or by cloning the repository; curl -f saves no error pages.")
}

/// A picture or font that is empty, is something else, or ends too early.
fn not_whole(path: &Path, bytes: &[u8]) -> Option<Finding> {
    if bytes.is_empty() {
        return Some(empty(path));
    }
    let drawing = (extension(path) == "svg").then(|| std::str::from_utf8(bytes).ok()).flatten();
    drawing.and_then(|text| unfinished_merge::marks(path, text)).or_else(|| {
        let what = asset::damage(&extension(path), bytes)?;
        Some(
            Finding::review("theme-file-damaged", format!("{} {what}.", path.display()))
                .at(path)
                .meaning("It was copied or downloaded only in part, or is not what its name says: browsers show nothing in its place.")
                .help("Copy the file again, and open it once: file NAME says what it is."),
        )
    })
}

fn empty(path: &Path) -> Finding {
    Finding::fatal("theme-file-empty", format!("{} is empty.", path.display()))
        .at(path)
        .meaning("It was copied or downloaded only in part: the picture or the font would be missing on every page.")
        .help("Copy the file again.")
}

/// What is certainly broken in a file of a site's own tree: a stylesheet or a locale that nobody could read, a saved web page.
pub(super) fn broken(path: &Path, bytes: &[u8]) -> Option<Finding> {
    let is_locale = path.starts_with("config/locales") && extension(path) == "yml";
    let is_source = path.starts_with("app/javascript") && is_stylesheet(path);
    let is_kind = path.starts_with("app/javascript") && is_deployable_kind(&extension(path));
    if let Some(page) = web_page(bytes).filter(|_| is_kind) {
        return Some(not_the_file(path, page));
    }
    if !is_locale && !is_source {
        return unfinished_merge::of(path, bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Some(not_text(path)) };
    unfinished_merge::marks(path, text).or_else(|| is_locale.then(|| locale::unreadable(path, text)).flatten())
}

fn not_text(path: &Path) -> Finding {
    Finding::fatal("theme-file-not-text", format!("{} is not UTF-8 text.", path.display()))
        .at(path)
        .meaning("The compiler cannot read it; it may have been uploaded only in part.")
        .help("Copy the file again, and save it as UTF-8.")
}

/// The names that a stylesheet imports, as they are written.
pub(super) fn imports(bytes: &[u8]) -> Vec<String> {
    pattern!(STATEMENT, r"@(?:import|use|forward)\s+([^;{]+)");
    pattern!(QUOTED, r#"["']([^"']+)["']"#);
    let text = String::from_utf8_lossy(bytes);
    let statements = STATEMENT.captures_iter(&text).map(|found| found[1].to_owned()).collect::<Vec<_>>();
    statements.iter().flat_map(|list| QUOTED.captures_iter(list).map(|found| found[1].to_owned())).collect()
}

/// Whether a stylesheet imports one of Mastodon's own.
pub(super) fn imports_stock(bytes: &[u8]) -> bool {
    let is_stock = |written: &String| {
        let name = ["@/styles/", "~styles/", "styles/"].iter().find_map(|prefix| written.strip_prefix(prefix));
        let name = name.unwrap_or(written);
        name.trim_end_matches(".scss") == "application" || name.starts_with("mastodon/")
    };
    imports(bytes).iter().any(is_stock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_web_page_is_no_file_of_the_tree_either() {
        let found = |path: &str, bytes: &[u8]| broken(Path::new(path), bytes).map(|finding| finding.id);
        let page = Some("theme-file-is-web-page".to_owned());
        assert_eq!(found("app/javascript/images/x.png", b"<!DOCTYPE html>\n<title>404</title>"), page);
        assert_eq!(found("app/javascript/styles/x.scss", b"404: Not Found"), page);
        assert_eq!(found("public/500.html", b"<!DOCTYPE html>"), None);
        let merge = b"a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> x\n".as_slice();
        let unfinished = Some("theme-merge-conflict".to_owned());
        assert_eq!(found("config/settings.yml", merge), unfinished);
        assert_eq!(found("app/views/layouts/application.html.haml", merge), unfinished);
        assert_eq!(found("app/javascript/inline/theme-selection.js", merge), unfinished);
        assert_eq!(found("docs/merging.md", merge), None);
        assert_eq!(found("config/deploy.rb", b"puts <<~TEXT\n<<<<<<< only one\nTEXT\n"), None);
        assert_eq!(found("app/javascript/images/x.png", b"\x89PNG\r\n"), None);
    }
}
