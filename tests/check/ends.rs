//! What is left behind, however a check ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::support::{Kind, Site, assert_same_tree, digest};
use super::{running, wait_until};

#[test]
fn a_second_gate_on_the_same_site_is_refused_with_exit_code_6() {
    let site = Site::copy(Kind::Builtin);
    let mut first = site.command(&["check", "--compiler", "sleep 20"]).stdout(Stdio::null()).spawn().unwrap();
    wait_until("the first gate holds the lock", || {
        fs::read_to_string(site.state().join("lock")).is_ok_and(|text| !text.is_empty())
    });
    let second = site.command(&["check"]).output().unwrap();
    let words = String::from_utf8_lossy(&second.stderr).into_owned();
    interrupt(&mut first);
    assert_eq!(second.status.code(), Some(6), "{words}");
    assert!(words.contains(&format!("process {}", first.id())), "{words}");
}

#[test]
fn an_interrupted_check_removes_its_stage_and_its_build_and_exits_130() {
    let site = Site::copy(Kind::Builtin);
    let before = digest(&site.live);
    let marker = format!("{}", 100_000 + std::process::id());
    let mut gate =
        site.command(&["check", "--compiler", &format!("sleep {marker}")]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the build runs", || running(&marker));
    let asked = Instant::now();
    assert_eq!(interrupt(&mut gate), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
    assert!(!running(&marker), "the build is still running");
    assert!(site.stages().is_empty());
    assert_same_tree(&before, &digest(&site.live));
}

#[test]
fn a_gate_that_is_killed_leaves_the_live_tree_alone_no_build_behind_and_the_next_one_sweeps_its_stage() {
    let site = Site::copy(Kind::Builtin);
    let before = digest(&site.live);
    let marker = format!("{}", 200_000 + std::process::id());
    let mut gate =
        site.command(&["check", "--compiler", &format!("sleep {marker}")]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the build runs", || running(&marker));
    gate.kill().unwrap();
    gate.wait().unwrap();
    assert_same_tree(&before, &digest(&site.live));
    wait_until("the build is gone", || !running(&marker));
    assert_eq!(site.stages().len(), 1, "kill -9 leaves a stage");
    site.check(&[]).assert_verdict("pass", 0);
}

#[test]
fn what_a_check_left_for_a_promotion_that_has_no_record_goes_with_the_next_one_that_passes() {
    let site = Site::copy(Kind::Builtin);
    let first = site.check(&[]).report["run"].as_str().unwrap().to_owned();
    // Killed after the tree was kept, or while an old one was removed.
    let half = site.state().join("staged/2020-02-02T02-02-02");
    fs::create_dir_all(half.join("public/packs")).unwrap();
    site.write("app/asked", "again");
    site.check(&[]).assert_verdict("pass", 0);
    assert!(!half.exists());
    assert!(site.state().join("staged").join(first).join("public").exists());
}

#[test]
fn a_stage_that_is_kept_is_named_and_closed_to_others() {
    let site = Site::copy(Kind::Builtin);
    let output = site.command(&["check", "--keep-stage", "--format", "json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = std::path::PathBuf::from(report["staging"]["kept"].as_str().unwrap());
    assert!(kept.join("public/packs/manifest.json").is_file());
    assert!(!kept.join(".env.production").exists() && !kept.join("public/system").join("media_attachments").exists());
    let stage = kept.parent().unwrap();
    assert_eq!(fs::metadata(stage).unwrap().permissions().mode() & 0o777, 0o700);
}

fn interrupt(gate: &mut std::process::Child) -> Option<i32> {
    let pid = Pid::from_child(gate);
    kill_process(pid, Signal::INT).unwrap();
    gate.wait().unwrap().code()
}
