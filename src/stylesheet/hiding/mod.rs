//! Which rules of a stylesheet hide the whole page, whoever looks at it and on whatever screen. Pure.
//!
//! A small cascade over the few elements that hold everything (`html`, `body`, the folder of the web app in it): of the rules that
//! always hold, the one that wins for a property decides. What depends on a class, an attribute or a screen hides nothing for
//! certain; where it shows again what a rule hides, that is believed.

pub(super) mod holder;
mod value;

use std::collections::BTreeMap;

use super::conditions::Holds;
use holder::Holder;
use value::{hides, is_zero, moves_off};

/// A declaration that hides all that a page holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hiding {
    /// The selector of its rule, whitespace folded.
    pub selector: String,
    /// The declaration, as `display: none`.
    pub declaration: String,
    /// Where its rule stands, counted from 1.
    pub line: u64,
    /// What people miss.
    pub extent: Extent,
}

/// What is gone with a rule that hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The whole page.
    Page,
    /// What the web app shows where there is one column, as it does unless somebody chose otherwise.
    OneColumn,
    /// The settings.
    Settings,
    /// Nothing is hidden, and nothing can be clicked.
    Clicks,
}

/// A declaration as the reader has it.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) property: String,
    pub(super) value: String,
    pub(super) important: bool,
}

/// Where a rule stands, and when it holds.
#[derive(Debug)]
pub(super) struct Place<'sheet> {
    /// Its selector, as it is written.
    pub(super) selector: &'sheet str,
    pub(super) line: u64,
    /// Its cascade layer, counted from nought; none outside of layers.
    pub(super) layer: Option<usize>,
    pub(super) holds: Holds,
}

/// How strongly a declaration holds: `!important`, the layer, specificity, and what was read later.
type Weight = (bool, usize, holder::Specificity, usize);

/// The declaration that wins for a property of an element.
#[derive(Debug)]
struct Winner {
    weight: Weight,
    value: String,
    selector: String,
    line: u64,
}

/// What was read so far of the elements that hold everything.
#[derive(Debug, Default)]
pub(super) struct Cascade {
    read: usize,
    winners: BTreeMap<(Holder, &'static str), Winner>,
    /// What holds on some screens or for some readers, and does not hide.
    at_times: BTreeMap<(Holder, &'static str), Weight>,
    animated: Vec<Holder>,
}

/// Properties that hide an element by themselves.
const HIDING: [&str; 10] = [
    "display",
    "visibility",
    "opacity",
    "content-visibility",
    "transform",
    "scale",
    "filter",
    "clip-path",
    "text-indent",
    "pointer-events",
];

/// Of those, the ones that an element within undoes for itself.
const INHERITED: [&str; 3] = ["visibility", "text-indent", "pointer-events"];

/// Properties that move an element, and the one that may set the same.
const MOVING: [(&str, &str); 9] = [
    ("left", "inset"),
    ("right", "inset"),
    ("top", "inset"),
    ("bottom", "inset"),
    ("inset", "left"),
    ("margin-left", "margin"),
    ("margin-top", "margin"),
    ("margin", "margin-left"),
    ("translate", "transform"),
];

/// Properties that can leave an element no room, and the one that gives it back.
const SIZES: [(&str, &str); 4] =
    [("width", "min-width"), ("max-width", "min-width"), ("height", "min-height"), ("max-height", "min-height")];

/// Properties that are asked for besides.
const OTHERS: [&str; 14] = [
    "position",
    "clip",
    "overflow",
    "overflow-x",
    "overflow-y",
    "min-width",
    "min-height",
    "padding",
    "padding-top",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "flex",
    "flex-grow",
];

/// The property by its name here, if it is one of those that are looked at.
fn known(property: &str) -> Option<&'static str> {
    let moving = MOVING.iter().map(|(name, _)| *name);
    let sizes = SIZES.iter().map(|(name, _)| *name);
    let mut all = HIDING.into_iter().chain(moving).chain(sizes).chain(OTHERS);
    all.find(|known| *known == property)
}

impl Cascade {
    /// Takes in a rule that holds always or at times.
    pub(super) fn rule(&mut self, selector: &str, declared: &[Declared], place: &Place<'_>) {
        let is_looked_at = |one: &Declared| known(&one.property).is_some() || is_animation(&one.property);
        if !declared.iter().any(is_looked_at) {
            return;
        }
        for meant in holder::meant(selector) {
            let always = meant.on_every_page && place.holds == Holds::Always;
            for declaration in declared {
                self.read += 1;
                self.declaration(meant.holder, meant.specificity, declaration, (place, always));
            }
        }
    }

