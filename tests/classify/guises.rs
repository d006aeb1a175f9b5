//! The same log in another guise says the same.

use super::{classified, ids, severity};
use themegate::finding::Severity;

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
fn a_server_that_speaks_german_is_understood() {
    let log =
        "cp: Fehler beim Schreiben von 'public/packs/x.js': Auf dem Gerät ist kein Speicherplatz mehr verfügbar\n";
    let said = classified(log.as_bytes());
    assert_eq!(ids(&said), ["locale-disk-full"]);
    assert!(said.findings[0].inconclusive);
}

#[test]
fn what_information_of_a_logger_speaks_of_is_no_trouble() {
    let line = "INFO -- : Didn't find any digests file. You must first compile the packs";
    let time = "[2017-03-11T00:08:01.980134 #1188]";
    assert_eq!(severity(&classified(format!("I, {time}  {line}\n").as_bytes())), Severity::Benign);
    assert_eq!(severity(&classified(format!("{line}\n").as_bytes())), Severity::Review);
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
fn a_log_quoted_as_in_a_mail_is_read() {
    let said = classified(b"> npm ERR! code ELIFECYCLE\n> npm ERR! Exit status 2\n> npm ERR! \n");
    assert_eq!(severity(&said), Severity::Fatal);
    let echoes = b"> site@1.0.0 build\n> node error-report.js && NODE_ENV=production vite build\n";
    assert_eq!(ids(&classified(echoes)), ["log-empty"], "no more than that they were begun");
    let more = b"> site@1.0.0 prebuild\n> rm -r dist\n\n> site@1.0.0 build\n> test -d dist || abort missing theme\n";
    assert_eq!(ids(&classified(more)), ["log-empty"]);
}
