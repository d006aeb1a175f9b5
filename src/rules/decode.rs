//! A log in another form than UTF-8: `docker build > build.log` in PowerShell 5.1 writes UTF-16, and CI keeps logs packed. Nothing in
//! them would be known.

use std::io::{self, Cursor, Read};

use flate2::read::MultiGzDecoder;

/// So many signs of ASCII in a row are no UTF-16, in which each of two is an ideograph.
const PLAIN: usize = 32;

/// And so many at the end.
const PLAIN_AT_END: usize = 8;

const CHUNK: usize = 16 * 1024;

/// The unit of UTF-16 that two bytes are.
type Order = fn([u8; 2]) -> u16;

const GZIP: &[u8] = b"\x1f\x8b";

/// A packed log may have been packed once more.
const PACKED: usize = 3;

/// How files begin that hold a log in a form that is not read, or none.
const NO_TEXT: [(&[u8], &str); 16] = [
    (GZIP, "packed by gzip again and again; unpack it first"),
    (b"\x1f\x9d", "packed by compress; unpack it first"),
    (b"\x04\x22\x4d\x18", "packed by lz4; unpack it first"),
    (b"<!DO", "a web page; the text of the log is needed"),
    (b"<!do", "a web page; the text of the log is needed"),
    (b"<htm", "a web page; the text of the log is needed"),
    (b"<HTM", "a web page; the text of the log is needed"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"\xfd7zX", "packed by xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd; unpack it first"),
    (b"BZh", "packed by bzip2; unpack it first"),
    (b"\x89PNG", "a picture; the text of the log is needed"),
    (b"\xff\xd8\xff", "a picture; the text of the log is needed"),
    (b"%PDF", "a PDF; the text of the log is needed"),
    (b"\x7fELF", "a program; its log is needed"),
];

/// Gives UTF-16 as UTF-8, what gzip packed as it was before, and everything else as it is: what is no UTF-8 is not replaced.
///
/// # Errors
/// Those of `input`, and that it is packed in another way, or no text.
pub(crate) fn decoded(input: &mut dyn Read) -> io::Result<Decoded<'_>> {
    let (mut head, mut input) = begun(Box::new(input))?;
    for _ in 0..PACKED {
        if head.starts_with(GZIP) {
            (head, input) = begun(Box::new(MultiGzDecoder::new(input)))?;
        }
    }
    if let Some((_, what)) = NO_TEXT.iter().find(|(begin, _)| head.starts_with(begin)) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is {what}")));
    }
    Ok(Decoded { input, order: order(&head), raw: Vec::new(), text: Cursor::default() })
}

/// The first bytes, and all of them once more.
fn begun<'r>(mut input: Box<dyn Read + 'r>) -> io::Result<(Vec<u8>, Box<dyn Read + 'r>)> {
    let mut head = Vec::new();
    Read::take(&mut input, 4).read_to_end(&mut head)?;
    Ok((head.clone(), Box::new(Cursor::new(head).chain(input))))
}

/// UTF-16 has a byte order mark, or begins with two signs of ASCII: what was appended to a file, or cut from one.
fn order(head: &[u8]) -> Option<Order> {
    let is_text = |byte: u8| byte.is_ascii() && byte != 0;
    match *head {
        [0xff, 0xfe, ..] => Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => Some(u16::from_be_bytes),
        [one, 0, other, 0] if is_text(one) && is_text(other) => Some(u16::from_le_bytes),
        [0, one, 0, other] if is_text(one) && is_text(other) => Some(u16::from_be_bytes),
        _ => None,
    }
}

/// A log as UTF-8.
pub(crate) struct Decoded<'r> {
    input: Box<dyn Read + 'r>,
    /// None where what follows is given as it is.
    order: Option<Order>,
    /// What was read and not yet decoded.
    raw: Vec<u8>,
    text: Cursor<Vec<u8>>,
}

impl Read for Decoded<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let given = self.text.read(into)?;
            if given > 0 || into.is_empty() {
                return Ok(given);
            }
            let Some(order) = self.order else { return self.input.read(into) };
            let known = self.raw.len();
            self.raw.resize(known + CHUNK, 0);
            let read = self.input.read(&mut self.raw[known..]);
            self.raw.truncate(known + read.as_ref().copied().unwrap_or_default());
            let text = self.decode(order, read? == 0);
            self.text = Cursor::new(text);
        }
    }
}

