//! Runs the command that compiles the assets in the staged tree, within its limits, and hears everything it says.
//!
//! It knows nothing of themes, manifests or rules, and judges nothing: it says how the build ended and where its log is.

mod build_log;
mod command_line;
mod ending;
pub mod environment;
mod hearing;
mod launcher;
mod limits;
mod process_table;
mod supervisor;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use thiserror::Error;

pub use command_line::CommandLine;
pub use hearing::{HEAR_COMMAND, hear, run_hearing};
pub use process_table::MARKER;
pub use supervisor::{EXEC_COMMAND, run_supervised};

use build_log::{Drain, Drained};
use launcher::Wrapped;
use limits::{Overdue, Watch};
use supervisor::Ending;

/// The build log grows no further than this; what comes after is read and dropped, and counted.
const LOG_LIMIT: u64 = 2 * 1024 * 1024 * 1024;

/// How often limits and interruptions are looked at.
const TICK: Duration = Duration::from_millis(50);

/// How often the processor time is measured, and the last line told.
const SLOW_TICK: Duration = Duration::from_millis(200);

/// How long the supervisor may take to end a build: it asks, waits, kills.
const ENDING: Duration = Duration::from_millis(1800);

/// How long the end of the output may take once no process of the build is left.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What to run, and within which limits.
pub struct PrecompileRequest<'a> {
    /// The staged tree, where the command runs.
    pub tree: &'a Path,
    /// A folder for the logs, outside the tree.
    pub side: &'a Path,
    /// The command.
    pub command: &'a CommandLine,
    /// The whole environment of the command, see [`environment`]; [`MARKER`] is added.
    pub environment: Vec<(OsString, OsString)>,
    /// The build is ended when it has run for this long.
    pub time_limit: Duration,
    /// The build is ended when it has neither said nor computed anything for this long.
    pub stall_limit: Duration,
    /// Set when the user asks to stop.
    pub interrupted: &'a AtomicBool,
    /// Told the last line of the output now and then, for a terminal.
    pub progress: &'a dyn Fn(&str),
    /// Our own executable. With it, the bundler is heard behind the Rails wrapper's back, and the build dies with the gate
    /// even if that is killed.
    pub hear: Option<PathBuf>,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEnd {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal that was not ours: the kernel's out-of-memory killer sends 9.
    Killed {
        /// Its number.
        signal: i32,
    },
    /// It was ended because it ran for as long as this.
    TimeLimit(Duration),
    /// It was ended because it stood still for as long as this.
    StallLimit(Duration),
    /// It was ended because the user asked for it.
    Interrupted,
    /// It never ran, for this reason.
    NotStarted(String),
}

/// A build that is over: no process of it is left.
#[derive(Debug)]
pub struct Build {
    /// The command as one would type it.
    pub command: String,
    /// How it ended.
    pub end: BuildEnd,
    /// How long it took.
    pub duration: Duration,
    /// Both streams in the order of arrival.
    pub log: PathBuf,
    /// What the bundlers themselves said, one log per bundler that said anything. Empty if no bundler was heard.
    pub heard: Vec<PathBuf>,
    /// Bytes in the log.
    pub log_bytes: u64,
    /// Bytes that the command wrote beyond the log's limit.
    pub log_dropped: u64,
    /// Why the log is not complete, if it is not: a full disk, say.
    pub log_failure: Option<String>,
    /// Launchers in the tree that were wrapped to hear the bundler, relative to it. They are as before when the build is over.
    pub wrapped: Vec<PathBuf>,
}

