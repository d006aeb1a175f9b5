//! Drains what a build says into the build log, at any volume, in bounded memory.
//!
//! Both streams share one pipe, so that the log has them in the order of arrival, and no stream can fill up unread.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A line longer than this is shown by its end only; the log has all of it.
const SHOWN: usize = 4096;

/// The thread that drains, and what it has seen so far.
#[derive(Debug)]
pub(super) struct Drain {
    shared: Arc<Shared>,
    finished: Receiver<Drained>,
}

#[derive(Debug, Default)]
struct Shared {
    arrived: AtomicU64,
    last_line: Mutex<Vec<u8>>,
}

/// What became of the log.
#[derive(Debug, Default)]
pub(super) struct Drained {
    pub(super) written: u64,
    /// Bytes that were read and thrown away, because the log had reached its limit.
    pub(super) dropped: u64,
    /// Why the log could not be written to its end.
    pub(super) failure: Option<String>,
}

impl Drain {
    /// Begins to drain `pipe` into a new file.
    pub(super) fn start(pipe: PipeReader, log: &Path, limit: u64) -> io::Result<Self> {
        let file = File::create_new(log)?;
        let shared = Arc::new(Shared::default());
        let (sender, finished) = mpsc::channel();
        let seen = Arc::clone(&shared);
        thread::Builder::new().name("build log".to_owned()).spawn(move || {
            // Nobody waits any more where the run has been given up.
            let _given_up = sender.send(drain(pipe, file, limit, &seen));
        })?;
        Ok(Self { shared, finished })
    }

    /// How many bytes have arrived.
    pub(super) fn arrived(&self) -> u64 {
        self.shared.arrived.load(Ordering::Relaxed)
    }

    /// The last line so far, without colour codes.
    pub(super) fn last_line(&self) -> String {
        plain(&self.shared.last_line.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until every writer has closed the pipe; none if somebody still holds it after `limit`.
    pub(super) fn finish(&self, limit: Duration) -> Option<Drained> {
        self.finished.recv_timeout(limit).ok()
    }
}

fn drain(mut pipe: PipeReader, mut log: File, limit: u64, shared: &Shared) -> Drained {
    let mut drained = Drained::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match pipe.read(&mut buffer) {
            Ok(0) => return drained,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                drained.failure.get_or_insert_with(|| error.to_string());
                return drained;
            }
        };
        shared.arrived.fetch_add(count as u64, Ordering::Relaxed);
        remember(&mut shared.last_line.lock().unwrap_or_else(PoisonError::into_inner), &buffer[..count]);
        keep(&mut log, &buffer[..count], limit, &mut drained);
    }
}

/// Writes what still fits. A log that cannot be written is no reason to let the build stand still.
fn keep(log: &mut File, bytes: &[u8], limit: u64, drained: &mut Drained) {
    let room = usize::try_from(limit.saturating_sub(drained.written)).unwrap_or(usize::MAX).min(bytes.len());
    let (fits, surplus) = if drained.failure.is_none() { bytes.split_at(room) } else { (&bytes[..0], bytes) };
    match log.write_all(fits) {
        Ok(()) => drained.written += fits.len() as u64,
        Err(error) => drained.failure = Some(error.to_string()),
    }
    drained.dropped += surplus.len() as u64;
}

/// Keeps the last line that is not empty, and what has begun after it.
fn remember(line: &mut Vec<u8>, bytes: &[u8]) {
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let shown = &bytes[bytes.len().saturating_sub(2 * SHOWN)..];
    let trimmed = shown.iter().rposition(|byte| !ends(byte)).map_or(&shown[..0], |last| &shown[..=last]);
    if trimmed.is_empty() {
        if !bytes.is_empty() {
            line.push(b'\n');
        }
        return;
    }
    match trimmed.iter().rposition(ends) {
        Some(end) => *line = trimmed[end + 1..].to_vec(),
        None if line.last().is_some_and(ends) || shown.first().is_some_and(ends) => *line = trimmed.to_vec(),
        None => line.extend_from_slice(trimmed),
    }
    if trimmed.len() < shown.len() {
        line.push(b'\n');
    }
    let surplus = line.len().saturating_sub(SHOWN);
    line.drain(..surplus);
}

/// Text for a status line: no colour codes, no control characters.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut result = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            if letters.next() == Some('[') {
                let _skipped = letters.by_ref().find(|letter| ('\u{40}'..='\u{7e}').contains(letter));
            }
        } else if !letter.is_control() {
            result.push(letter);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(chunks: &[&[u8]]) -> String {
        let mut line = Vec::new();
        for chunk in chunks {
            remember(&mut line, chunk);
        }
        plain(&line)
    }

    #[test]
    fn the_last_line_is_the_last_that_is_not_empty() {
        assert_eq!(last(&[b"one\ntwo\n"]), "two");
        assert_eq!(last(&[b"one\ntw", b"o"]), "two");
        assert_eq!(last(&[b"one\n", b"two"]), "two");
        assert_eq!(last(&[b"one\n", b"\n", b"\r\n"]), "one");
        assert_eq!(last(&[b"10 %\r50 %\r"]), "50 %");
        assert_eq!(last(&[b"\x1b[33mwarning\x1b[0m: \xff\n"]), "warning: \u{fffd}");
    }

    #[test]
    fn a_line_without_end_does_not_grow_without_end() {
        let mut line = Vec::new();
        for _ in 0..100 {
            remember(&mut line, &[b'x'; 8192]);
        }
        assert!(line.len() <= SHOWN);
    }
}
