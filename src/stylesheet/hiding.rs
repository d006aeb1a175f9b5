//! Which rules of a stylesheet hide the whole page, whoever looks at it and on whatever screen. Pure.
//!
//! A small cascade over the few elements that hold everything (`html`, `body`, the folder of the web app in it): of the rules that
//! always hold, the one that wins for a property decides. What depends on a class, an attribute or a screen is not looked at.

use std::collections::BTreeMap;

/// A declaration that hides all that a page holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hiding {
    /// The selector of its rule, whitespace folded.
    pub selector: String,
    /// The declaration, as `display: none`.
    pub declaration: String,
    /// Where its rule stands, counted from 1.
    pub line: u64,
}

/// A declaration as the reader has it.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) property: String,
    pub(super) value: String,
    pub(super) important: bool,
}

/// An element on each page, in which all or nearly all of it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Html,
    Body,
    /// `<div class="app-holder" id="mastodon">`
    App,
    /// The web app's outermost element.
    Ui,
    Columns,
}

/// How strongly a declaration holds: `!important`, specificity, and what was read later.
type Weight = (bool, (u32, u32, u32), usize);

/// What was read so far of the elements that hold everything.
#[derive(Debug, Default)]
pub(super) struct Cascade {
    read: usize,
    winners: BTreeMap<(Holder, &'static str), (Weight, Option<Hiding>)>,
    animated: Vec<Holder>,
}

impl Cascade {
    /// Takes in a rule that always holds.
    pub(super) fn rule(&mut self, selector: &str, declared: &[Declared], line: u64) {
        self.read += 1;
        for one in in_list(selector) {
            let Some((holder, specificity)) = holder(one) else { continue };
            for declaration in declared {
                self.declaration(holder, specificity, declaration, (selector, line));
            }
        }
    }

    fn declaration(&mut self, holder: Holder, specificity: (u32, u32, u32), declared: &Declared, at: (&str, u64)) {
        let Some(property) = HIDING.iter().find(|property| **property == declared.property) else {
            if declared.property.starts_with("animation") && declared.value != "none" {
                self.animated.push(holder);
            }
            return;
        };
        let weight = (declared.important, specificity, self.read);
        let hiding = hides(property, &declared.value).then(|| Hiding {
            selector: at.0.to_owned(),
            declaration: format!("{property}: {}", declared.value),
            line: at.1,
        });
        let winner = self.winners.entry((holder, *property)).or_insert_with(|| (weight, None));
        if weight >= winner.0 {
            *winner = (weight, hiding);
        }
    }

