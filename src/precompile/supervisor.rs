//! The process between the gate and the build: it sees to it that no process of the build outlives the gate.
//!
//! It runs as a hidden command of our own executable. Its standard input is a pipe that the gate holds open: when the gate
//! closes it, or dies by whatever means, the build is ended. Being a child subreaper, it stays the ancestor of every process
//! of the build, however often they fork, and wherever `setsid` takes them.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{WaitId, WaitIdOptions, WaitOptions, WaitStatus};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::ending;
use super::process_table::{self, Process};

/// The hidden command under which `main.rs` calls [`run_supervised`].
pub const EXEC_COMMAND: &str = "__exec";

/// The build's priority, as `nice` counts: 0 is the usual one, 19 the last.
const NICE: i32 = 10;

/// Processes that a finished build left running may end by themselves for this long.
const AFTERMATH: Duration = Duration::from_secs(1);

/// How a supervised build ended, as the supervisor wrote it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    Exited(i32),
    Killed(i32),
    NotStarted(String),
}

impl Ending {
    /// Reads the note that the supervisor left; none if it had no time to write one.
    pub(super) fn read(note: &Path) -> Option<Self> {
        let text = fs::read_to_string(note).ok()?;
        match text.trim_end().split_once(' ')? {
            ("exited", code) => code.parse().ok().map(Self::Exited),
            ("killed", signal) => signal.parse().ok().map(Self::Killed),
            ("not-started", reason) => Some(Self::NotStarted(reason.to_owned())),
            _ => None,
        }
    }

    /// In one step, so that nobody reads half of it.
    fn write(&self, note: &Path) -> io::Result<()> {
        let text = match self {
            Self::Exited(code) => format!("exited {code}\n"),
            Self::Killed(signal) => format!("killed {signal}\n"),
            Self::NotStarted(reason) => format!("not-started {reason}\n"),
        };
        let draft = note.with_extension("draft");
        fs::write(&draft, text)?;
        fs::rename(draft, note)
    }
}

enum Event {
    /// The build's first process ended.
    Ended(Ending),
    /// The gate is gone, or wants the build to end.
    GiveUp,
}

/// Runs `NOTE PROGRAM [ARGUMENT]…` as a supervised build, and returns the exit code for the process.
///
/// `main.rs` calls it for [`EXEC_COMMAND`] with the arguments that follow; it must be the only thing the process does.
pub fn run_supervised(arguments: impl IntoIterator<Item = OsString>) -> i32 {
    let mut words = arguments.into_iter();
    let (Some(note), Some(program)) = (words.next(), words.next()) else {
        return 2;
    };
    let ending = supervise(&program, words);
    let code = match &ending {
        Ending::Exited(code) => *code,
        Ending::Killed(signal) => 128 + signal,
        Ending::NotStarted(_) => 127,
    };
    if ending.write(Path::new(&note)).is_ok() { code } else { 125 }
}

fn supervise(program: &OsString, arguments: impl Iterator<Item = OsString>) -> Ending {
    let events = match prepare() {
        Ok(events) => events,
        Err(error) => return Ending::NotStarted(format!("the supervisor could not begin: {error}")),
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).process_group(0);
    let child = match spawn_politely(command) {
        Ok(child) => child,
        Err(error) => return Ending::NotStarted(format!("{}: {error}", program.to_string_lossy())),
    };
    let pid = i32::try_from(child.id()).unwrap_or(0);
    // The reaper waits for every child, this one too.
    drop(child);
    watch(events.0, &events.1, pid)
}

/// Starts the build with a low priority, so that the running site comes first. Where no other is set, the kernel derives the
/// priority of reading and writing from this one (`ioprio_set(2)`).
///
/// A priority belongs to a thread: the supervisor's others keep theirs, so that it can end a build on a busy machine.
fn spawn_politely(mut command: Command) -> io::Result<Child> {
    let (sender, spawned) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        if rustix::process::getpriority_process(None).is_ok_and(|now| now < NICE) {
            // Without it the build is as fast as the site lets it be, and no less sound.
            let _as_before = rustix::process::setpriority_process(None, NICE);
        }
        let _nobody_waits = sender.send(command.spawn());
        // A child that asks for a signal at its parent's death means this thread: it stays as long as the process.
        loop {
            thread::park();
        }
    })?;
    spawned.recv().unwrap_or_else(|_| Err(io::Error::other("it could not be started")))
}

fn prepare() -> io::Result<(Sender<Event>, Receiver<Event>)> {
    // A Ctrl-C in the terminal is the gate's to hear; and without a terminal, a tool that asks for a password fails at once
    // instead of waiting. A process that leads a group already cannot leave it, and need not.
    let _already_leader = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let (sender, events) = mpsc::channel();
    let lifeline = sender.clone();
    thread::Builder::new().spawn(move || {
        let _end_or_error = io::stdin().read(&mut [0]);
        let _nobody_listens = lifeline.send(Event::GiveUp);
    })?;
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let signalled = sender.clone();
    thread::Builder::new().spawn(move || {
        for _signal in &mut signals {
            let _nobody_listens = signalled.send(Event::GiveUp);
        }
    })?;
    Ok((sender, events))
}

fn watch(reaper: Sender<Event>, events: &Receiver<Event>, pid: i32) -> Ending {
    thread::spawn(move || reap(&reaper, pid));
    match events.recv() {
        Ok(Event::Ended(ending)) => {
            let end = Instant::now() + AFTERMATH;
            while !family().is_empty()
                && Instant::now() < end
                && events.recv_timeout(Duration::from_millis(10)).is_err()
            {}
            end_family();
            ending
        }
        _ => {
            end_family();
            match events.recv_timeout(ending::GRACE) {
                Ok(Event::Ended(ending)) => ending,
                _ => Ending::Killed(rustix::process::Signal::KILL.as_raw()),
            }
        }
    }
}

fn end_family() {
    if !family().is_empty() {
        ending::end_all(family);
    }
}

fn family() -> Vec<Process> {
    // Whoever lost its parent is our child: without one there is nobody further down, and no table to be read.
    let of_any = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if rustix::process::waitid(WaitId::All, of_any).is_err_and(|error| error == rustix::io::Errno::CHILD) {
        return Vec::new();
    }
    process_table::descendants(rustix::process::getpid().as_raw_nonzero().get())
}

/// Waits for every child that ends, those that were orphaned to us included.
fn reap(events: &Sender<Event>, pid: i32) {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended.as_raw_nonzero().get() == pid => {
                let _nobody_listens = events.send(Event::Ended(ending_of(status)));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            // No child for now: orphans may still arrive.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn ending_of(status: WaitStatus) -> Ending {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, signal) => Ending::Killed(signal.unwrap_or(0)),
    }
}
