//! The compiled rules, and which of them a line is worth showing to.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::embedded::PACKS;
use super::filter::{Filter, Finder, Target};
use super::pack::{Entry, Fallback, PackFault, read};
use super::pattern::Pattern;
use super::rule::{Nearby, Part, Rule};
use super::words::WORDS;

/// Compiled rule packs.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    fallbacks: HashMap<Fallback, usize>,
    watchers: Vec<Pattern>,
    watched: Vec<Watched>,
    filter: Finder,
    always: Vec<u32>,
    blind: Vec<u32>,
}

/// The watchers that stand for a rule's conditions, by position.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Watched {
    pub after: Option<usize>,
    pub not_after: Option<usize>,
    pub before: Option<usize>,
    pub not_before: Option<usize>,
}

/// What the texts in one line call for.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    /// Rules to ask, the first one first.
    pub rules: Vec<u32>,
    /// Watchers to ask.
    pub watchers: Vec<u32>,
    /// A word of trouble.
    pub trouble: bool,
}

impl Hits {
    /// True if the line is worth no look at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.watchers.is_empty() && !self.trouble
    }
}

static BUILTIN: LazyLock<RuleSet> = LazyLock::new(|| {
    let (rules, faults) = read_all(embedded());
    // Without one of its packs a log that it knows as fatal would pass. A test sees to it that no such program is shipped.
    assert!(faults.is_empty(), "rules of the program itself cannot be read: {faults:#?}");
    RuleSet::compile(bare(rules))
});

fn embedded() -> impl Iterator<Item = (&'static Path, &'static [u8])> {
    PACKS.iter().map(|(name, text)| (Path::new(*name), text.as_bytes()))
}

fn bare(rules: Vec<(&Path, Entry)>) -> Vec<(Rule, Option<Fallback>)> {
    rules.into_iter().map(|(_, entry)| (entry.rule, entry.fallback)).collect()
}

impl RuleSet {
    /// The rule packs that the program carries.
    ///
    /// # Panics
    /// If one of them has a fault: a mistake in the program, which must not judge then.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// The program's rules with those of a site: a rule of the same id takes the place of the program's.
    ///
    /// # Errors
    /// Every fault in the texts, with file and line, all at once.
    pub fn with_site_rules(packs: &[(PathBuf, Vec<u8>)]) -> Result<Self, Vec<PackFault>> {
        let (own, mut faults) = read_all(packs.iter().map(|(path, bytes)| (path.as_path(), bytes.as_slice())));
        faults.extend(double_ids(&own));
        faults.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
        if !faults.is_empty() {
            return Err(faults);
        }
        let replaced: Vec<&str> = own.iter().map(|(_, own)| own.rule.id.as_str()).collect();
        let builtin = Self::builtin();
        let fallback = |rule: &Rule| {
            builtin.fallbacks.iter().find(|&(_, &at)| builtin.rules[at].id == rule.id).map(|(&kind, _)| kind)
        };
        let kept = builtin.rules.iter().filter(|rule| !replaced.contains(&rule.id.as_str()));
        let mut rules: Vec<(Rule, Option<Fallback>)> = kept.map(|rule| (rule.clone(), fallback(rule))).collect();
        rules.extend(bare(own));
        Ok(Self::compile(rules))
    }

    /// All rules, in the order in which they are asked.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Rules whose pattern holds no text to look for first, each of which costs a look at every line; and conditions whose pattern
    /// holds none, which see nothing.
    #[must_use]
    pub fn unfiltered(&self) -> Vec<&str> {
        let rules = self.always.iter().map(|&rule| self.rules[rule as usize].id.as_str());
        rules.chain(self.blind.iter().map(|&watcher| self.watchers[watcher as usize].as_str())).collect()
    }

    pub(crate) fn rule(&self, at: usize) -> &Rule {
        &self.rules[at]
    }

    pub(crate) fn watched(&self, at: usize) -> Watched {
        self.watched[at]
    }

    pub(crate) const fn watcher_count(&self) -> usize {
        self.watchers.len()
    }

    pub(crate) fn watcher(&self, at: usize) -> &Pattern {
        &self.watchers[at]
    }

    pub(crate) fn fallback(&self, kind: Fallback) -> Option<usize> {
        self.fallbacks.get(&kind).copied()
    }

