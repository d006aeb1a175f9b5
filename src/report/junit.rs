//! The findings as JUnit XML, which most CI systems show as test results: one test case a finding, failed if it counts.

use std::io::{self, Write};

use crate::finding::Finding;

/// Writes one test suite; with no finding it holds one test case that passed.
///
/// # Errors
/// If it cannot be written.
pub fn write(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let failures = findings.iter().filter(|finding| finding.counts()).count();
    let tests = findings.len().max(1);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites>\n  <testsuite name=\"themegate\" tests=\"{tests}\" failures=\"{failures}\">")?;
    if findings.is_empty() {
        writeln!(out, "    <testcase classname=\"themegate\" name=\"no finding\"/>")?;
    }
    findings.iter().try_for_each(|finding| case(finding, out))?;
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn case(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let (tool, id) = (escaped(&finding.tool), escaped(&finding.id));
    if !finding.counts() {
        let message = escaped(&finding.message);
        return writeln!(
            out,
            "    <testcase classname=\"themegate.{tool}\" name=\"{id}\"><system-out>{message}</system-out></testcase>"
        );
    }
    let body: Vec<&str> = [&finding.meaning, &finding.help].into_iter().flatten().map(String::as_str).collect();
    writeln!(
        out,
        "    <testcase classname=\"themegate.{tool}\" name=\"{id}\"><failure type=\"{}\" message=\"{}\">{}</failure></testcase>",
        finding.severity.word(),
        escaped(&finding.message),
        escaped(&body.join("\n"))
    )
}

/// XML 1.0: the five entities, and nothing that it forbids (section 2.2).
fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            '\'' => result.push_str("&apos;"),
            '\n' | '\t' => result.push(character),
            other if other < ' ' || matches!(other, '\u{fffe}' | '\u{ffff}') => result.push('\u{fffd}'),
            other => result.push(other),
        }
    }
    result
}
