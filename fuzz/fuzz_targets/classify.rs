//! Any bytes are a log: classifying them must neither panic nor lose a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use themegate::rules::{LogContext, Options, RuleSet, classify};

fuzz_target!(|bytes: &[u8]| {
    let mut input = bytes;
    let strict = bytes.len() % 2 == 1;
    let said = classify(&mut input, RuleSet::builtin(), &LogContext::unknown(), Options { strict }).expect("memory can be read");
    assert_eq!(said.lines, said.neutral + said.evidence + said.unaccounted);
});
