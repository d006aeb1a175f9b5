//! What is pushed, in all the ways there are: which of it is judged, and by what.

use std::fs;
use std::path::Path;

use crate::lab::{BROKEN, GOOD, Lab, SHEET, write};

fn installed() -> (Lab, std::path::PathBuf) {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    lab.install(&theme, &[]).succeeds();
    (lab, theme)
}

#[test]
fn the_pushed_commit_is_judged_and_not_the_working_tree() {
    let (lab, theme) = installed();
    write(&theme.join(SHEET), BROKEN);
    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main"]);
    lab.commit_all(&theme, "broken");
    write(&theme.join(SHEET), GOOD);
    lab.git(&theme, &["push", "-q", "origin", "main"]).fails().says(&["BLOCK   main"]);
}

#[test]
fn a_file_that_was_forgotten_in_a_commit_is_missed_though_it_lies_in_the_working_tree() {
    let (lab, theme) = installed();
    write(&theme.join(SHEET), "@import 'application';\n@import 'midnight/forgotten';\n");
    lab.commit_all(&theme, "uses a file");
    write(&theme.join("mastodon/app/javascript/styles/midnight/_forgotten.scss"), "a { color: red; }\n");
    lab.git(&theme, &["push", "-q", "origin", "main"]).fails().says(&[
        "BLOCK   main",
        "midnight.scss:2",
        "Can't find stylesheet",
    ]);
}

#[test]
fn a_forced_push_is_judged_by_its_tip() {
    let (lab, theme) = installed();
    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds();
    write(&theme.join(SHEET), BROKEN);
    lab.git(&theme, &["commit", "-qa", "--amend", "--no-verify", "-m", "other"]).succeeds();
    lab.git(&theme, &["push", "-q", "--force", "origin", "main"]).fails().says(&["BLOCK   main"]);
    write(&theme.join(SHEET), GOOD);
    lab.git(&theme, &["commit", "-qa", "--amend", "--no-verify", "-m", "third"]).succeeds();
    lab.git(&theme, &["push", "-q", "--force", "origin", "main"]).succeeds().says(&["PASS   main"]);
}

#[test]
fn a_broken_commit_that_a_later_one_mends_goes_through() {
    let (lab, theme) = installed();
    lab.commit(&theme, SHEET, BROKEN);
    lab.commit(&theme, SHEET, GOOD);
    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main"]);
}

#[test]
fn tags_deletions_and_what_no_compile_reads_are_let_through_with_a_word() {
    let (lab, theme) = installed();
    lab.git(&theme, &["push", "-q", "origin", "main", "main:old"]).succeeds();
    lab.commit(&theme, "README.md", "more words\n");
    lab.git(&theme, &["push", "-q", "origin", "main"])
        .succeeds()
        .says(&["nothing that an asset compile reads"])
        .does_not_say("PASS");
    lab.commit(&theme, SHEET, BROKEN);
    lab.git(&theme, &["tag", "-a", "-m", "v1", "v1"]).succeeds();
    lab.git(&theme, &["push", "-q", "origin", "v1", ":old"])
        .succeeds()
        .says(&["a tag", "deleted"])
        .does_not_say("judging");
    assert_eq!(lab.remote("refs/heads/old"), "");
}

#[test]
fn a_new_branch_is_compared_with_what_the_remote_has() {
    let (lab, theme) = installed();
    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds();
    lab.git(&theme, &["push", "-q", "origin", "main:same"]).succeeds().says(&["nothing that the remote does not have"]);
    lab.git(&theme, &["checkout", "-q", "-b", "words"]).succeeds();
    lab.commit(&theme, "README.md", "more words\n");
    lab.git(&theme, &["push", "-q", "origin", "words"]).succeeds().says(&["nothing that an asset compile reads"]);
    lab.git(&theme, &["checkout", "-q", "-b", "colours"]).succeeds();
    lab.commit(&theme, SHEET, BROKEN);
    lab.commit(&theme, "README.md", "even more words\n");
    lab.git(&theme, &["push", "-q", "origin", "colours"]).fails().says(&["BLOCK   colours"]);
    assert_eq!(lab.remote("refs/heads/colours"), "");
}

