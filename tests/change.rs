//! What a theme folder may propose, on small generated trees.

#![expect(clippy::unwrap_used, reason = "in a test, an unwrap is the assertion")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use themegate::change::shipped::{Shipped, ShippedSource};
use themegate::change::{Change, ChangeError, SiteFacts, ThemeKind, as_it_is, read_theme_folders};
use themegate::finding::Severity;
use themegate::site::registry::Registry;
use themegate::site::{Fork, MastodonVersion, Toolchain};

const STOCK: &str =
    "default: styles/application.scss\ncontrast: styles/contrast.scss\nmastodon-light: styles/mastodon-light.scss\n";
const ENTRY: &str = "@import 'application';\n@import 'tangerine/layout';\n";

/// A live tree and a theme folder side by side.
struct Trees {
    folder: TempDir,
    registry: String,
    toolchain: Toolchain,
    fork: Fork,
}

impl Trees {
    fn new() -> Self {
        let trees = Self {
            folder: tempfile::tempdir().unwrap(),
            registry: STOCK.to_owned(),
            toolchain: Toolchain::Webpacker,
            fork: Fork::Mastodon,
        };
        for name in ["application", "contrast", "mastodon-light"] {
            trees.live(&format!("app/javascript/styles/{name}.scss"), "@import 'mastodon/mixins';\n");
        }
        trees.live("app/javascript/styles/mastodon/mixins.scss", "a {}\n");
        trees.live("config/locales/en.yml", "en: {}\n");
        fs::create_dir_all(trees.folder.path().join("theme")).unwrap();
        trees
    }

    fn glitch() -> Self {
        let trees = Self { fork: Fork::GlitchSoc, ..Self::new() };
        trees.live("app/javascript/flavours/vanilla/theme.yml", "pack: {}\n");
        trees
    }

    fn live(&self, path: &str, text: &str) -> &Self {
        write(&self.folder.path().join("live").join(path), text);
        self
    }

    fn theme(&self, path: &str, text: &str) -> &Self {
        write(&self.folder.path().join("theme").join(path), text);
        self
    }

    fn theme_path(&self, path: &str) -> PathBuf {
        self.folder.path().join("theme").join(path)
    }

    fn read_from(&self, folders: &[PathBuf]) -> Result<Change, ChangeError> {
        let registry = Registry::parse(self.registry.as_bytes()).unwrap();
        let shipped = Shipped::of(&self.folder.path().join("live"), None, Some(&registry));
        self.read_where(folders, &|path| shipped.ships(path))
    }

    /// On a site where Mastodon ships what `ships` says.
    fn read_where(&self, folders: &[PathBuf], ships: &dyn Fn(&Path) -> bool) -> Result<Change, ChangeError> {
        let registry = Registry::parse(self.registry.as_bytes()).unwrap();
        let live = self.folder.path().join("live");
        let packs = ["application", "common", "public"].map(str::to_owned);
        let site = SiteFacts {
            live: &live,
            registry: (self.fork == Fork::Mastodon).then_some(&registry),
            toolchain: self.toolchain,
            fork: self.fork,
            version: Some(MastodonVersion { major: 4, minor: 1, patch: 6 }),
            packs: &packs,
            shipped: ships,
        };
        read_theme_folders(folders, &site)
    }

    fn read(&self) -> Change {
        self.read_from(&[self.folder.path().join("theme")]).unwrap()
    }

    /// A theme as TangerineUI publishes it.
    fn overlay(&self, prefix: &str) -> &Self {
        self.theme(&format!("{prefix}app/javascript/styles/tangerine.scss"), ENTRY)
            .theme(&format!("{prefix}app/javascript/styles/tangerine/layout.scss"), "a { color: red; }\n")
    }
}

fn read_where(trees: &Trees, ships: &dyn Fn(&Path) -> bool) -> Change {
    trees.read_where(&[trees.folder.path().join("theme")], ships).unwrap()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn names(change: &Change) -> Vec<(&str, ThemeKind)> {
    change.themes.iter().map(|theme| (theme.name.as_str(), theme.kind)).collect()
}

fn places(change: &Change) -> Vec<&str> {
    let mut places: Vec<&str> = change.files.iter().map(|file| file.to.to_str().unwrap()).collect();
    places.sort_unstable();
    places
}

fn left_out(change: &Change) -> Vec<&str> {
    change.left_out.iter().map(|file| file.path.to_str().unwrap()).collect()
}

fn above_benign(change: &Change) -> Vec<&str> {
    change
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Benign)
        .map(|finding| finding.id.as_str())
        .collect()
}

fn ids(change: &Change) -> Vec<&str> {
    change.findings.iter().map(|finding| finding.id.as_str()).collect()
}

const OVERLAY_PLACES: [&str; 2] =
    ["app/javascript/styles/tangerine.scss", "app/javascript/styles/tangerine/layout.scss"];

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
        .theme("parts/bg.png", "png")
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

#[test]
fn several_theme_folders_make_one_change_and_may_not_collide() {
    let trees = Trees::new();
    trees.theme("one/a.scss", "a{}").theme("two/b.scss", "b{}").theme("three/a.scss", "other{}");
    let change = trees.read_from(&[trees.theme_path("one"), trees.theme_path("two")]).unwrap();
    assert_eq!((above_benign(&change), change.themes.len()), (vec![], 2));
    let change = trees.read_from(&[trees.theme_path("one"), trees.theme_path("three")]).unwrap();
    assert_eq!(above_benign(&change), ["change-themes-collide"]);
}

