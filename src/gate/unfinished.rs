//! Files of the live tree that no build reads and that an unfinished merge has broken all the same: views, settings, locales.
//!
//! The site runs on them from its next restart on, and a promotion restarts it.

use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use walkdir::WalkDir;

use crate::change::{Change, unfinished_merge};
use crate::finding::Finding;
use crate::plain_file;

/// Where Mastodon's own code and settings are.
const FOLDERS: [&str; 3] = ["app", "config", "lib"];

/// A file larger than this is no view and no setting.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Does some work, and finds [`merges`] beside it.
pub(super) fn merges_beside<T>(root: &Path, change: &Change, work: impl FnOnce() -> T) -> (T, Vec<Finding>) {
    thread::scope(|scope| {
        let looking = thread::Builder::new().spawn_scoped(scope, || merges(root, change));
        let done = work();
        let found = match looking {
            Ok(looking) => looking.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // No thread to be had.
            Err(_) => merges(root, change),
        };
        (done, found)
    })
}

/// What stays in the tree with the marks of a merge that was not finished. What the change writes was looked at already.
fn merges(root: &Path, change: &Change) -> Vec<Finding> {
    let goes = |path: &Path| change.removed.iter().any(|gone| gone == path);
    let comes = |path: &Path| change.files.iter().any(|file| file.to == path);
    let walks = FOLDERS.into_iter().flat_map(|folder| WalkDir::new(root.join(folder)).into_iter().flatten());
    let files = walks.filter(|entry| entry.file_type().is_file());
    let of_file = |entry: walkdir::DirEntry| {
        let path = entry.path().strip_prefix(root).ok()?;
        if !unfinished_merge::is_read(path) || goes(path) || comes(path) {
            return None;
        }
        let is_small = entry.metadata().is_ok_and(|file| file.len() <= LARGEST);
        is_small
            .then(|| plain_file::bytes(entry.path()).ok())
            .flatten()
            .and_then(|bytes| unfinished_merge::of(path, &bytes))
    };
    let mut found: Vec<Finding> = files.filter_map(of_file).collect();
    for finding in &mut found {
        finding.message = format!("{} It stands in the live tree already.", finding.message);
    }
    found.sort_by(|one, other| one.message.cmp(&other.message));
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::change::{ChangedFile, as_it_is};

    const MARKS: &str = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> x\n";

    fn found(root: &Path, change: &Change) -> Vec<String> {
        merges(root, change).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn what_is_too_large_for_a_view_is_left_out() {
        let live = tempfile::tempdir().unwrap();
        fs::create_dir(live.path().join("lib")).unwrap();
        let path = live.path().join("lib/data.json");
        let found_with = |length: usize| {
            fs::write(&path, MARKS.to_owned() + &" ".repeat(length - MARKS.len())).unwrap();
            found(live.path(), &as_it_is()).len()
        };
        let largest = usize::try_from(LARGEST).unwrap();
        assert_eq!((found_with(largest), found_with(largest + 1)), (1, 0));
    }

    #[test]
    fn what_no_build_reads_is_looked_at_too() {
        let live = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("app/views/about/show.html.haml", MARKS),
            ("config/settings.yml", "<<<<<<< only one\n"),
            ("config/locales/de.yml", MARKS),
            ("docs/merging.yml", MARKS),
            ("app/javascript/styles/old.scss", MARKS),
            ("lib/notes.md", MARKS),
        ] {
            fs::create_dir_all(live.path().join(path).parent().unwrap()).unwrap();
            fs::write(live.path().join(path), text).unwrap();
        }
        let marked =
            |path: &str| format!("{path} holds the marks of an unfinished merge. It stands in the live tree already.");
        let mut change = as_it_is();
        let both = [marked("app/views/about/show.html.haml"), marked("config/locales/de.yml")];
        assert_eq!(found(live.path(), &change), both);
        change.removed.push("config/locales/de.yml".into());
        assert_eq!(found(live.path(), &change), both[..1]);
        change.files.push(ChangedFile::holding("app/views/about/show.html.haml", "%p a"));
        assert_eq!(found(live.path(), &change), [""; 0]);
    }
}
