//! What a theme folder may not hold.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use themegate::finding::Severity;

use crate::{OVERLAY_PLACES, Trees, above_benign, ids, places};

/// A file of an overlay, its text, and the one fatal finding that it brings.
const REFUSED: &[(&str, &str, &str)] = &[
    ("app/controllers/x.rb", "x", "change-outside-allowed-places"),
    ("public/500.html", "x", "change-outside-allowed-places"),
    ("config/initializers/x.rb", "x", "change-outside-allowed-places"),
    ("config/locales/x.rb", "x", "change-outside-allowed-places"),
    ("app/javascript/packs/application.js", "x", "change-outside-allowed-places"),
    ("app/javascript/styles/tangerine/x.js", "x", "change-outside-allowed-places"),
    ("app/javascript/styles/tangerine/x.TS", "x", "change-outside-allowed-places"),
    ("Gemfile", "x", "change-outside-allowed-places"),
    (".env.production", "x", "change-outside-allowed-places"),
    ("app/javascript/styles/application.scss", "x", "change-overwrites-mastodon"),
    ("app/javascript/styles/mastodon/mixins.scss", "x", "change-overwrites-mastodon"),
    ("config/locales/en.yml", "en: {a: b}\n", "change-overwrites-mastodon"),
    ("app/javascript/styles/Application.scss", "x", "change-differs-in-case-only"),
    ("app/javascript/styles/tangerine/Layout.scss", "x", "change-differs-in-case-only"),
    ("app/javascript/Styles/x.scss", "x", "change-outside-allowed-places"),
    ("app/javascript/styles/tangerine/x.scss", "404: Not Found", "theme-file-is-web-page"),
    ("app/javascript/styles/tangerine/x.scss", "\n<!DOCTYPE html>\n<html><head>", "theme-file-is-web-page"),
    ("app/javascript/images/x.png", "<html lang=\"en\"><body>404</body></html>", "theme-file-is-web-page"),
    ("app/javascript/fonts/x.woff2", "Not Found\n", "theme-file-is-web-page"),
    ("app/javascript/fonts/x.woff2", "", "theme-file-empty"),
    ("app/javascript/images/x.svg", "<svg>\n<<<<<<< HEAD\n=======\n>>>>>>> x\n</svg>\n", "theme-merge-conflict"),
    ("app/javascript/images/x.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>", ""),
    ("app/javascript/images/x.svg", "<?xml version=\"1.0\"?>\n<svg><title>404 not found</title></svg>", ""),
    ("app/javascript/styles/tangerine/x.scss", "html { color: red }", ""),
    ("app/javascript/styles/tangerine/x.scss", "a\n<<<<<<< HEAD\nb\n", "theme-merge-conflict"),
    ("config/locales/x.yml", "en:\n  a: 'b\n", "locale-not-yaml"),
    ("config/locales/x.yml", "- a\n", "locale-not-yaml"),
    ("config/locales/x.yml", "", "locale-not-yaml"),
    ("config/locales/x.yml", "en: !ruby/object:Gem::Installer {}\n", "locale-not-yaml"),
    ("config/locales/x.yml", "%TAG !x! !ruby/\n---\nen: !x!regexp /a/\n", "locale-not-yaml"),
    ("config/locales/x.yml", "en: !ruby/object:Gem::Installer {}\n", "locale-not-yaml"),
    ("config/locales/x.yml", "%TAG !x! !ruby/\n---\nen: !x!regexp /a/\n", "locale-not-yaml"),
    ("config/themes.yml", "default: styles/tangerine.scss\n", "change-redefines-default"),
    ("config/themes.yml", "contrast: styles/tangerine.scss\n", "change-redefines-stock"),
    ("config/themes.yml", "t: ../styles/tangerine.scss\n", "theme-path-unsafe"),
    ("config/themes.yml", "t: /etc/tangerine.scss\n", "theme-path-unsafe"),
    ("config/themes.yml", "t: styles/gone.scss\n", "theme-file-missing"),
    ("config/themes.yml", "t: styles/Tangerine.scss\n", "theme-file-wrong-case"),
    // webpack completes an ending that is left out (FAULTS: it builds, exit 0), so this is no fault on webpacker.
    ("config/themes.yml", "t: styles/tangerine\n", ""),
    ("config/themes.yml", "common: styles/tangerine.scss\n", "theme-name-reserved"),
    ("config/themes.yml", "system: styles/tangerine.scss\n", "theme-name-reserved"),
    ("config/themes.yml", "a.b: styles/tangerine.scss\n", "theme-name-unusable"),
    ("config/themes.yml", "a b: styles/tangerine.scss\n", "theme-name-unusable"),
    ("config/themes.yml", "Tangerine: styles/tangerine.scss\n", "theme-name-unusable"),
    ("config/themes.yml", "on: styles/tangerine.scss\n", "theme-name-not-text"),
    ("config/themes.yml", "t:styles/tangerine.scss\n", "registry-space-missing"),
    ("app/javascript/styles/tangerine.scss", "", "theme-entry-empty"),
    ("app/javascript/styles/tangerine.scss", "/* soon */\n", "theme-entry-empty"),
    ("app/javascript/styles/my.theme.scss", "a{}", "theme-name-unusable"),
    ("app/javascript/styles/contrast-.css", "a{}", ""),
    ("app/javascript/styles/tangerine.css", "a{}", "theme-entry-ambiguous"),
    ("app/javascript/styles/tangerine/a\nb.scss", "a{}", "change-has-unsafe-name"),
];

