//! What a stylesheet lays over everything: a pseudo-element as large as the window, above the page, that takes all clicks. Pure.
//!
//! Pictures and patterns laid over the page are common, and harmless where they let clicks through or lie below what is clicked.
//! So whatever might lift the page above it, or take it away at times, is believed.

use std::collections::BTreeMap;

use super::super::conditions::Holds;
use super::cascade::{Declared, Place, Weight};
use super::holder::{Holder, Pages, in_list, meant};
use super::value::is_zero;
use super::{Extent, Hiding};

/// The pseudo-elements that a stylesheet makes, and how they may be written.
const MADE: [(&str, &str); 4] =
    [("::before", "before"), ("::after", "after"), (":before", "before"), (":after", "after")];

/// Above all that Mastodon's own pages lift, but for what opens over them.
const ABOVE_THE_PAGE: i64 = 100;

/// Properties that are asked for.
const KNOWN: [&str; 15] = [
    "content",
    "display",
    "visibility",
    "position",
    "pointer-events",
    "z-index",
    "inset",
    "top",
    "bottom",
    "left",
    "right",
    "width",
    "height",
    "transform",
    "clip-path",
];

/// What was read of such elements.
#[derive(Debug, Default)]
pub(super) struct Covers {
    said: BTreeMap<(Holder, &'static str), Cover>,
    /// How far the page itself is lifted at most.
    lifted: i64,
}

#[derive(Debug, Default)]
struct Cover {
    values: BTreeMap<&'static str, (Weight, String)>,
    selector: String,
    line: u64,
    /// It is otherwise at times, or moves.
    varies: bool,
}

impl Covers {
    /// Takes in a rule that holds always or at times, and how many were `read` with it.
    pub(super) fn rule(&mut self, selector: &str, declared: &[Declared], place: &Place<'_>, read: usize) {
        let asks = |one: &Declared| known(&one.property).is_some() || one.property.contains("animation");
        if !declared.iter().any(asks) {
            return;
        }
        for one in in_list(selector) {
            match MADE.iter().find_map(|(written, made)| Some((one.strip_suffix(written)?, *made))) {
                Some((of, made)) => self.made(of, made, declared, place, read),
                None if !meant(one).is_empty() => {
                    let lifts = declared
                        .iter()
                        .filter(|one| one.property == "z-index")
                        .filter_map(|one| one.value.parse().ok());
                    self.lifted = lifts.chain([self.lifted]).max().unwrap_or_default();
                }
                None => {}
            }
        }
    }

    fn made(&mut self, of: &str, made: &'static str, declared: &[Declared], place: &Place<'_>, read: usize) {
        for meant in meant(of) {
            let cover = self.said.entry((meant.holder, made)).or_default();
            let always = place.holds == Holds::Always && meant.pages == Pages::Every;
            for one in declared {
                cover.varies |= one.property.contains("animation") && one.value != "none";
                let Some(property) = known(&one.property) else { continue };
                cover.varies |= !always;
                let weight = place.weight(one.important, meant.specificity, read);
                if always && cover.values.get(property).is_none_or(|(other, _)| *other <= weight) {
                    cover.values.insert(property, (weight, one.value.clone()));
                    if property == "z-index" {
                        (cover.selector, cover.line) = (place.selector.to_owned(), place.line);
                    }
                }
            }
        }
    }

    /// Those that cover all of the page.
    pub(super) fn hidden(&self) -> Vec<Hiding> {
        let covering = self.said.values().filter(|cover| !cover.varies && cover.covers(self.lifted));
        let told = covering.map(|cover| Hiding {
            selector: cover.selector.clone(),
            declaration: format!("z-index: {}", cover.value("z-index").unwrap_or_default()),
            line: cover.line,
            extent: Extent::Covered,
        });
        told.collect()
    }
}

impl Cover {
    fn value(&self, property: &str) -> Option<&str> {
        self.values.get(property).map(|(_, value)| value.as_str())
    }

    fn covers(&self, lifted: i64) -> bool {
        let height = self.value("z-index").and_then(|height| height.parse::<i64>().ok());
        let is_made = self.value("content").is_some_and(|content| !matches!(content, "none" | "normal"));
        let takes_clicks = self.value("pointer-events").is_none_or(|events| events == "auto")
            && self.value("display") != Some("none")
            && !matches!(self.value("visibility"), Some("hidden" | "collapse"));
        let lies_as_it_says = self.value("transform").is_none_or(|moved| moved == "none")
            && self.value("clip-path").is_none_or(|clip| clip == "none");
        is_made
            && takes_clicks
            && lies_as_it_says
            && self.value("position") == Some("fixed")
            && height.is_some_and(|height| height >= ABOVE_THE_PAGE && height > lifted)
            && self.fills("top", "bottom", "height", ["100vh", "100dvh", "100lvh", "100%"])
            && self.fills("left", "right", "width", ["100vw", "100dvw", "100lvw", "100%"])
    }

    /// From one side to the other, by its sides or by its size.
    fn fills(&self, from: &str, to: &str, size: &str, whole: [&str; 4]) -> bool {
        let at_edge = |side: &str| match self.value(side) {
            Some(length) => is_zero(length),
            None => self.value("inset").is_some_and(|sides| sides.split_whitespace().all(is_zero)),
        };
        let reaches = match self.value(size) {
            Some(length) => whole.contains(&length),
            None => at_edge(to),
        };
        at_edge(from) && reaches
    }
}

fn known(property: &str) -> Option<&'static str> {
    KNOWN.into_iter().find(|known| *known == property)
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
            "body.error::before{content:'';position:fixed;inset:0;z-index:9999}",
            "body::before{content:'';position:absolute;inset:0;z-index:9999}",
            "@media print{body::before{content:'';position:fixed;inset:0;z-index:9999}}",
            ".modal::after{content:'';position:fixed;inset:0;z-index:9999}",
        ] {
            assert!(!is_covered(css), "{css}");
        }
    }
}
