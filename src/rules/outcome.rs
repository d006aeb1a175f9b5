//! Gathers what was seen and says at the end what it amounts to: conditions, causes and their consequences.

use std::collections::BTreeMap;

use super::context::{LogContext, LogEnd};
use super::matcher::RuleSet;
use super::message::finding;
use super::pack::Fallback;
use super::rule::{ExitIs, Level, Part};
use super::sighting::{Seen, Sighting, Sightings};
use super::trouble::looks;
use super::watch::Watch;
use crate::finding::{Evidence, Finding, Severity};

/// Sightings that wait for the lines below them, at most.
const WAITING: usize = 256;

/// What was seen so far.
pub(crate) struct Outcome<'r> {
    rules: &'r RuleSet,
    context: LogContext,
    sightings: Sightings,
    waiting: Vec<Sighting>,
}

/// A finding, with what decides whether it is told.
struct Told {
    finding: Finding,
    part: Part,
    located: bool,
    index: u64,
}

impl<'r> Outcome<'r> {
    pub(crate) fn new(rules: &'r RuleSet, context: LogContext) -> Self {
        Self { rules, context, sightings: Sightings::default(), waiting: Vec::new() }
    }

    /// True unless the rule asks for another exit status.
    pub(crate) fn allows(&self, rule: usize) -> bool {
        self.rules.rule(rule).when.exit.is_none_or(|wanted| match self.context.exit {
            Some(0) => wanted == ExitIs::Zero,
            Some(_) => wanted == ExitIs::NonZero,
            None => wanted == ExitIs::Unknown,
        })
    }

    /// Takes a sighting whose lines are all in.
    pub(crate) fn add(&mut self, sighting: Sighting, watch: &Watch<'_>, index: u64) {
        if watch.asks_near(&sighting) {
            if self.waiting.len() >= WAITING {
                self.decide(watch, index);
            }
            if self.waiting.len() < WAITING {
                self.waiting.push(sighting);
                return;
            }
        }
        self.sightings.add(sighting, self.rules, None);
    }

    /// Decides those of the waiting sightings whose neighbourhood has passed.
    fn decide(&mut self, watch: &Watch<'_>, index: u64) {
        for sighting in std::mem::take(&mut self.waiting) {
            if watch.has_passed(&sighting, index) {
                self.settle(sighting, watch);
            } else {
                self.waiting.push(sighting);
            }
        }
    }

    fn settle(&mut self, sighting: Sighting, watch: &Watch<'_>) {
        let rule = self.rules.rule(sighting.rule);
        let holds = watch.below_holds(sighting.rule, (sighting.index, sighting.last_index), sighting.step);
        if !holds && rule.or_unknown {
            return self.as_unknown(sighting);
        }
        let level = if holds { Some(rule.level) } else { rule.otherwise };
        if let Some(level) = level {
            self.sightings.add(sighting, self.rules, Some(level));
        }
    }

    /// A sighting whose rule does not hold after all, as a line that no rule knows.
    fn as_unknown(&mut self, mut sighting: Sighting) {
        let text = sighting.first_line().to_owned();
        let Some(at) = Fallback::of(looks(&text)).and_then(|kind| self.rules.fallback(kind)) else {
            return;
        };
        sighting.rule = at;
        sighting.captures = BTreeMap::from([("reason".to_owned(), text)]);
        self.sightings.add(sighting, self.rules, None);
    }

    /// The findings, the worst first, of a log that has `spoken` or says nothing.
    pub(crate) fn findings(mut self, watch: &Watch<'_>, last_index: u64, spoken: bool) -> Vec<Finding> {
        for sighting in std::mem::take(&mut self.waiting) {
            self.settle(sighting, watch);
        }
        let seen = std::mem::take(&mut self.sightings).into_vec();
        let mut told: Vec<Told> = seen.iter().filter_map(|seen| self.told(seen, watch, last_index)).collect();
        told.extend(self.ending(spoken));
        sorted(fold(told))
    }

