//! Trees and file systems that are unlike others: names that are no text, folders deeper than any path, no extended attributes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use super::support::{Checked, Kind, Site, THEMEGATE};
use super::theme;

/// A command that makes so many folders below `at`, each in the one before.
fn dig(at: &str, name: &str, count: usize) -> String {
    format!("mkdir -p {at}; perl -e 'chdir \"{at}\"; for (1..{count}) {{ mkdir \"{name}\"; chdir \"{name}\" }}'")
}

fn shell(line: &str, at: &Path) {
    assert!(Command::new("sh").args(["-c", line]).current_dir(at).status().unwrap().success(), "{line}");
}

/// A name in Latin-1, in the live tree, in the theme and among what the build writes: the report is written and names each.
#[test]
fn a_name_that_is_no_text_is_reported_like_any_other() {
    let site = Site::copy(Kind::Builtin);
    let name = |before: &str, after: &str| -> OsString {
        OsStr::from_bytes(&[before.as_bytes(), b"caf\xe9", after.as_bytes()].concat()).to_owned()
    };
    let pipe = site.live.join(name("config/", ".pipe"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::write(site.live.join(name("app/javascript/", ".scss")), "a { color: red }\n").unwrap();
    let line = format!("touch \"$(printf 'app/caf\\351.txt')\"; exec {THEMEGATE} __compile");
    let held = site.check(&["--compiler", &line]);
    held.assert_verdict("hold", 1);
    for (id, path) in
        [("special-file-left-out", "config/caf\u{fffd}.pipe"), ("build-wrote-elsewhere", "app/caf\u{fffd}.txt")]
    {
        let finding = held.finding(id).unwrap_or_else(|| panic!("no {id}: {:?}", held.grave()));
        assert_eq!(finding["evidence"][0]["path"], path);
    }
    let run = held.report["run"].as_str().unwrap();
    for (arguments, path) in [
        (&["show", run][..], "app/caf\u{fffd}.txt"),
        (&["check", "--format", "sarif", "--compiler", &line], "app/caf%EF%BF%BD.txt"),
    ] {
        let output = site.command(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(path), "{arguments:?}: {text}");
    }
    let theme = site.folder.path().join("theme");
    fs::create_dir(&theme).unwrap();
    fs::write(theme.join("plain.scss"), "@import 'application';\n").unwrap();
    fs::write(theme.join(name("", ".scss")), "@import 'application';\n").unwrap();
    let checked = site.check(&["--theme", theme.to_str().unwrap()]);
    assert!(checked.report.to_string().contains("caf\u{fffd}"), "{} {}", checked.report, checked.stderr);
}

/// JSON cannot name it, so nothing is begun; without this the first report would be the first to say so.
#[test]
fn a_live_tree_whose_own_name_is_no_text_is_refused_before_anything_is_made() {
    let site = Site::copy(Kind::Builtin);
    let live = site.folder.path().join(OsStr::from_bytes(b"caf\xe9"));
    fs::rename(&site.live, &live).unwrap();
    let output = Command::new(THEMEGATE).arg("check").arg("--live").arg(&live).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("caf\u{fffd} has a name that is not UTF-8") && said.contains("mount --bind"), "{said}");
    assert!(!site.state().exists());
}

/// It is in nobody's way, and a promotion compares it as it compares every source.
#[test]
fn a_source_whose_name_is_no_text_keeps_nothing_from_being_promoted_unless_it_changed() {
    let site = Site::copy(Kind::Builtin);
    let source = site.live.join("app/javascript").join(OsStr::from_bytes(b"caf\xe9.js"));
    fs::write(&source, "1").unwrap();
    let checked = site.check(&["--theme", &theme("midnight")]);
    assert_eq!(checked.code, 0, "{} {:?}", checked.stderr, checked.grave());
    let run = checked.report["run"].as_str().unwrap();
    let promote = || {
        let output = site.command(&["promote", "--run", run]).output().unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    fs::write(&source, "2").unwrap();
    let (promoted, said) = promote();
    assert!(!promoted && said.contains("caf\u{fffd}.js"), "{said}");
    fs::write(&source, "1").unwrap();
    let (promoted, said) = promote();
    assert!(promoted, "{said}");
}

/// What a build leaves may be deeper than a path can name, than there are descriptors, and than a thread's stack is.
#[test]
fn a_build_that_digs_deep_is_judged_and_leaves_nothing_that_is_in_the_way() {
    let site = Site::copy(Kind::Builtin);
    for depth in [300, 6000] {
        let line =
            format!("{}; exec {THEMEGATE} __compile", dig("tmp/cache/webpacker", "a-name-of-some-length", depth));
        site.check(&["--compiler", &line]).assert_verdict("pass", 0);
    }
    site.check(&[]).assert_verdict("pass", 0);
    // Where it must not write, nobody can say what it wrote.
    let line = format!("{}; exec {THEMEGATE} __compile", dig("app", "a-name-of-some-length", 300));
    let checked = site.check(&["--compiler", &line]);
    assert_eq!(checked.code, 3, "{:?}", checked.grave());
    assert!(checked.stderr.contains("4,096 bytes"), "{}", checked.stderr);
}

#[test]
fn a_live_tree_is_checked_as_deep_as_paths_reach_and_refused_in_plain_words_below() {
    let site = Site::copy(Kind::Builtin);
    shell(&dig("lib/dug", "d", 1500), &site.live);
    for way in ["auto", "copy"] {
        let output = site.command(&["check", "--format", "json", "--staging", way]).output().unwrap();
        Checked::of(&output).assert_verdict("pass", 0);
    }
    shell("rm -rf lib/dug", &site.live);
    shell(&dig("lib/dug", "a-name-of-some-length", 300), &site.live);
    for way in ["auto", "copy"] {
        let output = site.command(&["check", "--staging", way]).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{words}");
        assert!(words.contains("lib/dug/a-name") && words.contains("4,096 bytes") && words.len() < 600, "{words}");
    }
    assert_eq!(site.stages(), Vec::<std::path::PathBuf>::new());
    shell("rm -rf lib/dug", &site.live);
}

/// Neither extended attributes nor a count of free blocks: no overlay, caches that are copied, and no word of too little room,
/// for a check or a promotion.
#[test]
fn a_file_system_without_extended_attributes_has_the_next_way() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount").args(["-t", "ramfs", "none"]).arg(folder.path()).output();
    if !mounted.is_ok_and(|end| end.status.success()) {
        return eprintln!("skipped: no ramfs can be mounted here");
    }
    let done = std::panic::catch_unwind(|| {
        let site = Site::copy_into(Kind::Builtin, folder.path());
        let refused = site.command(&["check", "--staging", "overlay"]).output().unwrap();
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(words.contains("extended attributes"), "{words}");
        let entry = "tmp/cache/webpacker/entry";
        let line = format!("mkdir -p tmp/cache/webpacker; echo kept > {entry}; exec {THEMEGATE} __compile");
        for files in [0, 1] {
            site.write("app/asked", format!("{files}"));
            let checked = site.check(&["--compiler", &line]);
            checked.assert_verdict("pass", 0);
            assert_eq!(checked.report["staging"]["cached_files"], files);
            assert_eq!(checked.report["staging"]["method"], "copy");
        }
        let promoted = site.command(&["promote", "--theme", &theme("midnight")]).output().unwrap();
        let words = [promoted.stdout, promoted.stderr].concat();
        assert_eq!(promoted.status.code(), Some(0), "{}", String::from_utf8_lossy(&words));
        assert!(fs::read_to_string(site.path("config/themes.yml")).unwrap().contains("midnight"));
    });
    assert!(Command::new("umount").arg("-l").arg(folder.path()).status().unwrap().success());
    done.unwrap();
}
