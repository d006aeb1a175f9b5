//! Arranges what the build sees: the whole system, unchangeable; the staged tree in the live one's place; folders of its own
//! for temporary files; a home that forgets. Secrets, sockets and other stages are covered.

use std::fs::{self, Metadata, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::fault::{Fault, failed};
use super::home::{self, Home};
use super::plan::{self, Plan, TEMPORARY};
use super::{devices, mounts};

/// Powers over the whole system, which root would have by the mere permission bits of these files.
const POWERS: [&str; 4] = ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"];

/// What it is arranged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// To see whether it can be: folders that would take writes and forget them are shown as they are, since a build does
    /// without where it must.
    Trial,
    /// A build.
    Build,
}

impl Occasion {
    /// The folder for what is its own. One that an overlay has used is not mounted by the kernel again.
    const fn folder(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Build => "build",
        }
    }
}

/// Everything that is needed later, opened before the paths to it are covered.
struct Parts {
    tree: OwnedFd,
    identity: (u64, u64),
    heard: OwnedFd,
    temporary: Vec<(&'static Path, OwnedFd)>,
    kept: Vec<(PathBuf, OwnedFd)>,
    caches: Vec<(PathBuf, OwnedFd)>,
    home: Option<Home>,
    covers: Vec<(PathBuf, OwnedFd)>,
    hidden: Vec<PathBuf>,
}

/// Arranges it, in a mount namespace that is new. Nothing but the first process of a new process namespace may call it.
pub(super) fn arrange(plan: &Plan, occasion: Occasion) -> Result<(), Fault> {
    mounts::keep_private()?;
    mounts::processes()?;
    // A mount of its own stays writable when all others are frozen.
    mounts::attach(&mounts::twin(&plan.stage)?, &plan.stage)?;
    mounts::freeze_all_but(&[&plan.stage, Path::new("/proc"), Path::new("/dev")])?;
    let parts = open(plan, occasion)?;
    for (at, own) in &parts.temporary {
        mounts::attach(own, at)?;
    }
    for (at, tree) in &parts.kept {
        mounts::attach_new(tree, at, is_folder(tree))?;
    }
    for (at, cache) in &parts.caches {
        mounts::attach(cache, at)?;
    }
    if let Some(home) = parts.home {
        home.attach()?;
    }
    hide(&parts.hidden, &parts.covers)?;
    cover_state(plan, &parts.heard)?;
    mounts::attach_new(&parts.tree, &plan.at, true)?;
    devices::replace()?;
    POWERS.map(Path::new).into_iter().filter(|path| path.exists()).try_for_each(mounts::freeze)?;
    verify(plan, parts.identity)
}

fn open(plan: &Plan, occasion: Occasion) -> Result<Parts, Fault> {
    let space = plan::space(&plan.stage).join(occasion.folder());
    plan::make_folder(&space)?;
    let own = |name: &str| -> Result<PathBuf, Fault> {
        let folder = space.join(name);
        plan::make_folder(&folder)?;
        Ok(folder)
    };
    let present = TEMPORARY.iter().map(Path::new).filter(|folder| folder.is_dir() && !folder.is_symlink());
    let temporary = present.map(|at| {
        let folder = own(&at.to_string_lossy().replace('/', "-"))?;
        fs::set_permissions(&folder, Permissions::from_mode(0o1777)).map_err(failed("open to all", &folder))?;
        Ok((at, mounts::twin(&folder)?))
    });
    let kept = plan.kept.iter().filter(|path| path.exists());
    let kept = kept.map(|path| Ok((path.clone(), mounts::twin(path)?)));
    let caches = plan.caches.iter().enumerate();
    let forgetful = |path: &Path, space: &Path| match occasion {
        Occasion::Build => home::forgetful(path, space),
        Occasion::Trial => mounts::twin(path),
    };
    let caches =
        caches.map(|(index, path)| Ok((path.clone(), forgetful(path, &space.join(format!("cache-{index}")))?)));
    let empty = own("empty")?;
    let replaced = [plan.at.as_path(), plan.state.as_path()];
    let home = plan.home.as_deref().map(|at| Home::open(at, &space, &replaced, &forgetful)).transpose()?.flatten();
    let bare = plan.home.as_deref().filter(|_| home.is_none());
    let (folders, files) = bare.map(home::keys).unwrap_or_default();
    let covers = plan.hidden_folders.iter().chain(&folders).map(|path| Ok((path.clone(), mounts::twin(&empty)?)));
    Ok(Parts {
        tree: mounts::twin(&plan.tree)?,
        identity: identity(&fs::metadata(&plan.tree).map_err(failed("read", &plan.tree))?),
        heard: mounts::twin(&plan.heard)?,
        temporary: temporary.collect::<Result<_, Fault>>()?,
        kept: kept.collect::<Result<_, Fault>>()?,
        caches: caches.collect::<Result<_, Fault>>()?,
        home,
        covers: covers.collect::<Result<_, Fault>>()?,
        hidden: plan.hidden.iter().cloned().chain(files).collect(),
    })
}

fn is_folder(tree: &OwnedFd) -> bool {
    rustix::fs::fstat(tree).is_ok_and(|status| FileType::from_raw_mode(status.st_mode) == FileType::Directory)
}

/// Covers what the build must not reach. What is not there needs no cover.
fn hide(files: &[PathBuf], folders: &[(PathBuf, OwnedFd)]) -> Result<(), Fault> {
    for (folder, empty) in folders.iter().filter(|(path, _)| path.is_dir()) {
        mounts::attach(empty, folder)?;
    }
    for path in files.iter().filter(|path| fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir())) {
        mounts::attach(&mounts::twin(Path::new("/dev/null"))?, path)?;
    }
    Ok(())
}

/// Of the state folder, the build sees where the bundler's ear writes, and nothing else.
fn cover_state(plan: &Plan, heard: &OwnedFd) -> Result<(), Fault> {
    if !plan.state.is_dir() {
        fs::create_dir_all(&plan.state).map_err(failed("make", &plan.state))?;
    }
    mounts::memory(&plan.state, "mode=0755,size=64k")?;
    mounts::attach_new(heard, &plan.heard, true)?;
    mounts::freeze_memory(&plan.state)
}

/// The staged tree stands where it should.
fn verify(plan: &Plan, wanted: (u64, u64)) -> Result<(), Fault> {
    let found = fs::metadata(&plan.at).map_err(failed("read", &plan.at))?;
    if identity(&found) == wanted {
        Ok(())
    } else {
        Err(Fault(format!("the staged tree does not stand at {}", plan.at.display())))
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
