//! The bytes of each file match the integrity value that pages carry, and every entry has one if any has.
//!
//! Browsers refuse a stylesheet or script whose bytes do not match (W3C Subresource Integrity, section 3.3).

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use brotli_decompressor::Decompressor;
use flate2::read::GzDecoder;
use rayon::prelude::*;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{Invariant, Subject};
use crate::finding::Finding;
use crate::manifest::{Entry, Manifest, ManifestFormat};

pub(super) const INVARIANT: Invariant = Invariant {
    id: "integrity",
    statement: "The bytes of each file match its integrity value, which every entry has if any has.",
    check,
};

/// What is unpacked at a time.
const BUFFER: usize = 64 << 10;

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, manifest) in &subject.staged.set.manifests {
        findings.extend(mismatch(subject, manifest));
        let entries: Vec<&Entry> = manifest.entries.values().collect();
        findings.par_extend(entries.par_iter().flat_map_iter(|entry| torn_siblings(subject, entry)));
        findings.extend(absent(path, manifest));
        findings.extend(vanished(subject, path, manifest));
    }
    findings
}

/// One finding for a manifest, however many files it is wrong about: they have one cause.
fn mismatch(subject: &Subject<'_>, manifest: &Manifest) -> Option<Finding> {
    let differs = |entry: &Entry| {
        let integrity = entry.integrity.as_deref()?;
        let bytes = subject.staged.read_served(&entry.file).ok()?;
        (!matches(integrity, &bytes)).then_some(())
    };
    let wrong: Vec<_> = manifest.entries.par_iter().filter(|(_, entry)| differs(entry).is_some()).collect();
    let (key, entry) = wrong.first()?;
    let others = match wrong.len() - 1 {
        0 => String::new(),
        1 => format!(", and so with {}", wrong[1].1.file),
        more => format!(", and so with {more} others: {}, …", wrong[1].1.file),
    };
    let message = format!("The bytes of {} do not match the integrity value of {key}{others}.", entry.file);
    Some(
        Finding::fatal("integrity-mismatch", message)
            .at(subject.staged.shown(&entry.file))
            .meaning("Every browser refuses the file: pages stay without styles or without their script.")
            .help(
                "Compile again. Something changes files after the manifest is written: a minifier, a sync, a full disk.",
            ),
    )
}

/// nginx serves the `.gz` (`gzip_static`) or `.br` (`brotli_static`) beside a file in its place: they must hold the same bytes.
fn torn_siblings(subject: &Subject<'_>, entry: &Entry) -> Vec<Finding> {
    let torn = |ending: &str| {
        let sibling = format!("{}.{ending}", entry.file);
        let packed = subject.staged.read_served(&sibling).ok()?;
        let bytes = subject.staged.read_served(&entry.file).ok()?;
        // One byte more than expected is enough to tell, and keeps a bomb from filling the memory.
        let most = bytes.len() as u64 + 1;
        let mut unpacked = Vec::new();
        let read = match ending {
            "gz" => GzDecoder::new(&packed[..]).take(most).read_to_end(&mut unpacked),
            _ => Decompressor::new(&packed[..], BUFFER).take(most).read_to_end(&mut unpacked),
        };
        (read.is_err() || unpacked != bytes).then(|| torn_sibling(subject, &sibling, &entry.file))
    };
    ["gz", "br"].into_iter().filter_map(torn).collect()
}

fn torn_sibling(subject: &Subject<'_>, sibling: &str, file: &str) -> Finding {
    Finding::fatal("compressed-sibling-torn", format!("{sibling} does not hold the bytes of {file}."))
        .at(subject.staged.shown(sibling))
        .meaning("A web server that is told to (gzip_static, brotli_static) serves the compressed file: browsers get garbage, and refuse it.")
        .help("The build was cut off while it compressed. See that the disk has space (df -h), and compile again.")
}

/// True if `bytes` satisfy the strongest algorithm named in `integrity`, as browsers decide it.
#[must_use]
pub(crate) fn matches(integrity: &str, bytes: &[u8]) -> bool {
    let words: Vec<(&str, &str)> = integrity.split_whitespace().filter_map(|word| word.split_once('-')).collect();
    let strongest = ["sha512", "sha384", "sha256"].into_iter().find(|name| words.iter().any(|(word, _)| word == name));
    let Some(strongest) = strongest else { return false };
    let digest = match strongest {
        "sha512" => STANDARD.encode(Sha512::digest(bytes)),
        "sha384" => STANDARD.encode(Sha384::digest(bytes)),
        _ => STANDARD.encode(Sha256::digest(bytes)),
    };
    words.iter().any(|(name, value)| *name == strongest && value.split('?').next() == Some(digest.as_str()))
}

/// Scripts and stylesheets carry integrity values; pictures and fonts need none.
fn carries(entry: &Entry) -> bool {
    [".css", ".js", ".mjs"].iter().any(|ending| entry.file.ends_with(ending))
}

fn absent(path: &str, manifest: &Manifest) -> Option<Finding> {
    let carriers = || manifest.entries.iter().filter(|(_, entry)| carries(entry));
    if !carriers().any(|(_, entry)| entry.integrity.is_some()) {
        return None;
    }
    let without: Vec<&String> = carriers().filter(|(_, entry)| entry.integrity.is_none()).map(|(key, _)| key).collect();
    let first = without.first()?;
    let message =
        format!("{} of the entries in {path} have no integrity value, although others have: {first}, …", without.len());
    Some(incomplete(path, message))
}

/// For about a second Vite's manifest stands there without any integrity value; a build killed in it leaves it so.
fn vanished(subject: &Subject<'_>, path: &str, manifest: &Manifest) -> Option<Finding> {
    if subject.themes_only || !matches!(manifest.format, ManifestFormat::Vite | ManifestFormat::Webpacker) {
        return None;
    }
    let has_any = |manifest: &Manifest| manifest.entries.values().any(|entry| entry.integrity.is_some());
    let lost = subject.live.set.bundler().is_some_and(has_any) && !has_any(manifest);
    lost.then(|| {
        incomplete(path, format!("No entry of {path} has an integrity value; in the live manifest they have."))
    })
}

fn incomplete(path: &str, message: String) -> Finding {
    Finding::fatal("integrity-missing", message)
        .at(path)
        .meaning("Rails raises KeyError (key not found: \"integrity\") on every page.")
        .help("The build was cut off before its last step. Compile again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_algorithm_decides() {
        let sha256 = format!("sha256-{}", STANDARD.encode(Sha256::digest(b"a")));
        let wrong384 = format!("sha384-{}", STANDARD.encode(Sha384::digest(b"b")));
        assert!(matches(&sha256, b"a"));
        assert!(!matches(&sha256, b"b"));
        assert!(!matches(&format!("{sha256} {wrong384}"), b"a"));
        assert!(!matches("nonsense", b"a"));
    }
}
