//! Decides who changes from what to what. Pure: it takes what is stored and gives what to store instead.

use serde::{Deserialize, Serialize};

use super::choice::{Choice, Layout};
use super::{json_text, yaml_value};

/// Whose setting it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The site's own default.
    Site,
    /// A local user; `id` is `users.id`.
    User {
        /// `users.id`.
        id: i64,
        /// The local username, as the account writes it.
        name: String,
    },
}

impl Owner {
    /// `users.id`, or `None` for the site.
    #[must_use]
    pub const fn id(&self) -> Option<i64> {
        match self {
            Self::Site => None,
            Self::User { id, .. } => Some(*id),
        }
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Site => write!(formatter, "the site"),
            Self::User { name, .. } => write!(formatter, "{name}"),
        }
    }
}

/// Whose settings to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Local users by name; case does not matter.
    Names(Vec<String>),
    /// Every user who chose this theme.
    AllOn(String),
    /// The site's default.
    Site,
    /// These users by `users.id`.
    Ids(Vec<i64>),
}

/// One row of `settings`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// `settings.id`.
    pub id: i64,
    /// `settings.var`.
    pub key: String,
    /// The YAML document.
    pub value: Option<String>,
}

/// What the database holds for an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// The text of `users.settings` (Mastodon 4.2 and later).
    Json(Option<String>),
    /// Rows of `settings`: a user's up to 4.1, the site's on every version. More than one row of a key is possible for
    /// the site; the first counts.
    Rows(Vec<StoredRow>),
}

impl Stored {
    /// The choice in it.
    ///
    /// # Errors
    ///
    /// When the text is not what Mastodon writes; the message says why.
    pub fn choice(&self, layout: Layout) -> Result<Choice, String> {
        let values = layout.keys().iter().map(|key| self.value(key)).collect::<Result<_, _>>()?;
        Ok(Choice { values })
    }

    fn value(&self, key: &str) -> Result<Option<String>, String> {
        match self {
            Self::Json(text) => {
                json_text::string_value(text.as_deref().unwrap_or_default(), key).map_err(|error| error.to_string())
            }
            Self::Rows(rows) => {
                let row = rows.iter().find(|row| row.key == key);
                yaml_value::name(row.and_then(|row| row.value.as_deref())).map_err(|error| error.to_string())
            }
        }
    }
}

/// An owner and what is stored for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Whose it is.
    pub owner: Owner,
    /// As stored.
    pub stored: Stored,
}

/// What has to be written for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// `users.settings`, from one text to another.
    Json {
        /// The text it must still have.
        before: Option<String>,
        /// The text it gets.
        after: Option<String>,
    },
    /// Rows of `settings`, found and locked when they are written.
    Rows,
}

/// One owner's choice, from what to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose it is.
    pub owner: Owner,
    /// The choice now.
    pub from: Choice,
    /// The choice afterwards.
    pub to: Choice,
    /// What to write for it.
    pub write: Write,
}

/// What would change, and what would not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// In the order of `users.id`.
    pub changes: Vec<Change>,
    /// They have the wanted choice already.
    pub already: Vec<Owner>,
    /// Their settings cannot be read, and why. Nothing is written for them.
    pub unreadable: Vec<(Owner, String)>,
}

/// Moves every holding to one choice; with `only_on`, only those who are on that theme.
#[must_use]
pub fn plan(layout: Layout, holdings: Vec<Holding>, only_on: Option<&str>, to: &Choice) -> Plan {
    let mut plan = Plan::default();
    for holding in holdings {
        match holding.stored.choice(layout) {
            Err(reason) => plan.unreadable.push((holding.owner, reason)),
            Ok(from) if only_on.is_some_and(|name| !from.is_on(name)) => {}
            Ok(from) if from == *to => plan.already.push(holding.owner),
            Ok(from) => plan.changes.push(change(layout, holding, from, to.clone())),
        }
    }
    plan
}

/// The change of one holding whose choice is known to be `from`.
#[must_use]
pub fn change(layout: Layout, holding: Holding, from: Choice, to: Choice) -> Change {
    let write = match holding.stored {
        Stored::Json(before) => Write::Json { after: edited(layout, before.as_deref(), &from, &to), before },
        Stored::Rows(_) => Write::Rows,
    };
    Change { owner: holding.owner, from, to, write }
}

/// The text with each key that differs rewritten. The text was read before, so it can be edited; if not, it stays.
fn edited(layout: Layout, before: Option<&str>, from: &Choice, to: &Choice) -> Option<String> {
    let mut text = before.unwrap_or_default().to_owned();
    for (key, (old, new)) in layout.keys().iter().zip(from.values.iter().zip(&to.values)) {
        if old != new {
            text = json_text::with_value(&text, key, new.as_deref()).unwrap_or(text);
        }
    }
    (before.is_some() || !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{Holding, Owner, Stored, StoredRow, Write, plan};
    use crate::theme_setting::choice::Layout;

    fn user(id: i64, settings: Option<&str>) -> Holding {
        Holding { owner: Owner::User { id, name: format!("u{id}") }, stored: Stored::Json(settings.map(str::to_owned)) }
    }

    #[test]
    fn only_those_on_the_theme_change_and_what_cannot_be_read_is_said() {
        let holdings = vec![
            user(1, Some(r#"{"a":1,"theme":"bad"}"#)),
            user(2, None),
            user(3, Some(r#"{"theme":"good"}"#)),
            user(4, Some("{bad")),
        ];
        let plan = plan(Layout::Theme, holdings, Some("bad"), &Layout::Theme.none());
        assert_eq!(plan.changes.len(), 1);
        let Write::Json { after, .. } = &plan.changes[0].write else { panic!("JSON was stored") };
        assert_eq!(after.as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(plan.unreadable.len(), 1);
    }

    #[test]
    fn a_flavour_and_a_skin_go_together() {
        let holdings = vec![user(1, Some(r#"{"flavour":"vanilla","skin":"bad","b":2}"#))];
        let plan = plan(Layout::FlavourAndSkin, holdings, Some("bad"), &Layout::FlavourAndSkin.none());
        let Write::Json { after, .. } = &plan.changes[0].write else { panic!("JSON was stored") };
        assert_eq!(after.as_deref(), Some(r#"{"b":2}"#));
    }

    #[test]
    fn whoever_is_there_already_is_left_alone() {
        let row = StoredRow { id: 7, key: "theme".to_owned(), value: Some("--- default\n...\n".to_owned()) };
        let site = Holding { owner: Owner::Site, stored: Stored::Rows(vec![row]) };
        let plan = plan(Layout::Theme, vec![site, user(2, None)], None, &Layout::Theme.choice("default"));
        assert_eq!(plan.already, [Owner::Site]);
        let Write::Json { before, after } = &plan.changes[0].write else { panic!("JSON was stored") };
        assert_eq!((before.as_deref(), after.as_deref()), (None, Some(r#"{"theme":"default"}"#)));
    }
}
