//! The disk refuses one call, or every call from one on: the live tree is whole, and the error says which tree stands.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use themegate::promotion::PromotionError;
use themegate::promotion::disk::{CrashPoint, Disk};
use themegate::promotion::switch::SwitchError;

use crate::crash_matrix::aloud;
use crate::generated_site::{Layout, Site, copy_home, difference, scratch};

/// Refuses the call at `once`, and all calls from `dead` on.
struct Refuse {
    reached: AtomicUsize,
    once: usize,
    dead: usize,
}

impl Refuse {
    fn disk(once: usize, dead: usize) -> Disk {
        Disk::with(Box::new(Self { reached: AtomicUsize::new(0), once, dead }))
    }
}

impl CrashPoint for Refuse {
    fn reached(&self, _call: &'static str, _path: &Path) -> io::Result<()> {
        let point = self.reached.fetch_add(1, Ordering::Relaxed) + 1;
        if point == self.once || point >= self.dead {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

/// Promotes with a refusal at each point in turn, until one is not reached; `check` sees what came of it.
fn at_every_point(dead_after: usize, mut check: impl FnMut(&Site, usize, PromotionError)) -> usize {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    let template = folder.path().join("template");
    copy_home(&site.home, &template);
    for point in 1.. {
        copy_home(&template, &site.home);
        match site.promote(&Refuse::disk(point, point.saturating_add(dead_after))) {
            Ok(_) => return point - 1,
            Err(error) => check(&site, point, error),
        }
    }
    0
}

#[test]
fn a_refused_call_leaves_the_old_tree_and_says_what_to_do() {
    let folder = scratch();
    let before = Site::generate(&folder.path().join("home"), Layout::Vite).snapshot();
    let mut unfinished = 0;
    let points = at_every_point(usize::MAX, |site, point, error| {
        let text = error.to_string();
        assert!(text.contains("Make room"), "{point}: {text}");
        if error.exit_code() == 5 {
            unfinished += 1;
            site.recover(&Disk::real()).unwrap();
            return;
        }
        assert_eq!(error.exit_code(), 4, "{point}: {text}");
        let now = site.snapshot();
        let added_stay = matches!(error, PromotionError::Switch(SwitchError::Restored { added_stay: true, .. }));
        let left = difference(&before, &now);
        let only_added = left.iter().all(|name| !before.contains_key(name));
        assert!(if added_stay { only_added } else { left.is_empty() }, "{point}: {text} {left:?}");
        assert!(site.promote(&Disk::real()).unwrap().is_some(), "{point}: it can be promoted again");
    });
    aloud(&format!("refused once: {points} points, {unfinished} of them after the new tree stood"));
}

#[test]
fn a_disk_that_dies_while_a_failure_is_undone_is_recovered_later() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    let before = site.snapshot();
    site.promote(&Disk::real()).unwrap();
    let after = site.snapshot();
    let mut points = 0;
    for dead_after in [1, 3, 8, 21] {
        points += at_every_point(dead_after, |site, point, _| {
            site.recover(&Disk::real()).unwrap();
            let now = site.snapshot();
            let old = difference(&before, &now).iter().all(|name| !before.contains_key(name));
            assert!(old || now == after, "{point}, dead after {dead_after}: {:?}", difference(&before, &now));
        });
    }
    aloud(&format!("refused, then dead: {points} points"));
}
