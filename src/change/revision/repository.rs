//! Opens a repository and finds a commit in it.

use std::path::{Path, PathBuf};

use git2::{Commit, ErrorCode, Repository, RepositoryOpenFlags, Tree};

use super::{RepositoryPlace, RevisionError, RevisionName};

/// A repository that is open for reading.
pub(super) struct Source {
    /// The repository itself.
    pub(super) repository: Repository,
    /// As it was named.
    pub(super) path: PathBuf,
    /// Where its objects lie, borrowed ones included.
    pub(super) objects: Vec<PathBuf>,
}

impl Source {
    /// Opens the repository whose root is named.
    pub(super) fn open(place: &RepositoryPlace) -> Result<Self, RevisionError> {
        Self::open_as(place, RepositoryOpenFlags::NO_SEARCH)
    }

    /// Opens the repository that holds the named folder; the second value is the folder's place in it.
    pub(super) fn open_around(place: &RepositoryPlace) -> Result<(Self, PathBuf), RevisionError> {
        if let Ok(source) = Self::open(place) {
            return Ok((source, PathBuf::new()));
        }
        let source = Self::open_as(place, RepositoryOpenFlags::empty())?;
        let named = place.path.canonicalize().unwrap_or_else(|_| place.path.clone());
        let root = source.repository.workdir().map(|root| root.canonicalize().unwrap_or_else(|_| root.to_path_buf()));
        let below = root.and_then(|root| named.strip_prefix(root).ok().map(Path::to_path_buf)).unwrap_or_default();
        Ok((source, below))
    }

    fn open_as(place: &RepositoryPlace, flags: RepositoryOpenFlags) -> Result<Self, RevisionError> {
        let path = place.path.as_path();
        let refused = |error: git2::Error| RevisionError::opening(path, &error);
        let repository = Repository::open_ext(path, flags, std::iter::empty::<&Path>()).map_err(refused)?;
        let own = repository.commondir().join("objects");
        let borrowed: Vec<PathBuf> = place.objects.iter().filter(|folder| folder.is_dir()).cloned().collect();
        let odb = repository.odb().map_err(refused)?;
        for folder in borrowed.iter().filter_map(|folder| folder.to_str()) {
            odb.add_disk_alternate(folder).map_err(refused)?;
        }
        drop(odb);
        let objects = std::iter::once(own).chain(borrowed).collect();
        Ok(Self { repository, path: path.to_path_buf(), objects })
    }

    /// The commit that `rev` names.
    pub(super) fn commit(&self, rev: &str) -> Result<(Commit<'_>, RevisionName), RevisionError> {
        let object = self.repository.revparse_single(rev).map_err(|error| self.unknown(rev, &error))?;
        let commit = object.peel_to_commit();
        let commit = commit.map_err(|_| RevisionError::NotACommit { path: self.path.clone(), rev: rev.to_owned() })?;
        let name = RevisionName { given: rev.to_owned(), commit: commit.id().to_string() };
        Ok((commit, name))
    }

    /// The tree of a commit.
    pub(super) fn tree(&self, commit: &Commit<'_>, rev: &RevisionName) -> Result<Tree<'_>, RevisionError> {
        self.repository.find_tree(commit.tree_id()).map_err(|error| self.incomplete(rev, &error))
    }

    fn unknown(&self, rev: &str, error: &git2::Error) -> RevisionError {
        let (path, rev) = (self.path.clone(), rev.to_owned());
        let here = path.display();
        let advice = if self.repository.is_shallow() {
            format!("It is a shallow clone; get the rest of its history: git -C {here} fetch --unshallow --tags")
        } else {
            format!(
                "Get what the remote has: git -C {here} fetch --all --tags\nSee what there is: git -C {here} branch -a; git -C {here} tag"
            )
        };
        match error.code() {
            ErrorCode::Ambiguous => RevisionError::Ambiguous { path, rev },
            ErrorCode::InvalidSpec if rev.contains("..") => RevisionError::NotACommit { path, rev },
            _ => RevisionError::Unknown { advice, path, rev },
        }
    }

    /// Something that the revision is made of is not there.
    pub(super) fn incomplete(&self, rev: &RevisionName, error: &git2::Error) -> RevisionError {
        let why = error.message().to_owned();
        RevisionError::Incomplete { path: self.path.clone(), rev: rev.to_string(), why }
    }
}
