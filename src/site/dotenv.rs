//! Reads a dotenv file as Ruby's dotenv reads it for Mastodon, by the source of its parser in the 3 series: what that cuts, joins
//! and unescapes is cut, joined and unescaped here. Older ones (2.4 was tried) read unquoted backslashes and texts of several
//! lines otherwise. It knows nothing of which files there are, and never runs a command that a value asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

/// One assignment. Quoted text may go over lines; what cannot be read as quoted is taken as it stands, up to a `#`.
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    let space = r"(?-u:\s)";
    let single = r"'(?:\\'|[^'])*'";
    let double = r#""(?:\\"|[^"])*""#;
    let pattern = format!(
        r"(?m)^{space}*(?:export{space}+)?(?<name>[A-Za-z0-9_.]+)(?:{space}*={space}*?|:{space}+?)(?<value>{space}*{single}|{space}*{double}|[^#\r\n]+)?{space}*(?:#.*)?$"
    );
    Regex::new(&pattern).expect("the pattern of an assignment is one")
});

/// What a file says.
#[derive(Default)]
pub(super) struct Parsed {
    /// Of several assignments to a name, the last.
    pub(super) variables: BTreeMap<String, String>,
    /// Names whose value is the output of a command. They are in no other list.
    pub(super) commands: BTreeSet<String>,
    /// True if a line is neither an assignment nor a comment.
    pub(super) has_other_lines: bool,
}

/// Reads the text of a file. `outer` gives the variables that are set already, which come before those of the file.
pub(super) fn parse(text: &str, outer: &dyn Fn(&str) -> Outer) -> Parsed {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let mut parsed = Parsed::default();
    let mut end = 0;
    for found in ASSIGNMENT.captures_iter(&text) {
        let whole = found.get_match();
        parsed.has_other_lines |= has_other_lines(&text[end..whole.start()]);
        end = whole.end();
        let value = found.name("value").map_or("", |value| value.as_str());
        parsed.assign(&found["name"], value, outer);
    }
    parsed.has_other_lines |= has_other_lines(&text[end..]);
    parsed
}

/// A variable of the process or of a file that comes first.
pub(super) enum Outer {
    Set(String),
    /// Its value is the output of a command, and so unknown here.
    Command,
    Unset,
}

fn has_other_lines(between: &str) -> bool {
    between
        .lines()
        .map(str::trim)
        .any(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("export "))
}

impl Parsed {
    fn assign(&mut self, name: &str, written: &str, outer: &dyn Fn(&str) -> Outer) {
        self.variables.remove(name);
        self.commands.remove(name);
        match self.value(stripped(written), outer) {
            Some(value) => drop(self.variables.insert(name.to_owned(), value)),
            None => drop(self.commands.insert(name.to_owned())),
        }
    }

    /// `None` where only a command could tell.
    fn value(&self, written: &str, outer: &dyn Fn(&str) -> Outer) -> Option<String> {
        if let Some(inner) = between(written, '\'') {
            return Some(inner.to_owned());
        }
        let text = match between(written, '"') {
            Some(inner) => unescaped(&self.with_line_breaks(inner, outer)),
            None => unescaped(written),
        };
        without_commands(&self.expanded(&text, outer)?)
    }

    fn lookup(&self, name: &str, outer: &dyn Fn(&str) -> Outer) -> Option<String> {
        match outer(name) {
            Outer::Set(value) => Some(value),
            Outer::Command => None,
            Outer::Unset if self.commands.contains(name) => None,
            Outer::Unset => Some(self.variables.get(name).cloned().unwrap_or_default()),
        }
    }

    /// `\n` in double quotes stays those two characters, unless the older way is asked for.
    fn with_line_breaks(&self, text: &str, outer: &dyn Fn(&str) -> Outer) -> String {
        let mode = "DOTENV_LINEBREAK_MODE";
        let own = self.variables.get(mode).cloned();
        if own.or_else(|| self.lookup(mode, outer)).as_deref() == Some("legacy") {
            return text.replace(r"\n", "\n").replace(r"\r", "\r");
        }
        text.replace(r"\n", r"\\\n").replace(r"\r", r"\\\r")
    }

