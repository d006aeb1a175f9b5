//! Which of the elements that hold all of a page a selector means. Pure.

use super::selector::{Specificity, in_list, simples, spelled_out, split, weight};

/// An element on each page, in which all or nearly all of it stands; one that follows stands within those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    Html,
    Body,
    /// `<div class="app-holder" id="mastodon">`
    App,
    /// What the web app hears keys by.
    Keys,
    /// What it shows.
    Ui,
    /// What that holds where there is one column.
    Panels,
    /// Its middle.
    Main,
    /// The columns: in the middle of the panels, or right in the outermost element.
    Columns,
    /// Each of them.
    Column,
    /// The settings and what moderators see, which stand right in the body.
    Admin,
}

/// All of them.
pub(super) const HOLDERS: [Holder; 10] = [
    Holder::Html,
    Holder::Body,
    Holder::App,
    Holder::Keys,
    Holder::Ui,
    Holder::Panels,
    Holder::Main,
    Holder::Columns,
    Holder::Column,
    Holder::Admin,
];

/// On which pages of Mastodon's there is what a selector asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pages {
    Every,
    /// Those on which the web app shows one column.
    OneColumn,
    /// Those on which it shows several.
    SeveralColumns,
    /// It needs a language, a colour scheme, or what nobody knows.
    Some,
}

/// What a selector means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) holder: Holder,
    pub(super) specificity: Specificity,
    pub(super) pages: Pages,
}

/// What each selector of a list means; those of other elements are left out.
pub(super) fn meant(selector: &str) -> Vec<Meant> {
    let alternatives = in_list(selector).into_iter().flat_map(|one| spelled_out(one, 0));
    alternatives.flat_map(|(one, adjusted)| of_one(&one, adjusted)).collect()
}

fn of_one(selector: &str, adjusted: [i64; 3]) -> Vec<Meant> {
    let Some((meant, above)) = ends_at(selector, adjusted) else { return Vec::new() };
    // `*` is each of them, `.ui *` each of those within.
    let is_child = || selector.trim_end_matches('*').trim_end().ends_with('>');
    if !selector.ends_with('*') || is_child() {
        return vec![meant];
    }
    let each = HOLDERS.into_iter().filter(|holder| above.is_none_or(|above| is_within(*holder, above)));
    each.map(|holder| Meant { holder, ..meant }).collect()
}

/// What a selector means in the end, and the innermost of the elements that it names around that.
fn ends_at(selector: &str, adjusted: [i64; 3]) -> Option<(Meant, Option<Holder>)> {
    let parts = split(selector, |letter| letter == ' ' || letter == '>');
    let compounds: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let (last, above) = compounds.split_last()?;
    let is_of_columns = last.starts_with(".column") && compound(last, None)?.holder == Holder::Column;
    // There are many columns, and whatever is around one may tell it from the others.
    let known = |one: &&str| compound(one, None).or_else(|| is_of_columns.then(|| some_place(one)).flatten());
    let above = above.iter().map(known).collect::<Option<Vec<_>>>()?;
    let innermost = above.iter().map(|one| one.holder).max();
    // What stands within itself, or around what it is in, is nowhere: `.ui body`.
    let mut meant = compound(last, innermost).filter(|last| innermost.is_none_or(|above| above < last.holder))?;
    for one in above {
        let (ids, classes, types) = one.specificity;
        let own = &mut meant.specificity;
        *own = (own.0 + ids, own.1 + classes, own.2 + types);
        meant.pages = meant.pages.max(one.pages);
    }
    let add = |own: u32, more: i64| u32::try_from((i64::from(own) + more).max(0)).unwrap_or(u32::MAX);
    let (ids, classes, types) = meant.specificity;
    meant.specificity = (add(ids, adjusted[0]), add(classes, adjusted[1]), add(types, adjusted[2]));
    Some((meant, innermost))
}

/// What nobody knows around a column.
fn some_place(compound: &str) -> Option<Meant> {
    Some(Meant { holder: Holder::Html, specificity: weight(compound)?, pages: Pages::Some })
}

/// Whether an element always stands in another one, if both are there.
pub(super) fn is_within(holder: Holder, other: Holder) -> bool {
    holder > other && (holder != Holder::Admin || other <= Holder::Body)
}

