//! A build, a gate or a helper that is killed: nothing is left, and nothing is taken for a verdict.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::ground::Ground;
use super::support::assert_same_tree;
use super::{WAYS, processes_of, running, wait_until};

#[test]
fn a_build_that_is_killed_is_undecided_however_whole_its_output_is() {
    let ground = Ground::new();
    for way in WAYS {
        for signal in ["KILL", "TERM", "SEGV"] {
            let built = ground
                .build(&format!("PROGRAM __compile && kill -{signal} $PPID; kill -{signal} $$"), &["--staging", way]);
            built.assert_isolated();
            built.checked.assert_verdict("undecided", 3);
            assert!(built.checked.report["precompile"]["exit"].is_null(), "{}", built.checked.report["precompile"]);
        }
    }
}

#[test]
fn a_gate_killed_at_any_time_leaves_no_process_no_mount_and_no_stage_after_the_next_run() {
    let ground = Ground::new();
    let before = ground.digest();
    for way in WAYS {
        for delay in [5, 20, 40, 80, 120, 200, 400, 800] {
            let mut gate = ground.site.command(&["check", "--staging", way, "--compiler", "sleep 300"]);
            let mut gate = gate.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(delay));
            gate.kill().unwrap();
            gate.wait().unwrap();
        }
        wait_until("no process is left", || processes_of(ground.site.folder.path()).is_empty());
        ground.site.check(&["--staging", way]).assert_verdict("pass", 0);
        assert!(ground.site.stages().is_empty());
    }
    assert_same_tree(&before, &ground.digest());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&ground.site.folder.path().display().to_string()), "{mounts}");
}

#[test]
fn whichever_process_of_a_check_is_killed_the_build_ends_with_it() {
    let ground = Ground::new();
    for way in WAYS {
        // The supervisor ends the build when the gate is gone, and the gate when the supervisor is; the kernel where both are.
        for victims in [&["check"][..], &["__exec"], &["__isolate"], &["__init"], &["check", "__exec"]] {
            let marker = format!("{}", 600_000 + std::process::id());
            let line = ground.script(&format!("env -i setsid sleep {marker} & sleep {marker}"));
            let mut gate = ground.site.command(&["check", "--staging", way, "--compiler", &line]);
            let mut gate = gate.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            wait_until("the build runs", || running(&marker));
            let all = processes_of(ground.site.folder.path());
            let is_one = |line: &str| victims.contains(&line.split(' ').nth(1).unwrap_or_default());
            let pids: Vec<&String> = all.iter().filter(|(_, line)| is_one(line)).map(|(pid, _)| pid).collect();
            assert_eq!(pids.len(), victims.len(), "{victims:?} in {all:?}");
            for signal in ["-STOP", "-KILL"] {
                assert!(Command::new("kill").arg(signal).args(&pids).status().unwrap().success());
            }
            wait_until("the build is gone", || !running(&marker));
            let code = gate.wait().unwrap().code();
            assert!(victims.contains(&"check") || code == Some(3), "{way}, {victims:?}: {code:?}");
            wait_until("no process is left", || processes_of(ground.site.folder.path()).is_empty());
        }
    }
}

#[test]
fn an_overlay_that_is_taken_away_is_undecided_and_no_broken_theme() {
    let ground = Ground::new();
    let line = ground.script("touch ready; sleep 3; PROGRAM __compile");
    let mut gate = ground.site.command(&["check", "--staging", "overlay", "--compiler", &line]);
    let mut gate = gate.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let holder = || {
        let all = processes_of(ground.site.folder.path());
        all.into_iter().find(|(_, line)| line.contains("__hold")).map(|(pid, _)| pid)
    };
    let sleeping = || {
        processes_of(ground.site.folder.path())
            .iter()
            .any(|(_, line)| line.contains("__init") && line.contains("script.sh"))
    };
    wait_until("the build runs", sleeping);
    let status = Command::new("kill").args(["-9", &holder().unwrap()]).status().unwrap();
    assert!(status.success());
    let mut said = String::new();
    gate.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(gate.wait().unwrap().code(), Some(3), "{said}");
    assert!(said.contains("The overlay over the live tree is gone"), "{said}");
}
