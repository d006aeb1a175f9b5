//! The live tree as it is: where it stands, which Mastodon it is, and how its assets are compiled.

pub mod registry;
pub mod version;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use version::MastodonVersion;

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
