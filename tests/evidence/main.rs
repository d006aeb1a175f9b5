//! Repeated checks: the same question is answered from an earlier run, and any single changed byte of what a build depends
//! on makes it compile again.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

#[path = "../support/mod.rs"]
mod support;
mod tree;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Checked, Kind, Site, THEMEGATE, repository};

fn theme(name: &str) -> String {
    repository().join("fixtures/themes").join(name).to_string_lossy().into_owned()
}

fn answered(checked: &Checked) -> Option<&str> {
    checked.report["answered_from"].as_str()
}

fn run_of(checked: &Checked) -> String {
    checked.report["run"].as_str().unwrap().to_owned()
}

#[test]
fn the_same_question_is_answered_from_the_run_that_answered_it_whatever_it_said() {
    let site = Site::copy(Kind::Builtin);
    for (name, verdict, code) in [("midnight", "pass", 0), ("broken-function", "hold", 1), ("broken-brace", "block", 1)]
    {
        let first = site.check(&["--theme", &theme(name)]);
        first.assert_verdict(verdict, code);
        assert_eq!(answered(&first), None, "{name}");
        let second = site.check(&["--theme", &theme(name)]);
        second.assert_verdict(verdict, code);
        assert_eq!(answered(&second), Some(run_of(&first).as_str()), "{name}");
        assert_eq!(second.report["findings"], first.report["findings"], "{name}");
        let fresh = site.check(&["--theme", &theme(name), "--fresh"]);
        assert_eq!(answered(&fresh), None, "{name}: --fresh asks again");
    }
    assert_eq!(fs::read_dir(site.state().join("runs")).unwrap().count(), 12, "an answer is no run of its own");
}

#[test]
fn what_was_not_finished_is_never_an_answer() {
    let site = Site::copy(Kind::Builtin);
    for arguments in [["--compiler", "kill -9 $$"], ["--compiler", "no-such-compiler"]] {
        for _ in 0..2 {
            let checked = site.check(&arguments);
            checked.assert_verdict("undecided", 3);
            assert_eq!(answered(&checked), None);
        }
    }
}

/// What lies in a folder that a link leads out to is compiled as well, and nobody watches it: the build that met something else
/// answers another question.
#[test]
fn a_build_that_met_something_else_than_was_asked_for_is_no_answer() {
    let site = Site::copy(Kind::Builtin);
    let folder = site.folder.path().join("shared");
    fs::create_dir(&folder).unwrap();
    let shared = folder.join("words.txt");
    fs::write(&shared, "asked").unwrap();
    symlink(&folder, site.path("config/shared")).unwrap();
    let line = format!("echo met > {0}; exec {THEMEGATE} __compile", shared.display());
    let check = || site.check(&["--compiler", &line, "--isolation", "none"]);
    // Held for the link, which is an answer like any other.
    check().assert_verdict("hold", 1);
    fs::write(&shared, "asked").unwrap();
    assert_eq!(answered(&check()), None);
}

