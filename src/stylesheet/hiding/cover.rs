//! What a stylesheet lays over everything: a pseudo-element as large as the window, above the page, that takes all clicks. Pure.
//!
//! Pictures and patterns laid over the page are common, and harmless where they let clicks through or lie below what is clicked.
//! So whatever might lift the page above it, or take it away at times, is believed.

use std::collections::BTreeMap;

use super::cascade::{Aim, Declared, Place, Weight};
use super::holder::{HOLDERS, Holder, Meant, Pages, meant};
use super::selector::in_list;
use super::{Extent, Hiding, Viewer, span};

/// The pseudo-elements that a stylesheet makes, and how they may be written.
const MADE: [(&str, &str); 4] =
    [("::before", "before"), ("::after", "after"), (":before", "before"), (":after", "after")];

/// Above all that Mastodon's own pages lift, but for what opens over them.
const ABOVE_THE_PAGE: i64 = 100;

/// Properties that are asked for besides those of [`span`].
const KNOWN: [&str; 12] = [
    "content",
    "display",
    "visibility",
    "position",
    "pointer-events",
    "z-index",
    "transform",
    "translate",
    "scale",
    "rotate",
    "clip-path",
    "clip",
];

/// Those of them that leave an element as it lies only where they say so.
const SHIFTING: [&str; 6] = ["transform", "translate", "scale", "rotate", "clip-path", "clip"];

/// What was read of such elements.
#[derive(Debug, Default)]
pub(super) struct Covers {
    said: BTreeMap<(Holder, &'static str), Cover>,
    /// How far the page itself is lifted at most.
    lifted: i64,
    /// Whether animations of a name do more than colour what they animate.
    animations: BTreeMap<String, bool>,
}

#[derive(Debug, Default)]
struct Cover {
    values: BTreeMap<&'static str, (Weight, String)>,
    animated: Vec<String>,
    selector: String,
    line: u64,
    /// It is otherwise at times.
    varies: bool,
}

impl Covers {
    /// Takes in a rule that holds always or at times, before which so many declarations were `read`.
    pub(super) fn rule(&mut self, aim: &Aim, declared: &[Declared], place: &Place<'_>, always: bool, read: usize) {
        if !declared.iter().any(|one| is_known(one) || animation(one).is_some()) {
            return;
        }
        if !aim.holders.is_empty() {
            let lifts =
                declared.iter().filter(|one| one.property == "z-index").filter_map(|one| one.value.parse().ok());
            self.lifted = lifts.chain([self.lifted]).max().unwrap_or_default();
        }
        for (of, made) in &aim.made {
            self.made(of, made, declared, place, always && of.pages == Pages::Every, read);
        }
    }

    /// Takes in a step of an animation.
    pub(super) fn step(&mut self, name: &str, declared: &[Declared]) {
        let moves = declared.iter().any(is_known);
        self.animations.entry(name.to_owned()).and_modify(|other| *other |= moves).or_insert(moves);
    }

    fn made(
        &mut self,
        of: &Meant,
        made: &'static str,
        declared: &[Declared],
        place: &Place<'_>,
        always: bool,
        read: usize,
    ) {
        let cover = self.said.entry((of.holder, made)).or_default();
        cover.animated.extend(declared.iter().filter_map(animation).map(str::to_owned));
        cover.varies |= !always && declared.iter().any(is_known);
        for one in declared.iter().filter(|_| always) {
            let weight = place.weight(one.important, of.specificity, read);
            for (property, value) in values(one) {
                if cover.values.get(property).is_none_or(|(other, _)| *other <= weight) {
                    cover.values.insert(property, (weight.clone(), value.to_owned()));
                    if property == "z-index" {
                        (cover.selector, cover.line) = (place.selector.to_owned(), place.line);
                    }
                }
            }
        }
    }

    /// Those that cover all of the page.
    pub(super) fn hidden(&self) -> Vec<Hiding> {
        let stays = |cover: &Cover| !cover.varies && !cover.animated.iter().any(|names| self.may_move(names));
        let covering = self.said.iter().filter(|((of, _), cover)| stays(cover) && cover.covers(*of, self.lifted));
        let told = covering.map(|(_, cover)| Hiding {
            selector: cover.selector.clone(),
            declaration: format!("z-index: {}", cover.value("z-index").unwrap_or_default()),
            line: cover.line,
            extent: Extent::Covered,
            viewer: Viewer::Anybody,
        });
        let mut told: Vec<Hiding> = told.collect();
        told.dedup();
        told
    }

