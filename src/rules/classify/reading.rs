//! From the bytes of a line to its text: codes of terminals, prefixes, margins and envelopes are taken away.

use super::Classifier;
use crate::rules::envelope::{self, Part};
use crate::rules::margin::Margin;
use crate::rules::matcher::{Hits, RuleSet};
use crate::rules::misread;
use crate::rules::prefix::{self, Stripped};
use crate::rules::reader::RawLine;
use crate::rules::rule::{Level, Rule};
use crate::rules::trouble::{Looks, looks};
use crate::rules::tty;
use crate::rules::wrap::Line;

/// One envelope may be in another one: Docker keeps in JSON what a program says in JSON.
const ENVELOPES: usize = 3;

/// Bytes of a line that are looked at; what follows is data.
const LOOKED_AT: usize = 64 * 1024;

/// Room for what is made of a line.
#[derive(Default)]
pub(super) struct Buffers {
    plain: Vec<u8>,
    mended: Vec<u8>,
    unescaped: Vec<u8>,
}

impl Buffers {
    /// The line as plain text.
    fn plain<'l>(&'l mut self, line: &'l [u8]) -> &'l [u8] {
        let mut bytes = line;
        if tty::needs_strip(bytes) {
            tty::strip(bytes, &mut self.plain);
            bytes = &self.plain;
        }
        if memchr::memchr(b'&', bytes).is_some() && envelope::unescape(bytes, &mut self.unescaped) {
            bytes = &self.unescaped;
        }
        if !bytes.is_ascii() && misread::mend(bytes, &mut self.mended) {
            bytes = &self.mended;
        }
        bytes
    }
}

/// What stands before the lines of a log that begins so.
pub(super) fn margin(head: &[u8], rules: &RuleSet) -> Margin {
    let mut buffers = Buffers::default();
    let lines = head.split(|byte| matches!(byte, b'\n' | b'\r'));
    let lines: Vec<Vec<u8>> = lines.map(|line| buffers.plain(line).to_vec()).collect();
    let signs = Margin::of_signs(lines.iter().map(Vec::as_slice));
    let opened = |line: &Vec<u8>| {
        let text = prefix::strip(signs.unsigned(line)).text;
        envelope::open(text).map_or_else(
            || vec![text.to_vec()],
            |letter| {
                let lines = letter.parts.iter().flat_map(Part::lines);
                lines.map(|(line, _)| prefix::strip(line.as_bytes()).text.to_vec()).collect()
            },
        )
    };
    let stripped: Vec<Vec<u8>> = lines.iter().flat_map(opened).collect();
    let tells = |text: &[u8]| tells(rules, text);
    let stripped: Vec<&[u8]> = stripped.iter().map(Vec::as_slice).collect();
    // Names of commands are known before some words, and cut there.
    let bare: Vec<&[u8]> = lines.iter().map(|line| signs.unsigned(line).trim_ascii()).collect();
    let found = [stripped, bare].into_iter().map(|lines| (signs.with_layers(lines.iter().copied(), tells), lines));
    let mut found = found.filter(|(margin, lines)| *margin != signs && !is_own_voice(margin, lines, rules));
    found.next().map_or_else(|| signs.clone(), |(margin, _)| margin)
}

/// True for `[failed] `: it says how grave a line is, and is no name, also where most lines have one.
fn tells(rules: &RuleSet, beginning: &[u8]) -> bool {
    let mut hits = Hits::default();
    rules.hits(beginning, &mut hits);
    hits.trouble
}

/// True if the rules know the lines rather with the name that would be cut from them: it is how a tool begins all that it says, as
/// the builtin compiler does.
fn is_own_voice(margin: &Margin, lines: &[&[u8]], rules: &RuleSet) -> bool {
    let is_known = |text: &[u8], knows: fn(&Rule, &str) -> bool| {
        let mut hits = Hits::default();
        rules.hits(text, &mut hits);
        let text = super::as_text(text);
        hits.rules.iter().any(|&rule| knows(rules.rule(rule as usize), &text))
    };
    let (mut whole, mut inner) = (0, 0);
    for line in lines {
        let Some(rest) = margin.cut(line) else { continue };
        let names = line[..line.len() - rest.len()].iter().any(u8::is_ascii_alphabetic);
        whole += usize::from(names && is_known(line, |rule, text| rule.pattern.begins(text)));
        inner += usize::from(is_known(rest, |rule, text| rule.pattern.is_match(text)));
    }
    whole > inner
}

