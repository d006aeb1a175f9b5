//! Themes that a change does not bring, and whose stylesheet comes out otherwise with it than without.
//!
//! Whether it does is asked of the control build: what is live now may be older than the live tree's own sources.

use std::collections::BTreeMap;

use super::GateError;
use super::baseline;
use super::build::Gate;
use super::record::Record;
use crate::change::ChangeSource;
use crate::compiled::CompiledTree;
use crate::compiler::Compiler;
use crate::finding::Finding;
use crate::invariant::OfferedTheme;
use crate::manifest::resolution::Resolution;
use crate::stylesheet::{Address, AddressKind, Sheet};

/// The compiled stylesheets of `offered` in a tree, each as a digest of what people see: see [`digest`].
pub(super) fn looks_of(offered: &[OfferedTheme], compiled: &CompiledTree) -> BTreeMap<String, String> {
    let digest_of = |theme: &OfferedTheme| {
        let Resolution::Found { entry, .. } = theme.resolve(&compiled.set) else { return None };
        let bytes = compiled.read_served(&entry.file).ok()?;
        Some((theme.name.clone(), digest(&bytes, &entry.file, compiled)))
    };
    offered.iter().filter_map(digest_of).collect()
}

/// A digest of a stylesheet with the pictures and fonts that it loads in the place of their addresses. Vite keeps one file of
/// those with the same content, under the name of one of them, so that a theme with a copy of Mastodon's logo gives another
/// address to everybody, and the same logo. A `sourceMappingURL` at the end is for developers' tools.
fn digest(bytes: &[u8], served: &str, compiled: &CompiledTree) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = without_map(&text);
    let mut addresses = Sheet::read(text).addresses;
    addresses.sort_by_key(|address| address.span);
    let (mut hasher, mut told) = (blake3::Hasher::new(), 0);
    for address in addresses.iter().filter(|address| address.kind == AddressKind::Url) {
        let Some(content) = content(address, served, compiled).filter(|_| told <= address.span.0) else { continue };
        let fragment = address.url.find(['?', '#']).map_or("", |start| &address.url[start..]);
        hasher.update(&text.as_bytes()[told..address.span.0]);
        hasher.update(blake3::hash(&content).as_bytes()).update(fragment.as_bytes());
        told = address.span.1;
    }
    hasher.update(&text.as_bytes()[told..]).finalize().to_hex().to_string()
}

/// The text without the comment at its end that names a source map. One further up came with a sheet that was put in.
fn without_map(text: &str) -> &str {
    let rules = text.rsplit_once("/*# sourceMappingURL=").filter(|(_, after)| {
        let ends = after.find("*/").map(|end| &after[end + 2..]);
        ends.is_some_and(|rest| rest.trim().is_empty())
    });
    rules.map_or(text, |(rules, _)| rules)
}

/// What the web server answers with, of the compiled output.
fn content(address: &Address, sheet: &str, compiled: &CompiledTree) -> Option<Vec<u8>> {
    compiled.read_served(address.served_from(sheet)?.to_str()?).ok()
}

/// Compares the stylesheets of the themes that the change does not bring with those of the control build. That is made only
/// where one of them differs from what is live.
pub(super) fn altered(
    gate: &Gate<'_>,
    compiler: &Compiler,
    compiled: &CompiledTree,
    record: &mut Record<'_>,
) -> Result<(), GateError> {
    let is_themes = matches!(gate.change.source, ChangeSource::ThemeFolders(_) | ChangeSource::ThemeRevision { .. });
    if !is_themes || record.is_fatal() || gate.live.set.bundler().is_none() {
        return Ok(());
    }
    let mut others = looks_of(gate.offered, compiled);
    others.retain(|name, _| !gate.change.themes.iter().any(|theme| theme.name == *name));
    let live = looks_of(gate.offered, gate.live);
    others.retain(|name, sheet| live.get(name).is_some_and(|before| before != sheet));
    if others.is_empty() {
        return Ok(());
    }
    let Some(control) = baseline::of_untouched(gate, compiler, record)? else { return Ok(()) };
    let differs = |(name, sheet): &(&String, &String)| control.looks.get(*name).is_some_and(|before| before != *sheet);
    let altered: Vec<&str> = others.iter().filter(differs).map(|(name, _)| name.as_str()).collect();
    let themes = gate.offered.iter().filter(|theme| altered.contains(&theme.name.as_str()));
    record.findings.extend(themes.map(finding));
    Ok(())
}

fn finding(theme: &OfferedTheme) -> Finding {
    let name = &theme.name;
    let message =
        format!("With this change the stylesheet of {name} comes out otherwise, and the change does not bring {name}.");
    // Everybody who never chose one has a shipped one, and the error page too.
    let finding = if theme.is_shipped() {
        Finding::fatal("change-alters-other-theme", message)
            .meaning("Everybody who has it sees another Mastodon from then on, and so may the error page; taking the new theme out would not bring it back.")
    } else {
        Finding::review("change-alters-other-theme", message)
            .meaning(format!("Users of {name} would see another theme from then on."))
    };
    theme.show_in(finding).help(format!(
        "See which file of the change app/javascript/{} imports, directly or not, and give that file another name.",
        theme.source
    ))
}

#[cfg(test)]
mod tests {
    use super::without_map;

    #[test]
    fn a_source_map_is_named_at_the_end_and_what_follows_one_further_up_counts() {
        assert_eq!(without_map(".a{}\n/*# sourceMappingURL=a.css.map */\n"), ".a{}\n");
        for text in [".a{}", "/*# sourceMappingURL=b.css.map */.a{}", ".a{}/*# sourceMappingURL=b.css.map"] {
            assert_eq!(without_map(text), text);
        }
    }
}