/// What is done to a site between two checks.
type Mutation = (&'static str, fn(&Site));

fn with_times_put_back(path: &Path, edit: impl Fn(&Path)) {
    let times = fs::metadata(path).unwrap();
    edit(path);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_times(fs::FileTimes::new().set_modified(times.modified().unwrap())).unwrap();
}

const MUTATIONS: &[Mutation] = &[
    ("one byte of a stylesheet, its time put back", |site| {
        with_times_put_back(&site.path("app/javascript/styles/contrast.scss"), |path| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, text.replacen("import", "Import", 1).replacen("Import", "import", 1) + " ").unwrap();
        });
    }),
    ("a file replaced by rename", |site| {
        site.write("lib/new.rb", "module Mastodon; end\n");
        fs::rename(site.path("lib/new.rb"), site.path("lib/mastodon/extra.rb")).unwrap();
    }),
    ("a mode", |site| {
        fs::set_permissions(site.path("package.json"), fs::Permissions::from_mode(0o600)).unwrap();
    }),
    ("a link", |site| symlink("package.json", site.path("link.json")).unwrap()),
    ("a link's target", |site| {
        fs::remove_file(site.path("link.json")).unwrap();
        symlink("config/themes.yml", site.path("link.json")).unwrap();
    }),
    ("a file more in node_modules", |site| site.write("node_modules/a/index.js", "1")),
    ("one byte in node_modules", |site| site.write("node_modules/a/index.js", "2")),
    ("a file renamed", |site| {
        fs::rename(site.path("node_modules/a/index.js"), site.path("node_modules/a/main.js")).unwrap();
    }),
    ("a file less", |site| fs::remove_file(site.path("node_modules/a/main.js")).unwrap()),
    ("a compile cache", |site| site.write("tmp/cache/webpacker/x", "cached")),
    ("the site's variables", |site| site.write(".env.production", "LOCAL_DOMAIN=other.example\n")),
    ("the live output", |site| site.write("public/packs/manifest.json", "{}")),
    ("the configuration", |site| site.write("themegate.toml", "[check]\ntime_limit = \"31m\"\n")),
    ("the configuration beside the tree", |site| {
        fs::remove_file(site.path("themegate.toml")).unwrap();
        fs::write(site.folder.path().join("themegate.toml"), "[check]\ntime_limit = \"32m\"\n").unwrap();
    }),
    ("a rule of the site's", |site| {
        let rules = site.folder.path().join("themegate.d");
        fs::create_dir(&rules).unwrap();
        let rule = "about = \"ours\"\ntool = \"ours\"\n\n[[rule]]\nid = \"our-note\"\nseverity = \"benign\"\npattern = '^our note$'\n\
                    message = \"Ours.\"\nexplanation = \"x\"\nhelp = \"y\"\nmatches = [['ours', 'our note']]\nnear_misses = ['note']\n";
        fs::write(rules.join("ours.toml"), rule).unwrap();
    }),
    ("what a link out of the tree leads to", |site| {
        fs::create_dir(site.folder.path().join("shared")).unwrap();
        fs::write(site.folder.path().join("shared/a.rb"), "1").unwrap();
        symlink(site.folder.path().join("shared"), site.path("vendored")).unwrap();
    }),
    ("a byte behind that link", |site| fs::write(site.folder.path().join("shared/a.rb"), "2").unwrap()),
];

#[test]
fn whatever_a_build_depends_on_makes_it_compile_again() {
    let site = Site::copy(Kind::Builtin);
    assert_eq!(answered(&site.check(&[])), None);
    for (what, mutate) in MUTATIONS {
        assert!(answered(&site.check(&[])).is_some(), "before: {what}");
        mutate(&site);
        let checked = site.check(&[]);
        assert!(checked.report["precompile"].is_object(), "{what}: {} {:?}", checked.stderr, checked.grave());
        assert_eq!(answered(&checked), None, "{what}");
    }
}

