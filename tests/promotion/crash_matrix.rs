//! A switch is killed at every system call that changes the disk; afterwards `recover` leaves the old tree or the new one.
//!
//! Twice, independently: by a crash point inside the program, and from outside by strace, which needs to know nothing of
//! the program's own idea of where it writes.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use themegate::promotion::disk::{CrashPoint, Disk};
use themegate::promotion::switch::Stands;

use crate::generated_site::{Layout, Site, copy_home, difference, scratch};

pub(crate) type Tree = BTreeMap<PathBuf, String>;

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Promote,
    Rollback,
    Withdraw,
    Recover,
}

impl Operation {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Withdraw => "withdraw",
            Self::Recover => "recover",
        }
    }

    pub(crate) fn run(self, site: &Site, disk: &Disk) -> Result<(), String> {
        let text = |error: themegate::promotion::PromotionError| error.to_string();
        match self {
            Self::Promote => site.promote(disk).map(drop).map_err(text),
            Self::Rollback => site.rollback(disk).map(drop).map_err(text),
            Self::Withdraw => site.withdraw(disk).map(drop).map_err(text),
            Self::Recover => site.recover(disk).map(drop),
        }
    }
}

/// Kills the process at the given point, and writes long contents in pieces, so that torn files happen too.
struct Kill {
    at: usize,
    reached: AtomicUsize,
    syncs: bool,
    exchanges: bool,
    count_to: Option<PathBuf>,
}

impl CrashPoint for Kill {
    fn reached(&self, _call: &'static str, _path: &Path) -> io::Result<()> {
        let point = self.reached.fetch_add(1, Ordering::Relaxed) + 1;
        if point == self.at {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
        }
        self.count_to.as_ref().map_or(Ok(()), |file| fs::write(file, point.to_string()))
    }

    fn syncs(&self) -> bool {
        self.syncs
    }

    fn exchanges(&self) -> bool {
        self.exchanges
    }

    fn chunk(&self) -> usize {
        2048
    }
}

/// Not a test: the process that is killed. It does nothing unless the matrix starts it.
#[test]
#[ignore = "the child process of the crash matrix"]
fn child() {
    let Ok(home) = env::var("THEMEGATE_TEST_HOME") else { return };
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let layout = if number("THEMEGATE_TEST_VITE") == 1 { Layout::Vite } else { Layout::Webpacker };
    let site = Site { home: PathBuf::from(home), layout };
    let count_to = env::var_os("THEMEGATE_TEST_COUNT").map(PathBuf::from);
    let syncs = number("THEMEGATE_TEST_NO_SYNC") == 0;
    let exchanges = number("THEMEGATE_TEST_NO_EXCHANGE") == 0;
    let kill = Kill { at: number("THEMEGATE_TEST_KILL"), reached: AtomicUsize::new(0), syncs, exchanges, count_to };
    let operation = match env::var("THEMEGATE_TEST_OPERATION").unwrap().as_str() {
        "promote" => Operation::Promote,
        "rollback" => Operation::Rollback,
        "withdraw" => Operation::Withdraw,
        _ => Operation::Recover,
    };
    operation.run(&site, &Disk::with(Box::new(kill))).unwrap();
}

/// The command that runs an operation in a child process of its own, under `wrapper` if there is one.
pub(crate) fn command(site: &Site, operation: Operation, wrapper: &[String]) -> Command {
    let own = env::current_exe().unwrap().display().to_string();
    let words = ["crash_matrix::child", "--exact", "--ignored", "--test-threads=1", "--quiet"].map(str::to_owned);
    let line: Vec<String> = wrapper.iter().cloned().chain([own]).chain(words).collect();
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("THEMEGATE_TEST_HOME", &site.home).env("THEMEGATE_TEST_OPERATION", operation.word());
    command.env("THEMEGATE_TEST_VITE", if site.layout == Layout::Vite { "1" } else { "0" });
    command
}

