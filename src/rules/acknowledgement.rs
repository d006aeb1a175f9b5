//! Findings that a site accepts by name, with a reason and an expiry date. Pure.

use jiff::civil::Date;
use regex::Regex;

use crate::configuration::Acceptance;
use crate::finding::{Acknowledgement, Evidence, Finding, Severity};

/// Marks what `accepted` accepts on the day `today`; adds a finding for each acceptance that has expired, or that nothing
/// matched. What is fatal, or keeps the gate from knowing, cannot be accepted: nobody may wave a broken page through.
pub fn apply(findings: &mut Vec<Finding>, accepted: &[Acceptance], today: Date) {
    let mut notes = Vec::new();
    for acceptance in accepted {
        let Ok(pattern) = Regex::new(&acceptance.pattern) else { continue };
        let expired = acceptance.expires.parse::<Date>().is_ok_and(|last| last < today);
        let mut used = false;
        for finding in findings.iter_mut().filter(|finding| matches(finding, acceptance, &pattern)) {
            used = true;
            if !expired {
                finding.acknowledged =
                    Some(Acknowledgement { reason: acceptance.reason.clone(), expires: acceptance.expires.clone() });
            }
        }
        notes.extend(note(acceptance, used, expired));
    }
    findings.extend(notes);
}

fn matches(finding: &Finding, acceptance: &Acceptance, pattern: &Regex) -> bool {
    let in_evidence = |evidence: &Evidence| match evidence {
        Evidence::File { path, excerpt, .. } => {
            pattern.is_match(&path.to_string_lossy()) || excerpt.as_ref().is_some_and(|text| pattern.is_match(text))
        }
        Evidence::Log { excerpt, .. } => pattern.is_match(excerpt),
    };
    finding.severity == Severity::Review
        && !finding.inconclusive
        && finding.id == acceptance.rule
        && (pattern.is_match(&finding.message) || finding.evidence.iter().any(in_evidence))
}

fn note(acceptance: &Acceptance, used: bool, expired: bool) -> Option<Finding> {
    let Acceptance { rule, expires, reason, .. } = acceptance;
    match (used, expired) {
        (true, true) => Some(
            Finding::review("acceptance-expired", format!("The acceptance of {rule} ended on {expires}: {reason}"))
                .at(crate::configuration::FILE)
                .help("Mend what it accepted, or give it a new date and reason."),
        ),
        (false, _) => Some(
            Finding::benign("acceptance-unused", format!("The acceptance of {rule} ({reason}) matched nothing."))
                .at(crate::configuration::FILE)
                .help("Take it out: what it accepted is gone."),
        ),
        (true, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Verdict, judge};

    fn acceptance(pattern: &str) -> Acceptance {
        let (rule, reason) = ("theme-warn".to_owned(), "the author knows".to_owned());
        Acceptance { rule, pattern: pattern.to_owned(), reason, expires: "2027-01-31".to_owned() }
    }

    fn after(today: &str, pattern: &str) -> (Verdict, Vec<Finding>) {
        let mut findings = vec![Finding::review("theme-warn", "styles/x.scss warns: deprecated")];
        apply(&mut findings, &[acceptance(pattern)], today.parse().unwrap());
        (judge(&findings), findings)
    }

    #[test]
    fn an_accepted_finding_no_longer_holds() {
        assert_eq!(after("2027-01-31", "deprecated").0, Verdict::Pass);
    }

    #[test]
    fn an_expired_acceptance_holds_and_says_so() {
        let (verdict, findings) = after("2027-02-01", "");
        assert_eq!(verdict, Verdict::Hold);
        assert_eq!(findings[1].id, "acceptance-expired");
    }

    #[test]
    fn an_acceptance_of_something_else_accepts_nothing_and_is_noted() {
        let (verdict, findings) = after("2027-01-01", "another theme");
        assert_eq!(verdict, Verdict::Hold);
        assert_eq!((findings[1].id.as_str(), findings[1].severity), ("acceptance-unused", Severity::Benign));
    }

    #[test]
    fn what_is_fatal_cannot_be_accepted() {
        let mut findings = vec![Finding::fatal("theme-warn", "no stylesheet")];
        apply(&mut findings, &[acceptance("")], "2027-01-01".parse().unwrap());
        assert_eq!(judge(&findings), Verdict::Block);
    }

    #[test]
    fn what_keeps_the_gate_from_knowing_cannot_be_accepted() {
        let mut findings = vec![Finding::fatal("theme-warn", "no memory").inconclusive()];
        apply(&mut findings, &[acceptance("")], "2027-01-01".parse().unwrap());
        assert_eq!(judge(&findings), Verdict::Undecided);
    }
}
