//! Compares what a change writes with the live tree: what it would replace, and what it must not.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::theme_folder::Candidate;
use super::{ChangeCounts, ChangedFile, SiteFacts, shadow};
use crate::finding::Finding;

/// How a file of the change stands to the live tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    /// The live tree has nothing there.
    Added,
    /// The live tree has other bytes there.
    Replaced,
    /// The live tree has the same bytes there.
    Unchanged,
}

/// Remembers the live folders that were listed already.
#[derive(Default)]
struct LiveNames {
    folders: HashMap<PathBuf, Vec<String>>,
}

impl LiveNames {
    fn in_folder(&mut self, folder: &Path) -> &[String] {
        self.folders.entry(folder.to_path_buf()).or_insert_with(|| {
            let names = fs::read_dir(folder).into_iter().flatten().flatten();
            names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        })
    }

    /// The live path that equals `to` but for upper and lower case, if there is one.
    fn other_case(&mut self, live: &Path, to: &Path) -> Option<PathBuf> {
        let mut folder = live.to_path_buf();
        let mut spelled = PathBuf::new();
        for part in to.iter() {
            let part = part.to_string_lossy();
            let names = self.in_folder(&folder);
            if !names.iter().any(|name| *name == part) {
                let near = names.iter().find(|name| name.to_lowercase() == part.to_lowercase())?;
                return Some(spelled.join(near));
            }
            folder.push(&*part);
            spelled.push(&*part);
        }
        None
    }
}

/// Candidates with what the live tree has in their place; refused ones become findings.
pub(super) type Compared = Vec<(Candidate, Difference)>;

/// Compares every file; a place counts once, and the refused ones become findings.
pub(super) fn compare_all(candidates: Vec<Candidate>, site: &SiteFacts<'_>, findings: &mut Vec<Finding>) -> Compared {
    let mut names = LiveNames::default();
    let mut compared: Compared = Vec::with_capacity(candidates.len());
    let mut seen = HashSet::new();
    for candidate in candidates {
        // Two theme folders may bring the same file: one copy counts.
        if !seen.insert(candidate.to.clone()) {
            continue;
        }
        match compare(&candidate, site, &mut names) {
            Ok(difference) => compared.push((candidate, difference)),
            Err(finding) => findings.push(*finding),
        }
    }
    compared
}

/// What is to be written, with figures.
pub(super) fn changed_files(compared: Compared) -> (Vec<ChangedFile>, ChangeCounts) {
    let mut counts = ChangeCounts::default();
    let mut files = Vec::new();
    for (candidate, difference) in compared {
        match difference {
            Difference::Unchanged => {
                counts.unchanged += 1;
                continue;
            }
            Difference::Added => counts.added += 1,
            Difference::Replaced => counts.replaced += 1,
        }
        counts.bytes += candidate.len;
        files.push(ChangedFile {
            from: candidate.root.join(&candidate.path),
            to: candidate.to,
            bytes_len: candidate.len,
            mode: 0o644,
            blake3: candidate.blake3,
            content: candidate.content,
            root: candidate.root,
        });
    }
    files.sort_by(|one, other| one.to.cmp(&other.to));
    (files, counts)
}

/// Compares one file; an error is the finding that refuses it.
fn compare(candidate: &Candidate, site: &SiteFacts<'_>, names: &mut LiveNames) -> Result<Difference, Box<Finding>> {
    let to = &candidate.to;
    if let Some(other) = names.other_case(site.live, to) {
        return Err(Box::new(case_fault(&candidate.path, to, &other)));
    }
    if let Some(taken) = way_is_barred(site.live, to) {
        return Err(Box::new(taken));
    }
    let difference = match fs::read(site.live.join(to)) {
        Ok(bytes) if blake3::hash(&bytes) == candidate.blake3 => Difference::Unchanged,
        Ok(_) => Difference::Replaced,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Difference::Added,
        Err(error) => return Err(Box::new(unreadable(to, &error))),
    };
    if difference != Difference::Unchanged && (site.shipped)(to) {
        return Err(Box::new(overwrites(&candidate.path, to)));
    }
    let beside = to.parent().filter(|_| difference == Difference::Added);
    let names = beside.map_or(&[][..], |folder| names.in_folder(&site.live.join(folder)));
    match shadow::of(&candidate.path, to, names, site.shipped) {
        Some(finding) => Err(Box::new(finding)),
        None => Ok(difference),
    }
}