fn looked_at(line: &[u8]) -> &[u8] {
    &line[..line.len().min(LOOKED_AT)]
}

/// True for a warning that holds nothing where its line calls it one.
fn is_mild(line: &str) -> bool {
    matches!(looks(&format!("warning: {line}")), Looks::Deprecation | Looks::Advice | Looks::Remark)
}

impl Classifier<'_> {
    pub(super) fn read(&mut self, raw: &RawLine<'_>) {
        if !raw.starts_line && raw.bytes.is_empty() {
            return;
        }
        let mut buffers = std::mem::take(&mut self.buffers);
        let bytes = self.margin.unsigned(buffers.plain(raw.bytes));
        self.read_text(raw.number, prefix::strip(bytes), bytes.ends_with(b" "), ENVELOPES);
        self.buffers = buffers;
    }

    /// Reads a line that may have a margin, or be an envelope, in which are others, `deep` at most.
    fn read_text(&mut self, number: u64, outer: Stripped<'_>, blank_at_end: bool, deep: usize) {
        if self.read_envelope(number, &outer, deep) {
            return;
        }
        let Some(inner) = self.within_margin(&outer) else { return self.take(number, &outer, blank_at_end) };
        if !self.read_envelope(number, &inner, deep) {
            self.take(number, &inner, blank_at_end);
        }
    }

    /// True if the line was an envelope, which was opened.
    fn read_envelope(&mut self, number: u64, outer: &Stripped<'_>, deep: usize) -> bool {
        let Some(letter) = envelope::open(outer.text).filter(|_| deep > 0) else { return false };
        if letter.parts.first().is_some_and(|part| self.knows_better(outer.text, &part.text)) {
            return false;
        }
        if letter.speaks {
            self.take(number, &Stripped { text: envelope::outside(outer.text), ..*outer }, false);
        }
        let mut plain = Vec::new();
        for (line, marked) in letter.parts.iter().flat_map(Part::lines) {
            tty::strip(line.as_bytes(), &mut plain);
            let inner = prefix::strip(&plain);
            let marked = marked && !(letter.warns && is_mild(line));
            let inner = Stripped {
                marked: marked || outer.marked || inner.marked,
                informs: outer.informs || inner.informs,
                step: inner.step.or(outer.step),
                ..inner
            };
            self.read_text(number, inner, plain.ends_with(b" "), deep - 1);
        }
        true
    }

    /// The line behind what stands before the lines of this log; none if nothing does, or if a rule knows it as it is.
    fn within_margin<'l>(&mut self, outer: &Stripped<'l>) -> Option<Stripped<'l>> {
        let inner = self.margin.cut(outer.text)?;
        let name = &outer.text[..outer.text.len() - inner.len()];
        let inner = prefix::strip(inner);
        if tells(self.rules, name) || self.knows_better(outer.text, inner.text) {
            return None;
        }
        Some(Stripped {
            marked: outer.marked || inner.marked,
            informs: outer.informs || inner.informs,
            step: outer.step.or(inner.step),
            about: name,
            ..inner
        })
    }

    /// True if a rule that makes a finding knows the whole line from its beginning on, and none that is asked before it knows what
    /// is in it.
    fn knows_better(&mut self, whole: &[u8], inner: impl AsRef<[u8]>) -> bool {
        let whole = self.first(looked_at(whole), |rule, text| rule.level > Level::Neutral && rule.pattern.begins(text));
        let inner = self.first(looked_at(inner.as_ref()), |rule, text| rule.pattern.is_match(text));
        whole.is_some_and(|whole| inner.is_none_or(|inner| whole < inner))
    }

    /// The first rule that `knows` a line by itself, in the order in which they are asked.
    fn first(&mut self, text: &[u8], knows: impl Fn(&Rule, &str) -> bool) -> Option<u32> {
        self.rules.hits(text, &mut self.hits);
        let text = super::as_text(text);
        self.hits.rules.iter().copied().find(|&rule| knows(self.rules.rule(rule as usize), &text))
    }

    fn take(&mut self, number: u64, stripped: &Stripped<'_>, blank_at_end: bool) {
        let Stripped { text, indent, marked, informs, wraps, step, about } = *stripped;
        let text = looked_at(text);
        let line = Line { number, text, indent, marked, informs, about };
        self.wraps |= wraps;
        self.step = step;
        if self.wraps {
            self.hold(&line, blank_at_end);
        } else {
            self.line(&line);
        }
    }
}
