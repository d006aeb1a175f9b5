//! A bare repository that deploys by push: what arrives is judged before it is taken in.

use crate::lab::{BROKEN, GOOD, Lab, SHEET, write_script};

fn installed() -> (Lab, std::path::PathBuf) {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    lab.install(&lab.path("remote.git"), &["--theme-repo"]).succeeds();
    (lab, theme)
}

#[test]
fn only_the_branch_that_deploys_is_judged() {
    let (lab, theme) = installed();
    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main"]);
    lab.commit(&theme, SHEET, BROKEN);
    lab.git(&theme, &["push", "-q", "origin", "main:draft"]).succeeds().says(&["draft is let through"]);
    lab.git(&theme, &["push", "-q", "origin", "main"]).fails().says(&["BLOCK   main"]);
    lab.git(&theme, &["push", "-q", "origin", ":draft"]).succeeds().says(&["deleted"]);
    lab.commit(&theme, SHEET, GOOD);
    lab.git(&theme, &["push", "-q", "origin", "main", "main:draft"]).succeeds().says(&["PASS   main", "draft is let"]);
}

#[test]
fn a_hook_that_was_there_gets_the_refs_and_sees_the_quarantine() {
    let lab = Lab::new();
    let theme = lab.theme("midnight");
    let bare = lab.path("remote.git");
    write_script(
        &bare.join("hooks/pre-receive"),
        "#!/bin/sh\nwhile read old new ref; do git cat-file -t \"$new\" && echo \"theirs: $ref\"; done\n",
    );
    lab.install(&bare, &["--theme-repo"]).succeeds();
    lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["theirs: refs/heads/main", "PASS   main"]);
}

#[test]
fn a_reason_comes_by_push_option() {
    let (lab, theme) = installed();
    let bare = lab.path("remote.git");
    lab.git(&bare, &["config", "receive.advertisePushOptions", "true"]).succeeds();
    lab.commit(&theme, SHEET, BROKEN);
    lab.git(&theme, &["push", "-q", "-o", "themegate-skip=", "origin", "main"]).fails().says(&["without a reason"]);
    lab.git(&theme, &["push", "-q", "-o", "themegate-skip=at 2 a.m.", "origin", "main"]).succeeds();
    lab.themegate(&lab.site.live, &["history"]).says(&["not judged by pre-receive: refs/heads/main", "at 2 a.m."]);
}

#[test]
fn a_build_sees_nothing_of_gits_variables() {
    let (lab, theme) = installed();
    let seen = lab.path("seen");
    crate::lab::write(
        &lab.path("themegate.toml"),
        format!("[check]\nisolation = \"none\"\ncompiler = \"env >'{}'; exit 1\"\n", seen.display()),
    );
    lab.git(&theme, &["push", "-q", "origin", "main"]).fails();
    let environment = std::fs::read_to_string(seen).unwrap();
    assert!(environment.contains("RAILS_ENV=production"), "{environment}");
    let gits: Vec<&str> = environment
        .lines()
        .filter(|line| line.starts_with("GIT_") && !line.starts_with("GIT_TERMINAL_PROMPT"))
        .collect();
    assert_eq!(gits, Vec::<&str>::new());
}
