//! Where a repository keeps its hooks. The installed git is asked, because it is the one that will run them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::HookError;

/// A repository, as far as hooks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder that all its worktrees share.
    pub common: PathBuf,
    /// The folder that git looks for hooks in.
    pub hooks: PathBuf,
    /// The root of the working tree; none in a bare repository.
    pub top: Option<PathBuf>,
    /// Set if `core.hooksPath` says where hooks lie.
    pub hooks_path: Option<HooksPath>,
}

/// What `core.hooksPath` says, and where it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HooksPath {
    /// `local`, `worktree`, `global`, `system` or `command`, as git calls them.
    pub scope: String,
    /// The file it is set in, as git shows it.
    pub origin: String,
    /// Its value.
    pub value: String,
}

impl HooksPath {
    /// True if other repositories run the hooks there too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !matches!(self.scope.as_str(), "local" | "worktree")
    }
}

impl Place {
    /// The repository that holds `from`.
    ///
    /// # Errors
    /// If there is none, or git cannot be asked.
    pub fn of(from: &Path) -> Result<Self, HookError> {
        let bare = git(from, &["rev-parse", "--is-bare-repository"])?.starts_with(b"true");
        let path = |arguments: &[&str]| {
            let arguments: Vec<&str> =
                ["rev-parse", "--path-format=absolute"].iter().chain(arguments).copied().collect();
            Ok::<_, HookError>(path_of(&git(from, &arguments)?))
        };
        let top = if bare { None } else { path(&["--show-toplevel"]).ok() };
        // Git runs hooks in the working tree's root, or in the folder of a bare repository: a relative path begins there.
        let base = match &top {
            Some(top) => top.clone(),
            None => path(&["--git-dir"])?,
        };
        let hooks_path = hooks_path(&base);
        Ok(Self { common: path(&["--git-common-dir"])?, hooks: hooks_folder(&base)?, top, hooks_path })
    }

    /// What the repository's own configuration says under `key`.
    #[must_use]
    pub fn recorded(&self, key: &str) -> Option<String> {
        let value = git(&self.common, &["config", "--local", "--get", key]).ok()?;
        Some(String::from_utf8_lossy(&value).trim_end_matches('\n').to_owned())
    }

    /// Writes `value` under `key` into the repository's own configuration; nothing takes it out.
    ///
    /// # Errors
    /// If git refuses.
    pub fn record(&self, key: &str, value: Option<&OsStr>) -> Result<(), HookError> {
        match value {
            Some(value) => {
                let arguments = ["config", "--local", "--replace-all", key].map(OsStr::new);
                git_with(&self.common, &[&arguments[..], &[value]].concat()).map(|_| ())
            }
            None if self.recorded(key).is_some() => {
                git(&self.common, &["config", "--local", "--unset-all", key]).map(|_| ())
            }
            None => Ok(()),
        }
    }
}

impl Place {
    /// How the installed git calls itself.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn version(&self) -> Result<String, HookError> {
        Ok(String::from_utf8_lossy(&git(&self.common, &["version"])?).trim().to_owned())
    }

    /// All that git's configuration says of hooks, from wherever it is set: scope, NUL, key, newline, value, NUL.
    ///
    /// # Errors
    /// If it says nothing of any.
    pub fn hook_settings(&self) -> Result<Vec<u8>, HookError> {
        let keys = r"^hook\..*\.(event|command|enabled)$";
        git(self.top.as_ref().unwrap_or(&self.common), &["config", "--null", "--show-scope", "--get-regexp", keys])
    }

    /// Takes a whole section out of the repository's own configuration.
    ///
    /// # Errors
    /// If git refuses.
    pub fn forget_section(&self, section: &str) -> Result<(), HookError> {
        git(&self.common, &["config", "--local", "--remove-section", section]).map(|_| ())
    }
}

fn hooks_folder(base: &Path) -> Result<PathBuf, HookError> {
    Ok(path_of(&git(base, &["rev-parse", "--path-format=absolute", "--git-path", "hooks"])?))
}

/// Nothing if it is not set.
fn hooks_path(base: &Path) -> Option<HooksPath> {
    let said =
        git(base, &["config", "--null", "--show-scope", "--show-origin", "--type=path", "--get", "core.hooksPath"])
            .ok()?;
    let text = String::from_utf8_lossy(&said);
    let mut parts = text.split('\0').map(str::to_owned);
    Some(HooksPath { scope: parts.next()?, origin: parts.next()?, value: parts.next()? })
}

fn path_of(line: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(line.strip_suffix(b"\n").unwrap_or(line)))
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, HookError> {
    let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    git_with(folder, &arguments)
}

/// Runs git in `folder`, without the variables that bind it to another repository.
fn git_with(folder: &Path, arguments: &[&OsStr]) -> Result<Vec<u8>, HookError> {
    let bound = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"];
    let command = duct::cmd("git", arguments).dir(folder).stdin_null().stdout_capture().stderr_capture().unchecked();
    let command = bound.iter().fold(command, |command, name| command.env_remove(name));
    let output = command.run().map_err(HookError::NoGit)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(HookError::Git { folder: folder.to_path_buf(), said })
}