/// A link, a file or a folder of the live tree where the change needs something else.
fn way_is_barred(live: &Path, to: &Path) -> Option<Finding> {
    let mut place = PathBuf::new();
    let parts = to.iter().count();
    for (index, part) in to.iter().enumerate() {
        place.push(part);
        let kind = fs::symlink_metadata(live.join(&place)).ok()?.file_type();
        let last = index + 1 == parts;
        if kind.is_symlink() {
            let message = format!(
                "{} of the live tree is a symbolic link, and the change would write through it.",
                place.display()
            );
            return Some(
                Finding::fatal("change-through-link", message)
                    .at(&place)
                    .meaning("The files would land somewhere outside the tree that is checked.")
                    .help("Put a real folder or file in the link's place, or install the theme where the link leads."),
            );
        }
        if (last && !kind.is_file()) || (!last && !kind.is_dir()) {
            let has = if kind.is_dir() { "a folder" } else { "a file" };
            let message =
                format!("The live tree has {has} at {}, where the change needs the opposite.", place.display());
            return Some(
                Finding::fatal("change-place-taken", message)
                    .at(&place)
                    .meaning("The change cannot be applied.")
                    .help("Rename the file in the theme, or move what stands there out of the live tree."),
            );
        }
    }
    None
}

fn case_fault(path: &Path, to: &Path, other: &Path) -> Finding {
    let message =
        format!("{} differs from {} of the live tree in upper and lower case only.", to.display(), other.display());
    Finding::fatal("change-differs-in-case-only", message)
        .at(path)
        .meaning("Both would exist side by side here, and be one file on a Mac: which of the two compiles is a matter of luck.")
        .help(format!("Rename the theme's file to {}, or to a name of its own.", other.display()))
}

fn unreadable(to: &Path, error: &std::io::Error) -> Finding {
    Finding::fatal("live-file-unreadable", format!("{} of the live tree could not be read: {error}.", to.display()))
        .at(to)
        .help("Run themegate as the user that owns the live tree (often `mastodon`).")
        .inconclusive()
}

fn overwrites(path: &Path, to: &Path) -> Finding {
    let message = format!("The theme would replace {}, which Mastodon ships.", to.display());
    Finding::fatal("change-overwrites-mastodon", message)
        .at(path)
        .meaning("The stock themes, and with them the error page and everybody who never chose a theme, would depend on it; the next update of Mastodon would revert it or refuse to run.")
        .help(format!(
            "Delete {} from the theme folder, or give it a name of its own and import it under that name.",
            path.display()
        ))
}

/// Files of the change that differ from each other in case only, or that two theme folders bring with different bytes.
pub(super) fn collisions(candidates: &[Candidate]) -> Vec<Finding> {
    let mut by_place: BTreeMap<String, &Candidate> = BTreeMap::new();
    let mut findings = Vec::new();
    for candidate in candidates {
        for (folded, spelled) in folded_prefixes(&candidate.to) {
            let Some(other) = by_place.get(&folded) else {
                by_place.insert(folded, candidate);
                continue;
            };
            let same_spelling = other.to.starts_with(&spelled);
            if !same_spelling {
                findings.push(case_fault(&candidate.path, &spelled, &other.to));
                break;
            }
            if other.to == candidate.to && other.blake3 != candidate.blake3 {
                findings.push(two_versions(candidate, other));
                break;
            }
        }
    }
    findings
}

/// Every folder on the way to `to`, and `to` itself: in lower case, and as it is spelled.
fn folded_prefixes(to: &Path) -> Vec<(String, PathBuf)> {
    let mut spelled = PathBuf::new();
    to.iter()
        .map(|part| {
            spelled.push(part);
            (spelled.to_string_lossy().to_lowercase(), spelled.clone())
        })
        .collect()
}

fn two_versions(one: &Candidate, other: &Candidate) -> Finding {
    let message = format!("Two theme folders bring {} with different bytes.", one.to.display());
    Finding::fatal("change-themes-collide", message)
        .at(one.root.join(&one.path))
        .at(other.root.join(&other.path))
        .meaning("One of the two themes would be compiled with the other's file.")
        .help("Check the themes one at a time, or rename the file in one of them.")
}
