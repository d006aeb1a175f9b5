//! How a revision is named, and what makes no sense.

use std::path::Path;

use crate::support::{Kind, Site};
use crate::{add_fresh, checkout, checkout_by, git, git_by, on_next, refusal, theme};

#[test]
fn a_revision_of_the_live_trees_repository_is_named_in_every_way_that_git_knows() {
    for program in ["/usr/bin/git", "/usr/local/bin/git"] {
        if !Path::new(program).exists() {
            continue;
        }
        let site = checkout_by(program);
        on_next(&site, add_fresh);
        git_by(program, &site.live, &["tag", "--annotate", "--message", "x", "rehearsed", "next"]);
        let commit = git(&site.live, &["rev-parse", "next"]);
        git_by(program, &site.live, &["gc", "--quiet"]);
        for rev in ["next", "rehearsed", &commit, &commit[..9], "refs/heads/next", "next~0"] {
            let checked = site.check(&["--rev", rev]);
            checked.assert_verdict("pass", 0);
            assert_eq!(checked.report["themes"], serde_json::json!(["fresh"]), "{program} {rev}");
            assert_eq!(checked.report["promotable"], true, "{program} {rev}");
        }
    }
}

#[test]
fn an_unknown_revision_is_refused_with_the_repository_and_what_to_type() {
    let site = checkout();
    let words = refusal(&site, &["--rev", "v9.9"]);
    assert!(words.contains("no revision v9.9") && words.contains("fetch --all --tags"), "{words}");
    assert!(words.contains(&site.live.display().to_string()), "{words}");
    let words = refusal(&site, &["--rev", "main:config"]);
    assert!(words.contains("is no commit"), "{words}");
}

#[test]
fn a_live_tree_that_is_no_checkout_has_no_revisions() {
    let site = Site::copy(Kind::Builtin);
    let words = refusal(&site, &["--rev", "main"]);
    assert!(words.contains("is no git repository") && words.contains("--repo DIR"), "{words}");
}

#[test]
fn options_that_make_no_sense_together_are_refused() {
    let site = checkout();
    let theme = theme(&site);
    for arguments in [
        vec!["--repo", "."],
        vec!["--local-edits", "drop"],
        vec!["--rev", "main", "--theme", &theme.to_string_lossy(), "--local-edits", "drop"],
    ] {
        refusal(&site, &arguments);
    }
}
