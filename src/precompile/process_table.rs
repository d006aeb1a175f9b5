//! Who descends from whom, how much they have computed, and what memory they hold, and who carries a run's mark: read from `/proc`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The variable that marks every process of a run.
pub const MARKER: &str = "THEMEGATE_STAGE";

/// Bytes of a line of `/proc/PID/stat`: a name, and some fifty numbers.
const LONGEST: usize = 4096;

/// One process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) dead: bool,
    /// Clock ticks, those of children that were waited for included.
    pub(super) ticks: u64,
}

/// Every process that can be seen.
pub(super) fn all() -> Vec<Process> {
    pids().filter_map(process).collect()
}

fn pids() -> impl Iterator<Item = i32> {
    let listing = fs::read_dir("/proc").into_iter().flatten().flatten();
    listing.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn process(pid: i32) -> Option<Process> {
    // In one reading: whoever asks for its size first, and then for more and more, makes eight calls of these three.
    let mut line = [0; LONGEST];
    let length = File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut line).ok()?;
    parse(pid, &line[..length])
}

/// Reads a line of `/proc/PID/stat` (`proc_pid_stat(5)`); the name in it may hold spaces and brackets.
fn parse(pid: i32, line: &[u8]) -> Option<Process> {
    let after_name = line.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = String::from_utf8_lossy(&line[after_name..]).into_owned();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<i64>().ok();
    let ticks = (11..15).filter_map(number).map(|ticks| u64::try_from(ticks).unwrap_or(0)).sum();
    let dead = matches!(fields.first(), Some(&("Z" | "X")));
    let field = |index: usize| number(index).and_then(|number| i32::try_from(number).ok());
    Some(Process { pid, parent: field(1)?, group: field(2)?, dead, ticks })
}

/// The processes below `ancestor`, itself not included, dead ones that nobody has waited for neither.
pub(super) fn descendants(ancestor: i32) -> Vec<Process> {
    below(ancestor, all())
}

fn below(ancestor: i32, table: Vec<Process>) -> Vec<Process> {
    let mut family = BTreeSet::from([ancestor]);
    loop {
        let before = family.len();
        family.extend(table.iter().filter(|one| family.contains(&one.parent)).map(|one| one.pid).collect::<Vec<_>>());
        if family.len() == before {
            break;
        }
    }
    table.into_iter().filter(|one| one.pid != ancestor && !one.dead && family.contains(&one.pid)).collect()
}

/// The processes whose environment carries the mark, this one not included.
pub(super) fn marked(mark: &OsString) -> Vec<Process> {
    let wanted = [MARKER.as_bytes(), b"=", mark.as_bytes()].concat();
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let carries = |pid: i32| {
        fs::read(format!("/proc/{pid}/environ")).is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == wanted))
    };
    all().into_iter().filter(|one| one.pid != own && !one.dead && carries(one.pid)).collect()
}

/// The process itself, unless it is dead.
pub(super) fn alive(pid: i32) -> Option<Process> {
    process(pid).filter(|one| !one.dead)
}

/// What a process and all below it use, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    /// Clock ticks of all of them.
    pub(super) ticks: u64,
    /// Bytes of memory that those below hold for themselves; what a fork still shares counts for both.
    pub(super) memory: u64,
}

/// Looks, again and again, at what a process and all below it use.
///
/// Most processes of a host have nothing to do with the build, and stay so: who descends from whom is settled at birth, as those that
/// lose their parent are given to the supervisor. So one that was found to be a stranger is read again with every
/// [`WHOLE`]th look only, in which a number that was used anew, or one whose parent died as it was read, is put right.
#[derive(Debug, Default)]
pub(super) struct Meter {
    strangers: BTreeSet<i32>,
    looks: u32,
}

/// The how manieth look reads the whole table.
const WHOLE: u32 = 5;

