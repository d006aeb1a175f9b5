//! The gits of this machine: what hooks are given is the same from one version to the next, and this is where it is seen.

use std::path::PathBuf;
use std::process::Command;

use crate::lab::{BROKEN, GOOD, Lab, SHEET};

/// Every git that is installed, of different versions, and those that `THEMEGATE_GITS` names, with colons between.
pub(crate) fn gits() -> Vec<PathBuf> {
    let mut seen = Vec::new();
    let places = ["/usr/local/bin/git", "/usr/bin/git"].map(PathBuf::from);
    let named = std::env::var_os("THEMEGATE_GITS").unwrap_or_default();
    let named = std::env::split_paths(&named).filter(|path| path.is_absolute()).collect::<Vec<_>>();
    let found = places.into_iter().chain(named).filter(|git| {
        let said = Command::new(git).arg("--version").output();
        said.is_ok_and(|said| {
            said.status.success() && !seen.contains(&said.stdout) && {
                seen.push(said.stdout);
                true
            }
        })
    });
    let found: Vec<PathBuf> = found.collect();
    assert!(!found.is_empty(), "no git is installed");
    eprintln!("gits: {found:?}");
    found
}

#[test]
fn a_broken_theme_is_refused_with_its_finding_and_a_good_one_goes_through() {
    for git in gits() {
        let lab = Lab::with(&git);
        let theme = lab.theme("midnight");
        lab.install(&theme, &[]).succeeds();
        lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main", "midnight"]);
        assert_eq!(lab.remote("refs/heads/main"), lab.rev(&theme, "main"));

        let good = lab.rev(&theme, "main");
        lab.commit(&theme, SHEET, BROKEN);
        let refused = lab.git(&theme, &["push", "origin", "main"]);
        refused.fails().says(&[
            "BLOCK   main",
            "midnight.scss:1",
            "expected \"}\"",
            "themegate show",
            "THEMEGATE_SKIP=",
        ]);
        assert_eq!(lab.remote("refs/heads/main"), good);

        lab.commit(&theme, SHEET, GOOD);
        lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["PASS   main"]);
    }
}

#[test]
fn a_bare_repository_that_deploys_judges_what_is_still_in_quarantine() {
    for git in gits() {
        let lab = Lab::with(&git);
        let theme = lab.theme("midnight");
        lab.install(&lab.path("remote.git"), &["--theme-repo"]).succeeds().says(&["pre-receive", "installed"]);
        lab.git(&theme, &["push", "-q", "origin", "main"]).succeeds().says(&["remote: themegate: PASS   main"]);
        let good = lab.remote("refs/heads/main");
        assert_eq!(good, lab.rev(&theme, "main"));

        let broken = lab.commit(&theme, SHEET, BROKEN);
        let refused = lab.git(&theme, &["push", "origin", "main"]);
        refused.fails().says(&["remote: themegate: BLOCK   main", "midnight.scss:1", "pre-receive hook declined"]);
        assert_eq!(lab.remote("refs/heads/main"), good);
        lab.git(&lab.path("remote.git"), &["cat-file", "-e", &broken]).fails();
    }
}

#[test]
fn what_is_about_to_be_committed_is_judged_as_it_is_in_the_index() {
    for git in gits() {
        let lab = Lab::with(&git);
        let theme = lab.theme("midnight");
        lab.install(&theme, &["--hook", "pre-commit"]).succeeds();
        crate::lab::write(&theme.join(SHEET), BROKEN);
        lab.git(&theme, &["add", SHEET]).succeeds();
        crate::lab::write(&theme.join(SHEET), GOOD);
        lab.git(&theme, &["commit", "-m", "staged broken"]).fails().says(&["BLOCK   this commit", "midnight.scss:1"]);

        lab.git(&theme, &["add", SHEET]).succeeds();
        crate::lab::write(&theme.join(SHEET), BROKEN);
        lab.git(&theme, &["commit", "-m", "staged good"]).succeeds();
        assert_eq!(lab.git(&theme, &["show", &format!("HEAD:{SHEET}")]).out, GOOD);
    }
}
