//! Which of the elements that hold all of a page a selector means. Pure.

/// An element on each page, in which all or nearly all of it stands; one that follows stands within those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    Html,
    Body,
    /// `<div class="app-holder" id="mastodon">`
    App,
    /// The web app's outermost element.
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
pub(super) const HOLDERS: [Holder; 9] = [
    Holder::Html,
    Holder::Body,
    Holder::App,
    Holder::Ui,
    Holder::Panels,
    Holder::Main,
    Holder::Columns,
    Holder::Column,
    Holder::Admin,
];

/// Ids, classes, types.
pub(super) type Specificity = (u32, u32, u32);

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
    alternatives.filter_map(|(one, adjusted)| of_one(&one, adjusted)).collect()
}

/// The parts of a selector list; commas in brackets stay.
pub(in crate::stylesheet) fn in_list(selector: &str) -> Vec<&str> {
    split(selector, |letter| letter == ',')
}

/// Splits outside of brackets, and trims.
fn split(text: &str, ends: impl Fn(char) -> bool) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_u32, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            letter if depth == 0 && ends(letter) => {
                parts.push(text[start..at].trim());
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// A selector with one of the arguments put in the place of each `:is()` and `:where()`, and what is to be added to its
/// specificity for it: `:is()` counts as its strongest argument, `:where()` as nothing.
fn spelled_out(selector: &str, depth: u32) -> Vec<(String, [i64; 3])> {
    const DEEPEST: u32 = 3;
    const MOST: usize = 8;
    let first = [":is(", ":where("].iter().filter_map(|name| Some((selector.find(name)?, *name))).min();
    let Some((start, name)) = first else { return vec![(selector.to_owned(), [0; 3])] };
    let inner = start + name.len();
    let Some(end) = closing(selector, inner).filter(|_| depth < DEEPEST) else { return Vec::new() };
    let (before, after) = (&selector[..start], &selector[end + 1..]);
    let stands_alone = before.is_empty() || before.ends_with([' ', '>', '(', ',']);
    let arguments = in_list(&selector[inner..end]);
    let strongest = arguments.iter().filter_map(|one| weight(one)).max().unwrap_or_default();
    let counted = if name == ":is(" { strongest } else { (0, 0, 0) };
    let mut all = Vec::new();
    for argument in arguments.into_iter().take(MOST) {
        // `.a:is(body)` could not be written without the brackets, `.b :is(.a .c)` would mean something else.
        let fits = if before.trim().is_empty() { true } else { stands_alone || argument.starts_with(['.', '#']) };
        let is_one = before.trim().is_empty() || !argument.contains([' ', '>', '+', '~']);
        let Some(own) = weight(argument).filter(|_| fits && is_one) else { continue };
        for (text, [ids, classes, types]) in spelled_out(&format!("{before}{argument}{after}"), depth + 1) {
            let difference = |counted: u32, own: u32| i64::from(counted) - i64::from(own);
            all.push((
                text,
                [
                    ids + difference(counted.0, own.0),
                    classes + difference(counted.1, own.1),
                    types + difference(counted.2, own.2),
                ],
            ));
        }
    }
    all
}

/// Where the bracket that is open at `start` is closed.
fn closing(text: &str, start: usize) -> Option<usize> {
    let mut depth = 1_u32;
    for (at, letter) in text[start..].char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(start + at);
        }
    }
    None
}

/// The specificity of a selector without brackets.
fn weight(selector: &str) -> Option<Specificity> {
    if selector.contains('(') {
        return None;
    }
    let mut sum = (0, 0, 0);
    for compound in selector.split([' ', '>', '+', '~']).filter(|part| !part.is_empty() && *part != "*") {
        for simple in simples(compound) {
            match simple.chars().next() {
                Some('#') => sum.0 += 1,
                Some('.' | '[' | ':') => sum.1 += 1,
                _ => sum.2 += 1,
            }
        }
    }
    Some(sum)
}

fn of_one(selector: &str, adjusted: [i64; 3]) -> Option<Meant> {
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
    Some(meant)
}

/// What nobody knows around a column.
fn some_place(compound: &str) -> Option<Meant> {
    Some(Meant { holder: Holder::Html, specificity: weight(compound)?, pages: Pages::Some })
}

/// What stands right in a holder.
fn within(holder: Holder) -> Option<Holder> {
    Some(match holder {
        Holder::Html => Holder::Body,
        Holder::Body => Holder::App,
        Holder::App => Holder::Ui,
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

/// What tells one column from another: anything but a pseudo-element.
fn of_a_column(simple: &str) -> Option<(Holder, Pages)> {
    (!matches!(simple, ":" | ":before" | ":after")).then_some((Holder::Column, Pages::Some))
}

/// The element that bears a state which Mastodon's pages have at times, and on which; none for anything else.
fn state(simple: &str) -> Option<(Holder, Pages)> {
    const OF_HTML: [&str; 6] = ["[dir", "[lang", "[data-color-scheme", "[data-contrast", ":dir(", ":lang("];
    const OF_BODY: [&str; 6] = [".theme-", ".rtl", ".flavour-", ".skin-", ":not(", ":has("];
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| simple.starts_with(beginning));
    match simple {
        ".layout-single-column" => Some((Holder::Body, Pages::OneColumn)),
        ".layout-multiple-columns" => Some((Holder::Body, Pages::SeveralColumns)),
        _ if begins(&OF_HTML) => Some((Holder::Html, Pages::Some)),
        _ if begins(&OF_BODY) => Some((Holder::Body, Pages::Some)),
        _ => None,
    }
}

/// `div.a#b` as `div`, `.a`, `#b`; what stands in brackets belongs to what is before it. Pseudo-elements come out as something
/// that nobody knows.
fn simples(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_u32, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        if depth == 0 && at > start && matches!(letter, '.' | '#' | ':' | '[') {
            parts.push(&text[start..at]);
            start = at;
        }
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
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
        assert_eq!(one("#mastodon > *"), Some((Holder::Ui, (1, 0, 0), Pages::Every)));
        assert_eq!(one("div.ui"), Some((Holder::Ui, (0, 1, 1), Pages::Every)));
        for other in [
            "body .x",
            ".x body",
            "body::before",
            "body:hover",
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
    }
}
