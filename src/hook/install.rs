//! Puts hook files in place and takes them away again. A hook that is found is kept beside ours, with its mode and bytes, and
//! comes back when ours goes.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::HookName;
use super::place::Place;
use super::script::{self, Author, KEPT_ENDING};
use super::{HookError, in_file};

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Nothing,
    Ours,
    Edited,
    Foreign,
}

/// What an installation did to one hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// There was no hook.
    New,
    /// There was a hook; it is kept, and runs first.
    Kept,
    /// Ours was there, and is written anew.
    Renewed,
    /// Ours was there as it should be.
    Unchanged,
}

/// What an uninstallation did to one hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uninstalled {
    /// Ours is gone.
    Removed,
    /// Ours is gone, and the hook that was there before is back.
    Restored,
    /// Ours was not there.
    Absent,
}

/// The file of a hook, and where a hook that was found is kept.
#[derive(Debug, Clone)]
pub struct Files {
    /// The file that git runs.
    pub hook: PathBuf,
    /// The one that was there before.
    pub kept: PathBuf,
}

impl Files {
    /// Those of `hook` in the folder `hooks`.
    #[must_use]
    pub fn of(hooks: &Path, hook: HookName) -> Self {
        let name = hook.word();
        Self { hook: hooks.join(name), kept: hooks.join(format!("{name}{KEPT_ENDING}")) }
    }

    fn standing(&self) -> Result<Standing, HookError> {
        let bytes = match fs::read(&self.hook) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.hook.is_symlink() => {
                return Ok(Standing::Nothing);
            }
            // A dangling link is somebody's too.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Foreign),
            Err(error) => return Err(in_file("read", &self.hook)(error)),
        };
        Ok(match script::author(&bytes) {
            Author::Themegate if !self.hook.is_symlink() => Standing::Ours,
            Author::EditedSince => Standing::Edited,
            Author::Themegate | Author::SomebodyElse => Standing::Foreign,
        })
    }

    fn has_kept(&self) -> bool {
        self.kept.symlink_metadata().is_ok()
    }

    /// True if the hook and the kept one are the same again: a tool has written its own anew.
    fn are_twins(&self) -> bool {
        let bytes = |path: &Path| fs::read(path).ok();
        bytes(&self.hook).is_some_and(|hook| Some(hook) == bytes(&self.kept))
    }
}

/// Installs `hook` in the repository at `place`, so that it runs `program`.
///
/// # Errors
/// If the hooks folder serves other repositories and `shared` does not ask for that; if somebody has edited or replaced our
/// file since; or if the disk refuses.
pub fn install(place: &Place, hook: HookName, program: &Path, shared: bool) -> Result<Installed, HookError> {
    if let Some(set) = place.hooks_path.as_ref().filter(|set| set.is_shared() && !shared) {
        return Err(HookError::SharedHooks { set: set.clone(), common: place.common.clone() });
    }
    let shared = shared && place.hooks_path.as_ref().is_some_and(super::place::HooksPath::is_shared);
    let files = Files::of(&place.hooks, hook);
    let text = script::text(hook, program, shared);
    fs::create_dir_all(&place.hooks).map_err(in_file("make", &place.hooks))?;
    match (files.standing()?, files.has_kept()) {
        (Standing::Ours, _) if is_whole(&files.hook, &text) => Ok(Installed::Unchanged),
        (Standing::Ours, _) => put(&files.hook, &text).map(|()| Installed::Renewed),
        (Standing::Edited, _) => Err(HookError::Edited { hook: files.hook }),
        (Standing::Nothing, _) => put(&files.hook, &text).map(|()| Installed::New),
        (Standing::Foreign, true) if !files.are_twins() => {
            Err(HookError::Replaced { hook: files.hook, kept: files.kept })
        }
        (Standing::Foreign, has_kept) => {
            if !has_kept {
                keep(&files)?;
            }
            put(&files.hook, &text).map(|()| Installed::Kept)
        }
    }
}