/// What stands right in a holder.
fn within(holder: Holder) -> Option<Holder> {
    Some(match holder {
        Holder::Html => Holder::Body,
        Holder::Body => Holder::App,
        Holder::App => Holder::Keys,
        Holder::Keys => Holder::Ui,
        Holder::Panels => Holder::Main,
        Holder::Ui | Holder::Main => Holder::Columns,
        Holder::Columns => Holder::Column,
        Holder::Column | Holder::Admin => return None,
    })
}

/// A compound selector of simple ones that every page's element has, or has at times.
fn compound(text: &str, above: Option<Holder>) -> Option<Meant> {
    // `*` is html itself, and below something what that holds.
    if text == "*" {
        let holder = above.map_or(Some(Holder::Html), within)?;
        return Some(Meant { holder, specificity: (0, 0, 0), pages: Pages::Every });
    }
    let (mut named, mut bearer, mut sum, mut pages) = (None, None, (0, 0, 0), Pages::Every);
    for simple in simples(text) {
        // Names of elements and states may be written in capitals, names of classes and ids may not.
        let lower = simple.to_ascii_lowercase();
        let simple = if simple.starts_with(['.', '#', '[']) { simple } else { &lower };
        let (one, weight) = match simple {
            // The outermost of all, or what lies in something else.
            "div" => (None, (0, 0, 1)),
            ".columns-area--mobile" => {
                pages = pages.max(Pages::OneColumn);
                (Some(Holder::Columns), (0, 1, 0))
            }
            other => match holder(other) {
                Some((holder, weight)) => (Some(holder), weight),
                None => {
                    // A state of the page: it may stand alone, as `.layout-single-column` does.
                    let is_one = named == Some(Holder::Column) || above == Some(Holder::Columns);
                    let (of, when) = state(other).or_else(|| is_one.then(|| of_a_column(other)).flatten())?;
                    pages = pages.max(when);
                    bearer = bearer.max(Some(of));
                    (None, (0, 1, 0))
                }
            },
        };
        // `div.ui` is the more exact of the two.
        named = named.max(one);
        sum = (sum.0 + weight.0, sum.1 + weight.1, sum.2 + weight.2);
    }
    let plain = || above.filter(|above| *above > Holder::Body).map_or(Some(Holder::App), within);
    let holder = if named.is_none() && sum.2 > 0 { plain() } else { named.or(bearer) };
    Some(Meant { holder: holder?, specificity: sum, pages })
}

/// The element that a simple selector names on every page, and its specificity.
fn holder(simple: &str) -> Option<(Holder, Specificity)> {
    if let Some(same) = without_brackets(simple) {
        return holder(&same).map(|(holder, _)| (holder, (0, 1, 0)));
    }
    Some(match simple {
        "html" => (Holder::Html, (0, 0, 1)),
        ":root" => (Holder::Html, (0, 1, 0)),
        "body" => (Holder::Body, (0, 0, 1)),
        ".app-body" => (Holder::Body, (0, 1, 0)),
        ".app-holder" => (Holder::App, (0, 1, 0)),
        "#mastodon" => (Holder::App, (1, 0, 0)),
        ".ui" => (Holder::Ui, (0, 1, 0)),
        ".columns-area" => (Holder::Columns, (0, 1, 0)),
        ".columns-area__panels" => (Holder::Panels, (0, 1, 0)),
        ".columns-area__panels__main" => (Holder::Main, (0, 1, 0)),
        ".column" => (Holder::Column, (0, 1, 0)),
        ".admin-wrapper" => (Holder::Admin, (0, 1, 0)),
        _ => return None,
    })
}

/// `[id="mastodon"]` as `#mastodon`, `[class~=ui]` as `.ui`.
fn without_brackets(simple: &str) -> Option<String> {
    let (attribute, value) = simple.strip_prefix('[')?.strip_suffix(']')?.split_once('=')?;
    let value = value.trim().trim_matches(['"', '\'']);
    match attribute.trim() {
        "id" => Some(format!("#{value}")),
        "class~" => Some(format!(".{value}")),
        _ => None,
    }
}

/// What tells one column from another: anything but a pseudo-element.
fn of_a_column(simple: &str) -> Option<(Holder, Pages)> {
    (!matches!(simple, ":" | ":before" | ":after")).then_some((Holder::Column, Pages::Some))
}

