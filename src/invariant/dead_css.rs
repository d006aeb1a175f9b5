//! A theme's compiled stylesheet holds nothing that browsers read and do nothing with.
//!
//! None of it fails: Sass leaves `$accent` in a custom property as it stands, quotation marks of a word processor become part of a
//! name, and a user style hides its rules behind the addresses it was made for.

use std::collections::BTreeMap;

use super::{Invariant, OfferedTheme, Subject};
use crate::finding::Finding;
use crate::stylesheet::{Dead, DeadKind};

pub(super) const INVARIANT: Invariant = Invariant {
    id: "dead-css",
    statement: "Nothing in a theme's stylesheet is left that browsers read and do nothing with.",
    check,
};

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let touched = subject.offered.iter().filter(|theme| subject.touched.contains(&theme.name));
    touched.flat_map(|theme| of_theme(subject, theme)).collect()
}

/// One finding for each kind: what does nothing stands in a sheet many times, for one reason.
fn of_theme(subject: &Subject<'_>, theme: &OfferedTheme) -> Vec<Finding> {
    let Some(read) = subject.sheets.get(&theme.name) else { return Vec::new() };
    let stock = theme.stock().and_then(|stock| subject.sheets.get(&stock));
    let is_stock =
        |dead: &Dead| stock.is_some_and(|stock| stock.sheet.dead.iter().any(|other| other.text == dead.text));
    let mut kinds: BTreeMap<DeadKind, Vec<&Dead>> = BTreeMap::new();
    for dead in read.sheet.dead.iter().filter(|dead| !is_stock(dead)) {
        kinds.entry(dead.kind).or_default().push(dead);
    }
    let told = |(kind, all): (DeadKind, Vec<&Dead>)| {
        let first = all.first()?;
        let finding = words(kind, theme, &named(&all));
        Some(match subject.source_of(theme, &first.text) {
            Some((path, line, excerpt)) => finding.at_line(path, line, excerpt),
            None => finding.at_line(subject.staged.shown(&read.file), first.line, first.text.clone()),
        })
    };
    kinds.into_iter().filter_map(told).collect()
}

/// The first of them by name, each once.
fn named(all: &[&Dead]) -> String {
    const ENOUGH: usize = 3;
    let mut names: Vec<String> = all.iter().map(|dead| visible(&dead.text)).collect();
    names.sort_unstable();
    names.dedup();
    let more = if names.len() > ENOUGH { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(ENOUGH)].join(", "))
}

/// With the characters that cannot be seen as CSS would escape them.
fn visible(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\u{a0}' | '\u{200b}' | '\u{2060}' => format!("\\{:x}", u32::from(letter)),
        other => other.to_string(),
    };
    text.chars().map(shown).collect()
}

fn words(kind: DeadKind, theme: &OfferedTheme, named: &str) -> Finding {
    let name = &theme.name;
    let (id, message, meaning, help) = match kind {
        DeadKind::SassVariable => (
            "sass-variable-left",
            format!("The compiled stylesheet of {name} still says {named}."),
            "Browsers know no variables of Sass: the colour or size that hangs on it is missing.",
            "In a custom property Sass puts in a value only for #{$name}. In a .css file it puts in none: give the file the \
             ending .scss.",
        ),
        DeadKind::Typographic => (
            "typographic-character",
            format!("The stylesheet of {name} has typographic quotation marks or invisible characters in {named}."),
            "Browsers take them for letters of a name: that rule or value does nothing.",
            "Write plain quotation marks and plain spaces there; most often the text was copied from a web page.",
        ),
        DeadKind::UnknownAtRule => (
            "unknown-at-rule",
            format!("The compiled stylesheet of {name} says {named}, which no browser knows."),
            "Browsers leave out that line, or the whole block after it.",
            "Correct the word; Sass passes on what it does not know (@inclde). In a .css file nothing of Sass is known: give \
             the file the ending .scss.",
        ),
        DeadKind::OtherSites => (
            "style-for-other-addresses",
            format!("Rules of {name} stand in an @-moz-document block, which is for the addresses that it names."),
            "No browser applies such a block to this site: what stands in it does nothing. It is a user style, made for a \
             browser extension.",
            "Take the rules out of the block, or ask for the theme in a form for administrators.",
        ),
    };
    Finding::review(id, message).meaning(meaning).help(help)
}
