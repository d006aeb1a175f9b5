//! Build logs and what has to be said of them.

mod ends;
mod envelopes;
mod excused;
mod guises;
mod hammer;
mod hidden;
mod wrapped;

use std::fs::File;
use std::path::{Path, PathBuf};

use themegate::finding::Severity;
use themegate::rules::{Classified, LogContext, Options, RuleSet, classify};

fn classified(text: &[u8]) -> Classified {
    let mut input = text;
    classify(&mut input, RuleSet::builtin(), &LogContext::unknown(), Options::default()).expect("memory can be read")
}

fn severity(classified: &Classified) -> Severity {
    classified.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Benign)
}

fn ids(classified: &Classified) -> Vec<&str> {
    classified.findings.iter().map(|finding| finding.id.as_str()).collect()
}

/// Logs that are not part of the project: `THEMEGATE_CORPUS`, or `shared/corpus` beside the repository.
fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("THEMEGATE_CORPUS").map_or(beside, PathBuf::from);
    folder.join("index.tsv").is_file().then_some(folder)
}

#[test]
fn every_log_of_the_corpus_gets_its_severity() {
    let Some(folder) = corpus() else {
        println!("skipped: no corpus here");
        return;
    };
    let index = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    let mut wrong = Vec::new();
    for row in index.lines().skip(1) {
        let mut fields = row.split('\t');
        let (file, wanted) = (fields.next().unwrap(), fields.next().unwrap());
        let mut log = File::open(folder.join(file)).unwrap();
        let said = classify(&mut log, RuleSet::builtin(), &LogContext::unknown(), Options::default()).unwrap();
        if severity(&said).word() != wanted {
            wrong.push(format!("{file}: {wanted} wanted, {:?}", ids(&said)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_line_number_stays_with_the_part_of_the_stylesheet_that_it_stands_with() {
    let log = b"ERROR in ./app/javascript/styles/ft.scss\n\
        Module build failed (from ./node_modules/mini-css-extract-plugin/dist/loader.js):\n\
        ModuleBuildError: Module build failed (from ./node_modules/sass-loader/dist/cjs.js):\n\
        SassError: Undefined variable.\n  \xe2\x95\xb7\n41 \xe2\x94\x82 a { color: $nope; }\n   \xe2\x94\x82            ^^^^^\n  \xe2\x95\xb5\n  \
        app/javascript/styles/ft/_part.scss 41:12  @import\n  \
        app/javascript/styles/ft.scss 2:9          root stylesheet\n";
    let said = classified(log);
    let messages: Vec<&str> = said.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["app/javascript/styles/ft/_part.scss:41 could not be compiled: Undefined variable."]);
}

/// `THEMEGATE_LOGS=folder cargo test --test classify measure -- --ignored --nocapture` prints a line for each log below it.
#[test]
#[ignore = "prints a table for logs that are not part of the project"]
fn measure() {
    let Some(folder) = std::env::var_os("THEMEGATE_LOGS") else {
        return;
    };
    let mut logs: Vec<PathBuf> =
        walkdir::WalkDir::new(folder).into_iter().flatten().map(walkdir::DirEntry::into_path).collect();
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.sort();
    for log in logs {
        let mut input = File::open(&log).unwrap();
        let said = classify(&mut input, RuleSet::builtin(), &LogContext::unknown(), Options::default()).unwrap();
        let grave: Vec<String> = said
            .findings
            .iter()
            .filter(|finding| finding.severity > Severity::Benign)
            .map(|finding| format!("{} = {}", finding.id, finding.message.chars().take(110).collect::<String>()))
            .collect();
        println!(
            "MEASURED\t{}\t{}\t{}\t{}\t{}",
            log.display(),
            severity(&said).word(),
            said.lines,
            said.unaccounted,
            grave.join(" | ")
        );
    }
}

#[test]
fn the_same_thing_seen_often_is_one_finding_with_a_count() {
    let line =
        "DEPRECATION WARNING [import]: Sass @import rules are deprecated and will be removed in Dart Sass 3.0.0.\n\n";
    let said = classified(line.repeat(26).as_bytes());
    assert_eq!(said.findings.len(), 1);
    assert!(said.findings[0].message.contains("26 times"), "{}", said.findings[0].message);
}

#[test]
fn a_message_names_the_file_and_the_reason() {
    let log = "ERROR in ./app/javascript/styles/x.scss\nModule build failed (from ./node_modules/sass-loader/dist/cjs.js):\nSassError: expected \"}\".\n  ╷\n2 │ .a { color: red;\n  ╵\n  app/javascript/styles/x.scss 12:37  root stylesheet\n";
    let said = classified(log.as_bytes());
    assert_eq!(said.findings.len(), 1, "{:#?}", said.findings);
    assert_eq!(said.findings[0].message, "app/javascript/styles/x.scss:12 could not be compiled: expected \"}\".");
}

#[test]
fn a_warning_of_a_stylesheet_is_told_from_any_other() {
    let said = classified(b"WARNING: this theme is old\n    app/javascript/styles/ft.scss 2:1  root stylesheet\n");
    assert_eq!(ids(&said), ["sass-warn"]);
    assert_eq!(ids(&classified(b"WARNING: this is old\nthat is all\n")), ["unknown-warning"]);
}

#[test]
fn an_error_of_sass_is_known_by_the_frame_below_it() {
    let frame = "  ╷\n1 │ @use \"b\";\n  │ ^^^^^^^^\n  ╵\n  b.scss 1:1  root stylesheet\n";
    let said = classified(format!("Module loop: this module is already being loaded.\n{frame}").as_bytes());
    assert_eq!(ids(&said), ["sass-error-bare"]);
    assert_eq!(severity(&classified(b"This file was written.\nthat is all\n")), Severity::Benign);
}

#[test]
fn what_a_postcss_plugin_says_is_told_from_an_error() {
    let said = "[vite:css] A thing of mine: inset was left alone\n1  |  .b { inset: 0 }\n   |       ^^^^^^^^\n";
    assert_eq!(severity(&classified(format!("{said}✓ built in 902ms\n").as_bytes())), Severity::Benign);
    let broken = "[vite:css] Undefined variable.\n  ╷\n1 │ .a{color:$nope}\n  ╵\n  c.scss 1:10  root stylesheet\nfile: /srv/c.scss\n";
    assert_eq!(severity(&classified(broken.as_bytes())), Severity::Fatal);
}

#[test]
fn a_stack_below_words_that_no_rule_knows_is_an_exception() {
    let said = classified(b"the option is quite new here\n    at validate (/srv/site/build.js:52:11)\n    at main (/srv/site/build.js:9:1)\n");
    assert_eq!(ids(&said), ["unknown-warning"]);
    let apart = classified(b"the option is quite new here\n\n    at validate (/srv/site/build.js:52:11)\n");
    assert!(apart.findings.is_empty(), "{:?}", ids(&apart));
    let prose = classified(b"the cache was warmed\nat least 3 pages of it\n");
    assert!(prose.findings.is_empty(), "{:?}", ids(&prose));
}
