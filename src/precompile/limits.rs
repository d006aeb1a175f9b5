//! When is a build given up? Pure: moments and measurements in, a reason out.

use std::time::{Duration, Instant};

/// `/proc` counts processor time in hundredths of a second on every Linux that Mastodon runs on (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A build that computes less than this share of the time, and says nothing, is standing still.
const LIVELY: f64 = 0.01;

/// Why a build is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    Time,
    Stall,
}

/// The limits, and the last sign of life.
#[derive(Debug)]
pub(super) struct Watch {
    started: Instant,
    time_limit: Duration,
    stall_limit: Duration,
    alive: Instant,
    arrived: u64,
    ticks: u64,
}

impl Watch {
    pub(super) fn new(started: Instant, time_limit: Duration, stall_limit: Duration) -> Self {
        Self { started, time_limit, stall_limit, alive: started, arrived: 0, ticks: 0 }
    }

    /// Takes note of what has arrived and been computed in all; a reason if the build is overdue.
    pub(super) fn look(&mut self, now: Instant, arrived: u64, ticks: u64) -> Option<Overdue> {
        if now.duration_since(self.started) >= self.time_limit {
            return Some(Overdue::Time);
        }
        if arrived > self.arrived || self.computed(ticks) {
            (self.alive, self.arrived, self.ticks) = (now, arrived, ticks);
        }
        (now.duration_since(self.alive) >= self.stall_limit).then_some(Overdue::Stall)
    }

    #[expect(clippy::cast_precision_loss, reason = "a share of a time needs no more than 52 bits")]
    fn computed(&self, ticks: u64) -> bool {
        let grown = ticks.saturating_sub(self.ticks) as f64;
        grown > 0.0 && grown >= self.stall_limit.as_secs_f64() * TICKS_PER_SECOND * LIVELY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn output_and_computing_are_signs_of_life_and_idling_is_not() {
        let start = Instant::now();
        let mut watch = Watch::new(start, 1000 * SECOND, 100 * SECOND);
        assert_eq!(watch.look(start + 90 * SECOND, 5, 0), None);
        assert_eq!(watch.look(start + 180 * SECOND, 5, 500), None, "five seconds of computing");
        assert_eq!(watch.look(start + 270 * SECOND, 5, 510), None);
        assert_eq!(watch.look(start + 281 * SECOND, 5, 520), Some(Overdue::Stall), "a timer that ticks is no life");
    }

    #[test]
    fn the_time_limit_holds_for_the_liveliest() {
        let start = Instant::now();
        let mut watch = Watch::new(start, 10 * SECOND, 100 * SECOND);
        assert_eq!(watch.look(start + 9 * SECOND, 1000, 1000), None);
        assert_eq!(watch.look(start + 10 * SECOND, 2000, 2000), Some(Overdue::Time));
    }
}
