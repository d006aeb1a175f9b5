//! Something seen of which more lines may follow. It decides which lines still belong to it.

use super::frame::{is_frame, is_stack_frame};
use super::rule::{Body, Level, Order, Part, Rule};
use super::sighting::Sighting;
use super::trouble::{Looks, begins_complaint, breaks_off, complains_of_the_site, goes_on};

/// Lines of one block at most; what follows is looked at by itself.
const LONGEST: u64 = 500;
/// Lines of a block in which file, line and reason are looked for.
const READ: u64 = 80;
/// Graver lines in a block that are remembered.
const MOST_DOUBTS: usize = 16;
/// Blank lines that a block may hold in a row.
const MOST_BLANKS: u32 = 3;

/// A sighting whose lines are still coming in.
#[derive(Debug)]
pub(crate) struct Open {
    pub sighting: Sighting,
    body: Body,
    indent: usize,
    lines: u64,
    blanks: u32,
    /// Its last line may end in the middle of a sentence.
    breaks_off: bool,
    /// Graver things that an exception hides because it names its own end: told if that never comes.
    pub doubts: Vec<Sighting>,
}

/// A line as the block sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLine<'l> {
    pub text: &'l str,
    pub indent: usize,
    pub index: u64,
}

impl Open {
    pub(crate) fn new(sighting: Sighting, body: Body, indent: usize) -> Self {
        let breaks_off = breaks_off(sighting.first_line());
        Self { sighting, body, indent, lines: 0, blanks: 0, breaks_off, doubts: Vec::new() }
    }

    pub(crate) const fn blank(&mut self) {
        self.blanks = self.blanks.saturating_add(1);
    }

    /// True if the line belongs to the block; `matched` is the rule that knows it by itself.
    pub(crate) fn holds(&self, line: &BodyLine<'_>, own: &Rule, matched: Option<&Rule>, seems: Looks) -> bool {
        if self.lines >= LONGEST
            || self.blanks > MOST_BLANKS
            || own.until.as_ref().is_some_and(|until| until.is_match(line.text))
            || is_of_another_compilation(line.text)
        {
            return false;
        }
        let starts_another = matched
            .is_some_and(|rule| rule.body == Body::Block || (rule.part == Part::Heading && self.body != Body::Block));
        if starts_another || self.hides(line, own, matched, seems) {
            return false;
        }
        let ends =
            self.blanks > 0 && matched.is_some_and(|rule| rule.level.severity().is_none() && rule.order != Order::Last);
        if matched.is_none() && own.level <= Level::Benign && self.goes_on(line) {
            return true;
        }
        match self.body {
            Body::Line => false,
            Body::Paragraph => self.blanks == 0,
            Body::Indented => line.indent > self.indent && !ends,
            Body::Trace => self.traces(line, matched, seems),
            Body::Block => !ends,
        }
    }

    /// True if a harmless block would hide a complaint that only stands below it: after a blank line, or with words that begin
    /// something, at the margin or in a paragraph. An exception that names its own end is trusted; a general shape that does
    /// may say what is missing, but not call itself an error, unless a sentence goes on.
    fn hides(&self, line: &BodyLine<'_>, own: &Rule, matched: Option<&Rule>, seems: Looks) -> bool {
        let complains = matched.is_none() && matches!(seems, Looks::Trouble | Looks::Complaint | Looks::Remark);
        let begins = complains_of_the_site(line.text, seems) || begins_complaint(line.text);
        let outside = self.body == Body::Paragraph || line.indent <= self.indent;
        let apart = self.blanks > 0 || (outside && begins);
        let hidden = match (&own.until, own.order) {
            (None, _) => apart,
            (Some(_), Order::Last) => (seems != Looks::Remark || begins_complaint(line.text)) && !self.goes_on(line),
            (Some(_), _) => false,
        };
        own.level <= Level::Benign && complains && hidden
    }

    /// True if the line goes on with a sentence that the last one began.
    fn goes_on(&self, line: &BodyLine<'_>) -> bool {
        self.blanks == 0 && self.breaks_off && goes_on(line.text)
    }

    fn traces(&self, line: &BodyLine<'_>, matched: Option<&Rule>, seems: Looks) -> bool {
        let text = line.text.as_bytes();
        let frame = is_frame(text) || is_place(line.text);
        let deeper = line.indent > self.indent && (matched.is_none() || self.blanks == 0);
        let goes_on = self.blanks == 0 && matched.is_none() && self.lines < 2 && seems == Looks::Harmless;
        let known_part = matched.is_some_and(|rule| rule.level.severity().is_none() && rule.order == Order::Last);
        frame || deeper || known_part || (goes_on && !begins_something(line.text))
    }

    /// Adds a line that belongs to it, and that another rule knows as something graver.
    pub(crate) fn absorb_doubted(&mut self, line: &BodyLine<'_>, own: &Rule, other: Sighting) {
        if self.doubts.len() < MOST_DOUBTS {
            self.doubts.push(other);
        }
        self.absorb(line, own);
    }

    /// Adds a line that belongs to it.
    pub(crate) fn absorb(&mut self, line: &BodyLine<'_>, rule: &Rule) {
        self.lines += 1;
        self.blanks = 0;
        self.breaks_off = breaks_off(line.text);
        self.sighting.last_index = line.index;
        if self.lines > READ {
            return;
        }
        for detail in &rule.details {
            self.sighting.learn(detail, line.text);
        }
        if !is_stack_frame(line.text.as_bytes()) {
            self.sighting.quote(line.text);
        }
    }

    /// Gives way to a rule that names the cause: the place stays, the name changes.
    pub(crate) fn refine(&mut self, at: usize, rule: &Rule, line: &BodyLine<'_>) {
        let outer = std::mem::take(&mut self.sighting.captures);
        self.sighting.rule = at;
        self.sighting.learn(&rule.pattern, line.text);
        for (name, value) in outer {
            self.sighting.captures.entry(name).or_insert(value);
        }
        if self.body != Body::Block {
            self.body = rule.body;
            self.indent = line.indent;
        }
        self.absorb(line, rule);
    }
}

/// True for the head of what webpack reports of a compilation within its own: right below the frames of an error, about a module
/// that has no part in it.
fn is_of_another_compilation(text: &str) -> bool {
    text.starts_with("Child ") && text.contains('/') && text.ends_with(':')
}

/// `/path/to/file.scss:46`.
fn is_place(text: &str) -> bool {
    let Some((path, line)) = text.rsplit_once(':') else {
        return false;
    };
    path.contains('/') && !path.contains(' ') && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
}

/// True for `vite v8 building…` and the like, which begin something of their own.
fn begins_something(text: &str) -> bool {
    text.ends_with("...") || text.ends_with('…')
}