#[test]
fn hostile_and_broken_files_are_refused() {
    for (path, text, id) in REFUSED.iter().copied() {
        let trees = Trees::new();
        trees.overlay("mastodon/").theme(&format!("mastodon/{path}"), text);
        let change = trees.read();
        let fatal: Vec<_> = change.findings.iter().filter(|finding| finding.severity == Severity::Fatal).collect();
        let expected: Vec<&str> = if id.is_empty() { vec![] } else { vec![id] };
        assert_eq!(fatal.iter().map(|finding| finding.id.as_str()).collect::<Vec<_>>(), expected, "{path}: {text:?}");
        assert!(
            fatal.iter().all(|finding| finding.help.is_some() && !finding.evidence.is_empty()),
            "{path}: {fatal:?}"
        );
    }
}

#[test]
fn links_pipes_and_sockets_are_refused_wherever_they_lie() {
    let trees = Trees::new();
    trees.overlay("mastodon/").theme("elsewhere/secret.scss", "secret");
    symlink("/etc/passwd", trees.theme_path("mastodon/app/javascript/styles/link.scss")).unwrap();
    symlink("../../../../elsewhere", trees.theme_path("mastodon/app/javascript/styles/folder")).unwrap();
    let _socket = UnixListener::bind(trees.theme_path("mastodon/app/javascript/styles/s.scss")).unwrap();
    let pipe = trees.theme_path("mastodon/app/javascript/styles/p.scss");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let change = trees.read();
    let mut found = ids(&change);
    found.sort_unstable();
    assert_eq!(found, ["change-has-link", "change-has-link", "change-has-special-file", "change-has-special-file"]);
    assert_eq!(places(&change), OVERLAY_PLACES);
}

#[test]
fn a_mastodon_folder_that_is_a_link_is_not_entered() {
    let trees = Trees::new();
    trees.live("app/javascript/styles/secret.scss", "x");
    symlink(trees.folder.path().join("live"), trees.theme_path("mastodon")).unwrap();
    assert_eq!(ids(&trees.read())[0], "change-has-link");
}

#[test]
fn a_link_in_the_live_tree_is_not_written_through() {
    let trees = Trees::new();
    trees.overlay("");
    fs::create_dir_all(trees.folder.path().join("elsewhere")).unwrap();
    symlink("../../../../elsewhere", trees.folder.path().join("live/app/javascript/styles/tangerine")).unwrap();
    assert_eq!(above_benign(&trees.read()), ["change-through-link"]);
}

#[test]
fn names_that_are_not_text_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    let trees = Trees::new();
    trees.overlay("");
    let name = std::ffi::OsStr::from_bytes(b"a\xff.scss");
    fs::write(trees.theme_path("app/javascript/styles").join(name), "x").unwrap();
    assert_eq!(above_benign(&trees.read()), ["change-has-unsafe-name"]);
}
