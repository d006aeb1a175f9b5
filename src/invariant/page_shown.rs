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
    let opens = [format!("{} {{", hiding.selector), format!("{}{{", hiding.selector)];
    let is_it = |line: &str, rest: &str| {
        let block =
            |open: &String| rest.split_once(open.as_str()).filter(|_| line.contains(open)).map(|(_, block)| block);
        opens.iter().filter_map(block).any(|block| says(block, &hiding.declaration))
    };
    let places = || opens.iter().chain([&hiding.declaration]);
    let source = subject.source_where(theme, is_it);
    let source = source.or_else(|| places().find_map(|place| subject.source_of(theme, place)));
    Some(match source {
        Some((path, line, excerpt)) => finding.at_line(path, line, excerpt),
        None => finding.at_line(subject.staged.shown(&read.file), hiding.line, hiding.declaration.clone()),
    })
}

/// Whether a block, which ends somewhere in the text, has a declaration.
fn says(block: &str, declaration: &str) -> bool {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    squeezed(block.split('}').next().unwrap_or_default()).contains(&squeezed(declaration))
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

#[cfg(test)]
mod tests {
    use super::super::tried::Tried;
    use super::*;
    use crate::finding::Evidence;

    #[test]
    fn the_rule_that_hides_is_shown_where_it_stands_in_the_theme() {
        for (source, line) in [
            ("body { color: red; }\nbody {\n  top: 0;\n  display:none;\n}\n", 2),
            (".a{top:0}body{top:0}\n.b{top:0}body{display: none}", 2),
            // Put together by Sass.
            ("body { color: red; &.x { top: 0; } @extend .none; }", 1),
            ("// Nothing.\n.none {\n  display: none;\n}", 3),
        ] {
            let tried = Tried::new(&[("ft.scss", source)], "body{display:none}", "a{b:c}");
            let findings = tried.findings(check, true);
            let [finding] = &findings[..] else { panic!("{findings:?}") };
            let Some(Evidence::File { line: shown, .. }) = finding.evidence.first() else { panic!("{finding:?}") };
            assert_eq!(*shown, Some(line), "{source}");
        }
    }

    #[test]
    fn what_the_stock_theme_hides_as_well_is_none_of_the_theme_s() {
        let found = |css: &str, stock: &str| Tried::new(&[], css, stock).findings(check, true).len();
        assert_eq!(found("body{display:none}", "body{display:none}"), 1);
        assert_eq!(found("body{display:none}", "@media (min-width:700px){body{display:none}}"), 2);
        assert_eq!(found("@media (min-width:700px){body{display:none}}", "body{display:none}"), 1);
    }
}
