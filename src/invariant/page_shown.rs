//! A theme's stylesheet does not hide the whole page.
//!
//! It compiles, and a look at the file shows nothing odd: a rule that was meant for printing, for one class or for the time until a
//! page is loaded lost its condition.

use super::{Invariant, OfferedTheme, Subject};
use crate::finding::Finding;
use crate::manifest::resolution::Resolution;
use crate::stylesheet::{Extent, Hiding, Sheet, Viewer};

pub(super) const INVARIANT: Invariant =
    Invariant { id: "page-shown", statement: "No theme's stylesheet hides the whole page.", check };

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let touched = subject.offered.iter().filter(|theme| subject.touched.contains(&theme.name));
    touched.filter_map(|theme| of_theme(subject, theme)).collect()
}

/// One finding for a theme: the first rule that hides everything is enough.
fn of_theme(subject: &Subject<'_>, theme: &OfferedTheme) -> Option<Finding> {
    let read = subject.sheets.get(&theme.name)?;
    let stock = theme.stock().and_then(|stock| subject.sheets.get(&stock));
    let mut known: Vec<Hiding> = stock.map(|stock| stock.sheet.hidden.clone()).unwrap_or_default();
    known.extend(live(subject, theme));
    let is_known = |hiding: &Hiding| {
        let is_for_them = |one: &Hiding| [Viewer::Anybody, hiding.viewer].contains(&one.viewer);
        let is_same = |one: &Hiding| one.selector == hiding.selector && one.declaration == hiding.declaration;
        known.iter().any(|one| is_same(one) && is_for_them(one))
    };
    let hiding = read.sheet.hidden.iter().find(|hiding| !is_known(hiding))?;
    let finding = finding(theme, hiding);
    let places = [format!("{} {{", hiding.selector), format!("{}{{", hiding.selector), hiding.declaration.clone()];
    let source = places.iter().find_map(|place| subject.source_of(theme, place));
    Some(match source {
        Some((path, line, excerpt)) => finding.at_line(path, line, excerpt),
        None => finding.at_line(subject.staged.shown(&read.file), hiding.line, hiding.declaration.clone()),
    })
}

/// What the theme's live stylesheet hides already: nobody has complained.
fn live(subject: &Subject<'_>, theme: &OfferedTheme) -> Vec<Hiding> {
    let Resolution::Found { entry, .. } = theme.resolve(&subject.live.set) else { return Vec::new() };
    let bytes = subject.live.read_served(&entry.file).unwrap_or_default();
    Sheet::read(&String::from_utf8_lossy(&bytes)).hidden
}

fn finding(theme: &OfferedTheme, hiding: &Hiding) -> Finding {
    let (what, meaning) = match hiding.extent {
        Extent::Page => (
            "hides the whole page",
            "Whoever picks it sees an empty page, and does not find the way back to the settings.",
        ),
        Extent::OneColumn => (
            "hides what the web app shows in one column",
            "Whoever picks it sees no timeline and no post, unless the layout of several columns is chosen.",
        ),
        Extent::Columns => {
            ("hides every column", "Whoever picks it sees the frame of the web app, and no timeline and no post in it.")
        }
        Extent::Settings => (
            "hides the settings",
            "Whoever picks it sees an empty page in the place of the settings, and cannot pick another theme there.",
        ),
        Extent::Clicks => (
            "lets nobody click anything",
            "Whoever picks it sees the page, and no link and no button of it does anything, the way back to the settings included.",
        ),
        Extent::Covered => (
            "lays something over the whole page",
            "Whoever picks it can click nothing below it: no link, no button, the way back to the settings included.",
        ),
    };
    let help = match hiding.extent {
        Extent::Covered => "Give it `pointer-events: none`, or a `z-index` below that of the page.",
        _ => "Take the rule out, or give it the condition it was meant for: a class, @media print.",
    };
    let when = match hiding.viewer {
        Viewer::Anybody => "always",
        Viewer::Desktop => "in a window as wide as those on a computer",
        Viewer::Phone => "in a window as narrow as that of a telephone",
        Viewer::Dark => "where the system is set to dark colours",
        Viewer::Light => "where the system is set to light colours",
    };
    let message = format!("{} {what}: {} {{ {} }} holds {when}.", theme.name, hiding.selector, hiding.declaration);
    Finding::review("page-hidden", message).meaning(meaning).help(help)
}
