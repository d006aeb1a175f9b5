//! Hooks of other people and other tools: they run first, get what git gives, and can still refuse.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::lab::{BROKEN, Lab, SHEET, write, write_script};

const PUSH: [&str; 4] = ["push", "-q", "origin", "main"];

/// Writes down its arguments and its input, byte for byte.
fn recorder(to: &Path) -> String {
    format!("#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\" >>'{0}.arguments'\ncat >>'{0}.input'\n", to.display())
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn a_plain_script_gets_arguments_and_input_and_runs_first() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let (hook, to) = (theme.join(".git/hooks/pre-push"), lab.path("seen"));
    write_script(&hook, &recorder(&to));
    lab.install(&theme, &[]).succeeds().says(&["the hook that was there runs first"]);
    let tip = lab.commit(&theme, SHEET, BROKEN);
    lab.git(&theme, &PUSH).fails().says(&["BLOCK   main"]);
    let zero = "0".repeat(40);
    assert_eq!(read(&lab.path("seen.input")), format!("refs/heads/main {tip} refs/heads/main {zero}\n"));
    let url = lab.path("remote.git");
    assert!(read(&lab.path("seen.arguments")).ends_with(&format!("\norigin\n{}\n", url.display())));
}

#[test]
fn a_script_that_refuses_passes_its_exit_code_on_and_nothing_is_judged() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    write_script(&theme.join(".git/hooks/pre-push"), "#!/bin/sh\necho not today >&2\nexit 7\n");
    write_script(&theme.join(".git/hooks/post-checkout"), "#!/bin/sh\nexit 9\n");
    lab.install(&theme, &["--hook", "pre-push", "--hook", "post-checkout"]).succeeds();
    lab.git(&theme, &PUSH).fails().says(&["not today"]).does_not_say("themegate");
    let code = lab.git(&theme, &["hook", "run", "pre-push", "--", "origin", "x"]).code;
    assert_eq!(code, 7);
    lab.git(&theme, &["checkout", "-q", "-b", "other"]).fails();
    assert_eq!(lab.git(&theme, &["hook", "run", "post-checkout", "--", "a", "b", "1"]).code, 9);
}

#[test]
fn a_script_that_reads_nothing_or_has_no_first_line_still_runs() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let seen = lab.path("seen");
    write_script(&theme.join(".git/hooks/pre-push"), &format!("echo ran >>'{}'\n", seen.display()));
    lab.install(&theme, &[]).succeeds();
    lab.git(&theme, &PUSH).succeeds().says(&["PASS   main"]);
    assert_eq!(read(&seen), "ran\n");
}

#[test]
fn a_hook_that_git_would_not_run_is_kept_and_not_run() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let (hook, text) = (theme.join(".git/hooks/pre-push"), "#!/bin/sh\nexit 1\n");
    write(&hook, text);
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o644)).unwrap();
    lab.install(&theme, &[]).succeeds();
    lab.git(&theme, &PUSH).succeeds().says(&["PASS   main"]);
    lab.themegate(&theme, &["hook", "uninstall"]).succeeds();
    assert_eq!((read(&hook).as_str(), fs::metadata(&hook).unwrap().permissions().mode() & 0o777), (text, 0o644));
}

/// The hook file of git-lfs 3, as `git lfs install` writes it, with a git-lfs that writes down what it gets.
#[test]
fn git_lfs_still_gets_the_refs() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let to = lab.path("lfs");
    write_script(&lab.path("bin/git-lfs"), &recorder(&to));
    write_script(
        &theme.join(".git/hooks/pre-push"),
        "#!/bin/sh\ncommand -v git-lfs >/dev/null 2>&1 || { echo >&2 \"no git-lfs\"; exit 2; }\ngit lfs pre-push \"$@\"\n",
    );
    lab.install(&theme, &[]).succeeds();
    let path = format!("{}:{}", lab.path("bin").display(), std::env::var("PATH").unwrap());
    lab.git_with(&theme, &PUSH, &[("PATH", &path)]).succeeds().says(&["PASS   main"]);
    assert!(read(&lab.path("lfs.input")).starts_with("refs/heads/main "));
    assert!(read(&lab.path("lfs.arguments")).contains("\npre-push\norigin\n"));
}

#[test]
fn the_real_git_lfs_uploads_and_the_theme_is_judged_with_its_files() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    if lab.git(&theme, &["lfs", "version"]).code != 0 {
        assert!(std::env::var_os("CI").is_none() || std::env::var_os("THEMEGATE_QUICK").is_some(), "no git-lfs");
        eprintln!("skipped: the real git-lfs: it is not installed");
        return;
    }
    lab.git(&theme, &["lfs", "install", "--local"]).succeeds();
    write(&theme.join(".gitattributes"), "*.scss filter=lfs diff=lfs merge=lfs -text\n");
    lab.git(&theme, &["add", "--renormalize", "."]).succeeds();
    lab.commit_all(&theme, "sheets in LFS");
    lab.install(&theme, &[]).succeeds().says(&["the hook that was there runs first"]);
    assert!(lab.git(&theme, &["show", &format!("HEAD:{SHEET}")]).out.starts_with("version https://git-lfs"));
    lab.git(&theme, &PUSH).succeeds().says(&["PASS   main"]);
    assert!(lab.path("remote.git/lfs/objects").is_dir(), "git-lfs uploaded nothing");
    lab.commit(&theme, SHEET, BROKEN);
    lab.git(&theme, &PUSH).fails().says(&["BLOCK   main", "midnight.scss:1"]);
}