    fn declaration(
        &mut self,
        holder: Holder,
        specificity: holder::Specificity,
        declared: &Declared,
        (place, always): (&Place<'_>, bool),
    ) {
        let Some(property) = known(&declared.property) else {
            if is_animation(&declared.property) && declared.value != "none" {
                self.animated.push(holder);
            }
            return;
        };
        // Layers win over those before them, and what stands in none over all; with `!important` it is the other way round.
        let layer = place.layer.unwrap_or(usize::MAX);
        let layer = if declared.important { usize::MAX - layer } else { layer };
        let weight = (declared.important, layer, specificity, self.read);
        let value = declared.value.clone();
        if !always {
            if !hides(property, &value) && !moves_off(property, &value) {
                let strongest = self.at_times.entry((holder, property)).or_insert(weight);
                *strongest = weight.max(*strongest);
            }
            return;
        }
        let winner = Winner { weight, value, selector: place.selector.to_owned(), line: place.line };
        match self.winners.get(&(holder, property)) {
            Some(other) if other.weight > weight => {}
            _ => drop(self.winners.insert((holder, property), winner)),
        }
    }

    /// What hides everything in the end. An element that is animated may well begin hidden.
    pub(super) fn hidden(&self) -> Vec<Hiding> {
        let mut holders: Vec<Holder> = self.winners.keys().map(|(holder, _)| *holder).collect();
        holders.dedup();
        holders.retain(|holder| !self.animated.contains(holder));
        let mut hidden: Vec<Hiding> = holders.into_iter().flat_map(|holder| self.of_holder(holder)).collect();
        hidden.dedup();
        hidden
    }

    fn of_holder(&self, holder: Holder) -> Vec<Hiding> {
        let mut found: Vec<&'static str> =
            HIDING.into_iter().filter(|property| self.hides_alone(holder, property)).collect();
        found.extend(self.moves(holder));
        found.extend(self.leaves_no_room(holder));
        found.extend(self.clips(holder));
        // What has no box of its own cannot be moved or clipped.
        let has_box = self.value(holder, "display") != Some("contents");
        let stays = |property: &&str| has_box || *property == "display" || INHERITED.contains(property);
        found.into_iter().filter(stays).filter_map(|property| self.told(holder, property)).collect()
    }

    fn hides_alone(&self, holder: Holder, property: &'static str) -> bool {
        // What is in an invisible element is seen where it says so itself.
        let shows_within = INHERITED.contains(&property)
            && self.winners.iter().any(|((inner, named), winner)| {
                *inner > holder && *named == property && !hides(property, &winner.value)
            });
        let is_meant = match property {
            "pointer-events" => holder <= Holder::Body,
            "text-indent" => holder <= Holder::Ui,
            _ => true,
        };
        is_meant && !shows_within && self.value(holder, property).is_some_and(|value| hides(property, value))
    }

    /// The property by which an element lies off the screen: one alone across or one alone along it, since two of one
    /// direction may well cancel one another.
    fn moves(&self, holder: Holder) -> Option<&'static str> {
        let is_positioned = matches!(self.value(holder, "position"), Some("absolute" | "fixed" | "relative"));
        let is_undone = |property: &str, other: &str| {
            let weight = |name: &str| self.winners.iter().find(|(at, _)| at.0 == holder && at.1 == name);
            match (weight(property), weight(other)) {
                (Some((_, one)), Some((_, other))) => other.weight > one.weight,
                _ => false,
            }
        };
        let opposite = |property: &str| match property {
            "left" => Some("right"),
            "right" => Some("left"),
            "top" => Some("bottom"),
            "bottom" => Some("top"),
            _ => None,
        };
        let is_stretched = |property: &str| {
            opposite(property).is_some_and(|other| self.value(holder, other).is_some_and(|value| value != "auto"))
        };
        let names = MOVING.into_iter().chain([("transform", "translate")]);
        let moving: Vec<&'static str> = names
            .filter(|(property, other)| {
                let is_offset = !matches!(*property, "translate" | "transform") && !property.starts_with("margin");
                self.value(holder, property).is_some_and(|value| moves_off(property, value))
                    && (is_positioned || !is_offset)
                    && !is_undone(property, other)
                    && !is_stretched(property)
                    && !self.is_padded_back(holder, property)
            })
            .map(|(property, _)| property)
            .collect();
        let only = |is_that: fn(&str) -> bool| {
            let mut those = moving.iter().copied().filter(|one| is_that(one));
            those.next().filter(|_| those.next().is_none())
        };
        match moving[..] {
            [one] => Some(one),
            _ if moving.iter().any(|one| !is_across(one) && !is_along(one)) => None,
            _ => only(is_across).or_else(|| only(is_along)),
        }
    }

