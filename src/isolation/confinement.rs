//! What the build may do: read and write what it sees as its user may, and nothing to the system.

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use super::fault::{Fault, refused};

/// What root needs to work on files that belong to others, as `bundle` and `yarn` run by root do. `DAC_READ_SEARCH` is not among
/// them: where there is no user namespace, it opens any file of a disk by its handle, past every mount.
const FILES: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID);

/// Lets the next program that this process starts have the powers it has now: anybody's but root's are lost on the way.
pub(super) fn hand_on() -> Result<(), Fault> {
    let own = capabilities(None).map_err(refused("read capabilities"))?;
    let sets = CapabilitySets { inheritable: own.permitted, ..own };
    set_capabilities(None, sets).map_err(refused("hand on capabilities"))?;
    each(own.permitted, |one| configure_capability_in_ambient_set(one, true).map_err(refused("hand on capabilities")))
}

fn each(set: CapabilitySet, act: impl Fn(CapabilitySet) -> Result<(), Fault>) -> Result<(), Fault> {
    (0..u64::BITS)
        .map(|bit| CapabilitySet::from_bits_retain(1 << bit))
        .filter(|one| set.contains(*one))
        .try_for_each(act)
}

/// Gives up mounting, tracing, devices, the network's set-up and the rest, for good: no program can win them back.
pub(super) fn give_up() -> Result<(), Fault> {
    // Kernels before 4.3 have no ambient set, and nothing in it.
    let _none_there = clear_ambient_capability_set();
    let kept = if rustix::process::geteuid().is_root() { FILES } else { CapabilitySet::empty() };
    each(!kept, |one| {
        if capability_is_in_bounding_set(one).unwrap_or(false) {
            remove_capability_from_bounding_set(one).map_err(refused("give up capabilities"))?;
        }
        Ok(())
    })?;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(refused("give up capabilities"))?;
    set_no_new_privs(true).map_err(refused("forbid new privileges"))
}
