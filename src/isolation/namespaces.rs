//! Enters namespaces, with one thread: a user namespace in which we may mount, and beside it those of processes and network.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType};
use rustix::process::{getegid, geteuid};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::fault::{Fault, failed, refused};
use super::{MAP_COMMAND, OURSELVES};

/// Leaves the namespaces that `flags` name for new ones.
pub(super) fn leave(flags: UnshareFlags, what: &'static str) -> Result<(), Fault> {
    #[expect(deprecated, reason = "the hazard lies in UnshareFlags::FILES, which is never among the flags")]
    rustix::thread::unshare(flags).map_err(refused(what))
}

/// Enters a user namespace in which the ids are what they were: root's all, anybody else's own. Root of a system that has
/// none to give goes on without.
pub(super) fn enter_user_namespace() -> Result<(), Fault> {
    if geteuid().is_root() {
        let mapper = Mapper::start().map_err(refused("start a helper"))?;
        let left = leave(UnshareFlags::NEWUSER, "make a user namespace");
        let mapped = mapper.finish();
        return if left.is_ok() { mapped } else { Ok(()) };
    }
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    leave(UnshareFlags::NEWUSER, "make a user namespace")?;
    let write = |name: &str, text: String| {
        let path = Path::new("/proc/self").join(name);
        fs::write(&path, text).map_err(failed("write", &path))
    };
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("{user} {user} 1"))?;
    write("gid_map", format!("{group} {group} 1"))
}

/// The kernel takes a map of more than one id only from a process outside, with power over all of them.
struct Mapper {
    child: std::process::Child,
}

impl Mapper {
    fn start() -> io::Result<Self> {
        let ours = std::process::id().to_string();
        let child = Command::new(OURSELVES).args([MAP_COMMAND, &ours]).stdin(Stdio::piped()).spawn()?;
        Ok(Self { child })
    }

    fn finish(mut self) -> Result<(), Fault> {
        drop(self.child.stdin.take());
        let status = self.child.wait().map_err(refused("wait for a helper"))?;
        if status.success() { Ok(()) } else { Err(Fault("the ids of the user namespace could not be set".to_owned())) }
    }
}

/// Runs `PID`: waits until its standard input ends, then gives that process every id that this one has.
pub(super) fn map(arguments: Vec<OsString>) -> i32 {
    let Some(pid) = arguments.into_iter().next() else { return 2 };
    let _ended = io::stdin().read(&mut [0]);
    let mapped = ["uid_map", "gid_map"].into_iter().try_for_each(|name| {
        let known = fs::read_to_string(Path::new("/proc/self").join(name))?;
        fs::write(Path::new("/proc").join(&pid).join(name), same(&known))
    });
    i32::from(mapped.is_err())
}

/// Every id that is known here, mapped to itself: a line is `INSIDE OUTSIDE COUNT`.
fn same(known: &str) -> String {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        Some(format!("{} {} {}\n", fields.first()?, fields.first()?, fields.get(2)?))
    };
    known.lines().filter_map(line).collect()
}

/// Joins the user and mount namespaces of a process.
pub(super) fn join(pid: i32) -> Result<(), Fault> {
    let folder = PathBuf::from(format!("/proc/{pid}/ns"));
    let open = |name: &str| File::open(folder.join(name)).map_err(failed("open", &folder.join(name)));
    let (own, theirs) = (fs::read_link("/proc/self/ns/user"), fs::read_link(folder.join("user")));
    let (user, mount) = (open("user")?, open("mnt")?);
    // One that is in it already is refused.
    if own.ok() != theirs.ok() {
        move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))
            .map_err(refused("join the user namespace"))?;
    }
    move_into_link_name_space(mount.as_fd(), Some(LinkNameSpaceType::Mount))
        .map_err(refused("join the mount namespace"))
}

/// Brings up `lo`, which a new network namespace has and keeps down: an `RTM_NEWLINK` message (`rtnetlink(7)`).
pub(super) fn bring_up_loopback() -> Result<(), Fault> {
    const LENGTH: u32 = 32;
    const RTM_NEWLINK: u16 = 16;
    const REQUEST: u16 = 1;
    const LOOPBACK: u32 = 1;
    const IFF_UP: u32 = 1;
    let mut message = Vec::new();
    message.extend(LENGTH.to_ne_bytes());
    message.extend([RTM_NEWLINK, REQUEST].iter().flat_map(|half| half.to_ne_bytes()));
    // Sequence and sender; then family, kind; then the link, its flags, and which of them change.
    message.extend([0, 0, 0, LOOPBACK, IFF_UP, IFF_UP].iter().flat_map(|word| word.to_ne_bytes()));
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None);
    let sent = socket.and_then(|socket| rustix::net::send(socket, &message, SendFlags::empty()));
    sent.map(|_all| ()).map_err(refused("bring up the loopback"))
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn ids_are_mapped_to_themselves_whatever_they_are_outside() {
        assert_eq!(same("         0       1000          1\n 1 100000 65536\n"), "0 0 1\n1 1 65536\n");
    }
}