#[test]
fn of_several_refs_each_is_judged_and_one_that_is_broken_refuses_the_push() {
    let (lab, theme) = installed();
    lab.git(&theme, &["branch", "good"]).succeeds();
    lab.git(&theme, &["checkout", "-q", "-b", "bad"]).succeeds();
    lab.commit(&theme, SHEET, BROKEN);
    let refused = lab.git(&theme, &["push", "-q", "origin", "good", "bad", "main"]);
    refused.fails().says(&["PASS   good", "BLOCK   bad"]);
    assert_eq!(refused.err.matches("judging").count(), 2, "one commit is judged once:\n{}", refused.err);
    assert_eq!(lab.remote("refs/heads/good"), "");
}

#[test]
fn only_the_branches_that_the_site_names_are_judged() {
    let (lab, theme) = installed();
    write(&lab.path("themegate.toml"), "[hook]\nbranches = [\"main\", \"release/*\"]\n");
    lab.commit(&theme, SHEET, BROKEN);
    lab.git(&theme, &["push", "-q", "origin", "main:draft"]).succeeds().says(&["not a branch that is judged here"]);
    // What went to an unjudged branch was not judged by going there.
    lab.git(&theme, &["push", "-q", "origin", "main:release/2"]).fails().says(&["BLOCK   release/2"]);
}

#[test]
fn a_shallow_clone_is_judged_by_what_it_has() {
    let (lab, theme) = installed();
    lab.commit(&theme, "README.md", "two\n");
    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds();
    let url = format!("file://{}", lab.path("remote.git").display());
    lab.git(lab.root(), &["clone", "-q", "--depth=1", &url, "shallow"]).succeeds();
    let shallow = lab.path("shallow");
    lab.install(&shallow, &[]).succeeds();
    lab.git(&shallow, &["checkout", "-q", "-b", "words"]).succeeds();
    lab.commit(&shallow, "README.md", "three\n");
    lab.git(&shallow, &["push", "-q", "origin", "words"]).succeeds().says(&["nothing that an asset compile reads"]);
    lab.commit(&shallow, SHEET, BROKEN);
    lab.git(&shallow, &["push", "-q", "origin", "words"]).fails().says(&["BLOCK   words"]);
    lab.commit(&shallow, SHEET, GOOD);
    lab.git(&shallow, &["push", "-q", "origin", "words"]).succeeds().says(&["PASS   words"]);
}

