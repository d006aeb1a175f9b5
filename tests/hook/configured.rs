//! Hooks in git's configuration: with a git that runs them they judge beside all others, and an older one is told from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::gits::gits;
use crate::lab::{BROKEN, GOOD, Lab, SHEET, write, write_script};

const PUSH: [&str; 4] = ["push", "-q", "origin", "main"];

/// The first two numbers of a git's version.
fn version(git: &Path) -> (u32, u32) {
    let said = Command::new(git).arg("version").output().unwrap().stdout;
    let text = String::from_utf8_lossy(&said).into_owned();
    let mut numbers = text.trim_start_matches("git version ").split('.').map(|number| number.trim().parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// A git of this machine that says it is a newer one: what is written can be seen, and run as git would run it.
fn as_newer(lab: &mut Lab) {
    let newer = lab.path("newer/git");
    let real = String::from_utf8(Command::new("sh").args(["-c", "command -v git"]).output().unwrap().stdout).unwrap();
    let text =
        format!("#!/bin/sh\n[ \"$1\" = version ] && echo 'git version 2.54.0' && exit\nexec {} \"$@\"\n", real.trim());
    write_script(&newer, &text);
    lab.git = newer;
}

fn configuration(theme: &Path) -> String {
    fs::read_to_string(theme.join(".git/config")).unwrap()
}

#[test]
fn a_git_that_would_pass_it_over_is_refused_and_nothing_is_written() {
    let lab = Lab::new();
    if version(&lab.git) >= (2, 54) {
        return;
    }
    let theme = lab.theme("midnight");
    let before = configuration(&theme);
    let refused = lab.install(&theme, &["--configured"]);
    assert_eq!(refused.code, 2);
    refused.says(&["does not run hooks that are configured", "git 2.54 and later", "Without --configured"]);
    assert_eq!(configuration(&theme), before);
    lab.git(&theme, &["config", "hook.linter.command", "true"]).succeeds();
    lab.git(&theme, &["config", "hook.linter.event", "pre-push"]).succeeds();
    lab.install(&theme, &[]).succeeds().says(&["configured for pre-push too: linter (local)", "passes them over"]);
}

#[test]
fn it_is_written_run_and_taken_away_without_a_trace_and_stands_once() {
    let mut lab = Lab::new();
    let theme = lab.theme("midnight");
    let before = configuration(&theme);
    let file = theme.join(".git/hooks/pre-push");
    write_script(&file, "#!/bin/sh\n# theirs\n");
    as_newer(&mut lab);
    lab.install(&theme, &["--hook", "pre-push", "--hook", "pre-commit"]).succeeds();
    let configured = lab.install(&theme, &["--hook", "pre-push", "--hook", "pre-commit", "--configured"]);
    configured.succeeds().says(&["configured: hook.themegate-pre-push", "the hook file is taken away"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "#!/bin/sh\n# theirs\n");
    lab.install(&theme, &["--configured"]).succeeds().says(&["is configured already"]);

    let tip = lab.commit(&theme, SHEET, BROKEN);
    let refs = lab.path("refs");
    write(&refs, format!("refs/heads/main {tip} refs/heads/main {}\n", "0".repeat(40)));
    let command = lab.git(&theme, &["config", "hook.themegate-pre-push.command"]).out.trim().to_owned();
    // As git's run-command.c does it: the arguments stand behind the command.
    let line = format!("{command} \"$@\"");
    let run = |line: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", line, line, "origin", "somewhere"]).current_dir(&theme).env("HOME", lab.root());
        let output = shell.stdin(fs::File::open(&refs).unwrap()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&line);
    assert!(code == 1 && said.contains("BLOCK   main"), "{code} {said}");
    let gone = line.replacen(crate::support::THEMEGATE, "/nowhere/themegate", 1);
    let (code, said) = run(&gone);
    assert!(code == 1 && said.contains("REFUSED") && said.contains("--remove-section"), "{code} {said}");
    let commit = lab.git(&theme, &["config", "hook.themegate-pre-commit.command"]).out.trim().to_owned();
    assert_eq!(run(&commit.replacen(crate::support::THEMEGATE, "/nowhere/themegate", 1)).0, 0);

    lab.install(&theme, &["--hook", "pre-commit"]).succeeds().says(&["the one in the configuration is taken away"]);
    lab.themegate(&theme, &["hook", "uninstall"]).succeeds().says(&["taken out of the configuration", "taken away"]);
    assert_eq!(configuration(&theme).replace("[themegate]\n", ""), before);
}

#[test]
fn where_it_is_switched_off_it_is_refused() {
    let mut lab = Lab::new();
    let theme = lab.theme("midnight");
    as_newer(&mut lab);
    lab.git(&theme, &["config", "--global", "hook.pre-push.enabled", "false"]).succeeds();
    lab.install(&theme, &["--configured"]).fails().says(&["switched off", "enabled"]);
    lab.git(&theme, &["config", "--global", "--unset", "hook.pre-push.enabled"]).succeeds();
    lab.git(&theme, &["config", "hook.themegate-pre-push.enabled", "false"]).succeeds();
    lab.install(&theme, &["--configured"]).succeeds().says(&["configured"]);
    assert!(!configuration(&theme).contains("enabled"));
}

/// Every git of this machine that runs configured hooks.
fn newer_gits(test: &str) -> Vec<PathBuf> {
    let newer: Vec<PathBuf> = gits().into_iter().filter(|git| version(git) >= (2, 54)).collect();
    if newer.is_empty() {
        eprintln!("skipped: {test}: no git of 2.54 or later is here (THEMEGATE_GITS=/path/to/git names one)");
    }
    newer
}

#[test]
fn a_git_that_runs_configured_hooks_judges_commits_and_pushes_by_them() {
    for git in newer_gits("a_git_that_runs_configured_hooks_judges_commits_and_pushes_by_them") {
        let lab = Lab::with(&git);
        let theme = lab.theme("midnight");
        let seen = lab.path("seen");
        write_script(&theme.join(".git/hooks/pre-push"), &format!("#!/bin/sh\ncat >'{}'\n", seen.display()));
        lab.git(&theme, &["config", "--global", "core.hooksPath", &theme.join(".git/hooks").to_string_lossy()])
            .succeeds();
        lab.git(&theme, &["config", "--global", "hook.linter.command", "cat >&2; :"]).succeeds();
        lab.git(&theme, &["config", "--global", "hook.linter.event", "pre-push"]).succeeds();
        let words = ["--configured", "--hook", "pre-push", "--hook", "pre-commit"];
        lab.install(&theme, &words).succeeds().says(&["runs configured hooks on pre-push too", "linter (global)"]);
        lab.git(&theme, &PUSH).succeeds().says(&["PASS   main", "(midnight)", "refs/heads/main"]);
        assert!(fs::read_to_string(&seen).unwrap().starts_with("refs/heads/main "));

        write(&theme.join(SHEET), BROKEN);
        lab.git(&theme, &["commit", "-qam", "x"]).fails().says(&["BLOCK   this commit", "midnight.scss:1"]);
        lab.git(&theme, &["commit", "-qam", "x", "--no-verify"]).succeeds();
        let good = lab.remote("refs/heads/main");
        lab.git(&theme, &PUSH).fails().says(&["BLOCK   main", "midnight.scss:1"]);
        assert_eq!(lab.remote("refs/heads/main"), good);
        write(&theme.join(SHEET), GOOD);
        lab.git(&theme, &["commit", "-qam", "y"]).succeeds().says(&["NO FAULT FOUND YET"]);
        lab.git(&theme, &PUSH).succeeds().says(&["PASS   main"]);
        lab.themegate(&theme, &["hook", "uninstall"]).succeeds();
        lab.commit(&theme, SHEET, BROKEN);
        lab.git(&theme, &PUSH).succeeds().does_not_say("BLOCK");
    }
}

#[test]
fn a_bare_repository_judges_what_arrives_by_a_configured_hook() {
    for git in newer_gits("a_bare_repository_judges_what_arrives_by_a_configured_hook") {
        let lab = Lab::with(&git);
        let theme = lab.theme("midnight");
        lab.install(&lab.path("remote.git"), &["--theme-repo", "--configured"]).succeeds().says(&["pre-receive"]);
        lab.git(&theme, &PUSH).succeeds().says(&["remote: themegate: PASS   main"]);
        let broken = lab.commit(&theme, SHEET, BROKEN);
        lab.git(&theme, &PUSH).fails().says(&["remote: themegate: BLOCK   main", "pre-receive hook declined"]);
        lab.git(&lab.path("remote.git"), &["cat-file", "-e", &broken]).fails();
    }
}
