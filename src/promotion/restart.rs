//! The restart command after a switch: Mastodon reads manifests and registry once per process (MASTODON.md §2).

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

/// Why Mastodon was not restarted.
#[derive(Debug, thiserror::Error)]
pub enum RestartError {
    /// The shell could not be started.
    #[error("the restart command `{command}` could not be started: {source}")]
    NotStarted {
        /// As configured.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("the restart command `{command}` failed: {status}")]
    Failed {
        /// As configured.
        command: String,
        /// How it ended.
        status: String,
    },
}

/// Runs the command by `sh -c` in a process group of its own, and ends the group at the limit.
///
/// # Errors
/// It could not be started, failed, or took too long.
pub fn restart(command: &str, limit: Duration) -> Result<(), RestartError> {
    let not_started = |source| RestartError::NotStarted { command: command.to_owned(), source };
    let failed = |status: String| RestartError::Failed { command: command.to_owned(), status };
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
    let mut child = shell.spawn().map_err(not_started)?;
    let end = Instant::now() + limit;
    loop {
        match child.try_wait().map_err(not_started)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(failed(status.to_string())),
            None if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            None => break,
        }
    }
    let group = rustix::process::Pid::from_child(&child);
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    let _ = child.wait();
    Err(failed(format!("it had not ended after {} s", limit.as_secs())))
}
