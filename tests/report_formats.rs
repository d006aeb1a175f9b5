//! Every report format over the same findings: what a reader of that format must find there.
#![expect(clippy::unwrap_used, reason = "in a test a failed assumption is the failure, and a skip is said aloud")]

use themegate::finding::{Acknowledgement, Finding};
use themegate::report::{Report, github, html, junit, sarif};

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

/// A whole report whose every text is as a hostile theme would have it.
fn hostile() -> Report {
    let name = "<script>alert(1)</script>\"'>&\u{202e}\u{1b}[31m";
    let report = serde_json::json!({
        "schema_version": 1, "run": name, "verdict": "block", "themes": [name],
        "site": { "live": name, "title": name, "fork": "mastodon", "toolchain": "vite" },
        "change": { "source": name, "files": 1, "left_out": [{ "path": name, "why": name }] },
        "staging": { "method": name, "files": 1, "bytes": 1, "kept": name },
        "precompile": { "command": name, "end": name, "exit": 0, "builtin": false, "heard": true },
        "log": { "lines": 1, "neutral": 0, "evidence": 1, "unaccounted": 0 },
        "findings": [
            { "id": name, "severity": "fatal", "tool": name, "message": name, "meaning": name, "help": name, "rule": name,
              "baseline": null, "acknowledged": { "reason": name, "expires": name },
              "evidence": [{ "path": name, "file_line": 3, "file_excerpt": name }, { "line": 7, "excerpt": name }] },
            { "id": "note", "severity": "benign", "tool": "x", "message": "harmless", "rule": null, "baseline": null,
              "acknowledged": null, "evidence": [] }
        ],
        "manifest_diff": {
            "added": [{ "key": name, "old_file": null, "new_file": name, "old_bytes": null, "new_bytes": 1 }],
            "removed": [], "changed": [], "unchanged": 2
        },
        "invariants": [{ "id": "x", "statement": name, "holds": false }],
        "timings": [{ "stage": "change", "seconds": 1.5 }],
        "promotion": { "generation": name, "kind": "promotion", "files": 1, "bytes_written": 1, "bytes_kept": 0,
                       "seconds": 0.1, "aftermath": "rolled-back", "faults": [name] }
    });
    serde_json::from_value(report).unwrap()
}

fn page(report: &Report) -> String {
    let mut text = Vec::new();
    html::write(report, true, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn the_page_escapes_every_text_of_a_stranger() {
    let page = page(&hostile());
    let body = &page[page.find("</style>").unwrap()..];
    assert!(!page.contains("<script") && !page.contains("alert(1)</script>"), "{body}");
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'), "control and direction marks are shown as such");
    let shown =
        body.matches("&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#62;&#38;\u{fffd}\u{fffd}[31m").count();
    assert!(shown >= 20, "each of them is there to be read, {shown} times:\n{body}");
}

#[test]
fn the_page_stands_by_itself_and_tells_all_that_the_report_does() {
    let page = page(&hostile());
    for foreign in ["http://", "https://", "src=", "url(", "@import", "<link", "<img", "onclick", "onload"] {
        assert!(!page.contains(foreign), "{foreign} on the page");
    }
    for part in ["default-src 'none'", "prefers-color-scheme: dark", "@media print", "<html lang=\"en\">"] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    for words in [
        "BLOCK",
        "stop this change",
        "What was found",
        "Build log, line 7",
        "What to do",
        "does not hold",
        "What changes in the manifest",
        "Harmless notes",
        "harmless",
        "1.5 s",
        "themegate rollback --to",
    ] {
        assert!(page.contains(words), "{words:?} is not on the page");
    }
}
