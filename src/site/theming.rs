//! What a Mastodon does with theme names by itself, probed from its files: version numbers lie about this.

use std::fs;
use std::path::Path;

use super::Fork;

/// The theme of a site that has set none, from `config/settings.yml`; on glitch-soc `FLAVOUR/SKIN`.
#[must_use]
pub fn shipped(root: &Path, fork: Fork) -> String {
    let keys: &[&str] = match fork {
        Fork::Mastodon => &["theme"],
        Fork::GlitchSoc => &["flavour", "skin"],
    };
    let text = fs::read_to_string(root.join("config/settings.yml")).unwrap_or_default();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.split('#').next()?.trim().trim_matches(['\'', '"']).to_owned())
    };
    let values: Vec<String> = keys.iter().filter_map(|key| value(key)).collect();
    if values.is_empty() { "default".to_owned() } else { values.join("/") }
}

/// True where Rails adds the pseudo theme `system` to those of the registry (Mastodon 4.3 to 4.5, `app/lib/themes.rb`).
#[must_use]
pub fn offers_system(root: &Path) -> bool {
    let reader = fs::read_to_string(root.join("app/lib/themes.rb")).unwrap_or_default();
    ["'system'", "\"system\"", ":system"].iter().any(|word| reader.contains(word))
}

/// True where the site's own theme is looked up in the registry before it is used, and `default` taken if it is not there:
/// from 4.6 on, by `ThemeHelper#current_theme`. Before that `ApplicationController#current_theme` takes it unchecked, and
/// every visitor gets an error. glitch-soc has always checked.
#[must_use]
pub fn checks_site_theme(root: &Path, fork: Fork) -> bool {
    let helper = fs::read_to_string(root.join("app/helpers/theme_helper.rb"));
    fork == Fork::GlitchSoc || helper.is_ok_and(|source| source.contains("def current_theme"))
}
