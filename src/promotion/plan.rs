//! What a switch of the live tree will do, step by step and in which order. Pure: it takes facts about the disk as values.
//!
//! The order is what keeps every page whole while a switch runs. Towards a promotion: files under new names first, which
//! nobody asks for yet; then files under fixed names; then the manifests, which make the new names known; then sources;
//! the theme registry last, and after it files that nothing has needed for long go. A rollback goes the other way round.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk::Attributes;

/// What a file holds, and how it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// BLAKE3, hexadecimal.
    pub digest: String,
    /// In bytes.
    pub size: u64,
    /// Owner, mode and time.
    pub attributes: Attributes,
}

/// Where new content comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A file of the staged tree or of a generation.
    File(PathBuf),
    /// Text that the journal itself carries: an edited registry.
    Text(String),
}

/// What a file is to the site; the order is that of a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A compiled file under a name that the live tree does not have: nobody asks for it yet.
    Asset,
    /// A compiled file under a name that the live tree has already (`sw.js`, `500.html`, emoji data), or its sibling.
    Fixed,
    /// A manifest: it makes compiled files known to Rails.
    Manifest,
    /// A source file of the change.
    Source,
    /// The theme registry: it makes a theme selectable.
    Registry,
    /// A compiled file of an earlier promotion that nothing needs any more: it goes when all else is done (`retention`).
    Old,
}

/// Which way a switch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards what was compiled: the registry comes last.
    Promote,
    /// Back to a generation: the registry comes first.
    Rollback,
}

/// One path of the live tree: what it holds and what it shall hold. `None` is absence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Relative to the live tree.
    pub name: PathBuf,
    /// Where it really lies, symlinks of its folders resolved.
    pub path: PathBuf,
    /// What it is to the site.
    pub role: Role,
    /// What it holds now.
    pub before: Option<Content>,
    /// What it shall hold.
    pub after: Option<Content>,
    /// Where that comes from; `None` exactly if `after` is.
    pub origin: Option<Origin>,
}

/// One path that a switch changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Relative to the live tree.
    pub name: PathBuf,
    /// Where it really lies.
    pub path: PathBuf,
    /// The name beside it under which its other content waits: the new one before the step, the old one after it.
    pub temporary: PathBuf,
    /// What it is to the site.
    pub role: Role,
    /// What it holds before; `None` if the step adds it.
    pub before: Option<Content>,
    /// What it holds afterwards; `None` if the step removes it.
    pub after: Option<Content>,
    /// Where the new content comes from.
    pub origin: Option<Origin>,
}

/// A folder of manifests that is swapped as a whole, so that its files change all together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The folder.
    pub folder: PathBuf,
    /// Its successor beside it; the temporary names of the folder's steps lie in it.
    pub temporary: PathBuf,
    /// Mode and owner of the folder.
    pub attributes: Attributes,
    /// The files which the switch leaves as they are, by name.
    pub carried: Vec<(PathBuf, Content)>,
}

/// A folder that the switch creates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewFolder {
    /// Where.
    pub path: PathBuf,
    /// Those of the folder it lies in.
    pub attributes: Attributes,
}

/// A folder whose files may be swapped as a whole, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swappable {
    /// Mode and owner.
    pub attributes: Attributes,
    /// All that it holds, by name.
    pub files: BTreeMap<PathBuf, Content>,
}

/// All that a switch does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// Folders swapped as a whole.
    pub groups: Vec<Group>,
    /// Parents before children.
    pub new_folders: Vec<NewFolder>,
    /// Folders to remove at the end if nothing is left in them, children before parents.
    pub emptied: Vec<PathBuf>,
}

impl Plan {
    /// Orders what differs, and gives each step its temporary name. `id` is the switch's own, unique on this site.
    #[must_use]
    pub fn new(
        id: &str,
        facts: Vec<Fact>,
        swappable: &BTreeMap<PathBuf, Swappable>,
        new_folders: Vec<NewFolder>,
        direction: Direction,
    ) -> Self {
        let mut facts: Vec<Fact> = facts.into_iter().filter(differs).collect();
        facts.sort_by_cached_key(|fact| order(fact, direction));
        let groups = groups(id, &facts, swappable);
        let steps: Vec<Step> = facts.into_iter().enumerate().map(|(n, fact)| step(id, n, fact, &groups)).collect();
        let new_folders = new_folders.into_iter().filter(|new| steps.iter().any(|s| s.path.starts_with(&new.path)));
        Self { new_folders: new_folders.collect(), steps, groups, emptied: Vec::new() }
    }

