//! How many people use each theme, as facts and as one line.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::grouped;
use crate::theme_setting::audience::{Audience, Offer};
use crate::theme_setting::people::Answer;

/// How many people use each theme, or why that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct PeopleFacts {
    /// Whether the database could be asked.
    pub known: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_because: Option<String>,
    /// Which database it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// All local users.
    pub users: u64,
    /// The site's own theme, as it is set or shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_theme: Option<String>,
    /// What the site's own theme leads to; none where that is not offered and every visitor gets an error page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitors_see: Option<String>,
    /// Users whose own choice leads to a theme, by theme.
    pub chosen: BTreeMap<String, u64>,
    /// Users who see a theme, by theme: those who chose it, and those who follow the site.
    pub sees: BTreeMap<String, u64>,
    /// Users who chose a theme that is not offered, by theme. They see the site's.
    pub not_offered: BTreeMap<String, u64>,
    /// Users whose settings cannot be read.
    pub unreadable: u64,
}

/// The audience of an answer with what decides it, or why it is not known.
///
/// # Errors
/// The reason, as a sentence.
pub fn audience(answer: &Answer, offer: &Offer<'_>) -> Result<Audience, String> {
    match &answer.usage {
        Ok(usage) if usage.site_unreadable => Err("The site's own setting in the database cannot be read.".to_owned()),
        Ok(usage) => Ok(Audience::of(usage, offer)),
        Err(reason) => Err(reason.clone()),
    }
}

impl PeopleFacts {
    /// The facts of an audience, or of its absence.
    #[must_use]
    pub fn of(audience: &Result<Audience, String>, database: Option<String>) -> Self {
        match audience {
            Err(reason) => Self { unknown_because: Some(reason.clone()), database, ..Self::default() },
            Ok(audience) => Self {
                known: true,
                unknown_because: None,
                database,
                users: audience.users,
                site_theme: Some(audience.site.clone()),
                visitors_see: audience.site_shows.clone(),
                chosen: audience.chosen.clone(),
                sees: audience.sees.clone(),
                not_offered: audience.not_offered.clone(),
                unreadable: audience.unreadable,
            },
        }
    }

    /// Who is touched by a change of `themes`; without any, who uses what.
    #[must_use]
    pub fn line(&self, themes: &[String]) -> String {
        if !self.known {
            return self.unknown();
        }
        let mut parts = if themes.is_empty() { self.all() } else { self.touched(themes) };
        let site = self.site_theme.as_deref().unwrap_or_default();
        let gone: Vec<String> =
            self.not_offered.iter().take(4).map(|(name, count)| format!("{name} ({})", grouped(*count))).collect();
        match (&self.visitors_see, gone.is_empty()) {
            (None, _) => parts.push(format!(
                "the site's own theme, {site}, is not offered: every visitor gets an error page, and so does whoever has no \
                 theme of their own"
            )),
            (Some(_), true) => {}
            (Some(shown), false) => {
                parts.push(format!("chosen and not offered: {}; they see the site's theme, {shown}", gone.join(", ")));
            }
        }
        parts.join("; ")
    }

    /// In a few words; the whole reason is in the facts.
    fn unknown(&self) -> String {
        let reason = self.unknown_because.as_deref().unwrap_or_default();
        match &self.database {
            Some(database) if reason.starts_with("The database cannot be reached") => {
                format!("not known: no database at hand ({database})")
            }
            _ => format!("not known: {reason}"),
        }
    }

    fn all(&self) -> Vec<String> {
        let chosen = self.chosen.iter().map(|(name, count)| format!("{} chose {name}", grouped(*count)));
        let shown = self.visitors_see.as_deref().unwrap_or("none that is offered");
        let total = if self.users == 1 { "1 user".to_owned() } else { format!("{} users", grouped(self.users)) };
        std::iter::once(total)
            .chain(chosen.take(12))
            .chain([format!("everybody else, and visitors: {shown}")])
            .collect()
    }

    fn touched(&self, themes: &[String]) -> Vec<String> {
        let seeing = themes.iter().map(|theme| (theme, self.seeing(theme))).filter(|(_, count)| *count > 0);
        let mut parts: Vec<String> =
            seeing.map(|(theme, count)| format!("{} {theme}", people(count, "sees", "see"))).collect();
        if let Some(shown) = self.visitors_see.as_ref().filter(|shown| themes.iter().any(|theme| halves(shown, theme)))
        {
            parts.push(format!("every visitor who is not signed in sees {shown}, the site's theme"));
        }
        if parts.is_empty() {
            let which = if let [theme] = themes { theme.as_str() } else { "a theme that this change touches" };
            parts.push(format!("nobody uses {which} yet"));
        }
        parts
    }

    /// Users who see a theme, be it as a half of `system`.
    fn seeing(&self, theme: &str) -> u64 {
        self.sees.iter().filter(|(shown, _)| halves(shown, theme)).map(|(_, count)| count).sum()
    }
}

/// True where a user of `shown` needs the stylesheet of `theme`: `system` is shown in two halves.
fn halves(shown: &str, theme: &str) -> bool {
    shown == theme || shown == "system" && ["default", "mastodon-light"].contains(&theme)
}

/// `1 person sees`, `1,204 people see`.
#[must_use]
pub fn people(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 person {one}") } else { format!("{} people {many}", grouped(count)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(sees: &[(&str, u64)], gone: &[(&str, u64)], shown: Option<&str>) -> PeopleFacts {
        let map = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        PeopleFacts {
            known: true,
            users: 1204,
            site_theme: Some(shown.unwrap_or("gone").to_owned()),
            visitors_see: shown.map(str::to_owned),
            sees: map(sees),
            not_offered: map(gone),
            ..PeopleFacts::default()
        }
    }

    #[test]
    fn a_theme_that_nobody_uses_yet_is_said_to_be_so() {
        let facts = facts(&[("default", 1204)], &[], Some("default"));
        assert_eq!(facts.line(&["dusk".to_owned()]), "nobody uses dusk yet");
        assert_eq!(
            facts.line(&["default".to_owned()]),
            "1,204 people see default; every visitor who is not signed in sees default, the site's theme"
        );
    }

    #[test]
    fn what_people_chose_and_lose_is_said_with_the_count() {
        let line = facts(&[], &[("old", 41)], Some("default")).line(&["dusk".to_owned()]);
        assert!(line.contains("chosen and not offered: old (41); they see the site's theme, default"), "{line}");
        let line = facts(&[], &[("gone", 41)], None).line(&[]);
        assert!(
            line.contains("the site's own theme, gone, is not offered: every visitor gets an error page"),
            "{line}"
        );
    }

    #[test]
    fn system_counts_for_both_of_its_halves() {
        let line = facts(&[("system", 2)], &[], Some("system")).line(&["mastodon-light".to_owned()]);
        assert!(line.starts_with("2 people see mastodon-light; every visitor"), "{line}");
    }
}