/// husky 9 writes the same two lines for every hook; they tell by their own name which script to run.
#[test]
fn husky_still_runs_its_script_under_the_right_name() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let folder = theme.join(".husky/_");
    write_script(&folder.join("pre-push"), "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"");
    write(
        &folder.join("h"),
        "#!/usr/bin/env sh\nn=$(basename \"$0\")\ns=$(dirname \"$(dirname \"$0\")\")/$n\n[ ! -f \"$s\" ] && exit 0\n\
         sh -e \"$s\" \"$@\"\nc=$?\nexit $c\n",
    );
    let to = lab.path("seen");
    write(&theme.join(".husky/pre-push"), recorder(&to));
    lab.git(&theme, &["config", "core.hooksPath", ".husky/_"]).succeeds();
    lab.install(&theme, &[]).succeeds().says(&[".husky/_/pre-push", "husky writes", "anew"]);
    lab.git(&theme, &PUSH).succeeds().says(&["PASS   main"]);
    assert!(read(&lab.path("seen.input")).starts_with("refs/heads/main "));
    assert!(read(&lab.path("seen.arguments")).contains("\norigin\n"));

    let stub = fs::read(folder.join("pre-push.before-themegate")).unwrap();
    fs::write(folder.join("pre-push"), stub).unwrap();
    lab.install(&theme, &[]).succeeds().says(&["installed"]);
    write(&theme.join(".husky/pre-push"), "exit 5\n");
    lab.git(&theme, &["commit", "-qam", "x", "--allow-empty", "--no-verify"]).succeeds();
    lab.git(&theme, &PUSH).fails().does_not_say("judging");
}

/// lefthook writes its hooks anew when its configuration has changed, from within its hook: ours is moved aside.
#[test]
fn a_tool_that_puts_our_hook_out_is_told_of() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let hook = theme.join(".git/hooks/pre-push");
    let tool = "#!/bin/sh\ncat >/dev/null\ncall_lefthook() { mv \"$1\" \"$1.old\"; cp \"$1.before-themegate\" \"$1\"; }\n\
                grep -q themegate.hook \"${0%.before-themegate}\" && call_lefthook \"${0%.before-themegate}\"\nexit 0\n";
    write_script(&hook, tool);
    lab.install(&theme, &[]).succeeds();
    lab.git(&theme, &PUSH).succeeds().says(&["PASS   main", "last pre-push that is judged", "themegate hook install"]);
    lab.install(&theme, &[]).succeeds().says(&["installed", "runs first"]);
    lab.commit(&theme, SHEET, BROKEN);
    lab.git(&theme, &PUSH).fails().says(&["BLOCK   main"]);
}

/// pre-commit moves a hook that it finds to `NAME.legacy` and runs it from its own: installed once more after themegate, it
/// must neither run twice nor for ever.
#[test]
fn a_tool_that_takes_our_hook_in_runs_it_once() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let hooks = theme.join(".git/hooks");
    let seen = lab.path("seen");
    let tool = format!(
        "#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\necho tool >>'{}'\n\
         input=$(cat; echo x)\nprintf %s \"${{input%x}}\" | \"$(dirname \"$0\")/pre-push.legacy\" \"$@\"\n",
        seen.display()
    );
    write_script(&hooks.join("pre-push.legacy"), "#!/bin/sh\ncat >/dev/null\n");
    write_script(&hooks.join("pre-push"), &tool);
    lab.install(&theme, &[]).succeeds();
    fs::rename(hooks.join("pre-push"), hooks.join("pre-push.legacy")).unwrap();
    write_script(&hooks.join("pre-push"), &format!("{tool}# another Python\n"));
    let pushed = lab.git(&theme, &PUSH);
    pushed.succeeds().says(&["PASS   main"]);
    assert_eq!(pushed.err.matches("PASS").count(), 1, "{}", pushed.err);
    assert_eq!(read(&seen), "tool\n");

    // Installed again, ours stands before and behind the tool's: still once.
    fs::remove_file(hooks.join("pre-push.before-themegate")).unwrap();
    lab.install(&theme, &[]).succeeds();
    lab.commit(&theme, SHEET, BROKEN);
    let pushed = lab.git(&theme, &PUSH);
    pushed.fails();
    assert_eq!(pushed.err.matches("BLOCK").count(), 1, "{}", pushed.err);
    assert_eq!(read(&seen), "tool\ntool\n");
}
