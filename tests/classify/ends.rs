//! How a build ended, and what its log lacks.

use super::{classified, ids, severity};
use themegate::finding::Severity;
use themegate::rules::{LogContext, Options, RuleSet, classify};

#[test]
fn an_exit_status_alone_is_fatal() {
    let context = LogContext::finished(1);
    let said = classify(&mut &b"all quiet\n"[..], RuleSet::builtin(), &context, Options::default()).unwrap();
    assert_eq!(ids(&said), ["build-exit-status"]);
}

#[test]
fn a_killed_build_is_inconclusive() {
    let context = LogContext::finished(137);
    let said = classify(&mut &b"vite v8 building\n"[..], RuleSet::builtin(), &context, Options::default()).unwrap();
    assert!(said.findings[0].inconclusive);
}

#[test]
fn memory_used_up_is_told_once() {
    let log = "<--- Last few GCs --->\n\n<--- JS stacktrace --->\n\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n";
    assert_eq!(ids(&classified(log.as_bytes())), ["node-heap-exhausted"]);
}

#[test]
fn a_disk_that_is_full_is_told_whoever_shrugs_it_off() {
    for said in [
        "<w> [webpack.cache.PackFileCacheStrategy] Caching failed for pack: Error: ENOSPC: no space left on device, write",
        "npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write",
    ] {
        let told = classified(format!("{said}\n✓ built in 902ms\n").as_bytes());
        assert_eq!(ids(&told), ["disk-full"], "{said}");
    }
}

#[test]
fn a_log_without_a_word_proves_nothing_unless_the_build_is_said_to_have_ended_well() {
    let echoed = b"\n> site@1.0.0 build\n> node build.js\n\n";
    for log in [
        &b""[..],
        b"\n \n\x1b[0m\n",
        echoed,
        b"> @x/site@1.0.0 prebuild\n> true\n\n> @x/site@1.0.0 build\n> node a.js\n",
    ] {
        let said = classified(log);
        assert!(ids(&said) == ["log-empty"] && said.findings[0].inconclusive, "{:?}", ids(&said));
        let mut input = log;
        let ended = classify(&mut input, RuleSet::builtin(), &LogContext::finished(0), Options::default()).unwrap();
        assert!(ended.findings.is_empty());
    }
    for spoken in [
        "> site@1.0.0 build\n> node build.js\nwrote 3 files\n",
        "> Compiled successfully.\n> Done.\n",
        "> core-js@2.6.12 postinstall /srv/site/node_modules/core-js\n> node postinstall\n",
    ] {
        assert_eq!(ids(&classified(spoken.as_bytes())), [] as [&str; 0], "{spoken}");
    }
}

#[test]
fn a_log_that_begins_within_a_stack_lacks_the_exception() {
    let cut = "    at async build (/srv/site/node_modules/bundler/cli.js:77:3)\n";
    assert_eq!(severity(&classified(format!("{cut}}}\n").as_bytes())), Severity::Review);
    assert_eq!(severity(&classified(format!("✓ built in 902ms\n{cut}").as_bytes())), Severity::Benign);
    assert_eq!(severity(&classified(b"at least 3 pages of it\n")), Severity::Benign);
}

#[test]
fn a_trace_that_ends_with_the_last_task_of_a_build_is_whole() {
    let log = "** Execute assets:precompile\n** Invoke assets:generate_static_pages (first_time)\n";
    let whole = format!("{log}** Execute assets:generate_static_pages\n");
    assert_eq!(severity(&classified(whole.as_bytes())), Severity::Benign);
    assert_eq!(severity(&classified(log.as_bytes())), Severity::Fatal);
}