    /// Puts the values of `$NAME` and `${NAME}` in; `\$` is a dollar.
    fn expanded(&self, text: &str, outer: &dyn Fn(&str) -> Outer) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, after) = (&rest[..at], &rest[at + 1..]);
            if after.starts_with('(') {
                out.push_str(&rest[..=at]);
                rest = after;
                continue;
            }
            let reference = Reference::at(after);
            let (written, left) = after.split_at(reference.length);
            if let Some(before) = before.strip_suffix('\\') {
                out.extend([before, "$", written]);
            } else if reference.name.is_empty() {
                out.extend([before, "$", written]);
            } else {
                out.push_str(before);
                out.push_str(&self.lookup(reference.name, outer)?);
            }
            rest = left;
        }
        Some(out + rest)
    }
}

/// What follows a dollar: a name, with braces that need not match.
struct Reference<'a> {
    name: &'a str,
    length: usize,
}

impl<'a> Reference<'a> {
    fn at(after: &'a str) -> Self {
        let inner = after.strip_prefix('{').unwrap_or(after);
        let is_name = |letter: char| letter == '_' || letter.is_ascii_alphanumeric();
        let name = &inner[..inner.find(|letter| !is_name(letter)).unwrap_or(inner.len())];
        let left = &inner[name.len()..];
        let left = left.strip_prefix('}').unwrap_or(left);
        Self { name, length: after.len() - left.len() }
    }
}

/// Without the white space around it; Ruby counts a zero byte at the end as such.
fn stripped(text: &str) -> &str {
    let white = |letter: char| letter.is_ascii_whitespace() || letter == '\u{b}' || letter == '\0';
    text.trim_matches(white)
}

fn between(text: &str, quote: char) -> Option<&str> {
    text.strip_prefix(quote)?.strip_suffix(quote)
}

/// Without each backslash that stands before anything but a dollar.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letters.peek() {
            Some(next) if letter == '\\' && *next != '$' => out.extend(letters.next()),
            _ => out.push(letter),
        }
    }
    out
}

/// The text, if it holds no command; `\$(` is none.
fn without_commands(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("$(") {
        let length = command_length(&rest[at + 1..]);
        let before = rest[..at].strip_suffix('\\');
        match (length, before) {
            (Some(_), None) => return None,
            (Some(length), Some(before)) => {
                out.push_str(before);
                out.push_str(&rest[at..at + 1 + length]);
                rest = &rest[at + 1 + length..];
            }
            (None, _) => {
                out.push_str(&rest[..at + 2]);
                rest = &rest[at + 2..];
            }
        }
    }
    Some(out + rest)
}

