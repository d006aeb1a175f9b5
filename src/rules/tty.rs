//! Turns what a terminal would show into plain text: colour codes and cursor movements are cut.

const ESCAPE: u8 = 0x1b;

/// Copies `line` to `out` without escape sequences and control characters.
pub(crate) fn strip(line: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = line;
    while let Some(at) = rest.iter().position(|&byte| is_control(byte)) {
        out.extend_from_slice(&rest[..at]);
        rest = match rest[at] {
            ESCAPE => &rest[at + sequence_length(&rest[at..])..],
            _ => &rest[at + 1..],
        };
    }
    out.extend_from_slice(rest);
}

/// True if a line has to pass through [`strip`].
pub(crate) fn needs_strip(line: &[u8]) -> bool {
    memchr::memchr3(ESCAPE, 0, 8, line).is_some()
}

const fn is_control(byte: u8) -> bool {
    byte < 0x20 && byte != b'\t'
}

/// Length of the escape sequence at the start of `bytes`, which begins with ESC (ECMA-48: CSI; OSC and the other strings; ECMA-35:
/// `ESC ( B`, as `tput sgr0` says it; two-byte).
fn sequence_length(bytes: &[u8]) -> usize {
    match bytes.get(1) {
        Some(b'[') => csi_length(bytes),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => string_length(bytes),
        Some(b' '..=b'/') => {
            let end = bytes[2..].iter().position(|byte| !(b' '..=b'/').contains(byte));
            end.map_or(bytes.len(), |end| end + 3)
        }
        Some(_) => 2,
        None => 1,
    }
}

fn csi_length(bytes: &[u8]) -> usize {
    let end = bytes[2..].iter().position(|byte| (0x40..=0x7e).contains(byte));
    end.map_or(bytes.len(), |end| end + 3)
}

fn string_length(bytes: &[u8]) -> usize {
    let end = bytes[2..].iter().position(|&byte| byte == 0x07 || byte == ESCAPE);
    match end {
        Some(end) if bytes[end + 2] == ESCAPE => (end + 4).min(bytes.len()),
        Some(end) => end + 3,
        None => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::strip;

    fn stripped(text: &[u8]) -> String {
        let mut out = Vec::new();
        strip(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn colours_and_cursor_codes_are_cut() {
        assert_eq!(stripped(b"\x1b[31merror\x1b[0m: \x1b[2K\x1b[1Gx"), "error: x");
    }

    #[test]
    fn hyperlinks_are_cut() {
        assert_eq!(stripped(b"see \x1b]8;;http://a\x07here\x1b]8;;\x1b\\."), "see here.");
    }

    #[test]
    fn character_sets_and_marks_of_time_are_cut() {
        assert_eq!(stripped(b"\x1b(B\x1b[m\x1b[31merror: x\x1b(B\x1b[m"), "error: x");
        // Buildkite's, before each line.
        assert_eq!(stripped(b"\x1b_bk;t=1714557600123\x07rake aborted!"), "rake aborted!");
        assert_eq!(stripped(b"a\x1b("), "a");
    }

    #[test]
    fn an_unfinished_sequence_ends_the_line() {
        assert_eq!(stripped(b"a\x1b[3"), "a");
        assert_eq!(stripped(b"a\x1b"), "a");
        assert_eq!(stripped(b"a\x1b]"), "a");
    }
}
