//! What changes while a check runs: in the live tree by somebody else, in the stage by the build itself.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use super::support::{Checked, Kind, Site, THEMEGATE};
use super::{running, wait_until};

const SHEET: &str = "app/javascript/styles/contrast.scss";

#[test]
fn what_somebody_else_changes_in_the_live_tree_meanwhile_makes_it_undecided() {
    let site = Site::copy(Kind::Builtin);
    for way in ["overlay", "copy"] {
        let marker = format!("3.{}", std::process::id());
        let line = format!("sleep {marker}");
        let gate = site
            .command(&["check", "--format", "json", "--staging", way, "--compiler", &line])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until("the build runs", || running(&marker));
        site.append("config/themes.yml", "# edited\n");
        let output = gate.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(String::from_utf8_lossy(&output.stdout).contains("live-tree-moved"));
    }
}

/// Other bytes of the same number, with the time put back: neither size nor time says so.
fn write_in_secret(path: &Path) {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    let bytes: Vec<u8> = fs::read(path).unwrap().iter().rev().copied().collect();
    fs::write(path, bytes).unwrap();
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// What backups do: a link to each file, the mode that it has, its times put back.
fn back_up(path: &Path) {
    let facts = fs::metadata(path).unwrap();
    let copy = path.ancestors().find(|folder| folder.ends_with("live")).unwrap().with_file_name("backup");
    fs::hard_link(path, copy).unwrap();
    fs::set_permissions(path, facts.permissions()).unwrap();
    fs::File::open(path).unwrap().set_modified(facts.modified().unwrap()).unwrap();
}

/// How long a file of the live tree has been there when a check begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// Written just before: it is read again by each digest.
    New,
    /// For a while.
    Old,
}

/// A check during which something is done to a file of the live tree.
fn meddled(way: &str, age: Age, meddle: fn(&Path)) -> Checked {
    let site = Site::copy(Kind::Builtin);
    let marker = format!("1.{}", fs::metadata(site.folder.path()).unwrap().ino());
    let line = format!("sleep {marker}; exec {THEMEGATE} __compile");
    let changed = fs::metadata(site.path(SHEET)).unwrap().ctime();
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let old_enough = || now() > Duration::from_secs(u64::try_from(changed).unwrap() + 3);
    match age {
        Age::Old => wait_until("the file is old enough", old_enough),
        Age::New => site.append(SHEET, "/* edited */\n"),
    }
    let gate = site
        .command(&["check", "--format", "json", "--staging", way, "--compiler", &line])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the build runs", || running(&marker));
    meddle(&site.path(SHEET));
    Checked::of(&gate.wait_with_output().unwrap())
}

#[test]
fn a_write_to_the_live_tree_that_puts_the_time_back_makes_it_undecided_and_a_backup_does_not() {
    for (way, age) in [("overlay", Age::Old), ("overlay", Age::New), ("copy", Age::Old), ("copy", Age::New)] {
        let secret = meddled(way, age, write_in_secret);
        secret.assert_verdict("undecided", 3);
        assert_eq!(secret.finding("live-tree-moved").unwrap()["evidence"][0]["path"], SHEET, "{way} {age:?}");
        meddled(way, age, back_up).assert_verdict("pass", 0);
    }
}

/// A check during which something is done to a file that lies beside the live tree, with a link to it at `place`.
fn meddled_behind(place: &str, way: &str, meddle: fn(&Path)) -> Checked {
    let site = Site::copy(Kind::Builtin);
    site.write(".env.production", "LOCAL_DOMAIN=a.example\n");
    site.write("public/stats.html", "1 visitor\n");
    let shared = site.folder.path().join("shared");
    fs::rename(site.path(place), &shared).unwrap();
    std::os::unix::fs::symlink(&shared, site.path(place)).unwrap();
    let marker = format!("1.{}", fs::metadata(site.folder.path()).unwrap().ino());
    let line = format!("sleep {marker}; exec {THEMEGATE} __compile");
    let mut gate = site.command(&["check", "--format", "json", "--staging", way, "--compiler", &line]);
    let gate = gate.stdout(Stdio::piped()).spawn().unwrap();
    wait_until("the build runs", || running(&marker));
    meddle(&shared);
    Checked::of(&gate.wait_with_output().unwrap())
}

fn edit(path: &Path) {
    fs::write(path, "# edited\n").unwrap();
}

/// Capistrano keeps some files beside the releases, and links to them.
#[test]
fn what_somebody_else_changes_behind_a_link_makes_it_undecided_and_a_backup_does_not() {
    for (place, way) in [
        ("config/themes.yml", "overlay"),
        ("config/themes.yml", "copy"),
        (".env.production", "overlay"),
        (".env.production", "copy"),
    ] {
        let edited = meddled_behind(place, way, edit);
        edited.assert_verdict("undecided", 3);
        assert_eq!(edited.finding("live-tree-moved").unwrap()["evidence"][0]["path"], place, "{way}");
        meddled_behind(place, way, write_in_secret).assert_verdict("undecided", 3);
        let touched = meddled_behind(place, way, |shared| {
            let facts = fs::metadata(shared).unwrap();
            fs::set_permissions(shared, facts.permissions()).unwrap();
        });
        touched.assert_verdict("pass", 0);
    }
}

/// A page of statistics is written every minute.
#[test]
fn what_is_only_served_may_change_behind_a_link() {
    meddled_behind("public/stats.html", "auto", edit).assert_verdict("pass", 0);
}

#[test]
fn a_build_that_puts_the_time_back_is_seen_and_one_that_only_touches_is_not() {
    for way in ["overlay", "copy"] {
        let site = Site::copy(Kind::Builtin);
        let check =
            |does: &str| site.check(&["--staging", way, "--compiler", &format!("{does}; exec {THEMEGATE} __compile")]);
        let own = "app/javascript/own.js";
        site.write(own, "one = 1;\n");
        let seen = check(&format!("touch -r {own} /tmp/time; echo 'one = 2;' > {own}; touch -r /tmp/time {own}"));
        seen.assert_verdict("hold", 1);
        assert_eq!(seen.finding("build-wrote-elsewhere").unwrap()["evidence"][0]["path"], own, "{way}");
        check(&format!("chmod 644 {SHEET}; touch -r {SHEET} {SHEET}; cat {SHEET} >> /dev/null"))
            .assert_verdict("pass", 0);
    }
}
