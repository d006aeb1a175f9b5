//! The theme registry, `config/themes.yml`, as text: read strictly, judged, and edited without touching what is not meant.
//!
//! Two programs read this file in a Mastodon site and they disagree: Ruby (Psych) decides what the settings offer, JavaScript
//! (js-yaml) decides what is compiled. Reading here keeps what either of them would see. Pure: text in, values out.

mod edit;
mod faults;
mod naming;
mod path_faults;
mod path_kind;
mod reading;
mod scalar;

use std::ops::Range;

use crate::finding::Finding;

pub use faults::RegistrySemantics;
pub use naming::{NameFault, is_plain_name, is_safe_path, name_fault};
pub use path_kind::PathKind;
pub(crate) use scalar::is_text;

/// Where the registry lies, relative to the live tree.
pub const PATH: &str = "config/themes.yml";

/// The folder that registry paths are relative to, itself relative to the live tree.
pub const PATHS_ROOT: &str = "app/javascript";

/// One line of the registry: a theme and its stylesheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryEntry {
    /// The theme's name as it is written, quotes removed.
    pub name: String,
    /// The stylesheet's path below `app/javascript`, as it is written, quotes removed; empty where it is no plain value.
    pub path: String,
    /// The line of the name, counted from 1.
    pub line: u64,
    /// Whether Ruby reads both the name and the path as text (`on:` is a truth value to it, `1:` a number, `null:` nothing).
    pub is_string: bool,
    /// Bytes of the name in the text, quotes included.
    name_span: Range<usize>,
    /// Bytes of the path in the text, quotes included.
    path_span: Range<usize>,
    /// Whether Ruby reads the name as text.
    name_is_string: bool,
    /// Whether the value may be replaced in place: a plain or quoted value on one line.
    path_is_inline: bool,
}

/// `config/themes.yml`, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    text: String,
    entries: Vec<RegistryEntry>,
    /// Bytes of the opening `{`, where the registry is written as `{a: b}`.
    flow_start: Option<usize>,
}

impl Registry {
    /// Reads the registry's text.
    ///
    /// # Errors
    /// Fatal findings, with line and reason, where Ruby or JavaScript could make no map of it.
    pub fn parse(text: &[u8]) -> Result<Self, Vec<Finding>> {
        reading::read(text).map_err(|finding| vec![*finding])
    }

    /// Every entry in the order of the text, repeated names included.
    #[must_use]
    pub fn entries(&self) -> &[RegistryEntry] {
        &self.entries
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The entry that Ruby uses for `name`: the last one, should the name be repeated.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RegistryEntry> {
        self.entries.iter().rev().find(|entry| entry.name == name)
    }

    /// The themes that the settings offer, in order, each once.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            if !names.contains(&entry.name.as_str()) {
                names.push(&entry.name);
            }
        }
        names
    }

    /// What is wrong with it, judged as this site's toolchain and Rails would take it; `exists` is asked about paths below
    /// `app/javascript`.
    #[must_use]
    pub fn faults(&self, semantics: &RegistrySemantics<'_>, exists: &dyn Fn(&str) -> PathKind) -> Vec<Finding> {
        faults::of(self, semantics, exists)
    }

    /// The text with `additions` (name and path) in it: new names go below the last entry, a name that is there gets the
    /// new path in place. Every other byte stays.
    ///
    /// # Errors
    /// A fatal finding if the text cannot be edited so that exactly the wanted entries change.
    pub fn with(&self, additions: &[(String, String)]) -> Result<String, Box<Finding>> {
        edit::with(self, additions)
    }

    /// The text without the theme `name`. Every other byte stays.
    ///
    /// # Errors
    /// A fatal finding if the name is not there, is the only one, or cannot be taken out alone.
    pub fn without(&self, name: &str) -> Result<String, Box<Finding>> {
        edit::without(self, name)
    }

    /// The line of the text that `line` (from 1) names.
    fn line_text(&self, line: u64) -> &str {
        reading::line_of(&self.text, line)
    }
}