    /// Unless each animation of the list is known, and none of them moves what it animates or takes it away.
    fn may_move(&self, names: &str) -> bool {
        let moves = |one: &str| one.split_whitespace().filter_map(|word| self.animations.get(word)).copied().max();
        in_list(names).into_iter().any(|one| moves(one).unwrap_or(true))
    }
}

impl Cover {
    fn value(&self, property: &str) -> Option<&str> {
        self.values.get(property).map(|(_, value)| value.as_str())
    }

    fn covers(&self, of: Holder, lifted: i64) -> bool {
        let height = self.value("z-index").and_then(|height| height.parse::<i64>().ok());
        let is_made = self.value("content").is_some_and(|content| !matches!(content, "none" | "normal"));
        let takes_clicks = self.value("pointer-events").is_none_or(|events| events == "auto")
            && !matches!(self.value("display"), Some("none" | "contents"))
            && !matches!(self.value("visibility"), Some("hidden" | "collapse"));
        let is_plain = ["content", "display", "visibility"]
            .into_iter()
            .all(|property| self.value(property).is_none_or(|value| !value.contains("var(")));
        let lies_as_it_says = SHIFTING.into_iter().all(|property| self.value(property).is_none_or(leaves_in_place));
        // What bears it is the window or all of the page, and no part of it.
        let is_over_the_window = match self.value("position") {
            Some("fixed") => true,
            Some("absolute") => of <= Holder::App,
            _ => false,
        };
        is_made
            && takes_clicks
            && is_plain
            && lies_as_it_says
            && is_over_the_window
            && height.is_some_and(|height| height >= ABOVE_THE_PAGE && height > lifted)
            && span::AXES.iter().all(|axis| axis.is_filled(|property| self.value(property)))
    }
}

/// The pseudo-elements of a selector list, with what bears them.
pub(super) fn made(selector: &str) -> Vec<(Meant, &'static str)> {
    let one = |one: &str| {
        let (of, made) = MADE.iter().find_map(|(written, made)| Some((one.strip_suffix(written)?, *made)))?;
        Some(bearers(of).into_iter().map(move |meant| (meant, made)).collect::<Vec<_>>())
    };
    in_list(selector).into_iter().filter_map(one).flatten().collect()
}

/// The elements that bear a pseudo-element; without any selector before it, all.
fn bearers(of: &str) -> Vec<Meant> {
    if matches!(of, "" | "*") {
        let each = |holder| Meant { holder, specificity: (0, 0, 0), pages: Pages::Every };
        return HOLDERS.into_iter().map(each).collect();
    }
    meant(of)
}

/// What a declaration says of the properties that are looked at.
fn values(declared: &Declared) -> Vec<(&'static str, &str)> {
    let known = KNOWN.into_iter().find(|known| *known == declared.property);
    known.map_or_else(|| span::longhands(&declared.property, &declared.value), |name| vec![(name, &declared.value)])
}

fn is_known(declared: &Declared) -> bool {
    !values(declared).is_empty()
}

/// The names of animations, among other words.
fn animation(declared: &Declared) -> Option<&str> {
    let property = declared.property.trim_start_matches("-webkit-");
    (matches!(property, "animation" | "animation-name") && declared.value != "none").then_some(&declared.value)
}

/// Nothing at all, or what is written to have the graphics card draw an element.
fn leaves_in_place(value: &str) -> bool {
    let folded: String = value.chars().filter(|letter| !letter.is_whitespace()).collect();
    matches!(folded.as_str(), "none" | "auto" | "translatez(0)" | "translate3d(0,0,0)" | "scale(1)" | "1")
}

#[cfg(test)]
mod tests {
    use crate::stylesheet::{Extent, Sheet};

    fn is_covered(css: &str) -> bool {
        Sheet::read(css).hidden.iter().any(|one| one.extent == Extent::Covered)
    }