    /// A margin beyond the screen with as much padding: a background that reaches from edge to edge.
    fn is_padded_back(&self, holder: Holder, property: &str) -> bool {
        let paddings = ["padding", "padding-left", "padding-right", "padding-top", "padding-bottom"];
        property.starts_with("margin")
            && paddings.into_iter().any(|padding| {
                let lengths = self.value(holder, padding).unwrap_or_default();
                lengths.split_whitespace().any(|length| moves_off("top", length))
            })
    }

    /// The property that leaves an element no width or height, with what flows over cut off. What a body cuts off, its window does.
    fn leaves_no_room(&self, holder: Holder) -> Option<&'static str> {
        let value = |property| self.value(holder, property);
        let is_some_length = |property| value(property).is_some_and(|length| !is_zero(length) && length != "none");
        // What is hidden across is cut off along as well; what is clipped is not.
        let cuts = |along: &str| {
            let cut = |property: &str| self.value(holder, property).unwrap_or_default();
            ["overflow", "overflow-x", "overflow-y"].into_iter().any(|property| cut(property).contains("hidden"))
                || ["overflow", along].into_iter().any(|property| cut(property).contains("clip"))
        };
        let padded = ["padding", "padding-top", "padding-bottom"].into_iter().any(is_some_length);
        let leaves_flow = self.winners.iter().any(|((inner, property), winner)| {
            *inner > holder && *property == "position" && matches!(winner.value.as_str(), "fixed" | "absolute")
        });
        if holder <= Holder::Body || padded || leaves_flow {
            return None;
        }
        let grows = ["flex", "flex-grow"].into_iter().any(is_some_length);
        let names = SIZES.into_iter().filter(|(size, least)| {
            let may_grow = grows && !size.starts_with("max-");
            let along = if size.ends_with("width") { "overflow-x" } else { "overflow-y" };
            value(size).is_some_and(is_zero) && !is_some_length(least) && !may_grow && cuts(along)
        });
        names.map(|(size, _)| size).next()
    }

    /// `clip`, which counts for positioned elements alone.
    fn clips(&self, holder: Holder) -> Option<&'static str> {
        let clip = self.value(holder, "clip")?.strip_prefix("rect(")?.strip_suffix(')')?;
        let sides: Vec<&str> = clip.split([',', ' ']).filter(|side| !side.is_empty()).collect();
        let is_point =
            sides.len() == 4 && (sides.iter().all(|side| is_zero(side)) || sides.iter().all(|side| *side == "1px"));
        let is_positioned = matches!(self.value(holder, "position"), Some("absolute" | "fixed"));
        (is_point && is_positioned).then_some("clip")
    }

    fn value(&self, holder: Holder, property: &str) -> Option<&str> {
        let all = self.winners.range((holder, "")..).take_while(|(at, _)| at.0 == holder);
        all.into_iter().find(|(at, _)| at.1 == property).map(|(_, winner)| winner.value.as_str())
    }

    /// The hiding, unless a rule that holds at times is stronger and shows what is hidden.
    fn told(&self, holder: Holder, property: &'static str) -> Option<Hiding> {
        let winner = self.winners.get(&(holder, property))?;
        if self.at_times.get(&(holder, property)).is_some_and(|weight| *weight > winner.weight) {
            return None;
        }
        let extent = match holder {
            _ if property == "pointer-events" => Extent::Clicks,
            Holder::Panels | Holder::Main => Extent::OneColumn,
            Holder::Admin => Extent::Settings,
            Holder::Html | Holder::Body | Holder::App | Holder::Ui | Holder::Columns => Extent::Page,
        };
        Some(Hiding {
            selector: winner.selector.clone(),
            declaration: format!("{property}: {}", winner.value),
            line: winner.line,
            extent,
        })
    }
}

fn is_across(property: &str) -> bool {
    matches!(property, "left" | "right" | "margin-left")
}

fn is_along(property: &str) -> bool {
    matches!(property, "top" | "bottom" | "margin-top")
}

