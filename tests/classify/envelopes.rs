//! What is in the envelopes of a log, wherever in them it stands.

use serde_json::json;
use themegate::finding::Severity;

use super::{classified, ids, severity};

/// A line that a build says while it exits 0, and that has none of the words of trouble.
const SILENT: &str = "Invalid theme path \"styles/dusk.v2.scss\" in themes.yml, skipping";

fn entry(value: &serde_json::Value) -> Severity {
    severity(&classified(format!("{value}\n").as_bytes()))
}

#[test]
fn nothing_hides_behind_a_carriage_return_in_an_envelope() {
    for log in ["10% building\rERROR in ./app/javascript/styles/x.scss\n", "10%\r20%\rrake aborted!\r"] {
        assert_eq!(entry(&json!({"log": log, "stream": "stdout", "time": "x"})), Severity::Fatal, "{log}");
    }
}

#[test]
fn an_envelope_in_an_envelope_is_opened() {
    let inner = json!({"level": 30, "time": 1, "msg": SILENT}).to_string();
    assert_eq!(entry(&json!({"log": inner + "\n", "stream": "stdout", "time": "x"})), Severity::Fatal);
    let healthy = json!({"level": 30, "time": 1, "msg": "npm warn deprecated glob@7.2.3: old"}).to_string();
    assert_eq!(entry(&json!({"log": healthy + "\n", "stream": "stdout", "time": "x"})), Severity::Benign);
}

#[test]
fn what_an_entry_says_beside_its_text_is_read() {
    for (name, value) in [
        ("err", json!({"type": "Error", "message": "Undefined variable", "stack": "Error: x\n    at y (z.js:1:2)"})),
        ("err", json!("Sass::SyntaxError: Undefined variable")),
        ("error", json!("exit status 1")),
        ("stack", json!("Error: x\n    at y (z.js:1:2)")),
        ("exception", json!({"class": "Sass::SyntaxError", "message": "Undefined variable", "backtrace": []})),
    ] {
        assert!(
            entry(&json!({"level": "info", "time": 1, "msg": "build ended", name: value})) > Severity::Benign,
            "{value}"
        );
    }
    for nothing in [json!(null), json!(""), json!(false), json!([])] {
        assert_eq!(
            entry(&json!({"level": "info", "time": 1, "msg": "build ended", "error": nothing})),
            Severity::Benign
        );
    }
}

#[test]
fn what_an_entry_calls_an_error_or_a_warning_is_one() {
    for level in [json!("error"), json!("warn"), json!("WARNING"), json!("CRITICAL"), json!(40), json!(50), json!(60)] {
        assert_eq!(
            entry(&json!({"level": level, "time": 1, "msg": "dusk was left alone"})),
            Severity::Review,
            "{level}"
        );
    }
    for level in [json!("info"), json!("debug"), json!(30), json!(3), json!(6)] {
        assert_eq!(
            entry(&json!({"level": level, "time": 1, "msg": "dusk was left alone"})),
            Severity::Benign,
            "{level}"
        );
    }
    for mild in ["The option dusk is deprecated", "consider removing dusk", "polling, using default (ignored)"] {
        assert_eq!(entry(&json!({"level": "warn", "time": 1, "msg": mild})), Severity::Benign, "{mild}");
    }
    let known = json!({"level": "warn", "time": 1, "msg": "npm warn deprecated glob@7.2.3: old"});
    assert_eq!(entry(&known), Severity::Benign);
    // Docker calls all of stderr an error there.
    assert_eq!(entry(&json!({"PRIORITY": "3", "MESSAGE": "asset a.js 1 KiB"})), Severity::Benign);
}

#[test]
fn a_line_with_colours_that_journald_keeps_as_bytes_is_read() {
    let coloured = |text: &str| json!({"PRIORITY": "6", "MESSAGE": format!("\u{1b}[31m{text}\u{1b}[0m").into_bytes()});
    assert_eq!(entry(&coloured("rake aborted!")), Severity::Fatal);
    assert_eq!(entry(&coloured("asset a.js 1 KiB")), Severity::Benign);
}

#[test]
fn what_a_task_of_ansible_said_is_read_wherever_it_stands() {
    for said in [
        json!({"changed": true, "results": [{"rc": 0, "stdout": "ok"}, {"rc": 0, "stdout": SILENT}]}),
        json!({"out": {"rc": 0, "stdout": SILENT}}),
        json!({"changed": true, "module_stdout": SILENT}),
    ] {
        let said = classified(format!("changed: [web] => {said}\n").as_bytes());
        assert_eq!(ids(&said), ["vite-theme-path-skipped"]);
    }
}

/// The words of the whole, which is no line of the build, say nothing.
#[test]
fn a_task_of_ansible_that_ended_well_says_no_more_than_what_the_build_said() {
    let note = "warning: Git tree '/srv/site' is dirty";
    let said =
        classified(format!("changed: [web] => {}\n", json!({"changed": true, "rc": 0, "stdout": note})).as_bytes());
    assert_eq!((ids(&said), severity(&said)), (ids(&classified(note.as_bytes())), Severity::Benign));
}

/// All that a command said is one line of Ansible's.
#[test]
fn a_long_envelope_is_read_to_its_end() {
    let log = "Writing /srv/site/public/assets/a.js\n".repeat(3_000) + SILENT;
    let said =
        classified(format!("changed: [web] => {}\n", json!({"changed": true, "rc": 0, "stdout": log})).as_bytes());
    assert_eq!(ids(&said), ["vite-theme-path-skipped"]);
    assert_eq!(entry(&json!({"level": 30, "time": 1, "msg": log})), Severity::Fatal);
}
