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
mod running;
mod supervisor;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use thiserror::Error;

pub use command_line::CommandLine;
pub use hearing::{HEAR_COMMAND, hear, run_hearing};
pub use process_table::MARKER;
pub use supervisor::{EXEC_COMMAND, run_supervised};

use crate::isolation;

use build_log::{Drain, Drained};
use launcher::Wrapped;
use running::{Running, mark};

/// The build log grows no further than this; what comes after is read and dropped, and counted.
pub(crate) const LOG_LIMIT: u64 = 2 * 1024 * 1024 * 1024;

/// How long the end of the output may take once no process of the build is left.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What to run, and within which limits.
pub struct PrecompileRequest<'a> {
    /// The staged tree, where the command runs, as the gate sees it.
    pub tree: &'a Path,
    /// A folder for the logs, outside the tree; another one for each run.
    pub side: &'a Path,
    /// The command.
    pub command: &'a CommandLine,
    /// The whole environment of the command, see [`environment`]; [`MARKER`] is added.
    pub environment: Vec<(OsString, OsString)>,
    /// The build is ended when it has run for this long.
    pub time_limit: Duration,
    /// The build is ended when it has neither said nor computed anything for this long.
    pub stall_limit: Duration,
    /// The build is ended when its processes together hold more memory than this, in bytes.
    pub memory_limit: Option<u64>,
    /// Set when the user asks to stop.
    pub interrupted: &'a AtomicBool,
    /// Told the last line of the output now and then, for a terminal.
    pub progress: &'a dyn Fn(&str),
    /// Our own executable. With it, the bundler is heard behind the Rails wrapper's back, and the build dies with the gate
    /// even if that is killed.
    pub hear: Option<PathBuf>,
    /// How the build is isolated, if it is; it needs `hear`. The build then sees the staged tree at another path.
    pub isolation: Option<&'a isolation::Plan>,
}

impl PrecompileRequest<'_> {
    /// Where the build sees the staged tree.
    fn seen(&self) -> &Path {
        self.isolation.map_or(self.tree, |isolation| &isolation.at)
    }

    /// The folder that the bundler's ear writes to; of everything beside the tree, an isolated build sees this alone.
    fn heard(&self) -> PathBuf {
        self.side.join("heard")
    }
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
    /// It was ended because its processes held more memory than this, in bytes.
    MemoryLimit(u64),
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
    /// The most memory that its processes were seen to hold together, in bytes: their own, without what is mapped from files.
    pub peak_memory: u64,
    /// Both streams in the order of arrival.
    pub log: PathBuf,
    /// What the bundlers themselves said, one log per bundler that said anything. Empty if no bundler was heard.
    pub heard: Vec<PathBuf>,
    /// Bytes in the log.
    pub log_bytes: u64,
    /// Bytes that the command wrote beyond the log's limit, and those of a bundler's log that is longer: nobody reads it.
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
        Some(executable) => launcher::wrap(request.tree, request.seen(), &request.heard(), executable)?,
        None => Wrapped::default(),
    };
    let build = run(request);
    let restored = wrapped.restore();
    let mut build = build?;
    restored?;
    let (read, endless): (Vec<_>, Vec<_>) = wrapped.heard().into_iter().partition(|log| bytes_in(log) <= LOG_LIMIT);
    build.log_dropped += endless.iter().map(|log| bytes_in(log)).sum::<u64>();
    build.heard = read;
    build.wrapped = wrapped.places();
    Ok(build)
}

fn run(request: &PrecompileRequest<'_>) -> Result<Build, PrecompileError> {
    let log = request.side.join("build.log");
    let started = Instant::now();
    let log_error = |source| PrecompileError::Log { path: log.clone(), source };
    let (reader, writer) = io::pipe().map_err(log_error)?;
    let drain = Drain::start(reader, &log, LOG_LIMIT).map_err(log_error)?;
    let mut peak_memory = 0;
    let end = match Running::start(request, writer) {
        Ok(running) => running.follow(request, &drain, started, &mut peak_memory)?,
        Err(error) => BuildEnd::NotStarted(error.to_string()),
    };
    let drained = last_words(&drain, request, &end);
    Ok(Build {
        command: request.command.to_string(),
        end,
        duration: started.elapsed(),
        peak_memory,
        log,
        heard: Vec::new(),
        log_bytes: drained.written,
        log_dropped: drained.dropped,
        log_failure: drained.failure,
        wrapped: Vec::new(),
    })
}

fn bytes_in(log: &Path) -> u64 {
    std::fs::symlink_metadata(log).map_or(0, |found| found.len())
}

/// Ends what escaped every other care, and waits for the end of the log.
fn last_words(drain: &Drain, request: &PrecompileRequest<'_>, end: &BuildEnd) -> Drained {
    let mark = mark(request);
    let marked = || process_table::marked(&mark);
    // Nothing outlives the first process of its namespace, and that one was waited for.
    let is_over = request.isolation.is_some() && matches!(end, BuildEnd::Exited(_));
    if !is_over && !marked().is_empty() {
        ending::kill_all(&marked);
    }
    drain.finish(LAST_WORDS).unwrap_or_else(|| Drained {
        written: drain.arrived(),
        dropped: 0,
        failure: Some("a process that could not be found still holds the build's output open".to_owned()),
    })
}
