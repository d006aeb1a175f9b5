//! Whether the bytes of a picture or font are one, and all of it. Pure: only beginnings, ends and the lengths that a file gives
//! of itself are looked at, as its format's specification has them.

/// What is wrong with a file of this type (lower case, without the dot), as the rest of a sentence. Which kind of picture of pixels
/// it is does not matter: browsers go by the bytes, whatever the name. An SVG they know by the type that the web server gives
/// it, which goes by the name (mimesniff.spec.whatwg.org, section "sniffing in an image context").
pub(super) fn damage(kind: &str, bytes: &[u8]) -> Option<&'static str> {
    const ELSE: &str = "does not begin as any picture or font does";
    const CUT: &str = "ends before its end";
    match kind {
        "svg" => drawing(bytes),
        "woff" | "woff2" | "ttf" | "otf" => match font_length(bytes) {
            None => Some(ELSE),
            Some(length) => (length > bytes.len() as u64).then_some(CUT),
        },
        "png" | "apng" | "gif" | "jpg" | "jpeg" | "jfif" | "webp" | "avif" => match is_whole_picture(bytes) {
            None if is_drawing(bytes) => Some("is an SVG, which browsers show under the ending .svg alone"),
            None => Some(ELSE),
            Some(whole) => (!whole).then_some(CUT),
        },
        _ => None,
    }
}

/// The length that a font gives of itself; none if it is no font (WOFF 1 and 2, section "header"; OpenType, "table directory").
fn font_length(bytes: &[u8]) -> Option<u64> {
    match bytes.get(..4)? {
        b"wOFF" | b"wOF2" => big_endian(bytes, 8),
        b"ttcf" => Some(0),
        b"OTTO" | b"true" | [0, 1, 0, 0] => {
            let tables = u64::from(u16::from_be_bytes(bytes.get(4..6)?.try_into().ok()?));
            let end = |table: u64| {
                let record = usize::try_from(12 + table * 16).ok()?;
                Some(big_endian(bytes, record + 8)? + big_endian(bytes, record + 12)?)
            };
            // A directory that is cut off itself is longer than the file.
            Some((0..tables).map(|table| end(table).unwrap_or(u64::MAX)).max().unwrap_or(0))
        }
        _ => None,
    }
}

/// Whether a picture has its end; none if it does not begin as one.
fn is_whole_picture(bytes: &[u8]) -> Option<bool> {
    let has = |end: &[u8]| memchr::memmem::rfind(bytes, end).is_some();
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some(has(b"IEND")),
        [b'G', b'I', b'F', b'8', ..] => Some(has(b"\x3b")),
        [0xff, 0xd8, 0xff, ..] => Some(has(b"\xff\xd9")),
        [b'R', b'I', b'F', b'F', a, b, c, d, b'W', b'E', b'B', b'P', ..] => {
            Some(u64::from(u32::from_le_bytes([*a, *b, *c, *d])) <= bytes.len() as u64)
        }
        // Boxes of ISO media: AVIF. Icons and bitmaps under another name are shown as well.
        [_, _, _, _, b'f', b't', b'y', b'p', ..] | [0, 0, 1 | 2, 0, ..] | [b'B', b'M', ..] => Some(true),
        _ => None,
    }
}

/// An SVG that lacks its element, or the end of it. A browser shows nothing of an XML file that is cut off.
fn drawing(bytes: &[u8]) -> Option<&'static str> {
    if is_packed_or_wide(bytes) {
        return None;
    }
    if is_whole_picture(bytes).is_some() || !is_drawing(bytes) {
        return Some("holds no <svg> element");
    }
    let is_closed = String::from_utf8_lossy(bytes).trim_end().ends_with('>');
    (!is_closed).then_some("ends before its end")
}

fn is_drawing(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"<svg").is_some() || memchr::memmem::find(bytes, b":svg").is_some()
}

/// Compressed (`.svgz` under another name), or in UTF-16: nothing is said of these.
const fn is_packed_or_wide(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1f, 0x8b, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
}

fn big_endian(bytes: &[u8], at: usize) -> Option<u64> {
    let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(u64::from(u32::from_be_bytes(four)))
}

#[cfg(test)]
mod tests {
    use super::damage;

    #[test]
    fn what_is_cut_off_or_something_else_is_told() {
        let cut = Some("ends before its end");
        let other = Some("does not begin as any picture or font does");
        assert_eq!(damage("png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"), cut);
        assert_eq!(damage("png", &[0; 900]), other);
        assert_eq!(damage("jpg", b"version 1\n"), other);
        assert_eq!(damage("woff2", b"wOF2\0\x01\0\0\0\0\x10\0"), cut);
        assert_eq!(damage("ttf", b"\0\x01\0\0\0\x02\0\0\0\0\0\0glyf"), cut);
        assert_eq!(damage("woff", b"oops"), other);
        assert_eq!(damage("webp", b"RIFF\xff\0\0\0WEBPVP8 "), cut);
        assert_eq!(damage("svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"><path d=\"M0 0"), cut);
        assert_eq!(damage("svg", b"hello"), Some("holds no <svg> element"));
        assert_eq!(damage("svg", b"\x89PNG\r\n\x1a\n...IEND\xaeB`\x82"), Some("holds no <svg> element"));
        assert_eq!(
            damage("png", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
            Some("is an SVG, which browsers show under the ending .svg alone")
        );
    }

    #[test]
    fn what_is_whole_passes_whatever_its_name() {
        for (kind, bytes) in [
            ("png", b"\xff\xd8\xff\xe0JFIF\xff\xd9trailing".as_slice()),
            ("jpg", b"\x89PNG\r\n\x1a\n...IEND\xaeB`\x82"),
            ("gif", b"GIF89a...;"),
            ("woff2", b"wOF2\0\x01\0\0\0\0\0\x0cpadding"),
            ("ttf", b"OTTO\0\0\0\0"),
            ("eot", b"anything"),
            ("avif", b"\0\0\0\x1cftypavif"),
            ("svg", b"<?xml version='1.0'?>\n<!-- x --><svg:svg/>\n\n"),
            ("svg", b"\x1f\x8b\x08"),
        ] {
            assert_eq!(damage(kind, bytes), None, "{kind}");
        }
    }
}
