//! Local edits of the live tree: merged, refused, left where they are.

use std::fs;
use std::process::Command;

use crate::{SHEET, add_fresh, checkout, commit, git, on_next, staged, write};

#[test]
fn a_dirty_registry_is_merged_with_the_revisions_own() {
    let site = checkout();
    write(&site.live, "app/javascript/styles/mine.scss", "@import 'application';\n");
    // The revision edits the first line, the live tree the last.
    on_next(&site, |live| {
        fs::remove_file(live.join("app/javascript/styles/mine.scss")).unwrap();
        let registry = fs::read_to_string(live.join("config/themes.yml")).unwrap();
        write(live, "config/themes.yml", format!("# Themes\n{registry}"));
    });
    write(&site.live, "app/javascript/styles/mine.scss", "@import 'application';\n");
    site.append("config/themes.yml", "mine: styles/mine.scss\n");
    let text = String::from_utf8(staged(&site, &["--rev", "next"], "config/themes.yml").unwrap()).unwrap();
    assert!(text.starts_with("# Themes\n") && text.ends_with("mine: styles/mine.scss\n"), "{text}");
    let checked = site.check(&["--rev", "next"]);
    checked.assert_verdict("pass", 0);
    assert!(checked.finding("local-edits-carried").is_some(), "{:?}", checked.findings());
    assert!(checked.report["change"]["source"].as_str().unwrap().contains("config/themes.yml"));
    let checked = site.check(&["--rev", "next", "--local-edits", "refuse"]);
    checked.assert_verdict("block", 1);
    assert!(checked.finding("local-edits-refused").is_some());
    let dropped = staged(&site, &["--rev", "next", "--local-edits", "drop"], "config/themes.yml").unwrap();
    assert!(!String::from_utf8(dropped).unwrap().contains("mine"));
}

#[test]
fn an_edit_at_the_place_that_the_revision_edits_is_refused_with_both_lines() {
    let site = checkout();
    on_next(&site, add_fresh);
    site.append("config/themes.yml", "mine: styles/application.scss\n");
    let checked = site.check(&["--rev", "next"]);
    checked.assert_verdict("block", 1);
    let message = checked.finding("local-edit-conflict").unwrap()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("mine: styles/application.scss") && message.contains("fresh: styles/fresh.scss"),
        "{message}"
    );
    site.check(&["--rev", "next", "--local-edits", "drop"]).assert_verdict("pass", 0);
}

#[test]
fn an_installed_theme_that_git_does_not_know_stays_and_one_in_the_way_is_refused() {
    let site = checkout();
    on_next(&site, add_fresh);
    write(&site.live, "app/javascript/styles/own.scss", "@import 'application';\n");
    let checked = site.check(&["--rev", "next"]);
    checked.assert_verdict("pass", 0);
    assert!(checked.finding("untracked-files-stay").is_some());
    assert!(staged(&site, &["--rev", "next"], "app/javascript/styles/own.scss").is_some());
    write(&site.live, SHEET, "@import 'application';\n.other { a: b; }\n");
    site.check(&["--rev", "next"]).assert_verdict("block", 1);
    let same = git(&site.live, &["show", &format!("next:{SHEET}")]);
    write(&site.live, SHEET, format!("{same}\n"));
    site.check(&["--rev", "next"]).assert_verdict("pass", 0);
}

#[test]
fn a_checkout_in_the_middle_of_a_merge_is_refused() {
    let site = checkout();
    on_next(&site, add_fresh);
    site.append("config/themes.yml", "mine: styles/application.scss\n");
    commit(&site.live, "mine");
    let merge = Command::new("git")
        .args(["-c", "user.name=T", "-c", "user.email=t@e", "merge", "next"])
        .current_dir(&site.live)
        .output();
    assert!(!merge.unwrap().status.success());
    let checked = site.check(&["--rev", "next"]);
    assert!(checked.finding("live-tree-mid-merge").is_some(), "{:?}", checked.grave());
}
