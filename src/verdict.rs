//! The only place that judges: findings in, verdict out. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Severity};

/// What the gate says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything was proven: the change may be promoted.
    Pass,
    /// Nothing is known to be broken, and a person has to look first.
    Hold,
    /// Somebody would see a broken page.
    Block,
    /// The gate could not finish, so it does not know. Never a pass.
    Undecided,
}

impl Verdict {
    /// The process exit code that stands for it: 0 pass, 1 hold or block, 3 undecided.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Hold | Self::Block => 1,
            Self::Undecided => 3,
        }
    }

    /// The word that heads a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Hold => "HOLD",
            Self::Block => "BLOCK",
            Self::Undecided => "UNDECIDED",
        }
    }
}

/// Judges by the gravest finding that counts; one that keeps the gate from knowing outweighs all others, because what it
/// left behind (a cut-off log, a missing file) looks like a fault of the change.
#[must_use]
pub fn judge(findings: &[Finding]) -> Verdict {
    let mut counting = findings.iter().filter(|finding| finding.counts());
    if findings.iter().any(|finding| finding.inconclusive) {
        return Verdict::Undecided;
    }
    counting.by_ref().map(|finding| finding.severity).max().map_or(Verdict::Pass, |worst| match worst {
        Severity::Fatal => Verdict::Block,
        Severity::Review => Verdict::Hold,
        Severity::Benign => Verdict::Pass,
    })
}

/// How a running site stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Nothing above benign was found.
    Sound,
    /// Nothing is known to be broken, and a person has to look.
    Doubtful,
    /// Somebody sees a broken page, or will as soon as they pick a theme that is offered.
    Broken,
    /// Nothing was found, and not everything could be looked at.
    Undecided,
}

impl Standing {
    /// The process exit code that stands for it: 0 sound, 1 doubtful or broken, 3 undecided.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Sound => 0,
            Self::Doubtful | Self::Broken => 1,
            Self::Undecided => 3,
        }
    }

    /// The word that heads the report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sound => "SOUND",
            Self::Doubtful => "DOUBTFUL",
            Self::Broken => "BROKEN",
            Self::Undecided => "UNDECIDED",
        }
    }
}

/// Judges a running site by the gravest finding that is certain; what could not be looked at decides only where there is none.
#[must_use]
pub fn standing(findings: &[Finding]) -> Standing {
    let certain = findings.iter().filter(|finding| finding.counts() && !finding.inconclusive);
    match certain.map(|finding| finding.severity).max() {
        Some(Severity::Fatal) => Standing::Broken,
        Some(Severity::Review) => Standing::Doubtful,
        _ if findings.iter().any(|finding| finding.inconclusive) => Standing::Undecided,
        _ => Standing::Sound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_certain_about_a_running_site_outweighs_what_could_not_be_seen() {
        let (fatal, hidden) = (Finding::fatal("a", ""), Finding::review("b", "").inconclusive());
        assert_eq!(standing(&[hidden.clone(), fatal]), Standing::Broken);
        assert_eq!(standing(&[hidden]), Standing::Undecided);
        assert_eq!(standing(&[Finding::benign("c", "")]), Standing::Sound);
    }
}
