//! The undo file: what every changed owner had before, so that it can be put back.
//!
//! It is on the disk before the commit. It holds usernames and themes and nothing else of anybody's settings.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::choice::{Choice, KnownThemes, Layout};
use super::plan::{Change, Holding, Owner, Stored, Write, change};
use super::undo_check;
use crate::site::owner;

/// The version of the format that this program writes.
pub const VERSION: u32 = 1;

/// Why an undo file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// It could not be put on the disk.
    #[error("The undo file {path} could not be written: {source}. Make room or give another folder with --live.")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It could not be read.
    #[error("The undo file {path} could not be read: {reason}.")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Another version wrote it.
    #[error(
        "The undo file {path} has version {version}, and this program reads version {VERSION}. Use the themegate that wrote it."
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        version: u32,
    },
}

/// Everything in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndoFile {
    /// [`VERSION`].
    pub version: u32,
    /// When it was written, in UTC.
    pub made: String,
    /// The database, for people.
    pub database: String,
    /// What `SELECT txid_status(…)` can be asked about; `None` for a change by the Rails CLI.
    pub transaction: Option<i64>,
    /// Which keys the values belong to.
    pub layout: Layout,
    /// One for each owner.
    pub changes: Vec<UndoEntry>,
}

/// One owner's choice before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndoEntry {
    /// Whose it is.
    pub owner: Owner,
    /// What to put back.
    pub from: Choice,
    /// What must still be there.
    pub to: Choice,
    /// How to get the very same text back, if nobody has touched it since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextHint>,
}

/// The place in the text that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextHint {
    /// BLAKE3 of the text after the change.
    pub after: String,
    /// Where the texts begin to differ, in bytes.
    pub at: usize,
    /// What stood there before.
    pub removed: String,
    /// What stands there now.
    pub inserted: String,
    /// True where the column was NULL before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_null: bool,
}

impl UndoFile {
    /// The record of some changes.
    #[must_use]
    pub fn of(changes: &[Change], layout: Layout, database: String, transaction: Option<i64>) -> Self {
        let changes = changes.iter().map(UndoEntry::of).collect();
        Self { version: VERSION, made: jiff::Timestamp::now().to_string(), database, transaction, layout, changes }
    }

    /// Writes the file, readable for its owner only, and makes sure that it is on the disk before it returns.
    ///
    /// # Errors
    ///
    /// When the disk does not take it.
    pub fn save(&self, path: &Path) -> Result<(), UndoError> {
        self.try_save(path).map_err(|source| UndoError::Write { path: path.to_owned(), source })
    }

