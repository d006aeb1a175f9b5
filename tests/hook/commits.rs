//! Before a commit: the index is looked at in every way that git has of making a commit, and nothing is left behind.

use std::fs;

use crate::lab::{BROKEN, GOOD, Lab, SHEET, write};

const OTHER: &str = "mastodon/app/javascript/styles/midnight/_colors.scss";

fn installed() -> (Lab, std::path::PathBuf) {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    lab.install(&theme, &["--hook", "pre-commit"]).succeeds();
    (lab, theme)
}

#[test]
fn commit_of_everything_or_of_named_files_judges_what_will_be_committed() {
    let (lab, theme) = installed();
    write(&theme.join(SHEET), BROKEN);
    lab.git(&theme, &["commit", "-qam", "all"]).fails().says(&["BLOCK   this commit"]);
    let words = format!("{}\n// more\n", fs::read_to_string(theme.join(OTHER)).unwrap());
    write(&theme.join(OTHER), &words);
    lab.git(&theme, &["commit", "-qm", "one file", OTHER]).succeeds().says(&["NO FAULT FOUND YET   this commit"]);
    lab.git(&theme, &["commit", "-qm", "the other", SHEET]).fails().says(&["BLOCK   this commit"]);
}

#[test]
fn a_first_commit_is_judged_too() {
    let lab = Lab::new();
    let theme = lab.path("new");
    write(&theme.join(SHEET), BROKEN);
    lab.git(&theme, &["init", "-q", "-b", "main"]).succeeds();
    lab.install(&theme, &["--hook", "pre-commit", "--theme-repo"]).succeeds();
    lab.git(&theme, &["add", "-A"]).succeeds();
    lab.git(&theme, &["commit", "-qm", "first"]).fails().says(&["BLOCK   this commit"]);
    write(&theme.join(SHEET), GOOD);
    lab.git(&theme, &["commit", "-qam", "first"]).succeeds().says(&["NO FAULT FOUND YET   this commit"]);
}

#[test]
fn the_index_is_as_it_was_and_no_commit_of_ours_is_left() {
    let (lab, theme) = installed();
    write(&theme.join(SHEET), BROKEN);
    lab.git(&theme, &["add", SHEET]).succeeds();
    let staged = || lab.git(&theme, &["ls-files", "--stage"]).succeeds().out.clone();
    let before = staged();
    lab.git(&theme, &["commit", "-qm", "x"]).fails();
    assert_eq!(staged(), before);
    lab.git(&theme, &["fsck", "--strict", "--unreachable"]).succeeds().does_not_say("unreachable commit");
}

#[test]
fn a_commit_that_no_compile_reads_is_let_through_without_a_word() {
    let (lab, theme) = installed();
    write(&theme.join("README.md"), "words\n");
    let said = lab.git(&theme, &["commit", "-qam", "words"]);
    said.succeeds().does_not_say("themegate");
}

#[test]
fn a_commit_goes_through_where_the_gate_is_away_and_a_word_says_so() {
    let (lab, theme) = installed();
    fs::rename(&lab.site.live, lab.path("elsewhere")).unwrap();
    write(&theme.join(SHEET), BROKEN);
    lab.git(&theme, &["commit", "-qam", "x"]).succeeds().says(&["could not be judged, and goes through"]);
}

/// A stylesheet whose picture is not there: only a bundler can tell.
const NO_PICTURE: &str = "@import 'application';\nbody { background: url('../images/not-there.png'); }\n";

#[test]
fn a_commit_gets_a_fast_look_that_waits_for_nobody_and_is_no_pass() {
    let (lab, theme) = installed();
    let _held = crate::pushes::hold(&lab.site.state());
    write(&theme.join(SHEET), BROKEN);
    lab.git(&theme, &["commit", "-qam", "x"]).fails().says(&[
        "BLOCK   this commit",
        "midnight.scss:1",
        "expected \"}\"",
        "THEMEGATE_SKIP=",
    ]);
    write(&theme.join(SHEET), GOOD);
    let said = lab.git(&theme, &["commit", "-qam", "x"]);
    said.succeeds().says(&["NO FAULT FOUND YET   this commit (midnight)", "Left to the whole check", "the manifest"]);
    said.does_not_say("another one is at work").does_not_say("PASS");
}

#[test]
fn what_a_fast_look_cannot_judge_goes_through_with_a_word_and_a_whole_check_refuses_it() {
    let (lab, theme) = installed();
    lab.install(&theme, &["--hook", "pre-push"]).succeeds();
    write(&theme.join(SHEET), NO_PICTURE);
    lab.git(&theme, &["commit", "-qam", "x"]).succeeds().says(&["NO FAULT FOUND YET", "pictures and fonts"]);
    lab.git(&theme, &["push", "-q", "origin", "main"]).fails().says(&["main", "not-there.png"]);
    write(&lab.path("themegate.toml"), "[hook]\nfast = []\n");
    write(&theme.join(SHEET), NO_PICTURE.replace("body", "html"));
    lab.git(&theme, &["commit", "-qam", "y"]).fails().says(&["this commit", "not-there.png"]).does_not_say("FAULT");
    write(&lab.path("themegate.toml"), "[hook]\nfast = [\"pre-commit\", \"pre-push\"]\n");
    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["NO FAULT FOUND YET   main"]);
}

#[test]
fn where_something_goes_live_a_fast_look_is_refused_and_nothing_gets_in() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    lab.install(&lab.path("remote.git"), &["--theme-repo"]).succeeds();
    write(&lab.path("themegate.toml"), "[hook]\nfast = [\"pre-receive\"]\n");
    let said = lab.git(&theme, &["push", "-q", "origin", "main"]);
    said.fails().says(&["REFUSED", "something goes live by pre-receive"]);
    assert_eq!(lab.remote("refs/heads/main"), "");
}
