//! The evidence of earlier runs: a question that was answered is not built again, unless something it depends on has changed.
//!
//! A question is a digest of all that a build and its judgement depend on. It must not know what a check is: the gate hands
//! in what was asked. What a digest cannot see is said in `docs/evidence.md`.

mod contents;
mod index;
mod sealed;
mod surroundings;
mod tree;

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use blake3::Hasher;
use serde::{Deserialize, Serialize};

use crate::report::Report;
use crate::runs;
use crate::site::locate::make_private;

pub use contents::Contents;
pub use tree::{Digester, TreeRequest, digest as digest_tree};

/// The file that remembers what is in each file of the tree.
const INDEX: &str = "index";

/// How many answers are kept.
const KEPT: usize = 60;

/// What a question is about, beside the tree.
pub struct Subject<'a> {
    /// What was asked, in words that differ whenever the question does.
    pub asked: String,
    /// The digest of the change.
    pub change: blake3::Hash,
    /// The command that compiles.
    pub command: String,
    /// The whole environment of the build.
    pub environment: &'a [(OsString, OsString)],
    /// The site's own rules: every file that the judgement goes by.
    pub packs: &'a [(PathBuf, Vec<u8>)],
    /// This program's own file.
    pub own: &'a Path,
}

/// The same question has the same keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The tree alone.
    pub tree: blake3::Hash,
    /// The whole question.
    pub whole: blake3::Hash,
    /// The question without its change: what the untouched site says.
    pub untouched: blake3::Hash,
}

impl Question {
    /// The question that `subject` asks of a tree.
    #[must_use]
    pub fn new(tree: blake3::Hash, subject: &Subject<'_>) -> Self {
        let mut hasher = Hasher::new();
        add(&mut hasher, env!("CARGO_PKG_VERSION").as_bytes());
        add(&mut hasher, tree.as_bytes());
        add(&mut hasher, subject.command.as_bytes());
        for (name, value) in subject.environment {
            add(&mut hasher, name.as_bytes());
            add(&mut hasher, value.as_bytes());
        }
        for (path, pack) in subject.packs {
            add(&mut hasher, path.as_os_str().as_bytes());
            add(&mut hasher, pack);
        }
        surroundings::digest(&subject.command, subject.own, &mut hasher);
        let untouched = hasher.clone().update(b"untouched").finalize();
        add(&mut hasher, subject.asked.as_bytes());
        add(&mut hasher, subject.change.as_bytes());
        Self { tree, whole: hasher.finalize(), untouched }
    }
}

/// Adds bytes so that no two lists of them look alike.
pub(crate) fn add(hasher: &mut Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

/// Where answers lie.
fn folder(state: &Path) -> io::Result<PathBuf> {
    let folder = state.join("evidence");
    make_private(&folder)?;
    Ok(folder)
}

#[derive(Serialize, Deserialize)]
struct Answer {
    /// The question, so that a file under another name answers nothing.
    key: String,
    /// The run that answered it.
    run: String,
    /// The digest of that run's report.
    report: String,
}

/// Removes what a run has left half written that was killed; for whoever has the site's lock.
pub fn sweep(state: &Path) {
    for folder in ["evidence", "baselines"] {
        sealed::sweep(&state.join(folder));
    }
}

/// Remembers that `run` answered a question.
///
/// # Errors
/// If it cannot be written.
pub fn keep(state: &Path, key: &blake3::Hash, run: &str) -> io::Result<()> {
    let folder = folder(state)?;
    let report = blake3::hash(&runs::bytes(state, run)?).to_hex().to_string();
    let answer = Answer { key: key.to_hex().to_string(), run: run.to_owned(), report };
    sealed::write(&folder.join(&answer.key), &serde_json::to_vec(&answer)?)?;
    sealed::prune(&folder, KEPT);
    Ok(())
}

/// The report of the run that answered the question, if it is still there, whole and unchanged.
#[must_use]
pub fn find(state: &Path, key: &blake3::Hash) -> Option<Report> {
    let key = key.to_hex().to_string();
    let bytes = sealed::read(&state.join("evidence").join(&key))?;
    let answer: Answer = serde_json::from_slice(&bytes).ok()?;
    let report = runs::bytes(state, &answer.run).ok()?;
    let is_whole = answer.key == key && blake3::hash(&report).to_hex().to_string() == answer.report;
    let report: Report = serde_json::from_slice(&report).ok().filter(|_| is_whole)?;
    (report.run == answer.run).then_some(report)
}

/// Keeps what the untouched site says of itself, under `key`.
///
/// # Errors
/// If it cannot be written.
pub fn keep_baseline(state: &Path, key: &blake3::Hash, content: &[u8]) -> io::Result<()> {
    let folder = state.join("baselines");
    make_private(&folder)?;
    sealed::write(&folder.join(key.to_hex().as_str()), content)?;
    sealed::prune(&folder, KEPT);
    Ok(())
}

/// What the untouched site said of itself under `key`.
#[must_use]
pub fn find_baseline(state: &Path, key: &blake3::Hash) -> Option<Vec<u8>> {
    sealed::read(&state.join("baselines").join(key.to_hex().as_str()))
}
