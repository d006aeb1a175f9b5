//! Does something with each of many items on staging's threads: on one a processor as long as nothing has to be waited for, because
//! file systems serialize much of what makes files (XFS: by the allocation group's inodes, `xfs_read_agi`), and on all of
//! them once somebody waits for the disk.
//!
//! It must not know what the items are.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::walk;

/// Those who work, and those who wait until they are needed.
#[derive(Debug, Default)]
pub(super) struct Crew {
    /// Read without the lock by those who call again and again.
    called: AtomicBool,
    shift: Mutex<Shift>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Shift {
    /// One a processor is enough.
    #[default]
    Few,
    /// Everybody is needed.
    All,
    /// Nothing is left to be begun.
    Over,
}

impl Crew {
    /// Somebody has to wait for the disk: the others may work meanwhile.
    pub(super) fn call_all(&self) {
        if !self.called.swap(true, Ordering::Relaxed) {
            self.turn(Shift::All);
        }
    }

    /// Whether everybody works already.
    pub(super) fn is_complete(&self) -> bool {
        self.called.load(Ordering::Relaxed)
    }

    /// Calls `work` with every item and a buffer of the thread's own, in their order but for what runs side by side. After the
    /// first error, which is returned, no other item is begun.
    pub(super) fn each<T: Sync, E: Send>(
        &self,
        items: &[T],
        work: impl Fn(&mut Vec<u8>, &T) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        let at_once = walk::processors();
        let mine = |number: usize| {
            if number >= at_once && !self.is_needed() {
                return;
            }
            // However it ends: nobody waits in vain.
            let _over = Over(self);
            let mut buffer = Vec::new();
            while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = work(&mut buffer, item) {
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    next.store(items.len(), Ordering::Relaxed);
                }
            }
        };
        walk::spread(|| rayon::broadcast(|thread| mine(thread.index())));
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Waits until everybody is called, or until there is nothing to do any more.
    fn is_needed(&self) -> bool {
        let waiting = |shift: &mut Shift| *shift == Shift::Few;
        let shift = self.changed.wait_while(self.shift(), waiting).unwrap_or_else(PoisonError::into_inner);
        *shift == Shift::All
    }

    fn turn(&self, to: Shift) {
        let mut shift = self.shift();
        if *shift != Shift::Over {
            *shift = to;
        }
        drop(shift);
        self.changed.notify_all();
    }

    fn shift(&self) -> MutexGuard<'_, Shift> {
        self.shift.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Over<'a>(&'a Crew);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.turn(Shift::Over);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// The items that were worked on, and how many threads did it; `first` is what the first item does.
    fn work(first: impl Fn(&Crew) -> Result<(), &'static str> + Sync) -> (Result<(), &'static str>, usize, usize) {
        let crew = Crew::default();
        let items: Vec<usize> = (0..400).collect();
        let seen = Mutex::new((Vec::new(), HashSet::new()));
        let result = crew.each(&items, |_, item| {
            if *item == 0 {
                first(&crew)?;
            }
            // Nothing but waiting, so that whoever is there takes part.
            thread::sleep(Duration::from_millis(1));
            let mut seen = seen.lock().unwrap();
            seen.0.push(*item);
            seen.1.insert(thread::current().id());
            Ok(())
        });
        let (mut worked_on, threads) = seen.into_inner().unwrap();
        let count = worked_on.len();
        worked_on.sort_unstable();
        worked_on.dedup();
        assert_eq!(worked_on.len(), count, "an item was worked on twice");
        (result, count, threads.len())
    }

    #[test]
    fn one_thread_a_processor_works_until_all_are_called() {
        let (result, count, threads) = work(|_| Ok(()));
        assert_eq!((result, count), (Ok(()), 400));
        assert!(threads <= walk::processors(), "{threads}");
        let (result, count, threads) = work(|crew| {
            crew.call_all();
            Ok(())
        });
        assert_eq!((result, count), (Ok(()), 400));
        // On a machine of many processors there are no more threads than those.
        assert_eq!(threads > walk::processors(), walk::threads() > walk::processors(), "{threads}");
    }

    #[test]
    fn the_first_error_ends_it() {
        let (result, count, _) = work(|_| Err("disk full"));
        assert_eq!(result, Err("disk full"));
        assert!(count < 10, "{count}");
    }

    #[test]
    fn nothing_to_do_is_done() {
        assert_eq!(Crew::default().each(&[], |_, (): &()| Err("called")), Ok(()));
    }
}
