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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tried::{STYLES, Tried};
    use super::*;

    /// What is told of themes with these sources.
    fn told(sources: &[(&str, &str)], compiled: &str, stock: &str) -> Vec<String> {
        let tried = Tried::new(sources, compiled, stock);
        assert_eq!(tried.findings(check, false), []);
        tried.findings(check, true).into_iter().map(|finding| finding.message).collect()
    }

    const ENTRY: (&str, &str) = ("ft.scss", "@import 'application';\n@import 'ft/main';");
    const STOCK: &str = ".a{top:0}/* one */";

    #[test]
    fn an_empty_part_of_a_theme_that_comes_out_as_the_stock_one_is_told() {
        for (part, text) in [("ft/_main.scss", "// Nothing.\n"), ("ft/_main.scss", ""), ("shared/_main.scss", " ")] {
            let message = format!("ft comes out as default, rule for rule, and {STYLES}/{part} of it is empty.");
            assert_eq!(told(&[ENTRY, (part, text)], ".a{top:0}\n/* another */\n", STOCK), [message], "{part}");
        }
    }

    #[test]
    fn the_nearest_empty_part_is_told() {
        let parts = [ENTRY, ("a/_first.scss", ""), ("ft/_main.scss", ""), ("other/_x.scss", "")];
        let told = told(&parts, STOCK, STOCK);
        assert!(told.len() == 1 && told[0].contains("styles/ft/_main.scss"), "{told:?}");
    }

    #[test]
    fn what_is_no_empty_part_of_that_theme_is_none() {
        for source in [
            // Its own file, a file that says something, another theme's own file and what lies in its folder.
            ("ft.scss", ""),
            ("ft/_main.scss", ".b{top:0}"),
            ("other.scss", ""),
            ("other/_main.scss", ""),
        ] {
            let sources: BTreeMap<_, _> = [ENTRY, source].into();
            let sources: Vec<_> = sources.into_iter().collect();
            assert_eq!(told(&sources, STOCK, STOCK), Vec::<String>::new(), "{source:?}");
        }
    }

    #[test]
    fn a_theme_that_changes_something_may_have_an_empty_part() {
        assert_eq!(told(&[ENTRY, ("ft/_own.scss", "")], ".a{top:0}.b{top:0}", STOCK), Vec::<String>::new());
    }
}