    /// The folders whose entries the steps of one role change.
    pub(crate) fn folders(&self, wanted: impl Fn(&Step) -> bool) -> BTreeSet<PathBuf> {
        let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
        for step in self.steps.iter().filter(|step| wanted(step)) {
            folders.extend(step.path.parent().map(Path::to_path_buf));
            let group = self.groups.iter().find(|group| step.path.parent() == Some(&group.folder));
            folders.extend(group.and_then(|group| group.folder.parent()).map(Path::to_path_buf));
        }
        folders
    }

    /// How many bytes the new content has.
    #[must_use]
    pub fn new_bytes(&self) -> u64 {
        self.steps.iter().filter_map(|step| step.after.as_ref()).map(|content| content.size).sum()
    }

    /// How many old compiled files the switch removes, and how many bytes they have.
    #[must_use]
    pub fn old_files_removed(&self) -> (usize, u64) {
        let gone = self.steps.iter().filter(|step| step.role == Role::Old && step.after.is_none());
        gone.filter_map(|step| step.before.as_ref()).fold((0, 0), |(n, bytes), old| (n + 1, bytes + old.size))
    }

    /// How many bytes the replaced content has.
    #[must_use]
    pub fn old_bytes(&self) -> u64 {
        self.steps.iter().filter_map(|step| step.before.as_ref()).map(|content| content.size).sum()
    }
}

fn differs(fact: &Fact) -> bool {
    fact.before.as_ref().map(|content| &content.digest) != fact.after.as_ref().map(|content| &content.digest)
}

/// Role first; within a role, siblings before their file; among manifests, the one that maps theme names last.
///
/// nginx with `gzip_static` sends `sw.js.gz` without a look at `sw.js`. With the sibling first there is a moment at which
/// some clients get the new content and others the old, each of them whole; the other way round, a stale sibling could
/// outlive the file it belongs to. The longer name is the sibling: `a.js.map.gz`, `a.js.map`, `a.js.gz`, `a.js`.
fn order(fact: &Fact, direction: Direction) -> (u8, bool, PathBuf, Reverse<usize>, PathBuf) {
    let (role, lookup) = match direction {
        Direction::Promote => (fact.role as u8, is_lookup(&fact.name)),
        Direction::Rollback => (u8::MAX - fact.role as u8, !is_lookup(&fact.name)),
    };
    let base = base_of(&fact.name).unwrap_or_else(|| fact.name.clone());
    (role, lookup, base, Reverse(fact.name.as_os_str().len()), fact.name.clone())
}

/// `manifest-lookup.json` sends a theme's name to a key of `manifest.json`, so it is never the newer of the two.
fn is_lookup(name: &Path) -> bool {
    name.file_name().is_some_and(|file| file.to_string_lossy().starts_with("manifest-lookup"))
}

/// The file whose compressed form or source map this is.
#[must_use]
pub fn base_of(name: &Path) -> Option<PathBuf> {
    let sibling = name.extension().is_some_and(|ext| ["gz", "br", "zst", "map"].iter().any(|known| ext == *known));
    if !sibling {
        return None;
    }
    let base = name.with_extension("");
    Some(base_of(&base).unwrap_or(base))
}

/// The compressed forms that a web server prefers to the file itself (`gzip_static`, `brotli_static`).
#[must_use]
pub fn compressed_forms(name: &Path) -> [PathBuf; 3] {
    ["gz", "br", "zst"].map(|extension| {
        let mut form = name.as_os_str().to_owned();
        form.push(".");
        form.push(extension);
        PathBuf::from(form)
    })
}

/// A hidden folder (`.vite`) in which only manifests change is swapped as a whole.
fn groups(id: &str, facts: &[Fact], swappable: &BTreeMap<PathBuf, Swappable>) -> Vec<Group> {
    let grouped = swappable.iter().filter(|(folder, _)| {
        let mut inside = facts.iter().filter(|fact| fact.path.parent() == Some(folder)).peekable();
        inside.peek().is_some() && inside.all(|fact| fact.role == Role::Manifest)
    });
    grouped.enumerate().map(|(n, (folder, now))| group(id, n, facts, folder, now)).collect()
}

fn group(id: &str, n: usize, facts: &[Fact], folder: &Path, now: &Swappable) -> Group {
    let changed = |name: &Path| facts.iter().any(|fact| fact.path == folder.join(name));
    let carried = now.files.iter().filter(|(name, _)| !changed(name)).map(|(name, c)| (name.clone(), c.clone()));
    Group {
        folder: folder.to_path_buf(),
        temporary: folder.with_file_name(format!("{TEMPORARY}{id}-folder{n}")),
        attributes: now.attributes,
        carried: carried.collect(),
    }
}

