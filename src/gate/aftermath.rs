//! How a build ended, as findings: what the exit status says that the log does not.

use std::time::Duration;

use super::record::Record;
use crate::byte_size::ByteSize;
use crate::compiler::Compiler;
use crate::finding::{Finding, Severity};
use crate::precompile::{Build, BuildEnd, LOG_LIMIT};
use crate::site::LiveSite;

/// The rule for a log whose build was stopped.
const STOPPED: &str = "build-stopped";

/// How a build ended, in the words of the report.
pub(super) fn in_words(end: &BuildEnd) -> String {
    match end {
        BuildEnd::Exited(code) => format!("exit {code}"),
        BuildEnd::Killed { signal } => format!("killed by signal {signal}"),
        BuildEnd::TimeLimit(limit) => format!("ended after {}", shown(*limit)),
        BuildEnd::StallLimit(limit) => format!("ended after {} of standing still", shown(*limit)),
        BuildEnd::MemoryLimit(limit) => format!("ended at {} of memory", ByteSize::new(*limit)),
        BuildEnd::Interrupted => "interrupted".to_owned(),
        BuildEnd::NotStarted(_) => "not started".to_owned(),
    }
}

/// Adds what follows from the way the build ended.
pub(super) fn of(build: &Build, compiler: &Compiler, site: &LiveSite, record: &mut Record<'_>) {
    if build.log_dropped > 0 {
        record.findings.push(flooded(compiler));
    }
    record.findings.extend(build.log_failure.as_deref().map(log_incomplete));
    if !matches!(build.end, BuildEnd::Exited(_)) {
        // From its log alone nobody can tell why a build was stopped; here it is known, and told below.
        record.findings.retain(|finding| finding.rule.as_deref() != Some(STOPPED));
    }
    let explained = record.findings.iter().any(|finding| finding.severity == Severity::Fatal && finding.rule.is_some());
    match &build.end {
        BuildEnd::Exited(0) => record.findings.extend(unheard(build, compiler, site)),
        // The shell's word for "not found" and "not executable".
        BuildEnd::Exited(code @ (126 | 127)) => record.findings.push(not_started(compiler, &format!("exit {code}"))),
        BuildEnd::Exited(code @ 129..=159) => record.findings.push(killed(compiler, code - 128)),
        BuildEnd::Exited(code) if !explained => record.findings.push(failed(compiler, *code)),
        BuildEnd::Exited(_) | BuildEnd::Interrupted => {}
        // A log that cannot be written is why the gate itself ended the build: no word of memory then.
        BuildEnd::Killed { .. } if build.log_failure.is_some() => {}
        BuildEnd::Killed { signal } => record.findings.push(killed(compiler, *signal)),
        BuildEnd::TimeLimit(limit) => record.findings.push(out_of_time(compiler, *limit)),
        BuildEnd::StallLimit(limit) => record.findings.push(stalled(compiler, *limit)),
        BuildEnd::MemoryLimit(limit) => record.findings.push(out_of_memory(compiler, *limit)),
        BuildEnd::NotStarted(why) => record.findings.push(not_started(compiler, why)),
    }
}

fn failed(compiler: &Compiler, code: i32) -> Finding {
    Finding::fatal(
        "build-failed",
        format!("{} ended with exit code {code}, and its log does not say why.", compiler.shown),
    )
    .meaning("Nothing was compiled. On the live tree the same command would have left the site without this theme.")
    .help("Read the build log: themegate show latest --log")
}

fn killed(compiler: &Compiler, signal: i32) -> Finding {
    let memory = if signal == 9 {
        " Most often the kernel kills it for want of memory: see `dmesg | tail` and `free -m`."
    } else {
        ""
    };
    Finding::fatal("build-killed", format!("{} was killed by signal {signal} before it was done.", compiler.shown))
        .meaning("What it had written by then proves nothing.")
        .help(format!("Give the machine more memory or swap, and check again.{memory}"))
        .inconclusive()
}

fn out_of_time(compiler: &Compiler, limit: Duration) -> Finding {
    let limit = shown(limit);
    Finding::fatal("build-out-of-time", format!("{} was not done after {limit}, and was ended.", compiler.shown))
        .meaning("A build that is cut off proves nothing.")
        .help("If the machine is only slow, allow more: themegate check --time-limit 2h")
        .inconclusive()
}

fn stalled(compiler: &Compiler, limit: Duration) -> Finding {
    let limit = shown(limit);
    Finding::fatal(
        "build-stalled",
        format!("{} neither printed nor computed anything for {limit}, and was ended.", compiler.shown),
    )
    .meaning("It waits for something that does not come: a question, a lock, the network.")
    .help("See its last lines: themegate show latest --log")
    .inconclusive()
}

fn out_of_memory(compiler: &Compiler, limit: u64) -> Finding {
    let limit = ByteSize::new(limit);
    Finding::fatal("build-out-of-memory", format!("{} held more than {limit} of memory, and was ended.", compiler.shown))
        .meaning("A build that is cut off proves nothing.")
        .help("If the machine has more to give, allow it: themegate check --memory-limit '3 GB', or memory_limit in themegate.toml")
        .inconclusive()
}

fn flooded(compiler: &Compiler) -> Finding {
    Finding::fatal(
        "build-log-too-long",
        format!("{} printed more than {LOG_LIMIT} bytes; the rest was not read.", compiler.shown),
    )
    .meaning("Something in the build repeats itself without end.")
    .help("See what it repeats: themegate show latest --log | tail")
    .inconclusive()
}

fn log_incomplete(why: &str) -> Finding {
    Finding::fatal("build-log-incomplete", format!("The build log is not complete: {why}."))
        .meaning("What was not written down was not read; the build may have said anything.")
        .help("See that the disk has space (df -h, df -i), and check again.")
        .inconclusive()
}

fn not_started(compiler: &Compiler, why: &str) -> Finding {
    Finding::fatal("build-not-started", format!("{} could not be started: {why}.", compiler.shown))
        .meaning("The site's own compiler was not run, so nothing is known of this change.")
        .help(
            "Run themegate as the user that compiles the site, with its PATH (rbenv, nvm): su - mastodon\n\
             On a machine without Ruby, judge the stylesheets alone: themegate check --compiler builtin",
        )
        .inconclusive()
}

/// On success Rails prints only the bundler's standard error; a build of which nothing more was heard is not proven.
fn unheard(build: &Build, compiler: &Compiler, site: &LiveSite) -> Option<Finding> {
    let can_be_heard = ["webpack", "vite"].iter().any(|bin| site.root.join("node_modules/.bin").join(bin).exists());
    (build.heard.is_empty() && !compiler.is_builtin && can_be_heard).then(|| {
        Finding::review("bundler-not-heard", "The bundler's own output was not heard: only what Rails lets through.")
            .meaning("Rails hides the bundler's warnings when a build succeeds; there may be some that nobody saw.")
            .help("See what compiles the assets here; name it if it is not Rails: themegate check --compiler 'COMMAND'")
    })
}

fn shown(limit: Duration) -> String {
    let seconds = limit.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, _) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}
