//! A row of `tests/faults.toml`, and how its fault is made on a copy of a site.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::support::{Kind, repository};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Matrix {
    pub(crate) fault: Vec<Fault>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Stable name.
    pub(crate) id: String,
    /// What somebody did, in a sentence.
    pub(crate) what: String,
    /// The sites it applies to.
    pub(crate) sites: Vec<String>,
    /// What `check --fast` makes of it; none where that is not asked.
    #[serde(default)]
    pub(crate) fast: Option<Fast>,
    /// Files of a theme folder that is proposed; none to judge the live tree as it is.
    #[serde(default)]
    pub(crate) theme: BTreeMap<String, String>,
    /// What is done to the live tree before the check.
    #[serde(default)]
    pub(crate) live: Vec<Step>,
    /// What is done to the theme folder after its files are written.
    #[serde(default)]
    pub(crate) theme_steps: Vec<Step>,
    /// More arguments of `check`.
    #[serde(default)]
    pub(crate) arguments: Vec<String>,
    /// More variables of the caller's environment.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// A file system of this size for the site and its staging directory, such as `300m`. Needs root.
    #[serde(default)]
    pub(crate) disk: Option<String>,
    /// The user that runs the check, who then owns the site. Needs root.
    #[serde(default)]
    pub(crate) user: Option<String>,
    /// Sites on which themegate does not say this yet, and what it says instead: shown in the table, never counted as right.
    #[serde(default)]
    pub(crate) not_yet: BTreeMap<String, String>,
    /// What themegate must say, unless a site says otherwise.
    pub(crate) expect: Expectation,
    /// What themegate must say on one site.
    #[serde(default)]
    pub(crate) on: BTreeMap<String, Expectation>,
}

/// What a look at the stylesheets alone makes of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fast {
    /// The verdict and the finding of the whole check.
    Agrees,
    /// No fault found yet: the bundler alone can tell.
    Leaves,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    pub(crate) verdict: String,
    /// The finding that names the cause; none for a pass.
    pub(crate) finding: Option<String>,
    /// A text that the finding's message or evidence must hold: the file, the reason.
    pub(crate) says: Option<String>,
    /// A text of the error message, where no check could be made at all: exit 3 is undecided, exit 2 refused.
    pub(crate) error: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Write a file anew.
    Write { path: String, text: String },
    /// Add to the end of a file.
    Append { path: String, text: String },
    /// Replace a text that must be there.
    Replace { path: String, from: String, to: String },
    /// A shell command, run in the tree.
    Run(String),
}

/// Words in the matrix that mean something else on each site.
pub(crate) fn filled(text: &str, kind: Kind) -> String {
    let import =
        if matches!(kind, Kind::Vite | Kind::Glitch) { "@use 'application';" } else { "@import 'application';" };
    text.replace("{{import}}", import)
}

pub(crate) fn apply(steps: &[Step], folder: &Path, kind: Kind) {
    for step in steps {
        match step {
            Step::Write { path, text } => {
                fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
                fs::write(folder.join(path), filled(text, kind)).unwrap();
            }
            Step::Append { path, text } => {
                let whole = fs::read_to_string(folder.join(path)).unwrap() + &filled(text, kind);
                fs::write(folder.join(path), whole).unwrap();
            }
            Step::Replace { path, from, to } => {
                let whole = fs::read_to_string(folder.join(path)).unwrap();
                assert!(whole.contains(from.as_str()), "{path} does not hold {from:?}");
                fs::write(folder.join(path), whole.replacen(from.as_str(), &filled(to, kind), 1)).unwrap();
            }
            Step::Run(line) => {
                let status =
                    Command::new("sh").arg("-ec").arg(line).current_dir(folder).envs(kind.environment()).status();
                assert!(status.unwrap().success(), "this step failed: {line}");
            }
        }
    }
}

/// The theme folder of a row, made beside the site; none to judge the live tree as it is.
pub(crate) fn theme_folder(fault: &Fault, kind: Kind, beside: &Path) -> Option<PathBuf> {
    if fault.theme.is_empty() && fault.theme_steps.is_empty() {
        return None;
    }
    let theme = beside.join("theme");
    fs::create_dir_all(&theme).unwrap();
    let files = fault.theme.iter().map(|(path, text)| Step::Write { path: path.clone(), text: text.clone() });
    apply(&files.collect::<Vec<_>>(), &theme, kind);
    apply(&fault.theme_steps, &theme, kind);
    Some(theme)
}

pub(crate) fn matrix() -> Matrix {
    toml::from_str(&fs::read_to_string(repository().join("tests/faults.toml")).unwrap()).unwrap()
}
