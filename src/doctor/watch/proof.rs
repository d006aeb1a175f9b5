//! Whether a theme that the log complains of is really offered and really not compiled: the manifest is the proof.

use crate::compiled::CompiledTree;
use crate::finding::Finding;
use crate::gate::offered;
use crate::invariant::{Lookup, OfferedTheme};
use crate::manifest::resolution::Resolution;
use crate::manifest::{ManifestFormat, ManifestSet};
use crate::site::registry::Registry;
use crate::site::{LiveSite, theming};

use super::exception::Missing;

/// How a theme stands on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Offered and not compiled, and it can be withdrawn.
    Withdrawable,
    /// Offered and not compiled, and it has to stay; why.
    Needed(String),
    /// Offered and compiled: workers that run on have not read it.
    Compiled,
    /// Not offered: the site's own theme up to 4.5, or workers that run on with an earlier registry.
    NotOffered,
    /// It cannot be said; why.
    Unknown(String),
}

/// What was read to say so; a second look has to find the same.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    pub(super) theme: String,
    pub(super) standing: Standing,
    text: Option<Vec<u8>>,
    set: ManifestSet,
}

impl Proof {
    /// Reads registry and manifests.
    pub(super) fn read(site: &LiveSite, missing: &Missing) -> Self {
        let text = site.registry_text().unwrap_or_default();
        let registry: Option<Result<Registry, Vec<Finding>>> = text.as_deref().map(Registry::parse);
        let registry = registry.and_then(Result::ok);
        let tree = CompiledTree::read(&site.root, &site.output, site.toolchain);
        let offered = offered::live(site, registry.as_ref());
        let is_meant = |theme: &&OfferedTheme| match missing {
            Missing::Theme(name) => theme.name == *name,
            Missing::Source(source) => theme.source == *source,
        };
        let theme = offered.iter().find(is_meant);
        let (Missing::Theme(asked) | Missing::Source(asked)) = missing;
        let standing = if offered.is_empty() {
            Standing::Unknown("the theme registry cannot be read".to_owned())
        } else {
            theme.map_or(Standing::NotOffered, |theme| standing(site, &tree, &offered, theme))
        };
        let name = theme.map_or(asked, |theme| &theme.name);
        Self { theme: name.clone(), standing, text, set: tree.set }
    }

    /// True if a later look found the very same.
    pub(super) fn is_confirmed_by(&self, later: &Self) -> bool {
        self.theme == later.theme
            && self.standing == later.standing
            && self.text == later.text
            && self.set.manifests == later.set.manifests
            && self.set.lookup == later.set.lookup
    }
}

fn standing(site: &LiveSite, tree: &CompiledTree, offered: &[OfferedTheme], theme: &OfferedTheme) -> Standing {
    let is_compiled = |theme: &OfferedTheme| matches!(theme.resolve(&tree.set), Resolution::Found { entry, .. } if entry.file.ends_with(".css"));
    let whole = tree.findings.is_empty()
        && tree
            .set
            .bundler()
            .is_some_and(|manifest| manifest.format != ManifestFormat::Vite || tree.set.lookup.is_some());
    if !whole {
        return Standing::Unknown("the manifest is missing or cannot be read, so nothing would be mended".to_owned());
    }
    if is_compiled(theme) {
        return Standing::Compiled;
    }
    if !matches!(theme.kind, Lookup::Listed) {
        return Standing::Needed("glitch-soc's skins are folders; see themegate doctor for the command".to_owned());
    }
    let is_half = theme.name == "mastodon-light" && theming::offers_system(&site.root);
    if ["default", "system"].contains(&theme.name.as_str()) || is_half {
        return Standing::Needed(format!("{} cannot be withdrawn: other pages need it", theme.name));
    }
    let default = offered.iter().find(|theme| theme.name == "default");
    if !default.is_some_and(is_compiled) {
        return Standing::Unknown(
            "not even `default` is compiled: a compile is under way, or the output is gone".to_owned(),
        );
    }
    Standing::Withdrawable
}
