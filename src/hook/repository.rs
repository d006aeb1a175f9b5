//! The repository that a hook runs in, as git's variables name it, quarantined objects included; and what a push changes.
//!
//! Whatever cannot be found out (a shallow clone, a commit of the remote's that was never fetched) counts as a change.

use std::env;
use std::path::{Path, PathBuf};

use git2::{Commit, DiffOptions, ObjectType, Oid, Repository, RepositoryOpenFlags, Tree, TreeWalkMode, TreeWalkResult};

use super::HookError;
use super::concern::{self, Owner};
use super::incoming::{Branches, RefUpdate};

/// More new commits than this are not looked through one by one.
const MANY: usize = 2_000;

/// What a push changes for a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Something that a compile reads, or nobody can say.
    Build,
    /// Nothing that any compile reads.
    NothingOfABuild,
    /// Nothing that the remote does not have.
    NothingNew,
    /// It is no commit, so nothing can be deployed from it.
    NoCommit,
}

/// An open repository.
pub struct HookRepository {
    inner: Repository,
}

impl HookRepository {
    /// The one that git runs the hook for, or the one around the current folder.
    ///
    /// # Errors
    /// If there is none, or it is of a kind that libgit2 cannot read.
    pub fn open() -> Result<Self, HookError> {
        let inner = Repository::open_from_env().map_err(HookError::Unreadable)?;
        Ok(Self { inner })
    }

