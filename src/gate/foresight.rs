//! What the next build will need, by what an earlier one needed, compared with what the machine has.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::build::Gate;
use crate::byte_size::ByteSize;
use crate::finding::Finding;
use crate::report::Report;
use crate::runs;
use crate::site::LiveSite;
use crate::staging::StagedTree;

/// Bytes in one of the blocks that `stat(2)` counts.
const BLOCK: u64 = 512;

/// How far back an earlier build is looked for.
const LOOKED_AT: usize = 5;

/// The limit for the build's memory, from the command line or the configuration.
pub(super) fn memory_limit(gate: &Gate<'_>) -> Option<ByteSize> {
    gate.request.memory_limit.or(gate.settings.check.memory_limit)
}

/// What an earlier build needed and the machine has not got: a note of memory, which may be freed or swapped yet; of the
/// disk, an end before the build, which would leave half an output.
pub(super) fn of(gate: &Gate<'_>) -> Vec<Finding> {
    let state = &gate.site.state;
    let Some((earlier, output, memory)) = needs(state) else { return Vec::new() };
    let limit = memory_limit(gate).map(ByteSize::bytes);
    let allowed = available_memory().into_iter().chain(limit).min();
    let memory = allowed.filter(|has| *has < memory).map(|has| memory_short(&earlier, memory, has));
    let disk = free_disk(state).filter(|has| *has < output).map(|has| disk_short(state, &earlier, output, has));
    memory.into_iter().chain(disk).collect()
}

/// The run, and the bytes of output and memory of the last build here that ended well.
fn needs(state: &Path) -> Option<(String, u64, u64)> {
    let runs = runs::list(state).ok()?;
    runs.iter().take(LOOKED_AT).find_map(|run| {
        let report: Report = runs::read(state, run).ok()?;
        let build =
            report.precompile.filter(|build| build.exit == Some(0) && !build.builtin && report.fast.is_none())?;
        Some((run.clone(), build.output_bytes, build.peak_memory))
    })
}

fn memory_short(run: &str, needs: u64, has: u64) -> Finding {
    let (needs, has) = (ByteSize::new(needs), ByteSize::new(has));
    Finding::benign("memory-short", format!("The build of run {run} held {needs} of memory, and {has} can be had now."))
        .meaning("The machine may swap, and the kernel may end the build. Then the verdict is undecided.")
        .help("Check when less is running, or give the machine swap.")
}

fn disk_short(state: &Path, run: &str, needs: u64, has: u64) -> Finding {
    let (needs, has) = (ByteSize::new(needs), ByteSize::new(has));
    Finding::fatal(
        "disk-short",
        format!("The build of run {run} wrote {needs}, and {} has {has} left.", state.display()),
    )
    .meaning("The build would end for want of room, so it was not begun.")
    .help("Free some room there (old compiled files: `rails assets:clean`; old backups), then run again.")
    .inconclusive()
}

/// What the kernel thinks can be had without swapping (`proc_meminfo(5)`).
fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn free_disk(state: &Path) -> Option<u64> {
    let status = rustix::fs::statvfs(state).ok()?;
    // Without blocks it counts nothing (ramfs, some of FUSE), and says nothing.
    (status.f_blocks > 0).then(|| status.f_bavail.saturating_mul(status.f_frsize))
}

/// Bytes in the output folders of a staged tree; a hole in a file takes none.
pub(super) fn output_bytes(site: &LiveSite, staged: &StagedTree) -> u64 {
    let folders = site.output.folders().into_iter();
    let found = folders.flat_map(|folder| walkdir::WalkDir::new(staged.root().join(folder))).flatten();
    let files = found.filter(|found| found.file_type().is_file()).filter_map(|found| found.metadata().ok());
    files.map(|file| file.len().min(file.blocks() * BLOCK)).sum()
}
