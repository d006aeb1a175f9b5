//! The commit that `git commit` is about to make, for the gate to read: what is in the index, and nothing of the working tree.
//!
//! git itself reads its index, whatever form that has; it works on a copy, and the new objects go to a folder of our own.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::{HookError, in_file};

/// A commit of the index.
#[derive(Debug)]
pub(super) struct IndexCommit {
    /// Its name.
    pub(super) id: String,
    /// The folder that holds its objects beside those of the repository.
    pub(super) objects: PathBuf,
}

impl IndexCommit {
    /// Makes it in `scratch`, an empty folder.
    ///
    /// # Errors
    /// If git refuses, or the disk.
    pub(super) fn make(scratch: &Path) -> Result<Self, HookError> {
        let objects = scratch.join("objects");
        fs::create_dir_all(&objects).map_err(in_file("make", &objects))?;
        let copy = scratch.join("index");
        let index = path_of("index")?;
        if index.exists() {
            fs::copy(&index, &copy).map_err(in_file("copy", &index))?;
        }
        let variables = variables(&objects, &copy)?;
        let tree = ask(&["write-tree"], &variables)?;
        let parent = ask(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], &[]).ok();
        let mut words = vec!["commit-tree", "-m", "what is about to be committed", tree.as_str()];
        if let Some(parent) = &parent {
            words.extend(["-p", parent.as_str()]);
        }
        Ok(Self { id: ask(&words, &variables)?, objects })
    }
}

/// New objects to our folder, old ones from the repository; and a name, which `commit-tree` insists on.
fn variables(objects: &Path, index: &Path) -> Result<Vec<(&'static str, OsString)>, HookError> {
    let mut old = path_of("objects")?.into_os_string();
    if let Some(more) = std::env::var_os("GIT_ALTERNATE_OBJECT_DIRECTORIES") {
        old.push(":");
        old.push(more);
    }
    let mut variables = vec![
        ("GIT_OBJECT_DIRECTORY", objects.into()),
        ("GIT_ALTERNATE_OBJECT_DIRECTORIES", old),
        ("GIT_INDEX_FILE", index.into()),
    ];
    for name in ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"] {
        variables.push((name, "themegate".into()));
    }
    Ok(variables)
}

fn path_of(what: &str) -> Result<PathBuf, HookError> {
    let line = ask(&["rev-parse", "--path-format=absolute", "--git-path", what], &[])?;
    Ok(PathBuf::from(line))
}

/// Asks git, in the repository that the hook runs for.
fn ask(words: &[&str], variables: &[(&str, OsString)]) -> Result<String, HookError> {
    let command = duct::cmd("git", words.iter().map(OsStr::new)).stdin_null().stdout_capture().stderr_capture();
    let command = variables.iter().fold(command, |command, (name, value)| command.env(name, value));
    let output = command.unchecked().run().map_err(HookError::NoGit)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let folder = std::env::current_dir().unwrap_or_default();
    Err(HookError::Git { folder, said })
}
