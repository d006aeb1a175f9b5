//! Where a toolchain writes several manifests, they tell the same story.

use super::{Invariant, Subject};
use crate::finding::Finding;
use crate::manifest::{Manifest, ManifestFormat};

pub(super) const INVARIANT: Invariant =
    Invariant { id: "manifests-agree", statement: "All manifests tell the same story.", check };

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let set = &subject.staged.set;
    let Some(manifest) = set.bundler().filter(|manifest| manifest.format == ManifestFormat::Vite) else {
        return Vec::new();
    };
    let Some(lookup) = &set.lookup else { return missing_lookup(subject, manifest) };
    let astray = lookup.iter().filter(|(_, source)| !manifest.entries.contains_key(*source));
    astray.map(|(name, source)| disagreement(name, source)).collect()
}

/// The lookup is Mastodon's own; a site whose live tree has none does not use it.
fn missing_lookup(subject: &Subject<'_>, manifest: &Manifest) -> Vec<Finding> {
    if subject.live.set.lookup.is_none() && subject.live.set.bundler().is_some() || manifest.entries.is_empty() {
        return Vec::new();
    }
    vec![
        Finding::fatal(
            "lookup-missing",
            "The build wrote .vite/manifest.json and no .vite/manifest-lookup.json beside it.",
        )
        .meaning("Rails finds themes through the second file; without it every page answers 500.")
        .help("See that config/vite/ is the one of this Mastodon version, and compile again."),
    ]
}

fn disagreement(name: &str, source: &str) -> Finding {
    Finding::fatal(
        "manifests-disagree",
        format!("manifest-lookup.json sends {name} to {source}, which .vite/manifest.json does not have."),
    )
    .meaning("Rails raises ViteRuby::MissingEntrypointError on every page that asks for it.")
    .help("Compile again from a clean state; if it stays, the theme's source is excluded from the build.")
}
