//! Old compiled files: which ones promotions have added, since when nothing live needs them, and which of them may go.
//!
//! What is known stands in `added.json` beside each generation, as its switch left it. Nothing is guessed: a file that no
//! switch of themegate added is never looked at, and whenever something is not known, all are taken for needed. Pure but for
//! [`Ledger::read`]. It must not know how a switch is carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::generations;
use super::plan::{Content, Fact, Plan, Role};

/// The compiled files that switches of this live tree have added and not removed, as one switch left them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// By name.
    pub added: BTreeMap<PathBuf, Added>,
    /// Those of them that the tree before this switch may need: whoever goes back to before it takes them.
    pub needed_before: BTreeSet<PathBuf>,
    /// The digests of the manifests that the switch left. Where others lie now, somebody else has compiled since.
    pub manifests: BTreeMap<PathBuf, Option<String>>,
}

/// A file that a promotion added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// BLAKE3, hexadecimal.
    pub digest: String,
    /// Since when nothing live needs it (RFC 3339, UTC); `None` while something does.
    pub unused_since: Option<String>,
}

impl Added {
    fn new(content: &Content, unused_since: Option<&str>) -> Self {
        Self { digest: content.digest.clone(), unused_since: unused_since.map(str::to_owned) }
    }
}

/// The ledger's name beside a generation.
pub(crate) const FILE: &str = "added.json";