    #[test]
    fn what_lies_over_everything_and_takes_the_clicks_is_seen() {
        for css in [
            "body::after{content:'';position:fixed;inset:0;z-index:9999}",
            "body:before{content:'';position:fixed;top:0;left:0;width:100vw;height:100vh;z-index:1000;background:#000}",
            "html::before,.x{content:\"\";position:fixed;top:0;right:0;bottom:0;left:0;z-index:999}",
            "#mastodon::after{content:'';position:fixed;inset:0;z-index:2147483647;opacity:0}",
            ".ui{z-index:2}body::after{content:'';position:fixed;inset:0;z-index:9999;pointer-events:auto}",
            "body::after{content:'';position:fixed}body::after{inset:0 0 0 0;z-index:9999}",
            "body::after{content:'';position:fixed;top:50%;z-index:9999}body::after{inset:0}",
            "body::after{content:'';position:fixed;inset-block:0;inset-inline:0;z-index:9999;transform:translateZ(0)}",
            "body::after{content:'';position:fixed;top:-50%;left:-50%;width:200%;height:200%;z-index:9999}",
            "body::before{content:'';position:absolute;inset:0;z-index:9999}",
            // It flickers, and takes the clicks all the same.
            "@keyframes Flicker{0%{opacity:.2}to{opacity:.5}}body::after{content:'';position:fixed;inset:0;z-index:9999;animation:Flicker .15s infinite}",
            "body::after{content:'';position:fixed;inset:0;z-index:9999;animation-duration:1s}",
        ] {
            assert!(is_covered(css), "{css}");
        }
    }

    #[test]
    fn what_lets_clicks_through_lies_below_or_is_smaller_covers_nothing() {
        for css in [
            "body::after{content:'';position:fixed;inset:0;z-index:9999;pointer-events:none}",
            "body::after{content:'';position:fixed;inset:0;z-index:9999}body::after{pointer-events:none}",
            "@media (min-width:1px){body::after{pointer-events:none}}body::after{content:'';position:fixed;inset:0;z-index:9999}",
            "body::after{position:fixed;inset:0;z-index:9999}",
            "body::after{content:none;position:fixed;inset:0;z-index:9999}",
            "body::before{content:'';position:fixed;inset:0;z-index:-1}",
            "body::before{content:'';position:fixed;inset:0;z-index:1}",
            "body::before{content:'';position:fixed;inset:0}",
            "body::before{content:'';position:fixed;inset:0;z-index:100}.app-holder{position:relative;z-index:101}",
            "body::before{content:'';position:fixed;top:0;left:0;right:0;height:4px;z-index:9999}",
            "body::before{content:'';position:fixed;inset:0 0 auto;z-index:9999}",
            "body::before{content:'';position:fixed;inset:0;left:50%;z-index:9999}",
            "body::before{content:'';position:fixed;inset:0;z-index:9999;animation:fade 1s forwards}",
            "body::before{content:'';position:fixed;inset:0;z-index:9999;transform:translateY(-100%)}",
            "body::before{content:'';position:fixed;inset:0;z-index:9999;translate:0 -100%}",
            "body::before{content:'';position:fixed;inset:0;z-index:9999;max-height:4px}",
            "body::before{content:'';position:fixed;inset:0;margin:100vh 0 0;z-index:9999}",
            "body::before{content:'';position:fixed;inset:0;z-index:9999;clip:rect(0 0 0 0)}",
            "body::before{content:'';position:fixed;inset:0;z-index:9999;display:var(--noise,none)}",
            "body::before{content:var(--noise);position:fixed;inset:0;z-index:9999}",
            "@keyframes out{to{visibility:hidden}}body::before{content:'';position:fixed;inset:0;z-index:9999;animation:out 1s forwards}",
            "@keyframes a{to{opacity:0}}body::before{content:'';position:fixed;inset:0;z-index:9999;animation:a 1s,other 2s}",
            "body::before{content:'';position:fixed;inset:0;z-index:9999}*::before{pointer-events:none}",
            "body::before{content:'';position:fixed;inset:0;z-index:9999}::after,::before{pointer-events:none}",
            "body.error::before{content:'';position:fixed;inset:0;z-index:9999}",
            ".column::before{content:'';position:absolute;inset:0;z-index:9999}",
            "body::before{content:'';position:relative;inset:0;z-index:9999}",
            "@media print{body::before{content:'';position:fixed;inset:0;z-index:9999}}",
            ".modal::after{content:'';position:fixed;inset:0;z-index:9999}",
        ] {
            assert!(!is_covered(css), "{css}");
        }
    }
}