#[test]
fn the_environment_the_programs_and_the_theme_are_part_of_the_question() {
    let site = Site::copy(Kind::Builtin);
    let mine = site.folder.path().join("mine.scss");
    fs::write(&mine, "@import 'application';\n.status { color: #111111; }\n").unwrap();
    let arguments = ["--theme", mine.to_str().unwrap()];
    let ask = |environment: &[(&str, &str)]| {
        let checked = site.check_with(&arguments, environment);
        answered(&checked).is_some()
    };
    assert!(!ask(&[]) && ask(&[]));
    assert!(!ask(&[("LANG", "de_DE.UTF-8")]), "a variable that reaches the build");
    assert!(ask(&[("EDITOR", "vi")]), "one that does not");
    let bin = site.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    assert!(!ask(&[("PATH", &path)]) && ask(&[("PATH", &path)]));
    fs::write(bin.join("node"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(bin.join("node"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(!ask(&[("PATH", &path)]), "another node");
    fs::write(&mine, "@import 'application';\n.status { color: #111112; }\n").unwrap();
    assert!(!ask(&[]), "one byte of the theme");
}

fn evidence_of(site: &Site) -> Vec<PathBuf> {
    let files = fs::read_dir(site.state().join("evidence")).unwrap().flatten().map(|file| file.path());
    files.filter(|path| path.file_name().unwrap() != "index").collect()
}

#[test]
fn evidence_that_was_touched_cut_off_or_brought_from_elsewhere_is_not_believed() {
    let site = Site::copy(Kind::Builtin);
    let ask = || answered(&site.check(&[])).is_some();
    assert!(!ask() && ask());
    let evidence = evidence_of(&site).pop().unwrap();
    assert_eq!(fs::metadata(&evidence).unwrap().permissions().mode() & 0o777, 0o600);
    let whole = fs::read(&evidence).unwrap();
    let mut touched = whole.clone();
    *touched.last_mut().unwrap() ^= 1;
    for (what, bytes) in [("touched", touched), ("cut off", whole[..whole.len() / 2].to_vec()), ("empty", Vec::new())] {
        fs::write(&evidence, bytes).unwrap();
        assert!(!ask(), "{what}");
        assert!(ask(), "{what}: mended by the build");
    }
    let broken = site.check(&["--theme", &theme("broken-brace")]);
    let other = evidence_of(&site).into_iter().find(|path| *path != evidence).unwrap();
    fs::copy(&evidence, &other).unwrap();
    let again = site.check(&["--theme", &theme("broken-brace")]);
    assert_eq!((again.verdict(), answered(&again)), (broken.verdict(), None), "another question's answer");
    let run = run_of(&site.check(&[]));
    let report = site.state().join("runs").join(format!("{run}.json"));
    let text = fs::read_to_string(&report).unwrap();
    fs::write(&report, text.replace("\"pass\"", "\"hold\"")).unwrap();
    assert!(!ask(), "a report that was edited");
    fs::write(site.state().join("evidence/index"), "nonsense").unwrap();
    assert!(ask(), "an index that is no index is made again");
}

#[test]
fn what_a_killed_run_left_half_written_is_swept_by_the_next() {
    let site = Site::copy(Kind::Builtin);
    site.check(&[]).assert_verdict("pass", 0);
    fs::create_dir_all(site.state().join("baselines")).unwrap();
    let drafts = ["evidence/.tmpQ1w2E3", "baselines/.tmpQ1w2E3"].map(|draft| site.state().join(draft));
    drafts.iter().for_each(|draft| fs::write(draft, "half").unwrap());
    let again = site.check(&[]);
    assert!(answered(&again).is_some());
    assert_eq!(drafts.map(|draft| draft.exists()), [false, false]);
}

#[test]
fn a_pass_whose_staged_tree_is_gone_is_compiled_again_so_that_it_can_be_promoted() {
    let site = Site::copy(Kind::Builtin);
    let arguments = ["--theme", &theme("midnight")];
    let run = run_of(&site.check(&arguments));
    let same = site.check(&arguments);
    assert_eq!((answered(&same), &same.report["promotable"]), (Some(run.as_str()), &Value::Bool(true)));
    fs::remove_file(site.state().join("staged").join(format!("{run}.json"))).unwrap();
    let again = site.check(&arguments);
    assert_eq!((answered(&again), &again.report["promotable"]), (None, &Value::Bool(true)));
    assert!(again.finding("evidence-not-kept").is_some());
    let answer = site.check(&arguments);
    let promoted = site.command(&["promote", "--run", &run_of(&answer)]).output().unwrap();
    assert_eq!(promoted.status.code(), Some(0), "{}", String::from_utf8_lossy(&promoted.stderr));
    assert_eq!(answered(&site.check(&[])), None, "the live tree is another one now");
}

#[test]
fn a_control_build_is_made_again_when_the_packages_change() {
    let site = Site::copy(Kind::Builtin);
    site.append("app/javascript/styles/application.scss", "@warn \"the site itself warns\";\n");
    site.write("node_modules/a/index.js", "1");
    let controls = || fs::read_dir(site.state().join("baselines")).unwrap().count();
    site.check(&["--theme", &theme("midnight")]).assert_verdict("pass", 0);
    assert_eq!(controls(), 1);
    site.check(&["--theme", &theme("paper")]);
    assert_eq!(controls(), 1, "another theme, the same untouched site");
    site.write("node_modules/a/index.js", "2");
    site.check(&["--theme", &theme("midnight")]).assert_verdict("pass", 0);
    assert_eq!(controls(), 2);
}

#[test]
fn the_text_says_that_nothing_was_compiled_and_names_the_run() {
    let site = Site::copy(Kind::Builtin);
    let run = run_of(&site.check(&[]));
    let output = site.command(&["check"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("answered from the run") && text.contains(&run) && text.contains("--fresh"), "{text}");
    let listed = Command::new(THEMEGATE).arg("history").current_dir(&site.live).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 1);
}
