//! Turns what was seen into findings with plain words.

use std::collections::BTreeMap;

use super::matcher::RuleSet;
use super::rule::{Level, Rule};
use super::sighting::{Seen, site_path};
use crate::finding::{Evidence, Finding, Severity};

/// The finding for something seen; none for neutral lines.
pub(crate) fn finding(seen: &Seen, level: Level, rules: &RuleSet) -> Option<Finding> {
    let rule = rules.rule(seen.rule);
    let severity = level.severity()?;
    let mut message = fill(&rule.message, &seen.captures);
    if seen.count > 1 {
        message = format!("{} ({} times)", message.trim_end_matches('.'), seen.count);
    }
    let mut finding = Finding::new(&rule.id, severity, message);
    finding.tool.clone_from(&rule.tool);
    finding.rule = Some(rule.id.clone());
    finding.inconclusive = rule.inconclusive && severity == Severity::Fatal;
    finding.meaning = said(&rule.explanation, &seen.captures);
    finding.help = said(&rule.help, &seen.captures);
    finding.evidence =
        seen.places.iter().map(|place| Evidence::Log { line: place.line, excerpt: place.excerpt.clone() }).collect();
    Some(finding)
}

fn said(template: &str, captures: &BTreeMap<String, String>) -> Option<String> {
    (!template.is_empty()).then(|| fill(template, captures))
}

/// Fills `{name}`; a part in `[…]` is left out if a name in it is unknown, or is what stands after a `|` in it.
pub(crate) fn fill(template: &str, captures: &BTreeMap<String, String>) -> String {
    let (text, _) = fill_part(&mut template.chars(), captures);
    text
}

/// The text up to the end of the part that `rest` begins with, and whether every name in it is known.
fn fill_part(rest: &mut std::str::Chars<'_>, captures: &BTreeMap<String, String>) -> (String, bool) {
    let mut text = String::new();
    let mut complete = true;
    while let Some(next) = rest.next() {
        match next {
            '{' => {
                let name: String = rest.by_ref().take_while(|&letter| letter != '}').collect();
                match captures.get(&name) {
                    Some(value) => text.push_str(&plain(&name, value)),
                    None => complete = false,
                }
            }
            '[' => {
                let (part, whole) = fill_part(rest, captures);
                text.push_str(if whole { &part } else { "" });
            }
            '|' => {
                let instead = fill_part(rest, captures);
                return if complete { (text, true) } else { instead };
            }
            ']' => break,
            other => text.push(other),
        }
    }
    (text, complete)
}

/// A captured value, fit for a sentence.
fn plain(name: &str, value: &str) -> String {
    if name.starts_with("file") {
        return site_path(value);
    }
    let value = value.trim().trim_end_matches(['.', ':', ',']);
    match value.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// What `rules explain LINE` says: the rule in words.
#[must_use]
pub fn explain(rule: &Rule) -> String {
    format!("{} ({}, {}): {}", rule.id, rule.tool, rule.level.word(), rule.explanation)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{RuleSet, fill};

    #[test]
    fn parts_with_unknown_names_are_left_out() {
        let captures = BTreeMap::from([("file".to_owned(), "./app/x.scss".to_owned())]);
        assert_eq!(fill("[{file}[:{line}] ]did not compile[: {reason}].", &captures), "app/x.scss did not compile.");
    }

    #[test]
    fn a_part_can_say_what_stands_in_its_place_if_a_name_is_unknown() {
        let template = "[{file}[:{line}]|A stylesheet] did not compile[: {reason}].";
        let captures = BTreeMap::from([("file".to_owned(), "./app/x.scss".to_owned())]);
        assert_eq!(fill(template, &captures), "app/x.scss did not compile.");
        assert_eq!(fill(template, &BTreeMap::new()), "A stylesheet did not compile.");
    }

    #[test]
    fn no_message_begins_in_the_middle_of_its_sentence() {
        for rule in RuleSet::builtin().rules().iter().filter(|rule| rule.message.starts_with('[')) {
            let bare = fill(&rule.message, &BTreeMap::new());
            assert!(bare.starts_with(char::is_uppercase), "{}: {bare}", rule.id);
        }
    }
}
