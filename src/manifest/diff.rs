//! What a compile changed, by logical path. Pure.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

use super::{Entry, ManifestSet};

/// How the entries of two compiled trees differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManifestDiff {
    /// In the new tree alone.
    pub added: Vec<EntryChange>,
    /// In the old tree alone.
    pub removed: Vec<EntryChange>,
    /// In both, with another file or other bytes.
    pub changed: Vec<EntryChange>,
    /// How many are the same in both.
    pub unchanged: usize,
}

/// One entry that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntryChange {
    /// The logical path.
    pub key: String,
    /// The old file, relative to the web server's root.
    pub old_file: Option<String>,
    /// The new file, relative to the web server's root.
    pub new_file: Option<String>,
    /// Size of the old file in bytes, if it is there.
    pub old_bytes: Option<u64>,
    /// Size of the new file in bytes, if it is there.
    pub new_bytes: Option<u64>,
}

impl EntryChange {
    /// How much larger the new file is, in bytes; 0 where one of the sizes is unknown.
    #[must_use]
    pub fn growth(&self) -> i64 {
        match (self.old_bytes, self.new_bytes) {
            (Some(old), Some(new)) => i64::try_from(new).unwrap_or(i64::MAX) - i64::try_from(old).unwrap_or(i64::MAX),
            _ => 0,
        }
    }
}

/// Gives the size of a served file, in bytes.
pub type SizeOf<'tree> = &'tree dyn Fn(&str) -> Option<u64>;

impl ManifestDiff {
    /// Compares two sets by logical path; `old_size` and `new_size` give sizes by a file's path below the web server's root.
    #[must_use]
    pub fn between(old: &ManifestSet, new: &ManifestSet, old_size: SizeOf<'_>, new_size: SizeOf<'_>) -> Self {
        let (old, new) = (entries(old), entries(new));
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let mut diff = Self::default();
        for key in keys {
            let (before, after) = (old.get(key).copied(), new.get(key).copied());
            let change = EntryChange {
                key: key.clone(),
                old_file: before.map(|entry| entry.file.clone()),
                new_file: after.map(|entry| entry.file.clone()),
                old_bytes: before.and_then(|entry| old_size(&entry.file)),
                new_bytes: after.and_then(|entry| new_size(&entry.file)),
            };
            match (before, after) {
                (None, _) => diff.added.push(change),
                (_, None) => diff.removed.push(change),
                (Some(before), Some(after)) if same(before, after) => diff.unchanged += 1,
                _ => diff.changed.push(change),
            }
        }
        diff
    }

    /// True if nothing differs.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// The text form: one line an entry, `-` old and `+` new, as a reader of patches expects it.
    #[must_use]
    pub fn text(&self) -> String {
        let line = |key: &str, file: &Option<String>, bytes: Option<u64>| match file {
            Some(file) => format!("{key} -> {file} ({} bytes)\n", bytes.map_or_else(|| "?".into(), |n| n.to_string())),
            None => String::new(),
        };
        let mut all: Vec<&EntryChange> = self.added.iter().chain(&self.removed).chain(&self.changed).collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        let old: String = all.iter().map(|change| line(&change.key, &change.old_file, change.old_bytes)).collect();
        let new: String = all.iter().map(|change| line(&change.key, &change.new_file, change.new_bytes)).collect();
        let mark = |tag| match tag {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        TextDiff::from_lines(&old, &new)
            .iter_all_changes()
            .map(|change| format!("{}{change}", mark(change.tag())))
            .collect()
    }
}

fn entries(set: &ManifestSet) -> std::collections::BTreeMap<String, &Entry> {
    let pairs = set.manifests.iter().flat_map(|(_, manifest)| &manifest.entries);
    pairs.map(|(key, entry)| (key.clone(), entry)).collect()
}

/// Dynamic imports and styles follow from the files; an equal file with equal integrity is the same entry.
fn same(old: &Entry, new: &Entry) -> bool {
    old.file == new.file && (old.integrity == new.integrity || old.integrity.is_none() || new.integrity.is_none())
}

#[cfg(test)]
mod tests {
    use super::super::webpacker;
    use super::*;

    fn set(json: &str) -> ManifestSet {
        ManifestSet { manifests: vec![("m".into(), webpacker::parse(json.as_bytes()).unwrap())], lookup: None }
    }

    #[test]
    fn added_removed_changed_and_grown_entries_are_told_apart() {
        let old = set(r#"{"a.css":"/a-1.css","b.css":"/b-1.css","c.css":"/c-1.css"}"#);
        let new = set(r#"{"b.css":"/b-2.css","c.css":"/c-1.css","d.css":"/d-1.css"}"#);
        let diff = ManifestDiff::between(&old, &new, &|_| Some(10), &|_| Some(25));
        assert_eq!(diff.added[0].key, "d.css");
        assert_eq!(diff.removed[0].key, "a.css");
        assert_eq!((diff.changed[0].key.as_str(), diff.changed[0].growth()), ("b.css", 15));
        assert_eq!(diff.unchanged, 1);
        let text = diff.text();
        assert!(
            text.contains("-b.css -> b-1.css (10 bytes)") && text.contains("+b.css -> b-2.css (25 bytes)"),
            "{text}"
        );
    }
}
