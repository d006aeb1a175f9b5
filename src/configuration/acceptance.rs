//! What a site accepts of its findings.

use serde::{Deserialize, Deserializer};

/// The findings for lines that no rule knows. Each stands for lines of every kind, which nobody can have judged beforehand.
pub(super) const OF_ANY_LINE: [&str; 5] =
    ["unknown-warning", "unknown-remark", "unknown-deprecation", "unknown-advice", "unaccounted-line"];

/// A finding that the site accepts, by name, with a reason and an end.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The finding's id.
    pub rule: String,
    /// A regular expression that its message or evidence must match; empty for any, which is refused where the finding stands
    /// for lines that no rule knows.
    #[serde(default)]
    pub pattern: String,
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it is, `YYYY-MM-DD`.
    #[serde(deserialize_with = "day")]
    pub expires: String,
}

impl Acceptance {
    /// What is wrong with it, all at once.
    pub(super) fn faults(&self) -> Vec<String> {
        let named = format!("the [[accept]] of rule {:?}", self.rule);
        let reason = self.reason.trim().is_empty();
        let reason = reason.then(|| format!("{named} gives no reason; write why the finding is accepted"));
        let date = self.expires.parse::<jiff::civil::Date>().err();
        let date = date.map(|error| {
            format!("{named} expires on {:?}, which is no date ({error}); write YYYY-MM-DD", self.expires)
        });
        let pattern = match regex::Regex::new(&self.pattern) {
            Ok(pattern) if OF_ANY_LINE.contains(&self.rule.as_str()) && pattern.is_match("") => Some(format!(
                "{named} needs a pattern with words of the line: without one it accepts every line that no rule knows"
            )),
            Ok(_) => None,
            Err(error) => Some(format!("{named} has a bad pattern: {error}")),
        };
        reason.into_iter().chain(date).chain(pattern).collect()
    }
}

/// Reads a day, as a text or as TOML's own date.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a date: YYYY-MM-DD")]
    enum Day {
        Text(String),
        Date(toml::value::Datetime),
    }
    Ok(match Day::deserialize(deserializer)? {
        Day::Text(text) => text,
        Day::Date(date) => date.to_string(),
    })
}
