//! Logs whose lines were wrapped: a line is looked at alone and together with the next one.

use super::Classifier;
use super::as_text;
use crate::rules::ledger::Account;
use crate::rules::rule::Level;
use crate::rules::wrap::{Held, Line, is_powershell};

impl Classifier<'_> {
    /// Takes a line, which is looked at when the next one is known.
    pub(super) fn hold(&mut self, line: &Line<'_>, blank_at_end: bool) {
        let text = as_text(line.text).into_owned();
        let next = Held {
            number: line.number,
            text,
            indent: line.indent,
            marked: line.marked,
            informs: line.informs,
            about: line.about.to_vec(),
            blank_at_end,
        };
        let Some(held) = self.held.take() else {
            self.held = Some(next);
            return;
        };
        self.held = self.unwrap(&held, next);
    }

    /// Looks at a held line, joined with the next one if together they say more than apart; gives back what is held now.
    fn unwrap(&mut self, held: &Held, next: Held) -> Option<Held> {
        let both = !held.text.is_empty() && !next.text.is_empty() && !is_powershell(&next.text);
        if both {
            let joined = held.joined(&next.text);
            if self.known(&joined) > self.known(&held.text).max(self.known(&next.text)) {
                self.line(&Line { text: joined.as_bytes(), ..held.line() });
                self.ledger.settle(next.number, Account::Evidence);
                return None;
            }
        }
        self.line(&held.line());
        Some(next)
    }

    /// How grave the rules find a line that stands by itself.
    fn known(&mut self, text: &str) -> Option<Level> {
        self.rules.hits(text.as_bytes(), &mut self.hits);
        let rules = self.hits.rules.iter().map(|&rule| self.rules.rule(rule as usize));
        rules.filter(|rule| rule.pattern.is_match(text)).map(|rule| rule.level).max()
    }
}
