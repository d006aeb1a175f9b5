//! Revisions, pushes and rehearsals on the real sites.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::rehearsal::{add_loud, outcomes};
use crate::support::{Kind, Site, digest, skipped};
use crate::{SHEET, add_fresh, checkout, commit, git, on_next, write};

#[test]
fn on_a_real_vite_site_a_commit_with_a_theme_goes_live_and_git_knows_of_it() {
    if skipped(Kind::Vite, "on_a_real_vite_site_a_commit_with_a_theme_goes_live_and_git_knows_of_it") {
        return;
    }
    let site = Site::copy(Kind::Vite);
    on_next(&site, |live| {
        write(live, SHEET, "@use 'application';\n.fresh { color: teal; }\n");
        let registry = fs::read_to_string(live.join("config/themes.yml")).unwrap();
        write(live, "config/themes.yml", format!("{registry}fresh: styles/fresh.scss\n"));
    });
    let checked = site.check(&["--rev", "next"]);
    checked.assert_verdict("pass", 0);
    let run = checked.report["run"].as_str().unwrap().to_owned();
    assert!(site.command(&["promote", "--run", &run]).status().unwrap().success());
    let afterwards = checked.report["change"]["afterwards"].as_str().unwrap().to_owned();
    let arguments: Vec<&str> = afterwards.split(' ').skip(1).collect();
    git(&site.live, &arguments);
    assert_eq!(git(&site.live, &["status", "--short"]), "");
    let checked = site.check(&["--rev", "v4.6.5"]);
    checked.assert_verdict("pass", 0);
    assert_eq!((&checked.report["promotable"], &checked.report["change"]["removed"]), (&false.into(), &1.into()));
}

#[test]
fn on_a_real_webpacker_site_a_rehearsal_names_the_theme_that_stops_the_build() {
    if skipped(Kind::Webpacker, "on_a_real_webpacker_site_a_rehearsal_names_the_theme_that_stops_the_build") {
        return;
    }
    let site = Site::copy(Kind::Webpacker);
    let variables = "app/javascript/styles/mastodon/_variables.scss";
    git(&site.live, &["checkout", "--quiet", "-b", "upstream"]);
    fs::remove_file(site.path("app/javascript/styles/contrast.scss")).unwrap();
    write(
        &site.live,
        "config/themes.yml",
        "default: styles/application.scss\nmastodon-light: styles/mastodon-light.scss\n",
    );
    commit(&site.live, "next release");
    git(&site.live, &["tag", "v4.2.0"]);
    git(&site.live, &["checkout", "--quiet", "main"]);
    site.append(variables, "\n$old: red;\n");
    write(&site.live, "app/javascript/styles/calm.scss", "@import 'application';\n.calm { color: navy; }\n");
    add_loud(&site, "@import 'application';\n.loud { color: $old; }\n");
    site.append("config/themes.yml", "calm: styles/calm.scss\n");
    // The release is tagged without the variable that somebody added here by hand.
    let checked = site.check(&["--rehearse", "v4.2.0"]);
    checked.assert_verdict("block", 1);
    let expected = [("calm", "works"), ("loud", "breaks")].map(|(name, what)| (name.to_owned(), what.to_owned()));
    assert_eq!(outcomes(&checked), expected, "{:?}", checked.grave());
    assert!(checked.finding("local-edits-dropped").is_some());
}

#[test]
fn a_pre_receive_hook_judges_what_is_pushed_while_git_keeps_it_apart() {
    let site = checkout();
    let base = site.folder.path();
    git(base, &["clone", "--quiet", "--bare", "live", "deploy.git"]);
    git(base, &["clone", "--quiet", "deploy.git", "desk"]);
    fs::remove_dir_all(site.path(".git")).unwrap();
    let (hook, desk) = (base.join("deploy.git/hooks/pre-receive"), base.join("desk"));
    let check = format!("{} check --live {} --repo . --rev $new", crate::support::THEMEGATE, site.live.display());
    fs::write(&hook, format!("#!/bin/sh\nwhile read -r old new ref; do {check} || exit 1; done\n")).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let push = || Command::new("git").args(["push", "origin", "HEAD:main"]).current_dir(&desk).output().unwrap();
    add_fresh(&desk);
    write(&desk, SHEET, "@import 'application';\n.fresh { color: $nobody; }\n");
    commit(&desk, "broken");
    let before = digest(&site.live);
    let pushed = push();
    let words = String::from_utf8_lossy(&pushed.stderr).into_owned();
    assert!(!pushed.status.success() && words.contains("app/javascript/styles/fresh.scss:2"), "{words}");
    write(&desk, SHEET, "@import 'application';\n.fresh { color: teal; }\n");
    commit(&desk, "mended");
    let pushed = push();
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    crate::support::assert_same_tree(&before, &digest(&site.live));
}

#[test]
fn on_glitch_soc_a_rehearsal_names_the_skin_that_stops_the_build() {
    if skipped(Kind::Glitch, "on_glitch_soc_a_rehearsal_names_the_skin_that_stops_the_build") {
        return;
    }
    let site = Site::copy(Kind::Glitch);
    write(&site.live, "app/javascript/skins/glitch/calm/common.scss", ".calm { color: navy; }\n");
    write(&site.live, "app/javascript/skins/glitch/loud/common.scss", ".loud { color: $gone; }\n");
    let checked = site.check(&["--rehearse", "HEAD"]);
    checked.assert_verdict("block", 1);
    let expected = [("glitch/calm", "works"), ("glitch/loud", "breaks")];
    assert_eq!(
        outcomes(&checked),
        expected.map(|(name, what)| (name.to_owned(), what.to_owned())),
        "{:?}",
        checked.grave()
    );
}
