//! The power fails: what the disk holds at that instant is a copy of the backing file of a mounted loop image, taken right
//! after the kill. Mounted again, `recover` leaves the old tree or the new one.

use std::path::{Path, PathBuf};
use std::process::Command;

use themegate::promotion::disk::Disk;
use themegate::promotion::switch::Stands;

use crate::crash_matrix::{Operation, Tally, Tree, aloud, command, standing, was_killed};
use crate::generated_site::{Layout, Site, copy_home, scratch};

/// A file system in a file, mounted.
struct Image {
    file: PathBuf,
    mounted_on: PathBuf,
}

fn run(line: &[&str]) -> bool {
    Command::new(line[0]).args(&line[1..]).output().is_ok_and(|output| output.status.success())
}

/// A loop device may still be in use: for a moment by whoever looks at new devices, for some seconds by an isolated build
/// that another test runs, whose namespace began with a copy of every mount.
fn patiently(line: &[&str]) -> bool {
    (0..400).any(|attempt: u64| {
        std::thread::sleep(std::time::Duration::from_millis(25 * attempt.min(4)));
        run(line)
    })
}

impl Image {
    /// Makes and mounts one; `None` where that is not possible (no root, no loop devices).
    fn make(folder: &Path, kind: &str) -> Option<Self> {
        let image = Self { file: folder.join(format!("{kind}.img")), mounted_on: folder.join("mounted") };
        let file = image.file.to_str().unwrap();
        std::fs::create_dir_all(&image.mounted_on).unwrap();
        let made = run(&["truncate", "-s", "304M", file]) && run(&[&format!("mkfs.{kind}"), "-q", file]);
        (made && image.mount(&image.file)).then_some(image)
    }

    fn mount(&self, file: &Path) -> bool {
        patiently(&["mount", "-o", "loop", file.to_str().unwrap(), self.mounted_on.to_str().unwrap()])
    }

    fn unmount(&self) -> bool {
        patiently(&["umount", self.mounted_on.to_str().unwrap()])
    }

    /// What the disk holds now, whatever the kernel still keeps in memory.
    fn power_cut(&self) -> PathBuf {
        let copy = self.file.with_extension("cut");
        assert!(run(&["cp", "--sparse=always", self.file.to_str().unwrap(), copy.to_str().unwrap()]));
        copy
    }

    /// Does something with the disk as the power cut left it, in the place of the real one.
    fn after_power_cut<T>(&self, copy: &Path, look: impl FnOnce() -> T) -> T {
        assert!(
            self.unmount() && self.mount(copy),
            "the copy can be mounted: journalling file systems survive power cuts"
        );
        let seen = look();
        assert!(self.unmount() && self.mount(&self.file));
        seen
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if !self.unmount() {
            run(&["umount", "-l", self.mounted_on.to_str().unwrap()]);
        }
    }
}

/// The trees before and after an operation, and the operation's starting point laid beside it.
struct Course {
    image: Image,
    site: Site,
    template: PathBuf,
}

impl Course {
    fn new(image: Image) -> Self {
        let site = Site::generate(&image.mounted_on.join("home"), Layout::Vite);
        let template = image.mounted_on.join("template");
        Self { image, site, template }
    }

    fn lay(&self, operation: Operation) -> (Tree, Tree) {
        copy_home(&self.site.home, &self.template);
        let before = self.site.snapshot();
        operation.run(&self.site, &Disk::real()).unwrap();
        (before, self.site.snapshot())
    }

    /// Starts over, kills the operation at a point (0: not at all), cuts the power there, recovers.
    fn cut(&self, operation: Operation, point: usize, syncs: bool, (before, after): (&Tree, &Tree)) -> Cut {
        copy_home(&self.template, &self.site.home);
        assert!(run(&["sync", "-f", self.image.mounted_on.to_str().unwrap()]));
        let mut child = command(&self.site, operation, &[]);
        child.env("THEMEGATE_TEST_KILL", point.to_string());
        if !syncs {
            child.env("THEMEGATE_TEST_NO_SYNC", "1");
        }
        let status = child.status().unwrap();
        let copy = self.image.power_cut();
        assert!(status.success() || was_killed(status), "{operation:?}: {status}");
        let stands = self.image.after_power_cut(&copy, || standing(&self.site, before, after));
        Cut { ended: status.success(), stands }
    }
}

/// What came of one power cut.
struct Cut {
    /// The operation had reported success before.
    ended: bool,
    stands: Result<Stands, String>,
}

impl Cut {
    /// A success that was reported has to last.
    fn judged(self) -> Result<Stands, String> {
        match self.stands {
            Ok(Stands::Old) if self.ended => Err("success was reported, and the old tree is there".to_owned()),
            other => other,
        }
    }
}

/// Every `stride`-th point of a promotion, a withdrawal and a rollback, one after the other, and the end of each.
fn cuts(kind: &str, stride: usize, syncs: bool) -> Option<Tally> {
    let folder = scratch();
    let course = Course::new(Image::make(folder.path(), kind)?);
    let mut tally = Tally::default();
    for operation in [Operation::Promote, Operation::Withdraw, Operation::Rollback] {
        let (before, after) = course.lay(operation);
        for point in (1..).step_by(stride) {
            let cut = course.cut(operation, point, syncs, (&before, &after));
            let ended = cut.ended;
            tally.add(&format!("{kind}, {} {point}", operation.word()), cut.judged());
            if ended {
                break;
            }
        }
        copy_home(&course.template, &course.site.home);
        operation.run(&course.site, &Disk::real()).unwrap();
    }
    Some(tally)
}

#[test]
fn after_a_power_cut_the_old_or_the_new_tree_stands() {
    for kind in ["ext4", "xfs"] {
        match cuts(kind, 5, true) {
            Some(tally) => tally.assert_whole(&format!("power cut, {kind}")),
            None => aloud(&format!("power cut, {kind}: skipped, loop images cannot be mounted here")),
        }
    }
}

#[test]
fn without_the_syncs_a_power_cut_loses_what_was_reported() {
    for kind in ["ext4", "xfs"] {
        if let Some(tally) = cuts(kind, 64, false) {
            tally.print(&format!("power cut, {kind}, syncs left out"));
            assert!(!tally.faults.is_empty(), "the test would notice if nothing were synced");
        }
    }
}
