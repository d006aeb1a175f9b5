//! `themegate check` on the bare live tree of `fixtures/live`, with the builtin compiler: the verdict, the words, and what is
//! left behind, whatever happens to the gate.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::{Kind, Site, THEMEGATE, assert_same_tree, digest, repository};

fn theme(name: &str) -> String {
    repository().join("fixtures/themes").join(name).to_string_lossy().into_owned()
}

#[test]
fn a_good_theme_passes_and_the_live_tree_is_untouched() {
    for name in ["midnight", "paper", "dusk"] {
        let checked = Site::copy(Kind::Builtin).check(&["--theme", &theme(name)]);
        checked.assert_verdict("pass", 0);
        assert_eq!(checked.report["themes"], serde_json::json!([name]));
        assert_eq!(checked.grave(), Vec::<String>::new());
    }
}

#[test]
fn a_broken_theme_blocks_and_the_report_names_file_line_and_reason() {
    let site = Site::copy(Kind::Builtin);
    let output = site.command(&["check", "--theme", &theme("broken-brace")]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for words in ["BLOCK", "app/javascript/styles/broken-brace.scss:11", "expected \"}\"", "Nothing was changed in"] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "colour codes reached a pipe:\n{text}");
}

#[test]
fn a_theme_that_runs_code_or_reads_other_files_is_blocked_before_anything_is_built() {
    for (address, finding) in [
        ("!!./evil/part.scss!./evil/a.png", "change-names-a-loader"),
        ("../../../.env.production", "change-reaches-outside"),
    ] {
        let site = Site::copy(Kind::Builtin);
        let sheet = site.folder.path().join("evil.scss");
        fs::write(&sheet, format!("@import 'application';\n.a {{ background: url(\"{address}\"); }}\n")).unwrap();
        let checked = site.check(&["--theme", sheet.to_str().unwrap()]);
        checked.assert_verdict("block", 1);
        assert!(checked.finding(finding).is_some(), "{:?}", checked.grave());
        assert!(checked.report["precompile"].is_null(), "it was built");
    }
}

#[test]
fn the_report_of_a_check_can_be_shown_again_and_listed() {
    let site = Site::copy(Kind::Builtin);
    let checked = site.check(&["--theme", &theme("midnight")]);
    let shown = site.command(&["show", "latest", "--json"]).output().unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&shown.stdout).unwrap(), checked.report);
    let log = site.command(&["show", "latest", "--log"]).output().unwrap();
    assert!(String::from_utf8_lossy(&log.stdout).contains("themegate-builtin: compiled styles/midnight.scss"));
    let history = site.command(&["history"]).output().unwrap();
    assert!(String::from_utf8_lossy(&history.stdout).contains("midnight"));
}

#[test]
fn the_report_keeps_to_its_committed_schema() {
    let committed = fs::read_to_string(repository().join("schemas/report.schema.json")).unwrap();
    assert!(committed == themegate::report::json::schema(), "run: cargo run -- __schema > schemas/report.schema.json");
}

#[test]
fn a_second_gate_on_the_same_site_is_refused_with_exit_code_6() {
    let site = Site::copy(Kind::Builtin);
    let mut first = site.command(&["check", "--compiler", "sleep 20"]).stdout(Stdio::null()).spawn().unwrap();
    wait_until("the first gate holds the lock", || {
        fs::read_to_string(site.state().join("lock")).is_ok_and(|text| !text.is_empty())
    });
    let second = site.command(&["check"]).output().unwrap();
    let words = String::from_utf8_lossy(&second.stderr).into_owned();
    interrupt(&mut first);
    assert_eq!(second.status.code(), Some(6), "{words}");
    assert!(words.contains(&format!("process {}", first.id())), "{words}");
}

