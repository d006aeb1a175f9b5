//! `check --fast`: it refuses what is certain, leaves the rest to the whole check by name, and never passes. The fault matrix
//! asks it about every row on stylesheets; here is what only this way of looking could get wrong.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use support::{Checked, Kind, Site, cache, repository, skipped};

fn theme(name: &str) -> String {
    repository().join("fixtures/themes").join(name).to_string_lossy().into_owned()
}

fn left(checked: &Checked) -> String {
    checked.report["fast"]["left"].to_string()
}

/// Looks at one stylesheet as a theme.
fn look(site: &Site, text: &str) -> Checked {
    let sheet = site.folder.path().join("ft.scss");
    fs::write(&sheet, text).unwrap();
    site.check(&["--fast", "--theme", sheet.to_str().unwrap()])
}

#[test]
fn a_clean_theme_has_no_fault_yet_and_is_not_promotable() {
    let site = Site::copy(Kind::Builtin);
    let checked = site.check(&["--fast", "--theme", &theme("midnight")]);
    checked.assert_verdict("pass", 0);
    assert_eq!(checked.report["promotable"], false);
    assert!(left(&checked).contains("manifest"), "{}", left(&checked));
    let run = checked.report["run"].as_str().unwrap();
    let promoted = site.command(&["promote", "--run", run]).output().unwrap();
    assert_ne!(promoted.status.code(), Some(0));
    let at_once = site.command(&["promote", "--fast", "--theme", &theme("midnight")]).output().unwrap();
    assert_eq!(at_once.status.code(), Some(2), "{}", String::from_utf8_lossy(&at_once.stderr));
    let page = site.command(&["check", "--fast", "--format", "html", "--theme", &theme("midnight")]).output().unwrap();
    let page = String::from_utf8_lossy(&page.stdout).into_owned();
    assert!(page.contains("NO FAULT FOUND YET"));
    let left = page.split_once("Left to the whole check").unwrap().1;
    assert!(left.contains("configuration and the manifest"), "{left}");
    let text = site.command(&["check", "--fast", "--theme", &theme("midnight")]).output().unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("NO FAULT FOUND YET") && text.contains("not a pass"), "{text}");
    assert!(!text.contains("themegate promote"), "{text}");
}

