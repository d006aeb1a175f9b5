//! Installing and taking away: where hooks belong, whose they are, and what is refused.

use std::fs;
use std::path::Path;

use crate::lab::{BROKEN, Lab, SHEET, write, write_script};
use crate::support::copy_program;

const PUSH: [&str; 4] = ["push", "-q", "origin", "main"];

#[test]
fn taking_away_leaves_the_repository_as_it_was_found() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let git = theme.join(".git");
    write_script(&git.join("hooks/pre-push"), "#!/bin/sh\n# theirs, without an end of line");
    let before = contents(&git);
    lab.install(&theme, &["--hook", "pre-push", "--hook", "pre-commit", "--hook", "post-merge"]).succeeds();
    assert_ne!(contents(&git), before);
    lab.install(&theme, &["--hook", "pre-push"]).succeeds().says(&["is installed already"]);
    lab.themegate(&theme, &["hook", "uninstall"]).succeeds().says(&["as it was before", "taken away"]);
    assert_eq!(contents(&git), before);
    lab.themegate(&theme, &["hook", "uninstall", "--hook", "pre-push"]).succeeds().says(&["was not installed here"]);
}

/// Every file with its mode and bytes. git leaves an empty section's head in its configuration: that is no difference.
fn contents(git: &Path) -> Vec<(String, u32, Vec<u8>)> {
    use std::os::unix::fs::PermissionsExt;
    let files = walkdir::WalkDir::new(git).sort_by_file_name().into_iter().flatten();
    let files = files.filter(|entry| entry.file_type().is_file());
    let of = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes).replace("[themegate]\n", "").into_bytes();
        let bytes = if path.ends_with("config") { text } else { bytes };
        (path.display().to_string(), fs::metadata(path).unwrap().permissions().mode(), bytes)
    };
    files.map(|entry| of(entry.path())).collect()
}

#[test]
fn a_hooks_folder_that_all_repositories_share_is_refused_unless_asked_for() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let shared = lab.path("shared-hooks");
    lab.git(&theme, &["config", "--global", "core.hooksPath", &shared.to_string_lossy()]).succeeds();
    let refused = lab.install(&theme, &[]);
    assert_eq!(refused.code, 2);
    refused.says(&["core.hooksPath", ".gitconfig", "git config --local core.hooksPath", "--shared-hooks"]);
    assert!(!shared.exists());

    lab.install(&theme, &["--shared-hooks"]).succeeds().says(&["shared-hooks/pre-push"]);
    lab.commit(&theme, SHEET, BROKEN);
    lab.git(&theme, &PUSH).fails().says(&["BLOCK   main"]);
    let other = lab.theme("other");
    lab.commit(&other, SHEET, BROKEN);
    lab.git(&other, &["push", "-q", "origin", "main:other"]).succeeds().does_not_say("themegate");
}

#[test]
fn a_program_that_moved_is_found_in_path_and_a_lost_one_refuses_pushes_alone() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let program = lab.path("opt/themegate");
    fs::create_dir_all(lab.path("opt")).unwrap();
    copy_program(&program);
    let install = |live: &str| {
        let words = ["hook", "install", "--hook", "pre-push", "--hook", "pre-commit", "--live", live];
        let done =
            std::process::Command::new(&program).args(words).current_dir(&theme).env("HOME", lab.root()).output();
        assert!(done.unwrap().status.success());
    };
    install(&lab.site.live.to_string_lossy());
    fs::create_dir_all(lab.path("bin")).unwrap();
    fs::rename(&program, lab.path("bin/themegate")).unwrap();
    let path = std::env::var("PATH").unwrap();
    let with = format!("{}:{path}", lab.path("bin").display());
    lab.git_with(&theme, &PUSH, &[("PATH", &with)]).succeeds().says(&["PASS   main"]);

    write(&theme.join(SHEET), BROKEN);
    lab.git(&theme, &["commit", "-qam", "broken"]).succeeds().says(&["is gone", "goes on without it"]);
    let refused = lab.git(&theme, &PUSH);
    refused.fails().says(&["REFUSED", "opt/themegate is gone", "hook install --hook pre-push", "git push --no-verify"]);
    lab.git(&theme, &["push", "-q", "--no-verify", "origin", "main"]).succeeds();
}

#[test]
fn a_hook_that_somebody_replaced_is_left_alone() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let hook = theme.join(".git/hooks/pre-push");
    write_script(&hook, "#!/bin/sh\n# the first\n");
    lab.install(&theme, &[]).succeeds();
    write_script(&hook, "#!/bin/sh\n# the second\n");
    for words in [["hook", "uninstall"], ["hook", "install"]] {
        let refused = lab.themegate(&theme, &words);
        assert_eq!(refused.code, 2);
        refused.says(&["somebody has replaced it since", "pre-push.before-themegate"]);
        assert!(fs::read_to_string(&hook).unwrap().contains("the second"));
    }
}

#[test]
fn a_place_without_repository_or_live_tree_is_refused_with_what_to_type() {
    let lab = Lab::new();
    let nowhere = tempfile::tempdir().unwrap();
    let refused = lab.install(nowhere.path(), &[]);
    assert_eq!(refused.code, 2);
    refused.says(&["not a git repository", "Go into the repository first"]);
    let theme = lab.theme("midnight");
    fs::rename(&lab.site.live, lab.path("elsewhere")).unwrap();
    lab.themegate(&theme, &["hook", "install"]).fails().says(&["--live DIR"]);
    assert!(!theme.join(".git/hooks/pre-push").exists());
}

#[test]
fn a_hooks_folder_that_is_named_relatively_is_every_worktrees_own_and_install_says_so() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    lab.install(&theme, &[]).succeeds().does_not_say("every linked worktree");
    lab.git(&theme, &["config", "core.hooksPath", ".githooks"]).succeeds();
    lab.install(&theme, &[]).succeeds().says(&[".githooks/pre-push", "every linked worktree looks for it in itself"]);
    lab.themegate(&theme, &["hook", "uninstall"]).succeeds().says(&["taken away"]);
    // The one in .git/hooks is still there, and still knows its live tree.
    lab.git(&theme, &["config", "--unset", "core.hooksPath"]).succeeds();
    lab.git(&theme, &PUSH).succeeds().says(&["PASS   main"]);
    lab.themegate(&theme, &["hook", "uninstall"]).succeeds();
    assert_eq!(lab.git(&theme, &["config", "themegate.live"]).code, 1);
}
