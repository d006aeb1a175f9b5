//! What a promotion accepts: the compiled tree of a run that passed, and what the check saw while it judged.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::disk::{DiskError, failed};
use super::fingerprints::Fingerprints;
use super::plan::TEMPORARY;

/// An outcome that passed: the only thing that can be promoted. The gate alone makes one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotable {
    run_id: String,
    live: PathBuf,
    staged: PathBuf,
    output_folders: Vec<PathBuf>,
    manifests: Vec<PathBuf>,
    sources: Vec<PathBuf>,
    registry: Option<PathBuf>,
    staged_seen: Fingerprints,
    live_seen: Fingerprints,
    #[serde(default)]
    registry_seen: Option<String>,
}

/// The trees and names of a run that passed; all names are relative to the trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The run.
    pub run_id: String,
    /// The live tree.
    pub live: PathBuf,
    /// The staged tree, compiled, kept under `.themegate/`.
    pub staged: PathBuf,
    /// `public/packs`, `public/assets`.
    pub output_folders: Vec<PathBuf>,
    /// The manifests in them.
    pub manifests: Vec<PathBuf>,
    /// The files of the change.
    pub sources: Vec<PathBuf>,
    /// `config/themes.yml`, if the change edits it.
    pub registry: Option<PathBuf>,
    /// The registry, the sources to be replaced and the manifests of the live tree, as the check saw them at its start.
    pub live_seen: Fingerprints,
    /// The text of the live registry at that time.
    pub registry_seen: Option<String>,
}

/// Why a stored run cannot be promoted.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// No such run, or one that did not pass.
    #[error("run {0} is not one that passed and whose staged tree was kept. Run `themegate check` again")]
    NotPassed(String),
    /// It was made of another live tree: under Capistrano, of another release.
    #[error("run {run} was made of {}, not of this live tree. Run `themegate check` again", live.display())]
    OtherTree {
        /// The run.
        run: String,
        /// Its live tree.
        live: PathBuf,
    },
    /// Its record is damaged.
    #[error("the record {} cannot be read: {why}. Run `themegate check` again", path.display())]
    Damaged {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Promotable {
    /// Takes the fingerprints of the compiled tree. For the gate alone, and only with the verdict *pass* of a real toolchain.
    ///
    /// # Errors
    /// A staged file that cannot be read.
    pub(crate) fn from_passed(passed: Passed) -> Result<Self, DiskError> {
        let Passed { run_id, live, staged, output_folders, manifests, sources, registry, live_seen, registry_seen } =
            passed;
        let staged_seen = staged_fingerprints(&staged, &output_folders, sources.iter().chain(&registry))?;
        let live = fs::canonicalize(&live).map_err(failed("find", &live))?;
        Ok(Self {
            run_id,
            live,
            staged,
            output_folders,
            manifests,
            sources,
            registry,
            staged_seen,
            live_seen,
            registry_seen,
        })
    }

    /// The record kept for `promote --run`, to be written to [`record_of`].
    ///
    /// # Errors
    /// A path that is not UTF-8.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// Reads the record of a run from the state folder.
    ///
    /// # Errors
    /// The run did not pass, or its record is damaged.
    pub fn load(state: &Path, run_id: &str) -> Result<Self, StoredError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let path = record_of(state, run_id);
        if run_id.is_empty() || !run_id.chars().all(plain) || !path.exists() {
            return Err(StoredError::NotPassed(run_id.to_owned()));
        }
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        let damaged = |why: String| StoredError::Damaged { path: path.clone(), why };
        let stored: Self = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if stored.run_id == run_id { Ok(stored) } else { Err(damaged("it is another run's".to_owned())) }
    }

    /// The run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The live tree.
    #[must_use]
    pub fn live(&self) -> &Path {
        &self.live
    }

    /// The staged tree.
    #[must_use]
    pub fn staged(&self) -> &Path {
        &self.staged
    }

    /// The folders of compiled output, by name.
    #[must_use]
    pub fn output_folders(&self) -> &[PathBuf] {
        &self.output_folders
    }

    /// The manifests, by name.
    #[must_use]
    pub fn manifests(&self) -> &[PathBuf] {
        &self.manifests
    }

    /// The files of the change, by name.
    #[must_use]
    pub fn sources(&self) -> &[PathBuf] {
        &self.sources
    }

    /// The theme registry, by name, if the change edits it.
    #[must_use]
    pub fn registry(&self) -> Option<&Path> {
        self.registry.as_deref()
    }

    /// What the check saw of the live tree.
    #[must_use]
    pub fn live_seen(&self) -> &Fingerprints {
        &self.live_seen
    }

    /// The text of the live registry as the check saw it, if there was one.
    #[must_use]
    pub fn registry_seen(&self) -> Option<&str> {
        self.registry_seen.as_deref()
    }

    /// What the check saw of the staged tree.
    #[must_use]
    pub fn staged_seen(&self) -> &Fingerprints {
        &self.staged_seen
    }
}

