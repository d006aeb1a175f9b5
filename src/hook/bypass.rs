//! Pushes that somebody let through by `THEMEGATE_SKIP`: with a reason, and on record.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{HookError, in_file};
use crate::site::owner;

/// The variable that lets a push through.
pub const VARIABLE: &str = "THEMEGATE_SKIP";

/// The same for a push to another machine, which sees no variables: `git push -o themegate-skip=REASON` (git-push(1),
/// `--push-option`; the receiving repository has to allow it by `receive.advertisePushOptions`).
pub const PUSH_OPTION: &str = "themegate-skip=";

/// One bypass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypass {
    /// When, in local time.
    pub time: String,
    /// The hook's name.
    pub hook: String,
    /// What went through: a ref and its new commit each.
    pub refs: Vec<String>,
    /// Who, as the system knows it.
    pub user: String,
    /// Why, as it was given.
    pub reason: String,
}

fn path(state: &Path) -> PathBuf {
    state.join("bypasses.jsonl")
}

/// The reason that was given, by variable or push option; `Some("")` if there was one without any words.
pub fn reason(variables: impl IntoIterator<Item = (String, String)>) -> Option<String> {
    let mut reasons = variables.into_iter().filter_map(|(name, value)| match name.as_str() {
        VARIABLE => Some(value),
        name if name.starts_with("GIT_PUSH_OPTION_") => value.strip_prefix(PUSH_OPTION).map(str::to_owned),
        _ => None,
    });
    let first = reasons.next()?;
    let given = std::iter::once(first).chain(reasons).map(|reason| reason.trim().to_owned());
    Some(given.max_by_key(String::len).unwrap_or_default())
}

/// Writes a bypass down; only then it counts.
///
/// # Errors
/// If the disk refuses.
pub fn record(state: &Path, bypass: &Bypass) -> Result<(), HookError> {
    let path = path(state);
    let write = || {
        let mut line = serde_json::to_vec(bypass)?;
        line.push(b'\n');
        let mut file = File::options().append(true).create(true).mode(0o600).open(&path)?;
        owner::hand_over(&file, &path)?;
        file.write_all(&line)?;
        file.sync_all()
    };
    write().map_err(in_file("record the bypass in", &path))
}

/// Every bypass on record, the latest first. A line that cannot be read is passed over.
///
/// # Errors
/// If the record is there and cannot be read.
pub fn list(state: &Path) -> Result<Vec<Bypass>, HookError> {
    let path = path(state);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(in_file("read", &path)(error)),
    };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    let mut all: Vec<Bypass> = lines.filter_map(|line| serde_json::from_str(&line).ok()).collect();
    all.reverse();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Option<String> {
        reason(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_reason_is_taken_from_the_variable_or_from_a_push_option() {
        assert_eq!(of(&[("HOME", "/root")]), None);
        assert_eq!(of(&[(VARIABLE, " the site is down \n")]).as_deref(), Some("the site is down"));
        assert_eq!(
            of(&[("GIT_PUSH_OPTION_0", "ci.skip"), ("GIT_PUSH_OPTION_1", "themegate-skip=down")]).as_deref(),
            Some("down")
        );
        assert_eq!(of(&[(VARIABLE, "  ")]).as_deref(), Some(""));
    }

    #[test]
    fn what_was_recorded_is_listed_the_latest_first() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(list(state.path()).unwrap(), []);
        let bypass = |reason: &str| Bypass {
            time: "2026-11-24 03:00:00".to_owned(),
            hook: "pre-push".to_owned(),
            refs: vec!["refs/heads/main 1234567890".to_owned()],
            user: "ada".to_owned(),
            reason: reason.to_owned(),
        };
        record(state.path(), &bypass("one\nline")).unwrap();
        record(state.path(), &bypass("two")).unwrap();
        assert_eq!(list(state.path()).unwrap(), [bypass("two"), bypass("one\nline")]);
    }
}
