//! Reports and build logs of earlier checks, kept in the state folder so that `show` and `promote` can find them.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::report::Report;
use crate::site::locate::make_private;
use crate::site::owner;

/// How many runs are kept.
const KEPT: usize = 30;

/// How many looks of `check --fast` are kept, beside them: commits are many.
const KEPT_FAST: usize = 10;

/// How many runs of git's hooks are kept, beside them: pushes are many, and nobody asked for a report.
const KEPT_OF_HOOKS: usize = 20;

/// Ends the name of a look of `check --fast`.
pub const FAST: &str = "-fast";

/// Ends the name of a run that a hook of git asked for.
pub const HOOK: &str = "-hook";

/// Why a run could not be kept or found.
#[derive(Debug, Error)]
pub enum RunError {
    /// There is no run of that name.
    #[error("There is no run {name}. See which there are: themegate history")]
    Unknown {
        /// As it was asked for.
        name: String,
    },
    /// It cannot be read or written.
    #[error("{path} could not be used: {source}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not a report.
    #[error("{path} is not a report of this themegate: {fault}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: serde_json::Error,
    },
}

fn folder(state: &Path) -> PathBuf {
    state.join("runs")
}

/// A name for a run that begins now, not used before: `2026-11-22T14-02-51`, and its `ending`.
#[must_use]
pub fn new_name(state: &Path, ending: &str) -> String {
    let now = jiff::Zoned::now().strftime("%Y-%m-%dT%H-%M-%S").to_string();
    let free = |name: &String| !folder(state).join(format!("{name}.json")).exists();
    let later = (2..).map(|number| format!("{now}-{number}{ending}"));
    let first = format!("{now}{ending}");
    std::iter::once(first.clone()).chain(later).find(free).unwrap_or(first)
}

/// Of `names`, the latest first, those beyond what is kept: so many of people, and so many of each of the `others`, told by
/// the end of their names.
#[must_use]
pub fn beyond(names: Vec<String>, of_people: usize, others: &[(&str, usize)]) -> Vec<String> {
    let room = |name: &String| {
        let other = others.iter().position(|(ending, _)| name.ends_with(ending));
        (other, other.map_or(of_people, |other| others[other].1))
    };
    let mut taken: HashMap<Option<usize>, usize> = HashMap::new();
    let mut is_beyond = |name: &String| {
        let (whose, most) = room(name);
        let count = taken.entry(whose).or_default();
        *count += 1;
        *count > most
    };
    names.into_iter().filter(|name| is_beyond(name)).collect()
}

/// Keeps a report and the build log it speaks of; drops the oldest beyond thirty.
///
/// # Errors
/// If they cannot be written.
pub fn keep(state: &Path, report: &Report, log: Option<&Path>) -> Result<(), RunError> {
    let folder = folder(state);
    let unusable = |path: &Path| {
        let path = path.to_path_buf();
        move |source| RunError::Unusable { path, source }
    };
    make_private(&folder).map_err(unusable(&folder))?;
    if let Some(log) = log.filter(|log| log.exists()) {
        let kept = folder.join(format!("{}.log", report.run));
        fs::copy(log, &kept).and_then(|_bytes| owner::hand_over_path(&kept)).map_err(unusable(&kept))?;
    }
    let path = folder.join(format!("{}.json", report.run));
    let text = serde_json::to_vec_pretty(report).map_err(|fault| RunError::Corrupt { path: path.clone(), fault })?;
    write_private(&path, &text).map_err(unusable(&path))?;
    for old in beyond(list(state)?, KEPT, &[(FAST, KEPT_FAST), (HOOK, KEPT_OF_HOOKS)]) {
        let _ = fs::remove_file(folder.join(format!("{old}.json")));
        let _ = fs::remove_file(folder.join(format!("{old}.log")));
    }
    Ok(())
}

/// In one step: a report that is there is whole, whatever kills this.
fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    owner::hand_over(&file, &draft)?;
    file.write_all(text)?;
    fs::rename(draft, path)
}

/// The names of all runs, the latest first.
///
/// # Errors
/// If the folder is there and cannot be read.
pub fn list(state: &Path) -> Result<Vec<String>, RunError> {
    let folder = folder(state);
    let files = match fs::read_dir(&folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(RunError::Unusable { path: folder, source }),
    };
    let names = files.flatten().map(|file| file.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
    names.sort_by(|a, b| b.cmp(a));
    Ok(names)
}

/// Reads the report of the run `name`, or of the last one for `latest`.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn read(state: &Path, name: &str) -> Result<Report, RunError> {
    let path = find(state, name, "json")?;
    let text = fs::read(&path).map_err(|source| RunError::Unusable { path: path.clone(), source })?;
    serde_json::from_slice(&text).map_err(|fault| RunError::Corrupt { path, fault })
}

/// The bytes of the report of the run `name`.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn bytes(state: &Path, name: &str) -> io::Result<Vec<u8>> {
    fs::read(find(state, name, "json").map_err(io::Error::other)?)
}

/// Opens the build log of the run `name`, or of the last one for `latest`.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn open_log(state: &Path, name: &str) -> Result<File, RunError> {
    let path = find(state, name, "log")?;
    File::open(&path).map_err(|source| RunError::Unusable { path, source })
}

/// Opens the build log of the last run that has one.
#[must_use]
pub fn last_log(state: &Path) -> Option<File> {
    list(state).ok()?.iter().find_map(|name| open_log(state, name).ok())
}

fn find(state: &Path, name: &str, ending: &str) -> Result<PathBuf, RunError> {
    let unknown = || RunError::Unknown { name: name.to_owned() };
    let name = if name == "latest" { list(state)?.into_iter().next().ok_or_else(unknown)? } else { name.to_owned() };
    // A name is one part of a path: nothing outside the folder is ever read.
    if name.contains('/') || name.starts_with('.') {
        return Err(unknown());
    }
    let path = folder(state).join(format!("{name}.{ending}"));
    if path.is_file() { Ok(path) } else { Err(unknown()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_log_is_that_of_the_last_run_that_built_something() {
        let state = tempfile::tempdir().unwrap();
        assert!(last_log(state.path()).is_none());
        fs::create_dir(folder(state.path())).unwrap();
        for name in ["1.json", "1.log", "2.json", "2.log", "3-fast.json"] {
            fs::write(folder(state.path()).join(name), name).unwrap();
        }
        assert_eq!(io::read_to_string(last_log(state.path()).unwrap()).unwrap(), "2.log");
    }

    #[test]
    fn what_hooks_and_fast_looks_leave_takes_no_room_from_what_people_made() {
        let names = ["9-hook", "8-fast", "7", "6-hook", "5-hook", "4", "3-fast", "2", "1-hook"];
        let names = names.map(str::to_owned).to_vec();
        assert_eq!(beyond(names.clone(), 3, &[(FAST, 1), (HOOK, 2)]), ["5-hook", "3-fast", "1-hook"]);
        assert_eq!(beyond(names, 2, &[(FAST, 2), (HOOK, 9)]), ["2"]);
    }

    #[test]
    fn two_runs_of_one_second_have_two_names_whatever_they_end_in() {
        let state = tempfile::tempdir().unwrap();
        fs::create_dir(folder(state.path())).unwrap();
        for ending in ["", FAST, HOOK] {
            let names: Vec<String> = (0..3)
                .map(|_| {
                    let name = new_name(state.path(), ending);
                    fs::write(folder(state.path()).join(format!("{name}.json")), "{}").unwrap();
                    name
                })
                .collect();
            assert!(names.iter().all(|name| name.ends_with(ending)), "{names:?}");
            assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{names:?}");
        }
    }
}
