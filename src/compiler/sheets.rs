//! Compiles single stylesheets for `check --fast`: with the site's own sass, else with the builtin compiler.
//!
//! Both run in a process of their own and read the same list; both write one `.css` for each sheet that compiled, named by
//! its place in the list. It must not know themes, nor what an error means.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Compiler;
use super::builtin::{BuiltinError, SPEAKER, SUBCOMMAND};
use super::fault::{Fault, compile};
use super::sources::SourceTree;
use crate::precompile::CommandLine;
use crate::site::LiveSite;

/// What is to be compiled, and where the result goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SheetList {
    /// The sources' folder, relative to the scratch tree.
    pub source: PathBuf,
    /// The live tree's `node_modules`, which is only read.
    pub modules: PathBuf,
    /// Where the results go: `0.css`, `1.css`, …
    pub output: PathBuf,
    /// The package that compiles, of those in `modules`; empty for the builtin compiler.
    pub compiler: String,
    /// The stylesheets, relative to the scratch tree.
    pub sheets: Vec<PathBuf>,
}

/// The site's sass packages, the one that its bundler takes first: Vite prefers `sass-embedded` (Vite 6 to 8,
/// `loadSassPackage`), sass-loader `sass`.
const PACKAGES: [&str; 2] = ["sass-embedded", "sass"];

/// The script that asks them.
const SCRIPT: &str = include_str!("sass.cjs");

/// The sass package of `site`, if it has one and `node` can be run.
#[must_use]
pub fn own_sass(site: &LiveSite) -> Option<&'static str> {
    let installed = |package: &&&str| site.root.join("node_modules").join(package).join("package.json").is_file();
    let package = PACKAGES.iter().find(installed)?;
    on_path("node").map(|_| *package)
}

/// A program as the shell would find it.
#[must_use]
pub fn on_path(program: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let is_program =
        |path: &PathBuf| path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(is_program)
}

/// The command that compiles `list`, whose files it writes into `side`; `own` is this program itself.
///
/// # Errors
/// If they cannot be written.
pub fn command(list: &SheetList, site: &LiveSite, side: &Path, own: &Path) -> io::Result<Compiler> {
    fs::create_dir_all(&list.output)?;
    let path = side.join("sheets.json");
    fs::write(&path, serde_json::to_vec_pretty(list)?)?;
    if list.compiler.is_empty() {
        let command = CommandLine::new(own, [SUBCOMMAND.as_ref(), path.as_os_str()]);
        return Ok(Compiler { shown: "the builtin compiler".to_owned(), command, is_builtin: true });
    }
    let script = side.join("sass.cjs");
    fs::write(&script, SCRIPT)?;
    let command = CommandLine::new("node", [script.as_os_str(), path.as_os_str()]);
    let shown = format!("the site's own {}{}", list.compiler, version(site, &list.compiler));
    Ok(Compiler { shown, command, is_builtin: false })
}

fn version(site: &LiveSite, package: &str) -> String {
    #[derive(Deserialize)]
    struct Facts {
        version: String,
    }
    let text = fs::read(site.root.join("node_modules").join(package).join("package.json")).unwrap_or_default();
    serde_json::from_slice(&text).map(|facts: Facts| format!(" {}", facts.version)).unwrap_or_default()
}

/// Compiles the list at `path` with the builtin compiler, in the scratch tree at `root`. Exits as
/// [`super::builtin::run`] does.
///
/// # Errors
/// If the list cannot be read, or a result not be written.
pub fn run_builtin(root: &Path, path: &Path, log: &mut dyn Write) -> Result<u8, BuiltinError> {
    let unreadable = |source| BuiltinError::List { path: path.to_path_buf(), source };
    let text = fs::read(path).map_err(unreadable)?;
    let list: SheetList = serde_json::from_slice(&text).map_err(|error| unreadable(error.into()))?;
    let tree = SourceTree::with_modules(root, &list.source, list.modules.clone());
    let (mut faulty, mut unjudged) = (false, false);
    for (index, sheet) in list.sheets.iter().enumerate() {
        let below = sheet.strip_prefix(&list.source).unwrap_or(sheet);
        match compile(&tree, &below.to_string_lossy(), log)? {
            Ok(css) => {
                let path = list.output.join(format!("{index}.css"));
                fs::write(&path, css).map_err(|source| BuiltinError::Write { path, source })?;
            }
            Err(fault) => {
                faulty |= matches!(fault, Fault::Source(_));
                unjudged |= matches!(fault, Fault::Unjudged(_));
                writeln!(log, "{SPEAKER} {fault}")?;
            }
        }
    }
    Ok(if faulty {
        65
    } else if unjudged {
        70
    } else {
        0
    })
}