    fn try_save(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let draft = path.with_extension("part");
        let _ = fs::remove_file(&draft);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        owner::hand_over(&file, &draft)?;
        let mut writer = BufWriter::new(file);
        serde_json::to_writer(&mut writer, self)?;
        writer.write_all(b"\n")?;
        writer.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&draft, path)?;
        File::open(folder)?.sync_all()
    }

    /// Reads a file that [`UndoFile::save`] wrote.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is of another version, or is not as it was written.
    pub fn load(path: &Path) -> Result<Self, UndoError> {
        let refuse = |reason: String| UndoError::Read { path: path.to_owned(), reason };
        let text = undo_check::text(path).map_err(refuse)?;
        let version: Version = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        if version.version != VERSION {
            return Err(UndoError::Version { path: path.to_owned(), version: version.version });
        }
        let file: Self = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        undo_check::sound(&file).map_err(refuse)?;
        Ok(file)
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl UndoEntry {
    fn of(change: &Change) -> Self {
        let text = match &change.write {
            Write::Json { before, after: Some(after) } => Some(TextHint::of(before.as_deref(), after)),
            _ => None,
        };
        Self { owner: change.owner.clone(), from: change.from.clone(), to: change.to.clone(), text }
    }
}

impl TextHint {
    fn of(before: Option<&str>, after: &str) -> Self {
        let text = before.unwrap_or_default();
        let prefix = text.char_indices().zip(after.chars()).take_while(|((_, a), b)| a == b);
        let at = prefix.last().map_or(0, |((index, char), _)| index + char.len_utf8());
        let (old, new) = (&text[at..], &after[at..]);
        let suffix: usize =
            old.chars().rev().zip(new.chars().rev()).take_while(|(a, b)| a == b).map(|(char, _)| char.len_utf8()).sum();
        Self {
            after: blake3::hash(after.as_bytes()).to_hex().to_string(),
            at,
            removed: old[..old.len() - suffix].to_owned(),
            inserted: new[..new.len() - suffix].to_owned(),
            was_null: before.is_none(),
        }
    }

    /// The text from before, if `now` is the text that was left behind; the outer `None` if it is not.
    fn restored(&self, now: &str) -> Option<Option<String>> {
        if blake3::hash(now.as_bytes()).to_hex().as_str() != self.after {
            return None;
        }
        if self.was_null {
            return Some(None);
        }
        let tail = now.get(self.at.checked_add(self.inserted.len())?..)?;
        Some(Some(format!("{}{}{tail}", now.get(..self.at)?, self.removed)))
    }
}

/// What an undo would do, and what it would leave alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UndoPlan {
    /// To be put back.
    pub changes: Vec<Change>,
    /// They have the old value already.
    pub already: Vec<Owner>,
    /// Somebody changed them since.
    pub changed_since: Vec<Owner>,
    /// The site does not offer the old value any more.
    pub unknown: Vec<(Owner, Choice)>,
    /// No such user any more, or the id belongs to another name now, or the settings cannot be read.
    pub gone: Vec<Owner>,
}

/// Compares the file with what is stored now.
#[must_use]
pub fn plan(file: &UndoFile, layout: Layout, holdings: Vec<Holding>, known: &KnownThemes) -> UndoPlan {
    let mut held: BTreeMap<Option<i64>, Holding> =
        holdings.into_iter().map(|holding| (holding.owner.id(), holding)).collect();
    let mut plan = UndoPlan::default();
    for entry in &file.changes {
        let holding = held.remove(&entry.owner.id()).filter(|holding| same(&holding.owner, &entry.owner));
        match holding.map(|holding| (holding.stored.choice(layout), holding)) {
            Some((Ok(now), _)) if now == entry.from => plan.already.push(entry.owner.clone()),
            Some((Ok(now), _)) if now != entry.to => plan.changed_since.push(entry.owner.clone()),
            Some((Ok(_), _)) if !known.knows(&entry.from) => {
                plan.unknown.push((entry.owner.clone(), entry.from.clone()));
            }
            Some((Ok(now), holding)) => plan.changes.push(put_back(layout, entry, holding, now)),
            Some((Err(_), _)) | None => plan.gone.push(entry.owner.clone()),
        }
    }
    plan
}

fn same(now: &Owner, then: &Owner) -> bool {
    match (now, then) {
        (Owner::User { name: now, .. }, Owner::User { name: then, .. }) => now.eq_ignore_ascii_case(then),
        (now, then) => now == then,
    }
}

