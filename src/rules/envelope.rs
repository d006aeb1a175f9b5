//! Opens what a program put a line of a log into: a string of JSON, as Ansible quotes what a command said, an entry of a log in
//! JSON, as Docker and loggers keep it, and HTML, as a page shows it. Pure; it knows nothing of what a line means.

use serde_json::{Map, Value};

/// What Ansible calls what a command said.
const SAID: [&str; 3] = ["stdout", "stderr", "msg"];
/// What a program that writes logs calls the text of an entry.
const TEXTS: [&str; 6] = ["log", "message", "msg", "MESSAGE", "stdout", "stderr"];
/// What else stands in such an entry; a tool's own JSON has none of these.
const ABOUT: [&str; 13] = [
    "time",
    "timestamp",
    "@timestamp",
    "ts",
    "stream",
    "level",
    "severity",
    "PRIORITY",
    "__REALTIME_TIMESTAMP",
    "rc",
    "changed",
    "logger",
    "hostname",
];
const GRAVITY: [&str; 3] = ["level", "severity", "lvl"];

/// Signs that stand for themselves nowhere in HTML.
const ENTITIES: [(&[u8], u8); 7] = [
    (b"&quot;", b'"'),
    (b"&#34;", b'"'),
    (b"&#39;", b'\''),
    (b"&#x27;", b'\''),
    (b"&lt;", b'<'),
    (b"&gt;", b'>'),
    (b"&amp;", b'&'),
];

/// What was in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    /// It may have several lines.
    pub text: String,
    /// The envelope says that it is an error.
    pub marked: bool,
    /// The envelope says something too: how a task of Ansible ended.
    pub speaks: bool,
}

/// Opens a line; none if it is no envelope.
pub(crate) fn open(line: &[u8]) -> Option<Letter> {
    match line {
        [b'"', ..] => quoted(line),
        [b'{', b'"', .., b'}'] => entry(&object(line)?, false),
        [.., b'}'] if line.first().is_some_and(u8::is_ascii_lowercase) => {
            let at = memchr::memmem::find(line, b" => {\"")?;
            entry(&object(&line[at + 4..])?, true)
        }
        _ => None,
    }
}

/// `"rake aborted!",` and `"msg": "rake aborted!",`.
fn quoted(line: &[u8]) -> Option<Letter> {
    let line = line.strip_suffix(b",").unwrap_or(line);
    let plain = |text: String| Letter { text, marked: false, speaks: false };
    if let Ok(text) = serde_json::from_slice::<String>(line) {
        return Some(plain(text));
    }
    let name = line[1..].split(|&byte| byte == b'"').next()?;
    let name = std::str::from_utf8(name).ok().filter(|name| SAID.iter().any(|said| name.ends_with(said)))?;
    let value = line[name.len() + 2..].strip_prefix(b": ")?;
    serde_json::from_slice::<String>(value).ok().map(plain)
}

fn object(line: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(line).ok()
}

fn entry(object: &Map<String, Value>, speaks: bool) -> Option<Letter> {
    ABOUT.iter().any(|name| object.contains_key(*name)).then_some(())?;
    let texts: Vec<&str> =
        TEXTS.iter().filter_map(|name| object.get(*name)?.as_str()).filter(|text| !text.is_empty()).collect();
    let gravity = GRAVITY.iter().filter_map(|name| object.get(*name)?.as_str());
    let marked = gravity.into_iter().any(|word| {
        ["error", "fatal", "critical", "panic", "emergency", "alert"].contains(&word.to_ascii_lowercase().as_str())
    });
    (!texts.is_empty()).then(|| Letter { text: texts.join("\n"), marked, speaks })
}

/// Writes the line with the signs of HTML as what they stand for; false, and nothing written, if it has none.
pub(crate) fn unescape(line: &[u8], out: &mut Vec<u8>) -> bool {
    let (mut rest, mut found) = (line, false);
    out.clear();
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        let entity = ENTITIES.iter().find(|(name, _)| rest[at..].starts_with(name));
        out.push(entity.map_or(b'&', |(_, sign)| *sign));
        found |= entity.is_some();
        rest = &rest[at + entity.map_or(1, |(name, _)| name.len())..];
    }
    out.extend_from_slice(rest);
    found
}

#[cfg(test)]
mod tests {
    use super::{open, unescape};

    fn text(line: &str) -> Option<String> {
        open(line.as_bytes()).map(|letter| letter.text)
    }

    #[test]
    fn what_ansible_quotes_is_read() {
        assert_eq!(text(r#""rake aborted!","#).unwrap(), "rake aborted!");
        assert_eq!(text(r#""SassError: expected \"}\".""#).unwrap(), "SassError: expected \"}\".");
        assert_eq!(text(r#""out.stderr": "a\nb","#).unwrap(), "a\nb");
        let changed = open(br#"changed: [web] => {"changed": true, "rc": 0, "stderr": "", "stdout": "a\nb"}"#).unwrap();
        assert_eq!((changed.text.as_str(), changed.speaks), ("a\nb", true));
    }

    #[test]
    fn an_entry_of_a_log_is_read() {
        assert_eq!(text(r#"{"log":"a\n","stream":"stderr","time":"2026-11-29T10:00:00Z"}"#).unwrap(), "a\n");
        let marked = open(br#"{"level":"error","ts":1,"msg":"a"}"#).unwrap();
        assert!(marked.marked && !open(br#"{"level":"info","ts":1,"msg":"a"}"#).unwrap().marked);
    }

    #[test]
    fn everything_else_is_no_envelope() {
        for line in [
            r#""a": "b","#,
            r#""a" is b"#,
            r#"{"name":"a","message":"b"}"#,
            r#"{"level":1}"#,
            "{}",
            "\"",
            "x => {\"a",
            "",
        ] {
            assert_eq!(text(line), None, "{line}");
        }
    }

    #[test]
    fn signs_of_html_are_put_right() {
        let mut out = Vec::new();
        assert!(unescape(b"a &lt;b&gt; &quot;c&quot; &amp;&amp; d & e", &mut out));
        assert_eq!(out, b"a <b> \"c\" && d & e");
        assert!(!unescape(b"a && b &nbsp;", &mut out));
    }
}