fn kill_at(site: &Site, operation: Operation, point: usize) -> ExitStatus {
    command(site, operation, &[]).env("THEMEGATE_TEST_KILL", point.to_string()).status().unwrap()
}

pub(crate) fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9)
}

/// The starting points of the operations, by their homes, and the trees before and after each.
struct Stage {
    scratch: tempfile::TempDir,
    site: Site,
    /// Whether the file system can exchange two paths.
    exchanges: bool,
}

impl Stage {
    fn new(layout: Layout) -> Self {
        let scratch = scratch();
        let site = Site::generate(&scratch.path().join("home"), layout);
        Self { scratch, site, exchanges: true }
    }

    fn template(&self, operation: Operation) -> PathBuf {
        self.scratch.path().join(operation.word())
    }

    /// Lays the template of an operation, and answers the trees before and after it.
    fn lay(&self, operation: Operation) -> (Tree, Tree) {
        if self.template(Operation::Promote).exists() {
            self.reset(Operation::Promote);
        }
        if operation != Operation::Promote {
            self.site.promote(&Disk::real()).unwrap();
        }
        copy_home(&self.site.home, &self.template(operation));
        let before = self.site.snapshot();
        operation.run(&self.site, &Disk::real()).unwrap();
        (before, self.site.snapshot())
    }

    fn kill_at(&self, operation: Operation, point: usize) -> ExitStatus {
        let mut command = command(&self.site, operation, &[]);
        command.env("THEMEGATE_TEST_NO_EXCHANGE", if self.exchanges { "0" } else { "1" });
        command.env("THEMEGATE_TEST_KILL", point.to_string()).status().unwrap()
    }

    fn reset(&self, operation: Operation) {
        copy_home(&self.template(operation), &self.site.home);
    }

    fn count(&self, operation: Operation) -> usize {
        let file = self.scratch.path().join("count");
        let status = command(&self.site, operation, &[]).env("THEMEGATE_TEST_COUNT", &file).status().unwrap();
        assert!(status.success(), "{operation:?} without a kill: {status}");
        fs::read_to_string(file).unwrap().parse().unwrap()
    }
}

/// Recovers, and says which tree stands: `None` for neither.
pub(crate) fn standing(site: &Site, before: &Tree, after: &Tree) -> Result<Stands, String> {
    let recovered = site.recover(&Disk::real())?;
    let now = site.snapshot();
    let stands = match (now == *before, now == *after) {
        (true, _) => Stands::Old,
        (_, true) => Stands::New,
        _ => {
            return Err(format!(
                "neither tree; off old: {:?}, off new: {:?}",
                difference(&now, before),
                difference(&now, after)
            ));
        }
    };
    match recovered.first() {
        Some(said) if said.stands != stands => Err(format!("it says {:?} and {stands:?} is there", said.stands)),
        _ if journal_is_empty(site) => Ok(stands),
        _ => Err("a journal was left".to_owned()),
    }
}

fn journal_is_empty(site: &Site) -> bool {
    let names = fs::read_dir(site.state().join("journal")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().ends_with(".journal")).count() == 0
}

/// Says a line that the test command shows even of a test that passed: the test harness keeps `println!` to itself.
pub(crate) fn aloud(line: &str) {
    io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// How often which tree stood.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) points: usize,
    old: usize,
    new: usize,
    pub(crate) faults: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, point: &str, stands: Result<Stands, String>) {
        self.points += 1;
        match stands {
            Ok(Stands::Old) => self.old += 1,
            Ok(Stands::New) => self.new += 1,
            Err(why) => self.faults.push(format!("{point}: {why}")),
        }
    }

    pub(crate) fn print(&self, what: &str) {
        aloud(&format!(
            "{what}: {} points, {} old, {} new, {} neither",
            self.points,
            self.old,
            self.new,
            self.faults.len()
        ));
    }

    pub(crate) fn assert_whole(&self, what: &str) {
        self.print(what);
        assert!(self.points > 0 && self.faults.is_empty(), "{what}: {:#?}", self.faults);
    }
}

