//! Recognises lines that only show where something happened: stack frames and code frames.

/// True for a frame of a JavaScript, Ruby, Python or native stack, or a line of a code frame.
pub(crate) fn is_frame(text: &[u8]) -> bool {
    is_stack_frame(text) || is_code_frame(text)
}

/// True for a frame of a stack trace.
pub(crate) fn is_stack_frame(text: &[u8]) -> bool {
    match text.first() {
        Some(b'a') if text.starts_with(b"at ") => true,
        Some(b'f') if text.starts_with(b"from ") => is_ruby_frame(text),
        Some(b'F') if text.starts_with(b"File \"") => memchr::memmem::find(text, b", line ").is_some(),
        Some(b'@') if text.starts_with(b"@ ./") || text.starts_with(b"@ multi ") => true,
        Some(byte) if byte.is_ascii_digit() => is_native_frame(text) || is_ruby_frame(text),
        Some(_) => is_ruby_frame(text) || ends_with_place(text),
        None => false,
    }
}

/// True for a frame that names a place, so that what stands above it can only be an exception.
pub(crate) fn is_sure_frame(text: &[u8]) -> bool {
    if let Some(place) = text.strip_prefix(b"at ") {
        let place = place.strip_suffix(b")").unwrap_or(place);
        let digits = place.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        return digits > 0 && place[..place.len() - digits].ends_with(b":");
    }
    text.strip_prefix(b"from ").is_some_and(is_ruby_frame)
}

/// True for a line of source quoted with its number, or the arrow below it.
pub(crate) fn is_code_frame(text: &[u8]) -> bool {
    let quoted = text.strip_prefix(b">").map_or(text, <[u8]>::trim_ascii_start);
    let digits = quoted.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = quoted[digits..].trim_ascii_start();
    let bar = rest.starts_with(b"|") || rest.starts_with("│".as_bytes());
    let corner = ["╷", "╵", "╭", "╰", "┌", "└", "·", "├"].iter().any(|corner| rest.starts_with(corner.as_bytes()));
    bar || (corner && digits == 0) || (digits == 0 && is_pointer(text))
}

/// `^^^^`, `~~~~`, `----^`.
fn is_pointer(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| matches!(byte, b'^' | b'~' | b'-' | b' ' | b'\t'))
        && text.iter().any(|&byte| byte == b'^' || byte == b'~')
}

/// `/x/y.rb:27:in `load'`, also `<internal:kernel>:187:in 'loop'`; an exception's first line goes on after the name.
fn is_ruby_frame(text: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(text, b":in ") else {
        return false;
    };
    let counted = at > 0 && text[at - 1].is_ascii_digit();
    let named = matches!(text.get(at + 4), Some(b'`' | b'\''));
    counted && (at + 4 == text.len() || named && text.ends_with(b"'"))
}

/// `7: 0x1112684 v8::internal::Heap::PerformGarbageCollection(...) [node]`.
fn is_native_frame(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &text[digits..];
    rest.starts_with(b": 0x") || rest.starts_with(b": <unknown>")
}

/// The end of a JavaScript frame that was wrapped: `ode/chunks/dep.js:46374:15)`.
fn ends_with_place(text: &[u8]) -> bool {
    let Some(inner) = text.strip_suffix(b")") else {
        return false;
    };
    let mut parts = inner.rsplit(|&byte| byte == b':');
    let number = |part: Option<&[u8]>| part.is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit));
    number(parts.next()) && number(parts.next()) && !text.contains(&b' ')
}

#[cfg(test)]
mod tests {
    use super::{is_frame, is_sure_frame};

    #[test]
    fn frames_of_all_stacks_are_known() {
        for line in [
            "at Function.Module._resolveFilename (module.js:548:15)",
            "/x/rake-12.3.2/exe/rake:27:in `<top (required)>'",
            "from /x/kernel_require.rb:22:in 'require'",
            "7: 0x1112684 v8::internal::Heap::Perform [node]",
            "ode/chunks/dep-D4NMHUTW.js:46374:15)",
            "> 362 | function ( { ;;;",
            "|          ^",
            "2 │ .a { color: red; }",
            "╵",
            "@ ./source/server.jsx 18:11-25",
        ] {
            assert!(is_frame(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_place_makes_a_frame_sure() {
        for line in ["at main (/srv/site/build.js:12:3)", "at /srv/site/build.js:12:3", "from bin/build:3:in `main'"] {
            assert!(is_sure_frame(line.as_bytes()), "{line}");
        }
        for line in ["at least 3 files", "at 10:20 o'clock", "from main to dusk", "> 3 | a", "at "] {
            assert!(!is_sure_frame(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn messages_are_no_frames() {
        for line in
            ["Error: x", "config/x.rb:8:in `y': undefined method (NoMethodError)", "- a list item", "12 errors", ""]
        {
            assert!(!is_frame(line.as_bytes()), "{line}");
        }
    }
}