#[test]
fn a_linked_worktree_and_a_submodule_run_the_hooks_of_their_repository() {
    let (lab, theme) = installed();
    lab.git(&theme, &["worktree", "add", "-q", "../linked", "-b", "linked"]).succeeds();
    let linked = lab.path("linked");
    lab.commit(&linked, SHEET, BROKEN);
    lab.git(&linked, &["push", "-q", "origin", "linked"]).fails().says(&["BLOCK   linked"]);
    lab.install(&linked, &[]).succeeds().says(&["is installed already"]);

    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds();
    let outer = lab.path("outer");
    fs::create_dir(&outer).unwrap();
    lab.git(&outer, &["init", "-q"]).succeeds();
    let url = lab.path("remote.git").to_string_lossy().into_owned();
    lab.git(&outer, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", &url, "midnight"]).succeeds();
    let inner = outer.join("midnight");
    lab.install(&inner, &[]).succeeds().says(&[".git/modules/midnight/hooks/pre-push"]);
    lab.commit(&inner, SHEET, BROKEN);
    lab.git(&inner, &["push", "-q", "origin", "HEAD:main"]).fails().says(&["BLOCK   main"]);
}

#[test]
fn a_bypass_needs_a_reason_and_is_on_record() {
    let (lab, theme) = installed();
    lab.commit(&theme, SHEET, BROKEN);
    let push = ["push", "-q", "origin", "main"];
    lab.git_with(&theme, &push, &[("THEMEGATE_SKIP", " ")]).fails().says(&["without a reason", "BLOCK   main"]);
    let reason = "the old one is worse\u{1b}[2J";
    lab.git_with(&theme, &push, &[("THEMEGATE_SKIP", reason), ("USER", "ada")]).succeeds().says(&["on record"]);
    assert_eq!(lab.remote("refs/heads/main"), lab.rev(&theme, "main"));
    let history = lab.themegate(&lab.site.live, &["history"]);
    history.says(&["not judged by pre-push: refs/heads/main", "ada: the old one is worse"]).does_not_say("\u{1b}");
}

#[test]
fn a_site_that_cannot_be_found_refuses_a_push_and_says_how_to_go_on() {
    let (lab, theme) = installed();
    fs::rename(&lab.site.live, lab.path("elsewhere")).unwrap();
    lab.git(&theme, &["push", "-q", "origin", "main"]).fails().says(&["REFUSED", "--live DIR", "git push --no-verify"]);
    assert_eq!(lab.remote("refs/heads/main"), "");
}

#[test]
fn another_gate_at_work_is_waited_for_and_then_the_push_is_refused() {
    let (lab, theme) = installed();
    let held = hold(&lab.site.state());
    write(&lab.path("themegate.toml"), "[hook]\nwait = \"2s\"\n");
    let refused = lab.git(&theme, &["push", "-q", "origin", "main"]);
    refused.fails().says(&["another one is at work", "REFUSED", "Wait for it to end"]);
    write(&lab.path("themegate.toml"), "[hook]\nwait = \"60s\"\n");
    let released = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_secs(2));
        drop(held);
    });
    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["another one is at work", "PASS   main"]);
    released.join().unwrap();
}

/// The lock as another themegate holds it.
pub(crate) fn hold(state: &Path) -> themegate::site::lock::SiteLock {
    themegate::site::locate::make_private(state).unwrap();
    themegate::site::lock::SiteLock::take(state, "promote").unwrap()
}

#[test]
fn pushes_that_pass_take_no_place_of_a_run_that_a_person_means_to_promote() {
    let (lab, theme) = installed();
    let folder = theme.to_string_lossy().into_owned();
    let check = lab.themegate(&lab.site.live, &["check", "--theme", &folder, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&check.succeeds().out).unwrap();
    let run = report["run"].as_str().unwrap();
    for colour in ["red", "blue", "green", "black"] {
        lab.commit(&theme, SHEET, &format!("@import 'application';\nbody {{ color: {colour}; }}\n"));
        lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main"]);
    }
    let kept = fs::read_dir(lab.site.state().join("staged")).unwrap().flatten();
    let kept = kept.filter(|entry| entry.file_name().to_string_lossy().ends_with(".json"));
    assert_eq!(kept.count(), 2, "the person's, and the last push's");
    lab.themegate(&lab.site.live, &["promote", "--run", run]).succeeds();
}

#[test]
fn a_commit_that_was_judged_once_is_pushed_again_without_a_build_though_nothing_of_it_is_kept() {
    let (lab, theme) = installed();
    let first = lab.rev(&theme, "main");
    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main"]);
    lab.commit(&theme, SHEET, GOOD);
    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main"]);
    let runs = || fs::read_dir(lab.site.state().join("runs")).unwrap().count();
    let before = runs();
    let back = format!("{first}:refs/heads/main");
    lab.git(&theme, &["push", "-q", "--force", "origin", &back]).succeeds().says(&["PASS   main"]);
    assert_eq!(runs(), before, "an answer is no run of its own");
}

#[test]
fn a_refusal_names_the_two_gravest_findings() {
    let (lab, theme) = installed();
    let two = "@import 'application';\n.status { color: nope-fn(#fff, 10%); width: other-fn(1px); }\n";
    lab.commit(&theme, SHEET, two);
    let refused = lab.git(&theme, &["push", "-q", "origin", "main"]);
    refused.fails().says(&["2 findings", "other-fn", "nope-fn"]).does_not_say("more finding");
}
