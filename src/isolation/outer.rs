//! The process that makes the namespaces, starts their first process, and ends as the build ended.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, set_parent_process_death_signal};
use rustix::thread::UnshareFlags;

use super::fault::{Fault, failed, refused};
use super::init::Word;
use super::plan::Plan;
use super::{INIT_COMMAND, ISOLATE_COMMAND, OURSELVES, SET_UP_FAILED, confinement, namespaces};

/// How long a trial may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `PLAN [PROGRAM ARGUMENT…]`; without a program it tries the set-up only.
pub(super) fn isolate(arguments: Vec<OsString>) -> i32 {
    let mut words = arguments.into_iter();
    let Some(path) = words.next().map(PathBuf::from) else { return 2 };
    let plan = match Plan::read(&path) {
        Ok(plan) => plan,
        Err(error) => return note(&path.with_extension("note"), &error.to_string()),
    };
    match attempt(&plan, &path, words.collect()) {
        Ok(Word::Ready) => 0,
        Ok(Word::Exited(code)) => code,
        Ok(Word::Killed(signal)) => die_likewise(signal),
        Ok(Word::Failed(why) | Word::NotStarted(why)) | Err(Fault(why)) => note(&plan.note(), &why),
    }
}

fn note(path: &Path, why: &str) -> i32 {
    // Without it the exit code still says that it failed.
    let _without_reason = fs::write(path, why);
    SET_UP_FAILED
}

fn attempt(plan: &Plan, path: &Path, words: Vec<OsString>) -> Result<Word, Fault> {
    // Entering namespaces may take it back: asked for again below.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(refused("ask for a signal"))?;
    match plan.holder {
        Some(pid) => namespaces::join(pid)?,
        None => namespaces::enter_user_namespace()?,
    }
    let apart = UnshareFlags::NEWPID | UnshareFlags::NEWIPC;
    let apart = if plan.network { apart } else { apart | UnshareFlags::NEWNET };
    namespaces::leave(apart, "make namespaces for processes and network")?;
    if !plan.network {
        namespaces::bring_up_loopback()?;
    }
    confinement::hand_on()?;
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(refused("ask for a signal"))?;
    let (mut line, their_end) = UnixStream::pair().map_err(refused("make a socket"))?;
    let mut child = {
        let mut command = Command::new(OURSELVES);
        command.arg(INIT_COMMAND).arg(path).args(words).stdin(Stdio::from(OwnedFd::from(their_end)));
        command.spawn().map_err(failed("start", Path::new(OURSELVES)))?
    };
    let mut said = String::new();
    line.read_to_string(&mut said).map_err(refused("hear the first process"))?;
    let status = child.wait().map_err(refused("wait for the first process"))?;
    // Without a signal it was not killed: something kept it from saying how the build ended.
    let silent = || {
        let lost =
            || Word::NotStarted(format!("the first process of its namespaces left no word, and ended with {status}"));
        status.signal().map_or_else(lost, Word::Killed)
    };
    Ok(said.lines().next_back().and_then(Word::parse).unwrap_or_else(silent))
}

/// Whoever waits for us sees what it would have seen of the build itself.
fn die_likewise(signal: i32) -> i32 {
    let _as_before = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _not_deadly = signal_hook::low_level::emulate_default_handler(signal);
    128 + signal
}

/// Carries out a plan without a build.
///
/// # Errors
/// Why it does not work here, in one sentence without its full stop.
pub fn trial(plan: &Plan, own: &Path) -> Result<(), String> {
    let words = plan.command().map_err(|error| format!("the plan could not be written: {error}"))?;
    debug_assert_eq!(words.first().map(OsString::as_os_str), Some(ISOLATE_COMMAND.as_ref()));
    let mut command = Command::new(own);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let not_started = |error| format!("{} could not be started: {error}", own.display());
    let child = command.process_group(0).spawn().map_err(not_started)?;
    match patiently(child) {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(plan.failure().unwrap_or_else(|| format!("the trial ended with {status}"))),
        None => Err(format!("the trial was not done after {} s", PATIENCE.as_secs())),
    }
}

/// Waits for the trial; one that hangs (a file server that does not answer) is ended.
fn patiently(mut child: Child) -> Option<ExitStatus> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw)?;
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait()));
    let status = end.recv_timeout(PATIENCE).ok().and_then(Result::ok);
    if status.is_none() {
        let _gone_already = rustix::process::kill_process(pid, Signal::KILL);
    }
    status
}
