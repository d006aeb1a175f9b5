//! A theme's rules do not hang on body classes that this Mastodon no longer emits.
//!
//! Up to 4.5 the body carries `theme-NAME`; from 4.6 it does not (Mastodon, app/helpers/application_helper.rb), and rules
//! behind `.theme-contrast` match nothing: it compiles, and stays unstyled silently.

use std::path::Path;

use super::{Invariant, OfferedTheme, Subject};
use crate::finding::Finding;
use crate::plain_file;

pub(super) const INVARIANT: Invariant = Invariant {
    id: "body-classes",
    statement: "No theme hangs on body classes that this Mastodon does not emit.",
    check,
};

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let touched = subject.offered.iter().filter(|theme| subject.touched.contains(&theme.name));
    let mut suspects = touched.filter_map(|theme| suspicious(subject, theme)).peekable();
    if suspects.peek().is_none() || emits_theme_classes(&subject.staged.root) {
        return Vec::new();
    }
    suspects.collect()
}

/// Rules of this theme alone that need a class `theme-…` on the body.
fn suspicious(subject: &Subject<'_>, theme: &OfferedTheme) -> Option<Finding> {
    let read = subject.sheets.get(&theme.name)?;
    let stock = subject.sheets.get("default").map(|stock| &stock.sheet.selectors);
    let own = |selector: &&String| stock.is_none_or(|stock| !stock.contains(*selector));
    let dead: Vec<&String> =
        read.sheet.selectors.iter().filter(own).filter(|selector| needs_theme_class(selector)).collect();
    let first = dead.first()?;
    let message = format!(
        "{} of the rules of {} need a body class that this Mastodon does not emit: {first}{}",
        dead.len(),
        theme.name,
        if dead.len() > 1 { ", …" } else { "" }
    );
    let finding = theme
        .show_in(Finding::review("body-class-not-emitted", message))
        .meaning("From 4.6 on the body has no class theme-NAME: these rules match nothing, and the page stays unstyled there.")
        .help("Ask for a version of the theme for this Mastodon; its light and dark parts now go by [data-color-scheme].");
    Some(match subject.source_of(theme, ".theme-") {
        Some((path, line, excerpt)) => finding.at_line(path, line, excerpt),
        None => finding,
    })
}

fn needs_theme_class(selector: &str) -> bool {
    let alternatives = selector.split(',');
    alternatives.into_iter().all(|one| one.contains(".theme-") && !one.contains(":not(.theme-"))
}

/// True if a helper or a layout of the tree builds a class `theme-…`; also true where there are none to read.
fn emits_theme_classes(root: &Path) -> bool {
    let folders = ["app/helpers", "app/views/layouts", "app/controllers"];
    let mut read_any = false;
    for folder in folders {
        for file in walkdir::WalkDir::new(root.join(folder)).into_iter().flatten() {
            let Ok(text) = plain_file::bytes(file.path()) else { continue };
            let text = String::from_utf8_lossy(&text);
            read_any = true;
            if text.contains("theme-#{") || text.contains("theme-<%") || text.contains("\"theme-\"") {
                return true;
            }
        }
    }
    !read_any
}
