//! What holds nothing by itself or because something got over it, and what is not excused by that.

use super::{classified, ids, severity};
use themegate::finding::Severity;
use themegate::rules::{LogContext, Options, RuleSet, classify};

#[test]
fn a_command_probe_of_capistrano_holds_nothing() {
    let log = " DEBUG [452c8f44] Finished in 0.998 seconds with exit status 1 (failed).\n  INFO [6f480bc2] Finished in 52.607 seconds with exit status 0 (successful).\n";
    assert_eq!(severity(&classified(log.as_bytes())), Severity::Benign);
}

#[test]
fn a_harmless_note_hides_no_complaint_below_it() {
    let note = "WARNING in asset size limit: The following asset(s) exceed the recommended size limit (244 KiB).\n\n";
    assert_eq!(severity(&classified(note.as_bytes())), Severity::Benign);
    let said = classified(format!("{note}the frobnicator could not read what it needs\n").as_bytes());
    assert_eq!(ids(&said), ["unknown-remark", "webpack-size-limit"]);
}

#[test]
fn what_a_playbook_ignores_holds_nothing() {
    let log = "fatal: [localhost]: FAILED! => {\"changed\": true, \"cmd\": [\"ls\", \"/nope\"], \"rc\": 2}\n...ignoring\n\nTASK [Precompile] ***\nchanged: [localhost]\n";
    assert_eq!(severity(&classified(log.as_bytes())), Severity::Benign);
}

#[test]
fn a_remark_is_got_over_by_a_step_that_ends_well() {
    let remark = "frobnik - .git can't be found (see https://example.org/frobnik)\n";
    assert_eq!(severity(&classified(remark.as_bytes())), Severity::Review);
    assert_eq!(severity(&classified(format!("{remark}Done in 44.71s.\n").as_bytes())), Severity::Benign);
    assert_eq!(severity(&classified(format!("Done in 44.71s.\n{remark}").as_bytes())), Severity::Review);
}

#[test]
fn an_installation_of_one_package_got_over_it_as_one_of_many_does() {
    let failed = "gyp ERR! configure error\ngyp ERR! not ok\n";
    assert_eq!(severity(&classified(failed.as_bytes())), Severity::Fatal);
    for end in ["added 1 package in 27s", "changed 3 packages in 2s", "removed 1 package, and audited 9 packages in 1s"]
    {
        assert_eq!(severity(&classified(format!("{failed}{end}\n").as_bytes())), Severity::Benign, "{end}");
    }
    assert_eq!(severity(&classified(format!("{failed}added 1 packaged file\n").as_bytes())), Severity::Fatal);
}

#[test]
fn a_complaint_of_a_stylesheet_is_not_got_over() {
    let said = classified(b"cannot read app/javascript/styles/dusk.scss\nDone in 44.71s.\n");
    assert_eq!(ids(&said), ["unknown-warning"]);
}

#[test]
fn a_harmless_note_hides_no_complaint_at_the_margin() {
    let said = classified(
        b"Don't run Bundler as root. Bundler can ask for sudo if it is needed.\nCould not find that thing\n",
    );
    assert!(ids(&said).contains(&"unknown-remark"), "{:?}", ids(&said));
}

#[test]
fn an_optional_package_that_could_not_be_compiled_is_got_over() {
    let report = "Exit code: 1\nCommand: sh\nDirectory: /x/node_modules/zopfli\nOutput:\nError: Unable to detect compiler type\n";
    let optional =
        format!("warning Error running install script for optional dependency: \"/x: Command failed.\n{report}");
    let said = classified(format!("{optional}success Saved lockfile.\nDone in 3.2s.\n").as_bytes());
    assert_eq!(severity(&said), Severity::Benign, "{:?}", ids(&said));
    let needed = format!("error /x/node_modules/zopfli: Command failed.\n{report}");
    assert_eq!(severity(&classified(needed.as_bytes())), Severity::Fatal);
    let starved =
        format!("{optional}FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n");
    assert_eq!(severity(&classified(starved.as_bytes())), Severity::Fatal);
}

