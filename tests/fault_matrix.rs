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

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
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
    /// What `check --fast` makes of it; none where that is not asked.
    #[serde(default)]
    fast: Option<Fast>,
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
    /// A file system of this size for the site and its staging directory, such as `300m`. Needs root.
    #[serde(default)]
    disk: Option<String>,
    /// The user that runs the check, who then owns the site. Needs root.
    #[serde(default)]
    user: Option<String>,
    /// Sites on which themegate does not say this yet, and what it says instead: shown in the table, never counted as right.
    #[serde(default)]
    not_yet: BTreeMap<String, String>,
    /// What themegate must say, unless a site says otherwise.
    expect: Expectation,
    /// What themegate must say on one site.
    #[serde(default)]
    on: BTreeMap<String, Expectation>,
}

/// What a look at the stylesheets alone makes of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fast {
    /// The verdict and the finding of the whole check.
    Agrees,
    /// No fault found yet: the bundler alone can tell.
    Leaves,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    verdict: String,
    /// The finding that names the cause; none for a pass.
    finding: Option<String>,
    /// A text that the finding's message or evidence must hold: the file, the reason.
    says: Option<String>,
    /// A text of the error message, where no check could be made at all: exit 3 is undecided, exit 2 refused.
    error: Option<String>,
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

fn apply(steps: &[Step], folder: &Path, kind: Kind) {
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

/// The theme folder of a row, made beside the site; none to judge the live tree as it is.
fn theme_folder(fault: &Fault, kind: Kind, beside: &Path) -> Option<std::path::PathBuf> {
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

/// What themegate says; `None` if this machine cannot make the row.
fn check(fault: &Fault, kind: Kind) -> Option<Checked> {
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
        None => Site::copy(kind),
    };
    apply(&fault.live, &site.live, kind);
    let theme = theme_folder(fault, kind, site.folder.path());
    let mut arguments: Vec<&str> = fault.arguments.iter().map(String::as_str).collect();
    arguments.extend(theme.iter().flat_map(|theme| ["--theme", theme.to_str().unwrap()]));
    let environment: Vec<(&str, &str)> = fault.environment.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    Some(site.check_as(fault.user.as_deref(), &arguments, &environment))
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

fn matrix() -> Matrix {
    toml::from_str(&fs::read_to_string(repository().join("tests/faults.toml")).unwrap()).unwrap()
}

/// What the plain precompile did, as somebody who looks at the exit code and the site sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    /// Its exit code.
    exit: i32,
    /// Whether the manifest has other bytes than before.
    manifest_rewritten: bool,
    /// Whether the manifest knows the theme afterwards.
    theme_present: bool,
}

/// By fault, then by site.
type PlainTable = BTreeMap<String, BTreeMap<String, Plain>>;

fn plain_path() -> std::path::PathBuf {
    repository().join("tests/faults-plain.toml")
}

fn plain_table() -> PlainTable {
    toml::from_str(&fs::read_to_string(plain_path()).unwrap_or_default()).unwrap()
}

/// Does what a README tells: copies the theme's files in, adds its line unless it brings a registry, and precompiles.
fn precompile_plainly(fault: &Fault, kind: Kind) -> Option<Plain> {
    let manifests: &[&str] = match kind {
        Kind::Builtin => return None,
        Kind::Webpacker => &["public/packs/manifest.json"],
        Kind::Vite | Kind::Glitch => &["public/packs/.vite/manifest.json", "public/packs/.vite/manifest-lookup.json"],
    };
    if !fault.arguments.is_empty() || fault.disk.is_some() || fault.user.is_some() {
        return None;
    }
    let site = Site::copy(kind);
    apply(&fault.live, &site.live, kind);
    if let Some(theme) = theme_folder(fault, kind, site.folder.path()) {
        let line = r#"cd "$1"; [ -d mastodon ] && cd mastodon; cp -a app "$2/"; mkdir -p "$2/config"
if [ -f config/themes.yml ]; then cp config/themes.yml "$2/config/"; elif [ -f "$2/config/themes.yml" ]; then
grep -q '^ft:' "$2/config/themes.yml" || printf '\nft: styles/ft.scss\n' >> "$2/config/themes.yml"; fi
[ -d config/locales ] && cp -a config/locales "$2/config/"; true"#;
        let status = Command::new("sh").args(["-c", line, "sh"]).arg(&theme).arg(&site.live).status();
        assert!(status.unwrap().success());
    }
    let read =
        || manifests.iter().map(|path| fs::read_to_string(site.path(path)).unwrap_or_default()).collect::<String>();
    let before = read();
    let mut command = Command::new("timeout");
    command.args(["180", "bundle", "exec", "rails", "assets:precompile"]).current_dir(&site.live);
    command.envs(kind.environment()).envs(&fault.environment).stdin(std::process::Stdio::null());
    let exit = command.output().unwrap().status.code().unwrap_or(-1);
    let after = read();
    let theme_present = ["\"ft.css\"", "\"themes/ft\"", "\"skins/glitch/ft"].iter().any(|key| after.contains(key));
    Some(Plain { exit, manifest_rewritten: before != after, theme_present })
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
fn result_of(fault: &Fault, site: &str) -> Option<Option<String>> {
    let kind = Kind::named(site);
    let expected = fault.on.get(site).unwrap_or(&fault.expect);
    let unmade = "the check could not be made, touched the live tree or left a stage (see above)";
    std::panic::catch_unwind(|| check(fault, kind).map(|checked| fault_of(&checked, expected)))
        .unwrap_or_else(|_| Some(Some(unmade.to_owned())))
}

#[test]
fn every_fault_gets_its_verdict_and_a_finding_that_names_the_cause() {
    let matrix = matrix();
    if std::env::var_os("THEMEGATE_FAULTS_MEASURE").is_some() {
        return measure(&matrix);
    }
    let (wrong, right) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    for_each_row(&matrix, &|fault, site| {
        let name = format!("{:<44} {site:<10}", fault.id);
        match result_of(fault, site) {
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

fn measure(matrix: &Matrix) {
    let table = Mutex::new(plain_table());
    for_each_row(matrix, &|fault, site| {
        let Some(plain) = precompile_plainly(fault, Kind::named(site)) else { return };
        eprintln!("plain   {:<44} {site:<10} {plain:?}", fault.id);
        let mut table = table.lock().unwrap();
        table.entry(fault.id.clone()).or_default().insert(site.to_owned(), plain);
        fs::write(plain_path(), toml::to_string(&*table).unwrap()).unwrap();
    });
}

const HEAD: &str = "\
# What themegate says to each fault

Each row of `tests/faults.toml` is made on a copy of a real, compiled site (`fixtures/`), and `themegate check` is run on it by
`cargo test --test fault_matrix`, which fails unless the verdict and the finding are the ones below. The three columns before
them are what somebody sees who runs `bundle exec rails assets:precompile` on such a copy and looks at the result: its exit
code, whether it rewrote the manifest, and whether the theme `ft` is in it. They were measured once by running that command
(`THEMEGATE_FAULTS_MEASURE=1`) and are kept in `tests/faults-plain.toml`; a dash says that there is no plain command to compare
with (no Ruby on the site, or the row is about what the check itself is told), or that it was not measured.

Sites: `builtin` has neither Ruby nor Node; `webpacker` is Rails with webpack 4; `vite` is Rails with Vite 8; `glitch` is the same
in glitch-soc's shape. This page is written by `THEMEGATE_FAULTS_WRITE=1`.

| fault | site | exit | manifest | theme | themegate | finding |
|---|---|---|---|---|---|---|
";

fn table(matrix: &Matrix, plain: &PlainTable) -> String {
    let mut text = HEAD.to_owned();
    for fault in &matrix.fault {
        for site in &fault.sites {
            let expected = fault.on.get(site).unwrap_or(&fault.expect);
            let naive = match plain.get(&fault.id).and_then(|sites| sites.get(site)) {
                None => "– | – | –".to_owned(),
                Some(plain) => format!(
                    "{} | {} | {}",
                    plain.exit,
                    if plain.manifest_rewritten { "rewritten" } else { "untouched" },
                    if plain.theme_present { "present" } else { "absent" }
                ),
            };
            let finding = match (&expected.finding, &expected.error) {
                (Some(id), _) => format!("`{id}`"),
                (None, Some(error)) => format!("\"{error}\""),
                (None, None) => String::new(),
            };
            let finding = match fault.not_yet.get(site) {
                Some(instead) => format!("{finding} (not yet: {instead})"),
                None => finding,
            };
            let what = fault.what.replace('|', "\\|");
            text.push_str(&format!("| {what} | {site} | {naive} | **{}** | {finding} |\n", expected.verdict));
        }
    }
    text
}

#[test]
fn the_committed_table_is_the_one_that_is_tested() {
    let table = table(&matrix(), &plain_table());
    let path = repository().join("docs/faults.md");
    if std::env::var_os("THEMEGATE_FAULTS_WRITE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &table).unwrap();
    }
    eprintln!("{table}");
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), table, "run this test with THEMEGATE_FAULTS_WRITE=1");
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