    fn told(&self, seen: &Seen, watch: &Watch<'_>, last_index: u64) -> Option<Told> {
        let rule = self.rules.rule(seen.rule);
        let level = match seen.level {
            Some(level) => level,
            None => self.level_at_the_end(seen, watch, last_index)?,
        };
        Some(Told {
            finding: finding(seen, level, self.rules)?,
            part: rule.part,
            located: seen.captures.contains_key("file"),
            index: seen.first_index,
        })
    }

    /// What a rule's conditions on the whole log make of it.
    fn level_at_the_end(&self, seen: &Seen, watch: &Watch<'_>, last_index: u64) -> Option<Level> {
        let rule = self.rules.rule(seen.rule);
        // A process that ended well stopped at no line.
        let stopped_there = seen.last_index == last_index && self.context.exit != Some(0);
        let is_last = !rule.when.last || stopped_there;
        if is_last && watch.below_holds(seen.rule, (seen.first_index, seen.last_index), seen.step) {
            Some(rule.level)
        } else {
            rule.otherwise
        }
    }

    /// What the end of the process says, and that of a log that has `spoken` or says nothing.
    fn ending(&self, spoken: bool) -> Vec<Told> {
        let kind = match (self.context.end, self.context.exit) {
            (LogEnd::Stopped, _) => Fallback::Stopped,
            (_, Some(status)) if is_kill(status) => Fallback::Killed,
            (_, Some(status)) if status != 0 => Fallback::Exit,
            (_, None) if !spoken => Fallback::Empty,
            _ => return Vec::new(),
        };
        let Some(at) = self.rules.fallback(kind) else {
            return Vec::new();
        };
        let mut seen = Seen::of_the_whole(at);
        if let Some(status) = self.context.exit {
            seen.captures.insert("status".to_owned(), status.to_string());
        }
        let rule = self.rules.rule(at);
        let finding = finding(&seen, rule.level, self.rules);
        finding.map(|finding| Told { finding, part: rule.part, located: false, index: u64::MAX }).into_iter().collect()
    }
}

/// 128 + a signal that ends a process from outside (KILL, TERM), `timeout`'s 124, or a negative number for a signal.
const fn is_kill(status: i32) -> bool {
    matches!(status, 124 | 137 | 143) || status < 0
}

/// Leaves out what only follows from a cause that is told; its place becomes evidence of that cause.
fn fold(told: Vec<Told>) -> Vec<Told> {
    let fatal = |told: &Told| told.finding.severity == Severity::Fatal;
    let empty = |told: &Told| told.part == Part::Consequence || (told.part == Part::Heading && !told.located);
    let caused = told.iter().any(|one| fatal(one) && !empty(one));
    let headed = told.iter().any(|one| fatal(one) && one.part == Part::Heading);
    let undecided = told.iter().any(|one| fatal(one) && !empty(one) && one.finding.inconclusive);
    let (follow, mut causes): (Vec<Told>, Vec<Told>) = told.into_iter().partition(|one| {
        let outdone = caused && empty(one) || headed && one.part == Part::Consequence;
        fatal(one) && outdone && (undecided || !one.finding.inconclusive)
    });
    for one in follow {
        let places = one.finding.evidence.into_iter().take(1);
        let cause = causes.iter_mut().filter(|cause| cause.finding.severity == Severity::Fatal);
        if let Some(cause) = cause.min_by_key(|cause| cause.index.abs_diff(one.index)) {
            cause.finding.evidence.extend(places);
        }
    }
    causes
}

fn sorted(mut told: Vec<Told>) -> Vec<Finding> {
    told.sort_by_key(|one| (std::cmp::Reverse(one.finding.severity), one.part == Part::Consequence, one.index));
    told.into_iter().map(|one| one.finding).map(with_capped_evidence).collect()
}

fn with_capped_evidence(mut finding: Finding) -> Finding {
    finding.evidence.truncate(8);
    debug_assert!(finding.evidence.iter().all(|place| matches!(place, Evidence::Log { .. })));
    finding
}