impl Meter {
    /// What `ancestor` and all below it use, from one reading of the table.
    pub(super) fn read(&mut self, ancestor: i32) -> Usage {
        if self.looks.is_multiple_of(WHOLE) {
            self.strangers.clear();
        }
        self.looks = self.looks.wrapping_add(1);
        let table: Vec<Process> = pids().filter(|pid| !self.strangers.contains(pid)).filter_map(process).collect();
        let own = table.iter().find(|one| one.pid == ancestor).map_or(0, |one| one.ticks);
        self.strangers.extend(table.iter().map(|one| one.pid));
        let family = below(ancestor, table);
        for one in family.iter().map(|one| one.pid).chain([ancestor]) {
            self.strangers.remove(&one);
        }
        let held = |one: &Process| fs::read(format!("/proc/{}/status", one.pid)).ok();
        Usage {
            ticks: own + family.iter().map(|one| one.ticks).sum::<u64>(),
            memory: family.iter().filter_map(held).map(|status| own_memory(&status)).sum(),
        }
    }
}

/// Reads `RssAnon` of `/proc/PID/status` (`proc_pid_status(5)`), which is given in kB of 1,024 bytes. The name in it may be
/// no text.
fn own_memory(status: &[u8]) -> u64 {
    let status = String::from_utf8_lossy(status);
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let number =
        line.and_then(|line| line.trim().strip_suffix("kB")).and_then(|number| number.trim().parse::<u64>().ok());
    number.unwrap_or(0) * 1024
}

/// Sends a signal to each, and to the groups that they lead. Who is gone already is no error.
pub(super) fn signal(processes: &[Process], signal: Signal) {
    for one in processes {
        let Some(pid) = Pid::from_raw(one.pid) else { continue };
        let _gone_already = kill_process(pid, signal);
        if one.group == one.pid {
            let _gone_already = kill_process_group(pid, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_memory_of_its_own_counts_for_nothing() {
        assert_eq!(
            own_memory(b"Name:\tn\xf6de\nVmRSS:\t 900 kB\nRssAnon:\t     512 kB\nRssFile:\t 388 kB\n"),
            512 * 1024
        );
        assert_eq!(own_memory(b"Name:\tkthreadd\n"), 0);
    }

    #[test]
    fn what_a_process_and_its_children_use_is_counted_together() {
        // Node gives itself a name, which may be cut off within a letter.
        let busy =
            r#"printf "n\303" > /proc/$$/comm; i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done; echo; read -r end"#;
        // Two shells: the one that we start waits for the other.
        let mut outer = std::process::Command::new("sh");
        outer.args(["-c", &format!("sh -c '{busy}'; true")]);
        outer.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = outer.spawn().unwrap();
        Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let mut meter = Meter::default();
        let Usage { ticks, memory } = meter.read(pid);
        let alone = Meter::default().read(descendants(pid)[0].pid);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(ticks > 0 && memory > 0, "{ticks} {memory}");
        assert_eq!((alone.ticks, alone.memory), (ticks, 0), "the memory is that of those below");
        assert_eq!(meter.read(pid), Usage::default(), "nobody is left");
    }

    #[test]
    fn who_is_started_between_two_looks_is_counted_and_strangers_are_not_read_each_time() {
        let mut outer = std::process::Command::new("sh");
        outer.args(["-c", "read -r go; sh -c 'echo; read -r end; true'; true"]);
        outer.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = outer.spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let mut meter = Meter::default();
        assert_eq!(meter.read(pid).memory, 0);
        assert!(meter.strangers.contains(&1) && !meter.strangers.contains(&pid));
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"\n").unwrap();
        Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        assert!(meter.read(pid).memory > 0);
        let inner = descendants(pid)[0].pid;
        // One that was taken for a stranger is found again soon.
        meter.strangers.insert(inner);
        let found = (0..WHOLE).find(|_| meter.read(pid).memory > 0);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(found.is_some());
    }

    #[test]
    fn a_name_with_brackets_and_spaces_is_read_over() {
        let line = b"42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 100";
        assert_eq!(parse(42, line), Some(Process { pid: 42, parent: 7, group: 42, dead: false, ticks: 100 }));
    }
}
