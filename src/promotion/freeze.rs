//! A freeze: until a date, nothing is promoted. Rollback, recovery and withdrawal stay possible.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::PromotionError;
use super::disk::{Attributes, Disk, DiskError, failed};

/// A freeze of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// The last day on which it holds.
    #[serde(serialize_with = "write_date", deserialize_with = "read_date")]
    pub until: Date,
    /// Why.
    pub reason: String,
}

fn write_date<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

fn read_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn path(state: &Path) -> PathBuf {
    state.join("freeze.json")
}

/// The freeze that was set, if any, whether or not its date has passed.
///
/// # Errors
/// Its file cannot be read: then it is taken to hold, and the error says so.
pub fn read(state: &Path) -> Result<Option<Freeze>, DiskError> {
    let path = path(state);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read the freeze", &path)(error)),
    };
    let unreadable = |error: serde_json::Error| {
        failed("read the freeze", &path)(io::Error::other(format!(
            "{error}. Set it again, or run `themegate unfreeze`"
        )))
    };
    serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
}

/// Sets the freeze, durably; an earlier one is replaced.
///
/// # Errors
/// The disk refused.
pub fn set(disk: &Disk, state: &Path, freeze: &Freeze) -> Result<(), DiskError> {
    let (path, draft) = (path(state), state.join(".freeze.draft"));
    let metadata = state.metadata().map_err(failed("read", state))?;
    let text = serde_json::to_vec_pretty(freeze).map_err(|error| failed("write", &path)(error.into()))?;
    disk.remove_file(&draft)?;
    let file = disk.write_new(&draft, &text)?;
    let modified = (jiff::Timestamp::now().as_second(), 0);
    disk.set_attributes(&file, &draft, Attributes { mode: 0o600, modified, ..Attributes::of(&metadata) })?;
    disk.sync_file(&file, &draft)?;
    disk.rename(&draft, &path)?;
    disk.sync_folder(state)
}

/// Lifts the freeze.
///
/// # Errors
/// The disk refused.
pub fn lift(disk: &Disk, state: &Path) -> Result<(), DiskError> {
    disk.remove_file(&path(state))?;
    disk.sync_folder(state)
}

/// Refuses while a freeze holds, unless a reason is given to go ahead in spite of it.
pub(crate) fn refuse(state: &Path, despite: Option<&str>) -> Result<(), PromotionError> {
    let today = jiff::Zoned::now().date();
    match read(state).map_err(|error| PromotionError::Refused(error.into()))? {
        Some(freeze) if despite.is_none() && holds(&freeze, today) => Err(PromotionError::Frozen(freeze)),
        _ => Ok(()),
    }
}

/// True up to and including the freeze's last day. Pure.
#[must_use]
pub fn holds(freeze: &Freeze, today: Date) -> bool {
    today <= freeze.until
}
