//! Theme folders in the layouts that people publish, and updates of installed themes.

use std::path::Path;

use themegate::change::{ChangeError, ThemeKind, as_it_is};

use crate::{ENTRY, OVERLAY_PLACES, STOCK, Trees, above_benign, ids, left_out, names, places};

#[test]
fn as_it_is_proposes_nothing() {
    let change = as_it_is();
    assert!(change.files.is_empty() && change.registry.is_none() && change.findings.is_empty());
}

#[test]
fn an_overlay_in_its_own_folder_brings_its_theme_and_merges_its_registry() {
    let trees = Trees::new();
    trees
        .overlay("mastodon/")
        .theme("mastodon/config/themes.yml", &format!("{STOCK}tangerine: styles/tangerine.scss\n"));
    trees.theme("README.md", "hi").theme("art/a.psd", "x").theme("install.sh", "x").theme(".git/config", "x");
    trees
        .theme("package.json", "{}")
        .theme("CLAUDE.md", "x")
        .theme("mastodon/config/locales/tangerine.yml", "en:\n  themes: {}\n");
    let change = trees.read();
    assert_eq!(ids(&change), [""; 0]);
    assert_eq!(names(&change), [("tangerine", ThemeKind::New)]);
    assert_eq!(change.registry.as_deref(), Some(format!("{STOCK}tangerine: styles/tangerine.scss\n").as_str()));
    assert_eq!(places(&change), [OVERLAY_PLACES[0], OVERLAY_PLACES[1], "config/locales/tangerine.yml"]);
    assert_eq!(left_out(&change), [".git", "CLAUDE.md", "README.md", "art/a.psd", "install.sh", "package.json"]);
    assert_eq!((change.counts.added, change.counts.replaced), (3, 0));
    let entry = change.files.iter().find(|file| file.to.ends_with("tangerine.scss")).unwrap();
    assert_eq!(&*entry.bytes().unwrap(), ENTRY.as_bytes());
}

#[test]
fn an_overlay_at_the_root_and_the_mastodon_folder_itself_read_the_same() {
    let trees = Trees::new();
    trees.overlay("").theme("README", "x").theme("docs/a.png", "x");
    let change = trees.read();
    assert_eq!((ids(&change), places(&change)), (vec![], OVERLAY_PLACES.to_vec()));
    assert_eq!(names(&change), [("tangerine", ThemeKind::New)]);

    let trees = Trees::new();
    trees.overlay("mastodon/");
    let change = trees.read_from(&[trees.theme_path("mastodon")]).unwrap();
    assert_eq!((ids(&change), places(&change)), (vec![], OVERLAY_PLACES.to_vec()));
}

#[test]
fn flat_stylesheets_go_to_the_styles_folder_with_the_art_they_name() {
    let trees = Trees::new();
    trees.theme("linernotes.scss", "@import 'application'; @import 'parts/a'; a { background: url('parts/bg.png') }");
    trees
        .theme("parts/a.scss", "a {}")
        .theme("parts/bg.png", "GIF89a;")
        .theme("screenshot.png", "png")
        .theme("gulpfile.js", "x");
    trees.theme("_part.scss", "a {}").theme("shared.scss", "a {}").theme("parts/b.scss", "@use '../shared';");
    let change = trees.read();
    assert_eq!(above_benign(&change), [""; 0]);
    assert_eq!(names(&change), [("linernotes", ThemeKind::New)]);
    assert_eq!(left_out(&change), ["gulpfile.js", "screenshot.png"]);
    assert!(places(&change).contains(&"app/javascript/styles/parts/bg.png"));
}

#[test]
fn css_folders_and_single_files_are_themes() {
    for folder in ["dist", "build", "src"] {
        let trees = Trees::new();
        trees.theme(&format!("{folder}/elmer.css"), "a{}").theme("README.md", "x");
        let change = trees.read();
        assert_eq!(
            (above_benign(&change), places(&change)),
            (vec![], vec!["app/javascript/styles/elmer.css"]),
            "{folder}"
        );
    }
    let trees = Trees::new();
    trees.theme("bird-ui.css", "a{}").theme("other.scss", "a{}");
    let change = trees.read_from(&[trees.theme_path("bird-ui.css")]).unwrap();
    assert_eq!(names(&change), [("bird-ui", ThemeKind::New)]);
    assert!(change.registry.unwrap().ends_with("bird-ui: styles/bird-ui.css\n"));
}

#[test]
fn a_single_file_brings_along_what_lies_beside_it_and_is_imported_or_loaded() {
    let trees = Trees::new();
    trees.theme("plus.scss", "@import 'application'; @import 'plus/part';").theme("plus/_part.scss", "a {}");
    trees.theme("plus/a.png", "GIF89a;").theme("application.scss", "a {}").theme("other.scss", "a {}");
    trees.theme("plus/_part.scss", "a { background: url('a.png') }").theme("README.md", "x");
    let change = trees.read_from(&[trees.theme_path("plus.scss")]).unwrap();
    assert_eq!(above_benign(&change), [""; 0]);
    assert_eq!(names(&change), [("plus", ThemeKind::New)]);
    assert_eq!(
        places(&change),
        [
            "app/javascript/styles/plus.scss",
            "app/javascript/styles/plus/_part.scss",
            "app/javascript/styles/plus/a.png"
        ]
    );
}

