//! A rehearsal of an upgrade in words.

use super::{Rehearsed, RehearsedTheme, ThemeOutcome};

/// What becomes of each of the site's own themes, and for how many people.
pub(super) fn in_words(rehearsal: &Rehearsed) -> String {
    let theme = |theme: &RehearsedTheme| {
        let outcome = match theme.outcome {
            ThemeOutcome::Works => "works",
            ThemeOutcome::Breaks => "breaks",
            ThemeOutcome::Unknown => "is not known",
        };
        let people = match theme.people {
            None => "how many use it is not known".to_owned(),
            Some(0) => "nobody uses it".to_owned(),
            Some(1) => "1 person uses it".to_owned(),
            Some(count) => format!("{} people use it", super::text::grouped(count)),
        };
        format!("{} {outcome} ({people})", theme.name)
    };
    match rehearsal.themes.as_slice() {
        [] => "this site has none of its own".to_owned(),
        themes => themes.iter().map(theme).collect::<Vec<_>>().join("; "),
    }
}
