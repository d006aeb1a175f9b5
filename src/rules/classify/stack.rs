//! Lines that no rule knows, and the stacks that stand below some of them.

use std::borrow::Cow;

use super::{Classifier, as_text};
use crate::rules::block::BodyLine;
use crate::rules::frame::{is_frame, is_sure_frame};
use crate::rules::ledger::Account;
use crate::rules::pack::Fallback;
use crate::rules::wrap::Line;

/// A line that turns out to be an exception's if a stack stands below it.
pub(super) struct Before {
    number: u64,
    index: u64,
    indent: usize,
    text: String,
}

impl Classifier<'_> {
    /// A line that no rule knows and that does not look like trouble. A log that begins with the frame of a stack
    /// was cut below the exception.
    pub(super) fn unknown(&mut self, line: &Line<'_>, text: &str) -> Account {
        let before = self.before.take().filter(|before| before.index + 1 == self.index);
        if is_frame(line.text) {
            return match before.filter(|_| is_sure_frame(line.text)) {
                Some(before) => self.begin_stack(&before, line),
                None if self.index == 1 && is_sure_frame(line.text) => {
                    self.begin_fallback(line, &as_text(line.text), Fallback::Trouble)
                }
                None => Account::Neutral,
            };
        }
        let text = if text.is_empty() { as_text(line.text) } else { Cow::Borrowed(text) };
        if self.options.strict {
            self.begin_fallback(line, &text, Fallback::Unaccounted);
        } else if !line.informs {
            let text = text.into_owned();
            self.before = Some(Before { number: line.number, index: self.index, indent: line.indent, text });
        }
        Account::Unaccounted
    }

    /// A stack stands below a line that no rule knows: whatever its words are, they are an exception's.
    fn begin_stack(&mut self, before: &Before, frame: &Line<'_>) -> Account {
        let heading = Line {
            number: before.number,
            text: before.text.as_bytes(),
            indent: before.indent,
            marked: false,
            informs: false,
            about: b"",
        };
        let account = self.begin_fallback(&heading, &before.text, Fallback::Trouble);
        if let Some(open) = &mut self.open {
            let text = as_text(frame.text);
            let line = BodyLine { text: &text, indent: frame.indent, index: self.index };
            open.absorb(&line, self.rules.rule(open.sighting.rule));
        }
        account
    }
}