    fn compile(mut rules: Vec<(Rule, Option<Fallback>)>) -> Self {
        rules.sort_by_key(|(rule, _)| (rule.order, std::cmp::Reverse(rule.level), rule.part == Part::Heading));
        let mut filter = Filter::default();
        let mut watchers = Watchers::default();
        let mut fallbacks = HashMap::new();
        let mut watched = Vec::new();
        for (at, (rule, fallback)) in rules.iter().enumerate() {
            match fallback {
                Some(kind) => drop(fallbacks.insert(*kind, at)),
                None => filter.add(&rule.pattern, Target::Rule(index(at))),
            }
            watched.push(watchers.of(rule));
        }
        for (at, watcher) in watchers.patterns.iter().enumerate() {
            filter.add(watcher, Target::Watcher(index(at)));
        }
        WORDS.iter().for_each(|word| filter.text(word, Target::Trouble));
        let blind = filter.blind().to_vec();
        let (finder, always) = filter.build();
        let rules = rules.into_iter().map(|(rule, _)| rule).collect();
        Self { rules, fallbacks, watchers: watchers.patterns, watched, filter: finder, always, blind }
    }

    /// Which rules, watchers and words a line is worth asking for.
    pub(crate) fn hits(&self, text: &[u8], hits: &mut Hits) {
        hits.rules.clear();
        hits.watchers.clear();
        hits.trouble = false;
        self.filter.find(text, |target| match target {
            Target::Rule(rule) => hits.rules.push(rule),
            Target::Watcher(watcher) => hits.watchers.push(watcher),
            Target::Trouble => hits.trouble = true,
        });
        hits.rules.extend(&self.always);
        hits.rules.sort_unstable();
        hits.rules.dedup();
        hits.watchers.sort_unstable();
        hits.watchers.dedup();
    }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than four billion rules")
}

fn read_all<'p>(packs: impl Iterator<Item = (&'p Path, &'p [u8])>) -> (Vec<(&'p Path, Entry)>, Vec<PackFault>) {
    let mut rules = Vec::new();
    let mut faults = Vec::new();
    for (path, bytes) in packs {
        let (pack, found) = read(path, bytes);
        rules.extend(pack.rules.into_iter().map(|entry| (path, entry)));
        faults.extend(found);
    }
    (rules, faults)
}

/// Ids that stand twice in a site's own rules.
fn double_ids(rules: &[(&Path, Entry)]) -> Vec<PackFault> {
    let mut seen = BTreeMap::new();
    let twice = |(path, Entry { rule, line, .. }): &(&Path, Entry)| {
        let (before, at) = seen.insert(rule.id.clone(), (path.to_path_buf(), *line))?;
        let message = format!("rule `{}` stands twice: it is in {}:{at} already", rule.id, before.display());
        Some(PackFault { path: path.to_path_buf(), line: *line, message })
    };
    rules.iter().filter_map(twice).collect()
}

/// Patterns of conditions, each once.
#[derive(Default)]
struct Watchers {
    patterns: Vec<Pattern>,
    known: HashMap<String, usize>,
}

impl Watchers {
    fn of(&mut self, rule: &Rule) -> Watched {
        Watched {
            after: self.add(rule.when.after.as_ref()),
            not_after: self.add(rule.when.not_after.as_ref()),
            before: self.add(rule.when.before.as_ref()),
            not_before: self.add(rule.when.not_before.as_ref()),
        }
    }

    fn add(&mut self, nearby: Option<&Nearby>) -> Option<usize> {
        let pattern = &nearby?.pattern;
        let next = self.patterns.len();
        let at = *self.known.entry(pattern.as_str().to_owned()).or_insert(next);
        if at == next {
            self.patterns.push(pattern.clone());
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_stands_twice_in_the_packs_that_the_program_carries() {
        let (rules, _) = read_all(embedded());
        let twice: Vec<String> = double_ids(&rules).into_iter().map(|fault| fault.message).collect();
        assert_eq!(twice, [] as [String; 0]);
    }

    #[test]
    fn a_line_that_a_rule_or_a_condition_matches_calls_for_it() {
        let rules = RuleSet::builtin();
        let examples = rules.rules().iter().flat_map(|rule| rule.matches.iter().chain(&rule.near_misses));
        let mut hits = Hits::default();
        for line in examples.flat_map(|example| example.text.lines()) {
            rules.hits(line.as_bytes(), &mut hits);
            for (at, rule) in rules.rules().iter().enumerate() {
                let is_fallback = rules.fallbacks.values().any(|&fallback| fallback == at);
                let is_seen = hits.rules.contains(&index(at)) || is_fallback;
                assert!(is_seen || !rule.pattern.is_match(line), "{} is not asked about: {line}", rule.id);
            }
            for (at, watcher) in rules.watchers.iter().enumerate() {
                let is_seen = hits.watchers.contains(&index(at));
                assert!(is_seen || !watcher.is_match(line), "{watcher} is not asked about: {line}");
            }
        }
    }
}
