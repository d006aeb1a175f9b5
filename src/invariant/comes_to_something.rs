//! A theme is not the stock stylesheet under another name because a part of it came without its content.
//!
//! An upload that broke off leaves an empty file, and Sass imports it without a word: the theme can be picked, and changes nothing.
//! A theme that is meant to be the stock one (`mastodon-dark`, beside a `default` of the site's own) has no empty part.

use std::path::Path;

use super::{Invariant, OfferedTheme, Subject};
use crate::finding::Finding;
use crate::stylesheet::{says_nothing, without_comments};

pub(super) const INVARIANT: Invariant = Invariant {
    id: "comes-to-something",
    statement: "No theme of which a part is empty comes out as the stock stylesheet.",
    check,
};

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let touched = subject.offered.iter().filter(|theme| subject.touched.contains(&theme.name));
    touched.filter_map(|theme| of_theme(subject, theme)).collect()
}

fn of_theme(subject: &Subject<'_>, theme: &OfferedTheme) -> Option<Finding> {
    let empty = subject.nearest(theme, |path, text| is_part(path, theme) && says_nothing(text))?;
    let stock = theme.stock()?;
    let stock = subject.offered.iter().find(|other| other.name == stock)?;
    if rules_of(subject, theme)? != rules_of(subject, stock)? {
        return None;
    }
    let message =
        format!("{} comes out as {}, rule for rule, and {} of it is empty.", theme.name, stock.name, empty.display());
    let finding = Finding::review("theme-changes-nothing", message)
        .at(empty)
        .meaning("It can be picked in the settings, and nothing looks different.")
        .help("Copy the theme's files again: an upload that was cut off leaves an empty file.");
    Some(theme.show_in(finding))
}

/// The compiled stylesheet without the comments in it, that of a source map among them.
fn rules_of(subject: &Subject<'_>, theme: &OfferedTheme) -> Option<String> {
    let (_, entry) = subject.entry(theme)?;
    let bytes = subject.staged.read_served(&entry.file).ok()?;
    Some(without_comments(&String::from_utf8_lossy(&bytes)).trim().to_owned())
}

fn is_part(path: &Path, theme: &OfferedTheme) -> bool {
    !path.ends_with(&theme.source)
}
