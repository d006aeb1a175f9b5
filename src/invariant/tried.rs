//! A subject for the tests of invariants: the theme `ft` beside the stock one and another, as webpacker compiles them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Lookup, OfferedTheme, Subject};
use crate::compiled::CompiledTree;
use crate::finding::Finding;
use crate::manifest::{Entry, Manifest, ManifestFormat, ManifestSet};

/// Where their sources are.
pub(super) const STYLES: &str = "app/javascript/styles";

/// What they are made of; gone with it.
pub(super) struct Tried {
    folder: tempfile::TempDir,
    sources: BTreeMap<PathBuf, String>,
}

impl Tried {
    /// With sources below the folder of the styles, and what `ft` and the stock theme are compiled to.
    pub(super) fn new(sources: &[(&str, &str)], compiled: &str, stock: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, css) in [("ft", compiled), ("default", stock), ("other", "a{b:c}")] {
            fs::write(folder.path().join(name), css).unwrap();
        }
        let sources = sources.iter().map(|(path, text)| (Path::new(STYLES).join(path), (*text).to_owned())).collect();
        Self { folder, sources }
    }

    /// What a check finds, if the change touches all of them or none.
    pub(super) fn findings(&self, check: fn(&Subject<'_>) -> Vec<Finding>, is_touched: bool) -> Vec<Finding> {
        let mut manifest = Manifest::empty(ManifestFormat::Webpacker);
        for name in ["ft", "default", "other"] {
            manifest.entries.insert(format!("{name}.css"), Entry { file: name.into(), ..Entry::default() });
        }
        let mut subject = Subject {
            offered: &["default", "ft", "other"].map(theme),
            packs: &[],
            live: &self.tree(ManifestSet::default()),
            staged: &self.tree(ManifestSet { manifests: vec![("manifest.json".into(), manifest)], lookup: None }),
            build_began: SystemTime::now(),
            cdn: None,
            themes_only: false,
            sources: &self.sources,
            sheets: BTreeMap::new(),
            touched: BTreeSet::new(),
        };
        subject.read_sheets();
        if !is_touched {
            subject.touched.clear();
        }
        check(&subject)
    }

    fn tree(&self, set: ManifestSet) -> CompiledTree {
        let root = self.folder.path().to_path_buf();
        CompiledTree { public: root.clone(), root, set, findings: Vec::new(), is_staged: false }
    }
}

fn theme(name: &str) -> OfferedTheme {
    let source = format!("styles/{name}.scss");
    OfferedTheme { name: name.into(), place: "config/themes.yml".into(), line: Some(1), source, kind: Lookup::Listed }
}
