//! A TOML table read field by field, so that every fault can be told at once. It must not know what a rule is.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::pack::PackFault;
use super::pattern::Pattern;

/// Where faults of one file are gathered.
pub(crate) struct Source<'s> {
    pub path: &'s Path,
    pub text: &'s str,
    pub faults: RefCell<Vec<PackFault>>,
}

impl<'s> Source<'s> {
    pub(crate) const fn new(path: &'s Path, text: &'s str) -> Self {
        Self { path, text, faults: RefCell::new(Vec::new()) }
    }

    /// Notes a fault at a byte of the text.
    pub(crate) fn fault(&self, at: usize, message: impl Into<String>) {
        let fault = PackFault { path: self.path.to_owned(), line: self.line(at), message: message.into() };
        self.faults.borrow_mut().push(fault);
    }

    fn line(&self, at: usize) -> usize {
        line_of(self.text.as_bytes(), at)
    }
}

/// The line that a byte stands in, counted from 1.
pub(crate) fn line_of(text: &[u8], at: usize) -> usize {
    memchr::memchr_iter(b'\n', &text[..at.min(text.len())]).count() + 1
}

/// Patterns that several rules share, by name: how builds and installations say that they went well.
const NAMED: &[(&str, &str)] = &[
    (
        "@success",
        concat!(
            r"(?i)(?:✓|√|\?\?) built in \d|^built in \d|webpack (?:\S+ )?compiled (?:successfully|with \d+ warnings?)|Compiled successfully|^Compiled all packs in",
            r"|^Build with Vite complete|exit status 0 \(successful\)|Asset precompilation completed|deployed to Heroku|^Verifying deploy\.\.\. done",
            r"|^Successfully (?:built|tagged)|\bBuild (?:succeeded|complete(?:d)?!?)|^created \S+ in \d|naming to \S+ .*done",
        ),
    ),
    (
        "@installed",
        concat!(
            r"(?i)^(?:\S{1,3} +)?Done in \d|^success |Bundle complete!|^(?:added|changed|removed) \d+ packages?\b|YN0000: ·? ?Done|^Already up[- ]to[- ]date|^up to date|✓ built in \d",
            r"|webpack (?:\S+ )?compiled (?:successfully|with \d+ warnings?)|^Compiled all packs in|exit status 0 \(successful\)|optional dependency",
        ),
    ),
    (
        "@ended-well",
        concat!(
            r"(?i)(?:✓|√|\?\?) built in \d|^built in \d|webpack (?:\S+ )?compiled (?:successfully|with \d+ warnings?)|Compiled successfully|^Compiled all packs in",
            r"|^Build with Vite complete|exit status 0 \(successful\)|Asset precompilation completed|deployed to Heroku|^Verifying deploy\.\.\. done",
            r"|^Successfully (?:built|tagged|installed)|\b(?:Build|Deployment)(?: script)? (?:succeeded|success\b|complete(?:d)?!?)|^created \S+ in \d|naming to \S+ .*done",
            r"|^(?:\S{1,3} +)?Done in \d|^success |Bundle complete!|^(?:added|changed|removed) \d+ packages?\b|YN0000: ·? ?Done|^Already up[- ]to[- ]date|^up to date",
            r"|^Writing /?\S+-[0-9a-f]{8,}\.\w+|Deactivated successfully|^✔ \d\d \S+ \d+\.\d+s$|^Finished '\w+' after",
        ),
    ),
];

fn named_pattern(name: &str) -> Option<&'static str> {
    NAMED.iter().find(|(known, _)| *known == name).map(|(_, pattern)| *pattern)
}

/// A table, and which of its keys somebody asked for.
pub(crate) struct Table<'s> {
    source: &'s Source<'s>,
    table: &'s DeTable<'s>,
    at: usize,
    asked: BTreeSet<&'static str>,
}

impl<'s> Table<'s> {
    pub(crate) const fn new(source: &'s Source<'s>, table: &'s DeTable<'s>, at: usize) -> Self {
        Self { source, table, at, asked: BTreeSet::new() }
    }

    /// Notes a fault of the table as a whole.
    pub(crate) fn fault(&self, message: impl Into<String>) {
        self.source.fault(self.at, message);
    }

    /// The line that it begins in.
    pub(crate) fn line(&self) -> usize {
        self.source.line(self.at)
    }