impl Ledger {
    /// What the switch of a generation left; `None` if that is not known.
    #[must_use]
    pub fn read(generations: &Path, id: &str) -> Option<Self> {
        let bytes = fs::read(generations::folder_of(generations, id).join(FILE)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// True if the manifests are not those that the switch left: then anything may be in use.
    #[must_use]
    pub fn is_outdated(&self, manifests: &BTreeMap<PathBuf, Option<String>>) -> bool {
        self.manifests.iter().any(|(name, digest)| manifests.get(name) != Some(digest))
    }

    /// What may be in use as the tree is now.
    fn in_use(&self, outdated: bool) -> BTreeSet<PathBuf> {
        let used = |(_, added): &(&PathBuf, &Added)| outdated || added.unused_since.is_none();
        self.added.iter().filter(used).map(|(name, _)| name.clone()).collect()
    }

    /// After a promotion with this plan that began at `began`. `compiled` is all that the promoted tree's compile made;
    /// `outdated` says that somebody else had compiled before.
    #[must_use]
    pub fn promoted(&self, compiled: &BTreeSet<PathBuf>, plan: &Plan, began: &str, outdated: bool) -> Self {
        let mut after = Self { needed_before: self.in_use(outdated), ..self.clone() };
        after.take_in(plan, began);
        for (name, added) in &mut after.added {
            added.unused_since = match () {
                () if compiled.contains(name) => None,
                () if outdated => Some(began.to_owned()),
                () => added.unused_since.take().or_else(|| Some(began.to_owned())),
            };
        }
        after
    }

    /// After a rollback with this plan. `needed` is what the tree that came back may need, if that is known.
    #[must_use]
    pub fn rolled_back(&self, needed: Option<&BTreeSet<PathBuf>>, plan: &Plan, began: &str, outdated: bool) -> Self {
        let mut after = Self { needed_before: self.in_use(outdated), ..self.clone() };
        after.take_in(plan, began);
        for (name, added) in &mut after.added {
            let used = needed.is_none_or(|needed| needed.contains(name));
            added.unused_since = if used { None } else { added.unused_since.take().or_else(|| Some(began.to_owned())) };
        }
        after
    }

    /// After a withdrawal, which touches no compiled file.
    #[must_use]
    pub fn withdrawn(&self, outdated: bool) -> Self {
        Self { needed_before: self.in_use(outdated), ..self.clone() }
    }

    fn take_in(&mut self, plan: &Plan, began: &str) {
        for step in &plan.steps {
            match (step.role, &step.before, &step.after) {
                (Role::Asset, None, Some(after)) => drop(self.added.insert(step.name.clone(), Added::new(after, None))),
                (Role::Old, None, Some(after)) => {
                    drop(self.added.insert(step.name.clone(), Added::new(after, Some(began))));
                }
                // A file under a fixed name is rewritten in place and stays; what is removed is not there any more.
                (Role::Old, _, None) | (Role::Fixed, _, _) => drop(self.added.remove(&step.name)),
                (Role::Manifest, _, after) => {
                    self.manifests.insert(step.name.clone(), after.as_ref().map(|content| content.digest.clone()));
                }
                _ => {}
            }
        }
    }

    /// The names of files that nothing needs since before `cutoff`, the trees that one can go back to included: `kept` holds
    /// the ledger of each generation that is kept, and a single one that is not known keeps everything.
    #[must_use]
    pub fn removable(&self, kept: &[Option<Self>], compiled: &BTreeSet<PathBuf>, cutoff: &str) -> BTreeSet<PathBuf> {
        if kept.iter().any(Option::is_none) {
            return BTreeSet::new();
        }
        let needed = |name: &PathBuf| {
            compiled.contains(name) || kept.iter().flatten().any(|ledger| ledger.needed_before.contains(name))
        };
        let due = |added: &Added| added.unused_since.as_deref().is_some_and(|since| since < cutoff);
        let may_go = |(name, added): &(&PathBuf, &Added)| due(added) && has_fingerprint(name) && !needed(name);
        self.added.iter().filter(may_go).map(|(name, _)| name.clone()).collect()
    }
}

/// All that a compile made, manifests aside, by name.
#[must_use]
pub fn compiled(facts: &[Fact]) -> BTreeSet<PathBuf> {
    let made = |fact: &&Fact| matches!(fact.role, Role::Asset | Role::Fixed) && fact.after.is_some();
    facts.iter().filter(made).map(|fact| fact.name.clone()).collect()
}

/// The manifests' digests that a promotion leaves, changed by it or not.
pub(crate) fn manifests(facts: &[Fact]) -> BTreeMap<PathBuf, Option<String>> {
    let manifest = |fact: &&Fact| fact.role == Role::Manifest;
    let digest = |fact: &Fact| fact.after.as_ref().map(|content| content.digest.clone());
    facts.iter().filter(manifest).map(|fact| (fact.name.clone(), digest(fact))).collect()
}

/// webpack and Vite put a hyphen and a hash before the first dot that follows it.
fn has_fingerprint(name: &Path) -> bool {
    static HASHED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"-[A-Za-z0-9_-]{8,}\.").expect("the pattern is a constant and compiles"));
    name.file_name().is_some_and(|file| HASHED.is_match(&file.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promotion::disk::Attributes;
    use crate::promotion::plan::{Origin, Step};

    const CSS: &str = "public/packs/css/a-11111111.css";

    fn content() -> Content {
        let attributes = Attributes { mode: 0o644, uid: 0, gid: 0, modified: (0, 0) };
        Content { digest: "d".to_owned(), size: 1, attributes }
    }

    fn plan(role: Role, added: bool) -> Plan {
        let (before, after) = if added { (None, Some(content())) } else { (Some(content()), None) };
        let origin = after.as_ref().map(|_| Origin::Text(String::new()));
        let (path, temporary) = (PathBuf::from("/p"), PathBuf::from("/t"));
        Plan { steps: vec![Step { name: CSS.into(), path, temporary, role, before, after, origin }], ..Plan::default() }
    }

    fn names(names: &[&str]) -> BTreeSet<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    /// Promoted with the file at day 1, without it at day 2.
    fn two_promotions() -> [Ledger; 2] {
        let first = Ledger::default().promoted(&names(&[CSS]), &plan(Role::Asset, true), "2026-01-01T00:00:00Z", false);
        let second = first.promoted(&names(&[]), &Plan::default(), "2026-01-02T00:00:00Z", false);
        [first, second]
    }

    #[test]
    fn a_file_may_go_when_its_time_is_over_and_no_kept_generation_leads_back_to_it() {
        let [first, second] = two_promotions();
        let third = second.promoted(&names(&[]), &Plan::default(), "2026-01-03T00:00:00Z", false);
        let go = |kept: &[&Ledger], cutoff| {
            let kept: Vec<Option<Ledger>> = kept.iter().map(|ledger| Some((*ledger).clone())).collect();
            third.removable(&kept, &names(&[]), cutoff)
        };
        assert_eq!(go(&[&third], "2026-02-01T00:00:00Z"), names(&[CSS]));
        assert_eq!(go(&[&third], "2026-01-02T00:00:00Z"), names(&[]), "its time is not over");
        assert_eq!(go(&[&second, &third], "2026-02-01T00:00:00Z"), names(&[]), "a rollback of the second needs it");
        assert_eq!(go(&[&first, &third], "2026-02-01T00:00:00Z"), names(&[CSS]), "before the first it was not there");
        let unknown = third.removable(&[Some(third.clone()), None], &names(&[]), "2026-02-01T00:00:00Z");
        assert!(unknown.is_empty(), "what one generation needs is not known");
        assert!(third.removable(&[], &names(&[CSS]), "2026-02-01T00:00:00Z").is_empty(), "it is compiled again");
    }

    #[test]
    fn what_somebody_else_compiled_may_need_all() {
        let [_, second] = two_promotions();
        let left = BTreeMap::from([(PathBuf::from("m"), Some("1".to_owned()))]);
        let second = Ledger { manifests: left.clone(), ..second };
        assert!(!second.is_outdated(&left) && second.is_outdated(&BTreeMap::new()));
        let third = second.promoted(&names(&[]), &Plan::default(), "2026-03-01T00:00:00Z", true);
        assert_eq!(third.needed_before, names(&[CSS]));
        assert_eq!(third.added[Path::new(CSS)].unused_since.as_deref(), Some("2026-03-01T00:00:00Z"));
    }

    #[test]
    fn a_rollback_takes_a_file_back_into_use_and_knows_one_that_it_brings_back() {
        let [_, second] = two_promotions();
        let back = second.rolled_back(Some(&second.needed_before), &Plan::default(), "2026-01-03T00:00:00Z", false);
        assert_eq!(back.added[Path::new(CSS)].unused_since, None);
        let unknown = second.rolled_back(None, &Plan::default(), "2026-01-03T00:00:00Z", false);
        assert_eq!(unknown.added[Path::new(CSS)].unused_since, None);
        let removed = second.promoted(&names(&[]), &plan(Role::Old, false), "2026-04-01T00:00:00Z", false);
        assert!(removed.added.is_empty());
        let again = removed.rolled_back(Some(&names(&[])), &plan(Role::Old, true), "2026-04-02T00:00:00Z", false);
        assert_eq!(again.added[Path::new(CSS)].unused_since.as_deref(), Some("2026-04-02T00:00:00Z"));
    }

    #[test]
    fn a_name_without_a_fingerprint_never_goes() {
        assert!(has_fingerprint(Path::new("public/packs/assets/themes-BnYc2Xq_.css.gz")));
        for name in ["public/packs/sw.js", "public/packs/emoji/x-y.json", "a-1234567"] {
            assert!(!has_fingerprint(Path::new(name)), "{name}");
        }
    }
}
