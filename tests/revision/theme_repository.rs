//! Repositories of themes, healthy and hostile ones.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::{Kind, Site};
use crate::{check_theme, commit, git, refusal, theme, write};

#[test]
fn a_theme_at_a_tag_is_judged_by_its_objects_whatever_the_working_tree_holds() {
    let site = Site::copy(Kind::Builtin);
    let theme = theme(&site);
    write(&theme, "app/javascript/styles/tide.scss", ".broken {");
    let checked = check_theme(&site, &theme, "v1");
    checked.assert_verdict("pass", 0);
    assert_eq!(
        (&checked.report["themes"], &checked.report["promotable"]),
        (&serde_json::json!(["tide"]), &true.into())
    );
    let inner = theme.join("app");
    fs::create_dir_all(&inner).unwrap();
    let words = refusal(&site, &["--theme", &theme.to_string_lossy(), "--rev", "v2"]);
    assert!(words.contains("no revision v2"), "{words}");
}

#[test]
fn a_bare_a_shallow_and_a_linked_theme_repository_are_read() {
    let site = Site::copy(Kind::Builtin);
    let theme = theme(&site);
    commit(&theme, "second");
    let base = site.folder.path();
    git(base, &["clone", "--quiet", "--bare", "tide", "tide.git"]);
    let url = format!("file://{}", theme.display());
    git(base, &["clone", "--quiet", "--depth", "1", &url, "shallow"]);
    git(&theme, &["worktree", "add", "--quiet", "../linked", "v1"]);
    git(base, &["clone", "--quiet", "--shared", "--no-checkout", "tide", "borrowing"]);
    for name in ["tide.git", "shallow", "linked", "borrowing"] {
        let checked = site.check(&["--theme", &base.join(name).to_string_lossy(), "--rev", "HEAD"]);
        checked.assert_verdict("pass", 0);
        assert_eq!(checked.report["themes"], serde_json::json!(["tide"]), "{name}");
    }
    let words = refusal(&site, &["--theme", &base.join("shallow").to_string_lossy(), "--rev", "HEAD~1"]);
    assert!(words.contains("--unshallow"), "{words}");
}

#[test]
fn a_theme_with_a_link_a_case_clash_or_a_hostile_name_is_refused() {
    let site = Site::copy(Kind::Builtin);
    for (id, path) in [
        ("change-has-unsafe-name", "app/javascript/styles/a\nb.scss"),
        ("change-differs-in-case-only", "app/javascript/styles/TIDE/_parts.scss"),
    ] {
        let theme = theme(&site);
        write(&theme, path, ".x { y: z; }\n");
        commit(&theme, "odd");
        let checked = check_theme(&site, &theme, "main");
        checked.assert_verdict("block", 1);
        assert!(checked.finding(id).is_some(), "{id}: {:?}", checked.grave());
        fs::remove_dir_all(&theme).unwrap();
    }
    let theme = theme(&site);
    symlink("/etc/passwd", theme.join("app/javascript/styles/tide/_x.scss")).unwrap();
    commit(&theme, "link");
    let checked = check_theme(&site, &theme, "main");
    assert!(checked.finding("change-has-link").is_some(), "{:?}", checked.grave());
}

#[test]
fn a_tree_that_no_git_would_check_out_is_refused() {
    let site = Site::copy(Kind::Builtin);
    let theme = theme(&site);
    let blob = git(&theme, &["hash-object", "-w", "app/javascript/styles/tide.scss"]);
    for name in [".git", "..", ".GIT"] {
        let raw = [format!("100644 {name}\0").into_bytes(), from_hex(&blob)].concat();
        let tree = git_object(&theme, &raw);
        let commit = git(&theme, &["commit-tree", "-m", "hostile", &tree]);
        let checked = check_theme(&site, &theme, &commit);
        assert!(checked.finding("change-has-unsafe-name").is_some() || checked.code == 2, "{name}: {}", checked.stderr);
        assert_ne!(checked.verdict(), "pass", "{name}");
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Writes a tree that git itself would not make.
fn git_object(at: &Path, raw: &[u8]) -> String {
    use std::io::Write;
    let mut child = Command::new("git")
        .args(["hash-object", "-t", "tree", "--literally", "-w", "--stdin"])
        .current_dir(at)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(raw).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn nothing_that_a_repository_configures_is_run() {
    let site = Site::copy(Kind::Builtin);
    let theme = theme(&site);
    let mark = site.folder.path().join("ran");
    let run = format!("touch {}", mark.display());
    for key in [
        "core.fsmonitor",
        "diff.external",
        "filter.evil.smudge",
        "filter.evil.process",
        "core.sshCommand",
        "core.pager",
    ] {
        git(&theme, &["config", key, &run]);
    }
    for hook in ["post-checkout", "post-index-change", "reference-transaction"] {
        let path = theme.join(".git/hooks").join(hook);
        write(&theme, &format!(".git/hooks/{hook}"), format!("#!/bin/sh\n{run}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    check_theme(&site, &theme, "v1").assert_verdict("pass", 0);
    assert!(!mark.exists(), "a program of the repository ran");
    git(&theme, &["config", "--unset", "core.fsmonitor"]);
    write(&theme, ".gitattributes", "*.scss filter=evil\n");
    fs::remove_dir_all(theme.join(".git/hooks")).unwrap();
    // Both: where the index is as young as the file, a commit reads the file again, through the filter.
    let unfiltered = ["-c", "filter.evil.process=", "-c", "filter.evil.smudge="];
    git(&theme, &[&unfiltered[..], &["add", "--all"]].concat());
    git(&theme, &[&unfiltered[..], &["commit", "--quiet", "--message", "filtered"]].concat());
    fs::remove_file(&mark).ok();
    let checked = check_theme(&site, &theme, "main");
    assert!(checked.finding("revision-needs-filter").is_some(), "{:?}", checked.grave());
    assert!(!mark.exists(), "a filter of the repository ran");
}