    /// What hides everything in the end. An element that is animated may well begin hidden.
    pub(super) fn hidden(&self) -> Vec<Hiding> {
        // What is in an invisible element is seen where it says so itself.
        let visible = |(holder, property): &(Holder, &str)| {
            let inside = self.winners.iter().filter(|((inner, named), _)| inner > holder && *named == "visibility");
            *property == "visibility" && inside.into_iter().any(|(_, (_, hiding))| hiding.is_none())
        };
        let all = self.winners.iter().filter(|(at, _)| !self.animated.contains(&at.0) && !visible(at));
        let mut hidden: Vec<Hiding> = all.filter_map(|(_, (_, hiding))| hiding.clone()).collect();
        hidden.dedup();
        hidden
    }
}

/// Properties that can hide an element and all in it.
const HIDING: [&str; 8] =
    ["display", "visibility", "opacity", "content-visibility", "transform", "scale", "filter", "clip-path"];

fn hides(property: &str, value: &str) -> bool {
    let folded: String = value.chars().filter(|letter| !letter.is_whitespace()).collect();
    match property {
        "display" => folded == "none",
        "visibility" => matches!(folded.as_str(), "hidden" | "collapse"),
        "content-visibility" => folded == "hidden",
        "opacity" | "scale" => is_nothing(&folded),
        "transform" => folded.strip_prefix("scale(").and_then(|rest| rest.strip_suffix(')')).is_some_and(is_nothing),
        "filter" => folded.strip_prefix("opacity(").and_then(|rest| rest.strip_suffix(')')).is_some_and(is_nothing),
        "clip-path" => matches!(folded.as_str(), "inset(100%)" | "inset(50%)" | "circle(0)"),
        _ => false,
    }
}

/// A number, or a share in percent, of which nobody sees anything.
fn is_nothing(value: &str) -> bool {
    const LEAST: f64 = 0.03;
    let (number, whole) = value.strip_suffix('%').map_or((value, 1.0), |number| (number, 100.0));
    number.parse::<f64>().is_ok_and(|number| number.abs() / whole < LEAST)
}

/// The parts of a selector list; commas in brackets stay.
fn in_list(selector: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_u32, 0, Vec::new());
    for (at, letter) in selector.char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(selector[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(selector[start..].trim());
    parts
}

/// Which of the holders a selector means, on every page, and its specificity.
fn holder(selector: &str) -> Option<(Holder, (u32, u32, u32))> {
    if selector.contains(['[', '(', '+', '~', '&', '\\']) {
        return None;
    }
    let compounds: Vec<&str> = selector.split([' ', '>']).filter(|part| !part.is_empty()).collect();
    let (last, above) = compounds.split_last()?;
    let above = above.iter().map(|one| compound(one, None)).collect::<Option<Vec<_>>>()?;
    let (holder, mut sum) = compound(last, above.iter().map(|(holder, _)| *holder).max())?;
    for (_, (ids, classes, types)) in above {
        sum = (sum.0 + ids, sum.1 + classes, sum.2 + types);
    }
    Some((holder, sum))
}

/// A compound selector of simple ones that every page's element has.
fn compound(text: &str, above: Option<Holder>) -> Option<(Holder, (u32, u32, u32))> {
    // `*` is html itself, and below something what that holds.
    if text == "*" {
        let holder = match above {
            None => Holder::Html,
            Some(Holder::Html) => Holder::Body,
            Some(_) => Holder::App,
        };
        return Some((holder, (0, 0, 0)));
    }
    let (mut holder, mut sum) = (None, (0, 0, 0));
    for simple in simples(text) {
        let (one, weight) = match simple {
            "html" => (Holder::Html, (0, 0, 1)),
            ":root" => (Holder::Html, (0, 1, 0)),
            "body" => (Holder::Body, (0, 0, 1)),
            ".app-body" => (Holder::Body, (0, 1, 0)),
            "div" => (Holder::App, (0, 0, 1)),
            ".app-holder" => (Holder::App, (0, 1, 0)),
            "#mastodon" => (Holder::App, (1, 0, 0)),
            ".ui" => (Holder::Ui, (0, 1, 0)),
            ".columns-area" => (Holder::Columns, (0, 1, 0)),
            _ => return None,
        };
        // `div.ui` is the more exact of the two.
        holder = Some(holder.map_or(one, |known: Holder| known.max(one)));
        sum = (sum.0 + weight.0, sum.1 + weight.1, sum.2 + weight.2);
    }
    Some((holder?, sum))
}

/// `div.a#b` as `div`, `.a`, `#b`; pseudo-elements come out as something that nobody knows.
fn simples(text: &str) -> Vec<&str> {
    let begins = |letter: char| matches!(letter, '.' | '#' | ':');
    let mut starts: Vec<usize> = text.char_indices().filter(|(_, letter)| begins(*letter)).map(|(at, _)| at).collect();
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| &text[start..end]).collect()
}

#[cfg(test)]
mod tests {
    use crate::stylesheet::Sheet;

    fn hidden(css: &str) -> Vec<String> {
        Sheet::read(css).hidden.into_iter().map(|one| format!("{} {}", one.selector, one.declaration)).collect()
    }

    #[test]
    fn what_hides_the_page_for_everybody_is_seen() {
        for css in [
            "body{display:none}",
            "html, .x { opacity: 0 }",
            ":root{visibility:hidden!important}",
            "*{display:none !important}",
            "body.app-body{opacity:0%}",
            "html>body{transform:scale(0)}",
            "#mastodon{content-visibility:hidden}",
            ".app-holder{display:flex}.app-holder{display:none}",
            "@layer a{body{display:none}}",
            "@media screen{body{filter:opacity(0)}}",
            "body{visibility:visible}body{visibility:collapse}",
            "body *{visibility:hidden}",
            "body{clip-path:inset(100%)}",
            ".columns-area{display:none}",
            "html{opacity:0}.ui *{opacity:1}html *{opacity:1}",
        ] {
            assert_eq!(hidden(css).len(), 1, "{css}");
        }
    }

    #[test]
    fn what_hides_a_part_or_for_a_while_is_none_of_it() {
        for css in [
            "@media print{body{display:none}}",
            "@supports not (display:grid){html{display:none}}",
            "body.hidden,body[hidden]{display:none}",
            "body::before,html:not(.js){display:none}",
            "body{opacity:0;animation:in .3s forwards}",
            "body{opacity:0}body{opacity:1}",
            "body{opacity:0}body.app-body{opacity:1}",
            "body{opacity:1!important}body{opacity:0}",
            "body>*{display:none}.app-holder{display:flex}",
            ".app-holder noscript{display:none}",
            "@keyframes in{from{opacity:0}}",
            ".x{body{display:none}}",
            "body{opacity:.95;display:flex;transform:scale(1)}",
            "body .x,.x body{display:none}",
            "body{visibility:hidden}.app-holder{visibility:visible}",
        ] {
            assert_eq!(hidden(css), Vec::<String>::new(), "{css}");
        }
    }
}