#[test]
fn a_folder_of_ten_thousand_files_is_no_theme() {
    let trees = Trees::new();
    trees.overlay("");
    for index in 0..10_001 {
        fs::write(trees.theme_path(&format!("app/javascript/styles/tangerine/{index}.txt")), "").unwrap();
    }
    assert!(ids(&trees.read()).contains(&"change-has-too-many-files"));
}

#[test]
fn a_large_file_is_held() {
    let trees = Trees::new();
    trees.overlay("").theme("app/javascript/images/big.png", "");
    fs::File::options()
        .write(true)
        .open(trees.theme_path("app/javascript/images/big.png"))
        .unwrap()
        .set_len(60 << 20)
        .unwrap();
    assert_eq!(above_benign(&trees.read()), ["change-has-large-file"]);
}

#[test]
fn skins_are_for_glitch_soc_alone() {
    let skin = "mastodon/app/javascript/skins/vanilla/tangerine/common.scss";
    let trees = Trees::new();
    trees.overlay("mastodon/").theme(skin, "@import 'styles/tangerine';");
    let change = trees.read();
    assert_eq!((above_benign(&change), left_out(&change)), (vec![], vec![skin]));

    let trees = Trees::glitch();
    trees.overlay("mastodon/").theme(skin, "@import 'styles/tangerine';").theme("mastodon/config/themes.yml", STOCK);
    let change = trees.read();
    assert_eq!((above_benign(&change), names(&change)), (vec![], vec![("vanilla/tangerine", ThemeKind::New)]));
    assert_eq!((change.registry.clone(), left_out(&change)), (None, vec!["mastodon/config/themes.yml"]));

    let trees = Trees::glitch();
    trees.theme("skins/nowhere/tangerine.scss", "a{}");
    assert_eq!(above_benign(&trees.read()), ["skin-flavour-missing"]);
    let trees = Trees { toolchain: Toolchain::Vite, ..Trees::glitch() };
    trees.theme("skins/vanilla/tangerine/style.scss", "a{}");
    assert_eq!(above_benign(&trees.read()), ["skin-stylesheet-missing"]);
    let trees = Trees { toolchain: Toolchain::Vite, ..Trees::glitch() };
    trees.theme("skins/vanilla/mastodon-light/common.scss", "a{}");
    assert_eq!(above_benign(&trees.read()), ["change-overwrites-mastodon"]);
}

#[test]
fn a_skin_does_not_come_a_second_time_at_the_other_place() {
    let single = "app/javascript/skins/vanilla/calm.scss";
    let folder = "app/javascript/skins/vanilla/calm/common.scss";
    for (there, brought) in [(folder, single), (single, folder)] {
        let trees = Trees { toolchain: Toolchain::Vite, ..Trees::glitch() };
        trees.live(there, "a{}").theme(brought, "b{}");
        let change = trees.read();
        assert_eq!(above_benign(&change), ["skin-twice"], "{brought}");
        assert!(serde_json::to_string(&change.findings).unwrap().contains(there), "{brought}");
    }
    let trees = Trees { toolchain: Toolchain::Vite, ..Trees::glitch() };
    trees
        .live(single, "a{}")
        .theme(single, "@use 'calm/parts';")
        .theme("app/javascript/skins/vanilla/calm/_parts.scss", "b{}");
    let change = trees.read();
    assert_eq!((above_benign(&change), names(&change)), (vec![], vec![("vanilla/calm", ThemeKind::Update)]));
}

#[test]
fn a_theme_of_which_nothing_fits_this_site_is_said_to_bring_none() {
    let trees = Trees::new();
    trees.theme("skins/vanilla/tangerine/common.scss", "a{}");
    let change = trees.read();
    assert_eq!(ids(&change), ["theme-entry-not-found"]);
    let json = serde_json::to_value(&change.findings[0]).unwrap();
    assert!(json["evidence"][0]["path"].as_str().unwrap().ends_with("theme"));
}

#[test]
fn a_file_that_changes_after_it_was_judged_is_not_staged() {
    let trees = Trees::new();
    trees.overlay("").theme("app/javascript/images/big.png", "");
    let big = trees.theme_path("app/javascript/images/big.png");
    fs::File::options().write(true).open(&big).unwrap().set_len(65 << 20).unwrap();
    let change = trees.read();
    let file = change.files.iter().find(|file| file.to.ends_with("big.png")).unwrap();
    assert!(file.bytes().is_ok());
    fs::write(&big, "another").unwrap();
    assert!(matches!(file.bytes().unwrap_err(), ChangeError::Moved { .. }));
    fs::remove_file(&big).unwrap();
    symlink("/etc/passwd", &big).unwrap();
    assert!(matches!(file.bytes().unwrap_err(), ChangeError::Unreadable { .. }));
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
    assert_eq!(above_benign(&change), ["theme-leads-to-stock"]);
    let own = Trees::new();
    own.overlay("mastodon/").theme("mastodon/config/themes.yml", "tangerine: styles/tangerine.scss\n");
    assert_eq!(above_benign(&own.read()), [""; 0]);
}
