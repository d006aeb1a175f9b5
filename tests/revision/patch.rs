//! Patches against the live tree.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::support::{Checked, Kind, Site};
use crate::{SHEET, add_fresh, checkout, commit, git, on_next, refusal, write};

/// The patch that `edit` makes of the live tree, which is as it was afterwards.
fn patch_of(site: &Site, edit: impl FnOnce(&Path)) -> PathBuf {
    on_next(site, edit);
    let file = site.folder.path().join("change.patch");
    git(&site.live, &["diff", "--binary", "--output", &file.to_string_lossy(), "main", "next"]);
    file
}

fn check_patch(site: &Site, patch: &Path) -> Checked {
    site.check(&["--patch", &patch.to_string_lossy()])
}

#[test]
fn a_patch_is_judged_like_any_change_and_can_be_promoted() {
    let site = checkout();
    let patch = patch_of(&site, add_fresh);
    fs::remove_dir_all(site.path(".git")).unwrap();
    let checked = check_patch(&site, &patch);
    checked.assert_verdict("pass", 0);
    let facts = (&checked.report["themes"], &checked.report["promotable"]);
    assert_eq!(facts, (&serde_json::json!(["fresh"]), &true.into()));
    let run = checked.report["run"].as_str().unwrap().to_owned();
    assert!(site.command(&["promote", "--run", &run]).status().unwrap().success());
    assert!(site.path(SHEET).is_file());
    assert!(fs::read_to_string(site.path("config/themes.yml")).unwrap().contains("fresh: styles/fresh.scss"));
    let again = check_patch(&site, &patch);
    again.assert_verdict("block", 1);
    assert!(again.finding("patch-does-not-apply").is_some(), "{:?}", again.grave());
}

#[test]
fn a_patch_comes_from_standard_input_and_may_be_a_plain_diff() {
    let site = Site::copy(Kind::Builtin);
    let plain = "--- live.orig/config/themes.yml\t2026-01-01 00:00:00 +0000\n+++ live/config/themes.yml\t2026-01-02 00:00:00 +0000\n\
                 @@ -1,3 +1,4 @@\n default: styles/application.scss\n contrast: styles/contrast.scss\n \
                 mastodon-light: styles/mastodon-light.scss\n+plain: styles/plain.scss\n\
                 --- /dev/null\n+++ live/app/javascript/styles/plain.scss\n@@ -0,0 +1 @@\n+@import 'application';\n";
    let patch = site.folder.path().join("plain.patch");
    fs::write(&patch, plain).unwrap();
    let mut command = site.command(&["check", "--format", "json", "--patch", "-"]);
    let output = command.stdin(fs::File::open(&patch).unwrap()).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["verdict"], &report["themes"]), (&"pass".into(), &serde_json::json!(["plain"])), "{report:#}");
}

#[test]
fn a_hunk_that_does_not_apply_is_shown_and_nothing_is_staged() {
    let site = checkout();
    let patch = patch_of(&site, add_fresh);
    write(&site.live, "config/themes.yml", "default: styles/application.scss\nother: styles/contrast.scss\n");
    let checked = check_patch(&site, &patch);
    checked.assert_verdict("block", 1);
    let message = checked.finding("patch-does-not-apply").unwrap()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("config/themes.yml") && message.contains("@@ -"), "{message}");
    assert!(checked.report["staging"].is_null());
}

#[test]
fn a_patch_brings_binary_files_renames_removals_modes_and_other_line_ends() {
    let site = checkout();
    write(&site.live, "app/javascript/styles/ends.scss", "a { b: c; }\r\nd { e: f; }\r\n");
    commit(&site.live, "line ends");
    let patch = patch_of(&site, |live| {
        write(live, "app/javascript/images/new.png", [0_u8, 159, 146, 150, 0, 1, 2, 3]);
        git(live, &["mv", "app/javascript/components/column.js", "app/javascript/components/pillar.js"]);
        fs::remove_file(live.join("app/javascript/components/drawer.js")).unwrap();
        fs::set_permissions(live.join("README.md"), fs::Permissions::from_mode(0o755)).unwrap();
        write(live, "app/javascript/styles/ends.scss", "a { b: c; }\r\nd { e: g; }\r\n");
    });
    let output = site.command(&["check", "--keep-stage", "--format", "json", "--patch"]).arg(&patch).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = PathBuf::from(report["staging"]["kept"].as_str().unwrap_or_else(|| panic!("{report:#}")));
    let read = |path: &str| fs::read(kept.join(path)).ok();
    assert_eq!(read("app/javascript/images/new.png").unwrap(), [0_u8, 159, 146, 150, 0, 1, 2, 3]);
    assert_eq!(
        read("app/javascript/components/pillar.js"),
        fs::read(site.path("app/javascript/components/column.js")).ok()
    );
    assert_eq!(read("app/javascript/components/column.js"), None);
    assert_eq!(read("app/javascript/components/drawer.js"), None);
    assert_eq!(read("app/javascript/styles/ends.scss").unwrap(), b"a { b: c; }\r\nd { e: g; }\r\n");
    assert_eq!(fs::metadata(kept.join("README.md")).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!((&report["verdict"], &report["promotable"]), (&"pass".into(), &false.into()), "{report:#}");
}

#[test]
fn a_patch_that_reaches_where_it_must_not_is_refused() {
    let site = checkout();
    symlink("/etc", site.path("app/javascript/styles/out")).unwrap();
    let new = |path: &str| {
        format!("diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n")
    };
    let link = "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n";
    for text in [
        new("../escape.scss"),
        new("app/../../escape.scss"),
        new(".git/hooks/post-checkout"),
        new("app/.GIT/config"),
        new(".env.production"),
        new(".env.local"),
        new("public/system/x"),
        new("public/packs/x.css"),
        new("app/javascript/styles/out/passwd"),
        link.to_owned(),
    ] {
        let patch = site.folder.path().join("hostile.patch");
        fs::write(&patch, &text).unwrap();
        let output = site.command(&["check", "--format", "json", "--patch"]).arg(&patch).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let refused =
            said.contains("patch-refused") && output.status.code() == Some(1) || output.status.code() == Some(2);
        assert!(refused, "{text}\n{said}");
    }
    fs::write(site.folder.path().join("none.patch"), "no patch at all\n").unwrap();
    let words = refusal(&site, &["--patch", "../none.patch"]);
    assert!(words.contains("git diff --binary"), "{words}");
}
