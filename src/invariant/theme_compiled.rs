//! Selectable means compiled: each theme that Rails would offer resolves to a stylesheet in the manifest.

use super::{BROKEN_PAGES, Invariant, Lookup, OfferedTheme, Subject};
use crate::finding::Finding;
use crate::manifest::resolution::Resolution;

pub(super) const INVARIANT: Invariant = Invariant {
    id: "theme-compiled",
    statement: "Each theme that Rails would offer has a stylesheet in the manifest.",
    check,
};

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let unresolved = |theme: &OfferedTheme| match theme.resolve(&subject.staged.set) {
        Resolution::Absent { key, raises } => Some(absent(subject, theme, &key, &raises)),
        Resolution::Found { .. } | Resolution::NoManifest => None,
    };
    let mut findings: Vec<Finding> = subject.offered.iter().filter_map(unresolved).collect();
    let lists_themes = subject.offered.iter().any(|theme| theme.kind == Lookup::Listed);
    if lists_themes && !subject.offered.iter().any(|theme| theme.name == "default") {
        findings.push(no_default());
    }
    findings
}

fn absent(subject: &Subject<'_>, theme: &OfferedTheme, key: &str, raises: &str) -> Finding {
    let message = format!(
        "{} is offered in the settings, and there is no stylesheet for it in the manifest (no {key}).",
        theme.name
    );
    let meaning = format!("The build looks successful all the same. {BROKEN_PAGES} Rails raises {raises}.");
    let shares = |other: &&OfferedTheme| other.name != theme.name && other.source == theme.source;
    let help = match subject.offered.iter().find(shares) {
        // Mastodon's webpack puts a module of two entries into the chunk that all pages share (config/webpack/shared.js).
        Some(other) => format!(
            "{} leads to the same file, and what two themes share the bundler puts elsewhere: give one of them a file of its own \
             that imports the other's, or take one line out.",
            other.name
        ),
        None => format!(
            "See that app/javascript/{} exists and ends in .css or .scss, with one dot in its name; or take the line out.",
            theme.source
        ),
    };
    theme.show_in(Finding::fatal("theme-not-compiled", message)).meaning(meaning).help(help)
}

fn no_default() -> Finding {
    Finding::fatal("default-theme-missing", "The registry offers no theme called `default`.")
        .at(crate::site::registry::PATH)
        .meaning("The error page itself asks for it: any error then shows an empty page, and visitors without a theme get 500.")
        .help("Put the line back: default: styles/application.scss")
}
