//! The findings as workflow commands, which GitHub Actions shows as annotations.
//!
//! Shape and escapes: GitHub's documentation "Workflow commands", and `@actions/core` (command.ts).

use std::io::{self, Write};

use crate::finding::{Evidence, Finding, Severity};

/// Writes one command a finding.
///
/// # Errors
/// If they cannot be written.
pub fn write(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    findings.iter().try_for_each(|finding| writeln!(out, "{}", command(finding)))
}

fn command(finding: &Finding) -> String {
    let word = match finding.severity {
        _ if !finding.counts() => "notice",
        Severity::Fatal => "error",
        Severity::Review => "warning",
        Severity::Benign => "notice",
    };
    let mut properties = vec![format!("title={}", property(&finding.id))];
    let file = finding.evidence.iter().find_map(|evidence| match evidence {
        Evidence::File { path, line, .. } => Some((path, *line)),
        Evidence::Log { .. } => None,
    });
    if let Some((path, line)) = file {
        properties.push(format!("file={}", property(&path.to_string_lossy())));
        properties.extend(line.map(|line| format!("line={line}")));
    }
    let help = finding.help.iter().map(|help| format!("\n{help}"));
    let text: String = std::iter::once(finding.message.clone()).chain(help).collect();
    format!("::{word} {}::{}", properties.join(","), data(&text))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