fn is_animation(property: &str) -> bool {
    matches!(property.trim_start_matches("-webkit-"), "animation" | "animation-name")
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
            ".ui{position:absolute;top:-9999px;left:-9999px}",
            "body{/* a */display:/* b */none/* c */}",
            // Pages of Mastodon's own, of faults and embedded posts, say so for themselves.
            "body{display:none}body.error,body.embed{display:flex}",
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
            "body{position:absolute;left:-9999px}",
            "#mastodon{position:relative}.app-holder{top:-10000px}",
            "body{transform:translateX(-100vw)}",
            "#mastodon{translate:-200vw 0}",
            "body{margin-left:-9999px}",
            "html{text-indent:-9999px}",
            ".app-holder{width:0;height:9px;overflow:hidden}",
            ".ui{overflow-y:hidden}.ui{max-height:0}",
            "body{position:absolute;clip:rect(0 0 0 0)}",
            ":is(body,.x){display:none}",
            ":where(html){display:none}",
            "@media (min-width:0){body{display:none}}",
            "@media screen,print{body{display:none}}",
            "@supports (display:block){body{display:none}}",
            "html{body{display:none}}",
            "body{&.app-body{display:none}}",
            "body{@media screen{display:none}}",
            "body{color:red;@media all{&{display:none}}}",
            ".columns-area__panels__main{display:none}",
            ".admin-wrapper{display:none}",
            "body{pointer-events:none}",
            "body{display:none}@media print{body{display:block}}",
            "body{display:none}@starting-style{body{display:block}}",
            "@layer a{body{opacity:1}}@layer b{body{opacity:0}}",
            "@layer a,b;@layer b{body{opacity:0}}@layer a{body{opacity:1}}",
        ] {
            assert_eq!(hidden(css).len(), 1, "{css}");
        }
    }

    #[test]
    fn a_selector_that_doubles_itself_is_given_up() {
        let css = format!("body{{{}display:none{}", "&&,&& &,:is(&,&){".repeat(30), "}".repeat(31));
        assert_eq!(hidden(&css), Vec::<String>::new());
    }

    #[test]
    fn what_hides_a_part_or_for_a_while_is_none_of_it() {
        for css in [
            // One of two lengths of one direction may take the other back; a margin as wide as its padding is a background.
            ".ui{position:absolute;left:100%;transform:translate(-100%)}",
            ".columns-area{margin:0 -9999rem;padding:0 9999rem}",
            ".ui{margin-left:-9999px;padding-left:9999px}",
            ".columns-area__panels{height:0;overflow-x:clip}",
            "body{opacity:0}body:has(.ui){opacity:1}",
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
            "body{left:-9999px}",
            ".ui{position:absolute;left:100%;transform:translateX(-100%)}",
            ".ui{position:absolute;inset:-9999px;left:0}",
            "body{overflow:hidden;height:0}",
            ".ui{height:0;overflow:hidden;min-height:100vh}",
            ".ui{height:0;overflow:hidden;flex:1 1 auto}",
            ".ui{height:0;overflow:hidden}.columns-area{position:fixed}",
            ".ui{height:0;padding-top:56%;overflow:hidden}",
            ".app-holder{display:contents;opacity:0}",
            "@media (min-width:600px){.columns-area{display:none}}",
            ".columns-area__panels{display:none}@media (min-width:600px){.columns-area__panels{display:flex}}",
            ".columns-area__panels{display:none}.layout-single-column .columns-area__panels{display:flex}",
            "body{display:none}html[dir] body{display:block}",
            "@layer a{body{display:none}}body{display:block}",
            "body{display:block}@layer a{body{display:none}}",
            "@layer b,a;@layer a{body{opacity:1}}@layer b{body{opacity:0}}",
            ".x{&{body{display:none}}}",
            ".x{@media screen{body &{display:none}}}",
            "@keyframes x{body{display:none}}",
            "body{& .x{display:none}> .y{display:none}}",
            "body{pointer-events:none}#mastodon{pointer-events:auto}",
            ".ui{pointer-events:none}",
            "body{position:absolute;left:-20px;clip:rect(0,100px,100px,0)}",
            ".sr-only{position:absolute;left:-9999px;clip:rect(0 0 0 0);height:1px;overflow:hidden}",
            "*{text-indent:0}.logo a{text-indent:-9999px}",
        ] {
            assert_eq!(hidden(css), Vec::<String>::new(), "{css}");
        }
    }
}
