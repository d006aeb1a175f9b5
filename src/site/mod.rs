//! The live tree as it is: where it stands, which Mastodon it is, and how its assets are compiled.
//!
//! Inspecting never writes. Facts come from probe files, not from the version number alone: forks and late releases mix
//! toolchains and versions freely.

mod dotenv;
pub mod environment;
pub mod locate;
pub mod lock;
pub mod output;
pub mod owner;
pub mod registry;
pub mod skins;
pub mod theming;
pub mod version;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use output::OutputLayout;
pub use version::MastodonVersion;

/// Why a live tree could not be inspected.
#[derive(Debug, Error)]
pub enum SiteError {
    /// Nothing that looks like Mastodon was found.
    #[error(
        "No Mastodon live tree was found: looked upwards from {from} and at {home}.\n\
         Go to the live tree first (often `cd ~/live`), or name it: --live DIR"
    )]
    NotFound {
        /// The folder the search began in.
        from: PathBuf,
        /// The customary place.
        home: PathBuf,
    },
    /// The folder that was named does not look like Mastodon.
    #[error(
        "{path} is not a Mastodon live tree: it has neither config/themes.yml nor app/javascript/flavours.\n\
         Name the folder that holds Mastodon's config/ and app/: --live DIR"
    )]
    NotMastodon {
        /// The folder that was named.
        path: PathBuf,
    },
    /// Something in the live tree could not be read.
    #[error(
        "{path} could not be read: {source}\nRun themegate as the user that owns the live tree (often `mastodon`)."
    )]
    Unreadable {
        /// What could not be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A report and a generation name the tree, as JSON, which is UTF-8.
    #[error(
        "{path} has a name that is not UTF-8, which no report could hold.\n\
         Rename the folder, or mount it where its name is: mount --bind FOLDER /srv/mastodon"
    )]
    NotText {
        /// The live tree or the state folder.
        path: PathBuf,
    },
    /// The folder for themegate's own state could not be made.
    #[error(
        "{path} could not be made: {source}\nthemegate keeps its stages there, on the same file system as the live tree. \
         Make it for the user that runs themegate, or name another folder: --state DIR"
    )]
    State {
        /// The state folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Which family of Mastodon this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fork {
    /// Themes are listed in `config/themes.yml`.
    Mastodon,
    /// glitch-soc: themes are flavours and skins, found by folder.
    GlitchSoc,
}

/// What compiles the assets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Toolchain {
    /// Mastodon up to 4.3: webpacker and webpack 4.
    Webpacker,
    /// Mastodon from 4.4: vite_ruby and Vite.
    Vite,
}

impl Toolchain {
    /// The word used in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Webpacker => "webpacker",
            Self::Vite => "vite",
        }
    }
}

/// A live tree, inspected.
#[derive(Debug, Clone)]
pub struct LiveSite {
    /// The tree itself, links resolved once.
    pub root: PathBuf,
    /// Where themegate keeps its own state: beside the live tree, on the same file system.
    pub state: PathBuf,
    /// What `lib/mastodon/version.rb` says, if it can be read.
    pub version: Option<MastodonVersion>,
    /// Mastodon or glitch-soc.
    pub fork: Fork,
    /// webpacker or Vite.
    pub toolchain: Toolchain,
    /// Where compiled files go.
    pub output: OutputLayout,
    /// Whether `bin/rails` is there, so that the site can compile itself.
    pub has_rails: bool,
    /// Names of the site's own entries (`application`, `public`, …), which no theme may take.
    pub packs: Vec<String>,
}

impl LiveSite {
    /// Inspects the live tree at `named`, or the one found from the current folder; `state` overrides where themegate
    /// keeps its own files.
    ///
    /// # Errors
    /// If there is no live tree, or it cannot be read.
    pub fn inspect(named: Option<&Path>, state: Option<&Path>) -> Result<Self, SiteError> {
        let root = locate::live_tree(named)?;
        let toolchain = detect_toolchain(&root);
        let output = OutputLayout::read(&root, toolchain)?;
        Ok(Self {
            state: state.map_or_else(|| locate::state_folder(&root), Path::to_path_buf),
            version: version::read(&root),
            fork: detect_fork(&root),
            has_rails: root.join("bin/rails").is_file(),
            packs: output::pack_names(&root, &output),
            toolchain,
            output,
            root,
        })
    }

    /// Makes the state folder, mode 0700; the live tree's owner owns it, root or not.
    ///
    /// # Errors
    /// If it cannot be made, or if it or the live tree could not be named in what is to be kept there.
    pub fn make_state(&self) -> Result<(), SiteError> {
        if let Some(path) = [&self.root, &self.state].into_iter().find(|path| path.to_str().is_none()) {
            return Err(SiteError::NotText { path: path.clone() });
        }
        if locate::holds_something_else(&self.state) {
            let source = io::Error::other("it holds files that are not themegate's");
            return Err(SiteError::State { path: self.state.clone(), source });
        }
        let is_new = self.state.symlink_metadata().is_err();
        let made = locate::make_private(&self.state);
        let made = if is_new { made.and_then(|()| owner::hand_over_like(&self.state, &self.root)) } else { made };
        made.map_err(|source| SiteError::State { path: self.state.clone(), source })
    }

    /// True if this site has a toolchain of its own, whatever of it works right now: what the builtin compiler makes (themes
    /// alone) must never take the place of its output.
    #[must_use]
    pub fn has_toolchain(&self) -> bool {
        let signs = ["Gemfile", "bin/vite", "bin/webpack", "node_modules/.bin/webpack", "node_modules/.bin/vite"];
        self.has_rails || signs.iter().any(|sign| self.root.join(sign).symlink_metadata().is_ok())
    }

    /// Like `Mastodon 4.1.6`, or `glitch-soc 4.6.5`, or `Mastodon of unknown version`.
    #[must_use]
    pub fn title(&self) -> String {
        let family = match self.fork {
            Fork::Mastodon => "Mastodon",
            Fork::GlitchSoc => "glitch-soc",
        };
        match &self.version {
            Some(version) => format!("{family} {version}"),
            None => format!("{family} of unknown version"),
        }
    }

    /// The registry's text, or `None` where the fork has none.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn registry_text(&self) -> Result<Option<Vec<u8>>, SiteError> {
        let path = self.root.join(registry::PATH);
        match fs::read(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SiteError::Unreadable { path, source }),
        }
    }
}

/// glitch-soc is told by `app/javascript/flavours/*/theme.yml`, which Mastodon never has.
fn detect_fork(root: &Path) -> Fork {
    let flavours = fs::read_dir(root.join("app/javascript/flavours"));
    let has_flavour = flavours.is_ok_and(|mut folders| {
        folders.any(|folder| folder.is_ok_and(|folder| folder.path().join("theme.yml").is_file()))
    });
    if has_flavour { Fork::GlitchSoc } else { Fork::Mastodon }
}

/// `config/vite.json` or `config/webpacker.yml` decides; where an upgrade left both, the gem that is locked does. A tree
/// with neither is treated as webpacker, the older shape.
fn detect_toolchain(root: &Path) -> Toolchain {
    let has = |file: &str| root.join(file).is_file();
    let locked = fs::read_to_string(root.join("Gemfile.lock")).unwrap_or_default();
    let still_webpacker = has("config/webpacker.yml") && !locked.contains("vite_ruby") && !has("bin/vite");
    if has("config/vite.json") && !still_webpacker { Toolchain::Vite } else { Toolchain::Webpacker }
}
