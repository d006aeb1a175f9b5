//! What a site accepts of its findings.

use serde::{Deserialize, Deserializer};

/// A finding that the site accepts, by name, with a reason and an end.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The finding's id.
    pub rule: String,
    /// A regular expression that its message or evidence must match; empty for any.
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
        let pattern = regex::Regex::new(&self.pattern).err();
        let pattern = pattern.map(|error| format!("{named} has a bad pattern: {error}"));
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
