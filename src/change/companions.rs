//! What a single stylesheet that is proposed as a theme brings along: the files that lie beside it and that it imports or loads.
//!
//! Only names that are written out are followed, and only below its own folder. A name that Mastodon's own stylesheets have means
//! those.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::imported::{normal, spellings};
use super::{content, places};
use crate::stylesheet::Sheet;

/// More files than this a theme does not have.
const MOST: usize = 2_000;

/// The companions of the stylesheet `name`, relative to its folder like it. `read` gives the bytes of a regular file there.
pub(super) fn of(
    name: &Path,
    read: &dyn Fn(&Path) -> Option<Vec<u8>>,
    is_mastodons: &dyn Fn(&Path) -> bool,
) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::from([name.to_path_buf()]);
    let mut pending = vec![name.to_path_buf()];
    while let Some(sheet) = pending.pop() {
        let Some(bytes) = read(&sheet).filter(|_| found.len() < MOST) else { continue };
        let beside = |written: &str| -> Vec<PathBuf> {
            let folders = [sheet.parent().unwrap_or_else(|| Path::new("")), Path::new("")];
            folders.iter().filter_map(|folder| normal(&folder.join(written))).collect()
        };
        let imports = content::imports(&bytes).into_iter().filter_map(|written| {
            let names: Vec<PathBuf> = beside(&written).iter().flat_map(|path| spellings(path)).collect();
            let is_meant = |path: &&PathBuf| places::is_stylesheet(path) && read(path).is_some();
            (!names.iter().any(|path| is_mastodons(path))).then(|| names.iter().find(is_meant).cloned()).flatten()
        });
        let addresses = Sheet::read(&String::from_utf8_lossy(&bytes)).addresses;
        let loaded = addresses.iter().filter_map(|address| {
            let is_meant =
                |path: &&PathBuf| places::is_deployable_kind(&places::extension(path)) && read(path).is_some();
            beside(address.local_path()?).iter().find(is_meant).cloned()
        });
        for path in imports.chain(loaded) {
            if found.insert(path.clone()) && places::is_stylesheet(&path) {
                pending.push(path);
            }
        }
    }
    found.remove(name);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_lies_beside_and_is_imported_or_loaded_comes_along() {
        let files = BTreeMap::from([
            ("t.scss", "@use 'application'; @use 't/part'; @import './colours'; // @use 'other'"),
            ("t/_part.scss", "@forward 'deep'; .a { background: url('../pic/a.png?v=1#x') }"),
            ("t/deep/_index.scss", ".b { background: url('https://x.example/b.png') }"),
            ("colours.scss", "@import '../outside', 'sass:math', 't';"),
            ("application.scss", ""),
            ("pic/a.png", ""),
            ("pic/unused.png", ""),
            ("third.scss", ""),
        ]);
        let read = |path: &Path| files.get(path.to_str()?).map(|text| text.as_bytes().to_vec());
        let found = of(Path::new("t.scss"), &read, &|path| path == Path::new("application.scss"));
        let expected = ["colours.scss", "pic/a.png", "t/_part.scss", "t/deep/_index.scss"].map(PathBuf::from);
        assert_eq!(found, BTreeSet::from(expected));
    }
}
