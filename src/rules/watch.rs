//! Remembers where the lines stand that rules ask for above and below.
//!
//! Lines are counted that say something; blank ones are not.

use std::collections::{HashMap, VecDeque};

use super::matcher::RuleSet;
use super::rule::Nearby;
use super::sighting::Sighting;

/// Sightings of one watcher that are remembered; a condition looks no further back than this many of them.
const REMEMBERED: usize = 64;

/// Where each watched pattern was seen.
pub(crate) struct Watch<'r> {
    rules: &'r RuleSet,
    seen: Vec<VecDeque<u64>>,
    last: Vec<u64>,
    /// Where a step of an image's build said that it ended, by watcher and step: that says nothing of another step.
    ends: HashMap<(usize, u32), u64>,
}

impl<'r> Watch<'r> {
    pub(crate) fn new(rules: &'r RuleSet) -> Self {
        let count = rules.watcher_count();
        Self { rules, seen: vec![VecDeque::new(); count], last: vec![0; count], ends: HashMap::new() }
    }

    /// Notes which watched patterns a line matches; `step` if it is said by a step of an image's build.
    pub(crate) fn note(&mut self, watchers: &[u32], text: &str, index: u64, step: Option<u32>) {
        let ended = step.filter(|_| ends_step(text));
        for &watcher in watchers {
            let at = watcher as usize;
            if self.rules.watcher(at).is_match(text) {
                if let Some(step) = ended {
                    self.ends.insert((at, step), index);
                    continue;
                }
                let seen = &mut self.seen[at];
                if seen.len() == REMEMBERED {
                    seen.pop_front();
                }
                seen.push_back(index);
                self.last[at] = index;
            }
        }
    }

    /// True if what a rule asks for above this line holds. Where it wants one thing there and another one not, the other must not
    /// stand between.
    pub(crate) fn allows(&self, rule: usize, index: u64) -> bool {
        let (watched, when) = (self.rules.watched(rule), &self.rules.rule(rule).when);
        let near = |watcher: Option<usize>, within: u64| {
            watcher.is_some_and(|at| self.last[at] > 0 && (within == 0 || index - self.last[at] <= within))
        };
        let after = when.after.as_ref().is_none_or(|nearby| near(watched.after, nearby.within));
        let begun = watched.after.map_or(0, |at| self.last[at]);
        let since = |nearby: &Nearby| {
            near(watched.not_after, nearby.within) && watched.not_after.is_some_and(|at| self.last[at] > begun)
        };
        let not_after = when.not_after.as_ref().is_none_or(|nearby| !since(nearby));
        after && not_after
    }

    /// True if what a rule asks for below holds, as far as it is known now: what must stand there below the `first` line, what
    /// must not below the `last` one that belongs to it. The end of a step counts for what the same step said.
    pub(crate) fn below_holds(&self, rule: usize, (first, last): (u64, u64), step: Option<u32>) -> bool {
        let (watched, when) = (self.rules.watched(rule), &self.rules.rule(rule).when);
        let near = |watcher: Option<usize>, from: u64, within: u64| {
            watcher.is_some_and(|at| self.follows(at, from, within, step))
        };
        let before = when.before.as_ref().is_none_or(|nearby| near(watched.before, first, nearby.within));
        let not_before = when.not_before.as_ref().is_none_or(|nearby| !near(watched.not_before, last, nearby.within));
        before && not_before
    }

    fn follows(&self, watcher: usize, index: u64, within: u64, step: Option<u32>) -> bool {
        let ended = step.and_then(|step| self.ends.get(&(watcher, step)));
        if ended.is_some_and(|&end| end > index && (within == 0 || end - index <= within)) {
            return true;
        }
        if within == 0 {
            return self.last[watcher] > index;
        }
        self.seen[watcher].iter().any(|&seen| seen > index && seen - index <= within)
    }

    /// True if the rule asks for a line at a certain distance below.
    pub(crate) fn asks_near(&self, sighting: &Sighting) -> bool {
        self.reach(sighting) > 0
    }

    /// True if all lines have gone by that such a rule asks for.
    pub(crate) fn has_passed(&self, sighting: &Sighting, index: u64) -> bool {
        index > sighting.last_index + self.reach(sighting)
    }

    fn reach(&self, sighting: &Sighting) -> u64 {
        let when = &self.rules.rule(sighting.rule).when;
        [&when.before, &when.not_before].into_iter().flatten().map(|nearby| nearby.within).max().unwrap_or(0)
    }
}

/// How BuildKit says that a step came to its end.
fn ends_step(text: &str) -> bool {
    ["DONE ", "CACHED", "CANCELED", "ERROR"].iter().any(|word| text.starts_with(word))
}