/// How every temporary name begins; nothing that is compiled does.
pub const TEMPORARY: &str = ".themegate-";

fn step(id: &str, n: usize, fact: Fact, groups: &[Group]) -> Step {
    let group = groups.iter().find(|group| fact.path.parent() == Some(&group.folder));
    let temporary = match (group, fact.path.file_name()) {
        (Some(group), Some(name)) => group.temporary.join(name),
        _ => fact.path.with_file_name(format!("{TEMPORARY}{id}-{n}")),
    };
    let Fact { name, path, role, before, after, origin } = fact;
    Step { name, path, temporary, role, before, after, origin }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn content(digest: &str) -> Content {
        let attributes = Attributes { mode: 0o644, uid: 0, gid: 0, modified: (0, 0) };
        Content { digest: digest.to_owned(), size: 1, attributes }
    }

    fn fact(name: &str, role: Role, before: Option<&str>, after: Option<&str>) -> Fact {
        Fact {
            name: name.into(),
            path: Path::new("/live").join(name),
            role,
            before: before.map(content),
            after: after.map(content),
            origin: after.map(|_| Origin::File(Path::new("/staged").join(name))),
        }
    }

    fn names(facts: Vec<Fact>, direction: Direction) -> Vec<String> {
        let plan = Plan::new("id", facts, &BTreeMap::new(), Vec::new(), direction);
        plan.steps.iter().map(|step| step.name.display().to_string()).collect()
    }

    fn switch() -> Vec<Fact> {
        vec![
            fact("config/themes.yml", Role::Registry, Some("1"), Some("2")),
            fact("packs/.vite/manifest-lookup.json", Role::Manifest, Some("1"), Some("2")),
            fact("packs/.vite/manifest.json", Role::Manifest, Some("1"), Some("2")),
            fact("packs/sw.js", Role::Fixed, Some("1"), Some("2")),
            fact("packs/sw.js.br", Role::Fixed, Some("1"), None),
            fact("packs/sw.js.map.gz", Role::Fixed, Some("1"), Some("2")),
            fact("packs/sw.js.map", Role::Fixed, Some("1"), Some("2")),
            fact("packs/same.js", Role::Fixed, Some("1"), Some("1")),
            fact("styles/t.scss", Role::Source, None, Some("2")),
            fact("packs/t-1234.css", Role::Asset, None, Some("2")),
        ]
    }

    #[test]
    fn the_registry_is_the_last_to_be_promoted_and_siblings_precede_their_file() {
        assert_eq!(
            names(switch(), Direction::Promote),
            [
                "packs/t-1234.css",
                "packs/sw.js.map.gz",
                "packs/sw.js.map",
                "packs/sw.js.br",
                "packs/sw.js",
                "packs/.vite/manifest.json",
                "packs/.vite/manifest-lookup.json",
                "styles/t.scss",
                "config/themes.yml"
            ]
        );
    }

    #[test]
    fn the_registry_is_the_first_to_be_rolled_back_and_siblings_still_precede_their_file() {
        let order = names(switch(), Direction::Rollback);
        assert_eq!(order[0], "config/themes.yml");
        assert_eq!(order[2], "packs/.vite/manifest-lookup.json");
        assert_eq!(order[4..8], ["packs/sw.js.map.gz", "packs/sw.js.map", "packs/sw.js.br", "packs/sw.js"]);
    }

    #[test]
    fn a_folder_of_manifests_is_swapped_whole_and_what_does_not_change_is_carried() {
        let attributes = content("").attributes;
        let files = ["manifest.json", "manifest-lookup.json", "manifest-assets.json"];
        let now = Swappable { attributes, files: files.iter().map(|name| (name.into(), content("1"))).collect() };
        let swappable = BTreeMap::from([(PathBuf::from("/live/packs/.vite"), now)]);
        let plan = Plan::new("id", switch(), &swappable, Vec::new(), Direction::Promote);
        assert_eq!(plan.groups[0].carried, [(PathBuf::from("manifest-assets.json"), content("1"))]);
        let manifest = plan.steps.iter().find(|step| step.path.ends_with("manifest.json")).unwrap();
        assert_eq!(manifest.temporary, Path::new("/live/packs/.themegate-id-folder0/manifest.json"));
        assert!(plan.folders(|step| step.role == Role::Manifest).contains(Path::new("/live/packs")));
    }
}
