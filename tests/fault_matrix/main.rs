//! The fault matrix: every fault of `tests/faults.toml`, made on a copy of each real compiled site it applies to, must get
//! its verdict and a finding that names the cause. `docs/faults.md` is made of the same rows.
//!
//! `THEMEGATE_FAULTS=id,id` runs only those; `THEMEGATE_FAULTS_SITES=vite` only on that site.
//! `THEMEGATE_FAULTS_MEASURE=1` runs the plain precompile on another copy instead, and keeps what it did in
//! `tests/faults-plain.toml`; `THEMEGATE_FAULTS_WRITE=1` writes the table.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

mod plain;
mod row;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::panic::AssertUnwindSafe;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use plain::measure;
use row::{Expectation, Fast, Fault, Matrix, apply, matrix, theme_folder};
use support::{Checked, Kind, Site, skipped};

/// Where a row's site stands: a file system of its own, or a folder.
struct Disk {
    folder: tempfile::TempDir,
    mounted: bool,
}

impl Disk {
    /// `None` if nothing can be mounted here.
    fn of_size(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=755");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "themegate-test"]).arg(folder.path());
        let mounted = mount.status().is_ok_and(|status| status.success());
        mounted.then_some(Self { folder, mounted })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
        }
    }
}

/// Copies of the sites that rows have left as they were: a copy takes longer than many a check.
#[derive(Default)]
struct Copies(Mutex<Vec<Site>>);

impl Copies {
    fn take(&self, kind: Kind) -> Site {
        let mut sites = self.0.lock().unwrap();
        let left = sites.iter().position(|site| site.kind == kind).map(|place| sites.swap_remove(place));
        drop(sites);
        left.unwrap_or_else(|| Site::copy(kind))
    }

    fn give_back(&self, site: Site) {
        let site = site.without_runs();
        self.0.lock().unwrap().push(site);
    }
}