/// Where the record of a run lies, beside its staged tree `staged/ID/`: whoever removes one removes both.
#[must_use]
pub fn record_of(state: &Path, run_id: &str) -> PathBuf {
    state.join("staged").join(format!("{run_id}.json"))
}

/// The fingerprints of all that a promotion takes from a staged tree.
pub(crate) fn staged_fingerprints<'a>(
    staged: &Path,
    output_folders: &[PathBuf],
    named: impl Iterator<Item = &'a PathBuf>,
) -> Result<Fingerprints, DiskError> {
    let mut names: Vec<PathBuf> = named.cloned().collect();
    for folder in output_folders {
        names.extend(files_below(staged, folder)?);
    }
    Fingerprints::of(staged, names)
}

/// The files below a folder of a tree, hidden ones too, by their names in the tree; none if there is no such folder.
/// Anything else than a file or folder counts as a file, to be refused by whoever reads it.
pub(crate) fn files_below(tree: &Path, folder: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let root = tree.join(folder);
    if !root.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in WalkDir::new(&root).follow_links(false).sort_by_file_name() {
        let entry = entry.map_err(|error| failed("read", &root)(error.into()))?;
        let ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        if let Ok(name) = entry.path().strip_prefix(tree)
            && !entry.file_type().is_dir()
            && !ours
        {
            names.push(name.to_path_buf());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(home: &Path) -> Passed {
        let (live, staged) = (home.join("live"), home.join(".themegate/staged/run-1"));
        for tree in [&live, &staged] {
            fs::create_dir_all(tree.join("public/packs/.vite")).unwrap();
            fs::write(tree.join("public/packs/.vite/manifest.json"), "{}").unwrap();
        }
        let manifests = vec![PathBuf::from("public/packs/.vite/manifest.json")];
        Passed {
            run_id: "run-1".to_owned(),
            live_seen: Fingerprints::of(&live, manifests.clone()).unwrap(),
            live,
            staged,
            output_folders: vec!["public/packs".into()],
            manifests,
            sources: Vec::new(),
            registry: None,
            registry_seen: None,
        }
    }

    #[test]
    fn a_run_that_passed_is_read_back_as_it_was_and_another_is_not() {
        let home = tempfile::tempdir().unwrap();
        let promotable = Promotable::from_passed(passed(home.path())).unwrap();
        let state = home.path().join(".themegate");
        fs::write(record_of(&state, "run-1"), promotable.to_json().unwrap()).unwrap();
        assert_eq!(Promotable::load(&state, "run-1").unwrap(), promotable);
        assert!(
            promotable.staged_seen().0.contains_key(Path::new("public/packs/.vite/manifest.json")),
            "hidden files count"
        );
        for name in ["run-2", "../run-1", ""] {
            assert!(matches!(Promotable::load(&state, name), Err(StoredError::NotPassed(_))), "{name}");
        }
        fs::copy(record_of(&state, "run-1"), record_of(&state, "run-2")).unwrap();
        assert!(matches!(Promotable::load(&state, "run-2"), Err(StoredError::Damaged { .. })));
    }
}
