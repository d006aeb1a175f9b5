//! The texts that make a line worth a look: all rules' texts are looked for at once.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::literals::required;

/// What a text in a line makes worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Rule(u32),
    Watcher(u32),
    Trouble,
}

/// The texts to look for.
#[derive(Default)]
pub(crate) struct Filter {
    texts: Vec<String>,
    targets: Vec<Vec<Target>>,
    known: HashMap<String, usize>,
    always: Vec<u32>,
    blind: Vec<u32>,
}

impl Filter {
    pub(crate) fn add(&mut self, pattern: &str, target: Target) {
        match (required(pattern), target) {
            (Some(texts), _) => texts.iter().for_each(|text| self.text(text, target)),
            (None, Target::Rule(rule)) => self.always.push(rule),
            (None, Target::Watcher(watcher)) => self.blind.push(watcher),
            (None, Target::Trouble) => self.text("\n", target),
        }
    }

    pub(crate) fn text(&mut self, text: &str, target: Target) {
        let next = self.texts.len();
        let at = *self.known.entry(text.to_owned()).or_insert(next);
        if at == next {
            self.texts.push(text.to_owned());
            self.targets.push(Vec::new());
        }
        if !self.targets[at].contains(&target) {
            self.targets[at].push(target);
        }
    }

    /// Watchers whose pattern holds no text to look for first: they see nothing.
    pub(crate) fn blind(&self) -> &[u32] {
        &self.blind
    }

    pub(crate) fn build(self) -> (AhoCorasick, Vec<Vec<Target>>, Vec<u32>) {
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&self.texts)
            .expect("the texts of some hundred rules fit in an automaton");
        (automaton, self.targets, self.always)
    }
}
