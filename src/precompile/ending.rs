//! Ends processes: first asked, then killed, again and again until none is left.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::process_table::{self, Process};

/// How long a process that is asked to end may take.
pub(super) const GRACE: Duration = Duration::from_millis(900);

/// How long killing may take: it is repeated, because a process may fork while we look.
const KILLING: Duration = Duration::from_millis(700);

const PAUSE: Duration = Duration::from_millis(10);

/// Ends whatever `find` finds, and says how many there were to begin with.
pub(super) fn end_all(find: impl Fn() -> Vec<Process>) -> usize {
    let found = find();
    process_table::signal(&found, Signal::TERM);
    // One that was stopped hears nothing until it is continued.
    process_table::signal(&found, Signal::CONT);
    if !gone_within(&find, GRACE) {
        kill_all(&find);
    }
    found.len()
}

/// Kills whatever `find` finds, until it finds nothing.
pub(super) fn kill_all(find: &impl Fn() -> Vec<Process>) {
    let end = Instant::now() + KILLING;
    loop {
        let found = find();
        if found.is_empty() || Instant::now() > end {
            return;
        }
        process_table::signal(&found, Signal::KILL);
        thread::sleep(PAUSE);
    }
}

fn gone_within(find: &impl Fn() -> Vec<Process>, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if find().is_empty() {
            return true;
        }
        thread::sleep(PAUSE);
    }
    false
}
