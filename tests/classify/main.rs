//! Build logs and what has to be said of them.

mod hidden;
mod wrapped;

use std::fs::File;
use std::path::{Path, PathBuf};

use themegate::finding::Severity;
use themegate::rules::{Classified, LogContext, Options, RuleSet, classify};

fn classified(text: &[u8]) -> Classified {
    let mut input = text;
    classify(&mut input, RuleSet::builtin(), &LogContext::unknown(), Options::default()).expect("memory can be read")
}

fn severity(classified: &Classified) -> Severity {
    classified.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Benign)
}

fn ids(classified: &Classified) -> Vec<&str> {
    classified.findings.iter().map(|finding| finding.id.as_str()).collect()
}

/// Logs that are not part of the project: `THEMEGATE_CORPUS`, or `shared/corpus` beside the repository.
fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("THEMEGATE_CORPUS").map_or(beside, PathBuf::from);
    folder.join("index.tsv").is_file().then_some(folder)
}

#[test]
fn every_log_of_the_corpus_gets_its_severity() {
    let Some(folder) = corpus() else {
        println!("skipped: no corpus here");
        return;
    };
    let index = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    let mut wrong = Vec::new();
    for row in index.lines().skip(1) {
        let mut fields = row.split('\t');
        let (file, wanted) = (fields.next().unwrap(), fields.next().unwrap());
        let mut log = File::open(folder.join(file)).unwrap();
        let said = classify(&mut log, RuleSet::builtin(), &LogContext::unknown(), Options::default()).unwrap();
        if severity(&said).word() != wanted {
            wrong.push(format!("{file}: {wanted} wanted, {:?}", ids(&said)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_line_number_stays_with_the_part_of_the_stylesheet_that_it_stands_with() {
    let log = b"ERROR in ./app/javascript/styles/ft.scss\n\
        Module build failed (from ./node_modules/mini-css-extract-plugin/dist/loader.js):\n\
        ModuleBuildError: Module build failed (from ./node_modules/sass-loader/dist/cjs.js):\n\
        SassError: Undefined variable.\n  \xe2\x95\xb7\n41 \xe2\x94\x82 a { color: $nope; }\n   \xe2\x94\x82            ^^^^^\n  \xe2\x95\xb5\n  \
        app/javascript/styles/ft/_part.scss 41:12  @import\n  \
        app/javascript/styles/ft.scss 2:9          root stylesheet\n";
    let said = classified(log);
    let messages: Vec<&str> = said.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["app/javascript/styles/ft/_part.scss:41 could not be compiled: Undefined variable."]);
}

/// `THEMEGATE_LOGS=folder cargo test --test classify measure -- --ignored --nocapture` prints a line for each log below it.
#[test]
#[ignore = "prints a table for logs that are not part of the project"]
fn measure() {
    let Some(folder) = std::env::var_os("THEMEGATE_LOGS") else {
        return;
    };
    let mut logs: Vec<PathBuf> =
        walkdir::WalkDir::new(folder).into_iter().flatten().map(walkdir::DirEntry::into_path).collect();
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.sort();
    for log in logs {
        let mut input = File::open(&log).unwrap();
        let said = classify(&mut input, RuleSet::builtin(), &LogContext::unknown(), Options::default()).unwrap();
        let grave: Vec<String> = said
            .findings
            .iter()
            .filter(|finding| finding.severity > Severity::Benign)
            .map(|finding| format!("{} = {}", finding.id, finding.message.chars().take(110).collect::<String>()))
            .collect();
        println!(
            "MEASURED\t{}\t{}\t{}\t{}\t{}",
            log.display(),
            severity(&said).word(),
            said.lines,
            said.unaccounted,
            grave.join(" | ")
        );
    }
}

#[test]
fn a_huge_line_and_bytes_of_all_kinds_are_read() {
    let mut text: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    text.extend(b"\nrake aborted!\n");
    assert!(ids(&classified(&text)).contains(&"rake-aborted"));
}

#[test]
fn a_progress_bar_hides_nothing() {
    let said = classified(b"10% building\r20% building\rERROR in ./app/javascript/styles/x.scss\r30% building\n");
    assert_eq!(severity(&said), Severity::Fatal);
}

#[test]
fn colour_codes_do_not_hide_an_error() {
    assert_eq!(severity(&classified(b"\x1b[31merror during \x1b[1mbuild:\x1b[0m\n")), Severity::Fatal);
}

#[test]
fn the_same_thing_seen_often_is_one_finding_with_a_count() {
    let line =
        "DEPRECATION WARNING [import]: Sass @import rules are deprecated and will be removed in Dart Sass 3.0.0.\n\n";
    let said = classified(line.repeat(26).as_bytes());
    assert_eq!(said.findings.len(), 1);
    assert!(said.findings[0].message.contains("26 times"), "{}", said.findings[0].message);
}

#[test]
fn an_exit_status_alone_is_fatal() {
    let context = LogContext::finished(1);
    let said = classify(&mut &b"all quiet\n"[..], RuleSet::builtin(), &context, Options::default()).unwrap();
    assert_eq!(ids(&said), ["build-exit-status"]);
}

#[test]
fn a_killed_build_is_inconclusive() {
    let context = LogContext::finished(137);
    let said = classify(&mut &b"vite v8 building\n"[..], RuleSet::builtin(), &context, Options::default()).unwrap();
    assert!(said.findings[0].inconclusive);
}

#[test]
fn a_command_probe_of_capistrano_holds_nothing() {
    let log = " DEBUG [452c8f44] Finished in 0.998 seconds with exit status 1 (failed).\n  INFO [6f480bc2] Finished in 52.607 seconds with exit status 0 (successful).\n";
    assert_eq!(severity(&classified(log.as_bytes())), Severity::Benign);
}

#[test]
fn a_message_names_the_file_and_the_reason() {
    let log = "ERROR in ./app/javascript/styles/x.scss\nModule build failed (from ./node_modules/sass-loader/dist/cjs.js):\nSassError: expected \"}\".\n  ╷\n2 │ .a { color: red;\n  ╵\n  app/javascript/styles/x.scss 12:37  root stylesheet\n";
    let said = classified(log.as_bytes());
    assert_eq!(said.findings.len(), 1, "{:#?}", said.findings);
    assert_eq!(said.findings[0].message, "app/javascript/styles/x.scss:12 could not be compiled: expected \"}\".");
}

#[test]
fn a_harmless_note_hides_no_complaint_below_it() {
    let note = "WARNING in asset size limit: The following asset(s) exceed the recommended size limit (244 KiB).\n\n";
    assert_eq!(severity(&classified(note.as_bytes())), Severity::Benign);
    let said = classified(format!("{note}the frobnicator could not read what it needs\n").as_bytes());
    assert_eq!(ids(&said), ["unknown-remark", "webpack-size-limit"]);
}

#[test]
fn a_server_that_speaks_german_is_understood() {
    let log =
        "cp: Fehler beim Schreiben von 'public/packs/x.js': Auf dem Gerät ist kein Speicherplatz mehr verfügbar\n";
    let said = classified(log.as_bytes());
    assert_eq!(ids(&said), ["locale-disk-full"]);
    assert!(said.findings[0].inconclusive);
}

#[test]
fn memory_used_up_is_told_once() {
    let log = "<--- Last few GCs --->\n\n<--- JS stacktrace --->\n\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n";
    assert_eq!(ids(&classified(log.as_bytes())), ["node-heap-exhausted"]);
}

#[test]
fn what_a_playbook_ignores_holds_nothing() {
    let log = "fatal: [localhost]: FAILED! => {\"changed\": true, \"cmd\": [\"ls\", \"/nope\"], \"rc\": 2}\n...ignoring\n\nTASK [Precompile] ***\nchanged: [localhost]\n";
    assert_eq!(severity(&classified(log.as_bytes())), Severity::Benign);
}

/// `THEMEGATE_LOGS=folder THEMEGATE_SECONDS=600 cargo test --test classify hammer -- --ignored --nocapture`: mutates the logs
/// below the folder, for machines on which cargo-fuzz does not run (`fuzz/` holds the same target for it).
#[test]
#[ignore = "runs for as long as it is told"]
fn hammer() {
    let Some(folder) = std::env::var_os("THEMEGATE_LOGS") else {
        return;
    };
    let seconds: u64 = std::env::var("THEMEGATE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let seeds: Vec<Vec<u8>> = walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "log"))
        .filter_map(|entry| std::fs::read(entry.path()).ok())
        .filter(|seed| !seed.is_empty() && seed.len() < 20_000)
        .collect();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (start, mut runs) = (std::time::Instant::now(), 0_u64);
    while start.elapsed().as_secs() < seconds {
        let text = mutated(&seeds, &mut dice);
        let said = classified(&text);
        assert_eq!(said.lines, said.neutral + said.evidence + said.unaccounted);
        runs += 1;
    }
    println!("HAMMERED {runs} logs in {seconds} s");
}

/// Numbers without a pattern that matters here (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % sides.max(1)
    }
}

fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut text = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(24) {
        let at = dice.roll(text.len());
        match dice.roll(4) {
            0 => text[at] = u8::try_from(dice.roll(256)).unwrap_or(0),
            1 => text.truncate(at.max(1)),
            2 => text.insert(at, b"\n\r\x1b[\t :\xff'`"[dice.roll(10)]),
            _ => {
                let other = &seeds[dice.roll(seeds.len())];
                let from = dice.roll(other.len());
                let part = other[from..(from + dice.roll(400)).min(other.len())].to_vec();
                text.splice(at..at, part);
            }
        }
    }
    text
}

#[test]
fn a_remark_is_got_over_by_a_step_that_ends_well() {
    let remark = "frobnik - .git can't be found (see https://example.org/frobnik)\n";
    assert_eq!(severity(&classified(remark.as_bytes())), Severity::Review);
    assert_eq!(severity(&classified(format!("{remark}Done in 44.71s.\n").as_bytes())), Severity::Benign);
    assert_eq!(severity(&classified(format!("Done in 44.71s.\n{remark}").as_bytes())), Severity::Review);
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
fn what_information_of_a_logger_speaks_of_is_no_trouble() {
    let line = "INFO -- : Didn't find any digests file. You must first compile the packs";
    let time = "[2017-03-11T00:08:01.980134 #1188]";
    assert_eq!(severity(&classified(format!("I, {time}  {line}\n").as_bytes())), Severity::Benign);
    assert_eq!(severity(&classified(format!("{line}\n").as_bytes())), Severity::Review);
}

#[test]
fn a_warning_of_a_stylesheet_is_told_from_any_other() {
    let said = classified(b"WARNING: this theme is old\n    app/javascript/styles/ft.scss 2:1  root stylesheet\n");
    assert_eq!(ids(&said), ["sass-warn"]);
    assert_eq!(ids(&classified(b"WARNING: this is old\nthat is all\n")), ["unknown-warning"]);
}

#[test]
fn an_error_of_sass_is_known_by_the_frame_below_it() {
    let frame = "  ╷\n1 │ @use \"b\";\n  │ ^^^^^^^^\n  ╵\n  b.scss 1:1  root stylesheet\n";
    let said = classified(format!("Module loop: this module is already being loaded.\n{frame}").as_bytes());
    assert_eq!(ids(&said), ["sass-error-bare"]);
    assert_eq!(severity(&classified(b"This file was written.\nthat is all\n")), Severity::Benign);
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
fn a_disk_that_is_full_is_told_whoever_shrugs_it_off() {
    for said in [
        "<w> [webpack.cache.PackFileCacheStrategy] Caching failed for pack: Error: ENOSPC: no space left on device, write",
        "npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write",
    ] {
        let told = classified(format!("{said}\n✓ built in 902ms\n").as_bytes());
        assert_eq!(ids(&told), ["disk-full"], "{said}");
    }
}

#[test]
fn what_a_postcss_plugin_says_is_told_from_an_error() {
    let said = "[vite:css] A thing of mine: inset was left alone\n1  |  .b { inset: 0 }\n   |       ^^^^^^^^\n";
    assert_eq!(severity(&classified(format!("{said}✓ built in 902ms\n").as_bytes())), Severity::Benign);
    let broken = "[vite:css] Undefined variable.\n  ╷\n1 │ .a{color:$nope}\n  ╵\n  c.scss 1:10  root stylesheet\nfile: /srv/c.scss\n";
    assert_eq!(severity(&classified(broken.as_bytes())), Severity::Fatal);
}

#[test]
fn a_stack_below_words_that_no_rule_knows_is_an_exception() {
    let said = classified(b"the option is quite new here\n    at validate (/srv/site/build.js:52:11)\n    at main (/srv/site/build.js:9:1)\n");
    assert_eq!(ids(&said), ["unknown-warning"]);
    let apart = classified(b"the option is quite new here\n\n    at validate (/srv/site/build.js:52:11)\n");
    assert!(apart.findings.is_empty(), "{:?}", ids(&apart));
    let prose = classified(b"the cache was warmed\nat least 3 pages of it\n");
    assert!(prose.findings.is_empty(), "{:?}", ids(&prose));
}

#[test]
fn signs_that_a_console_spoiled_are_read_as_what_they_were() {
    for sign in ["✘", "Ô£ÿ", "тЬШ"] {
        let said = classified(format!("{sign} [ERROR] the theme has no colours\n").as_bytes());
        assert_eq!(ids(&said), ["esbuild-error"], "{sign}");
    }
}

#[test]
fn a_log_in_utf_16_says_the_same() {
    for (log, expected) in
        [("[1/4] Resolving packages...\n✨  Done in 1.02s.\n", &[][..]), ("✘ [ERROR] x\n", &["esbuild-error"][..])]
    {
        let bytes: Vec<u8> = format!("\u{feff}{log}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let said = classified(&bytes);
        assert_eq!((ids(&said), said.lines), (expected.to_vec(), classified(log.as_bytes()).lines), "{log}");
    }
}

#[test]
fn a_log_without_a_word_proves_nothing_unless_the_build_is_said_to_have_ended_well() {
    for log in [&b""[..], b"\n \n\x1b[0m\n"] {
        let said = classified(log);
        assert!(ids(&said) == ["log-empty"] && said.findings[0].inconclusive, "{:?}", ids(&said));
        let mut input = log;
        let ended = classify(&mut input, RuleSet::builtin(), &LogContext::finished(0), Options::default()).unwrap();
        assert!(ended.findings.is_empty());
    }
}

#[test]
fn a_log_that_begins_within_a_stack_lacks_the_exception() {
    let cut = "    at async build (/srv/site/node_modules/bundler/cli.js:77:3)\n";
    assert_eq!(severity(&classified(format!("{cut}}}\n").as_bytes())), Severity::Review);
    assert_eq!(severity(&classified(format!("✓ built in 902ms\n{cut}").as_bytes())), Severity::Benign);
    assert_eq!(severity(&classified(b"at least 3 pages of it\n")), Severity::Benign);
}

#[test]
fn advice_holds_nothing_and_a_warning_of_a_theme_does() {
    let said = classified(b"warning: Ractor is experimental, and the behavior may change\n");
    assert_eq!((ids(&said), severity(&said)), (vec!["unknown-advice"], Severity::Benign));
    let said = classified(b"warning: the theme dusk is experimental\n");
    assert_eq!(severity(&said), Severity::Review);
}

#[test]
fn a_trace_that_ends_with_the_last_task_of_a_build_is_whole() {
    let log = "** Execute assets:precompile\n** Invoke assets:generate_static_pages (first_time)\n";
    let whole = format!("{log}** Execute assets:generate_static_pages\n");
    assert_eq!(severity(&classified(whole.as_bytes())), Severity::Benign);
    assert_eq!(severity(&classified(log.as_bytes())), Severity::Fatal);
}

#[test]
fn what_webpack_only_warns_of_in_a_check_of_style_holds_nothing() {
    let found = "src/a.js\n  3:7  error  'x' is never used  no-unused-vars\n\n✖ 1 problem (1 error, 0 warnings)\n";
    assert_eq!(severity(&classified(format!("WARNING in [eslint]\n{found}").as_bytes())), Severity::Benign);
    assert_eq!(severity(&classified(format!("ERROR in [eslint]\n{found}").as_bytes())), Severity::Fatal);
    assert_eq!(severity(&classified(found.as_bytes())), Severity::Fatal);
}

#[test]
fn a_log_quoted_as_in_a_mail_is_read() {
    let said = classified(b"> npm ERR! code ELIFECYCLE\n> npm ERR! Exit status 2\n> npm ERR! \n");
    assert_eq!(severity(&said), Severity::Fatal);
    let echoes = b"> site@1.0.0 build\n> node error-report.js && NODE_ENV=production vite build\n";
    assert_eq!(severity(&classified(echoes)), Severity::Benign);
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