#[test]
fn an_interrupted_check_removes_its_stage_and_its_build_and_exits_130() {
    let site = Site::copy(Kind::Builtin);
    let before = digest(&site.live);
    let marker = format!("{}", 100_000 + std::process::id());
    let mut gate =
        site.command(&["check", "--compiler", &format!("sleep {marker}")]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the build runs", || running(&marker));
    let asked = Instant::now();
    assert_eq!(interrupt(&mut gate), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
    assert!(!running(&marker), "the build is still running");
    assert!(site.stages().is_empty());
    assert_same_tree(&before, &digest(&site.live));
}

#[test]
fn a_gate_that_is_killed_leaves_the_live_tree_alone_no_build_behind_and_the_next_one_sweeps_its_stage() {
    let site = Site::copy(Kind::Builtin);
    let before = digest(&site.live);
    let marker = format!("{}", 200_000 + std::process::id());
    let mut gate =
        site.command(&["check", "--compiler", &format!("sleep {marker}")]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the build runs", || running(&marker));
    gate.kill().unwrap();
    gate.wait().unwrap();
    assert_same_tree(&before, &digest(&site.live));
    wait_until("the build is gone", || !running(&marker));
    assert_eq!(site.stages().len(), 1, "kill -9 leaves a stage");
    site.check(&[]).assert_verdict("pass", 0);
}

#[test]
fn what_a_check_left_for_a_promotion_that_has_no_record_goes_with_the_next_one_that_passes() {
    let site = Site::copy(Kind::Builtin);
    let first = site.check(&[]).report["run"].as_str().unwrap().to_owned();
    // Killed after the tree was kept, or while an old one was removed.
    let half = site.state().join("staged/2020-02-02T02-02-02");
    fs::create_dir_all(half.join("public/packs")).unwrap();
    site.write("app/asked", "again");
    site.check(&[]).assert_verdict("pass", 0);
    assert!(!half.exists());
    assert!(site.state().join("staged").join(first).join("public").exists());
}

#[test]
fn secrets_reach_neither_the_stage_nor_the_build_nor_the_report() {
    let site = Site::copy(Kind::Builtin);
    site.write(".env.production", "LOCAL_DOMAIN=example.social\nDB_PASS=tell-nobody\nSECRET_KEY_BASE=tell-nobody\n");
    let script = "env; ls -a; grep -r tell-[n]obody . && exit 3; exit 0";
    let checked = site
        .check_with(&["--compiler", script], &[("DB_PASS", "tell-nobody"), ("AWS_SECRET_ACCESS_KEY", "tell-nobody")]);
    assert_eq!(checked.report["precompile"]["exit"], 0, "the stage holds a secret");
    let log = site.command(&["show", "latest", "--log"]).output().unwrap();
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    assert!(log.contains("LOCAL_DOMAIN=example.social"), "{log}");
    assert!(!log.contains("tell-nobody") && !checked.report.to_string().contains("tell-nobody"));
    assert!(!log.contains("\n.env.production"), "{log}");
}

#[test]
fn a_build_that_floods_one_stream_before_it_speaks_on_the_other_is_heard_whole() {
    let site = Site::copy(Kind::Builtin);
    let script = "head -c 20000000 /dev/zero | tr '\\0' 'x' | fold -w 99 >&2; echo done on stdout; exit 1";
    let began = Instant::now();
    let checked = site.check(&["--compiler", script]);
    checked.assert_verdict("block", 1);
    assert!(checked.report["log"]["lines"].as_u64().unwrap() > 200_000);
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_build_that_ignores_term_and_forks_away_ends_within_its_limit_plus_two_seconds() {
    let site = Site::copy(Kind::Builtin);
    let marker = format!("{}", 300_000 + std::process::id());
    let script = format!("trap '' TERM; setsid sh -c \"trap '' TERM; sleep {marker}\" & sleep {marker}");
    let checked = site.check(&["--compiler", &script, "--time-limit", "2s"]);
    checked.assert_verdict("undecided", 3);
    assert!(checked.finding("build-out-of-time").is_some(), "{:?}", checked.grave());
    let took =
        checked.report["timings"].as_array().unwrap().iter().find(|timing| timing["stage"] == "precompile").unwrap();
    assert!(took["seconds"].as_f64().unwrap() < 5.0, "{took}");
    assert!(!running(&marker), "a process of the build is left");
}

#[test]
fn a_build_that_stands_still_is_undecided() {
    let checked = Site::copy(Kind::Builtin).check(&["--compiler", "sleep 60", "--stall-limit", "1s"]);
    checked.assert_verdict("undecided", 3);
    assert!(checked.finding("build-stalled").is_some(), "{:?}", checked.grave());
}

#[test]
fn what_somebody_else_changes_in_the_live_tree_meanwhile_makes_it_undecided() {
    let site = Site::copy(Kind::Builtin);
    for way in ["overlay", "copy"] {
        let marker = format!("3.{}", std::process::id());
        let line = format!("sleep {marker}");
        let gate = site
            .command(&["check", "--format", "json", "--staging", way, "--compiler", &line])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until("the build runs", || running(&marker));
        site.append("config/themes.yml", "# edited\n");
        let output = gate.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(String::from_utf8_lossy(&output.stdout).contains("live-tree-moved"));
    }
}

#[test]
fn a_build_without_isolation_that_writes_to_the_live_tree_makes_it_undecided() {
    let site = Site::copy(Kind::Builtin);
    let script = format!("echo '# edited' >> {}; exit 0", site.path("config/themes.yml").display());
    let output =
        site.command(&["check", "--format", "json", "--isolation", "none", "--compiler", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stdout).contains("live-tree-moved"));
}

#[test]
fn every_wrong_call_says_what_to_do() {
    let site = Site::copy(Kind::Builtin);
    let empty = site.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let empty = empty.to_str().unwrap();
    let wrong: [(&[&str], &str); 5] = [
        (&["check", "--live", "/nowhere/at/all"], "/nowhere/at/all"),
        (&["check", "--live", empty], "--live DIR"),
        (&["check", "--theme", "/nowhere/at/all"], "--theme DIR"),
        (&["check", "--theme", empty], "does not look like a theme"),
        (&["check", "--time-limit", "soon"], "30m"),
    ];
    for (arguments, words) in wrong {
        let output = site.command(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?} does not say {words:?}: {text}");
    }
}

#[test]
fn help_of_every_command_shows_examples() {
    for command in [&["--help"][..], &["check", "--help"], &["show", "--help"], &["history", "--help"]] {
        let output = Command::new(THEMEGATE).args(command).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("Examples:") && text.contains("themegate "), "{command:?}: {text}");
    }
}

#[test]
fn a_reader_that_goes_away_does_not_change_the_verdict() {
    let site = Site::copy(Kind::Builtin);
    let broken = theme("broken-brace");
    let line = format!("{THEMEGATE} check --theme {broken} | true; echo ${{PIPESTATUS[0]}}");
    let output = Command::new("bash").arg("-c").arg(line).current_dir(&site.live).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1");
}

#[test]
fn an_accepted_finding_passes_until_its_date() {
    let site = Site::copy(Kind::Builtin);
    let accept = |expires: &str| {
        format!(
            "[[accept]]\nrule = \"unknown-css-function\"\nreason = \"tried in three browsers\"\nexpires = \"{expires}\"\n"
        )
    };
    site.write("themegate.toml", accept("2999-01-01"));
    site.check(&["--theme", &theme("broken-function")]).assert_verdict("pass", 0);
    site.write("themegate.toml", accept("2001-01-01"));
    let checked = site.check(&["--theme", &theme("broken-function")]);
    checked.assert_verdict("hold", 1);
    assert!(checked.finding("acceptance-expired").is_some());
}

#[test]
fn what_the_untouched_site_warns_of_too_is_not_charged_to_the_theme() {
    let site = Site::copy(Kind::Builtin);
    site.append("app/javascript/styles/application.scss", "@warn \"the site itself warns\";\n");
    let good = site.check(&["--theme", &theme("midnight")]);
    good.assert_verdict("pass", 0);
    assert_eq!(good.finding("builtin-warning").unwrap()["baseline"], "outstanding");
    let own = site.folder.path().join("own.scss");
    fs::write(&own, "@import 'application';\n@warn \"the theme warns\";\n").unwrap();
    let held = site.check(&["--theme", own.to_str().unwrap()]);
    held.assert_verdict("hold", 1);
    let new = held.findings().into_iter().find(|finding| finding["baseline"] == "new").unwrap();
    assert!(new["message"].as_str().unwrap().contains("the theme warns"), "{new}");
}

#[test]
fn rules_of_the_site_itself_are_used_and_their_faults_shown_with_the_line() {
    let site = Site::copy(Kind::Builtin);
    let rule = "[[rule]]\nid = \"our-note\"\ntool = \"ours\"\nseverity = \"fatal\"\npattern = '^our build says no$'\n\
                message = \"Our build says no.\"\nexplanation = \"x\"\nhelp = \"y\"\nmatches = [['ours', 'our build says no']]\n\
                near_misses = ['our build says yes']\n";
    site.write(
        "themegate.d/ours.toml",
        format!("about = \"ours\"\ntool = \"ours\"\n\n{}", rule.replace("tool = \"ours\"\n", "")),
    );
    let checked = site.check(&["--compiler", "echo our build says no"]);
    assert!(checked.finding("our-note").is_some(), "{:?} {}", checked.grave(), checked.stderr);
    site.write(
        "themegate.d/ours.toml",
        "about = \"ours\"\ntool = \"ours\"\n\n[[rule]]\nid = \"broken\"\npattern = '('\n",
    );
    let output = site.command(&["check"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("ours.toml:"), "{text}");
}

#[test]
fn a_tree_that_was_compiled_elsewhere_is_verified_and_a_lost_file_blocks() {
    let site = Site::copy(Kind::Builtin);
    assert!(site.command(&["__compile"]).output().unwrap().status.success());
    let verify = |site: &Site| site.command(&["verify", ".", "--format", "json"]).output().unwrap();
    let whole = verify(&site);
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stdout));
    let css = fs::read_dir(site.path("public/packs/css")).unwrap().flatten().next().unwrap().path();
    fs::remove_file(css).unwrap();
    let broken = verify(&site);
    assert_eq!(broken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&broken.stdout).contains("entry-file-missing"));
}

#[test]
fn a_stage_that_is_kept_is_named_and_closed_to_others() {
    let site = Site::copy(Kind::Builtin);
    let output = site.command(&["check", "--keep-stage", "--format", "json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = std::path::PathBuf::from(report["staging"]["kept"].as_str().unwrap());
    assert!(kept.join("public/packs/manifest.json").is_file());
    assert!(!kept.join(".env.production").exists() && !kept.join("public/system").join("media_attachments").exists());
    let stage = kept.parent().unwrap();
    assert_eq!(fs::metadata(stage).unwrap().permissions().mode() & 0o777, 0o700);
}

fn interrupt(gate: &mut std::process::Child) -> Option<i32> {
    let pid = Pid::from_child(gate);
    kill_process(pid, Signal::INT).unwrap();
    gate.wait().unwrap().code()
}

/// True while a process has `marker` among its arguments (of a `sleep`, so that no shell that only names it counts).
fn running(marker: &str) -> bool {
    Command::new("pgrep").args(["-fx", &format!("sleep {marker}")]).output().unwrap().status.success()
}

#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(30), "this never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
