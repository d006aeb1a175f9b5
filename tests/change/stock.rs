//! A change beside what Mastodon ships: left out, kept apart, refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use themegate::change::ThemeKind;
use themegate::change::shipped::{Shipped, ShippedSource};
use themegate::site::registry::Registry;
use themegate::site::{MastodonVersion, Toolchain};

use crate::{OVERLAY_PLACES, STOCK, Trees, above_benign, ids, names, places, read_where};

#[test]
fn editors_leavings_stay_out_and_programs_lose_their_bit() {
    let trees = Trees::new();
    trees.overlay("");
    for name in ["a.scss~", ".a.scss.swp", "a.scss.orig", ".DS_Store", "._a.scss"] {
        trees.theme(&format!("app/javascript/styles/{name}"), "x");
    }
    fs::set_permissions(trees.theme_path(OVERLAY_PLACES[0]), fs::Permissions::from_mode(0o4755)).unwrap();
    let change = trees.read();
    assert_eq!(ids(&change), ["change-drops-executable-bit"]);
    assert_eq!((places(&change), change.left_out.len(), change.files[0].mode), (OVERLAY_PLACES.to_vec(), 5, 0o644));
}

#[test]
fn retired_stock_lines_are_not_added() {
    let mut trees = Trees::new();
    trees.registry = "default: styles/application.scss\n".to_owned();
    trees.toolchain = Toolchain::Vite;
    for name in ["contrast", "mastodon-light"] {
        fs::remove_file(trees.folder.path().join(format!("live/app/javascript/styles/{name}.scss"))).unwrap();
    }
    trees.overlay("").theme("config/themes.yml", &format!("{STOCK}tangerine: styles/tangerine.scss\n"));
    let change = trees.read();
    assert_eq!(ids(&change), ["registry-stock-entry-left-out"; 2]);
    assert_eq!(change.registry.unwrap(), "default: styles/application.scss\ntangerine: styles/tangerine.scss\n");
}

#[test]
fn identical_copies_of_stock_files_change_nothing() {
    let trees = Trees::new();
    trees.overlay("");
    for name in ["application", "contrast"] {
        trees.theme(&format!("app/javascript/styles/{name}.scss"), "@import 'mastodon/mixins';\n");
    }
    let change = trees.read();
    assert_eq!((ids(&change), places(&change)), (vec![], OVERLAY_PLACES.to_vec()));
    assert_eq!((names(&change), change.counts.unchanged), (vec![("tangerine", ThemeKind::New)], 2));
}

#[test]
fn two_dots_pass_on_webpack_and_are_fatal_on_vite() {
    for (toolchain, expected) in [(Toolchain::Webpacker, vec![]), (Toolchain::Vite, vec!["theme-not-compiled"])] {
        let trees = Trees { toolchain, ..Trees::new() };
        trees.theme("app/javascript/styles/ft.v2.scss", "a{}").theme("config/themes.yml", "ft: styles/ft.v2.scss\n");
        assert_eq!(above_benign(&trees.read()), expected);
    }
}

#[test]
fn an_installed_theme_whose_path_moves_is_shown() {
    let mut trees = Trees::new();
    trees.registry.push_str("tangerine: styles/old.scss # ours\n");
    trees.overlay("").theme("config/themes.yml", "tangerine: styles/tangerine.scss\n");
    let change = trees.read();
    assert_eq!(ids(&change), ["theme-path-changes"]);
    assert_eq!(change.registry.unwrap(), format!("{STOCK}tangerine: styles/tangerine.scss # ours\n"));
}

/// Commits everything below `live`, and tags it if asked.
fn commit(live: &Path, tag: Option<&str>) {
    let repository = git2::Repository::open(live).or_else(|_| git2::Repository::init(live)).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let author = git2::Signature::now("A", "a@example.org").unwrap();
    let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
    let commit =
        repository.commit(Some("HEAD"), &author, &author, "x", &tree, &parent.iter().collect::<Vec<_>>()).unwrap();
    if let Some(tag) = tag {
        repository.tag_lightweight(tag, &repository.find_object(commit, None).unwrap(), false).unwrap();
    }
}

#[test]
fn git_says_what_mastodon_ships_even_after_the_administrator_committed_a_theme() {
    let trees = Trees::new();
    let live = trees.folder.path().join("live");
    let version = Some(MastodonVersion { major: 4, minor: 1, patch: 6 });
    let registry = Registry::parse(format!("{STOCK}tangerine: styles/tangerine.scss\n").as_bytes()).unwrap();
    let ships = |shipped: &Shipped, path: &str| shipped.ships(Path::new(path));
    commit(&live, None);
    trees.live(OVERLAY_PLACES[0], "x").live(OVERLAY_PLACES[1], "x").live("app/javascript/styles/odd-stock.scss", "x");
    commit(&live, None);
    let index = Shipped::of(&live, version, Some(&registry));
    assert_eq!(*index.source(), ShippedSource::Index);
    assert!(
        ships(&index, "app/javascript/styles/application.scss")
            && ships(&index, "app/javascript/styles/odd-stock.scss")
    );
    assert!(!ships(&index, OVERLAY_PLACES[0]) && !ships(&index, OVERLAY_PLACES[1]));

    let trees = Trees::new();
    let live = trees.folder.path().join("live");
    commit(&live, Some("v4.1.6"));
    trees.live(OVERLAY_PLACES[0], "x").live("config/locales/mine.yml", "en: {}\n");
    commit(&live, None);
    let tag = Shipped::of(&live, version, None);
    assert_eq!(*tag.source(), ShippedSource::Tag("v4.1.6".to_owned()));
    assert!(ships(&tag, "config/locales/en.yml"));
    assert!(!ships(&tag, OVERLAY_PLACES[0]) && !ships(&tag, "config/locales/mine.yml"));
}

#[test]
fn a_stylesheet_that_sass_cannot_tell_from_one_of_mastodons_is_refused() {
    for name in ["_mixins.scss", "mixins.css", "_mixins.sass"] {
        let trees = Trees::new();
        trees.overlay("mastodon/").theme(&format!("mastodon/app/javascript/styles/mastodon/{name}"), "a {}\n");
        // The built-in list refuses everything in this folder; a tag or the index knows the very files.
        let change = read_where(&trees, &|path| path.ends_with("mastodon/mixins.scss"));
        assert_eq!(above_benign(&change), ["change-shadows-mastodon"], "{name}");
        assert!(!places(&change).iter().any(|place| place.contains("mixins")), "{name}");
    }
}

#[test]
fn a_new_file_beside_those_of_mastodon_shadows_nothing() {
    let trees = Trees::new();
    trees.overlay("mastodon/").theme("mastodon/app/javascript/styles/mastodon/mixins-of-tangerine.scss", "a {}\n");
    assert_eq!(above_benign(&read_where(&trees, &|path| path.ends_with("mastodon/mixins.scss"))), [""; 0]);
}

#[test]
fn a_line_that_leads_to_mastodons_own_stylesheet_needs_a_look() {
    let trees = Trees::new();
    trees.overlay("mastodon/").theme("mastodon/config/themes.yml", "tangerine: styles/contrast.scss\n");
    let change = trees.read();
    assert_eq!(above_benign(&change), ["theme-leads-to-stock", "registry-same-path"]);
    let own = Trees::new();
    own.overlay("mastodon/").theme("mastodon/config/themes.yml", "tangerine: styles/tangerine.scss\n");
    assert_eq!(above_benign(&own.read()), [""; 0]);
}
