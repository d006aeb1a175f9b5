//! Reads a log line by line and says what each line is: evidence of a finding, neutral, or unaccounted.
//!
//! One pass, bounded memory: it keeps the block that is open, the last line in wrapped logs, and what was seen so far.

mod reading;
mod stack;
mod wrapped;

use std::borrow::Cow;
use std::io::{self, Cursor, Read};

use crate::rules::block::{BodyLine, Open};
use crate::rules::classified::{Classified, Options};
use crate::rules::context::LogContext;
use crate::rules::decode;
use crate::rules::frame::is_frame;
use crate::rules::ledger::{Account, Ledger};
use crate::rules::margin::{Margin, is_echo};
use crate::rules::matcher::{Hits, RuleSet};
use crate::rules::outcome::Outcome;
use crate::rules::pack::Fallback;
use crate::rules::reader::Lines;
use crate::rules::rule::{Body, Level, Rule};
use crate::rules::sighting::Sighting;
use crate::rules::trouble::{Looks, complains_of_the_site, got_over, looks, says_failed};
use crate::rules::watch::Watch;
use crate::rules::wrap::{Held, Line, is_powershell};

use reading::Buffers;
use stack::Before;

/// Classifies a build log.
///
/// UTF-16 is read as what it says. Time is linear in the input; memory does not grow with it, nor with the length of a line.
///
/// # Errors
/// Those of `input`.
pub fn classify(
    input: &mut dyn Read,
    rules: &RuleSet,
    context: &LogContext,
    options: Options,
) -> io::Result<Classified> {
    let mut decoded = decode::decoded(input)?;
    let mut head = Vec::new();
    Read::take(&mut decoded, HEAD).read_to_end(&mut head)?;
    let mut classifier = Classifier::new(rules, *context, options);
    classifier.margin = reading::margin(&head, rules);
    let mut whole = Cursor::new(head).chain(decoded);
    let mut lines = Lines::new(&mut whole);
    while let Some(raw) = lines.next_line()? {
        classifier.read(&raw);
    }
    Ok(classifier.finish())
}

/// So much of a log tells what stands before its lines.
const HEAD: u64 = 64 * 1024;

struct Classifier<'r> {
    rules: &'r RuleSet,
    options: Options,
    outcome: Outcome<'r>,
    watch: Watch<'r>,
    hits: Hits,
    open: Option<Open>,
    wraps: bool,
    /// The step of an image's build that the line is of.
    step: Option<u32>,
    held: Option<Held>,
    index: u64,
    /// Something was said besides the commands that npm echoes before it runs them.
    spoken: bool,
    /// The last line, if no rule knows it and nothing about it looks like trouble; for the frames that may stand below.
    before: Option<Before>,
    /// What stands before the lines of this log, besides the forms that are known.
    margin: Margin,
    buffers: Buffers,
    ledger: Ledger,
    counts: Vec<u64>,
}

impl<'r> Classifier<'r> {
    fn new(rules: &'r RuleSet, context: LogContext, options: Options) -> Self {
        Self {
            rules,
            options,
            outcome: Outcome::new(rules, context),
            watch: Watch::new(rules),
            hits: Hits::default(),
            open: None,
            wraps: false,
            step: None,
            held: None,
            index: 0,
            spoken: false,
            before: None,
            margin: Margin::default(),
            buffers: Buffers::default(),
            ledger: Ledger::default(),
            counts: vec![0; rules.rules().len()],
        }
    }

    fn line(&mut self, line: &Line<'_>) {
        if line.text.is_empty() {
            if let Some(open) = &mut self.open {
                open.blank();
            }
            self.before = None;
            return self.ledger.settle(line.number, Account::Neutral);
        }
        self.index += 1;
        // Not the script of a package that is installed, which says no more where all is well: npm tells if it fails.
        let installs = || memchr::memmem::find(line.text, b"/node_modules/").is_some();
        self.spoken |= !(line.text.starts_with(b"> ") && (self.index > 1 || is_echo(line.text) && !installs()));
        let mut hits = std::mem::take(&mut self.hits);
        self.rules.hits(line.text, &mut hits);
        let account = if hits.is_empty() && self.open.is_none() && !line.marked {
            self.unknown(line, "")
        } else {
            let text = as_text(line.text);
            self.weigh(line, &text, &hits)
        };
        self.hits = hits;
        self.ledger.settle(line.number, account);
    }

    /// A line that may mean something.
    fn weigh(&mut self, line: &Line<'_>, text: &str, hits: &Hits) -> Account {
        self.wraps |= is_powershell(text);
        let matched = hits.rules.iter().map(|&rule| rule as usize).find(|&rule| self.applies(rule, text, hits.trouble));
        self.watch.note(&hits.watchers, text, self.index, self.step);
        if let Some(rule) = matched {
            self.counts[rule] += 1;
        }
        let trouble = matched.is_none() && !is_frame(line.text) && (line.marked || hits.trouble);
        let seems = if trouble { Self::seems(line, text) } else { Looks::Harmless };
        if let Some(account) = self.in_block(line, text, matched, seems) {
            return account;
        }
        match (matched, Fallback::of(seems)) {
            (Some(rule), _) => self.begin(line, text, rule),
            (None, Some(kind)) => self.begin_fallback(line, text, kind),
            (None, None) => self.unknown(line, text),
        }
    }

