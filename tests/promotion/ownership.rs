//! Whose files are they? Root makes nothing in the site that its own user could not use afterwards, and a user whose files have
//! a group that he is no member of is not kept from promoting. Needs root; says that it was skipped without.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::generated_site::{Layout, RUN, Site, scratch};

/// A user and a group that nobody has, and the group of a web server.
const USER: u32 = 54_321;
const WEB_SERVER: u32 = 54_322;

fn skipped() -> bool {
    let skipped = !rustix::process::geteuid().is_root();
    if skipped {
        crate::crash_matrix::aloud("skipped: only root can give files away");
    }
    skipped
}

/// A site of [`USER`]'s whose state folder the user made, in a folder that the user can reach.
fn site(folder: &tempfile::TempDir) -> Site {
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    fs::set_permissions(site.state(), fs::Permissions::from_mode(0o700)).unwrap();
    give(&site.home);
    site
}

fn remove(tree: &Path) {
    assert!(Command::new("rm").arg("-rf").arg(tree).status().unwrap().success());
}

fn give(tree: &Path) {
    for entry in walkdir::WalkDir::new(tree) {
        std::os::unix::fs::lchown(entry.unwrap().path(), Some(USER), Some(USER)).unwrap();
    }
}

/// Runs a command as root or as the user, and expects it to succeed.
fn succeeds(live: &Path, user: u32, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_themegate"));
    command.args(words).arg("--live").arg(live).current_dir("/").env_remove("THEMEGATE_STATE").uid(user).gid(user);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "user {user}: themegate {words:?}: {}\n{text}", output.status);
    text
}

fn belongs_to_the_user(tree: &Path) {
    for entry in walkdir::WalkDir::new(tree) {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().uid(), USER, "{}", entry.path().display());
    }
}

#[test]
fn what_root_has_switched_the_sites_own_user_can_switch_back() {
    if skipped() {
        return;
    }
    let folder = scratch();
    let site = site(&folder);
    let live = site.live();
    succeeds(&live, 0, &["freeze", "--until", "2999-12-31", "--reason", "holidays"]);
    succeeds(&live, 0, &["promote", "--run", RUN, "--despite-freeze", "urgent"]);
    belongs_to_the_user(&site.home);
    succeeds(&live, USER, &["unfreeze"]);
    succeeds(&live, USER, &["withdraw", "tangerineui"]);
    succeeds(&live, USER, &["rollback"]);
    succeeds(&live, 0, &["rollback"]);
    succeeds(&live, USER, &["recover"]);
    assert!(succeeds(&live, USER, &["history"]).contains("rolled back"));
    belongs_to_the_user(&site.home);
}

#[test]
fn a_state_folder_that_root_has_to_make_is_the_sites_own() {
    if skipped() {
        return;
    }
    let folder = scratch();
    let site = site(&folder);
    remove(&site.state());
    chown(&site.home, Some(0), Some(0)).unwrap();
    fs::set_permissions(&site.home, fs::Permissions::from_mode(0o755)).unwrap();
    succeeds(&site.live(), 0, &["withdraw", "contrast"]);
    belongs_to_the_user(&site.state());
    succeeds(&site.live(), USER, &["rollback"]);
}

#[test]
fn a_journal_that_root_left_behind_is_recovered_by_the_sites_own_user() {
    if skipped() {
        return;
    }
    let folder = scratch();
    let site = site(&folder);
    let mut killed = crate::crash_matrix::command(&site, crate::crash_matrix::Operation::Promote, &[]);
    killed.env("THEMEGATE_TEST_KILL", "150").status().unwrap();
    assert!(fs::read_dir(site.state().join("journal")).unwrap().next().is_some(), "it was not interrupted");
    belongs_to_the_user(&site.state().join("journal"));
    belongs_to_the_user(&site.state().join("generations"));
    succeeds(&site.live(), USER, &["recover"]);
    succeeds(&site.live(), USER, &["promote", "--run", RUN]);
}

#[test]
fn a_check_by_root_leaves_runs_and_staged_trees_that_the_user_can_use_and_prune() {
    if skipped() {
        return;
    }
    let folder = scratch();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let home = folder.path().join("home");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    fs::create_dir(&home).unwrap();
    for (from, to) in [("live", "live"), ("themes/midnight", "midnight")] {
        let copied = Command::new("cp").arg("-a").arg(fixtures.join(from)).arg(home.join(to)).status().unwrap();
        assert!(copied.success());
    }
    give(&home);
    let (live, theme) = (home.join("live"), home.join("midnight").display().to_string());
    let check = ["check", "--theme", &theme, "--compiler", "builtin", "--fresh"];
    succeeds(&live, 0, &check);
    belongs_to_the_user(&home.join(".themegate/runs"));
    belongs_to_the_user(&home.join(".themegate/staged"));
    succeeds(&live, USER, &["show", "latest"]);
    let killed = home.join(".themegate/stage-killed");
    fs::create_dir_all(killed.join("tree")).unwrap();
    (0..4).for_each(|_| drop(succeeds(&live, USER, &check)));
    succeeds(&live, USER, &["history"]);
    assert!(killed.exists(), "what only root can remove waits for root");
    succeeds(&live, 0, &check);
    assert!(!killed.exists());
}

#[test]
fn a_group_that_cannot_be_kept_refuses_only_where_somebody_would_be_shut_out() {
    if skipped() {
        return;
    }
    let folder = scratch();
    let site = site(&folder);
    let live = site.live();
    let packs = live.join("public/packs");
    for entry in walkdir::WalkDir::new(&packs) {
        chown(entry.unwrap().path(), None, Some(WEB_SERVER)).unwrap();
    }
    fs::set_permissions(packs.join("css"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::set_permissions(packs.join("sw.js"), fs::Permissions::from_mode(0o640)).unwrap();
    let mut refused = Command::new(env!("CARGO_BIN_EXE_themegate"));
    refused.args(["promote", "--run", RUN, "--live"]).arg(&live).current_dir("/").uid(USER).gid(USER);
    let output = refused.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(4) && text.contains("sw.js can be read by group 54322 alone"), "{text}");

    fs::set_permissions(packs.join("sw.js"), fs::Permissions::from_mode(0o644)).unwrap();
    succeeds(&live, USER, &["promote", "--run", RUN]);
    let mode = |name: &str| fs::metadata(packs.join(name)).unwrap().mode() & 0o777;
    assert_eq!(mode("css/tangerineui-new.css"), 0o644, "the web server reads it as everybody may");
    succeeds(&live, USER, &["rollback"]);
}

#[test]
fn a_home_of_another_group_does_not_keep_its_user_from_a_first_withdrawal() {
    if skipped() {
        return;
    }
    let folder = scratch();
    let site = site(&folder);
    remove(&site.state());
    chown(&site.home, None, Some(WEB_SERVER)).unwrap();
    succeeds(&site.live(), USER, &["withdraw", "contrast"]);
}