    /// Where it can be opened again: the working tree's root, or the folder of a bare one.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        let place = self.inner.workdir().unwrap_or_else(|| self.inner.path());
        std::path::absolute(place).unwrap_or_else(|_| place.to_path_buf())
    }

    /// The root of the working tree.
    #[must_use]
    pub fn top(&self) -> Option<&Path> {
        self.inner.workdir()
    }

    /// True if the folder `live` is a working tree of this very repository.
    #[must_use]
    pub fn has_working_tree(&self, live: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().ok();
        let own = Repository::open_ext(live, RepositoryOpenFlags::NO_SEARCH, std::iter::empty::<&Path>());
        own.is_ok_and(|own| !own.is_bare() && real(own.commondir()) == real(self.inner.commondir()))
    }

    /// Folders with objects that are not in the repository itself: while `pre-receive` runs, what is pushed lies in
    /// quarantine (git-receive-pack(1)).
    #[must_use]
    pub fn borrowed_objects() -> Vec<PathBuf> {
        let one = env::var_os("GIT_OBJECT_DIRECTORY").map(PathBuf::from);
        let more = env::var_os("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
        let all = one.into_iter().chain(env::split_paths(&more)).filter(|path| !path.as_os_str().is_empty());
        all.filter_map(|path| std::path::absolute(path).ok()).collect()
    }

    /// A value of its configuration.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<String> {
        self.inner.config().ok()?.snapshot().ok()?.get_str(key).ok().map(str::to_owned)
    }

    /// The branch that HEAD names, born or not.
    #[must_use]
    pub fn head_branch(&self) -> Option<String> {
        let head = self.inner.find_reference("HEAD").ok()?;
        let target = head.symbolic_target().ok().flatten()?;
        target.strip_prefix("refs/heads/").map(str::to_owned)
    }

    /// Whose repository it is, by what the commit `id` (or HEAD) holds: Mastodon's tree has a file that says its version.
    #[must_use]
    pub fn owner(&self, id: Option<&str>) -> Owner {
        let tree = match id {
            Some(id) => self.commit(id).and_then(|commit| commit.tree().ok()),
            None => self.inner.head().ok().and_then(|head| head.peel_to_tree().ok()),
        };
        let is_site = |tree: &Tree<'_>| {
            ["lib/mastodon/version.rb", "app/javascript/flavours"]
                .iter()
                .any(|path| tree.get_path(Path::new(path)).is_ok())
        };
        match tree {
            Some(tree) if !is_site(&tree) => Owner::Theme,
            _ => Owner::Site,
        }
    }

    fn commit(&self, id: &str) -> Option<Commit<'_>> {
        let object = self.inner.find_object(Oid::from_str(id).ok()?, None).ok()?;
        object.peel_to_commit().ok()
    }

    /// What the push of one ref changes; `remote` is the name of the remote that it goes to, and which of its branches are
    /// judged; `None` where it arrives.
    #[must_use]
    pub fn touch(&self, update: &RefUpdate, remote: Option<(&str, &Branches)>, owner: Owner) -> Touch {
        let Some(new) = update.new.as_deref() else { return Touch::NoCommit };
        let Some(tip) = self.commit(new) else {
            let id = Oid::from_str(new).ok();
            let known = id.and_then(|id| self.inner.find_object(id, Some(ObjectType::Any)).ok()).is_some();
            return if known { Touch::NoCommit } else { Touch::Build };
        };
        let changes = match (update.old.as_deref(), remote) {
            (Some(old), _) => self.between(old, &tip, owner),
            (None, Some((remote, judged))) => self.since_remote(remote, judged, &tip, owner),
            (None, None) => self.since_head(&tip, owner),
        };
        match changes {
            Some(Touch::NothingOfABuild | Touch::NothingNew) if self.has_link_out(&tip, owner) => Touch::Build,
            Some(touch) => touch,
            None => Touch::Build,
        }
    }

    fn between(&self, old: &str, tip: &Commit<'_>, owner: Owner) -> Option<Touch> {
        let old = self.commit(old)?;
        self.trees(Some(&old.tree().ok()?), &tip.tree().ok()?, owner)
    }

    fn since_head(&self, tip: &Commit<'_>, owner: Owner) -> Option<Touch> {
        let head = self.inner.head().ok()?.peel_to_tree().ok()?;
        self.trees(Some(&head), &tip.tree().ok()?, owner)
    }

    /// What the commits change that no judged branch of the remote had when it was last asked.
    fn since_remote(&self, remote: &str, judged: &Branches, tip: &Commit<'_>, owner: Owner) -> Option<Touch> {
        let mut walk = self.inner.revwalk().ok()?;
        walk.push(tip.id()).ok()?;
        let known = self.branches_of(remote, judged)?;
        known.first()?;
        known.into_iter().try_for_each(|id| walk.hide(id)).ok()?;
        let mut answer = Touch::NothingNew;
        for (count, id) in walk.enumerate() {
            let commit = self.inner.find_commit(id.ok()?).ok()?;
            let before = commit.parent(0).ok()?.tree().ok()?;
            answer = Touch::NothingOfABuild;
            if count >= MANY || self.trees(Some(&before), &commit.tree().ok()?, owner)? == Touch::Build {
                return Some(Touch::Build);
            }
        }
        Some(answer)
    }

    /// Where the judged branches of a remote were when it was last asked.
    fn branches_of(&self, remote: &str, judged: &Branches) -> Option<Vec<Oid>> {
        let beginning = format!("refs/remotes/{remote}/");
        let mut ids = Vec::new();
        for reference in self.inner.references_glob(&format!("{beginning}*")).ok()? {
            let reference = reference.ok()?;
            let branch = reference.name().ok()?.strip_prefix(&beginning)?.to_owned();
            if branch != "HEAD" && judged.fits(&branch) {
                ids.push(reference.peel_to_commit().ok()?.id());
            }
        }
        Some(ids)
    }

    /// What the index changes, before a commit.
    #[must_use]
    pub fn touch_of_index(&self, owner: Owner) -> Touch {
        let changes = || {
            let head = self.inner.head().ok()?.peel_to_tree().ok()?;
            let index = self.inner.index().ok()?;
            let diff = self.inner.diff_tree_to_index(Some(&head), Some(&index), Some(&mut options())).ok()?;
            Some(judge(&diff, owner))
        };
        changes().unwrap_or(Touch::Build)
    }

    /// What lies between two commits, for a warning.
    #[must_use]
    pub fn touch_between(&self, old: &str, new: &str, owner: Owner) -> Touch {
        let tree = |rev: &str| self.inner.revparse_single(rev).ok()?.peel_to_tree().ok();
        let changes = || self.trees(Some(&tree(old)?), &tree(new)?, owner);
        changes().unwrap_or(Touch::Build)
    }

    fn trees(&self, old: Option<&Tree<'_>>, new: &Tree<'_>, owner: Owner) -> Option<Touch> {
        Some(judge(&self.inner.diff_tree_to_tree(old, Some(new), Some(&mut options())).ok()?, owner))
    }

    /// True if a link of the tree may lead from where a compile looks to where it does not, or if that cannot be told.
    fn has_link_out(&self, tip: &Commit<'_>, owner: Owner) -> bool {
        const LINK: i32 = 0o120_000;
        let mut found = false;
        let walked = tip.tree().and_then(|tree| {
            tree.walk(TreeWalkMode::PreOrder, |_, entry| {
                if entry.filemode() == LINK {
                    let blob = self.inner.find_blob(entry.id());
                    let target = blob.map(|blob| String::from_utf8_lossy(blob.content()).into_owned());
                    found |= target.map_or(true, |target| concern::link_may_lead_there(&target, owner));
                }
                if found { TreeWalkResult::Abort } else { TreeWalkResult::Ok }
            })
        });
        found || walked.is_err()
    }
}

fn options() -> DiffOptions {
    let mut options = DiffOptions::new();
    options.include_typechange(true).skip_binary_check(true);
    options
}

fn judge(diff: &git2::Diff<'_>, owner: Owner) -> Touch {
    let concerns = |bytes: Option<&[u8]>| {
        bytes.is_some_and(|bytes| concern::concerns_a_build(&String::from_utf8_lossy(bytes), owner))
    };
    let mut deltas = diff.deltas();
    let touches =
        deltas.any(|delta| concerns(delta.old_file().path_bytes()) || concerns(delta.new_file().path_bytes()));
    if touches { Touch::Build } else { Touch::NothingOfABuild }
}
