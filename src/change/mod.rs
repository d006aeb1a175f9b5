//! What is proposed: theme folders, a revision or a patch, or the live tree as it is.
//!
//! A theme is a stranger's folder. Nothing in it is followed, run or trusted: files are read once without following a link,
//! judged, and handed on with the hash of the very bytes that were judged. This stage never writes.

#[macro_use]
mod pattern;

mod asset;
mod companions;
mod content;
mod difference;
mod error;
mod folder;
mod imported;
mod layout;
mod leftovers;
pub mod loader;
mod locale;
pub mod patch;
mod places;
pub mod reach;
mod registration;
pub mod revision;
mod shadow;
pub mod shipped;
mod stock;
mod theme_folder;
mod together;
pub mod tree;
pub mod unfinished_merge;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::evidence;
use crate::finding::Finding;
use crate::site::registry::Registry;
use crate::site::{Fork, MastodonVersion, Toolchain};

pub use error::ChangeError;
pub use places::is_stylesheet;
pub use theme_folder::read_theme_folders;

use revision::RevisionName;

/// Where a change comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSource {
    /// Theme folders (or single stylesheets), as they were named.
    ThemeFolders(Vec<PathBuf>),
    /// Theme repositories at a revision.
    ThemeRevision {
        /// As they were named.
        repositories: Vec<PathBuf>,
        /// The commit, of the last one of them.
        revision: RevisionName,
    },
    /// The site's own repository at a revision.
    SiteRevision {
        /// The repository.
        repository: PathBuf,
        /// The commit.
        revision: RevisionName,
        /// Edits of the live tree that are carried over.
        edits: Vec<PathBuf>,
        /// Whether the live tree is a checkout of it.
        is_own: bool,
    },
    /// A patch against the live tree.
    Patch {
        /// The file, or none for standard input.
        file: Option<PathBuf>,
    },
    /// The next Mastodon, with the site's own themes carried over.
    Rehearsal {
        /// The commit.
        revision: RevisionName,
        /// Edits of Mastodon's own files that are not carried over.
        dropped: Vec<PathBuf>,
    },
    /// Nothing: the live tree is judged as it is.
    AsItIs,
}

/// How a change that passed comes to the live tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GoesLive {
    /// `themegate promote` can bring all of it.
    #[default]
    ByPromotion,
    /// It removes files, or touches more than theme sources: this command brings it, and then a compile.
    ByCommand(String),
    /// As before, and there is no command that is known to bring it.
    ByHand,
    /// It is a rehearsal.
    Never,
}

/// Whether the site has the theme already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThemeKind {
    /// The site has no theme of this name yet.
    New,
    /// The site offers a theme of this name.
    Update,
}

/// A theme that the change brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemeAddition {
    /// The name in the registry; `FLAVOUR/SKIN` on glitch-soc.
    pub name: String,
    /// The stylesheet's path below `app/javascript`.
    pub path: String,
    /// Whether the site has it already.
    pub kind: ThemeKind,
}

/// A file that the change writes, and that differs from the live tree's.
#[derive(Debug, Clone)]
pub struct ChangedFile {
    /// Relative to the live tree.
    pub to: PathBuf,
    /// The file in the theme folder.
    pub from: PathBuf,
    /// Length in bytes.
    pub bytes_len: u64,
    /// Permission bits it gets: 0644 for a theme's files.
    pub mode: u32,
    /// Hash of the bytes that were judged.
    pub blake3: blake3::Hash,
    /// The bytes themselves, while the whole change is small.
    content: Option<Arc<[u8]>>,
    /// The folder below which no link is followed when the file is read again.
    root: PathBuf,
}

impl ChangedFile {
    /// A file with this content, from nowhere.
    #[cfg(test)]
    pub(crate) fn holding(to: &str, content: &str) -> Self {
        let bytes = content.as_bytes();
        Self {
            to: to.into(),
            from: PathBuf::new(),
            bytes_len: bytes.len() as u64,
            mode: 0o644,
            blake3: blake3::hash(bytes),
            content: Some(bytes.into()),
            root: PathBuf::new(),
        }
    }

    /// The bytes that were judged, read again and compared where they were not kept.
    ///
    /// # Errors
    /// If the file cannot be read any more, or has changed since.
    pub fn bytes(&self) -> Result<Arc<[u8]>, ChangeError> {
        if let Some(content) = &self.content {
            return Ok(Arc::clone(content));
        }
        let bytes = folder::read_again(&self.root, &self.from)?;
        if blake3::hash(&bytes) == self.blake3 {
            Ok(bytes.into())
        } else {
            Err(ChangeError::Moved { path: self.from.clone() })
        }
    }
}

