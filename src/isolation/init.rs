//! The first process of the namespaces: arranges what the build sees, starts it, and waits. When it ends, the kernel ends
//! every process that is left in them, however it hid.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitOptions, WaitStatus, set_parent_process_death_signal};
use rustix::thread::UnshareFlags;

use super::SET_UP_FAILED;
use super::fault::{Fault, failed, refused};
use super::plan::Plan;
use super::view::{self, Occasion};
use super::{confinement, namespaces};

/// Processes that a finished build left running may end by themselves for this long.
const AFTERMATH: Duration = Duration::from_secs(1);

/// Between one look for them and the next.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// What became of the set-up and of the command, as one line to whoever waits outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    Ready,
    Failed(String),
    NotStarted(String),
    Exited(i32),
    Killed(i32),
}

impl Word {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "ready" => Some(Self::Ready),
            "failed" => Some(Self::Failed(rest.to_owned())),
            "not-started" => Some(Self::NotStarted(rest.to_owned())),
            "exited" => rest.parse().ok().map(Self::Exited),
            "killed" => rest.parse().ok().map(Self::Killed),
            _ => None,
        }
    }

    fn line(&self) -> String {
        let plain = |text: &str| text.replace('\n', " ");
        match self {
            Self::Ready => "ready\n".to_owned(),
            Self::Failed(why) => format!("failed {}\n", plain(why)),
            Self::NotStarted(why) => format!("not-started {}\n", plain(why)),
            Self::Exited(code) => format!("exited {code}\n"),
            Self::Killed(signal) => format!("killed {signal}\n"),
        }
    }
}

/// Runs `PLAN [PROGRAM ARGUMENT…]`, without a program as a trial of the set-up. Its standard input is the line on which it
/// tells how it went.
pub(super) fn run(arguments: Vec<OsString>) -> i32 {
    let mut words = arguments.into_iter();
    let Some(plan) = words.next().map(PathBuf::from) else { return 2 };
    let (word, code) = match set_up(&plan, if words.len() == 0 { Occasion::Trial } else { Occasion::Build }) {
        Err(Fault(why)) => (Word::Failed(why), SET_UP_FAILED),
        Ok(()) => match words.next() {
            None => (Word::Ready, 0),
            Some(program) => (build(&program, words), 0),
        },
    };
    tell(&word);
    code
}

fn tell(word: &Word) {
    // Whoever waited is gone, and this process ends with it.
    let _nobody_waits = rustix::io::write(io::stdin().as_fd(), word.line().as_bytes());
}

fn set_up(path: &Path, occasion: Occasion) -> Result<(), Fault> {
    // If whoever waits for us dies, so do we, and everything in here.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(refused("ask for a signal"))?;
    let plan = Plan::read(path).map_err(failed("read", path))?;
    namespaces::leave(UnshareFlags::NEWNS, "make a mount namespace")?;
    view::arrange(&plan, occasion)?;
    std::env::set_current_dir(&plan.at).map_err(failed("enter", &plan.at))?;
    confinement::give_up()
}

fn build(program: &OsString, arguments: impl Iterator<Item = OsString>) -> Word {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).process_group(0);
    match command.spawn() {
        Ok(child) => wait_for(i32::try_from(child.id()).unwrap_or(0)),
        Err(error) => Word::NotStarted(format!("{}: {error}", program.to_string_lossy())),
    }
}

/// Waits for the build, and then a little for what it left running.
fn wait_for(pid: i32) -> Word {
    let word = loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended.as_raw_nonzero().get() == pid => break word_of(status),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => break Word::NotStarted(format!("it was lost sight of: {error}")),
        }
    };
    let end = Instant::now() + AFTERMATH;
    // Most are ending already.
    let mut pause = Duration::from_micros(200);
    while Instant::now() < end {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => {
                thread::sleep(pause);
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            Err(_) => break,
        }
    }
    word
}

fn word_of(status: WaitStatus) -> Word {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Word::Exited(code),
        (None, signal) => Word::Killed(signal.unwrap_or(0)),
    }
}
