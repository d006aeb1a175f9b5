//! A log in another encoding than UTF-8: `docker build > build.log` in PowerShell 5.1 writes UTF-16, and nothing in it would be known.

use std::io::{self, Cursor, Read};

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};

/// Gives UTF-16 as UTF-8, and everything else as it is: what is no UTF-8 is not replaced.
///
/// # Errors
/// Those of `input`.
pub(crate) fn decoded(input: &mut dyn Read) -> io::Result<impl Read> {
    let mut head = Vec::new();
    Read::take(&mut *input, 4).read_to_end(&mut head)?;
    let unmarked = without_mark(&head);
    let whole = Cursor::new(head).chain(input);
    let reader: DecodeReaderBytes<_, Vec<u8>> =
        DecodeReaderBytesBuilder::new().encoding(unmarked).utf8_passthru(true).build(whole);
    Ok(reader)
}

/// UTF-16 that begins with two signs of ASCII and has no byte order mark: what was appended to a file, or cut from one.
fn without_mark(head: &[u8]) -> Option<&'static Encoding> {
    let is_text = |byte: u8| byte.is_ascii() && byte != 0;
    match *head {
        [one, 0, other, 0] if is_text(one) && is_text(other) => Some(UTF_16LE),
        [0, one, 0, other] if is_text(one) && is_text(other) => Some(UTF_16BE),
        _ => None,
    }
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
    fn everything_else_is_given_as_it_is() {
        for bytes in [LOG.as_bytes(), b"\xef\xbb\xbfa", b"\xe9\xff\xfe", b"", b"a", b"a\0b", b"a\0\0\0b", b"\0\0\0\0"] {
            assert_eq!(read(bytes), bytes);
        }
    }
}
