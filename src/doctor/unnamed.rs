//! Compiled files that no manifest names any more: what only a cached page or an open tab still loads. Kept on purpose.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::patient::Patient;
use crate::finding::Finding;
use crate::report::text::{grouped, size};

pub(super) fn see(patient: &Patient<'_>) -> Vec<Finding> {
    if !patient.is_compiled() {
        return Vec::new();
    }
    let named: BTreeSet<&str> = patient.files.iter().map(|file| file.file.as_str()).collect();
    let packs = patient.site.root.join(&patient.site.output.packs);
    // A shared folder stands behind a link; below it none is followed.
    let walked = walkdir::WalkDir::new(packs.canonicalize().unwrap_or(packs.clone())).into_iter().flatten();
    let top = patient.site.output.packs.strip_prefix(&patient.site.output.public).unwrap_or(Path::new("packs"));
    let mut count = 0_u64;
    let mut bytes = 0_u64;
    for entry in walked.filter(|entry| entry.file_type().is_file()) {
        let below: std::path::PathBuf = entry.path().iter().skip(entry.path().iter().count() - entry.depth()).collect();
        if is_left(&top.join(below).to_string_lossy(), &named) {
            count += 1;
            bytes += entry.metadata().map_or(0, |metadata| metadata.len());
        }
    }
    if count == 0 {
        return Vec::new();
    }
    let files =
        if count == 1 { "1 compiled file is".to_owned() } else { format!("{} compiled files are", grouped(count)) };
    vec![
        Finding::benign("files-unnamed", format!("{files} named by no manifest ({}).", size(bytes)))
            .at(&patient.site.output.packs)
            .meaning("Open tabs, cached pages and workers that were not restarted may still load them: they are kept on purpose."),
    ]
}

/// A file with a fingerprint in its name that neither a manifest names nor goes with one that it names.
fn is_left(file: &str, named: &BTreeSet<&str>) -> bool {
    static HASHED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"-[A-Za-z0-9_-]{8,}\.").expect("the pattern is a constant and compiles"));
    let mut base = file;
    while !named.contains(base) {
        let endings = [".gz", ".br", ".map", ".LICENSE.txt"];
        match endings.iter().find_map(|ending| base.strip_suffix(ending)) {
            Some(shorter) => base = shorter,
            None => return HASHED.is_match(base.rsplit('/').next().unwrap_or(base)),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_with_a_named_file_is_not_left_over() {
        let named = BTreeSet::from(["packs/css/a-1fc201f4.css"]);
        assert!(!is_left("packs/css/a-1fc201f4.css.map.gz", &named));
        assert!(is_left("packs/css/a-00000000.css.gz", &named));
        assert!(!is_left("packs/sw.js", &named) && !is_left("packs/manifest.json.br", &named));
    }
}
