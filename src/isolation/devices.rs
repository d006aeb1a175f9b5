//! The few devices that a build needs, in a `/dev` of its own: not the disks.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::fault::{Fault, failed};
use super::mounts;

const NODES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Replaces `/dev`.
pub(super) fn replace() -> Result<(), Fault> {
    let dev = Path::new("/dev");
    let present = NODES.iter().filter(|name| dev.join(name).exists());
    let nodes: Vec<(&str, OwnedFd)> =
        present.map(|name| Ok((*name, mounts::twin(&dev.join(name))?))).collect::<Result<_, Fault>>()?;
    mounts::memory(dev, "mode=0755,size=64k")?;
    for (name, node) in &nodes {
        mounts::attach_new(node, &dev.join(name), false)?;
    }
    for (name, target) in LINKS {
        symlink(target, dev.join(name)).map_err(failed("make", &dev.join(name)))?;
    }
    for name in ["pts", "shm"] {
        fs::create_dir(dev.join(name)).map_err(failed("make", &dev.join(name)))?;
    }
    mounts::memory(&dev.join("shm"), "mode=1777")?;
    // A build has no terminal; where none can be made it misses nothing.
    let _without_terminals = mounts::terminals(&dev.join("pts"));
    Ok(())
}
