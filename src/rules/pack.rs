//! Reads rule packs from TOML. Every fault is told with its file and line, all at once.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::pack_reader::{Source, Table, line_of};
use super::pattern::Pattern;
use super::rule::{Body, Example, ExitIs, Level, Nearby, Order, Part, Rule, When};
use super::trouble::Looks;

/// Something wrong in a rule pack.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}:{line}: {message}", path.display())]
pub struct PackFault {
    /// The rule pack.
    pub path: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// What a rule of the program's own stands for that no pattern can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fallback {
    /// A line that looks like trouble and that no rule knows.
    Trouble,
    /// A line that speaks of something absent or not done, and that no rule knows.
    Remark,
    /// A line that speaks of something old and that no rule knows.
    Deprecation,
    /// A warning that is mere advice, and that no rule knows.
    Advice,
    /// A line that no rule knows, in strict mode.
    Unaccounted,
    /// The log says nothing at all, and nobody knows how the build ended.
    Empty,
    /// The exit status is not zero.
    Exit,
    /// The exit status says that it was killed.
    Killed,
    /// It was stopped by a limit.
    Stopped,
}

impl Fallback {
    /// What stands for a line that no rule knows and that looks so; none for a harmless one.
    pub(crate) const fn of(looks: Looks) -> Option<Self> {
        match looks {
            Looks::Trouble | Looks::Complaint => Some(Self::Trouble),
            Looks::Remark => Some(Self::Remark),
            Looks::Deprecation => Some(Self::Deprecation),
            Looks::Advice => Some(Self::Advice),
            Looks::Harmless => None,
        }
    }
}

const FALLBACKS: &[(&str, Fallback)] = &[
    ("trouble", Fallback::Trouble),
    ("remark", Fallback::Remark),
    ("deprecation", Fallback::Deprecation),
    ("advice", Fallback::Advice),
    ("unaccounted", Fallback::Unaccounted),
    ("empty", Fallback::Empty),
    ("exit", Fallback::Exit),
    ("killed", Fallback::Killed),
    ("stopped", Fallback::Stopped),
];
const ORDERS: &[(&str, Order)] = &[("first", Order::First), ("normal", Order::Normal), ("last", Order::Last)];
const BODIES: &[(&str, Body)] = &[
    ("line", Body::Line),
    ("paragraph", Body::Paragraph),
    ("indented", Body::Indented),
    ("trace", Body::Trace),
    ("block", Body::Block),
];
const PARTS: &[(&str, Part)] =
    &[("cause", Part::Cause), ("heading", Part::Heading), ("consequence", Part::Consequence)];
const EXITS: &[(&str, ExitIs)] = &[("zero", ExitIs::Zero), ("nonzero", ExitIs::NonZero), ("unknown", ExitIs::Unknown)];
const LEVELS: &[(&str, Level)] =
    &[("neutral", Level::Neutral), ("benign", Level::Benign), ("review", Level::Review), ("fatal", Level::Fatal)];

/// A rule as it was read, with what is special about it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub rule: Rule,
    pub fallback: Option<Fallback>,
    /// The line of its pack that it begins in.
    pub line: usize,
}

/// The rules of one pack.
#[derive(Debug, Default)]
pub(crate) struct Pack {
    pub rules: Vec<Entry>,
}

/// Reads a rule pack; `path` is only for the faults.
pub(crate) fn read(path: &Path, bytes: &[u8]) -> (Pack, Vec<PackFault>) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = line_of(bytes, error.valid_up_to());
            let message = "this line is not UTF-8: save the file as UTF-8".to_owned();
            return (Pack::default(), vec![PackFault { path: path.to_owned(), line, message }]);
        }
    };
    let source = Source::new(path, text);
    let (root, errors) = toml::de::DeTable::parse_recoverable(text);
    for error in &errors {
        source.fault(error.span().map_or(0, |span| span.start), error.message());
    }
    let mut pack = Pack::default();
    if errors.is_empty() {
        read_root(&mut Table::new(&source, root.get_ref(), 0), path, &mut pack);
    }
    (pack, source.faults.into_inner())
}

fn read_root(root: &mut Table<'_>, path: &Path, pack: &mut Pack) {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let tool = root.string("tool").unwrap_or_else(|| name.clone());
    root.string("about");
    for mut entry in root.tables("rule") {
        let rule = read_rule(&mut entry, &name, &tool);
        let fallback = entry.word("fallback", FALLBACKS);
        entry.refuse_unknown();
        let line = entry.line();
        pack.rules.extend(rule.map(|rule| Entry { rule, fallback, line }));
    }
    root.refuse_unknown();
}

