//! git's hooks: a push or a commit that would break the site is refused, with the reason.
//!
//! Installing writes one small shell script a hook, and keeps the hook that was there. Running reads what git tells the hook,
//! decides which commits are to be judged, and has the gate judge them. Nothing here prints.

pub mod bypass;
pub mod concern;
pub mod configured;
pub mod incoming;
mod index_commit;
pub mod install;
mod judgement;
pub mod kept;
mod name;
pub mod place;
pub mod repository;
pub mod run;
pub mod script;
mod wording;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use name::{HookName, content_with_a_look};

/// In the repository's own configuration: the live tree that its commits are judged for.
pub const LIVE_KEY: &str = "themegate.live";

/// In the repository's own configuration: whose repository it is, `site` or `theme`.
pub const OWNER_KEY: &str = "themegate.repository";

/// In the repository's own configuration: the state folder, where it is not beside the live tree.
pub const STATE_KEY: &str = "themegate.state";

/// In the repository's own configuration: the file with the site's settings, where it was named.
pub const CONFIG_KEY: &str = "themegate.config";

/// Why a hook could not be installed, taken away or run.
#[derive(Debug, Error)]
pub enum HookError {
    /// git itself.
    #[error("git could not be run: {0}\nHooks are installed and run by git: install it first.")]
    NoGit(io::Error),
    /// git refused.
    #[error(
        "git refused in {folder}: {said}\nGo into the repository first: the theme's, the site's, or the bare one that deploys."
    )]
    Git {
        /// Where it was run.
        folder: PathBuf,
        /// What it said.
        said: String,
    },
    /// A hooks folder that serves every repository of the user or of the machine.
    #[error(
        "core.hooksPath is set to {} in {}: a hook there runs for every repository that this setting reaches.\n\
         To use a hooks folder of this repository's own: git config --local core.hooksPath {}\n\
         (git then runs no hook of the shared folder here.) To install in the shared folder all the same, where it leaves \
         alone whatever was not set up: add --shared-hooks. With git 2.54 or later, a hook in this repository's configuration \
         stands beside them: add --configured",
        set.value, set.origin, script::quoted(&common.join("hooks").to_string_lossy())
    )]
    SharedHooks {
        /// The setting.
        set: place::HooksPath,
        /// The repository's folder.
        common: PathBuf,
    },
    /// A git that passes over what is configured.
    #[error(
        "{said} does not run hooks that are configured: git 2.54 and later does, and whatever older git is used here passes \
         them over without a word. Without --configured a hook file is written, which every git runs."
    )]
    TooOld {
        /// How it calls itself.
        said: String,
    },
    /// Somebody has switched configured hooks off.
    #[error(
        "git runs no hook for {event} that is configured here: it is switched off in git's configuration. See where: git config \
         --show-origin --get-regexp 'hook[.].*[.]enabled'\nWithout --configured a hook file is written, which git runs all the \
         same."
    )]
    SwitchedOff {
        /// The event.
        event: &'static str,
    },
    /// Our file, edited.
    #[error(
        "{hook} was written by themegate and edited since, so it is left alone.\n\
         Take out what was added, or move the file away if nothing in it is needed: mv {hook} {hook}.edited"
    )]
    Edited {
        /// The hook's file.
        hook: PathBuf,
    },
    /// Our file, replaced.
    #[error(
        "{hook} is no longer the file that themegate put there: somebody has replaced it since, and it is left alone. The \
         hook that was there before is {kept}.\n\
         If the new one stands for both: rm {kept}. If the old one is to come back: mv {kept} {hook}. Then run this again."
    )]
    Replaced {
        /// The hook's file.
        hook: PathBuf,
        /// Where the earlier hook is kept.
        kept: PathBuf,
    },
    /// git's own data cannot be read.
    #[error(
        "The repository cannot be read: {}\nIf it belongs to another user: git config --global --add safe.directory DIR. SHA-256 objects and reftables are not \
         understood yet.",
        .0.message()
    )]
    Unreadable(git2::Error),
    /// What git told the hook.
    #[error("{0}\nRun by hand, a hook gets nothing from git: try it with a push, or git push --dry-run.")]
    Malformed(#[from] incoming::Malformed),
    /// The site.
    #[error(
        "{0}\nThe live tree to judge for is recorded when the hook is installed: themegate hook install --live DIR"
    )]
    Site(#[from] crate::site::SiteError),
    /// The site's configuration.
    #[error(transparent)]
    Configuration(#[from] crate::configuration::ConfigurationError),
    /// A bypass that could not be written down does not count.
    #[error("The bypass could not be put on record, so it does not count: {0}")]
    Unrecorded(String),
    /// The disk.
    #[error("Could not {doing} {path}: {source}")]
    Disk {
        /// What was to be done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes an error of the disk into one that says what was to be done, and to which file.
fn in_file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HookError {
    let path = path.to_path_buf();
    move |source| HookError::Disk { doing, path, source }
}
