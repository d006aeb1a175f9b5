//! Bytes into lines, with a bound: a line without an end must not fill the memory.

/// No line of interest is longer, in bytes; of a longer one nothing is read.
const LONGEST: usize = 16 << 10;

/// The line that is being read.
#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl LineBuffer {
    /// Takes bytes in, and hands each line on that they complete, without its end.
    pub(super) fn take(&mut self, mut bytes: &[u8], hear: &mut dyn FnMut(&str)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.keep(&bytes[..end]);
            if !self.is_too_long {
                let line = String::from_utf8_lossy(&self.bytes);
                hear(line.strip_suffix('\r').unwrap_or(&line));
            }
            self.forget();
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.is_too_long |= self.bytes.len() + bytes.len() > LONGEST;
        if self.is_too_long { self.bytes.clear() } else { self.bytes.extend_from_slice(bytes) }
    }

    /// Begins a new line.
    pub(super) fn forget(&mut self) {
        self.bytes.clear();
        self.is_too_long = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(parts: &[&[u8]]) -> Vec<String> {
        let (mut buffer, mut lines) = (LineBuffer::default(), Vec::new());
        parts.iter().for_each(|part| buffer.take(part, &mut |line| lines.push(line.to_owned())));
        assert!(buffer.bytes.len() <= LONGEST);
        lines
    }

    #[test]
    fn a_line_may_come_in_parts() {
        assert_eq!(lines(&[b"a", b"b\r\nc\n", b"\xffd"]), ["ab", "c"]);
    }

    #[test]
    fn a_line_without_end_is_dropped_and_the_next_one_is_read() {
        let long = vec![b'x'; LONGEST];
        assert_eq!(lines(&[&long, &long, &long, b"y\nnext\n"]), ["next"]);
    }
}