fn read_rule(entry: &mut Table<'_>, pack: &str, tool: &str) -> Option<Rule> {
    let id = required(entry, "id");
    let level = entry.word("severity", LEVELS);
    if level.is_none() && !entry.is_string("severity") {
        entry.fault("`severity` is missing: fatal, review, benign or neutral");
    }
    if id.as_ref().is_some_and(|id| !is_kebab(id)) {
        entry.fault("`id` must be in kebab case, for instance \"sass-undefined-variable\"");
    }
    let speaks = level.is_some_and(|level| level > Level::Neutral);
    let (message, explanation, help) = (text(entry, "message"), text(entry, "explanation"), text(entry, "help"));
    if speaks && (message.is_empty() || explanation.is_empty()) {
        entry.fault("a rule that is not neutral needs a `message` and an `explanation`");
    }
    let rule = Rule {
        tool: entry.string("tool").unwrap_or_else(|| tool.to_owned()),
        pack: pack.to_owned(),
        inconclusive: entry.flag("inconclusive"),
        message,
        explanation,
        help,
        matches: examples(entry, "matches"),
        near_misses: examples(entry, "near_misses"),
        order: entry.word("order", ORDERS).unwrap_or(Order::Normal),
        body: entry.word("body", BODIES).unwrap_or(Body::Line),
        part: entry.word("part", PARTS).unwrap_or(Part::Cause),
        until: entry.pattern("until"),
        details: entry.patterns("details"),
        when: read_when(entry),
        otherwise: entry.word("otherwise", LEVELS),
        or_unknown: entry.flag("or_unknown"),
        pattern: pattern(entry)?,
        level: level?,
        id: id?,
    };
    Some(rule)
}

/// The rule's pattern; a fallback has none and never matches.
fn pattern(entry: &mut Table<'_>) -> Option<Pattern> {
    if entry.is_string("fallback") {
        return Some(Pattern::nothing());
    }
    let pattern = entry.pattern("pattern");
    if pattern.is_none() && !entry.is_string("pattern") {
        entry.fault("`pattern` is missing");
    }
    pattern
}

fn required(entry: &mut Table<'_>, key: &'static str) -> Option<String> {
    let value = entry.string(key);
    if value.is_none() {
        entry.fault(format!("`{key}` is missing"));
    }
    value
}

/// A text of some lines, folded into one.
fn text(entry: &mut Table<'_>, key: &'static str) -> String {
    let text = entry.string(key).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn examples(entry: &mut Table<'_>, key: &'static str) -> Vec<Example> {
    let pairs = entry.examples(key).into_iter();
    pairs.map(|(source, text)| Example { source, text }).collect()
}

fn read_when(entry: &mut Table<'_>) -> When {
    When {
        after: nearby(entry, "after"),
        not_after: nearby(entry, "not_after"),
        before: nearby(entry, "before"),
        not_before: nearby(entry, "not_before"),
        exit: entry.word("exit", EXITS),
        last: entry.flag("last"),
    }
}

/// `after = 'pattern'` (anywhere), or `after = { pattern = '…', within = 5 }`.
fn nearby(entry: &mut Table<'_>, key: &'static str) -> Option<Nearby> {
    if entry.is_string(key) {
        return entry.pattern(key).map(|pattern| Nearby { pattern, within: 0 });
    }
    let mut table = entry.table(key)?;
    let nearby = table.pattern("pattern").map(|pattern| (pattern, table.number("within").unwrap_or(0)));
    table.refuse_unknown();
    nearby.map(|(pattern, within)| Nearby { pattern, within })
}

fn is_kebab(id: &str) -> bool {
    !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !id.starts_with('-')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::read;

    #[test]
    fn every_fault_is_told_with_its_line() {
        let text = "tool = 1\n[[rule]]\nid = \"Bad Id\"\nseverity = \"grave\"\npattern = '('\ncolour = 3\n";
        let (_, faults) = read(Path::new("site.toml"), text.as_bytes());
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        for (line, part) in [
            (1, "`tool` must be a string"),
            (4, "`severity` must be one of"),
            (5, "not a regular expression"),
            (6, "unknown key `colour`"),
        ] {
            assert!(
                told.iter()
                    .any(|fault| fault.starts_with(&format!("site.toml:{line}: {part}")) || fault.contains(part)),
                "{part} in {told:#?}"
            );
        }
    }

    #[test]
    fn a_file_that_is_not_toml_says_where() {
        let (_, faults) = read(Path::new("site.toml"), b"a = 1\nb = = 2\n");
        assert_eq!(faults[0].line, 2);
    }
}
