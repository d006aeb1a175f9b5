//! Puts an ear between Rails and the bundler: on success, webpacker and vite_ruby print the bundler's stderr alone, so
//! webpack's own warnings are never seen. The launcher that they start is replaced by one that starts the real one through us.
//!
//! Only the staged tree is touched, and it is put back when the build is over.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::PrecompileError;
use super::command_line::quoted;
use super::hearing::HEAR_COMMAND;
use crate::plain_file;

/// The real launcher stays in its folder (its links are relative), without an ending (node reads one as the kind of module).
const REAL: &str = "themegate-real-";

/// webpacker and vite_ruby start these; `bin/webpack` is webpacker's own way to the former.
const LAUNCHERS: &[(&str, &str)] = &[("node_modules/.bin", "webpack"), ("node_modules/.bin", "vite")];

/// Launchers that were wrapped.
#[derive(Debug, Default)]
pub(super) struct Wrapped {
    tree: PathBuf,
    launchers: Vec<Launcher>,
}

#[derive(Debug)]
struct Launcher {
    folder: &'static str,
    name: &'static str,
    log: PathBuf,
    script: Vec<u8>,
}

impl Launcher {
    fn place(&self) -> PathBuf {
        Path::new(self.folder).join(self.name)
    }

    fn real_place(&self) -> PathBuf {
        Path::new(self.folder).join(format!("{REAL}{}", self.name))
    }
}

/// Wraps every launcher that the tree has; the build sees the tree at `seen`, and may write to `heard`.
pub(super) fn wrap(tree: &Path, seen: &Path, heard: &Path, executable: &Path) -> Result<Wrapped, PrecompileError> {
    let unwritable = |source| PrecompileError::Launcher { path: heard.to_path_buf(), source };
    fs::create_dir_all(heard).map_err(unwritable)?;
    let mut wrapped = Wrapped { tree: tree.to_path_buf(), launchers: Vec::new() };
    for (folder, name) in present(tree) {
        let log = heard.join(format!("heard-{name}.log"));
        let mut launcher = Launcher { folder, name, log, script: Vec::new() };
        let Some(script) = script(&seen.join(launcher.real_place()), &launcher.log, executable, folder == "bin") else {
            continue;
        };
        launcher.script = script;
        let result = install(tree, &launcher);
        wrapped.launchers.push(launcher);
        if let Err((path, source)) = result {
            // What was wrapped so far is put back; the first failure is the one to tell.
            let _first_failure_counts = wrapped.restore();
            return Err(PrecompileError::Launcher { path, source });
        }
    }
    Ok(wrapped)
}

/// Where `yarn install` has yet to make `node_modules/.bin`, webpacker's own launcher is the next best ear.
fn present(tree: &Path) -> Vec<(&'static str, &'static str)> {
    let is_there = |folder: &str, name: &str| tree.join(folder).join(name).exists();
    let found: Vec<_> = LAUNCHERS.iter().copied().filter(|(folder, name)| is_there(folder, name)).collect();
    if found.is_empty() && is_there("bin", "webpack") { vec![("bin", "webpack")] } else { found }
}

fn install(tree: &Path, launcher: &Launcher) -> Result<(), (PathBuf, io::Error)> {
    let path = tree.join(launcher.place());
    let step = || {
        fs::rename(&path, tree.join(launcher.real_place()))?;
        fs::write(&path, &launcher.script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
    };
    step().map_err(|error| (path.clone(), error))
}

/// A launcher that `sh` and node both read: for `sh` the second line is all; for node it is a comment, and the third line
/// starts the real launcher (unheard, but compiled). `bin/webpack` is started by webpacker as `ruby ./bin/webpack`.
///
/// None where a path cannot be written in such a line.
fn script(real: &Path, log: &Path, executable: &Path, in_ruby: bool) -> Option<Vec<u8>> {
    let words = [executable, log, real].map(|path| path.to_str().filter(|path| !path.contains('\n')));
    let [Some(executable), Some(log), Some(real)] = words else {
        return None;
    };
    let name = Path::new(real).file_name()?.as_bytes();
    let text = if in_ruby {
        let literal = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        let [executable, log, real] = [executable, log, real].map(literal);
        format!(
            "#!/usr/bin/env ruby\nrequire 'rbconfig'\nexec({executable}, '{HEAR_COMMAND}', {log}, '--', RbConfig.ruby, {real}, *ARGV)\n"
        )
    } else {
        let [executable, log, quoted_real] = [executable, log, real].map(quoted);
        let name = String::from_utf8_lossy(name);
        format!(
            "#!/bin/sh\n':' //; exec {executable} {HEAR_COMMAND} {log} -- {quoted_real} \"$@\"\nimport('./{name}')\n"
        )
    };
    Some(text.into_bytes())
}

impl Wrapped {
    /// Puts the real launchers back. One that `yarn install` has made anew meanwhile stays as yarn made it.
    pub(super) fn restore(&self) -> Result<(), PrecompileError> {
        self.launchers.iter().try_for_each(|launcher| {
            let (path, real) = (self.tree.join(launcher.place()), self.tree.join(launcher.real_place()));
            let ours = fs::symlink_metadata(&path).map_or(true, |metadata| metadata.is_file())
                && plain_file::bytes(&path).map_or(true, |bytes| bytes == launcher.script);
            let put_back = if ours { fs::rename(&real, &path) } else { fs::remove_file(&real) };
            match put_back {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    Err(PrecompileError::Launcher { path, source })
                }
                _ => Ok(()),
            }
        })
    }

    /// The logs in which something was heard: the build can put a link to anything in their place, or what nobody could read.
    pub(super) fn heard(&self) -> Vec<PathBuf> {
        let is_file = |log: &PathBuf| fs::symlink_metadata(log).is_ok_and(|found| found.is_file());
        self.launchers.iter().map(|launcher| launcher.log.clone()).filter(is_file).collect()
    }

    /// The launchers, relative to the tree.
    pub(super) fn places(&self) -> Vec<PathBuf> {
        self.launchers.iter().map(Launcher::place).collect()
    }
}
