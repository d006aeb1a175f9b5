//! What a theme folder may propose, on small generated trees.

#![expect(clippy::unwrap_used, reason = "in a test, an unwrap is the assertion")]

mod extent;
mod folders;
mod refused;
mod skins;
mod stock;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use themegate::change::shipped::Shipped;
use themegate::change::{Change, ChangeError, SiteFacts, ThemeKind, read_theme_folders};
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