impl Decoded<'_> {
    /// Decodes what was read, up to what more must be known of.
    fn decode(&mut self, order: Order, ended: bool) -> Vec<u8> {
        let (mut text, mut at) = (String::new(), 0);
        loop {
            let rest = &self.raw[at..];
            let plain = rest.iter().take(PLAIN).take_while(|byte| is_plain(**byte)).count();
            let is_all = plain == rest.len();
            // UTF-8 was appended, by a command that did not ask what the file holds.
            let turns = plain == PLAIN || (ended && is_all && plain >= PLAIN_AT_END);
            if turns || ended && rest.len() < 2 {
                self.order = None;
                let mut text = text.into_bytes();
                text.extend(self.raw.drain(..).skip(at));
                return text;
            }
            let mut units = rest.chunks_exact(2).take(2).map(|pair| order([pair[0], pair[1]]));
            let (first, second) = (units.next(), units.next());
            let is_half = second.is_none() && first.is_some_and(|unit| (0xd800..0xdc00).contains(&unit));
            let (Some(first), false) = (first, !ended && (is_all || is_half)) else { break };
            let sign = char::decode_utf16([Some(first), second].into_iter().flatten()).next().and_then(Result::ok);
            text.extend(sign.or(Some(char::REPLACEMENT_CHARACTER)).filter(|sign| *sign != '\u{feff}'));
            at += sign.map_or(1, char::len_utf16) * 2;
        }
        self.raw.drain(..at);
        text.into_bytes()
    }
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b | b' '..=b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "ERROR in ./a.scss\r\n✔ Käse\n";

    fn read(mut bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        decoded(&mut bytes).unwrap().read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn utf_16_is_read_with_and_without_its_mark() {
        for text in [LOG.to_owned(), format!("\u{feff}{LOG}")] {
            let units = text.encode_utf16().collect::<Vec<u16>>();
            for bytes in [
                units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>(),
                units.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
            ] {
                assert_eq!(String::from_utf8(read(&bytes)).unwrap(), LOG);
            }
        }
    }

    #[test]
    fn what_was_appended_to_utf_16_is_read_as_it_is() {
        for (begun, appended) in [
            ("# build\r\n", "ERROR in ./a.scss\nModule build failed\n\u{2714} K\u{e4}se\n"),
            ("\u{1f680} \u{4e2d}\u{6587}\r\n", "rake aborted!\n"),
            ("", &"x\n".repeat(20_000)),
        ] {
            let mut bytes = vec![0xff, 0xfe];
            bytes.extend(begun.encode_utf16().flat_map(u16::to_le_bytes));
            bytes.extend(appended.bytes());
            assert_eq!(String::from_utf8(read(&bytes)).unwrap(), format!("{begun}{appended}"));
        }
    }

    #[test]
    fn signs_of_two_units_and_long_logs_are_read_across_chunks() {
        let text = "\u{4e2d}\u{6587}\u{1f680}a\r\n".repeat(9_000);
        for shift in ["", "a"] {
            let whole = format!("\u{feff}{shift}{text}");
            let bytes: Vec<u8> = whole.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert!(String::from_utf8(read(&bytes)).unwrap() == whole[3..]);
        }
        assert_eq!(read(&[0xff, 0xfe, 0, 0xd8, b'a', 0]), "\u{fffd}a".as_bytes());
        assert_eq!(read(&[0xff, 0xfe, b'a', 0, 0, 0xd8]), "a\u{fffd}".as_bytes());
    }

    #[test]
    fn a_packed_log_is_read_or_refused() {
        let mut packed = Vec::new();
        for text in [LOG, "rake aborted!\n"] {
            let mut encoder = flate2::read::GzEncoder::new(text.as_bytes(), flate2::Compression::fast());
            encoder.read_to_end(&mut packed).unwrap();
        }
        assert_eq!(String::from_utf8(read(&packed)).unwrap(), format!("{LOG}rake aborted!\n"));
        let again = |packed: &[u8]| {
            let mut twice = Vec::new();
            flate2::read::GzEncoder::new(packed, flate2::Compression::fast()).read_to_end(&mut twice).unwrap();
            twice
        };
        assert_eq!(read(&again(&again(&packed))), read(&packed));
        let deep = again(&again(&again(&packed)));
        assert!(decoded(&mut &deep[..]).map(drop).unwrap_err().to_string().contains("unpack it first"));
        let mut cut = &packed[..packed.len() - 9];
        assert!(decoded(&mut cut).unwrap().read_to_end(&mut Vec::new()).is_err());
        for mut other in [
            &b"PK\x03\x04rest"[..],
            b"\xfd7zXZ\0",
            b"\x28\xb5\x2f\xfd\x04",
            b"BZh91AY&SY",
            b"\x1f\x9d\x90",
            b"\x04\x22\x4d\x18",
        ] {
            let refused = decoded(&mut other).map(drop).unwrap_err().to_string();
            assert!(refused.contains("unpack it first"), "{refused}");
        }
        for mut other in
            [&b"\x89PNG\r\n"[..], b"\xff\xd8\xff\xe0", b"%PDF-1.7", b"\x7fELF\x02", b"<!DOCTYPE html>", b"<html lang"]
        {
            let refused = decoded(&mut other).map(drop).unwrap_err().to_string();
            assert!(refused.contains("log is needed"), "{refused}");
        }
    }

    #[test]
    fn everything_else_is_given_as_it_is() {
        for bytes in [LOG.as_bytes(), b"\xef\xbb\xbfa", b"\xe9\xff\xfe", b"", b"a", b"a\0b", b"a\0\0\0b", b"\0\0\0\0"] {
            assert_eq!(read(bytes), bytes);
        }
    }
}
