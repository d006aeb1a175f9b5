//! `themegate promote --theme`, `init`, `freeze`, `history` and `show` on the bare live tree of `fixtures/live`: check and
//! promotion in one call, and what an administrator reads about it afterwards.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

mod support;

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Kind, Site, assert_same_tree, digest, repository};

fn theme(name: &str) -> String {
    repository().join("fixtures/themes").join(name).to_string_lossy().into_owned()
}

fn run_in(site: &Site, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let output = site.command(arguments).envs(environment.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

fn run(site: &Site, arguments: &[&str]) -> (i32, String) {
    run_in(site, arguments, &[])
}

/// Runs a command and expects its exit code and its words; gives all it said.
#[track_caller]
fn expect(site: &Site, arguments: &[&str], code: i32, words: &[&str]) -> String {
    let (status, text) = run(site, arguments);
    assert_eq!(status, code, "{arguments:?}:\n{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
    text
}

fn registry(site: &Site) -> String {
    fs::read_to_string(site.path("config/themes.yml")).unwrap()
}

fn generations(site: &Site) -> Vec<String> {
    let entries = fs::read_dir(site.state().join("generations")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_theme_that_passes_is_checked_and_made_live_in_one_call() {
    let site = Site::copy(Kind::Builtin);
    let before = registry(&site);
    let said = expect(
        &site,
        &["promote", "--theme", &theme("midnight")],
        0,
        &["PASS   midnight can go live.", "systemctl restart"],
    );
    assert!(!said.contains("themegate promote --run") && !said.contains("Nothing was changed"), "{said}");
    let check = said.find("PASS").unwrap();
    assert!(said.find("\npromotion ").is_some_and(|at| at > check), "the check comes first:\n{said}");
    assert!(registry(&site).contains("midnight"));
    assert_eq!(site.stages(), Vec::<std::path::PathBuf>::new());

    let id = generations(&site).remove(0);
    expect(&site, &["show", "latest"], 0, &["promotion", &id, " written in "]);
    let words =
        ["promotion", "registry    config/themes.yml", "in force", "rollback --to", "Mastodon was not restarted"];
    expect(&site, &["show", &id], 0, &words);
    expect(&site, &["history"], 0, &["pass ", "promoted", "in force"]);
    expect(&site, &["rollback"], 0, &[" written in "]);
    assert_eq!(registry(&site), before);
    let history = expect(&site, &["history"], 0, &["rolled back"]);
    assert!(!history.contains("in force"), "{history}");
}

#[test]
fn a_report_that_cannot_be_written_does_not_make_a_promotion_look_undone() {
    let site = Site::copy(Kind::Builtin);
    let words = ["promote", "--theme", &theme("midnight"), "--output", "/nonexistent/report.json"];
    expect(&site, &words, 0, &["could not be written", "it is kept: themegate show", "undo: themegate rollback"]);
    assert!(registry(&site).contains("midnight"));
}

#[test]
fn a_theme_that_does_not_pass_changes_nothing_and_leaves_no_generation() {
    let site = Site::copy(Kind::Builtin);
    let before = digest(&site.live);
    expect(
        &site,
        &["promote", "--theme", &theme("broken-brace")],
        1,
        &["BLOCK", "broken-brace.scss:11", "Nothing was changed in"],
    );
    assert_same_tree(&before, &digest(&site.live));
    assert_eq!(generations(&site), Vec::<String>::new());
}

#[test]
fn a_rehearsal_of_the_next_mastodon_is_no_promotion() {
    let site = Site::copy(Kind::Builtin);
    let before = digest(&site.live);
    expect(&site, &["promote", "--rehearse", "v9.9.9"], 2, &["a rehearsal is not promoted"]);
    assert_same_tree(&before, &digest(&site.live));
}

#[test]
fn the_report_for_machines_says_what_was_made_live() {
    let site = Site::copy(Kind::Builtin);
    let (code, text) = run(&site, &["promote", "--theme", &theme("midnight"), "--format", "json"]);
    assert_eq!(code, 0, "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    let promotion = &report["promotion"];
    assert_eq!((&promotion["kind"], &promotion["aftermath"]), (&"promotion".into(), &"not-restarted".into()));
    assert!(promotion["bytes_written"].as_u64().unwrap() > 0 && promotion["seconds"].is_f64(), "{promotion}");
    let shown = run(&site, &["show", report["run"].as_str().unwrap(), "--json"]).1;
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), report);
}

#[test]
fn what_somebody_edits_between_check_and_promotion_is_kept_and_shown_line_by_line() {
    let site = Site::copy(Kind::Builtin);
    let run = site.check(&["--theme", &theme("midnight")]).report["run"].as_str().unwrap().to_owned();
    let edited = registry(&site).replace("contrast: styles/contrast.scss", "contrast: styles/application.scss")
        + "mine: styles/mine.scss\n";
    site.write("config/themes.yml", &edited);
    let before = digest(&site.live);
    let words =
        ["2 - contrast: styles/contrast.scss", "2 + contrast: styles/application.scss", "4 + mine: styles/mine.scss"];
    expect(&site, &["promote", "--run", &run], 4, &words);
    assert_same_tree(&before, &digest(&site.live));
}

#[test]
fn a_frozen_site_refuses_before_it_builds() {
    let site = Site::copy(Kind::Builtin);
    expect(
        &site,
        &["freeze", "--until", "2999-12-31", "--reason", "after the incident"],
        0,
        &["frozen until 2999-12-31"],
    );
    let midnight = theme("midnight");
    let words = ["frozen until the end of 2999-12-31", "after the incident", "--despite-freeze"];
    expect(&site, &["promote", "--theme", &midnight], 1, &words);
    expect(&site, &["history"], 0, &["No check has been made", "frozen     until 2999-12-31: after the incident"]);
    let said = ["in spite of it: a fix"];
    expect(&site, &["promote", "--theme", &midnight, "--despite-freeze", "a fix"], 0, &said);
    expect(&site, &["history"], 0, &["despite the freeze: a fix"]);
    expect(&site, &["rollback"], 0, &[]);
    expect(&site, &["unfreeze"], 0, &["is not frozen any more"]);
    expect(&site, &["unfreeze"], 0, &["was not frozen"]);
    let history = expect(&site, &["history"], 0, &["unfrozen", "frozen     until"]);
    assert!(!history.contains("\nfrozen until"), "no freeze holds now:\n{history}");
    let again = ["promote", "--theme", &midnight, "--despite-freeze", "no need"];
    assert!(!expect(&site, &again, 0, &[]).contains("in spite of it"), "there was no freeze to go ahead in spite of");
}

#[test]
fn a_freeze_needs_a_day_to_come_and_a_reason() {
    let site = Site::copy(Kind::Builtin);
    let freeze = |until, reason| run(&site, &["freeze", "--until", until, "--reason", reason]);
    for (until, reason, word) in [
        ("2020-01-01", "x", "has passed: today is"),
        ("31.12.2999", "x", "write YYYY-MM-DD"),
        ("2999-12-31", " ", "write why"),
    ] {
        let (code, said) = freeze(until, reason);
        assert!(code == 2 && said.contains(word), "{code} {said}");
    }
    assert!(!site.state().join("freeze.json").exists());
}

/// Fourteen hours east of Greenwich and eleven west it is never the same day.
#[test]
fn a_freeze_ends_with_its_day_by_the_local_clock() {
    let site = Site::copy(Kind::Builtin);
    let (west, east) = (("TZ", "<-11>11"), ("TZ", "<+14>-14"));
    let day = std::process::Command::new("date").arg("+%F").env(west.0, west.1).output().unwrap().stdout;
    let day = String::from_utf8(day).unwrap().trim().to_owned();
    let (code, said) = run_in(&site, &["freeze", "--until", &day, "--reason", "today"], &[west]);
    assert!(code == 0 && said.contains("the end of that day (-11)"), "{said}");
    let arguments = ["promote", "--theme", &theme("midnight")];
    assert_eq!(run_in(&site, &arguments, &[west]).0, 1);
    assert_eq!(run_in(&site, &["freeze", "--until", &day, "--reason", "x"], &[east]).0, 2, "there it has passed");
    let (code, said) = run_in(&site, &arguments, &[east]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn the_lock_is_held_from_the_check_to_the_end_of_the_promotion() {
    let site = Site::copy(Kind::Builtin);
    let mut first = site.command(&["promote", "--compiler", "sleep 20"]).stdout(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while !fs::read_to_string(site.state().join("lock")).is_ok_and(|text| !text.is_empty()) {
        assert!(Instant::now() < end, "the gate takes the lock");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (code, said) = run(&site, &["rollback"]);
    kill_process(Pid::from_child(&first), Signal::INT).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(130));
    assert!(code == 6 && said.contains("themegate promote"), "{code} {said}");
    assert_eq!(generations(&site), Vec::<String>::new());
}

#[test]
fn init_writes_what_it_knows_of_the_site_and_never_over_a_file() {
    let site = Site::copy(Kind::Builtin);
    site.write(".env.production", "LOCAL_DOMAIN=social.example\nSECRET_KEY_BASE=hunter2\n");
    let path = site.folder.path().join("themegate.toml");
    expect(&site, &["init"], 0, &["themegate.toml is written", "Look through it"]);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("host = \"social.example\"\n").count(), 3, "{text}");
    assert!(
        text.contains("restart = \"systemctl restart mastodon-web mastodon-sidekiq\"") && !text.contains("hunter2")
    );
    expect(&site, &["check", "--theme", &theme("midnight")], 0, &["PASS"]);
    fs::write(&path, "# mine\n").unwrap();
    expect(&site, &["init"], 2, &["is there already, and is left as it is"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n");
    fs::remove_file(&path).unwrap();
    site.write("themegate.toml", "# mine too\n");
    expect(&site, &["init"], 2, &["is there already"]);
    assert!(!path.exists());
    expect(&site, &["init", "--print"], 0, &["[[promotion.probe]]"]);
}
