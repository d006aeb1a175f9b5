//! Opens what a program put a line of a log into: a string of JSON, as Ansible quotes what a command said, an entry of a log in
//! JSON, as Docker and loggers keep it, and HTML, as a page shows it. Pure; it knows nothing of what a line means.

use serde_json::{Map, Value};

use super::gravity::GRAVE;

/// What Ansible calls what a command said.
const SAID: [&str; 3] = ["stdout", "stderr", "msg"];
/// What a program that writes logs calls the text of an entry.
const TEXTS: [&str; 6] = ["log", "message", "msg", "MESSAGE", "stdout", "stderr"];
/// What it calls an error that it tells beside the text.
const FAULTS: [&str; 9] =
    ["err", "error", "exception", "exc_info", "stack", "stack_trace", "stacktrace", "errorVerbose", "error.message"];
/// What else stands in such an entry; a tool's own JSON has none of these.
const ABOUT: [&str; 14] = [
    "time",
    "timestamp",
    "@timestamp",
    "ts",
    "stream",
    "level",
    "levelname",
    "severity",
    "PRIORITY",
    "__REALTIME_TIMESTAMP",
    "rc",
    "changed",
    "logger",
    "hostname",
];
/// What it calls how grave an entry is. That of journald and of GELF is none: Docker calls all of stderr an error there.
const GRAVITY: [&str; 4] = ["level", "levelname", "severity", "lvl"];
/// What pino and bunyan call a warning, as a number, and an error; 60 is fatal.
const WARNING: u64 = 40;
const ERROR: u64 = 50;

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Letter {
    /// All that it says, the text first.
    pub parts: Vec<Part>,
    /// The envelope says something too: how a task of Ansible ended.
    pub speaks: bool,
    /// What it marks is a warning.
    pub warns: bool,
}

/// One of the texts in an envelope. It may have several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub text: String,
    /// How many of its lines the envelope calls an error.
    pub marked: usize,
}

impl Part {
    /// Its lines, and whether the envelope calls them an error. A carriage return ends one too, as it does outside.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&str, bool)> {
        let pieces = |line| str::split(line, '\r').enumerate().filter(|(at, piece)| *at == 0 || !piece.is_empty());
        let text = self.text.strip_suffix('\n').unwrap_or(&self.text);
        text.split('\n').flat_map(pieces).enumerate().map(|(at, (_, line))| (line, at < self.marked))
    }
}

/// Opens a line; none if it is no envelope.
pub(crate) fn open(line: &[u8]) -> Option<Letter> {
    match line {
        [b'"', ..] => quoted(line),
        [b'{', b'"', .., b'}'] => entry(&object(line)?),
        [.., b'}'] if is_task(line) => {
            let at = memchr::memmem::find(line, ARROW)?;
            let mut parts = Vec::new();
            said(&object(&line[at + 4..])?, &mut parts);
            (!parts.is_empty()).then_some(Letter { parts, speaks: true, warns: false })
        }
        _ => None,
    }
}

/// `changed: [web] => …`; what stands before it is no part of it.
fn is_task(line: &[u8]) -> bool {
    let letters = line.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
    letters > 0 && line[letters..].starts_with(b": [")
}

/// What stands between how a task of Ansible ended and what it said.
const ARROW: &[u8] = b" => {\"";

/// How a task of Ansible ended, without what it said.
pub(crate) fn outside(line: &[u8]) -> &[u8] {
    memchr::memmem::find(line, ARROW).map_or(line, |at| &line[..at])
}

/// `"rake aborted!",` and `"msg": "rake aborted!",`.
fn quoted(line: &[u8]) -> Option<Letter> {
    let line = line.strip_suffix(b",").unwrap_or(line);
    let plain = |text: String| Letter { parts: vec![Part { text, marked: 0 }], speaks: false, warns: false };
    if let Ok(text) = serde_json::from_slice::<String>(line) {
        return Some(plain(text));
    }
    let name = line[1..].split(|&byte| byte == b'"').next()?;
    let name = std::str::from_utf8(name).ok().filter(|name| is_said(name))?;
    let value = line[name.len() + 2..].strip_prefix(b": ")?;
    serde_json::from_slice::<String>(value).ok().map(plain)
}

fn object(line: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(line).ok()
}

fn is_said(name: &str) -> bool {
    SAID.iter().any(|said| name.ends_with(said))
}

/// What a task of Ansible said, also each time that it was done in a loop. `stdout_lines` says what `stdout` does.
fn said(object: &Map<String, Value>, parts: &mut Vec<Part>) {
    for (name, value) in object {
        match value {
            Value::String(text) if is_said(name) && !text.is_empty() => {
                parts.push(Part { text: text.clone(), marked: 0 });
            }
            Value::Object(inner) => said(inner, parts),
            Value::Array(all) => all.iter().filter_map(Value::as_object).for_each(|inner| said(inner, parts)),
            _ => {}
        }
    }
}

