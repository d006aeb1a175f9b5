//! What a theme's compiled stylesheet asks the browser to load is there, and on this host.

use std::collections::BTreeSet;

use super::{Invariant, OfferedTheme, Subject, ThemeSheet};
use crate::finding::Finding;
use crate::manifest::resolution::Resolution;
use crate::stylesheet::{Address, AddressKind, Sheet};

pub(super) const INVARIANT: Invariant = Invariant {
    id: "addresses",
    statement: "What the compiled stylesheets load resolves in the staged output.",
    check,
};

/// A sheet with more dead addresses than this is wrong as a whole; the first ones tell how.
const ENOUGH: usize = 20;

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for theme in subject.offered.iter().filter(|theme| subject.touched.contains(&theme.name)) {
        let Some(read) = subject.sheets.get(&theme.name) else { continue };
        let known = live_addresses(subject, theme);
        let mut seen = BTreeSet::new();
        let new = read.sheet.addresses.iter().filter(|address| !known.contains(&address.url));
        let faults =
            new.filter(|address| seen.insert(&address.url)).filter_map(|address| fault(subject, theme, read, address));
        findings.extend(faults.take(ENOUGH));
    }
    findings
}

/// What the live sheets of this theme and of `default` load already: a dead address there is not this change's doing.
fn live_addresses(subject: &Subject<'_>, theme: &OfferedTheme) -> BTreeSet<String> {
    let of_default = subject.offered.iter().find(|other| other.name == "default");
    let themes = std::iter::once(theme).chain(of_default);
    let sheets = themes.filter_map(|theme| match theme.resolve(&subject.live.set) {
        Resolution::Found { entry, .. } => subject.live.read_served(&entry.file).ok(),
        Resolution::NoManifest | Resolution::Absent { .. } => None,
    });
    sheets
        .flat_map(|bytes| Sheet::read(&String::from_utf8_lossy(&bytes)).addresses)
        .map(|address| address.url)
        .collect()
}

fn fault(subject: &Subject<'_>, theme: &OfferedTheme, read: &ThemeSheet, address: &Address) -> Option<Finding> {
    let address = &on_this_host(address, subject.cdn.as_deref());
    let finding = if address.is_remote() {
        remote(theme, address)
    } else {
        let path = address.local_path()?;
        if resolves(subject, &read.file, address) {
            return None;
        }
        unresolved(theme, path, address)
    };
    let name = address.local_path().unwrap_or(&address.url).rsplit('/').next().unwrap_or(&address.url);
    Some(match subject.source_of(theme, &address.url).or_else(|| subject.source_of(theme, name)) {
        Some((path, line, excerpt)) => finding.at_line(path, line, excerpt),
        None => finding.at_line(subject.staged.shown(&read.file), address.line, address.url.clone()),
    })
}

/// An address on the site's own `CDN_HOST` as what it is: a file of this site.
fn on_this_host(address: &Address, cdn: Option<&str>) -> Address {
    let below = cdn.and_then(|host| address.url.strip_prefix(host)).filter(|path| path.starts_with('/'));
    Address { url: below.unwrap_or(&address.url).to_owned(), ..address.clone() }
}

/// Looks where the browser would: beside the stylesheet, or from the web server's root; in the staged tree, and in the live
/// tree's `public/` for what is not staged (uploads).
fn resolves(subject: &Subject<'_>, sheet: &str, address: &Address) -> bool {
    let Some(served) = address.served_from(sheet) else { return false };
    let staged = subject.staged.public.join(&served);
    // What a build makes must be in this build's output: an old file of the live output is cleaned away one day.
    let is_output = ["packs", "assets"].iter().any(|folder| served.starts_with(folder));
    staged.is_file() || !is_output && subject.live.public.join(&served).is_file()
}

fn remote(theme: &OfferedTheme, address: &Address) -> Finding {
    let what = if address.kind == AddressKind::Import { "imports" } else { "loads" };
    Finding::review("remote-address", format!("{} {what} {} from another host.", theme.name, address.url))
        .meaning(
            "Mastodon's content security policy blocks it in every browser: it compiles, and stays unstyled silently.",
        )
        .help("Put the file into the theme and load it from there, or leave it out.")
}

fn unresolved(theme: &OfferedTheme, path: &str, address: &Address) -> Finding {
    let kind = if address.kind == AddressKind::Import { "stylesheet" } else { "file" };
    Finding::review(
        "address-unresolved",
        format!("The stylesheet of {} asks for {path}, and there is no such {kind}.", theme.name),
    )
    .meaning("Browsers get 404 for it: a picture or a font is missing on every page.")
    .help(match path.strip_prefix("/public/") {
        Some(below) => format!("What lies in public/ is served without that word: write url(\"/{below}\")."),
        None => "Put the file where the theme expects it, or correct the path in the url().".to_owned(),
    })
}