/// A file of the theme folder that is not deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Relative to the theme folder.
    pub path: PathBuf,
    /// Why, in a few words.
    pub why: String,
}

/// Figures for the report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChangeCounts {
    /// Files the live tree does not have.
    pub added: usize,
    /// Files the live tree has with other bytes.
    pub replaced: usize,
    /// Files the live tree has with the same bytes; they are not among [`Change::files`].
    pub unchanged: usize,
    /// Bytes of all files that are added or replaced.
    pub bytes: u64,
}

/// What is proposed.
#[derive(Debug, Clone)]
pub struct Change {
    /// Where it comes from.
    pub source: ChangeSource,
    /// The themes it brings, in the order of the folders.
    pub themes: Vec<ThemeAddition>,
    /// The files it writes, sorted by place.
    pub files: Vec<ChangedFile>,
    /// The new text of `config/themes.yml`, if it changes.
    pub registry: Option<String>,
    /// The paths it removes. Only revisions and patches do.
    pub removed: Vec<PathBuf>,
    /// The symbolic links it makes, and where each leads, as it is written. Only revisions and patches do.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// The lock files among its files: what is installed (`node_modules`, gems) may not be what it needs.
    pub locks: Vec<PathBuf>,
    /// How it comes to the live tree.
    pub goes_live: GoesLive,
    /// What of the theme folders is not deployed.
    pub left_out: Vec<LeftOut>,
    /// What is wrong with the change, or worth knowing. With a fatal one among them nothing must be staged.
    pub findings: Vec<Finding>,
    /// Figures for the report.
    pub counts: ChangeCounts,
}

impl Change {
    /// A digest of all that it is: two changes with the same digest stage the same bytes, and are judged alike.
    #[must_use]
    pub fn digest(&self) -> blake3::Hash {
        // Named one by one, so that nothing that is added here can be forgotten.
        let Self { source, themes, files, registry, removed, links, locks, goes_live, left_out, findings, counts: _ } =
            self;
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: String| evidence::add(&mut hasher, text.as_bytes());
        add(format!("{source:?}"));
        add(format!("{themes:?}"));
        for ChangedFile { to, from: _, bytes_len, mode, blake3, content: _, root: _ } in files {
            add(format!("{to:?} {bytes_len} {mode:o} {blake3}"));
        }
        add(format!("{registry:?}"));
        add(format!("{removed:?} {links:?} {locks:?} {goes_live:?}"));
        add(format!("{left_out:?}"));
        add(format!("{findings:?}"));
        hasher.finalize()
    }

    /// True if it changes the tree itself, wherever the files lie, and not a theme's places alone.
    #[must_use]
    pub const fn is_of_the_tree(&self) -> bool {
        use ChangeSource::{AsItIs, Patch, Rehearsal, SiteRevision, ThemeFolders, ThemeRevision};
        match self.source {
            SiteRevision { .. } | Patch { .. } | Rehearsal { .. } => true,
            AsItIs | ThemeFolders(_) | ThemeRevision { .. } => false,
        }
    }
}

/// The empty change: the live tree is judged as it is.
#[must_use]
pub fn as_it_is() -> Change {
    Change {
        source: ChangeSource::AsItIs,
        themes: Vec::new(),
        files: Vec::new(),
        registry: None,
        removed: Vec::new(),
        links: Vec::new(),
        locks: Vec::new(),
        goes_live: GoesLive::ByPromotion,
        left_out: Vec::new(),
        findings: Vec::new(),
        counts: ChangeCounts::default(),
    }
}

/// What a change has to know of the site.
pub struct SiteFacts<'a> {
    /// The live tree.
    pub live: &'a Path,
    /// Its registry; `None` on glitch-soc, which has none.
    pub registry: Option<&'a Registry>,
    /// What compiles its assets.
    pub toolchain: Toolchain,
    /// Mastodon or glitch-soc.
    pub fork: Fork,
    /// The version, where known.
    pub version: Option<MastodonVersion>,
    /// The site's own entries, which no theme may be named like.
    pub packs: &'a [String],
    /// Whether Mastodon ships the file at this path (relative to the live tree). See [`shipped::Shipped`].
    pub shipped: &'a dyn Fn(&Path) -> bool,
}
