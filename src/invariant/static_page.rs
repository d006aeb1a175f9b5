//! The page that Rails shows when everything else fails was rendered, and what it loads is there.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::{Invariant, Subject};
use crate::finding::Finding;

pub(super) const INVARIANT: Invariant =
    Invariant { id: "static-page", statement: "The static error page was rendered by this build.", check };

/// Rendered by `assets:generate_static_pages` (Mastodon, lib/tasks/statics.rake).
const PAGE: &str = "assets/500.html";

/// The link to it, which is judged with it.
const PAGE_LINK: &str = "500.html";

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = page(subject);
    findings.extend(dangling_links(subject));
    findings
}

/// Links of the web server's root (`public/sw.js`, `public/500.html`) whose file the build did not make again.
fn dangling_links(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.themes_only || subject.staged.set.bundler().is_none() {
        return Vec::new();
    }
    let links = fs::read_dir(&subject.staged.public).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let is_gone = |name: &OsString| {
        let (here, live) = (subject.staged.public.join(name), subject.live.public.join(name));
        here.is_symlink() && !here.exists() && live.is_file() && name != PAGE_LINK && !is_source_map(name)
    };
    let fault = |name: OsString| {
        let place = subject.staged.shown(&name.to_string_lossy());
        let message = format!("{} leads to a file that the build did not make.", place.display());
        Finding::review("public-link-dangling", message)
            .at(place)
            .meaning("Browsers that ask for it get 404. Without its service worker (sw.js) the site sends no push notifications.")
            .help("See the end of the build log: something ended the build before it was done. Compile again.")
    };
    links.filter(is_gone).map(fault).collect()
}

fn is_source_map(name: &OsString) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "map")
}

fn page(subject: &Subject<'_>) -> Vec<Finding> {
    let live_has_one = subject.live.size_of(PAGE).is_some_and(|bytes| bytes > 0);
    if subject.themes_only || !live_has_one {
        return Vec::new();
    }
    let shown = subject.staged.shown(PAGE);
    let page = subject.staged.read_served(PAGE).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let Ok(page) = page else {
        return vec![
            Finding::review("static-page-missing", "The build did not render the static error page.")
                .at(shown)
                .meaning("When something goes wrong, people get an empty page.")
                .help("See the end of the build log: assets:generate_static_pages comes last."),
        ];
    };
    if page.trim().is_empty() {
        return vec![
            Finding::fatal("static-page-empty", "The static error page that the build rendered is empty.")
                .at(shown)
                .meaning("When something goes wrong, people get an empty page. It was cut off while it was written, or its layout is broken.")
                .help("See that the disk has space (df -h), and what app/views/layouts/error.html.* renders; compile again."),
        ];
    }
    let folder = output_folder(subject);
    let missing = loaded_by(&page, &folder).into_iter().filter(|served| subject.staged.size_of(served).is_none());
    let fault = |served: String| {
        Finding::fatal("static-page-broken", format!("The static error page loads {served}, which is not there."))
            .at(shown.clone())
            .meaning("When something goes wrong, people get a page without styles.")
            .help("Compile again from a clean state.")
    };
    missing.map(fault).collect()
}

/// Addresses of the compiled output in `href` and `src`, relative to the web server's root.
#[must_use]
pub(crate) fn loaded_by(page: &str, folder: &str) -> Vec<String> {
    let attributes = page.split(['"', '\'']).filter(|text| text.starts_with('/') && !text.starts_with("//"));
    let paths = attributes.map(|text| text.split(['?', '#']).next().unwrap_or(text).trim_start_matches('/').to_owned());
    paths.filter(|path| path.starts_with(folder) && path.contains('.')).collect()
}

/// The output folder's name below the web server's root, with a slash: `packs/`.
fn output_folder(subject: &Subject<'_>) -> String {
    let manifest = subject.staged.set.bundler_path().unwrap_or("public/packs/manifest.json");
    let below = manifest.split_once('/').map_or(manifest, |(_, below)| below);
    format!("{}/", below.split('/').next().unwrap_or("packs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_compiled_files_of_this_host_count() {
        let page = "<link href=\"/packs/css/a-1.css?x\"><img src='/oops.png'><script src=\"//cdn.example/packs/b.js\"></script>";
        assert_eq!(loaded_by(page, "packs/"), ["packs/css/a-1.css"]);
    }
}
