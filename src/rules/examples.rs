//! Checks the examples that rules carry: each match must be recognised, each near miss left alone.

use serde::Serialize;

use super::classified::Options;
use super::classify::classify;
use super::context::LogContext;
use super::matcher::RuleSet;
use super::rule::{Example, Rule};

/// An example that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExampleFault {
    /// The rule.
    pub rule: String,
    /// What is wrong.
    pub problem: String,
    /// The example.
    pub text: String,
}

/// What came of checking all examples.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ExampleReport {
    /// Rules looked at.
    pub rules: usize,
    /// Lines that must match.
    pub matches: usize,
    /// Lines that must not.
    pub near_misses: usize,
    /// Those that do not hold.
    pub faults: Vec<ExampleFault>,
}

/// Checks the examples of all rules.
#[must_use]
pub fn check_examples(rules: &RuleSet) -> ExampleReport {
    let mut report = ExampleReport::default();
    for rule in rules.rules() {
        report.rules += 1;
        report.matches += rule.matches.len();
        report.near_misses += rule.near_misses.len();
        report.faults.extend(faults_of(rule, rules));
    }
    report
}

fn faults_of(rule: &Rule, rules: &RuleSet) -> Vec<ExampleFault> {
    let missed = rule.matches.iter().filter(|example| !recognises(rule, example, rules));
    let caught = rule.near_misses.iter().filter(|example| recognises(rule, example, rules));
    let fault = |problem: &str, example: &Example| ExampleFault {
        rule: rule.id.clone(),
        problem: problem.to_owned(),
        text: example.text.clone(),
    };
    missed
        .map(|example| fault("does not recognise this", example))
        .chain(caught.map(|example| fault("must leave this alone", example)))
        .collect()
}

/// True if the rule recognises a line of the example, as part of the whole rule set.
fn recognises(rule: &Rule, example: &Example, rules: &RuleSet) -> bool {
    let mut input = example.text.as_bytes();
    let classified = classify(&mut input, rules, &LogContext::unknown(), Options { strict: true });
    classified.is_ok_and(|classified| {
        let told = classified.findings.iter().any(|finding| finding.id == rule.id);
        let counted = classified.rules.contains_key(&rule.id);
        if rule.level.severity().is_some() && rule.has_conditions() { told } else { counted }
    })
}