    fn seems(line: &Line<'_>, text: &str) -> Looks {
        let seems = match looks(text) {
            Looks::Harmless | Looks::Remark if complains_of(line.about, text) => Looks::Complaint,
            seems => seems,
        };
        match seems {
            _ if line.marked => Looks::Trouble,
            Looks::Remark | Looks::Complaint if line.informs => Looks::Harmless,
            seems => seems,
        }
    }

    /// True if the rule knows the line. One that `may_complain` is no progress if it says that something failed.
    fn applies(&self, rule: usize, text: &str, may_complain: bool) -> bool {
        let known = self.rules.rule(rule);
        known.pattern.is_match(text)
            && !(known.is_general_failure() && got_over(text))
            && !(known.level == Level::Neutral && may_complain && says_failed(text))
            && self.watch.allows(rule, self.index)
            && self.outcome.allows(rule)
    }

    /// Gives the line to the open block if it belongs there; closes the block if not.
    fn in_block(&mut self, line: &Line<'_>, text: &str, matched: Option<usize>, seems: Looks) -> Option<Account> {
        let open = self.open.as_mut()?;
        let own = self.rules.rule(open.sighting.rule);
        let other = matched.map(|at| self.rules.rule(at));
        let body_line = BodyLine { text, indent: line.indent, index: self.index };
        let number = line.number;
        let belongs = open.holds(&body_line, own, other, seems);
        match matched.zip(other) {
            Some((at, rule)) if belongs && own.gives_way_to(rule) => open.refine(at, rule, &body_line),
            Some((at, rule)) if belongs && !own.is_outdone_by(rule) => {
                if rule.level > own.level {
                    open.absorb_doubted(&body_line, own, sighting(at, rule, number, &body_line));
                } else {
                    open.absorb(&body_line, own);
                }
            }
            None if belongs => {
                let doubted = Fallback::of(seems).filter(|_| own.is_trusted() && complains_of_the_site(text, seems));
                match doubted.and_then(|kind| self.rules.fallback(kind)) {
                    Some(at) => open.absorb_doubted(&body_line, own, unknown_sighting(at, number, &body_line)),
                    None => open.absorb(&body_line, own),
                }
            }
            _ => {
                let ended = own.until.as_ref().is_some_and(|until| until.is_match(text))
                    || other.is_some_and(|rule| rule.level <= Level::Benign);
                self.close(ended);
                return None;
            }
        }
        Some(Account::Evidence)
    }

    fn begin(&mut self, line: &Line<'_>, text: &str, at: usize) -> Account {
        let rule = self.rules.rule(at);
        if rule.level == Level::Neutral && rule.body == Body::Line {
            return Account::Neutral;
        }
        let body_line = BodyLine { text, indent: line.indent, index: self.index };
        let mut sighting = sighting(at, rule, line.number, &body_line);
        sighting.step = self.step;
        for detail in &rule.details {
            sighting.learn(detail, text);
        }
        self.open = Some(Open::new(sighting, rule.body, line.indent));
        if rule.level == Level::Neutral { Account::Neutral } else { Account::Evidence }
    }

    fn begin_fallback(&mut self, line: &Line<'_>, text: &str, kind: Fallback) -> Account {
        let Some(at) = self.rules.fallback(kind) else {
            return Account::Unaccounted;
        };
        self.counts[at] += 1;
        let body_line = BodyLine { text, indent: line.indent, index: self.index };
        let mut sighting = unknown_sighting(at, line.number, &body_line);
        sighting.step = self.step;
        self.open = Some(Open::new(sighting, self.rules.rule(at).body, line.indent));
        Account::Evidence
    }

    /// Closes the block. One that hid graver things until its end has to have come to it.
    fn close(&mut self, ended: bool) {
        let Some(open) = self.open.take() else { return };
        self.outcome.add(open.sighting, &self.watch, self.index);
        for doubt in open.doubts.into_iter().filter(|_| !ended) {
            self.outcome.add(doubt, &self.watch, self.index);
        }
    }

    fn finish(mut self) -> Classified {
        if let Some(held) = self.held.take() {
            self.line(&held.line());
        }
        self.close(false);
        let [neutral, evidence, unaccounted] = self.ledger.totals();
        let named = self.rules.rules().iter().zip(&self.counts).filter(|&(_, &count)| count > 0);
        Classified {
            findings: self.outcome.findings(&self.watch, self.index, self.spoken),
            lines: neutral + evidence + unaccounted,
            neutral,
            evidence,
            unaccounted,
            rules: named.map(|(rule, &count)| (rule.id.clone(), count)).collect(),
        }
    }
}

/// True if what stands before the line is a thing that people see, and the line complains of it: `dusk.scss: skipped`.
fn complains_of(about: &[u8], text: &str) -> bool {
    !about.is_empty() && looks(&format!("{}{text}", as_text(about))) == Looks::Complaint
}

/// What a rule saw in its first line.
fn sighting(at: usize, rule: &Rule, number: u64, line: &BodyLine<'_>) -> Sighting {
    let mut sighting = Sighting::new(at, number, line.index, line.text);
    sighting.learn(&rule.pattern, line.text);
    sighting
}

/// The same of a line that no rule knows.
fn unknown_sighting(at: usize, number: u64, line: &BodyLine<'_>) -> Sighting {
    let mut sighting = Sighting::new(at, number, line.index, line.text);
    sighting.captures.insert("reason".to_owned(), line.text.to_owned());
    sighting
}

/// The line as text; what is not UTF-8 in it is replaced.
// Most lines are text, and that is found out many at a time.
fn as_text(line: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed)
}
