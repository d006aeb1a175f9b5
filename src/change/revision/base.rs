//! Which commit the live tree was made from, and whether its own checkout is in a state to be judged.

use std::path::Path;

use git2::{Oid, Repository, RepositoryOpenFlags, RepositoryState};

use super::repository::Source;
use super::{RevisionError, SiteRevision};
use crate::finding::Finding;

/// The live tree's own repository, if it is a checkout that git lets us read.
pub(super) fn own_repository(live: &Path) -> Option<Repository> {
    Repository::open_ext(live, RepositoryOpenFlags::NO_SEARCH, std::iter::empty::<&Path>()).ok()
}

/// The tree of the commit that the live tree was made from: the one that was named, else the HEAD of its own checkout if
/// `source` has that commit, else the HEAD of `source`; `None` for a repository without any commit.
pub(super) fn tree_of(source: &Source, wanted: &SiteRevision, live: &Path) -> Result<Option<Oid>, RevisionError> {
    if let Some(named) = &wanted.base {
        return Ok(Some(source.commit(named)?.0.tree_id()));
    }
    let own_head = own_repository(live).and_then(|own| Some(own.head().ok()?.peel_to_commit().ok()?.id()));
    let known = own_head.and_then(|id| source.repository.find_commit(id).ok());
    if let Some(commit) = known {
        return Ok(Some(commit.tree_id()));
    }
    if source.repository.head().is_err() {
        return Ok(None);
    }
    Ok(Some(source.commit("HEAD")?.0.tree_id()))
}

/// What stands between a checkout and any other revision: a merge or the like that is not finished.
pub(super) fn unfinished(live: &Path) -> Option<Finding> {
    let own = own_repository(live)?;
    let (what, end) = match own.state() {
        RepositoryState::Merge => ("a merge", "git merge --abort"),
        RepositoryState::Revert | RepositoryState::RevertSequence => ("a revert", "git revert --abort"),
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => {
            ("a cherry-pick", "git cherry-pick --abort")
        }
        RepositoryState::Rebase | RepositoryState::RebaseInteractive | RepositoryState::RebaseMerge => {
            ("a rebase", "git rebase --abort")
        }
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => ("git am", "git am --abort"),
        _ if own.index().is_ok_and(|index| index.has_conflicts()) => ("a merge with conflicts", "git status"),
        _ => return None,
    };
    let live = live.display();
    Some(
        Finding::fatal("live-tree-mid-merge", format!("The live tree is in the middle of {what}."))
            .at(".git")
            .meaning("Its files are neither of the one commit nor of the other, and git would check out nothing else before that is over.")
            .help(format!("Finish it, or see what it is and end it: git -C {live} status; {}", end.replace("git ", &format!("git -C {live} ")))),
    )
}
