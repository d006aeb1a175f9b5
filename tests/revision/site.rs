//! A revision of the site's own repository is judged as the tree that it would become.

use std::fs;

use crate::support::digest;
use crate::{SHEET, add_fresh, checkout, git, on_next, staged, write};

#[test]
fn a_broken_theme_in_a_revision_blocks_with_its_file_and_line() {
    let site = checkout();
    on_next(&site, |live| {
        add_fresh(live);
        write(live, SHEET, "@import 'application';\n.fresh { color: $nobody; }\n");
    });
    let checked = site.check(&["--rev", "next"]);
    checked.assert_verdict("block", 1);
    assert!(checked.grave()[0].contains("app/javascript/styles/fresh.scss:2"), "{:?}", checked.grave());
}

#[test]
fn a_stylesheet_that_a_revision_removes_and_the_registry_still_lists_blocks() {
    let site = checkout();
    on_next(&site, |live| fs::remove_file(live.join("app/javascript/styles/contrast.scss")).unwrap());
    let checked = site.check(&["--rev", "next"]);
    checked.assert_verdict("block", 1);
    assert!(checked.finding("theme-file-missing").is_some(), "{:?}", checked.grave());
}

#[test]
fn what_a_revision_removes_is_gone_from_the_stage_and_no_promotion_is_offered() {
    let site = checkout();
    on_next(&site, |live| {
        fs::remove_file(live.join("app/javascript/components/drawer.js")).unwrap();
        fs::remove_file(live.join("app/javascript/components/column.js")).unwrap();
    });
    assert_eq!(staged(&site, &["--rev", "next"], "app/javascript/components/drawer.js"), None);
    let output = site.command(&["check", "--rev", "next"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("PASS") && text.contains("2 removed"), "{text}");
    assert!(text.contains("checkout next") && !text.contains("promote --run"), "{text}");
}

#[test]
fn a_bare_repository_that_the_live_tree_is_deployed_from_is_judged_against_the_live_tree() {
    let site = checkout();
    let base = site.folder.path();
    git(base, &["clone", "--quiet", "--bare", "live", "deploy.git"]);
    on_next(&site, add_fresh);
    git(&site.live, &["push", "--quiet", "../deploy.git", "next"]);
    fs::remove_dir_all(site.path(".git")).unwrap();
    let repo = base.join("deploy.git").to_string_lossy().into_owned();
    let before = digest(&base.join("deploy.git"));
    let checked = site.check(&["--repo", &repo, "--rev", "next"]);
    checked.assert_verdict("pass", 0);
    assert_eq!(checked.report["themes"], serde_json::json!(["fresh"]));
    crate::support::assert_same_tree(&before, &digest(&base.join("deploy.git")));
    site.append("app/javascript/styles/contrast.scss", "/* by hand */\n");
    assert!(site.check(&["--repo", &repo, "--rev", "next"]).finding("local-edits-carried").is_some());
    let checked = site.check(&["--repo", &repo, "--rev", "next", "--base", "next"]);
    assert!(checked.finding("local-edits-carried").is_some(), "{:?}", checked.findings());
}

#[test]
fn other_lock_files_leave_it_undecided_unless_a_command_installs_them() {
    let site = checkout();
    on_next(&site, |live| {
        add_fresh(live);
        write(live, "yarn.lock", "# yarn\n");
    });
    write(&site.live, "bin/rails", "#!/bin/sh\nexit 1\n");
    let checked = site.check(&["--rev", "next", "--compiler", "rails"]);
    checked.assert_verdict("undecided", 3);
    assert!(checked.finding("packages-change").is_some(), "{:?}", checked.grave());
    assert!(checked.report["precompile"].is_null(), "it was compiled with the wrong packages");
    let checked = site.check(&["--rev", "next", "--compiler", "echo installing"]);
    assert!(!checked.report["precompile"].is_null());
}

#[test]
fn a_revision_that_is_no_mastodon_is_refused() {
    let site = checkout();
    git(&site.live, &["checkout", "--quiet", "--orphan", "pages"]);
    git(&site.live, &["rm", "-r", "--quiet", "--cached", "."]);
    git(&site.live, &["commit", "--quiet", "--allow-empty", "--message", "pages"]);
    git(&site.live, &["checkout", "--quiet", "--force", "main"]);
    let checked = site.check(&["--rev", "pages"]);
    checked.assert_verdict("block", 1);
    assert!(checked.finding("revision-is-no-mastodon").is_some(), "{:?}", checked.grave());
}