/// An entry of a log.
fn entry(object: &Map<String, Value>) -> Option<Letter> {
    ABOUT.iter().any(|name| object.contains_key(*name)).then_some(())?;
    let mut levels = GRAVITY.iter().filter_map(|name| object.get(*name)).filter(|level| is_grave(level)).peekable();
    let marked = if levels.peek().is_some() { usize::MAX } else { 0 };
    let warns = levels.all(is_warning);
    let texts = TEXTS.iter().filter_map(|name| text(object.get(*name)?)).filter(|text| !text.is_empty());
    let mut parts: Vec<Part> = texts.map(|text| Part { text, marked }).collect();
    FAULTS.iter().filter_map(|name| object.get(*name)).for_each(|fault| faults(fault, &mut parts));
    (!parts.is_empty()).then_some(Letter { parts, speaks: false, warns })
}

/// A text, also as journald writes one with colours: as an array of bytes.
fn text(value: &Value) -> Option<String> {
    let bytes =
        |all: &Vec<Value>| all.iter().map(|byte| u8::try_from(byte.as_u64()?).ok()).collect::<Option<Vec<u8>>>();
    let whole = value.as_str().map(str::to_owned);
    whole.or_else(|| Some(String::from_utf8_lossy(&bytes(value.as_array()?)?).into_owned()))
}

fn is_grave(level: &Value) -> bool {
    level.as_u64().is_some_and(|level| level >= WARNING)
        || level.as_str().is_some_and(|word| GRAVE.iter().any(|grave| word.eq_ignore_ascii_case(grave)))
}

fn is_warning(level: &Value) -> bool {
    level.as_u64().is_some_and(|level| level < ERROR)
        || level
            .as_str()
            .is_some_and(|word| ["warn", "warning"].iter().any(|warning| word.eq_ignore_ascii_case(warning)))
}

/// What is told of an error: its text, or its parts, and of what it came.
fn faults(fault: &Value, parts: &mut Vec<Part>) {
    match fault {
        Value::String(text) if !text.is_empty() => parts.push(Part { text: text.clone(), marked: 1 }),
        Value::Object(inner) => {
            let told = TEXTS.iter().chain(&FAULTS).chain(&["cause"]).filter_map(|name| inner.get(*name));
            told.for_each(|fault| faults(fault, parts));
        }
        _ => {}
    }
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
    use super::{Part, open, unescape};

    fn text(line: &str) -> Option<String> {
        let parts = open(line.as_bytes())?.parts;
        Some(parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn what_ansible_quotes_is_read() {
        assert_eq!(text(r#""rake aborted!","#).unwrap(), "rake aborted!");
        assert_eq!(text(r#""SassError: expected \"}\".""#).unwrap(), "SassError: expected \"}\".");
        assert_eq!(text(r#""out.stderr": "a\nb","#).unwrap(), "a\nb");
        let changed = open(br#"changed: [web] => {"changed": true, "rc": 0, "stderr": "", "stdout": "a\nb"}"#).unwrap();
        assert_eq!((changed.parts[0].text.as_str(), changed.speaks), ("a\nb", true));
    }

    #[test]
    fn an_entry_of_a_log_is_read() {
        assert_eq!(text(r#"{"log":"a\n","stream":"stderr","time":"2026-11-29T10:00:00Z"}"#).unwrap(), "a\n");
        assert_eq!(text(r#"{"PRIORITY":"6","MESSAGE":[27,91,109,97]}"#).unwrap(), "\u{1b}[ma");
        let marked = |level: &str| {
            open(format!(r#"{{"level":{level},"ts":1,"msg":"a"}}"#).as_bytes()).unwrap().parts[0].marked > 0
        };
        for (level, expected) in [
            (r#""error""#, true),
            (r#""WARN""#, true),
            (r#""info""#, false),
            ("50", true),
            ("40", true),
            ("30", false),
            ("3", false),
        ] {
            assert_eq!(marked(level), expected, "{level}");
        }
    }

    #[test]
    fn an_error_beside_the_text_of_an_entry_is_read() {
        let told = |rest: &str| text(&format!(r#"{{"level":30,"msg":"a",{rest}}}"#)).unwrap();
        assert_eq!(told(r#""err":{"type":"Error","message":"b","stack":"Error: b"}"#), "a|b|Error: b");
        assert_eq!(told(r#""error":"b""#), "a|b");
        assert_eq!(told(r#""error":null,"err":"","stack":[]"#), "a");
    }

    #[test]
    fn what_a_task_said_in_a_loop_is_read() {
        let line = r#"changed: [web] => {"msg": "done", "results": [{"stdout": "a", "stdout_lines": ["a"]}, {"module_stderr": "b"}]}"#;
        assert_eq!(text(line).unwrap(), "done|a|b");
        assert_eq!(super::outside(line.as_bytes()), b"changed: [web]");
    }

    #[test]
    fn a_carriage_return_ends_a_line_of_an_envelope() {
        let part = Part { text: "a\rb\r\n\nc\n".to_owned(), marked: 1 };
        assert_eq!(part.lines().collect::<Vec<_>>(), [("a", true), ("b", false), ("", false), ("c", false)]);
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
            r#"a:b - changed: [web] => {"stdout": "a"}"#,
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
