//! What somebody chose: a theme, or glitch-soc's flavour and skin.
//!
//! Pure; it must not know where a choice is stored.

use serde::{Deserialize, Serialize};

/// Which keys a site keeps its choice under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Mastodon's own: one key, `theme`.
    Theme,
    /// glitch-soc's: two keys, `flavour` and `skin`.
    FlavourAndSkin,
}

impl Layout {
    /// The keys, in the order of [`Choice::values`].
    #[must_use]
    pub const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Theme => &["theme"],
            Self::FlavourAndSkin => &["flavour", "skin"],
        }
    }

    /// The choice that a name stands for: `NAME`, or `FLAVOUR` or `FLAVOUR/SKIN` on glitch-soc.
    #[must_use]
    pub fn choice(self, name: &str) -> Choice {
        let values = match (self, name.split_once('/')) {
            (Self::FlavourAndSkin, Some((flavour, skin))) => vec![Some(flavour.to_owned()), Some(skin.to_owned())],
            (Self::FlavourAndSkin, None) => vec![Some(name.to_owned()), None],
            (Self::Theme, _) => vec![Some(name.to_owned())],
        };
        Choice { values }
    }

    /// No choice of one's own: the site's theme applies.
    #[must_use]
    pub fn none(self) -> Choice {
        Choice { values: vec![None; self.keys().len()] }
    }
}

/// The value of each key of a [`Layout`], `None` where it is not set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Choice {
    /// In the order of [`Layout::keys`].
    pub values: Vec<Option<String>>,
}

impl Choice {
    /// True where nothing is chosen.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }

    /// The name people know it by; `None` where nothing is chosen. A skin without a flavour is `*/SKIN`.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match self.values.as_slice() {
            [None] | [None, None] | [] => None,
            [Some(name)] | [Some(name), None, ..] => Some(name.clone()),
            [Some(flavour), Some(skin), ..] => Some(format!("{flavour}/{skin}")),
            [None, second, ..] => Some(format!("*/{}", second.as_deref().unwrap_or("*"))),
        }
    }

    /// True where this choice leads to the named theme.
    ///
    /// On glitch-soc `NAME` matches a flavour or a skin of that name, and `FLAVOUR/SKIN` a skin whose flavour is that one
    /// or left to the site.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        match (self.values.as_slice(), name.split_once('/')) {
            ([flavour, Some(skin)], Some((wanted_flavour, wanted_skin))) => {
                skin == wanted_skin && flavour.as_deref().is_none_or(|flavour| flavour == wanted_flavour)
            }
            (values, _) => values.iter().flatten().any(|value| value == name),
        }
    }
}

/// The themes that the site offers, so that nobody is put on one that it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownThemes {
    /// The registry's names; on glitch-soc `FLAVOUR` and `FLAVOUR/SKIN`.
    pub names: Vec<String>,
}

impl KnownThemes {
    /// True where every part of the choice is offered. "No choice" always is.
    #[must_use]
    pub fn knows(&self, choice: &Choice) -> bool {
        match choice.values.as_slice() {
            [None, Some(skin)] => self.names.iter().any(|name| name.ends_with(&format!("/{skin}"))),
            _ => choice.name().is_none_or(|name| self.names.contains(&name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KnownThemes, Layout};

    #[test]
    fn a_flavour_and_a_skin_are_matched_alone_or_together() {
        let choice = Layout::FlavourAndSkin.choice("vanilla/tangerineui");
        for name in ["vanilla", "tangerineui", "vanilla/tangerineui"] {
            assert!(choice.is_on(name), "{name}");
        }
        assert!(!choice.is_on("glitch/tangerineui"));
        assert!(!Layout::FlavourAndSkin.none().is_on("vanilla"));
        assert_eq!(choice.name().as_deref(), Some("vanilla/tangerineui"));
    }

    #[test]
    fn only_what_the_registry_offers_is_known() {
        let known = KnownThemes { names: vec!["default".to_owned()] };
        assert!(known.knows(&Layout::Theme.choice("default")));
        assert!(known.knows(&Layout::Theme.none()));
        assert!(!known.knows(&Layout::Theme.choice("contrast")));
    }
}
