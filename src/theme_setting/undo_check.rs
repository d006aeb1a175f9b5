//! Whether an undo file can be believed: it may be damaged, or somebody may have written to it. It decides nothing about who
//! gets what back.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use serde_json::{Map, Value};

use super::choice::{Choice, Layout};
use super::plan::{Owner, Stored};
use super::undo::UndoFile;

/// The text of a regular file that not everybody may write to. A pipe does not keep anybody waiting.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let mut file: File = opened.map_err(|error| error.to_string())?;
    let facts = file.metadata().map_err(|error| error.to_string())?;
    if !facts.is_file() {
        return Err("it is not a file".to_owned());
    }
    if facts.permissions().mode() & 0o002 != 0 {
        return Err(format!(
            "everybody on this machine may write to it. Look at what it says, then: chmod o-w {}",
            path.display()
        ));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// Refuses a file that names an owner twice, or has another number of values than there are settings.
pub(super) fn sound(file: &UndoFile) -> Result<(), String> {
    let values = file.layout.keys().len();
    let mut seen: BTreeSet<Option<i64>> = BTreeSet::new();
    for entry in &file.changes {
        let owner = visible(&entry.owner);
        if !seen.insert(entry.owner.id()) {
            return Err(format!("it names {owner} twice, so somebody has changed it"));
        }
        if entry.from.values.len() != values || entry.to.values.len() != values {
            return Err(format!(
                "it has another number of values for {owner} than {values}, so somebody has changed it"
            ));
        }
    }
    Ok(())
}

fn visible(owner: &Owner) -> String {
    owner.to_string().escape_debug().to_string()
}

/// True where `before` has the choice, and apart from the theme says what `now` says.
pub(super) fn differs_in_the_theme_alone(layout: Layout, now: &str, before: Option<&str>, choice: &Choice) -> bool {
    let has_choice = Stored::Json(before.map(str::to_owned)).choice(layout).is_ok_and(|read| read == *choice);
    has_choice && others(layout, now).is_some_and(|now| others(layout, before.unwrap_or_default()) == Some(now))
}

/// The settings without the theme; `None` where they cannot be read.
fn others(layout: Layout, text: &str) -> Option<Map<String, Value>> {
    if text.trim().is_empty() {
        return Some(Map::new());
    }
    let mut object: Map<String, Value> = serde_json::from_str(text).ok()?;
    for key in layout.keys() {
        object.remove(*key);
    }
    Some(object)
}
