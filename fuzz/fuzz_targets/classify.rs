//! Any bytes are a log, or refused: classifying them must neither panic nor lose a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use themegate::rules::{LogContext, Options, RuleSet, classify};

fuzz_target!(|bytes: &[u8]| {
    let mut input = bytes;
    let strict = bytes.len() % 2 == 1;
    // Memory can always be read: what is refused is packed in another way than gzip, or broken.
    let Ok(said) = classify(&mut input, RuleSet::builtin(), &LogContext::unknown(), Options { strict }) else { return };
    assert_eq!(said.lines, said.neutral + said.evidence + said.unaccounted);
});