/// Two runs of one operation differ by a write or two: the journal's length depends on the clock.
const SLACK: usize = 3;

/// Kills an operation at every `stride`-th point.
fn injected(stage: &Stage, operation: Operation, stride: usize) -> Tally {
    let (before, after) = stage.lay(operation);
    stage.reset(operation);
    let mut tally = Tally::default();
    for point in (1..).step_by(stride) {
        stage.reset(operation);
        if !was_killed(stage.kill_at(operation, point)) {
            break;
        }
        tally.add(&point.to_string(), standing(&stage.site, &before, &after));
    }
    tally
}

#[test]
fn killed_at_any_crash_point_the_old_or_the_new_tree_stands() {
    for layout in [Layout::Vite, Layout::Webpacker] {
        let stage = Stage::new(layout);
        for operation in [Operation::Promote, Operation::Rollback, Operation::Withdraw] {
            injected(&stage, operation, 1).assert_whole(&format!("injected, {layout:?}, {}", operation.word()));
        }
    }
}

#[test]
fn killed_where_the_file_system_cannot_exchange_two_paths_the_old_or_the_new_tree_stands() {
    let stage = Stage { exchanges: false, ..Stage::new(Layout::Vite) };
    for operation in [Operation::Promote, Operation::Rollback] {
        injected(&stage, operation, 3).assert_whole(&format!("injected, no exchange, {}", operation.word()));
    }
}

#[test]
fn killed_during_recovery_the_next_recovery_ends_it() {
    let stage = Stage::new(Layout::Vite);
    let mut tally = Tally::default();
    for operation in [Operation::Promote, Operation::Rollback, Operation::Withdraw] {
        let (before, after) = stage.lay(operation);
        stage.reset(operation);
        let count = stage.count(operation);
        for first in (1..count - SLACK).step_by(17).chain([count - SLACK]) {
            recover_killed(&stage, operation, first, (&before, &after), &mut tally);
        }
    }
    tally.assert_whole("injected, recover");
}

/// Kills an operation at one point, and its recovery at every point.
fn recover_killed(
    stage: &Stage,
    operation: Operation,
    first: usize,
    (before, after): (&Tree, &Tree),
    tally: &mut Tally,
) {
    let interrupted = stage.template(Operation::Recover);
    stage.reset(operation);
    assert!(was_killed(kill_at(&stage.site, operation, first)));
    copy_home(&stage.site.home, &interrupted);
    for second in 1.. {
        copy_home(&interrupted, &stage.site.home);
        let killed = was_killed(kill_at(&stage.site, Operation::Recover, second));
        tally.add(&format!("{} {first}, recover {second}", operation.word()), standing(&stage.site, before, after));
        if !killed {
            break;
        }
    }
}

#[test]
fn without_the_journal_the_trees_get_mixed() {
    let stage = Stage::new(Layout::Vite);
    let (before, after) = stage.lay(Operation::Promote);
    stage.reset(Operation::Promote);
    let mut tally = Tally::default();
    for point in 1..=stage.count(Operation::Promote) {
        stage.reset(Operation::Promote);
        kill_at(&stage.site, Operation::Promote, point);
        for entry in fs::read_dir(stage.site.state().join("journal")).into_iter().flatten() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        tally.add(&point.to_string(), standing(&stage.site, &before, &after));
    }
    tally.print("injected, Vite, promote, journal thrown away");
    assert!(tally.faults.len() > 20, "the matrix would notice if there were no journal");
}

/// The system calls that change a disk; opening counts where it creates.
const CHANGING: &str = "open,openat,creat,write,pwrite64,writev,rename,renameat,renameat2,link,linkat,symlink,unlink,unlinkat,mkdir,\
mkdirat,rmdir,fsync,fdatasync,syncfs,sync_file_range,chmod,fchmod,fchmodat,chown,fchown,fchownat,utimensat,truncate,ftruncate,\
fallocate,copy_file_range,sendfile,flock";

