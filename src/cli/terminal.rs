//! What kind of place the output goes to.

use std::io::{self, IsTerminal, Write};

/// Columns of the terminal, or 100 where there is none.
#[must_use]
pub fn width() -> usize {
    if io::stdout().is_terminal() { textwrap::termwidth().clamp(40, 120) } else { 100 }
}

/// True if an error says that the reader of the output went away, which is success (`themegate … | head`).
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_pipe))
}

/// Standard output, whose faults are told by its name: the system's words for them name nothing.
#[derive(Debug)]
pub struct Named<W: Write>(pub W);

fn named(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("standard output could not be written: {error}"))
}

impl<W: Write> Write for Named<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.write(text).map_err(|error| named(&error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(|error| named(&error))
    }
}

/// The output of a command that changes the live tree. Where standard output takes nothing (its disk is full, its reader went
/// away), the rest is said on standard error: nothing must break off half-way for it, and what was done must not look undone.
#[derive(Debug)]
pub struct Insistent<W: Write, E: Write> {
    out: W,
    err: E,
    /// What of a line was taken, and may wait in a buffer for its end.
    begun: Vec<u8>,
    is_closed: bool,
}

impl<W: Write, E: Write> Insistent<W, E> {
    /// Writes to `out` as long as it takes something, and to `err` from then on.
    pub const fn new(out: W, err: E) -> Self {
        Self { out, err, begun: Vec::new(), is_closed: false }
    }

    fn turn_away(&mut self) {
        self.is_closed = true;
        // Where nobody hears that either, the work is done all the same.
        let _unheard = self.err.write_all(&std::mem::take(&mut self.begun));
    }
}

impl<W: Write, E: Write> Write for Insistent<W, E> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if !self.is_closed {
            match self.out.write_all(text) {
                Ok(()) => match text.iter().rposition(|byte| *byte == b'\n') {
                    Some(end) => self.begun = text[end + 1..].to_vec(),
                    None => self.begun.extend_from_slice(text),
                },
                Err(_) => self.turn_away(),
            }
        }
        if self.is_closed {
            let _unheard = self.err.write_all(text);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.is_closed {
            true => return self.err.flush().or(Ok(())),
            false if self.out.flush().is_err() => self.turn_away(),
            false => self.begun.clear(),
        }
        Ok(())
    }
}
