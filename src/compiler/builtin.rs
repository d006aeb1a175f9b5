//! The builtin compiler: the SCSS of the registry, compiled by `grass` in a process of its own.
//!
//! It serves sites with no Ruby or Node at hand. It runs as a child like every other compiler, so that a hostile
//! stylesheet (endless recursion, gigabytes of output) meets the same limits. What it prints is a build log, and the rule
//! pack `rules/builtin.toml` reads it.

use std::io::Write;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::fault::{Fault, compile};
use super::output::Output;
use super::sources::SourceTree;
use crate::site::registry::Registry;
use crate::site::{LiveSite, OutputLayout};

/// The hidden subcommand that runs it.
pub const SUBCOMMAND: &str = "__compile";

/// Begins each line of its build log.
pub const SPEAKER: &str = "themegate-builtin:";

/// Why it could not even begin, or not end.
#[derive(Debug, Error)]
pub enum BuiltinError {
    /// The tree's registry cannot be used.
    #[error("config/themes.yml: {0}")]
    Registry(String),
    /// The list of stylesheets could not be read.
    #[error("{path} could not be read: {source}")]
    List {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// A compiled file could not be written.
    #[error("{path} could not be written: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The build log could not be written.
    #[error("the build log could not be written: {0}")]
    Log(#[from] std::io::Error),
}

/// Compiles every theme of the registry of the tree at `root`, and writes a webpacker-shaped manifest with integrity values
/// if all of them compiled. Gives the exit code: 0 compiled, 65 a fault in a source (as dart-sass exits), 70 something that
/// this compiler cannot judge.
///
/// # Errors
/// If the registry cannot be read, or the output not be written.
pub fn run(root: &Path, log: &mut dyn Write) -> Result<u8, BuiltinError> {
    let (themes, layout) = read_site(root)?;
    let sources = SourceTree::new(root, &layout.source);
    let mut output = Output::new(root, &layout);
    let (mut faulty, mut unjudged) = (false, false);
    for (name, source) in &themes {
        match compile(&sources, source, log)? {
            Ok(css) => {
                let made = output.theme(name, source, &css, &sources)?;
                for missing in &made.missing {
                    faulty = true;
                    writeln!(log, "{SPEAKER} error: {missing}")?;
                }
                writeln!(log, "{SPEAKER} compiled {source} -> {} ({} bytes)", made.file, made.bytes)?;
            }
            Err(fault) => {
                faulty |= matches!(fault, Fault::Source(_));
                unjudged |= matches!(fault, Fault::Unjudged(_));
                writeln!(log, "{SPEAKER} {fault}")?;
            }
        }
    }
    if faulty || unjudged {
        return Ok(if faulty { 65 } else { 70 });
    }
    output.write_manifest()?;
    writeln!(log, "{SPEAKER} wrote the manifest: {} themes", themes.len())?;
    Ok(0)
}

fn read_site(root: &Path) -> Result<(Vec<(String, String)>, OutputLayout), BuiltinError> {
    let site = LiveSite::inspect(Some(root), Some(root)).map_err(|error| BuiltinError::Registry(error.to_string()))?;
    let text = site.registry_text().map_err(|error| BuiltinError::Registry(error.to_string()))?;
    let text = text.ok_or_else(|| BuiltinError::Registry("it is not there".to_owned()))?;
    let registry = Registry::parse(&text)
        .map_err(|findings| BuiltinError::Registry(findings.into_iter().map(|finding| finding.message).collect()))?;
    let themes = registry.entries().iter().map(|entry| (entry.name.clone(), entry.path.clone())).collect();
    Ok((themes, site.output))
}