/// What themegate says; `None` if this machine cannot make the row.
fn check(fault: &Fault, kind: Kind, copies: &Copies) -> Option<Checked> {
    let needs_root = fault.disk.is_some() || fault.user.is_some();
    if needs_root && !is_root() {
        return None;
    }
    let disk = match &fault.disk {
        Some(size) => Some(Disk::of_size(size)?),
        None => None,
    };
    let site = match &disk {
        Some(disk) => Site::copy_into(kind, disk.folder.path()),
        None => copies.take(kind),
    };
    apply(&fault.live, &site.live, kind);
    let theme = theme_folder(fault, kind, site.folder.path());
    let mut arguments: Vec<&str> = fault.arguments.iter().map(String::as_str).collect();
    arguments.extend(theme.iter().flat_map(|theme| ["--theme", theme.to_str().unwrap()]));
    let environment: Vec<(&str, &str)> = fault.environment.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let checked = site.check_as(fault.user.as_deref(), &arguments, &environment);
    // The check has shown that the live tree is as it was.
    if fault.live.is_empty() && fault.theme_steps.is_empty() && !needs_root {
        copies.give_back(site);
    }
    Some(checked)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// What is wrong with what themegate said, if anything.
fn fault_of(checked: &Checked, expected: &Expectation) -> Option<String> {
    let said =
        || format!("said {} (exit {}): {:#?} {}", checked.verdict(), checked.code, checked.grave(), checked.stderr);
    if let Some(error) = &expected.error {
        let code = if expected.verdict == "refused" { 2 } else { 3 };
        return (checked.code != code || !checked.stderr.contains(error.as_str()))
            .then(|| format!("expected exit {code} and {error:?}; {}", said()));
    }
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

/// Works through the rows, two at a time.
fn for_each_row<'matrix>(matrix: &'matrix Matrix, work: &(dyn Fn(&'matrix Fault, &'matrix str) + Sync)) {
    let only = std::env::var("THEMEGATE_FAULTS_SITES").ok();
    let is_wanted = |site: &str| only.as_ref().is_none_or(|only| only.split(',').any(|one| one == site));
    let mut rows: Vec<(&Fault, &str)> = Vec::new();
    for fault in matrix.fault.iter().filter(|fault| wanted(fault)) {
        rows.extend(fault.sites.iter().filter(|site| is_wanted(site)).map(|site| (fault, site.as_str())));
    }
    let next = AtomicUsize::new(0);
    let run = || {
        while let Some((fault, site)) = rows.get(next.fetch_add(1, Ordering::SeqCst)) {
            if !skipped(Kind::named(site), &fault.id) {
                work(fault, site);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(run);
        }
    });
}

/// What is wrong with a row; `None` if this machine cannot make it.
fn result_of(fault: &Fault, site: &str, copies: &Copies) -> Option<Option<String>> {
    let kind = Kind::named(site);
    let expected = fault.on.get(site).unwrap_or(&fault.expect);
    let unmade = "the check could not be made, touched the live tree or left a stage (see above)";
    std::panic::catch_unwind(AssertUnwindSafe(|| {
        check(fault, kind, copies).map(|checked| fault_of(&checked, expected))
    }))
    .unwrap_or_else(|_| Some(Some(unmade.to_owned())))
}

#[test]
fn every_fault_gets_its_verdict_and_a_finding_that_names_the_cause() {
    let matrix = matrix();
    if std::env::var_os("THEMEGATE_FAULTS_MEASURE").is_some() {
        return measure(&matrix);
    }
    let (wrong, right, copies) = (Mutex::new(Vec::new()), AtomicUsize::new(0), Copies::default());
    for_each_row(&matrix, &|fault, site| {
        let name = format!("{:<44} {site:<10}", fault.id);
        match result_of(fault, site, &copies) {
            None => eprintln!("skipped {name} needs root and the mount command: proves nothing here"),
            Some(None) => {
                eprintln!("right   {name} {}", fault.on.get(site).unwrap_or(&fault.expect).verdict);
                right.fetch_add(1, Ordering::SeqCst);
            }
            Some(Some(_)) if fault.not_yet.contains_key(site) => eprintln!("NOT YET {name} {}", fault.not_yet[site]),
            Some(Some(why)) => {
                eprintln!("WRONG   {name} {why}");
                wrong.lock().unwrap().push(format!("{} on {site}: {why}", fault.id));
            }
        }
    });
    let wrong = wrong.into_inner().unwrap();
    eprintln!("fault matrix: {} rows right, {} wrong", right.into_inner(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What is wrong with what `check --fast` said of a row.
fn fast_fault_of(fault: &Fault, kind: Kind, site: &str, fast: Fast) -> Option<String> {
    let copy = Site::sources_of(kind);
    apply(&fault.live, &copy.live, kind);
    let theme = theme_folder(fault, kind, copy.folder.path());
    let mut arguments = vec!["--fast"];
    arguments.extend(theme.iter().flat_map(|theme| ["--theme", theme.to_str().unwrap()]));
    let checked = copy.check(&arguments);
    if checked.report["promotable"] != false || checked.report["fast"].is_null() {
        return Some("a look at the stylesheets alone must never be promotable".to_owned());
    }
    let nothing = Expectation { verdict: "pass".to_owned(), finding: None, says: None, error: None };
    let expected = if fast == Fast::Leaves { &nothing } else { fault.on.get(site).unwrap_or(&fault.expect) };
    fault_of(&checked, expected)
}

#[test]
fn a_fast_look_agrees_wherever_it_refuses_and_never_refuses_a_clean_row() {
    let matrix = matrix();
    let wrong = Mutex::new(Vec::new());
    for_each_row(&matrix, &|fault, site| {
        let Some(fast) = fault.fast else { return };
        let name = format!("{} on {site}", fault.id);
        let found = std::panic::catch_unwind(|| fast_fault_of(fault, Kind::named(site), site, fast));
        match found.unwrap_or_else(|_| Some("the live tree was touched or a stage left (see above)".to_owned())) {
            None => eprintln!("right   fast   {name}"),
            Some(why) => wrong.lock().unwrap().push(format!("{name}: {why}")),
        }
    });
    let wrong = wrong.into_inner().unwrap();
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

/// What every row rests on that says the live tree was left alone.
#[test]
fn bytes_written_again_with_their_old_time_leave_a_mark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    std::fs::write(&path, "same").unwrap();
    let time = path.metadata().unwrap().modified().unwrap();
    let before = support::marks(folder.path());
    assert_eq!(before, support::marks(folder.path()));
    // The kernel's clock for files steps every few milliseconds.
    std::thread::sleep(std::time::Duration::from_millis(30));
    std::fs::write(&path, "same").unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert_ne!(before, support::marks(folder.path()));
}
