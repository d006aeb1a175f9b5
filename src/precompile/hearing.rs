//! The ear itself: runs a command with both streams passed on unchanged, and written to a log as well.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use rustix::process::{Resource, Rlimit};

/// The hidden command under which `main.rs` calls [`run_hearing`].
pub const HEAR_COMMAND: &str = "__hear";

/// A line longer than this is written to the log in parts.
const LINE_LIMIT: usize = 64 * 1024;

/// Reads `LOG -- PROGRAM [ARGUMENT]…` and hears it; returns the exit code for the process.
pub fn run_hearing(arguments: impl IntoIterator<Item = OsString>) -> i32 {
    let mut words = arguments.into_iter();
    let log = words.next();
    let dashes = words.next();
    match log {
        Some(log) if dashes.is_some_and(|dashes| dashes == "--") => hear(Path::new(&log), &words.collect::<Vec<_>>()),
        _ => 2,
    }
}

/// Runs `words`, passes its streams on and appends them to `log`; returns its exit code. If a signal killed it, the same signal
/// kills this process, so that whoever waits for us sees what it would have seen. Must be the only thing the process does.
///
/// A log that cannot be written, or a reader that has gone, does not disturb the command.
#[must_use]
pub fn hear(log: &Path, words: &[OsString]) -> i32 {
    let Some((program, arguments)) = words.split_first() else {
        return 2;
    };
    let spawned = Command::new(program).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = spawned else {
        return not_started(program);
    };
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| output.map(|stream| pass_on(stream, io::stdout(), open(log))));
        scope.spawn(|| errors.map(|stream| pass_on(stream, io::stderr(), open(log))));
    });
    child.wait().map_or(1, end_likewise)
}

/// As a shell would: the bundler's launcher is there, and what it names is not.
fn not_started(program: &OsString) -> i32 {
    let _nobody_reads = writeln!(io::stderr(), "{}: cannot be started", program.to_string_lossy());
    127
}

fn open(log: &Path) -> Option<File> {
    OpenOptions::new().append(true).create(true).open(log).ok()
}

/// Passes each piece on at once; the log gets whole lines, so that the two streams do not tear each other's apart.
fn pass_on(mut from: impl Read, mut to: impl Write, mut log: Option<File>) {
    let mut reader_listens = true;
    let mut line = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let piece = &buffer[..count];
        reader_listens = reader_listens && to.write_all(piece).and_then(|()| to.flush()).is_ok();
        line.extend_from_slice(piece);
        let whole = match line.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if line.len() > LINE_LIMIT => line.len(),
            None => 0,
        };
        note(&mut log, &line[..whole]);
        line.drain(..whole);
    }
    note(&mut log, &line);
}

fn note(log: &mut Option<File>, bytes: &[u8]) {
    if let Some(file) = log
        && file.write_all(bytes).is_err()
    {
        *log = None;
    }
}

fn end_likewise(status: ExitStatus) -> i32 {
    if let Some(signal) = status.signal() {
        // The command has left its own core already, if it was to leave one.
        let _as_before = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
        let _not_deadly = signal_hook::low_level::emulate_default_handler(signal);
        return 128 + signal;
    }
    status.code().unwrap_or(1)
}
