//! Changes from git: revisions of a theme's repository and of the site's own. Real git makes the repositories.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "in a test a failed assumption is the failure, a skip is said aloud, and folders of its own are removed"
)]

mod checked_out;
mod local_edits;
mod names;
mod patch;
mod real_sites;
mod rehearsal;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod theme_repository;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Checked, Kind, Site, digest};

const SHEET: &str = "app/javascript/styles/fresh.scss";

/// Runs git, and gives what it printed.
#[track_caller]
fn git(at: &Path, arguments: &[&str]) -> String {
    git_by("git", at, arguments)
}

#[track_caller]
fn git_by(program: &str, at: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(["-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"])
        .args(["-c", "core.hooksPath=/dev/null", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(at)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn commit(at: &Path, message: &str) {
    git(at, &["add", "--all"]);
    git(at, &["commit", "--quiet", "--allow-empty", "--message", message]);
}

/// A live tree that is a checkout of its own repository, with the tag `v4.1.6` at HEAD.
fn checkout() -> Site {
    checkout_by("git")
}

fn checkout_by(program: &str) -> Site {
    let site = Site::copy(Kind::Builtin);
    write(&site.live, ".gitignore", "/log\n/public/system\n/.env.production\n/tmp\n");
    git_by(program, &site.live, &["init", "--quiet"]);
    git_by(program, &site.live, &["add", "--all"]);
    git_by(program, &site.live, &["commit", "--quiet", "--message", "as released"]);
    git_by(program, &site.live, &["tag", "v4.1.6"]);
    site
}

/// Commits on a branch `next` what `edit` does, and leaves the live tree at `main`.
fn on_next(site: &Site, edit: impl FnOnce(&Path)) {
    git(&site.live, &["checkout", "--quiet", "-b", "next"]);
    edit(&site.live);
    commit(&site.live, "next");
    git(&site.live, &["checkout", "--quiet", "main"]);
}

/// A theme in the tree itself: its sheet, and its line.
fn add_fresh(live: &Path) {
    write(live, SHEET, "@import 'application';\n.fresh { color: teal; }\n");
    let registry = fs::read_to_string(live.join("config/themes.yml")).unwrap();
    write(live, "config/themes.yml", format!("{registry}fresh: styles/fresh.scss\n"));
}

/// A repository of a theme called `tide`.
fn theme(site: &Site) -> PathBuf {
    let theme = site.folder.path().join("tide");
    write(&theme, "app/javascript/styles/tide.scss", "@import 'application';\n@import 'tide/parts';\n");
    write(&theme, "app/javascript/styles/tide/_parts.scss", ".tide { color: navy; }\n");
    git(&theme, &["init", "--quiet"]);
    commit(&theme, "tide");
    git(&theme, &["tag", "--annotate", "--message", "first", "v1"]);
    theme
}

fn check_theme(site: &Site, theme: &Path, rev: &str) -> Checked {
    let before = digest(theme);
    let checked = site.check(&["--theme", &theme.to_string_lossy(), "--rev", rev]);
    support::assert_same_tree(&before, &digest(theme));
    checked
}

/// The bytes of a staged file, of a check that keeps its stage.
#[track_caller]
fn staged(site: &Site, arguments: &[&str], path: &str) -> Option<Vec<u8>> {
    let output = site.command(&["check", "--keep-stage", "--format", "json"]).args(arguments).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let kept = report["staging"]["kept"].as_str().unwrap_or_else(|| panic!("nothing was staged: {report:#}"));
    let bytes = fs::read(Path::new(kept).join(path)).ok();
    fs::remove_dir_all(Path::new(kept).parent().unwrap()).unwrap();
    bytes
}

#[track_caller]
fn refusal(site: &Site, arguments: &[&str]) -> String {
    let output = site.command(&["check"]).args(arguments).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{words}{}", String::from_utf8_lossy(&output.stdout));
    words
}
