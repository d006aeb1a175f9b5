//! Every report format over the same findings: what a reader of that format must find there.
#![expect(clippy::unwrap_used, reason = "in a test a failed assumption is the failure, and a skip is said aloud")]

use themegate::finding::{Acknowledgement, Finding};
use themegate::report::{github, junit, sarif};

fn findings() -> Vec<Finding> {
    let mut accepted = Finding::review("sass-theme-warning", "it warns");
    accepted.acknowledged = Some(Acknowledgement { reason: "known".into(), expires: "2027-01-01".into() });
    vec![
        Finding::fatal("theme-empty", "100 % empty: <nothing> & \"quotes\"\u{1}")
            .at_line("app/javascript/styles/ä b.scss", 3, "")
            .meaning("bare HTML")
            .help("upload it\nagain"),
        accepted,
        Finding::benign("note", "harmless").in_log(7, "a line"),
    ]
}

fn written(write: impl Fn(&[Finding], &mut dyn std::io::Write) -> std::io::Result<()>, findings: &[Finding]) -> String {
    let mut text = Vec::new();
    write(findings, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn sarif_has_rules_results_levels_places_and_suppressions() {
    let log: serde_json::Value = serde_json::from_str(&written(sarif::write, &findings())).unwrap();
    let run = &log["runs"][0];
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 3);
    let results = run["results"].as_array().unwrap();
    assert_eq!(
        (&results[0]["level"], &results[1]["level"], &results[2]["level"]),
        (&"error".into(), &"warning".into(), &"note".into())
    );
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "app/javascript/styles/%C3%A4%20b.scss");
    assert_eq!(place["region"]["startLine"], 3);
    assert_eq!(results[1]["suppressions"][0]["status"], "accepted");
}

#[test]
fn github_annotations_are_one_line_each_and_escaped() {
    let text = written(github::write, &findings());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].starts_with("::error title=theme-empty,file=app/javascript/styles/ä b.scss,line=3::100 %25 empty: "),
        "{text}"
    );
    assert!(lines[0].ends_with("%0Aupload it%0Aagain"), "{text}");
    assert!(lines[1].starts_with("::notice ") && lines[2].starts_with("::notice "), "{text}");
}

#[test]
fn junit_counts_as_failed_what_counts() {
    let text = written(junit::write, &findings());
    assert!(text.contains("tests=\"3\" failures=\"1\""), "{text}");
    assert!(text.contains("&lt;nothing&gt; &amp; &quot;quotes&quot;\u{fffd}"), "{text}");
    let none = written(junit::write, &[]);
    assert!(none.contains("tests=\"1\" failures=\"0\""), "{none}");
}
