//! Whatever a build does, on every rung that promises it: nothing outside of its stage changes, nothing secret is read, no
//! process is left; and a healthy build notices nothing of it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

mod ground;
mod healthy;
mod hostile;
mod killed;
#[path = "../support/mod.rs"]
mod support;
mod words;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The ways to stage that work on the tests' own file system.
const WAYS: [&str; 2] = ["overlay", "copy"];

fn running(marker: &str) -> bool {
    Command::new("pgrep").args(["-fx", &format!("sleep {marker}")]).output().unwrap().status.success()
}

/// Process ids and command lines that name a folder, this process's own and dead ones left out.
fn processes_of(folder: &Path) -> Vec<(String, String)> {
    let folder = folder.display().to_string();
    let read = |pid: &str, name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let lines = all.filter(|pid| pid.parse::<u32>().is_ok() && *pid != std::process::id().to_string()).map(|pid| {
        let line = String::from_utf8_lossy(&read(&pid, "cmdline")).replace('\0', " ");
        (pid, line)
    });
    lines.filter(|(_, line)| line.contains(&folder)).collect()
}

#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(30), "this never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::io::stderr().flush().unwrap();
}
