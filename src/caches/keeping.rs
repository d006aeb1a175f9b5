//! Takes over what a build has left.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use rayon::prelude::*;

use super::list::{FileList, checksum};
use super::{Caches, FOLDERS, LIST, Left, TREE, Verified, clear};
use crate::site::locate::make_private;
use crate::site::owner;
use crate::staging::cover_what_is_below;

impl Caches {
    /// Keeps the `files` that a build has left under `key`, in place of those kept before; nothing where they hold more than
    /// `limit` bytes.
    ///
    /// # Errors
    /// Something that cannot be read or written; nothing is kept then.
    pub fn keep(&self, key: &str, left: &Left<'_>, files: &[(String, u64)], limit: u64) -> io::Result<()> {
        let kept = self.keep_draft(key, left, files, limit);
        if !matches!(kept, Ok(true)) {
            self.forget();
        }
        kept.map(|_| ())
    }

    fn keep_draft(&self, key: &str, left: &Left<'_>, files: &[(String, u64)], limit: u64) -> io::Result<bool> {
        if files.iter().map(|(_, bytes)| bytes).sum::<u64>() > limit || files.is_empty() {
            return Ok(false);
        }
        if let Some(shown) = left.shown(key) {
            return self.amend(shown, files, left).map(|()| true);
        }
        make_private(&self.folder)?;
        let draft = self.folder.join("draft");
        clear(&draft)?;
        make_private(&draft)?;
        let one = |(place, _): &(String, u64)| {
            let to = draft.join(TREE).join(place);
            to.parent().map_or(Ok(()), fs::create_dir_all)?;
            left.hand_over(place, &to)?;
            Ok((place.clone(), checksum(&to)?))
        };
        let files = files.par_iter().map(one).collect::<io::Result<_>>()?;
        mark(&draft.join(TREE));
        FileList { key: key.to_owned(), files }.write(&draft.join(LIST))?;
        owner::hand_over_tree(&draft)?;
        // Killed between these two, nothing is kept: the next build is slower, and no more.
        clear(&self.kept())?;
        fs::rename(&draft, self.kept())?;
        Ok(true)
    }

    /// Takes over what a build did to what it was shown. Killed meanwhile, there is no list, and all of it is thrown away.
    fn amend(&self, shown: &Verified, files: &[(String, u64)], left: &Left<'_>) -> io::Result<()> {
        let mut list = shown.list.clone();
        let there: BTreeSet<&String> = files.iter().map(|(place, _)| place).collect();
        let gone: Vec<String> = list.files.keys().filter(|place| !there.contains(place)).cloned().collect();
        let written: Vec<&String> = there.iter().copied().filter(|place| left.was_written(place)).collect();
        if gone.is_empty() && written.is_empty() {
            return Ok(());
        }
        clear(&self.folder.join("draft"))?;
        fs::remove_file(self.kept().join(LIST))?;
        for place in gone {
            fs::remove_file(self.kept().join(TREE).join(&place))?;
            list.files.remove(&place);
        }
        let one = |place: &&String| {
            let to = self.kept().join(TREE).join(place);
            to.parent().map_or(Ok(()), fs::create_dir_all)?;
            left.hand_over(place, &to)?;
            Ok(((*place).clone(), checksum(&to)?))
        };
        list.files.extend(written.par_iter().map(one).collect::<io::Result<Vec<_>>>()?);
        mark(&self.kept().join(TREE));
        list.write(&self.kept().join(LIST))?;
        owner::hand_over_tree(&self.kept())
    }
}

/// Marks the folders, so that an overlay can show them. Where they cannot be marked, they are copied into a stage.
fn mark(tree: &Path) {
    for folder in FOLDERS.iter().map(|folder| tree.join(folder)).filter(|folder| folder.is_dir()) {
        let _copied_then = cover_what_is_below(&folder);
    }
}