#[test]
fn of_several_folders_the_one_that_imports_the_stock_styles_is_the_theme() {
    for (built, sources) in [("build", "src"), ("dist", "scss"), ("", "src")] {
        let trees = Trees::new();
        let built = Path::new(built).join("plus.css");
        trees.theme(&built.to_string_lossy(), "a{}").theme(&format!("{sources}/plus/_part.scss"), "a {}");
        trees.theme(
            &format!("{sources}/plus.scss"),
            "@charset \"UTF-8\";\n@import 'application';\n@import 'plus/part';",
        );
        let change = trees.read();
        assert_eq!(above_benign(&change), [""; 0]);
        assert_eq!(
            places(&change),
            ["app/javascript/styles/plus.scss", "app/javascript/styles/plus/_part.scss"],
            "{sources}"
        );
        assert_eq!(left_out(&change), [built.to_string_lossy()]);
    }
}

#[test]
fn what_is_no_theme_is_said_to_be_none() {
    let trees = Trees::new();
    trees.theme("notes.txt", "x");
    let error = trees.read_from(&[trees.theme_path("")]).unwrap_err();
    assert!(matches!(error, ChangeError::NoLayout { .. }) && error.to_string().contains("--theme"), "{error}");
    let error = trees.read_from(&[trees.theme_path("notes.txt")]).unwrap_err();
    assert!(matches!(error, ChangeError::NotATheme { .. }), "{error}");
    let error = trees.read_from(&[trees.theme_path("gone")]).unwrap_err();
    assert!(matches!(error, ChangeError::Missing { .. }), "{error}");
}

#[test]
fn what_was_downloaded_and_not_unpacked_comes_with_what_to_type() {
    let trees = Trees::new();
    for (name, words) in [
        ("t.zip", "unzip "),
        ("t.tar.gz", "tar -xf "),
        ("T.TGZ", "tar -xf "),
        ("t.patch", "check --patch "),
        ("t.txt", "--theme DIR"),
    ] {
        trees.theme(name, "x");
        let error = trees.read_from(&[trees.theme_path(name)]).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    trees.theme("theme-1.0/app/javascript/styles/t.scss", "@import 'application';");
    trees.theme("theme-1.0/README.md", "x");
    let error = trees.read_from(&[trees.theme_path("")]).unwrap_err().to_string();
    assert!(error.contains(&format!("--theme {}", trees.theme_path("theme-1.0").display())), "{error}");
    trees.theme("theme-2.0/t.scss", "@import 'application';");
    let error = trees.read_from(&[trees.theme_path("")]).unwrap_err();
    assert!(matches!(error, ChangeError::NoLayout { .. }), "which of the two is not known: {error}");
}

#[test]
fn updating_an_installed_theme_passes_and_says_what_stays() {
    let mut trees = Trees::new();
    trees.registry.push_str("tangerine: styles/tangerine.scss");
    trees.overlay("mastodon/");
    trees
        .live("app/javascript/styles/tangerine.scss", ENTRY)
        .live("app/javascript/styles/tangerine/layout.scss", "old");
    trees.live("app/javascript/styles/tangerine/gone.scss", "old");
    let change = trees.read();
    assert_eq!(names(&change), [("tangerine", ThemeKind::Update)]);
    assert_eq!(ids(&change), ["theme-old-files-stay"]);
    assert_eq!(places(&change), [OVERLAY_PLACES[1]]);
    assert_eq!((change.counts.unchanged, change.counts.replaced, change.registry), (1, 1, None));
}

#[test]
fn a_name_that_the_site_uses_already_is_not_held_against_an_update() {
    let mut trees = Trees::new();
    trees.registry.push_str("Tangerine.UI: styles/Tangerine.scss\n");
    trees.live("app/javascript/styles/Tangerine.scss", "old").theme("app/javascript/styles/Tangerine.scss", "a{}");
    let change = trees.read();
    assert_eq!((above_benign(&change), names(&change)), (vec![], vec![("Tangerine.UI", ThemeKind::Update)]));
}

#[test]
fn parts_of_an_installed_theme_alone_are_an_update_of_it() {
    let mut trees = Trees::new();
    trees.registry.push_str("tangerine: styles/tangerine.scss\n");
    trees.theme("app/javascript/styles/tangerine/layout.scss", "a{}");
    let change = trees.read();
    assert_eq!((above_benign(&change), names(&change)), (vec![], vec![("tangerine", ThemeKind::Update)]));
}
