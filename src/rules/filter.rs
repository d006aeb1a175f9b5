//! The texts that make a line worth a look: all rules' texts are looked for at once.

use std::collections::HashMap;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind};

use super::literals::EDGE;
use super::pattern::Pattern;

/// Bytes of a text that are looked for: with more, the automaton outgrows the processor's caches, and hardly a line is told
/// apart by them.
const LONGEST: usize = 8;

/// How many parts of a line are gone through at once.
const STREAMS: usize = 4;

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
    texts: Vec<Vec<u8>>,
    targets: Vec<Vec<Target>>,
    known: HashMap<Vec<u8>, usize>,
    always: Vec<u32>,
    blind: Vec<u32>,
}

impl Filter {
    pub(crate) fn add(&mut self, pattern: &Pattern, target: Target) {
        match (pattern.required(), target) {
            (Some(texts), _) => texts.iter().for_each(|text| self.text(text, target)),
            (None, Target::Rule(rule)) => self.always.push(rule),
            (None, Target::Watcher(watcher)) => self.blind.push(watcher),
            (None, Target::Trouble) => self.text(char::from(EDGE).encode_utf8(&mut [0; 4]), target),
        }
    }

    pub(crate) fn text(&mut self, text: &str, target: Target) {
        let next = self.texts.len();
        let text = rarest_part(&text.to_ascii_lowercase());
        let at = *self.known.entry(text.clone()).or_insert(next);
        if at == next {
            self.texts.push(text);
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

    /// The texts as an automaton, and the rules that are to be asked at every line.
    pub(crate) fn build(self) -> (Finder, Vec<u32>) {
        let automaton = DFA::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(&self.texts)
            .expect("the texts of some hundred rules fit in an automaton");
        let within = automaton.start_state(Anchored::No).expect("it searches everywhere in a line");
        let at_edge = automaton.next_state(Anchored::No, within, EDGE);
        (Finder { automaton, within, at_edge, targets: self.targets }, self.always)
    }
}

/// Finds all the texts in a line in one pass, also those that overlap.
#[derive(Debug)]
pub(crate) struct Finder {
    automaton: DFA,
    /// Nothing was seen yet.
    within: StateID,
    /// The edge of a line was seen.
    at_edge: StateID,
    targets: Vec<Vec<Target>>,
}

impl Finder {
    /// Tells `hit` what each text in the line calls for, some more than once.
    // A step waits for the one before it to come from memory, so the quarters of a line are gone through side by side.
    pub(crate) fn find(&self, line: &[u8], mut hit: impl FnMut(Target)) {
        self.tell(self.at_edge, &mut hit);
        let last = if line.len() < STREAMS * 2 * LONGEST {
            self.run(self.at_edge, line, &mut hit)
        } else {
            self.run_quarters(line, &mut hit)
        };
        self.tell(self.next(last, EDGE), &mut hit);
    }

    /// Gives the state after the end of the line.
    fn run_quarters(&self, line: &[u8], hit: &mut impl FnMut(Target)) -> StateID {
        let part = line.len() / STREAMS;
        // All but the first begin in the part before theirs: a text may lie across the border.
        let begin = |stream: usize| (stream * part).saturating_sub(LONGEST - 1);
        let streams: [&[u8]; STREAMS] = std::array::from_fn(|stream| &line[begin(stream)..][..part]);
        let mut states = [self.at_edge, self.within, self.within, self.within];
        for at in 0..part {
            let mut special = false;
            for (state, stream) in states.iter_mut().zip(streams) {
                *state = self.next(*state, stream[at]);
                special |= self.automaton.is_special(*state);
            }
            if special {
                states.iter().for_each(|&state| self.tell(state, hit));
            }
        }
        let mut last = states[0];
        for (stream, state) in states.into_iter().enumerate().skip(1) {
            let end = if stream + 1 == STREAMS { line.len() } else { (stream + 1) * part };
            last = self.run(state, &line[begin(stream) + part..end], hit);
        }
        last
    }

    fn run(&self, mut state: StateID, text: &[u8], hit: &mut impl FnMut(Target)) -> StateID {
        for &byte in text {
            state = self.next(state, byte);
            if self.automaton.is_special(state) {
                self.tell(state, hit);
            }
        }
        state
    }

    #[inline]
    fn next(&self, state: StateID, byte: u8) -> StateID {
        self.automaton.next_state(Anchored::No, state, byte)
    }

    /// What ends at the byte that led to this state.
    fn tell(&self, state: StateID, hit: &mut impl FnMut(Target)) {
        if !self.automaton.is_match(state) {
            return;
        }
        for at in 0..self.automaton.match_len(state) {
            let text = self.automaton.match_pattern(state, at);
            self.targets[text.as_usize()].iter().for_each(|&target| hit(target));
        }
    }
}

/// The part of a text that is looked for: at most [`LONGEST`] bytes, those that are rarest in logs.
fn rarest_part(text: &str) -> Vec<u8> {
    // Where a byte does not stand here it is rare.
    const COMMON_FIRST: &[u8] = b" e./tasoinr-cl_dmpubhg01:kwfyv2][3";
    let rarity = |byte: &u8| COMMON_FIRST.iter().position(|common| common == byte).unwrap_or(COMMON_FIRST.len());
    // Letters of other alphabets would make the automaton larger.
    let cost = |part: &&[u8]| (part.iter().all(u8::is_ascii), part.iter().map(rarity).sum::<usize>());
    let parts = text.as_bytes().windows(LONGEST);
    parts.max_by_key(cost).unwrap_or(text.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(finder: &Finder, line: &str) -> Vec<u32> {
        let mut rules = std::collections::BTreeSet::new();
        finder.find(line.as_bytes(), |target| match target {
            Target::Rule(rule) => drop(rules.insert(rule)),
            Target::Watcher(_) | Target::Trouble => {}
        });
        rules.into_iter().collect()
    }

    #[test]
    fn a_text_is_found_wherever_it_stands_in_a_line_of_any_length() {
        let texts = ["x", "Err", "not found", "Module not found: Error", "│ ➤", "is not exported by"];
        let mut filter = Filter::default();
        (0..).zip(texts).for_each(|(rule, text)| filter.text(text, Target::Rule(rule)));
        for (rule, text) in (6..).zip(["\nbegin", "end\n", "\nall\n"]) {
            filter.text(text, Target::Rule(rule));
        }
        let (finder, _) = filter.build();
        assert_eq!(found(&finder, "all"), [8]);
        assert_eq!(found(&finder, ""), [0; 0]);
        for length in 0..200 {
            assert_eq!(found(&finder, &"-".repeat(length)), [0; 0]);
            for at in 0..=length {
                for (rule, text) in (0..).zip(texts) {
                    let line = ["-".repeat(at), text.to_uppercase(), "-".repeat(length - at)].concat();
                    assert!(found(&finder, &line).contains(&rule), "{line}");
                }
            }
            let line = |parts: [&str; 3]| parts.concat() + &"-".repeat(length);
            assert_eq!(found(&finder, &line(["begin", "", ""])), [6]);
            assert_eq!(found(&finder, &line(["-", "begin", ""])), [0; 0]);
            assert_eq!(found(&finder, &("-".repeat(length) + "end")), [7]);
            assert_eq!(found(&finder, &("-".repeat(length) + "end-")), [0; 0]);
        }
    }
}
