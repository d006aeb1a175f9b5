//! The words by which programs say how grave a line is.

/// What loggers call an entry that says that something is wrong.
pub(crate) const GRAVE: [&str; 14] = [
    "error",
    "err",
    "fatal",
    "critical",
    "crit",
    "severe",
    "emergency",
    "alert",
    "panic",
    "exception",
    "failed",
    "failure",
    "warning",
    "warn",
];

/// True for `ERROR   | `: a logger's word for how grave a line is, and no name.
pub(crate) fn is_grave(name: &[u8]) -> bool {
    let Some(word) = name.trim_ascii_end().strip_suffix(b"|").map(<[u8]>::trim_ascii_end) else { return false };
    GRAVE.iter().any(|grave| word.eq_ignore_ascii_case(grave.as_bytes()))
}

/// True for `Build error: `, which names nobody.
pub(crate) fn complains(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let words = [&b"error"[..], b"fail", b"fatal", b"warn", b"abort", b"exception", b"cannot", b"unable"];
    words.iter().any(|word| memchr::memmem::find(&name, word).is_some())
}
