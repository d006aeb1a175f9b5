//! The findings as workflow commands, which GitHub Actions shows as annotations.
//!
//! Shape and escapes: GitHub's documentation "Workflow commands", and `@actions/core` (command.ts).

use std::io::{self, Write};

use super::figures::plain;
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
    plain(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{Finding, write};

    #[test]
    fn a_strangers_text_neither_begins_a_command_nor_moves_a_cursor() {
        let mut out = Vec::new();
        write(&[Finding::fatal("a,b:c", "x\n::error::y \u{9b}2J \u{202e}z 100%")], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "::error title=a%2Cb%3Ac::x%0A::error::y \u{fffd}2J \u{fffd}z 100%25\n");
    }
}
