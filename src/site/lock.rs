//! One gate a site: a lock that the kernel releases when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::owner;

/// Why the lock was not to be had.
#[derive(Debug, Error)]
pub enum LockError {
    /// A living gate holds it.
    #[error("Another themegate is at work on this site: {holder}.\nWait for it to end, or end it, and run this again.")]
    Held {
        /// What the holder wrote of itself: its process number, what it does, since when.
        holder: String,
    },
    /// The lock file could not be used.
    #[error(
        "{path} could not be locked: {source}\nRun themegate as the user that owns the live tree.{}",
        owner::advice(path)
    )]
    Unusable {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The lock of one site, held until it is dropped or the process dies.
#[derive(Debug)]
pub struct SiteLock {
    _file: File,
}

impl SiteLock {
    /// Takes the lock in `state` for `purpose` (`check`, `promote`, …), without waiting.
    ///
    /// # Errors
    /// If another process holds it, or the file cannot be used.
    pub fn take(state: &Path, purpose: &str) -> Result<Self, LockError> {
        let path = state.join("lock");
        let unusable = |source| LockError::Unusable { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default())
            .open(&path)
            .map_err(unusable)?;
        owner::hand_over(&file, &path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held { holder: holder(&mut file) }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        sign(&mut file, purpose).map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

fn sign(file: &mut File, purpose: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    let now = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
    write!(file, "process {}, themegate {purpose}, since {now}", std::process::id())?;
    file.flush()
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.is_empty() => text,
        _ => "it has not said who it is".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_gate_is_told_who_holds_the_site() {
        let state = tempfile::tempdir().unwrap();
        let held = SiteLock::take(state.path(), "check").unwrap();
        let refusal = SiteLock::take(state.path(), "promote").unwrap_err().to_string();
        assert!(refusal.contains(&format!("process {}, themegate check", std::process::id())), "{refusal}");
        drop(held);
        SiteLock::take(state.path(), "promote").unwrap();
    }
}