fn put_back(layout: Layout, entry: &UndoEntry, holding: Holding, now: Choice) -> Change {
    let exact = match (&entry.text, &holding.stored) {
        (Some(hint), Stored::Json(Some(text))) => hint
            .restored(text)
            .filter(|before| undo_check::differs_in_the_theme_alone(layout, text, before.as_deref(), &entry.from)),
        _ => None,
    };
    let mut change = change(layout, holding, now, entry.from.clone());
    if let (Some(exact), Write::Json { after, .. }) = (exact, &mut change.write) {
        *after = exact;
    }
    change
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{TextHint, UndoFile, plan};
    use crate::theme_setting::choice::{KnownThemes, Layout};
    use crate::theme_setting::plan::{Holding, Owner, Stored, Write, plan as change_plan};

    fn holding(id: i64, text: Option<&str>) -> Holding {
        Holding { owner: Owner::User { id, name: format!("u{id}") }, stored: Stored::Json(text.map(str::to_owned)) }
    }

    fn file(holdings: Vec<Holding>, to: &str) -> UndoFile {
        let changes = change_plan(Layout::Theme, holdings, None, &Layout::Theme.choice(to)).changes;
        UndoFile::of(&changes, Layout::Theme, "test".to_owned(), None)
    }

    fn known(names: &[&str]) -> KnownThemes {
        KnownThemes { names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn an_untouched_text_comes_back_byte_for_byte_even_null() {
        let before = [Some("{ \"theme\" : \"bad\" , \"a\":1}"), None, Some("")];
        let holdings: Vec<Holding> = before.iter().zip(1..).map(|(text, id)| holding(id, *text)).collect();
        let changes = change_plan(Layout::Theme, holdings, None, &Layout::Theme.choice("good")).changes;
        let file = UndoFile::of(&changes, Layout::Theme, String::new(), None);
        let now = changes.iter().map(|change| match &change.write {
            Write::Json { after, .. } => Holding { owner: change.owner.clone(), stored: Stored::Json(after.clone()) },
            Write::Rows => panic!("JSON was stored"),
        });
        let undo = plan(&file, Layout::Theme, now.collect(), &known(&["bad", "good"]));
        let texts = undo.changes.iter().map(|change| match &change.write {
            Write::Json { after, .. } => after.as_deref(),
            Write::Rows => panic!("JSON was stored"),
        });
        assert_eq!(texts.collect::<Vec<_>>(), before);
    }

    #[test]
    fn what_somebody_changed_since_or_nobody_offers_any_more_is_left_alone() {
        let file = file((1..=4).map(|id| holding(id, Some(r#"{"theme":"bad"}"#))).collect(), "good");
        let now = vec![
            holding(1, Some(r#"{"theme":"mine"}"#)),
            holding(2, Some(r#"{"theme":"good","new":1}"#)),
            holding(3, Some(r#"{"theme":"bad"}"#)),
        ];
        let undo = plan(&file, Layout::Theme, now.clone(), &known(&["bad", "good"]));
        let counts = (undo.changes.len(), undo.changed_since.len(), undo.already.len(), undo.gone.len());
        assert_eq!(counts, (1, 1, 1, 1));
        let refused = plan(&file, Layout::Theme, now, &known(&["good"]));
        assert_eq!((refused.changes.len(), refused.unknown.len()), (0, 1));
    }

    #[test]
    fn a_hint_that_somebody_altered_writes_nothing_but_the_theme() {
        let before = r#"{"a":1,"theme":"bad"}"#;
        let file = file(vec![holding(1, Some(before))], "good");
        let now = || vec![holding(1, Some(r#"{"a":1,"theme":"good"}"#))];
        let text = |file: &UndoFile| match plan(file, Layout::Theme, now(), &known(&["bad"])).changes.remove(0).write {
            Write::Json { after, .. } => after,
            Write::Rows => panic!("JSON was stored"),
        };
        for (at, removed, was_null) in [
            (1, r#""admin":true,"theme":"bad","#, false),
            (0, "garbage", false),
            (usize::MAX, "bad", false),
            (0, "", true),
        ] {
            let mut altered = file.clone();
            let hint = altered.changes[0].text.as_mut().unwrap();
            (hint.at, hint.removed, hint.was_null) = (at, removed.to_owned(), was_null);
            assert_eq!(text(&altered).as_deref(), Some(before), "{removed}");
        }
    }

    proptest! {
        #[test]
        fn a_hint_restores_any_text(before in any::<String>(), after in any::<String>()) {
            let hint = TextHint::of(Some(&before), &after);
            prop_assert_eq!(hint.restored(&after), Some(Some(before)));
        }
    }
}
