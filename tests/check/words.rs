//! What a call prints: reports, refusals, help.

use std::fs;
use std::process::Command;

use super::support::{Kind, Site, THEMEGATE, repository};
use super::theme;

#[test]
fn the_report_of_a_check_can_be_shown_again_and_listed() {
    let site = Site::copy(Kind::Builtin);
    let checked = site.check(&["--theme", &theme("midnight")]);
    let shown = site.command(&["show", "latest", "--json"]).output().unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&shown.stdout).unwrap(), checked.report);
    let log = site.command(&["show", "latest", "--log"]).output().unwrap();
    assert!(String::from_utf8_lossy(&log.stdout).contains("themegate-builtin: compiled styles/midnight.scss"));
    let history = site.command(&["history"]).output().unwrap();
    assert!(String::from_utf8_lossy(&history.stdout).contains("midnight"));
}

#[test]
fn the_report_keeps_to_its_committed_schema() {
    let committed = fs::read_to_string(repository().join("schemas/report.schema.json")).unwrap();
    assert!(committed == themegate::report::json::schema(), "run: cargo run -- __schema > schemas/report.schema.json");
}

#[test]
fn every_wrong_call_says_what_to_do() {
    let site = Site::copy(Kind::Builtin);
    let empty = site.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let empty = empty.to_str().unwrap();
    let wrong: [(&[&str], &str); 7] = [
        (&["check", "--live", "/nowhere/at/all"], "/nowhere/at/all"),
        (&["check", "--live", empty], "--live DIR"),
        (&["check", "--theme", "/nowhere/at/all"], "--theme DIR"),
        (&["check", "--theme", empty], "does not look like a theme"),
        (&["check", "--time-limit", "soon"], "30m"),
        (&["check", "--output", "/nowhere/at/all"], "/nowhere/at/all could not be written"),
        (&["check", "--format", "json", "--output", "/dev/full"], "/dev/full could not be written"),
    ];
    for (arguments, words) in wrong {
        let output = site.command(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?} does not say {words:?}: {text}");
    }
}

#[test]
fn help_of_every_command_shows_examples() {
    for command in [&["--help"][..], &["check", "--help"], &["show", "--help"], &["history", "--help"]] {
        let output = Command::new(THEMEGATE).args(command).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("Examples:") && text.contains("themegate "), "{command:?}: {text}");
    }
}

#[test]
fn a_reader_that_goes_away_does_not_change_the_verdict() {
    let site = Site::copy(Kind::Builtin);
    let broken = theme("broken-brace");
    let line = format!("{THEMEGATE} check --theme {broken} | true; echo ${{PIPESTATUS[0]}}");
    let output = Command::new("bash").arg("-c").arg(line).current_dir(&site.live).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1");
}

#[test]
fn a_report_that_cannot_be_handed_over_is_named_with_its_verdict() {
    let site = Site::copy(Kind::Builtin);
    for nowhere in ["> /dev/full", "--output /nonexistent/report.txt"] {
        let line = format!("{THEMEGATE} check {nowhere}");
        let output = Command::new("bash").arg("-c").arg(line).current_dir(&site.live).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("could not be written") && said.contains("PASS"), "{said}");
        assert!(said.contains("themegate show 20"), "{said}");
    }
}