/// Takes `hook` away from the repository at `place`, and puts back the one that was there before.
///
/// # Errors
/// If somebody has edited or replaced our file since, or the disk refuses.
pub fn uninstall(place: &Place, hook: HookName) -> Result<Uninstalled, HookError> {
    let files = Files::of(&place.hooks, hook);
    let restore = |files: &Files| fs::rename(&files.kept, &files.hook).map_err(in_file("put back", &files.hook));
    match (files.standing()?, files.has_kept()) {
        (Standing::Edited, _) => Err(HookError::Edited { hook: files.hook }),
        (Standing::Foreign, true) => Err(HookError::Replaced { hook: files.hook, kept: files.kept }),
        (Standing::Ours | Standing::Nothing, true) => restore(&files).map(|()| Uninstalled::Restored),
        (Standing::Ours, false) => {
            fs::remove_file(&files.hook).map(|()| Uninstalled::Removed).map_err(in_file("remove", &files.hook))
        }
        (Standing::Foreign | Standing::Nothing, false) => Ok(Uninstalled::Absent),
    }
}

/// True if git would run our hook here.
#[must_use]
pub fn is_installed(place: &Place, hook: HookName) -> bool {
    Files::of(&place.hooks, hook).standing().is_ok_and(|standing| matches!(standing, Standing::Ours | Standing::Edited))
}

/// Gives the hook a second name, so that there is one under the first at every instant; where the file system has no second
/// names, it moves.
fn keep(files: &Files) -> Result<(), HookError> {
    let linked = fs::hard_link(&files.hook, &files.kept);
    linked.or_else(|_| fs::rename(&files.hook, &files.kept)).map_err(in_file("keep", &files.hook))
}

fn is_whole(hook: &Path, text: &str) -> bool {
    let executable = fs::metadata(hook).is_ok_and(|facts| facts.permissions().mode() & 0o111 == 0o111);
    executable && fs::read(hook).is_ok_and(|bytes| bytes == text.as_bytes())
}

/// Writes the hook beside its place and moves it there, so that git never runs half of it.
fn put(hook: &Path, text: &str) -> Result<(), HookError> {
    let folder = hook.parent().unwrap_or(hook);
    let write = || {
        let mut draft = tempfile::Builder::new().prefix(".themegate-").tempfile_in(folder)?;
        draft.write_all(text.as_bytes())?;
        draft.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
        draft.as_file().sync_all()?;
        draft.persist(hook).map(|_| ()).map_err(|error| error.error)
    };
    write().map_err(in_file("write", hook))
}

