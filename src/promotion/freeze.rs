//! A freeze: until a date, nothing is promoted. Rollback, recovery and withdrawal stay possible.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::PromotionError;
use super::disk::{Attributes, Disk, DiskError, failed};
use crate::site::owner;

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
    remember(disk, state, Some(freeze.clone()))?;
    disk.sync_folder(state)
}

/// Lifts the freeze; `false` if there was none.
///
/// # Errors
/// The disk refused.
pub fn lift(disk: &Disk, state: &Path) -> Result<bool, DiskError> {
    let was_set = path(state).symlink_metadata().is_ok();
    disk.remove_file(&path(state))?;
    if was_set {
        remember(disk, state, None)?;
    }
    disk.sync_folder(state)?;
    Ok(was_set)
}

/// Refuses while a freeze holds, unless a reason is given to go ahead in spite of it; true if it holds and one is.
pub(crate) fn refuse(state: &Path, despite: Option<&str>) -> Result<bool, PromotionError> {
    let freeze = match read(state) {
        // A file that cannot be read is taken for a freeze: only a reason goes past it.
        Err(_) if despite.is_some() => return Ok(true),
        other => other.map_err(|error| PromotionError::Refused(error.into()))?,
    };
    match freeze.filter(|freeze| holds(freeze, today())) {
        Some(freeze) if despite.is_none() => Err(PromotionError::Frozen(freeze)),
        frozen => Ok(frozen.is_some()),
    }
}

/// The day by the local clock: a freeze ends with its last day as the administrator's calendar shows it.
#[must_use]
pub fn today() -> Date {
    jiff::Zoned::now().date()
}

/// A freeze that was set or lifted, for the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the local clock, in the form of a run's name.
    pub at: String,
    /// The freeze that was set; `None` if one was lifted.
    pub set: Option<Freeze>,
}

fn log_path(state: &Path) -> PathBuf {
    state.join("freezes.log")
}

/// Every freeze that was set or lifted, the oldest first. Lines that cannot be read are passed over.
#[must_use]
pub fn events(state: &Path) -> Vec<Event> {
    let text = fs::read_to_string(log_path(state)).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn remember(disk: &Disk, state: &Path, set: Option<Freeze>) -> Result<(), DiskError> {
    let path = log_path(state);
    let at = jiff::Zoned::now().strftime("%Y-%m-%dT%H-%M-%S").to_string();
    let line = serde_json::to_string(&Event { at, set }).map_err(|error| failed("write", &path)(error.into()))?;
    let open = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let mut file = open.map_err(failed("open", &path))?;
    owner::hand_over(&file, &path).map_err(failed("change the owner of", &path))?;
    disk.write(&mut file, &path, format!("{line}\n").as_bytes())?;
    disk.sync_file(&file, &path)
}

/// True up to and including the freeze's last day. Pure.
#[must_use]
pub fn holds(freeze: &Freeze, today: Date) -> bool {
    today <= freeze.until
}