/// For each call of an operation that changes the disk: its name, and its ordinal among the calls of that name in its thread.
fn calls(stage: &Stage, operation: Operation) -> Vec<(String, usize)> {
    let log = stage.scratch.path().join("strace");
    stage.reset(operation);
    let wrapper = strace(&["-o".to_owned(), log.display().to_string(), "-e".to_owned(), format!("trace={CHANGING}")]);
    let status = command(&stage.site, operation, &wrapper).status().unwrap();
    assert!(status.success(), "{operation:?} under strace: {status}");
    let home = stage.scratch.path().display().to_string();
    let mut ordinals: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut found = Vec::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let Some((thread, name, rest)) = split_call(line) else { continue };
        let ordinal = ordinals.entry((thread.to_owned(), name.to_owned())).or_default();
        *ordinal += 1;
        let opens_only = name.starts_with("open") && !rest.contains("O_CREAT");
        if !opens_only && rest.contains(&home) {
            found.push((name.to_owned(), *ordinal));
        }
    }
    found
}

/// `-y` prints the path of each file descriptor, so that only calls below the test's own folder count.
fn strace(more: &[String]) -> Vec<String> {
    ["strace", "-f", "-qq", "-y"].map(str::to_owned).into_iter().chain(more.iter().cloned()).collect()
}

fn split_call(line: &str) -> Option<(&str, &str, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let (name, rest) = rest.trim_start().split_once('(')?;
    Some((thread, name, rest))
}

#[test]
fn killed_from_outside_at_any_system_call_the_old_or_the_new_tree_stands() {
    if Command::new("strace").arg("--version").output().is_err() {
        aloud("skipped: strace is not installed");
        return;
    }
    let stage = Stage::new(Layout::Vite);
    for operation in [Operation::Promote, Operation::Rollback, Operation::Withdraw] {
        let (before, after) = stage.lay(operation);
        stage.reset(operation);
        let points = stage.count(operation);
        let tally = killed_from_outside(&stage, operation, (&before, &after));
        assert!(
            tally.points.abs_diff(points) <= SLACK,
            "{operation:?}: every system call that changes the disk has its crash point"
        );
        tally.assert_whole(&format!("strace, Vite, {}", operation.word()));
    }
    let (before, after) = stage.lay(Operation::Promote);
    stage.reset(Operation::Promote);
    let count = stage.count(Operation::Promote);
    for first in [count / 2, count * 7 / 10, count * 8 / 10, count - 12] {
        stage.reset(Operation::Promote);
        assert!(was_killed(kill_at(&stage.site, Operation::Promote, first)));
        copy_home(&stage.site.home, &stage.template(Operation::Recover));
        let tally = killed_from_outside(&stage, Operation::Recover, (&before, &after));
        tally.assert_whole(&format!("strace, Vite, recover after promote killed at point {first}"));
    }
}

fn killed_from_outside(stage: &Stage, operation: Operation, (before, after): (&Tree, &Tree)) -> Tally {
    let mut tally = Tally::default();
    let mut missed = Vec::new();
    for (name, ordinal) in calls(stage, operation) {
        stage.reset(operation);
        let wrapper = strace(&[
            "-o".to_owned(),
            "/dev/null".to_owned(),
            "-e".to_owned(),
            format!("trace={name}"),
            format!("--inject={name}:signal=SIGKILL:when={ordinal}"),
        ]);
        let status = command(&stage.site, operation, &wrapper).status().unwrap();
        if !was_killed(status) {
            missed.push(format!("{name} {ordinal}"));
        }
        tally.add(&format!("{name} {ordinal}"), standing(&stage.site, before, after));
    }
    assert!(missed.len() <= SLACK, "not killed at {missed:?}");
    tally
}
