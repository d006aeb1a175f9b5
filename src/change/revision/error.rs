//! Why a revision could not be read at all.

use std::io;
use std::path::{Path, PathBuf};

use git2::{Error, ErrorCode};
use thiserror::Error as ThisError;

/// Why a revision could not be read at all.
#[derive(Debug, ThisError)]
pub enum RevisionError {
    /// There is no repository.
    #[error("{path} is no git repository, so it has no revisions.\n{advice}")]
    NotARepository {
        /// What was named.
        path: PathBuf,
        /// What to type.
        advice: &'static str,
    },
    /// It belongs to somebody else.
    #[error(
        "The repository {path} belongs to another user, and git does not trust it.\n\
         Run themegate as its owner, or say that you trust it: git config --global --add safe.directory {path}"
    )]
    OtherOwner {
        /// The repository.
        path: PathBuf,
    },
    /// libgit2 cannot read its format.
    #[error(
        "The repository {path} cannot be read: {why}.\n\
         Check the checked-out folder instead, without --rev; a repository with extensions (git config --get-regexp \
         '^extensions\\.') can also be copied to a plain one: git clone {path} COPY"
    )]
    Unusable {
        /// The repository.
        path: PathBuf,
        /// What libgit2 said.
        why: String,
    },
    /// No such revision.
    #[error("The repository {path} has no revision {rev}.\n{advice}")]
    Unknown {
        /// The repository.
        path: PathBuf,
        /// What was asked for.
        rev: String,
        /// What to type.
        advice: String,
    },
    /// More than one object begins so.
    #[error("{rev} names more than one object in {path}.\nWrite more of its digits.")]
    Ambiguous {
        /// The repository.
        path: PathBuf,
        /// What was asked for.
        rev: String,
    },
    /// A tree, a blob or a range.
    #[error("{rev} is no commit in {path}.\nName a branch, a tag or a commit: git -C {path} log --oneline")]
    NotACommit {
        /// The repository.
        path: PathBuf,
        /// What was asked for.
        rev: String,
    },
    /// An object is not there: a partial clone, or damage.
    #[error(
        "The repository {path} lacks a part of {rev}: {why}.\n\
         If it is a partial clone, get the rest: git -C {path} fetch --refetch --no-filter\nElse see what is damaged: git -C {path} fsck"
    )]
    Incomplete {
        /// The repository.
        path: PathBuf,
        /// The revision.
        rev: String,
        /// What libgit2 said.
        why: String,
    },
    /// More files than any Mastodon has.
    #[error(
        "{rev} of {path} holds more than {most} files: that is no {what}.\nSee what it is: git -C {path} ls-tree {rev}"
    )]
    TooMany {
        /// The repository.
        path: PathBuf,
        /// The revision.
        rev: String,
        /// The bound.
        most: usize,
        /// What was expected.
        what: &'static str,
    },
    /// The revision does not have the folder that was named.
    #[error("{rev} of {path} has no folder {folder}.\nSee what it has: git -C {path} ls-tree -r --name-only {rev}")]
    NoFolder {
        /// The repository.
        path: PathBuf,
        /// The revision.
        rev: String,
        /// The folder.
        folder: PathBuf,
    },
    /// The scratch folder.
    #[error("{path} could not be used while a revision was read: {source}\nSee that the disk has space: df -h, df -i")]
    Scratch {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl RevisionError {
    /// What keeps a repository from being opened.
    pub(super) fn opening(path: &Path, error: &Error) -> Self {
        let path = path.to_path_buf();
        match error.code() {
            ErrorCode::NotFound => Self::NotARepository {
                path,
                advice: "Leave --rev out to take the folder as it is, or name a clone of the repository.",
            },
            // git compares the name with the one it resolved itself.
            ErrorCode::Owner => Self::OtherOwner { path: path.canonicalize().unwrap_or(path) },
            _ => Self::Unusable { path, why: error.message().to_owned() },
        }
    }

    pub(super) fn scratch(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Scratch { path, source }
    }
}
