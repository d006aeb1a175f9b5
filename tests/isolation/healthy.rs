//! A healthy build notices nothing of its isolation, and what it writes is told.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::WAYS;
use super::ground::{Ground, each};
use super::support::repository;

#[test]
fn a_healthy_build_passes_on_every_way_and_sees_the_tree_at_the_live_ones_path() {
    each(&[Path::new("/tmp")], |ground| {
        for way in WAYS {
            let script = "[ \"$PWD\" = @/live ] && echo at its place\n\
                [ -z \"$(ls -A public/packs 2> /dev/null)\" ] && echo output begins empty\n\
                echo new > $HOME/.cache/tool/old && echo new > $HOME/.new && echo new > $HOME/.cache/more && echo home is writable\n\
                [ -e $YARN_CACHE_FOLDER/old ] && echo new > $YARN_CACHE_FOLDER/new && echo cache is writable\n\
                echo new > /tmp/x && echo new > /var/tmp/x && echo new > /dev/shm/x && [ $(stat -c %a /tmp) = 1777 ] && echo temporary is writable\n\
                mv config/database.yml config/moved && mv config/moved config/database.yml\n\
                PROGRAM __compile";
            let built = ground.build(script, &["--staging", way]);
            built.assert_isolated();
            for word in [
                "at its place",
                "output begins empty",
                "home is writable",
                "cache is writable",
                "temporary is writable",
            ] {
                built.assert_says(word);
            }
            built.checked.assert_verdict("pass", 0);
            assert_eq!(built.checked.report["staging"]["method"], way);
        }
    });
}

#[test]
fn what_a_build_writes_elsewhere_in_the_tree_is_told_on_every_way() {
    let script = "PROGRAM __compile; echo x >> config/themes.yml; rm config/settings.yml; mkdir app/new; touch app/new/a\n\
        touch -r config/webpacker.yml config/webpacker.yml; : >> config/webpacker.yml\n\
        cat config/webpacker.yml > w; rm config/webpacker.yml; cat w > config/webpacker.yml; rm w\n\
        touch -d '2001-01-01' config/database.yml";
    let ground = Ground::new();
    let told = WAYS.map(|way| {
        let built = ground.build(script, &["--staging", way]);
        let finding = built.checked.finding("build-wrote-elsewhere").unwrap().clone();
        (finding["message"].clone(), finding["evidence"].clone(), built.checked.verdict().to_owned())
    });
    assert_eq!(told[0], told[1]);
    let places = told[0].1.to_string();
    for place in [
        "app/new",
        "app/new/a",
        "config/database.yml",
        "config/settings.yml",
        "config/themes.yml",
        "config/webpacker.yml",
    ] {
        assert!(places.contains(&format!("{place}\"")), "{place} is not in {places}");
    }
}

#[test]
fn a_file_that_belongs_to_somebody_else_can_be_changed_in_the_stage_all_the_same() {
    let Some(ground) = Ground::new().for_user() else { return eprintln!("skipped: runuser is for root") };
    let line = ground.script(
        "echo more >> config/foreign && mv config/foreign config/moved && cat config/moved && PROGRAM __compile",
    );
    let user = ground.user.unwrap();
    let owned =
        Command::new("chown").arg("-hR").arg(format!("{user}:")).arg(ground.site.folder.path()).status().unwrap();
    assert!(owned.success());
    ground.site.write("config/foreign", "root's\n");
    let home = format!("HOME={}", ground.path("home").display());
    let checked = ground
        .site
        .check_through(&["runuser", "-u", user, "--", "env", &home], &["--staging", "overlay", "--compiler", &line]);
    assert_eq!(checked.report["precompile"]["exit"], 0, "{:?} {}", checked.grave(), checked.stderr);
    assert_eq!(checked.report["staging"]["method"], "overlay");
}

/// An overlay renames no folder that lies in the live tree alone.
#[test]
fn a_build_that_an_overlay_hinders_is_made_once_more_without_one() {
    const SCRIPT: &str = "echo built >> $HOME/.cache/tool/new; PROGRAM __compile && \
        perl -e 'rename(\"app/javascript/fonts\", \"f\") && rename(\"f\", \"app/javascript/fonts\") or die \"rename: $!\\n\"'";
    let ground = Ground::new();
    let built = ground.build(SCRIPT, &[]);
    built.assert_isolated();
    let staging = &built.checked.report["staging"];
    assert_eq!(built.checked.report["precompile"]["exit"], 0, "{:?}", built.checked.grave());
    assert_eq!((&staging["method"], built.checked.verdict()), (&"copy".into(), "pass"), "{:?}", built.checked.grave());
    let why = staging["passed_over"][0].as_str().unwrap();
    assert!(why.contains("a build in one failed: rename: Invalid cross-device link"), "{why}");
    // Whoever asks for an overlay gets no other way.
    let built = ground.build(SCRIPT, &["--staging", "overlay"]);
    built.checked.assert_verdict("undecided", 3);
    assert!(built.checked.finding("build-perhaps-hindered").is_some());
}

#[test]
fn a_build_that_may_be_hindered_is_undecided_and_says_what_to_try() {
    let ground = Ground::new();
    let built = ground.build("echo x > /usr/local/themegate-x || exit 1", &[]);
    built.checked.assert_verdict("undecided", 3);
    let finding = built.checked.finding("build-perhaps-hindered").unwrap();
    assert!(finding["help"].as_str().unwrap().contains("--isolation none"), "{finding}");
}

#[test]
fn a_theme_that_passed_in_an_overlay_is_promoted_without_a_trace_of_it() {
    let ground = Ground::new();
    let theme = repository().join("fixtures/themes/midnight").display().to_string();
    let checked = ground.site.check(&["--staging", "overlay", "--theme", &theme]);
    checked.assert_verdict("pass", 0);
    let kept = ground.path(".themegate/staged");
    let run = fs::read_dir(&kept).unwrap().flatten().find(|entry| entry.path().is_dir()).unwrap().path();
    assert!(run.join("public/packs/manifest.json").is_file());
    assert!(run.join("config/themes.yml").is_file());
    for entry in walkdir::WalkDir::new(&run) {
        let mut names = [0_u8; 1024];
        let length = rustix::fs::llistxattr(entry.unwrap().path(), &mut names).unwrap_or(0);
        assert!(!String::from_utf8_lossy(&names[..length]).contains("overlay"), "a mark of the overlay was left");
    }
}

#[test]
fn what_a_build_has_closed_in_its_stage_is_told_as_its_doing() {
    let Some(ground) = Ground::new().for_user() else { return eprintln!("skipped: runuser is for root") };
    for way in WAYS {
        let built = ground.build("mkdir -p app/a/b; chmod 000 app/a/b app/a config", &["--fresh", "--staging", way]);
        assert_eq!(built.checked.code, 3, "{way}: {}", built.checked.stderr);
        assert!(built.checked.stderr.contains("as the build has left it in its stage"), "{}", built.checked.stderr);
    }
}
