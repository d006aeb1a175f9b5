//! Builds that misbehave, and what they are kept from.

use std::time::{Duration, Instant};

use super::running;
use super::support::{Kind, Site};

#[test]
fn secrets_reach_neither_the_stage_nor_the_build_nor_the_report() {
    let site = Site::copy(Kind::Builtin);
    site.write(".env.production", "LOCAL_DOMAIN=example.social\nDB_PASS=tell-nobody\nSECRET_KEY_BASE=tell-nobody\n");
    let script = "env; ls -a; grep -r tell-[n]obody . && exit 3; exit 0";
    let checked = site
        .check_with(&["--compiler", script], &[("DB_PASS", "tell-nobody"), ("AWS_SECRET_ACCESS_KEY", "tell-nobody")]);
    assert_eq!(checked.report["precompile"]["exit"], 0, "the stage holds a secret");
    let log = site.command(&["show", "latest", "--log"]).output().unwrap();
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    assert!(log.contains("LOCAL_DOMAIN=example.social"), "{log}");
    assert!(!log.contains("tell-nobody") && !checked.report.to_string().contains("tell-nobody"));
    assert!(!log.contains("\n.env.production"), "{log}");
}

#[test]
fn a_build_that_floods_one_stream_before_it_speaks_on_the_other_is_heard_whole() {
    let site = Site::copy(Kind::Builtin);
    let script = "head -c 20000000 /dev/zero | tr '\\0' 'x' | fold -w 99 >&2; echo done on stdout; exit 1";
    let began = Instant::now();
    let checked = site.check(&["--compiler", script]);
    checked.assert_verdict("block", 1);
    assert!(checked.report["log"]["lines"].as_u64().unwrap() > 200_000);
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_build_that_ignores_term_and_forks_away_ends_within_its_limit_plus_two_seconds() {
    let site = Site::copy(Kind::Builtin);
    let marker = format!("{}", 300_000 + std::process::id());
    let script = format!("trap '' TERM; setsid sh -c \"trap '' TERM; sleep {marker}\" & sleep {marker}");
    let checked = site.check(&["--compiler", &script, "--time-limit", "2s"]);
    checked.assert_verdict("undecided", 3);
    assert!(checked.finding("build-out-of-time").is_some(), "{:?}", checked.grave());
    let took =
        checked.report["timings"].as_array().unwrap().iter().find(|timing| timing["stage"] == "precompile").unwrap();
    assert!(took["seconds"].as_f64().unwrap() < 5.0, "{took}");
    assert!(!running(&marker), "a process of the build is left");
}

#[test]
fn a_build_that_stands_still_is_undecided() {
    let checked = Site::copy(Kind::Builtin).check(&["--compiler", "sleep 60", "--stall-limit", "1s"]);
    checked.assert_verdict("undecided", 3);
    assert!(checked.finding("build-stalled").is_some(), "{:?}", checked.grave());
}

#[test]
fn a_build_that_did_not_end_by_itself_has_one_reason_and_the_true_one() {
    let site = Site::copy(Kind::Builtin);
    let of_memory = ["--compiler", "x=$(head -c 90000000 /dev/zero | tr '\\0' x); sleep 20", "--memory-limit", "50 MB"];
    let checked = site.check(&of_memory);
    checked.assert_verdict("undecided", 3);
    let told: Vec<&str> = checked.findings().iter().filter_map(|finding| finding["id"].as_str()).collect();
    assert_eq!(told, ["build-out-of-memory"]);
    let checked = site.check(&["--compiler", "kill -TERM $$"]);
    checked.assert_verdict("undecided", 3);
    let told: Vec<&str> = checked.findings().iter().filter_map(|finding| finding["id"].as_str()).collect();
    assert_eq!(told, ["build-killed"]);
}

#[test]
fn a_build_without_isolation_that_writes_to_the_live_tree_makes_it_undecided() {
    let site = Site::copy(Kind::Builtin);
    let script = format!("echo '# edited' >> {}; exit 0", site.path("config/themes.yml").display());
    let output =
        site.command(&["check", "--format", "json", "--isolation", "none", "--compiler", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stdout).contains("live-tree-moved"));
}
