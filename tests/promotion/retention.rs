//! Old compiled files: they go when nothing needs them, never before, all of them or none whatever kills it, and come back.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use themegate::promotion::disk::Disk;
use themegate::promotion::switch::Stands;

use crate::crash_matrix::{Operation, aloud, command, standing, was_killed};
use crate::generated_site::{Layout, RUN, Site, copy_home, difference, scratch};

const FIRST: &str = "11111111";

fn promote(site: &Site, age: &str) -> String {
    site.update(age);
    site.promote(&Disk::real()).unwrap().unwrap().id
}

/// Three promotions, of which the first two are as good as forgotten, and the time of the first one's files is over. The
/// update to be promoted next lies ready.
fn ready(folder: &Path, layout: Layout) -> Site {
    let site = Site::generate(&folder.join("home"), layout);
    let old = [promote(&site, FIRST), promote(&site, "22222222")];
    let last = promote(&site, "33333333");
    for id in old {
        let generation = site.state().join("generations").join(id);
        assert!(Command::new("rm").arg("-rf").arg(generation).status().unwrap().success());
    }
    let ledger = site.state().join("generations").join(last).join("added.json");
    let text = fs::read_to_string(&ledger).unwrap();
    let aged = text.replace("\"unused_since\":\"20", "\"unused_since\":\"19");
    assert_ne!(text, aged, "files are out of use");
    fs::write(ledger, aged).unwrap();
    site.update("44444444");
    site
}

/// The compiled files of an age that lie in the live tree.
fn of_age(site: &Site, age: &str) -> Vec<PathBuf> {
    let packs = site.live().join("public/packs").canonicalize().unwrap();
    let all = crate::generated_site::files(&packs);
    all.into_iter().filter(|name| name.to_string_lossy().contains(age)).collect()
}

fn promoted(site: &Site) {
    site.promote(&Disk::real()).unwrap().unwrap();
}

#[test]
fn what_nothing_needs_goes_with_the_next_promotion_and_comes_back_with_its_rollback() {
    for layout in [Layout::Vite, Layout::Webpacker] {
        let folder = scratch();
        let site = ready(folder.path(), layout);
        let old = of_age(&site, FIRST);
        assert_eq!(old.len(), 5, "{old:?}");
        let before = site.snapshot();
        let mut command = Command::new(env!("CARGO_BIN_EXE_themegate"));
        command.args(["promote", "--run", RUN, "--live"]).arg(site.live());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("5 compiled files of earlier promotions removed"), "{said}");
        assert!(of_age(&site, FIRST).is_empty());
        for age in ["22222222", "33333333", "44444444"] {
            assert_eq!(of_age(&site, age).len(), 5, "{age}: a rollback leads to it, or it is live");
        }
        assert!(site.live().join("public/packs/css/ancient-00000000.css").exists(), "themegate did not put it there");
        let history =
            Command::new(env!("CARGO_BIN_EXE_themegate")).args(["history", "--live"]).arg(site.live()).output();
        let history = String::from_utf8_lossy(&history.unwrap().stdout).into_owned();
        assert!(history.contains("(5 of them old ones that went)"), "{history}");
        site.rollback(&Disk::real()).unwrap().unwrap();
        let off = difference(&before, &site.snapshot());
        assert!(off.iter().all(|name| name.to_string_lossy().contains("44444444")), "{off:?}");
    }
}

#[test]
fn a_file_that_may_be_needed_or_is_not_ours_stays() {
    let stays = |why: &str, count: usize, meddle: &dyn Fn(&Site)| {
        let folder = scratch();
        let site = ready(folder.path(), Layout::Vite);
        meddle(&site);
        promoted(&site);
        assert_eq!(of_age(&site, FIRST).len(), count, "{why}");
    };
    stays("nothing meddled", 0, &|_| {});
    stays("other bytes lie there", 1, &|site| {
        fs::write(site.live().join(format!("public/packs/css/default-{FIRST}.css")), "mine").unwrap();
    });
    stays("somebody else has compiled", 5, &|site| {
        fs::write(site.live().join("public/packs/.vite/manifest.json"), "{\"theirs\":1}").unwrap();
        site.record();
    });
    stays("one generation does not say what it needs", 5, &|site| {
        let id = &site.generations()[0].id;
        fs::remove_file(site.state().join("generations").join(id).join("added.json")).unwrap();
    });
    stays("another run that passed brings one of them", 1, &|site| {
        let record = themegate::promotion::promotable::record_of(&site.state(), RUN);
        let name = format!("public/packs/css/default-{FIRST}.css");
        let mut other: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
        other["run_id"] = "other".into();
        other["staged_seen"][name] = "digest".into();
        fs::write(record.with_file_name("other.json"), other.to_string()).unwrap();
    });
    stays("the folder may serve other releases", 5, &|site| {
        let (packs, shared) = (site.live().join("public/packs"), site.home.join("shared"));
        fs::rename(&packs, &shared).unwrap();
        symlink(shared, packs).unwrap();
    });
}

#[test]
fn a_rollback_is_not_refused_because_an_old_file_lies_there_again() {
    let folder = scratch();
    let site = ready(folder.path(), Layout::Vite);
    promoted(&site);
    let again = site.live().join(format!("public/packs/css/default-{FIRST}.css"));
    fs::write(&again, "compiled by somebody else").unwrap();
    site.rollback(&Disk::real()).unwrap().unwrap();
    assert_eq!(fs::read_to_string(again).unwrap(), "compiled by somebody else");
    assert_eq!(of_age(&site, FIRST).len(), 5, "the others came back");
}

#[test]
fn a_rollback_of_a_rollback_lets_them_go_again() {
    let folder = scratch();
    let site = ready(folder.path(), Layout::Vite);
    promoted(&site);
    let rolled_back = site.rollback(&Disk::real()).unwrap().unwrap();
    assert_eq!(of_age(&site, FIRST).len(), 5);
    site.rollback_to(&rolled_back.id).unwrap().unwrap();
    assert!(of_age(&site, FIRST).is_empty());
}

#[test]
fn killed_while_old_files_go_one_of_the_two_trees_stands() {
    let folder = scratch();
    let site = ready(folder.path(), Layout::Webpacker);
    let template = folder.path().join("template");
    copy_home(&site.home, &template);
    let before = site.snapshot();
    promoted(&site);
    let after = site.snapshot();
    assert!(of_age(&site, FIRST).is_empty());
    let (mut old, mut new) = (0, 0);
    for point in 1.. {
        copy_home(&template, &site.home);
        let mut killed = command(&site, Operation::Promote, &[]);
        if !was_killed(killed.env("THEMEGATE_TEST_KILL", point.to_string()).status().unwrap()) {
            break;
        }
        match standing(&site, &before, &after).unwrap_or_else(|why| panic!("killed at {point}: {why}")) {
            Stands::Old => old += 1,
            Stands::New => new += 1,
        }
    }
    aloud(&format!("promote with old files to remove, by crash points: {} killed, {old} old, {new} new", old + new));
    assert!(old > 100 && new > 40, "{old} {new}");
}