#[test]
fn it_neither_waits_for_a_check_that_runs_nor_disturbs_it() {
    let site = Site::copy(Kind::Builtin);
    let mut whole = site.command(&["check", "--compiler", "sleep 60"]).stderr(Stdio::null()).spawn().unwrap();
    let began = std::time::Instant::now();
    while site.stages().is_empty() && began.elapsed().as_secs() < 30 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let stages = site.stages();
    let output = site.command(&["check", "--fast", "--theme", &theme("midnight")]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(site.stages(), stages);
    rustix::process::kill_process(rustix::process::Pid::from_child(&whole), rustix::process::Signal::INT).unwrap();
    whole.wait().unwrap();
}

#[test]
fn a_stylesheet_that_never_ends_is_undecided_and_leaves_nothing_running() {
    let site = Site::copy(Kind::Builtin);
    let sheet = site.folder.path().join("ft.scss");
    fs::write(&sheet, "@import 'application';\n@while true { .a { b: c; } }\n").unwrap();
    let checked = site.check(&["--fast", "--time-limit", "2s", "--theme", sheet.to_str().unwrap()]);
    checked.assert_verdict("undecided", 3);
    assert!(checked.finding("build-out-of-time").is_some(), "{:?}", checked.grave());
}

#[test]
fn what_the_live_sheet_has_already_does_not_hold_the_site_as_it_is() {
    let site = Site::copy(Kind::Builtin);
    let sheet = "@import 'application';\n.status { color: nope-fn(#fff, 10%); }\n@import url('https://fonts.example.org/f.css');\n";
    site.write("app/javascript/styles/ft.scss", sheet);
    site.append("config/themes.yml", "ft: styles/ft.scss\n");
    site.check(&["--fast"]).assert_verdict("hold", 1);
    assert!(site.command(&["__compile"]).output().unwrap().status.success());
    site.check(&["--fast"]).assert_verdict("pass", 0);
}

#[test]
fn names_that_only_the_bundler_can_resolve_are_left_to_it() {
    let name = "names_that_only_the_bundler_can_resolve_are_left_to_it";
    if skipped(Kind::Vite, name) {
        return;
    }
    let site = Site::sources_of(Kind::Vite);
    let text = "@use 'application';\n@use '$theme/colours';\n.status { color: #123456; }\n";
    let checked = look(&site, text);
    checked.assert_verdict("pass", 0);
    assert!(left(&checked).contains("find stylesheet"), "{}", left(&checked));
    let lost = "@use 'application';\n@use 'brand/colours';\n";
    look(&site, lost).assert_verdict("block", 1);
    let config = fs::read_to_string(site.path("vite.config.mts")).unwrap();
    site.write("vite.config.mts", config.replace("'@': sourceRoot", "'@': sourceRoot, 'brand': '/srv/brand'"));
    look(&site, lost).assert_verdict("pass", 0);
}

#[test]
fn where_sass_is_given_more_than_the_file_only_a_fault_of_the_text_counts() {
    let name = "where_sass_is_given_more_than_the_file_only_a_fault_of_the_text_counts";
    if skipped(Kind::Vite, name) {
        return;
    }
    let site = Site::sources_of(Kind::Vite);
    let (unknown, open) = ("@use 'application';\n.a { color: $brand; }\n", "@use 'application';\n.a { color: red;\n");
    look(&site, unknown).assert_verdict("block", 1);
    let config = fs::read_to_string(site.path("vite.config.mts")).unwrap();
    site.write("vite.config.mts", config.replace("scss: {", "scss: { additionalData: '$brand: red;',"));
    let checked = look(&site, unknown);
    checked.assert_verdict("pass", 0);
    assert!(left(&checked).contains("Undefined variable"), "{}", left(&checked));
    look(&site, open).assert_verdict("block", 1);
}

#[test]
fn a_stock_sheet_that_does_not_compile_this_way_means_that_this_way_knows_nothing() {
    let name = "a_stock_sheet_that_does_not_compile_this_way_means_that_this_way_knows_nothing";
    if skipped(Kind::Vite, name) {
        return;
    }
    let site = Site::sources_of(Kind::Vite);
    site.append("app/javascript/styles/application.scss", "\n.a { color: $put-in-by-a-plugin; }\n");
    let checked = look(&site, "@use 'application';\n.status { color: #123456; }\n");
    checked.assert_verdict("pass", 0);
    assert!(left(&checked).contains("application.scss"), "{}", left(&checked));
}

#[test]
fn packages_are_found_and_a_sass_that_does_not_start_refuses_nothing() {
    let name = "packages_are_found_and_a_sass_that_does_not_start_refuses_nothing";
    if skipped(Kind::Webpacker, name) {
        return;
    }
    let site = Site::sources_of(Kind::Webpacker);
    fs::remove_file(site.path("node_modules")).unwrap();
    site.write("node_modules/brand/_colours.scss", "$brand: #123456;\n");
    let text = "@import 'application';\n@import '~brand/colours';\n.status { color: $brand; }\n";
    let builtin = look(&site, text);
    builtin.assert_verdict("pass", 0);
    look(&site, &format!("{text}.a {{ b: c;\n")).assert_verdict("block", 1);
    let newer = look(&site, &format!("{text}.a {{ b: if(sass($brand): 1; else: 2); }}\n"));
    newer.assert_verdict("pass", 0);
    assert!(left(&newer).contains("ft.scss:4"), "{}", left(&newer));
    assert_eq!(builtin.report["precompile"]["builtin"], true);
    let packages = cache().join("webpacker-site/node_modules");
    symlink(packages.join("sass"), site.path("node_modules/sass")).unwrap();
    let own = look(&site, text);
    own.assert_verdict("pass", 0);
    assert_eq!(own.report["precompile"]["builtin"], false);
    look(&site, &text.replace("$brand;", "$brandy;")).assert_verdict("block", 1);
    fs::remove_file(site.path("node_modules/sass")).unwrap();
    site.write("node_modules/sass/package.json", r#"{"name": "sass", "version": "1.0.0", "main": "sass.js"}"#);
    site.write("node_modules/sass/sass.js", "throw new Error('wants a newer node');\n");
    let unusable = look(&site, &text.replace("$brand;", "$brandy;"));
    unusable.assert_verdict("pass", 0);
    assert!(left(&unusable).contains("wants a newer node"), "{}", left(&unusable));
}
