//! What Mastodon ships, so that no theme overwrites it.
//!
//! Where the live tree is a checkout, git says it; otherwise a list does, made from the trees of 3.5.3 to 4.6.5.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Repository, RepositoryOpenFlags, TreeWalkMode, TreeWalkResult};

use super::stock;
use crate::site::MastodonVersion;
use crate::site::registry::Registry;

/// Where the knowledge comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShippedSource {
    /// The tag of the installed release, in the live tree's own repository.
    Tag(String),
    /// The live tree's git index, less what the registry's own themes brought: an administrator commits his themes too.
    Index,
    /// The built-in list: the live tree is no checkout, or git refuses to read it.
    BuiltIn,
}

/// The files that Mastodon ships.
#[derive(Debug, Clone)]
pub struct Shipped {
    source: ShippedSource,
    tracked: HashSet<PathBuf>,
    /// Places of the site's own themes; they count with the index only.
    own: Vec<PathBuf>,
}

impl Shipped {
    /// Learns it for the live tree at `live`. Never fails: without git the built-in list serves.
    #[must_use]
    pub fn of(live: &Path, version: Option<MastodonVersion>, registry: Option<&Registry>) -> Self {
        let own = registry.map(own_places).unwrap_or_default();
        let Ok(repository) = Repository::open_ext(live, RepositoryOpenFlags::NO_SEARCH, std::iter::empty::<&Path>())
        else {
            return Self { source: ShippedSource::BuiltIn, tracked: HashSet::new(), own };
        };
        if let Some((tag, tracked)) = version.and_then(|version| tracked_at_tag(&repository, &format!("v{version}"))) {
            return Self { source: ShippedSource::Tag(tag), tracked, own };
        }
        match tracked_in_index(&repository) {
            Some(tracked) if !tracked.is_empty() => Self { source: ShippedSource::Index, tracked, own },
            _ => Self { source: ShippedSource::BuiltIn, tracked: HashSet::new(), own },
        }
    }

    /// Where the knowledge comes from.
    #[must_use]
    pub const fn source(&self) -> &ShippedSource {
        &self.source
    }

    /// Whether Mastodon ships the file at `path`, relative to the live tree.
    #[must_use]
    pub fn ships(&self, path: &Path) -> bool {
        match self.source {
            ShippedSource::Tag(_) => self.tracked.contains(path),
            ShippedSource::Index => self.tracked.contains(path) && (stock::is_stock(path) || !self.is_own(path)),
            ShippedSource::BuiltIn => stock::is_stock(path),
        }
    }

    /// Whether Mastodon ships the file at `place`, or any file in the folder there.
    #[must_use]
    pub fn ships_any_below(&self, place: &Path) -> bool {
        match self.source {
            ShippedSource::Tag(_) => self.tracked.iter().any(|path| path.starts_with(place)),
            ShippedSource::Index | ShippedSource::BuiltIn => stock::is_stock(place),
        }
    }

    fn is_own(&self, path: &Path) -> bool {
        self.own.iter().any(|place| path.starts_with(place))
    }
}

/// The files and folders that a registry's own themes have by custom.
fn own_places(registry: &Registry) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for entry in registry.entries().iter().filter(|entry| !stock::is_stock_theme(&entry.name)) {
        let file = Path::new("app/javascript").join(&entry.path);
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for name in [entry.name.as_str(), &stem] {
            places.extend(
                ["styles", "fonts", "images", "icons"].map(|kind| Path::new("app/javascript").join(kind).join(name)),
            );
            places.push(PathBuf::from(format!("config/locales/{name}.yml")));
        }
        places.push(file);
    }
    places
}

fn tracked_at_tag(repository: &Repository, tag: &str) -> Option<(String, HashSet<PathBuf>)> {
    let reference = repository.find_reference(&format!("refs/tags/{tag}")).ok()?;
    let tree = reference.peel_to_tree().ok()?;
    let mut tracked = HashSet::new();
    let walked = tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        if let (Some(ObjectType::Blob), Ok(name)) = (entry.kind(), entry.name()) {
            tracked.insert(Path::new(folder).join(name));
        }
        TreeWalkResult::Ok
    });
    // A shallow or partial clone may lack a part of the tree: half a list is none.
    (walked.is_ok() && !tracked.is_empty()).then(|| (tag.to_owned(), tracked))
}

fn tracked_in_index(repository: &Repository) -> Option<HashSet<PathBuf>> {
    let index = repository.index().ok()?;
    Some(index.iter().map(|entry| PathBuf::from(String::from_utf8_lossy(&entry.path).into_owned())).collect())
}
