//! Where compiled files go, read from the toolchain's own configuration.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{SiteError, Toolchain};

/// The folders of the compiled output, relative to the live tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputLayout {
    /// What the web server serves: `public`.
    pub public: PathBuf,
    /// What the bundler writes: `public/packs`.
    pub packs: PathBuf,
    /// What Rails writes: `public/assets`.
    pub assets: PathBuf,
    /// Where sources are read from: `app/javascript`.
    pub source: PathBuf,
    /// The folder of the site's own entries below `source`: `packs` or `entrypoints`.
    pub entries: PathBuf,
}

/// `config/webpacker.yml`, the part that is read (webpacker 5.4.3, lib/install/config/webpacker.yml).
#[derive(Debug, Default, Deserialize)]
struct WebpackerFile {
    #[serde(default)]
    default: WebpackerSection,
    #[serde(default)]
    production: WebpackerSection,
}

#[derive(Debug, Default, Deserialize)]
struct WebpackerSection {
    source_path: Option<String>,
    source_entry_path: Option<String>,
    public_root_path: Option<String>,
    public_output_path: Option<String>,
}

/// `config/vite.json`, the part that is read (vite_ruby 3.10.2, lib/vite_ruby/config.rb).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ViteFile {
    #[serde(default)]
    all: ViteSection,
    #[serde(default)]
    production: ViteSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ViteSection {
    source_code_dir: Option<String>,
    entrypoints_dir: Option<String>,
    public_dir: Option<String>,
    public_output_dir: Option<String>,
}

impl OutputLayout {
    /// Reads the layout of the tree at `root`; what its configuration does not say is Mastodon's customary value.
    ///
    /// # Errors
    /// If the configuration is there and cannot be read. What cannot be parsed counts as silent: the compile will say so.
    pub fn read(root: &Path, toolchain: Toolchain) -> Result<Self, SiteError> {
        match toolchain {
            Toolchain::Webpacker => Ok(Self::of_webpacker(&read_text(&root.join("config/webpacker.yml"))?)),
            Toolchain::Vite => Ok(Self::of_vite(&read_text(&root.join("config/vite.json"))?)),
        }
    }

    fn of_webpacker(text: &str) -> Self {
        let file: WebpackerFile = serde_saphyr::from_str(text).unwrap_or_default();
        let pick = |of: fn(&WebpackerSection) -> &Option<String>, customary: &str| {
            of(&file.production).clone().or_else(|| of(&file.default).clone()).unwrap_or_else(|| customary.to_owned())
        };
        Self::new(
            &pick(|section| &section.public_root_path, "public"),
            &pick(|section| &section.public_output_path, "packs"),
            &pick(|section| &section.source_path, "app/javascript"),
            &pick(|section| &section.source_entry_path, "packs"),
        )
    }

    fn of_vite(text: &str) -> Self {
        let file: ViteFile = serde_json::from_str(text).unwrap_or_default();
        let pick = |of: fn(&ViteSection) -> &Option<String>, customary: &str| {
            of(&file.production).clone().or_else(|| of(&file.all).clone()).unwrap_or_else(|| customary.to_owned())
        };
        Self::new(
            &pick(|section| &section.public_dir, "public"),
            &pick(|section| &section.public_output_dir, "packs"),
            &pick(|section| &section.source_code_dir, "app/javascript"),
            &pick(|section| &section.entrypoints_dir, "entrypoints"),
        )
    }

    fn new(public: &str, packs: &str, source: &str, entries: &str) -> Self {
        let public = PathBuf::from(public);
        Self {
            packs: public.join(packs),
            assets: public.join("assets"),
            source: PathBuf::from(source),
            entries: PathBuf::from(entries),
            public,
        }
    }

    /// The folders that a compile fills, and that begin empty in a staged tree.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        vec![self.packs.clone(), self.assets.clone()]
    }
}

fn read_text(path: &Path) -> Result<String, SiteError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(SiteError::Unreadable { path: path.to_path_buf(), source }),
    }
}

/// The names of the site's own entries: what stands in its packs folder, without the ending, and what later versions or
/// customary builds name besides. A theme of such a name would replace the entry (MASTODON.md §1).
#[must_use]
pub fn pack_names(root: &Path, layout: &OutputLayout) -> Vec<String> {
    const ALWAYS: [&str; 7] = ["admin", "application", "common", "error", "mailer", "public", "inert"];
    let mut names: BTreeSet<String> = ALWAYS.iter().map(|&name| name.to_owned()).collect();
    let folder = root.join(&layout.source).join(&layout.entries);
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        names.extend(name.split('.').next().filter(|stem| !stem.is_empty()).map(str::to_owned));
    }
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webpacker_file_with_another_output_folder_is_believed() {
        let text = "default: &default\n  source_path: app/javascript\n  public_output_path: packs\nproduction:\n  \
                    <<: *default\n  public_output_path: bundles\n";
        assert_eq!(OutputLayout::of_webpacker(text).packs, PathBuf::from("public/bundles"));
    }

    #[test]
    fn a_vite_file_without_output_folder_means_packs() {
        let layout = OutputLayout::of_vite(r#"{"all":{"sourceCodeDir":"app/javascript"},"production":{}}"#);
        assert_eq!(layout.packs, PathBuf::from("public/packs"));
        assert_eq!(layout.entries, PathBuf::from("entrypoints"));
    }
}
