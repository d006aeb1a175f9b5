//! The findings as SARIF 2.1.0 (OASIS standard), which code hosts show beside the source.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::finding::{Evidence, Finding, Severity};

/// Writes the findings as one SARIF run; accepted ones carry a suppression.
///
/// # Errors
/// If they cannot be written.
pub fn write(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let mut rules: Vec<&Finding> = Vec::new();
    for finding in findings {
        if !rules.iter().any(|known| known.id == finding.id) {
            rules.push(finding);
        }
    }
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "themegate",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.into_iter().map(rule).collect::<Vec<_>>(),
            }},
            "results": findings.iter().map(result).collect::<Vec<_>>(),
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn rule(finding: &Finding) -> Value {
    let mut rule = json!({ "id": finding.id, "defaultConfiguration": { "level": level(finding.severity) } });
    if let Some(meaning) = &finding.meaning {
        rule["fullDescription"] = json!({ "text": meaning });
    }
    if let Some(help) = &finding.help {
        rule["help"] = json!({ "text": help });
    }
    rule
}

fn result(finding: &Finding) -> Value {
    let mut result = json!({
        "ruleId": finding.id,
        "level": level(finding.severity),
        "message": { "text": finding.message },
        "locations": finding.evidence.iter().filter_map(location).collect::<Vec<_>>(),
    });
    if let Some(accepted) = &finding.acknowledged {
        let justification = format!("{} (until {})", accepted.reason, accepted.expires);
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted", "justification": justification }]);
    }
    result
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Fatal => "error",
        Severity::Review => "warning",
        Severity::Benign => "note",
    }
}

/// A place in a file. Lines of the build log are in the message's evidence only: SARIF wants files that can be opened.
fn location(evidence: &Evidence) -> Option<Value> {
    let Evidence::File { path, line, .. } = evidence else { return None };
    let mut physical = json!({ "artifactLocation": { "uri": uri(&path.to_string_lossy()) } });
    if let Some(line) = line.filter(|line| *line > 0) {
        physical["region"] = json!({ "startLine": line });
    }
    Some(json!({ "physicalLocation": physical }))
}

/// A relative path as a URI reference (RFC 3986): everything but unreserved characters and `/` escaped.
fn uri(path: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    path.bytes().map(escape).collect()
}