/// The path under which themegate is to be found later: the one in `PATH` if that is this very program, because an upgrade
/// keeps it, else the program's own file.
#[must_use]
pub fn lasting_path(own: &Path, path: Option<&std::ffi::OsStr>) -> PathBuf {
    let canonical = fs::canonicalize(own).ok();
    let mut named = path.into_iter().flat_map(std::env::split_paths).map(|folder| folder.join("themegate"));
    named
        .find(|named| named.is_absolute() && canonical.is_some() && fs::canonicalize(named).ok() == canonical)
        .unwrap_or_else(|| own.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(hooks: &Path) -> Place {
        Place { common: hooks.to_path_buf(), hooks: hooks.to_path_buf(), top: None, hooks_path: None }
    }

    fn theirs(hooks: &Path, text: &str, mode: u32) {
        let file = hooks.join("pre-push");
        fs::write(&file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn set_up(hooks: &Path) -> Result<Installed, HookError> {
        install(&place(hooks), HookName::PrePush, Path::new("/bin/themegate"), false)
    }

    fn take_away(hooks: &Path) -> Result<Uninstalled, HookError> {
        uninstall(&place(hooks), HookName::PrePush)
    }

    #[test]
    fn a_hook_that_is_found_is_kept_and_comes_back_byte_for_byte() {
        let hooks = tempfile::tempdir().unwrap();
        theirs(hooks.path(), "#!/bin/sh\nexit 3", 0o750);
        assert_eq!(set_up(hooks.path()).unwrap(), Installed::Kept);
        assert_eq!(set_up(hooks.path()).unwrap(), Installed::Unchanged);
        assert_eq!(take_away(hooks.path()).unwrap(), Uninstalled::Restored);
        let file = hooks.path().join("pre-push");
        assert_eq!(fs::read_to_string(&file).unwrap(), "#!/bin/sh\nexit 3");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o750);
        assert_eq!(fs::read_dir(hooks.path()).unwrap().count(), 1);
        assert_eq!(take_away(hooks.path()).unwrap(), Uninstalled::Absent);
    }

    #[test]
    fn a_link_is_kept_as_a_link() {
        let hooks = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("../scripts/gone", hooks.path().join("pre-push")).unwrap();
        assert_eq!(set_up(hooks.path()).unwrap(), Installed::Kept);
        assert!(!hooks.path().join("pre-push").is_symlink());
        assert_eq!(take_away(hooks.path()).unwrap(), Uninstalled::Restored);
        assert_eq!(fs::read_link(hooks.path().join("pre-push")).unwrap(), Path::new("../scripts/gone"));
    }

    #[test]
    fn a_moved_program_renews_the_hook_and_a_lost_mode_is_mended() {
        let hooks = tempfile::tempdir().unwrap();
        assert_eq!(set_up(hooks.path()).unwrap(), Installed::New);
        let moved = install(&place(hooks.path()), HookName::PrePush, Path::new("/opt/themegate"), false);
        assert_eq!(moved.unwrap(), Installed::Renewed);
        let file = hooks.path().join("pre-push");
        assert!(fs::read_to_string(&file).unwrap().contains("recorded='/opt/themegate'"));
        set_up(hooks.path()).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(set_up(hooks.path()).unwrap(), Installed::Renewed);
        assert_eq!(take_away(hooks.path()).unwrap(), Uninstalled::Removed);
    }

    #[test]
    fn what_somebody_else_has_put_in_our_place_since_is_not_touched() {
        let hooks = tempfile::tempdir().unwrap();
        theirs(hooks.path(), "#!/bin/sh\n# first\n", 0o755);
        set_up(hooks.path()).unwrap();
        theirs(hooks.path(), "#!/bin/sh\n# second\n", 0o755);
        assert!(matches!(take_away(hooks.path()), Err(HookError::Replaced { .. })));
        assert!(matches!(set_up(hooks.path()), Err(HookError::Replaced { .. })));
        assert!(fs::read_to_string(hooks.path().join("pre-push")).unwrap().contains("second"));
        theirs(hooks.path(), "#!/bin/sh\n# first\n", 0o755);
        assert_eq!(set_up(hooks.path()).unwrap(), Installed::Kept, "a tool that writes its own anew is no stranger");
    }

    #[test]
    fn a_hook_of_ours_that_was_edited_is_not_thrown_away() {
        let hooks = tempfile::tempdir().unwrap();
        set_up(hooks.path()).unwrap();
        let file = hooks.path().join("pre-push");
        fs::write(&file, format!("{}echo mine\n", fs::read_to_string(&file).unwrap())).unwrap();
        assert!(matches!(take_away(hooks.path()), Err(HookError::Edited { .. })));
        assert!(matches!(set_up(hooks.path()), Err(HookError::Edited { .. })));
    }

    #[test]
    fn the_lasting_path_is_the_one_that_an_upgrade_keeps() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("themegate-1.2");
        fs::write(&own, "").unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(&own, bin.join("themegate")).unwrap();
        assert_eq!(lasting_path(&own, Some(bin.as_os_str())), bin.join("themegate"));
        assert_eq!(lasting_path(&own, Some(std::ffi::OsStr::new("/nowhere:."))), own);
    }
}
