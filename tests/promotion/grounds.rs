//! Output folders, registry and state folder that are links, mount points or on other file systems: served, or refused before
//! anything changes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use themegate::promotion::disk::Disk;

use crate::crash_matrix::aloud;
use crate::generated_site::{Layout, RUN, Site, difference, scratch, snapshot};
use crate::refusals::{Mounted, refused, site};

fn moved(site: &Site, name: &str) -> PathBuf {
    let (from, to) = (site.live().join(name), site.home.join("aside").join(name));
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(&from, &to).unwrap();
    to
}

/// Promotes and rolls back; the folder `real` is as before, but for new names.
fn served(site: &Site, real: &Path) {
    let before = snapshot(real);
    site.promote(&Disk::real()).unwrap().unwrap();
    assert!(site.live().join("public/packs/css/tangerineui-new.css").exists());
    let manifest = site.live().join("public/packs/.vite/manifest.json");
    assert!(fs::read_to_string(&manifest).unwrap().contains("new"));
    site.rollback(&Disk::real()).unwrap().unwrap();
    assert!(fs::read_to_string(&manifest).unwrap().contains("old"));
    let left = difference(&before, &snapshot(real));
    assert!(left.iter().all(|name| !before.contains_key(name)), "{left:?}");
    let named = |name: &PathBuf| name.to_string_lossy().contains(".themegate-");
    assert!(!snapshot(real).keys().any(named), "a temporary name was left");
}

fn copied(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap().success());
}

#[test]
fn a_public_folder_that_is_a_link_is_served() {
    let folder = scratch();
    let site = site(&folder);
    let real = moved(&site, "public");
    symlink(&real, site.live().join("public")).unwrap();
    served(&site, &real);
    assert!(site.live().join("public").is_symlink());
}

#[test]
fn a_link_that_leads_nowhere_is_refused() {
    let folder = scratch();
    let site = site(&folder);
    let real = moved(&site, "public/packs");
    symlink(site.home.join("nowhere"), site.live().join("public/packs")).unwrap();
    refused(&site, 4, &["public/packs", "No such file"]);
    fs::remove_file(site.live().join("public/packs")).unwrap();
    fs::rename(real, site.live().join("public/packs")).unwrap();
    let registry = site.live().join("config/themes.yml");
    fs::remove_file(&registry).unwrap();
    symlink(site.home.join("nowhere.yml"), &registry).unwrap();
    refused(&site, 4, &["config/themes.yml"]);
}

#[test]
fn a_link_in_the_place_of_manifests_or_sources_is_refused() {
    for name in ["public/packs/.vite", "app/javascript/styles", "public/packs/sw.js"] {
        let folder = scratch();
        let site = site(&folder);
        let real = moved(&site, name);
        symlink(&real, site.live().join(name)).unwrap();
        refused(&site, 4, &[name, "symlink", "Nothing was changed"]);
    }
}

#[test]
fn a_bind_mount_is_served_and_a_read_only_one_is_refused() {
    let folder = scratch();
    let site = site(&folder);
    let packs = site.live().join("public/packs");
    let shared = site.home.join("shared-packs");
    fs::create_dir(&shared).unwrap();
    copied(&packs, &shared);
    let Some(_mounted) = Mounted::new(&packs, &["--bind", shared.to_str().unwrap()]) else {
        aloud("skipped: needs the right to mount");
        return;
    };
    let remount = |how: &str| Command::new("mount").args(["-o", how]).arg(&packs).status().unwrap().success();
    assert!(remount("remount,bind,ro"));
    refused(&site, 4, &["public/packs", "read-only"]);
    assert!(remount("remount,bind,rw"));
    served(&site, &shared);
}

#[test]
fn a_folder_of_manifests_that_is_a_mount_point_is_served_file_by_file() {
    let folder = scratch();
    let site = site(&folder);
    let vite = site.live().join("public/packs/.vite");
    let aside = moved(&site, "public/packs/.vite");
    fs::create_dir(&vite).unwrap();
    let Some(_mounted) = Mounted::new(&vite, &["-t", "tmpfs", "tmpfs"]) else {
        aloud("skipped: needs the right to mount");
        return;
    };
    copied(&aside, &vite);
    served(&site, &vite);
}

#[test]
fn a_state_folder_on_another_file_system_is_served() {
    let folder = scratch();
    let site = site(&folder);
    let aside = site.home.join("state");
    fs::rename(site.state(), &aside).unwrap();
    fs::create_dir(site.state()).unwrap();
    let state = site.state();
    let Some(_mounted) = Mounted::new(&state, &["-t", "tmpfs", "-o", "mode=700", "tmpfs"]) else {
        aloud("skipped: needs the right to mount");
        return;
    };
    copied(&aside, &state);
    served(&site, &site.live());
}

/// Capistrano: `current` is a link to a release, `public/packs` and the registry are links into `shared/`.
#[test]
fn a_release_with_shared_folders_is_promoted_by_its_current_link() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Webpacker);
    let shared = site.home.join("shared");
    for name in ["public/packs", "config/themes.yml"] {
        let to = shared.join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(site.live().join(name), &to).unwrap();
        symlink(&to, site.live().join(name)).unwrap();
    }
    let release = site.home.join("releases/20260801");
    fs::create_dir(site.home.join("releases")).unwrap();
    fs::rename(site.live(), &release).unwrap();
    symlink("releases/20260801", site.home.join("current")).unwrap();
    let record = themegate::promotion::promotable::record_of(&site.state(), RUN);
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace(site.live().to_str().unwrap(), release.to_str().unwrap())).unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_themegate"));
        command.args(words).arg("--live").arg(site.home.join("current")).env_remove("THEMEGATE_STATE");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let before = snapshot(&shared);
    run(&["promote", "--run", RUN]);
    assert!(fs::read_to_string(shared.join("config/themes.yml")).unwrap().contains("tangerineui"));
    assert!(shared.join("public/packs/css/tangerineui-new.css").exists());
    assert!(release.join("public/packs").is_symlink() && release.join("config/themes.yml").is_symlink());
    run(&["rollback"]);
    let left = difference(&before, &snapshot(&shared));
    assert!(left.iter().all(|name| !before.contains_key(name)), "{left:?}");
}