/// Why a build could not even be attempted.
#[derive(Debug, Error)]
pub enum PrecompileError {
    /// The log could not be begun.
    #[error(
        "The build log {path} could not be begun: {source}\nNothing was compiled. Check the room and the rights there, then run again."
    )]
    Log {
        /// The log.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A launcher of the bundler could not be wrapped or put back.
    #[error(
        "The bundler's launcher {path} in the stage could not be wrapped: {source}\nThe live tree is untouched. Run again."
    )]
    Launcher {
        /// The launcher.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system lost sight of the command.
    #[error(
        "The command `{command}` could not be followed: {source}\nIts verdict would be a guess, so there is none. Run again."
    )]
    Lost {
        /// The command as one would type it.
        command: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Runs the command and waits until it is over, or ends it.
///
/// # Errors
/// Only what keeps the build from being attempted and followed; a build that fails is a [`Build`].
pub fn precompile(request: &PrecompileRequest<'_>) -> Result<Build, PrecompileError> {
    let wrapped = match &request.hear {
        Some(executable) => launcher::wrap(request.tree, request.side, executable)?,
        None => Wrapped::default(),
    };
    let build = run(request);
    let restored = wrapped.restore();
    let mut build = build?;
    restored?;
    build.heard = wrapped.heard();
    build.wrapped = wrapped.places();
    Ok(build)
}

fn run(request: &PrecompileRequest<'_>) -> Result<Build, PrecompileError> {
    let log = request.side.join("build.log");
    let started = Instant::now();
    let log_error = |source| PrecompileError::Log { path: log.clone(), source };
    let (reader, writer) = io::pipe().map_err(log_error)?;
    let drain = Drain::start(reader, &log, LOG_LIMIT).map_err(log_error)?;
    let end = match Running::start(request, writer) {
        Ok(running) => running.follow(request, &drain, started)?,
        Err(error) => BuildEnd::NotStarted(error.to_string()),
    };
    let drained = last_words(&drain, request);
    Ok(Build {
        command: request.command.to_string(),
        end,
        duration: started.elapsed(),
        log,
        heard: Vec::new(),
        log_bytes: drained.written,
        log_dropped: drained.dropped,
        log_failure: drained.failure,
        wrapped: Vec::new(),
    })
}

/// Ends what escaped every other care, and waits for the end of the log.
fn last_words(drain: &Drain, request: &PrecompileRequest<'_>) -> Drained {
    let mark = mark(request);
    let marked = || process_table::marked(&mark);
    if !marked().is_empty() {
        ending::kill_all(&marked);
    }
    drain.finish(LAST_WORDS).unwrap_or_else(|| Drained {
        written: drain.arrived(),
        dropped: 0,
        failure: Some("a process that could not be found still holds the build's output open".to_owned()),
    })
}

/// What marks this run's processes, and no other's.
fn mark(request: &PrecompileRequest<'_>) -> OsString {
    request.side.as_os_str().to_owned()
}

/// A Ctrl-C in the terminal must reach the gate alone; the supervisor sees to that itself.
fn own_group(command: &mut std::process::Command) -> io::Result<()> {
    command.process_group(0);
    Ok(())
}

/// The command, or the supervisor that runs it.
struct Running {
    handle: duct::Handle,
    pid: i32,
    supervised: Option<Supervised>,
}

struct Supervised {
    /// Closed, it tells the supervisor to end the build.
    lifeline: io::PipeWriter,
    note: PathBuf,
}

impl Running {
    fn start(request: &PrecompileRequest<'_>, output: io::PipeWriter) -> io::Result<Self> {
        let (expression, supervised) = match &request.hear {
            Some(executable) => {
                let note = request.side.join("build.end");
                // A note of an earlier run in the same stage says nothing about this one.
                let _not_there = fs::remove_file(&note);
                let (end_of_line, lifeline) = io::pipe()?;
                let mut words = vec![OsString::from(EXEC_COMMAND), note.clone().into_os_string()];
                words.extend(request.command.words());
                (duct::cmd(executable, words).stdin_file(end_of_line), Some(Supervised { lifeline, note }))
            }
            None => {
                let mut words = request.command.words();
                let program = words.remove(0);
                (duct::cmd(program, words).stdin_null().before_spawn(own_group), None)
            }
        };
        let mut environment = request.environment.clone();
        environment.push((OsString::from(MARKER), mark(request)));
        environment.push((OsString::from("PWD"), request.tree.as_os_str().to_owned()));
        let handle = expression
            .stderr_to_stdout()
            .stdout_file(output)
            .dir(request.tree)
            .full_env(environment)
            .unchecked()
            .start()?;
        let pid = handle.pids().first().copied().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0);
        Ok(Self { handle, pid, supervised })
    }

    fn follow(
        self,
        request: &PrecompileRequest<'_>,
        drain: &Drain,
        started: Instant,
    ) -> Result<BuildEnd, PrecompileError> {
        let lost = |source| PrecompileError::Lost { command: request.command.to_string(), source };
        let mut watch = Watch::new(started, request.time_limit, request.stall_limit);
        let mut ticks = 0;
        let mut slow_tick = started;
        loop {
            if let Some(output) = self.handle.wait_timeout(TICK).map_err(lost)? {
                let status = output.status;
                return Ok(self.end(status));
            }
            let now = Instant::now();
            if now >= slow_tick {
                slow_tick = now + SLOW_TICK;
                ticks = process_table::ticks(self.pid);
                (request.progress)(&drain.last_line());
            }
            let given_up = if request.interrupted.load(Ordering::Relaxed) {
                BuildEnd::Interrupted
            } else {
                match watch.look(now, drain.arrived(), ticks) {
                    None => continue,
                    Some(Overdue::Time) => BuildEnd::TimeLimit(request.time_limit),
                    Some(Overdue::Stall) => BuildEnd::StallLimit(request.stall_limit),
                }
            };
            self.give_up();
            return Ok(given_up);
        }
    }

    fn end(&self, status: ExitStatus) -> BuildEnd {
        match &self.supervised {
            Some(supervised) => match Ending::read(&supervised.note) {
                Some(Ending::Exited(code)) => BuildEnd::Exited(code),
                Some(Ending::Killed(signal)) => BuildEnd::Killed { signal },
                Some(Ending::NotStarted(reason)) => BuildEnd::NotStarted(reason),
                None => BuildEnd::Killed { signal: status.signal().unwrap_or(Signal::KILL.as_raw()) },
            },
            None => status
                .code()
                .map_or_else(|| BuildEnd::Killed { signal: status.signal().unwrap_or(0) }, BuildEnd::Exited),
        }
    }

    /// Ends the build and everything it started.
    fn give_up(self) {
        let Self { handle, pid, supervised } = self;
        match supervised {
            Some(supervised) => {
                drop(supervised.lifeline);
                if handle.wait_timeout(ENDING).is_ok_and(|ended| ended.is_some()) {
                    return;
                }
            }
            None => {
                ending::end_all(|| {
                    process_table::descendants(pid).into_iter().chain(process_table::alive(pid)).collect()
                });
            }
        }
        let _gone_already = Pid::from_raw(pid).map(|pid| rustix::process::kill_process(pid, Signal::KILL));
        let _reaped = handle.wait_timeout(LAST_WORDS);
    }
}
