//! Three versions of a file into one. Pure.

use git2::{MergeFileInput, MergeFileOptions, merge_file};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Merged {
    /// Both sides' edits, which do not touch one another.
    Clean(Vec<u8>),
    /// The lines that both sides edited; empty where the file is no text.
    Conflict(String),
}

/// Merges what the live tree and a revision made of `base`.
pub(super) fn three_way(base: &[u8], live: &[u8], revision: &[u8]) -> Merged {
    if [base, live, revision].iter().any(|bytes| bytes.contains(&0)) {
        return Merged::Conflict(String::new());
    }
    // git2 0.21 forgets to start libgit2 in this one function.
    let _started = git2::Config::new();
    let mut options = MergeFileOptions::new();
    options.our_label("the live tree").their_label("the revision");
    let input = |bytes| {
        let mut input = MergeFileInput::new();
        input.content(bytes);
        input
    };
    match merge_file(&input(base), &input(live), &input(revision), Some(&mut options)) {
        Ok(merged) if merged.is_automergeable() => Merged::Clean(merged.content().to_vec()),
        Ok(merged) => Merged::Conflict(first_conflict(&String::from_utf8_lossy(merged.content()))),
        Err(_) => Merged::Conflict(String::new()),
    }
}

/// The lines from the first mark to its end.
fn first_conflict(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines().skip_while(|line| !line.starts_with("<<<<<<< ")) {
        lines.push(line);
        if line.starts_with(">>>>>>> ") {
            break;
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apart_from_one_another_are_merged() {
        let base = b"default: a\none: b\ntwo: c\nthree: d\nfour: e\n";
        let live = b"default: a\none: b\ntwo: c\nthree: d\nfour: e\nmine: f\n";
        let revision = b"default: new\none: b\ntwo: c\nthree: d\nfour: e\n";
        let expected = b"default: new\none: b\ntwo: c\nthree: d\nfour: e\nmine: f\n";
        assert_eq!(three_way(base, live, revision), Merged::Clean(expected.to_vec()));
    }

    #[test]
    fn the_same_place_edited_twice_is_a_conflict_with_both_lines() {
        let Merged::Conflict(lines) = three_way(b"a\n", b"a\nmine\n", b"a\ntheirs\n") else { panic!("merged") };
        assert!(lines.contains("mine") && lines.contains("theirs"), "{lines}");
        assert_eq!(three_way(b"\0", b"\0\x01", b"\0\x02"), Merged::Conflict(String::new()));
    }
}