#[test]
fn a_long_deprecation_holds_nothing_and_hides_no_complaint() {
    let note = "DEPRECATION WARNING: A setting of this site does not fit the new loader any more. It is going\nto be an error in a \
                later version.\n\nThe text goes on, and what it speaks of must not be missing.\n";
    let healthy = format!("{note} (called from <main> at /srv/site/config/environment.rb:5)\n");
    assert_eq!(severity(&classified(healthy.as_bytes())), Severity::Benign);
    for complaint in ["Could not read the list of names", "something failed with an odd error"] {
        let broken = format!("{note}{complaint}\n");
        assert!(severity(&classified(broken.as_bytes())) > Severity::Benign, "{complaint}");
    }
}

#[test]
fn what_was_gone_already_stops_only_what_ends_there() {
    let gone = "rm: cannot remove 'public/packs-old': No such file or directory\n";
    assert_eq!(severity(&classified(gone.as_bytes())), Severity::Fatal);
    assert_eq!(severity(&classified(format!("{gone}copied\n").as_bytes())), Severity::Benign);
    // A script that is said to have ended well stopped at no line, the last one neither.
    for line in [gone, "** Execute assets:precompile\n"] {
        let ended_well = LogContext::finished(0);
        let said = classify(&mut line.as_bytes(), RuleSet::builtin(), &ended_well, Options::default()).unwrap();
        assert!(said.findings.iter().all(|finding| finding.severity == Severity::Benign), "{line}");
        assert_eq!(severity(&classified(line.as_bytes())), Severity::Fatal, "{line}");
    }
    assert_eq!(
        severity(&classified(format!("{gone}make: *** [Makefile:4: clean] Error 1\n").as_bytes())),
        Severity::Fatal
    );
}

#[test]
fn an_error_that_its_own_line_got_over_is_no_failure() {
    assert_eq!(severity(&classified("ERROR: no statsd here (ignored)\n✓ built in 2s\n".as_bytes())), Severity::Benign);
    assert_eq!(severity(&classified("ERROR: theme dusk is broken (ignored)\n".as_bytes())), Severity::Fatal);
}

#[test]
fn advice_holds_nothing_and_a_warning_of_a_theme_does() {
    let said = classified(b"warning: Ractor is experimental, and the behavior may change\n");
    assert_eq!((ids(&said), severity(&said)), (vec!["unknown-advice"], Severity::Benign));
    let said = classified(b"warning: the theme dusk is experimental\n");
    assert_eq!(severity(&said), Severity::Review);
}

#[test]
fn what_webpack_only_warns_of_in_a_check_of_style_holds_nothing() {
    let found = "src/a.js\n  3:7  error  'x' is never used  no-unused-vars\n\n✖ 1 problem (1 error, 0 warnings)\n";
    assert_eq!(severity(&classified(format!("WARNING in [eslint]\n{found}").as_bytes())), Severity::Benign);
    assert_eq!(severity(&classified(format!("ERROR in [eslint]\n{found}").as_bytes())), Severity::Fatal);
    assert_eq!(severity(&classified(found.as_bytes())), Severity::Fatal);
}

#[test]
fn rails_that_misses_yarn_compiles_all_the_same_unless_it_ends_there() {
    let absent =
        "Yarn executable was not detected in the system.\nDownload Yarn at https://yarnpkg.com/en/docs/install\n";
    assert_eq!(severity(&classified(absent.as_bytes())), Severity::Fatal);
    let healthy =
        format!("{absent}I, [2019-11-30T02:29:50.270580 #9]  INFO -- : Writing /srv/site/public/assets/a.js\n");
    assert_eq!(severity(&classified(healthy.as_bytes())), Severity::Benign);
    let finished = format!("{absent}    ✔ 01 deploy@192.0.2.7 11.114s\n");
    assert_eq!(severity(&classified(finished.as_bytes())), Severity::Benign);
    let broken = format!("{absent}** Execute assets:precompile\nrake aborted!\n");
    assert_eq!(severity(&classified(broken.as_bytes())), Severity::Fatal);
}

#[test]
fn an_empty_cache_of_a_ci_run_holds_nothing_and_a_full_disk_does() {
    let empty = "1:26:07 PM: Failed to fetch cache, continuing with build\n";
    assert_eq!(severity(&classified(empty.as_bytes())), Severity::Benign);
    for line in ["Failed to save cache: no space left on device", "Failed to fetch theme, continuing with build"] {
        assert!(severity(&classified(line.as_bytes())) > Severity::Benign, "{line}");
    }
}