/// The element that bears a state which Mastodon's pages have at times, and on which; none for anything else.
fn state(simple: &str) -> Option<(Holder, Pages)> {
    const OF_HTML: [&str; 6] = ["[dir", "[lang", "[data-color-scheme", "[data-contrast", ":dir(", ":lang("];
    const OF_BODY: [&str; 12] = [
        ".theme-",
        ".rtl",
        ".flavour-",
        ".skin-",
        ".reduce-motion",
        ".no-reduce-motion",
        ".system-font",
        ".custom-scrollbars",
        ":not(",
        ":has(",
        ":hover",
        ":focus-within",
    ];
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| simple.starts_with(beginning));
    match simple {
        ".layout-single-column" => Some((Holder::Body, Pages::OneColumn)),
        ".layout-multiple-columns" => Some((Holder::Body, Pages::SeveralColumns)),
        _ if begins(&OF_HTML) => Some((Holder::Html, Pages::Some)),
        _ if begins(&OF_BODY) => Some((Holder::Body, Pages::Some)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(selector: &str) -> Option<(Holder, Specificity, Pages)> {
        let all = meant(selector);
        assert!(all.len() < 2, "{selector}: {all:?}");
        all.first().map(|meant| (meant.holder, meant.specificity, meant.pages))
    }

    #[test]
    fn a_selector_means_the_last_of_its_elements() {
        assert_eq!(one("html > body.app-body"), Some((Holder::Body, (0, 1, 2), Pages::Every)));
        assert_eq!(one("#mastodon > *"), Some((Holder::Keys, (1, 0, 0), Pages::Every)));
        let each = |selector: &str| meant(selector).into_iter().map(|one| one.holder).collect::<Vec<_>>();
        assert_eq!(each("*"), HOLDERS);
        assert_eq!(each("body *"), HOLDERS[2..]);
        assert_eq!(each(".columns-area__panels *"), [Holder::Main, Holder::Columns, Holder::Column]);
        assert_eq!(one("div.ui"), Some((Holder::Ui, (0, 1, 1), Pages::Every)));
        assert_eq!(one("HTML>Body DIV.ui"), Some((Holder::Ui, (0, 1, 3), Pages::Every)));
        assert_eq!(one("div[id=mastodon]"), Some((Holder::App, (0, 1, 1), Pages::Every)));
        assert_eq!(one("[id=\"mastodon\"] [class~='ui']"), Some((Holder::Ui, (0, 2, 0), Pages::Every)));
        for other in [
            "body .UI",
            "#MASTODON",
            "[id^=mastodon]",
            "[id=mastodon] [class=ui]",
            "body .x",
            ".x body",
            "body::before",
            "body:target",
            "body[hidden]",
            "body + div",
            ".columns-area__panels__pane",
        ] {
            assert_eq!(one(other), None, "{other}");
        }
    }

    #[test]
    fn arguments_stand_for_themselves() {
        assert_eq!(one(":is(body)"), Some((Holder::Body, (0, 0, 1), Pages::Every)));
        assert_eq!(one(":where(html)"), Some((Holder::Html, (0, 0, 0), Pages::Every)));
        assert_eq!(one(":is(body, #x)"), Some((Holder::Body, (1, 0, 0), Pages::Every)));
        assert_eq!(one("body:is(.app-body)"), Some((Holder::Body, (0, 1, 1), Pages::Every)));
        assert_eq!(one(":is(html body).app-body .ui"), Some((Holder::Ui, (0, 2, 2), Pages::Every)));
        assert_eq!(meant(":is(html, body)").len(), 2);
        for other in [".x:is(body)", ":is(.x body)", "body :is(.x)", ":is(", "body:is(.x .app-body)"] {
            assert_eq!(one(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_page_has_at_times_is_told_apart() {
        assert_eq!(one(".layout-single-column .ui"), Some((Holder::Ui, (0, 2, 0), Pages::OneColumn)));
        assert_eq!(one("html[dir='rtl'] body"), Some((Holder::Body, (0, 1, 2), Pages::Some)));
        assert_eq!(one("body:not(.embed)"), Some((Holder::Body, (0, 1, 1), Pages::Some)));
        assert_eq!(one("body:has(.ui)"), Some((Holder::Body, (0, 1, 1), Pages::Some)));
        assert_eq!(one(".no-reduce-motion .ui:hover"), Some((Holder::Ui, (0, 3, 0), Pages::Some)));
    }
}