    fn value(&mut self, key: &'static str) -> Option<&'s Spanned<DeValue<'s>>> {
        self.asked.insert(key);
        self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)
    }

    fn typed<T>(&mut self, key: &'static str, kind: &str, read: impl Fn(&'s DeValue<'s>) -> Option<T>) -> Option<T> {
        let value = self.value(key)?;
        let found = read(value.get_ref());
        if found.is_none() {
            self.source
                .fault(value.span().start, format!("`{key}` must be {kind}, not {}", value.get_ref().type_str()));
        }
        found
    }

    pub(crate) fn string(&mut self, key: &'static str) -> Option<String> {
        self.typed(key, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn flag(&mut self, key: &'static str) -> bool {
        self.typed(key, "true or false", DeValue::as_bool).unwrap_or(false)
    }

    pub(crate) fn number(&mut self, key: &'static str) -> Option<u64> {
        self.typed(key, "a whole number", |value| value.as_integer().and_then(|number| number.as_str().parse().ok()))
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let at = self.value(key)?.span().start;
        let word = self.string(key)?;
        let found = words.iter().find(|(name, _)| *name == word).map(|&(_, meaning)| meaning);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            self.source.fault(at, format!("`{key}` must be one of {}, not \"{word}\"", known.join(", ")));
        }
        found
    }

    pub(crate) fn pattern(&mut self, key: &'static str) -> Option<Pattern> {
        let at = self.value(key)?.span().start;
        let text = self.string(key)?;
        self.compile(at, key, &text)
    }

    pub(crate) fn patterns(&mut self, key: &'static str) -> Vec<Pattern> {
        let Some(array) = self.typed(key, "a list of strings", DeValue::as_array) else {
            return Vec::new();
        };
        let texts = array.iter().filter_map(|value| Some((value.span().start, value.get_ref().as_str()?)));
        texts.filter_map(|(at, text)| self.compile(at, key, text)).collect()
    }

    fn compile(&self, at: usize, key: &str, text: &str) -> Option<Pattern> {
        let pattern = Pattern::parse(named_pattern(text).unwrap_or(text));
        let reason = |error: Box<regex_syntax::Error>| {
            error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        };
        pattern
            .map_err(|error| {
                self.source.fault(at, format!("`{key}` is not a regular expression: {}", reason(error)));
            })
            .ok()
    }

    /// A list whose members are a text, or a pair of source and text.
    pub(crate) fn examples(&mut self, key: &'static str) -> Vec<(String, String)> {
        let Some(array) = self.typed(key, "a list", DeValue::as_array) else {
            return Vec::new();
        };
        array.iter().filter_map(|value| self.example(key, value)).collect()
    }

    fn example(&self, key: &str, value: &'s Spanned<DeValue<'s>>) -> Option<(String, String)> {
        let pair = match value.get_ref() {
            DeValue::String(text) => Some((String::new(), text.to_string())),
            DeValue::Array(pair) if pair.len() == 2 => {
                let text = |at: usize| pair.get(at).and_then(|value| value.get_ref().as_str()).map(str::to_owned);
                text(0).zip(text(1))
            }
            _ => None,
        };
        if pair.is_none() {
            self.source.fault(value.span().start, format!("each of `{key}` must be a text, or [source, text]"));
        }
        pair
    }

    /// The table under `key`, if it is one.
    pub(crate) fn table(&mut self, key: &'static str) -> Option<Table<'s>> {
        let at = self.value(key)?.span().start;
        let table = self.typed(key, "a table", DeValue::as_table)?;
        Some(Table::new(self.source, table, at))
    }

    /// True if `key` holds a plain string.
    pub(crate) fn is_string(&mut self, key: &'static str) -> bool {
        self.value(key).is_some_and(|value| value.get_ref().is_str())
    }

    /// The tables of `[[key]]`.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Table<'s>> {
        let Some(array) = self.typed(key, "a list of tables", DeValue::as_array) else {
            return Vec::new();
        };
        let tables = array.iter().filter_map(|value| Some((value.span().start, value.get_ref().as_table()?)));
        tables.map(|(at, table)| Table::new(self.source, table, at)).collect()
    }

    /// Notes a fault for every key that nobody asked for.
    pub(crate) fn refuse_unknown(&self) {
        for (name, _) in self.table.iter().filter(|(name, _)| !self.asked.contains(name.get_ref().as_ref())) {
            let known: Vec<&str> = self.asked.iter().copied().collect();
            self.source
                .fault(name.span().start, format!("unknown key `{}`; known are {}", name.get_ref(), known.join(", ")));
        }
    }
}
