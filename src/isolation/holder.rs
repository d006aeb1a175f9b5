//! An overlay of the live tree, held by a process in namespaces of its own. The gate reads and writes it through
//! `/proc/PID/root`; when the gate ends, by whatever means, the process ends, and the mount with it.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::FsWord;
use rustix::thread::UnshareFlags;

use super::fault::Fault;
use super::{HOLD_COMMAND, mounts, namespaces};

/// What `statfs(2)` says of an overlay.
const OVERLAY_MAGIC: FsWord = 0x794c_7630;

/// The process that holds the mount, seen from the gate.
#[derive(Debug)]
pub struct Holder {
    child: Child,
    root: PathBuf,
}

impl Holder {
    /// Lays `upper` over the folders `lower`, the uppermost of them first, seen at `at` by those who join; `own` is our own
    /// program.
    ///
    /// # Errors
    /// Why that does not work here, in one sentence without its full stop.
    pub fn start(own: &Path, lower: &[&Path], [upper, work, at]: [&Path; 3]) -> Result<Self, String> {
        let mut child = Command::new(own)
            .arg(HOLD_COMMAND)
            .args([upper, work, at])
            .args(lower)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A Ctrl-C in the terminal is for the gate alone.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{} could not be started: {error}", own.display()))?;
        let mut line = String::new();
        let said = child.stdout.take().map(|output| BufReader::new(output).read_line(&mut line));
        let below = at.strip_prefix("/").unwrap_or(at);
        let root = PathBuf::from(format!("/proc/{}/root", child.id())).join(below);
        let holder = Self { child, root };
        match line.trim() {
            "ready" if holder.is_alive() => Ok(holder),
            "ready" => Err("the overlay cannot be read through /proc".to_owned()),
            "" => Err(format!("the process that mounts the overlay said nothing ({said:?})")),
            why => Err(why.to_owned()),
        }
    }

    /// Where the gate reads and writes the tree.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The process that has the mount.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    /// True while the tree can be read.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        rustix::fs::statfs(&self.root).is_ok_and(|status| status.f_type == OVERLAY_MAGIC)
    }

    /// Tells it to end, and does not wait for that. Nothing can be read there afterwards.
    pub fn let_go(&mut self) {
        drop(self.child.stdin.take());
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.let_go();
        let _gone_already = self.child.wait();
    }
}

/// Runs `UPPER WORK AT LOWER…`: mounts, says so, and waits until its standard input ends.
pub(super) fn hold(arguments: &[OsString]) -> i32 {
    let [upper, work, at, lower @ ..] = arguments else { return 2 };
    let lower: Vec<&Path> = lower.iter().map(Path::new).collect();
    let mounted = set_up(&lower, [upper, work, at].map(Path::new));
    let word = match &mounted {
        Ok(()) => "ready".to_owned(),
        Err(Fault(why)) => why.replace('\n', " "),
    };
    let told = writeln!(io::stdout(), "{word}");
    if mounted.is_err() || told.is_err() {
        return 1;
    }
    let _ended = io::stdin().read(&mut [0]);
    0
}

fn set_up(lower: &[&Path], [upper, work, at]: [&Path; 3]) -> Result<(), Fault> {
    namespaces::enter_user_namespace()?;
    namespaces::leave(UnshareFlags::NEWNS, "make a mount namespace")?;
    mounts::keep_private()?;
    mounts::overlay(lower, upper, work, at)
}
