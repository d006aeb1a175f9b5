//! The repository of the site itself: a fork of Mastodon that somebody works in, and a bare one that deploys by push.

use std::fs;
use std::path::{Path, PathBuf};

use crate::lab::{BROKEN, GOOD, Lab, copy, write, write_script};

const SHEET: &str = "app/javascript/styles/plain.scss";
const LINE: &str = "plain: styles/plain.scss\n";

/// Offers a theme whose stylesheet is `text`, in the tree at `folder`.
fn offer(folder: &Path, text: &str) {
    let registry = folder.join("config/themes.yml");
    let mut lines = fs::read_to_string(&registry).unwrap();
    if !lines.contains(LINE) {
        lines.push_str(LINE);
        fs::write(registry, lines).unwrap();
    }
    write(&folder.join(SHEET), text);
}

/// The live tree as a checkout, pushed once.
fn checkout() -> (Lab, PathBuf) {
    let lab = Lab::new();
    let live = lab.site.live.clone();
    write(&live.join(".gitignore"), "/log\n/public/system\n/.env*\n");
    lab.repository(&live);
    lab.git(&live, &["push", "-q", "origin", "main"]).succeeds();
    (lab, live)
}

#[test]
fn a_push_from_the_live_tree_itself_is_judged_by_what_is_committed() {
    let (lab, live) = checkout();
    lab.themegate(&live, &["hook", "install"]).succeeds().says(&["Mastodon's own tree"]);
    lab.commit(&live, "docs/notes.md", "words\n");
    lab.git(&live, &["push", "-q", "origin", "main"]).succeeds().says(&["nothing that an asset compile reads"]);

    offer(&live, BROKEN);
    lab.commit_all(&live, "a theme");
    lab.git(&live, &["push", "-q", "origin", "main"]).fails().says(&["BLOCK   main", "plain.scss:1"]);
    write(&live.join(SHEET), GOOD);
    lab.git(&live, &["push", "-q", "origin", "main"]).fails().says(&["BLOCK   main", "plain.scss:1"]);
    lab.commit_all(&live, "mended");
    write(&live.join(SHEET), BROKEN);
    lab.git(&live, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main", "plain"]);
}

#[test]
fn a_stylesheet_that_lies_in_the_live_tree_and_was_not_committed_is_missed() {
    let (lab, live) = checkout();
    lab.themegate(&live, &["hook", "install", "--hook", "pre-push", "--hook", "pre-commit"]).succeeds();
    offer(&live, GOOD);
    lab.git(&live, &["add", "config/themes.yml"]).succeeds();
    lab.git(&live, &["commit", "-qm", "the line alone"]).fails().says(&["BLOCK   this commit", "plain"]);
    lab.git(&live, &["commit", "-qm", "the line alone", "--no-verify"]).succeeds();
    lab.git(&live, &["push", "-q", "origin", "main"]).fails().says(&["BLOCK   main", "plain"]);
    lab.git(&live, &["add", SHEET]).succeeds();
    lab.git(&live, &["commit", "-qm", "the sheet"]).succeeds().says(&["this commit"]);
    lab.git(&live, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main"]);
}

#[test]
fn what_lies_in_the_live_tree_does_not_help_a_push_from_another_worktree() {
    let (lab, live) = checkout();
    lab.themegate(&live, &["hook", "install"]).succeeds();
    lab.git(&live, &["worktree", "add", "-q", "../linked", "-b", "linked"]).succeeds();
    let linked = lab.path("linked");
    offer(&linked, GOOD);
    write(&live.join(SHEET), GOOD);
    lab.git(&linked, &["commit", "-qm", "the line alone", "config/themes.yml"]).succeeds();
    lab.git(&linked, &["push", "-q", "origin", "linked"]).fails().says(&["BLOCK   linked", "plain"]);
    lab.commit_all(&linked, "the sheet");
    lab.git(&linked, &["push", "-q", "origin", "linked"]).succeeds().says(&["PASS   linked"]);
}

#[test]
fn a_merge_is_committed_in_the_live_tree() {
    let (lab, live) = checkout();
    lab.themegate(&live, &["hook", "install", "--hook", "pre-commit"]).succeeds();
    lab.git(&live, &["checkout", "-q", "-b", "side"]).succeeds();
    offer(&live, GOOD);
    lab.commit_all(&live, "side");
    lab.git(&live, &["checkout", "-q", "main"]).succeeds();
    lab.commit(&live, "app/javascript/styles/other.scss", "a { color: red; }\n");
    lab.git(&live, &["merge", "-q", "--no-commit", "--no-ff", "side"]).succeeds();
    lab.git(&live, &["commit", "-qm", "merge"]).succeeds().says(&["this commit"]).does_not_say("BLOCK");
}

#[test]
fn a_bare_repository_deploys_what_passes_and_nothing_else() {
    let lab = Lab::new();
    let live = lab.site.live.clone();
    let bare = lab.path("remote.git");
    lab.install(&bare, &[]).succeeds().says(&["pre-receive", "Mastodon's own tree", "only the branch that HEAD names"]);
    let deploy = format!("#!/bin/sh\ngit --work-tree='{}' checkout -q -f main\n", live.display());
    write_script(&bare.join("hooks/post-receive"), &deploy);
    let fork = lab.path("fork");
    copy(&live, &fork);
    write(&fork.join(".gitignore"), "/log\n/public/system\n/.env*\n");
    lab.repository(&fork);
    lab.git(&fork, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main"]);

    offer(&fork, BROKEN);
    lab.commit_all(&fork, "broken");
    lab.git(&fork, &["push", "-q", "origin", "main"])
        .fails()
        .says(&["remote: themegate: BLOCK   main", "plain.scss:1"]);
    assert!(!live.join(SHEET).exists());

    offer(&fork, GOOD);
    lab.commit_all(&fork, "mended");
    lab.git(&fork, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main", "plain"]);
    assert_eq!(fs::read_to_string(live.join(SHEET)).unwrap(), GOOD);

    fs::remove_file(fork.join(SHEET)).unwrap();
    lab.commit_all(&fork, "gone");
    lab.git(&fork, &["push", "-q", "origin", "main"]).fails().says(&["BLOCK   main", "plain"]);
    assert!(live.join(SHEET).exists());
}

#[test]
fn after_a_checkout_or_merge_a_warning_says_what_is_not_compiled() {
    let (lab, live) = checkout();
    lab.themegate(&live, &["__compile"]).succeeds();
    write(&live.join(".gitignore"), "/log\n/public\n/.env*\n");
    lab.commit_all(&live, "output is not committed");
    lab.themegate(&live, &["hook", "install", "--hook", "post-checkout", "--hook", "post-merge"]).succeeds();
    lab.git(&live, &["checkout", "-q", "-b", "side"]).succeeds().does_not_say("themegate");
    offer(&live, GOOD);
    lab.commit_all(&live, "a theme");
    lab.git(&live, &["checkout", "-q", "main"]).succeeds().does_not_say("Do not restart");
    lab.git(&live, &["checkout", "-q", "side"]).succeeds().says(&[
        "Do not restart Mastodon yet",
        "plain",
        "themegate check",
    ]);
    lab.git(&live, &["checkout", "-q", "main"]).succeeds();
    lab.git(&live, &["merge", "-q", "--no-ff", "-m", "merge", "side"]).succeeds().says(&["after this merge", "plain"]);
    fs::rename(lab.path(".themegate"), lab.path("moved")).ok();
    write(&lab.path("themegate.toml"), "nonsense\n");
    lab.git(&live, &["checkout", "-q", "HEAD~1"]).succeeds();
}
