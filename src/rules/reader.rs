//! Cuts a stream into lines in bounded memory: a line of any length costs one buffer, which grows no further than it must.

use std::io::{self, Read};

/// Bytes of a line that are kept; the rest is counted and skipped. What a command said to Ansible stands in one line.
const LONGEST_LINE: usize = 8 * 1024 * 1024;
const CHUNK: usize = 256 * 1024;

/// A reader that yields lines. A lone carriage return ends one too: a progress bar overwrites, and nothing must hide in it.
pub(crate) struct Lines<'r> {
    input: &'r mut dyn Read,
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    number: u64,
    fresh: bool,
    ended: bool,
}

/// A part of the stream up to a newline or carriage return, without it.
pub(crate) struct RawLine<'b> {
    /// Counted from 1, by newlines.
    pub number: u64,
    /// At most [`LONGEST_LINE`] bytes.
    pub bytes: &'b [u8],
    /// False for a part of a line of which an earlier part was given already.
    pub starts_line: bool,
}

impl<'r> Lines<'r> {
    pub(crate) fn new(input: &'r mut dyn Read) -> Self {
        Self { input, buffer: vec![0; CHUNK], start: 0, filled: 0, number: 1, fresh: true, ended: false }
    }

    /// The next line; none at the end. Errors are the input's own.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<RawLine<'_>>> {
        let mut seen = 0;
        loop {
            let unread = &self.buffer[self.start..self.filled];
            if let Some(end) = memchr::memchr2(b'\n', b'\r', &unread[seen..]) {
                return Ok(Some(self.take(seen + end, true)));
            }
            seen = unread.len();
            if seen >= LONGEST_LINE {
                self.skip_rest_of_line()?;
                return Ok(Some(self.take(LONGEST_LINE, LONGEST_LINE < self.filled)));
            }
            if !self.fill()? {
                let rest = self.filled - self.start;
                return Ok((rest > 0).then(|| self.take(rest, false)));
            }
        }
    }

    fn take(&mut self, length: usize, terminated: bool) -> RawLine<'_> {
        let (from, number, starts_line) = (self.start, self.number, self.fresh);
        let newline = terminated && self.buffer[from + length] == b'\n';
        self.start += length + usize::from(terminated);
        self.number += u64::from(newline);
        self.fresh = newline;
        RawLine { number, bytes: &self.buffer[from..from + length.min(LONGEST_LINE)], starts_line }
    }

    /// Reads more; false at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        let read = self.read_at(self.filled)?;
        self.filled += read;
        Ok(read > 0)
    }

    fn read_at(&mut self, at: usize) -> io::Result<usize> {
        loop {
            match self.input.read(&mut self.buffer[at..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => {
                    self.ended = true;
                    return Ok(0);
                }
                other => return other,
            }
        }
    }

    /// Drops what follows the kept part of an overlong line, so that its end directly follows that part in the buffer.
    fn skip_rest_of_line(&mut self) -> io::Result<()> {
        let kept = LONGEST_LINE;
        self.buffer.copy_within(self.start..self.start + kept, 0);
        self.buffer.resize(kept + CHUNK, 0);
        self.filled = kept;
        self.start = 0;
        loop {
            let read = self.read_at(kept)?;
            if read == 0 {
                return Ok(());
            }
            if let Some(end) = memchr::memchr2(b'\n', b'\r', &self.buffer[kept..kept + read]) {
                self.buffer.copy_within(kept + end..kept + read, kept);
                self.filled = kept + read - end;
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, LONGEST_LINE, Lines};

    fn lines(mut bytes: &[u8]) -> Vec<(u64, usize, bool)> {
        let mut lines = Lines::new(&mut bytes);
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push((line.number, line.bytes.len(), line.starts_line));
        }
        all
    }

    #[test]
    fn a_carriage_return_parts_a_line_without_counting() {
        assert_eq!(lines(b"ab\rc\r\nd"), [(1, 2, true), (1, 1, false), (1, 0, false), (2, 1, true)]);
    }

    #[test]
    fn a_huge_line_is_cut_and_the_next_one_is_whole() {
        let mut text = vec![b'x'; 2 * LONGEST_LINE + 3];
        text.extend(b"\nnext\n");
        assert_eq!(lines(&text), [(1, LONGEST_LINE, true), (2, 4, true)]);
    }

    #[test]
    fn a_long_line_is_whole() {
        for length in [CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 7, LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1] {
            let text = [b"a\n".to_vec(), vec![b'x'; length], b"\nnext".to_vec()].concat();
            assert_eq!(lines(&text), [(1, 1, true), (2, length.min(LONGEST_LINE), true), (3, 4, true)], "{length}");
        }
    }

    #[test]
    fn the_last_line_needs_no_newline() {
        assert_eq!(lines(b"a\n\nb"), [(1, 1, true), (2, 0, true), (3, 1, true)]);
        assert_eq!(lines(b""), []);
    }
}
