//! A build while it runs: started, followed, given up when a limit is reached.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::isolation::{self, SET_UP_FAILED};

use super::build_log::Drain;
use super::ending;
use super::limits::{Overdue, Watch};
use super::process_table::{self, MARKER, Meter, Usage};
use super::supervisor::{EXEC_COMMAND, Ending};
use super::{BuildEnd, LAST_WORDS, PrecompileError, PrecompileRequest};

/// How often limits and interruptions are looked at.
const TICK: Duration = Duration::from_millis(50);

/// How often processor time and memory are measured, and the last line told.
const SLOW_TICK: Duration = Duration::from_millis(200);

/// How long the supervisor may take to end a build: it asks, waits, kills.
const ENDING: Duration = Duration::from_millis(1800);

/// What marks this run's processes, and no other's.
pub(super) fn mark(request: &PrecompileRequest<'_>) -> OsString {
    request.side.as_os_str().to_owned()
}

/// A Ctrl-C in the terminal must reach the gate alone; the supervisor sees to that itself.
fn own_group(command: &mut std::process::Command) -> io::Result<()> {
    command.process_group(0);
    Ok(())
}

/// The command, or the supervisor that runs it.
pub(super) struct Running {
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
    pub(super) fn start(request: &PrecompileRequest<'_>, output: io::PipeWriter) -> io::Result<Self> {
        let (expression, supervised) = match &request.hear {
            Some(executable) => {
                let note = request.side.join("build.end");
                // A note of an earlier run in the same stage says nothing about this one.
                let _not_there = fs::remove_file(&note);
                let (end_of_line, lifeline) = io::pipe()?;
                let mut words = vec![OsString::from(EXEC_COMMAND), note.clone().into_os_string()];
                if let Some(isolation) = request.isolation {
                    words.push(executable.clone().into_os_string());
                    words.extend(isolation.command()?);
                }
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
        environment.push((OsString::from("PWD"), request.seen().as_os_str().to_owned()));
        // An isolated build is taken to its tree inside.
        let folder = if request.isolation.is_some() { request.side } else { request.tree };
        let handle =
            expression.stderr_to_stdout().stdout_file(output).dir(folder).full_env(environment).unchecked().start()?;
        let pid = handle.pids().first().copied().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0);
        Ok(Self { handle, pid, supervised })
    }

    pub(super) fn follow(
        self,
        request: &PrecompileRequest<'_>,
        drain: &Drain,
        started: Instant,
        peak_memory: &mut u64,
    ) -> Result<BuildEnd, PrecompileError> {
        let lost = |source| PrecompileError::Lost { command: request.command.to_string(), source };
        let mut watch = Watch::new(started, request.time_limit, request.stall_limit);
        let mut meter = Meter::default();
        let mut usage = Usage::default();
        let mut slow_tick = started;
        loop {
            if let Some(output) = self.handle.wait_timeout(TICK).map_err(lost)? {
                let status = output.status;
                return Ok(self.end(status, request.isolation));
            }
            let now = Instant::now();
            if now >= slow_tick {
                slow_tick = now + SLOW_TICK;
                usage = meter.read(self.pid);
                *peak_memory = usage.memory.max(*peak_memory);
                (request.progress)(&drain.last_line());
            }
            let given_up = if request.interrupted.load(Ordering::Relaxed) {
                BuildEnd::Interrupted
            } else if let Some(limit) = request.memory_limit.filter(|limit| usage.memory > *limit) {
                BuildEnd::MemoryLimit(limit)
            } else {
                match watch.look(now, drain.arrived(), usage.ticks) {
                    None => continue,
                    Some(Overdue::Time) => BuildEnd::TimeLimit(request.time_limit),
                    Some(Overdue::Stall) => BuildEnd::StallLimit(request.stall_limit),
                }
            };
            self.give_up();
            return Ok(given_up);
        }
    }

    fn end(&self, status: ExitStatus, isolation: Option<&isolation::Plan>) -> BuildEnd {
        match &self.supervised {
            Some(supervised) => match Ending::read(&supervised.note) {
                Some(Ending::Exited(SET_UP_FAILED)) if isolation.is_some_and(|plan| plan.failure().is_some()) => {
                    BuildEnd::NotStarted(isolation.and_then(isolation::Plan::failure).unwrap_or_default())
                }
                Some(Ending::Exited(code)) => BuildEnd::Exited(code),
                Some(Ending::Killed(signal)) => BuildEnd::Killed { signal },
                Some(Ending::NotStarted(reason)) => BuildEnd::NotStarted(reason),
                // Without a signal it was not killed: something kept it from doing its work, or from writing down how that ended.
                None => status.signal().map_or_else(
                    || {
                        BuildEnd::NotStarted(format!(
                            "the process that watches over it left no word, and ended with {status}"
                        ))
                    },
                    |signal| BuildEnd::Killed { signal },
                ),
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