/// The length of a command in parentheses, which balance and are not empty.
fn command_length(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut last = ' ';
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if last == '(' => return None,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
        last = letter;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Outer, parse};

    fn value(text: &str, name: &str) -> Option<String> {
        parse(text, &|_| Outer::Unset).variables.remove(name)
    }

    /// Each value is what Ruby printed for `A` with a parser of the dotenv 3 series, copied from its repository, not from a
    /// released gem.
    const TABLE: &[(&str, Option<&str>)] = &[
        ("A=ab#cd", Some("ab")),
        ("A='ab#cd'", Some("ab#cd")),
        ("A=\"ab#cd\" # note", Some("ab#cd")),
        ("A=ab #cd", Some("ab")),
        ("A=ab # cd", Some("ab")),
        ("A=#ab", Some("")),
        ("A=  two words  ", Some("two words")),
        ("A = spaced", Some("spaced")),
        ("A: yaml", Some("yaml")),
        ("A:1", None),
        ("export A=x", Some("x")),
        ("  export   A=x", Some("x")),
        ("A='it\\'s'", Some("it\\'s")),
        ("A='a$B'", Some("a$B")),
        ("A=\"a\\$B\"", Some("a$B")),
        ("A=a\\$B", Some("a$B")),
        ("A=a\\b", Some("ab")),
        ("A='a\\b'", Some("a\\b")),
        ("A=\"a\\b\"", Some("ab")),
        ("A=\"a\\\\b\"", Some("a\\b")),
        ("A=\"a\\nb\"", Some("a\\nb")),
        ("DOTENV_LINEBREAK_MODE=legacy\nA=\"a\\nb\"", Some("a\nb")),
        ("A=\"a\\\"b\"", Some("a\"b")),
        ("A=\"one\ntwo\"", Some("one\ntwo")),
        ("A='one\ntwo'", Some("one\ntwo")),
        ("A=\"x\"y", Some("\"x\"y")),
        ("A='x'y'z'", Some("x'y'z")),
        ("A=\"x", Some("\"x")),
        ("A=x\"", Some("x\"")),
        ("A='", Some("'")),
        ("A=''", Some("")),
        ("A=", Some("")),
        ("A=\nC=2", Some("")),
        ("A=\n'next'", Some("next")),
        ("B=1\nA=$B", Some("1")),
        ("B=1\nA=${B}2", Some("12")),
        ("B=1\nA=$B2", Some("")),
        ("B='p'\nA=\"<${B}>\"", Some("<p>")),
        ("A=pa$$word", Some("pa$")),
        ("A=pa$", Some("pa$")),
        ("A=${NONE_SUCH}x", Some("x")),
        ("A=a$1b", Some("a")),
        ("A=x\r\nC=y\r\n", Some("x")),
        ("A=x\rC=y", Some("x")),
        ("A=first\nA=second", Some("second")),
        ("A=é ü#", Some("é ü")),
        ("1A=x", None),
        ("A.B=x\nA=y", Some("y")),
        ("A-B=x", None),
        ("just words\nA=x", Some("x")),
        ("# A=no\nA=yes", Some("yes")),
        ("A=x\n  # c\nC=z", Some("x")),
        ("B='$C'\nC=1\nA=$B", Some("$C")),
        ("A=a=b=c", Some("a=b=c")),
        ("A=a'b#c'd", Some("a'b")),
        ("A='a'#c", Some("a")),
        ("A=\"a\"#c", Some("a")),
        ("A=\"p\nC=q\"\nD=\"r", Some("p\nC=q")),
        ("A=`x`", Some("`x`")),
        ("A=\"a\\\"", Some("a\\")),
        ("A=$(", Some("$(")),
        ("A=$()", Some("$()")),
        ("A=\\$(date)", Some("$(date)")),
        ("A='$(date)'", Some("$(date)")),
        ("A=a$(b", Some("a$(b")),
        ("A\t=\tx", Some("x")),
        ("A=\"  x  \"", Some("  x  ")),
        ("B=1\nexport B\nA=1", Some("1")),
        ("A=p%40${B}", Some("p%40")),
        ("A=ab\\#cd", Some("ab\\")),
        ("A=\"ab\\#cd\"", Some("ab#cd")),
        ("A=\\", Some("\\")),
        ("A=a\\\\b", Some("a\\b")),
        ("A=tab\there", Some("tab\there")),
        ("A=\u{a0}x", Some("\u{a0}x")),
    ];

    #[test]
    fn every_line_is_read_as_ruby_reads_it() {
        let wrong: Vec<_> = TABLE.iter().filter(|(text, expected)| value(text, "A").as_deref() != *expected).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!(value("\u{feff}A=x", "A").as_deref(), Some("x"));
    }

    #[test]
    fn a_command_is_not_run_and_nothing_takes_its_place() {
        for text in ["A=$(id)", "A=\"x $(echo $(id)) y\"", "A=old\nA=$(id)", "B=$(id)\nA=${B}x", "B='$(id)'\nA=$B"] {
            let parsed = parse(text, &|_| Outer::Unset);
            assert!(parsed.commands.contains("A") && !parsed.variables.contains_key("A"), "{text}");
        }
        let parsed = parse("A=$(id)\nA=new", &|_| Outer::Unset);
        assert_eq!((parsed.variables["A"].as_str(), parsed.commands.len()), ("new", 0));
    }

    #[test]
    fn variables_from_outside_come_first() {
        let outer = |name: &str| if name == "B" { Outer::Set("outer".to_owned()) } else { Outer::Unset };
        assert_eq!(parse("B=inner\nA=$B", &outer).variables["A"], "outer");
    }

    #[test]
    fn a_line_that_is_neither_assignment_nor_comment_is_noticed() {
        let other = |text: &str| parse(text, &|_| Outer::Unset).has_other_lines;
        assert!(other("A=1\nwords here\nB=2") && other("A-B=1") && other("A=1\nwords"));
        assert!(!other("# note\n\nA=1 # note\n  # note\nexport A\nB=\"x\ny\"\n"));
    }
}
