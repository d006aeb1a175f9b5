//! The live tree as the looks see it: registry, manifests, the files that manifests name, and who uses what.

use super::commands::Commands;
use super::named_files::{self, NamedFile};
use crate::compiled::CompiledTree;
use crate::finding::Finding;
use crate::gate::{offered, people};
use crate::invariant::OfferedTheme;
use crate::manifest::resolution::Resolution;
use crate::manifest::{Entry, ManifestFormat};
use crate::report::people::PeopleFacts;
use crate::site::registry::Registry;
use crate::site::{Fork, LiveSite, SiteError, theming};
use crate::theme_setting::audience::Audience;
use crate::theme_setting::people::Inquiry;

/// What the looks see.
pub(super) struct Patient<'a> {
    pub(super) site: &'a LiveSite,
    pub(super) commands: &'a Commands,
    /// The registry's text; none where there is no such file.
    text: Option<Vec<u8>>,
    /// The registry, or why it cannot be read; none where the fork has none, or the file is missing.
    pub(super) registry: Option<Result<Registry, Vec<Finding>>>,
    pub(super) offered: Vec<OfferedTheme>,
    pub(super) tree: CompiledTree,
    pub(super) files: Vec<NamedFile>,
    /// Who sees what; none where it is not known.
    pub(super) audience: Option<Audience>,
    /// Whether the site's own theme is looked up before it is used.
    pub(super) site_is_checked: bool,
}

impl<'a> Patient<'a> {
    /// Reads the live tree. The registry is read first: a promotion writes it last.
    pub(super) fn read(site: &'a LiveSite, commands: &'a Commands) -> Result<Self, SiteError> {
        let text = site.registry_text()?;
        let registry = text.as_deref().filter(|_| site.fork == Fork::Mastodon).map(Registry::parse);
        let offered = offered::live(site, registry.as_ref().and_then(|registry| registry.as_ref().ok()));
        let tree = CompiledTree::read(&site.root, &site.output, site.toolchain);
        let files = named_files::inspect(&tree);
        let site_is_checked = theming::checks_site_theme(&site.root, site.fork);
        Ok(Self { site, commands, text, registry, offered, tree, files, audience: None, site_is_checked })
    }

    /// Reads it again; people are not counted twice.
    pub(super) fn again(&self) -> Result<Self, SiteError> {
        Ok(Self { audience: self.audience.clone(), ..Self::read(self.site, self.commands)? })
    }

    /// True if registry and manifests have not moved meanwhile.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.text == other.text
            && self.tree.set.manifests == other.tree.set.manifests
            && self.tree.set.lookup == other.tree.set.lookup
            && self.tree.findings == other.tree.findings
            && self.files == other.files
    }

    /// Learns from the database who sees what.
    pub(super) fn meet(&mut self, inquiry: Option<Inquiry>) -> PeopleFacts {
        let Some(inquiry) = inquiry else {
            let reason = "The database was not asked (--no-database).".to_owned();
            return PeopleFacts { unknown_because: Some(reason), ..PeopleFacts::default() };
        };
        let names: Vec<String> = self.offered.iter().map(|theme| theme.name.clone()).collect();
        let (audience, facts) = people::seen_with(self.site, inquiry, &names);
        self.audience = audience.ok().filter(|_| !names.is_empty());
        facts
    }

    /// The entry that pages of a theme load; none where Rails fails, or finds something that is no stylesheet.
    pub(super) fn sheet(&self, theme: &OfferedTheme) -> Option<&Entry> {
        match theme.resolve(&self.tree.set) {
            Resolution::Found { entry, .. } if entry.file.ends_with(".css") => Some(entry),
            _ => None,
        }
    }

    /// Offered themes that cannot be rendered.
    pub(super) fn broken(&self) -> impl Iterator<Item = &OfferedTheme> {
        let compiled = self.is_compiled();
        self.offered.iter().filter(move |theme| compiled && self.sheet(theme).is_none())
    }

    /// True if all manifests that themes are found through could be read, so that what they do not name is not compiled.
    pub(super) fn is_compiled(&self) -> bool {
        let set = &self.tree.set;
        self.tree.findings.is_empty()
            && set.bundler().is_some_and(|manifest| manifest.format != ManifestFormat::Vite || set.lookup.is_some())
    }
}
