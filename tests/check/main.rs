//! `themegate check` on the bare live tree of `fixtures/live`, with the builtin compiler: the verdict, the words, and what is
//! left behind, whatever happens to the gate.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

mod builds;
mod ends;
mod meanwhile;
mod odd_trees;
#[path = "../support/mod.rs"]
mod support;
mod verdicts;
mod words;

use std::process::Command;
use std::time::{Duration, Instant};

use support::repository;

fn theme(name: &str) -> String {
    repository().join("fixtures/themes").join(name).to_string_lossy().into_owned()
}

/// True while a process has `marker` among its arguments (of a `sleep`, so that no shell that only names it counts).
fn running(marker: &str) -> bool {
    Command::new("pgrep").args(["-fx", &format!("sleep {marker}")]).output().unwrap().status.success()
}

#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(30), "this never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
