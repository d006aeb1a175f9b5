//! The fault matrix: every fault of `tests/faults.toml`, made on a copy of each real compiled site it applies to, must get
//! its verdict and a finding that names the cause. The table goes into `docs/faults.md`.
//!
//! `THEMEGATE_FAULTS=id,id` runs only those; `THEMEGATE_FAULTS_WRITE=1` writes the table.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use support::{Checked, Kind, Site, repository, skipped};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    fault: Vec<Fault>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    /// Stable name.
    id: String,
    /// What somebody did, in a sentence.
    what: String,
    /// The sites it applies to.
    sites: Vec<String>,
    /// Files of a theme folder that is proposed; none to judge the live tree as it is.
    #[serde(default)]
    theme: BTreeMap<String, String>,
    /// What is done to the live tree before the check.
    #[serde(default)]
    live: Vec<Step>,
    /// What is done to the theme folder after its files are written.
    #[serde(default)]
    theme_steps: Vec<Step>,
    /// More arguments of `check`.
    #[serde(default)]
    arguments: Vec<String>,
    /// More variables of the caller's environment.
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// What themegate must say, unless a site says otherwise.
    expect: Expectation,
    /// What themegate must say on one site.
    #[serde(default)]
    on: BTreeMap<String, Expectation>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    verdict: String,
    /// The finding that names the cause; none for a pass.
    finding: Option<String>,
    /// A text that the finding's message or evidence must hold: the file, the reason.
    says: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum Step {
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
fn filled(text: &str, kind: Kind) -> String {
    let import =
        if matches!(kind, Kind::Vite | Kind::Glitch) { "@use 'application';" } else { "@import 'application';" };
    text.replace("{{import}}", import)
}

fn apply(steps: &[Step], folder: &std::path::Path, kind: Kind) {
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

fn check(fault: &Fault, kind: Kind) -> Checked {
    let site = Site::copy(kind);
    apply(&fault.live, &site.live, kind);
    let theme = site.folder.path().join("theme");
    let mut arguments: Vec<&str> = fault.arguments.iter().map(String::as_str).collect();
    if !fault.theme.is_empty() || !fault.theme_steps.is_empty() {
        fs::create_dir_all(&theme).unwrap();
        let files = fault.theme.iter().map(|(path, text)| Step::Write { path: path.clone(), text: text.clone() });
        apply(&files.collect::<Vec<_>>(), &theme, kind);
        apply(&fault.theme_steps, &theme, kind);
        arguments.extend(["--theme", theme.to_str().unwrap()]);
    }
    let environment: Vec<(&str, &str)> = fault.environment.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    site.check_with(&arguments, &environment)
}

/// What is wrong with what themegate said, if anything.
fn fault_of(checked: &Checked, expected: &Expectation) -> Option<String> {
    let said =
        || format!("said {} (exit {}): {:#?} {}", checked.verdict(), checked.code, checked.grave(), checked.stderr);
    if checked.verdict() != expected.verdict {
        return Some(format!("expected {}; {}", expected.verdict, said()));
    }
    let Some(id) = &expected.finding else {
        return (!checked.grave().is_empty()).then(|| format!("expected no finding above benign; {}", said()));
    };
    let Some(finding) = checked.finding(id) else { return Some(format!("expected the finding {id}; {}", said())) };
    let text = finding.to_string();
    let silent = expected
        .says
        .as_ref()
        .filter(|says| !text.contains(&serde_json::to_string(says).unwrap().trim_matches('"').to_owned()));
    silent.map(|says| format!("{id} does not say {says:?}: {text}"))
}

fn wanted(fault: &Fault) -> bool {
    match std::env::var("THEMEGATE_FAULTS") {
        Ok(ids) => ids.split(',').any(|id| id == fault.id),
        Err(_) => true,
    }
}

fn matrix() -> Matrix {
    toml::from_str(&fs::read_to_string(repository().join("tests/faults.toml")).unwrap()).unwrap()
}

#[test]
fn every_fault_gets_its_verdict_and_a_finding_that_names_the_cause() {
    let matrix = matrix();
    let mut rows: Vec<(&Fault, &String)> = Vec::new();
    for fault in matrix.fault.iter().filter(|fault| wanted(fault)) {
        rows.extend(fault.sites.iter().map(|site| (fault, site)));
    }
    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        while let Some((fault, site)) = rows.get(next.fetch_add(1, Ordering::SeqCst)) {
            let kind = Kind::named(site);
            if skipped(kind, &fault.id) {
                continue;
            }
            let expected = fault.on.get(*site).unwrap_or(&fault.expect);
            let result = std::panic::catch_unwind(|| fault_of(&check(fault, kind), expected)).unwrap_or_else(|_| {
                Some("the check could not be made, or touched the live tree (see above)".to_owned())
            });
            let word = if result.is_none() { "right" } else { "WRONG" };
            eprintln!("{word}   {:<44} {site:<10} {}", fault.id, expected.verdict);
            results.lock().unwrap().insert((fault.id.clone(), (*site).clone()), result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let results = results.into_inner().unwrap();
    let wrong: Vec<String> = results
        .iter()
        .filter_map(|((id, site), result)| result.as_ref().map(|text| format!("{id} on {site}: {text}")))
        .collect();
    eprintln!("fault matrix: {} rows right, {} wrong", results.len() - wrong.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_matrix_names_every_fault_once() {
    let mut ids: Vec<String> = matrix().fault.into_iter().map(|fault| fault.id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(count > 40, "{count} faults only");
}
