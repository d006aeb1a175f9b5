//! Changes that lie in git: a theme repository, or the site's own, at a revision.
//!
//! Objects are read, never a working tree, and what comes out of them is what a checkout would write. Nothing that a
//! repository brings is run: libgit2 knows neither hooks nor external filters nor a file-system monitor, and of a
//! repository's configuration only what decides line ends is taken over. Nothing is written but in a scratch folder.

mod base;
mod bytes;
mod checkout;
mod error;
pub(super) mod lfs;
mod listing;
mod local_edits;
mod merge;
mod reading;
mod rehearsal;
mod repository;
mod site_tree;
mod theme;

use std::path::{Path, PathBuf};

pub use error::RevisionError;
pub use rehearsal::{Rehearsal, own_themes, read_rehearsal};
pub use site_tree::read_site_revision;
pub use theme::read_theme_revision;

/// A repository on the disk: the root of a working tree, a linked worktree or a bare repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPlace {
    /// Where it lies.
    pub path: PathBuf,
    /// Folders that hold objects which are not in it yet: what is being pushed lies in such a quarantine while a
    /// `pre-receive` hook runs (`GIT_OBJECT_DIRECTORY`, git-receive-pack(1)).
    pub objects: Vec<PathBuf>,
}

impl RepositoryPlace {
    /// The repository at `path`, with nothing borrowed.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), objects: Vec::new() }
    }
}

/// A commit, and how it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionName {
    /// As it was given: a branch, a tag, `HEAD~2`, an abbreviation.
    pub given: String,
    /// The commit's whole name, hexadecimal.
    pub commit: String,
}

impl RevisionName {
    /// The first digits of the commit, as git shows it.
    #[must_use]
    pub fn short(&self) -> &str {
        self.commit.get(..10).unwrap_or(&self.commit)
    }
}

impl std::fmt::Display for RevisionName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.commit.starts_with(&self.given) {
            return write!(out, "{}", self.short());
        }
        write!(out, "{} ({})", self.given, self.short())
    }
}

/// What becomes of edits that somebody made in the live tree and did not commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LocalEdits {
    /// They stay, and are merged where the revision changes the same file, as `git checkout --merge` does.
    #[default]
    Carry,
    /// They stop the change.
    Refuse,
    /// They are overwritten, as `git checkout --force` does.
    Drop,
    /// They are left out with every file that git does not know, as in a fresh clone: a commit is judged that somebody makes
    /// in the live tree itself.
    LeaveOut,
}

/// A revision of the repository that the live tree is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRevision {
    /// The repository; `None` for the one that the live tree is a checkout of.
    pub repository: Option<RepositoryPlace>,
    /// The commit that shall go live: whatever `git rev-parse` takes.
    pub rev: String,
    /// The commit that the live tree was made from, where that is not the HEAD of its own checkout, else of the repository.
    pub base: Option<String>,
    /// What becomes of edits of the live tree.
    pub edits: LocalEdits,
}

/// The commit that `rev` names in the repository at `place`.
///
/// # Errors
/// If the repository cannot be read, or has no such commit.
pub fn resolve(place: &RepositoryPlace, rev: &str) -> Result<RevisionName, RevisionError> {
    Ok(repository::Source::open(place)?.commit(rev)?.1)
}

/// Whether a name can stand in a working tree and in a report.
fn is_plain_name(path: &Path) -> bool {
    path.to_str().is_some_and(|text| !text.chars().any(char::is_control) && !text.contains('\\'))
}
