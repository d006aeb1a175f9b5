//! Where the elements that hold everything lie, and how much room they have: off the screen, without room, clipped away. Pure.

use super::holder::Holder;
use super::layout::Layout;
use super::value::{is_loose, is_zero, moves_off};

/// Properties that move an element, and the one that may set the same.
pub(super) const MOVING: [(&str, &str); 9] = [
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
pub(super) const SIZES: [(&str, &str); 4] =
    [("width", "min-width"), ("max-width", "min-width"), ("height", "min-height"), ("max-height", "min-height")];

/// Those of them that count for positioned elements alone.
pub(super) const OFFSETS: [&str; 5] = ["left", "right", "top", "bottom", "inset"];

const PADDINGS: [&str; 5] = ["padding", "padding-left", "padding-right", "padding-top", "padding-bottom"];

/// The property that can undo what a property does.
pub(super) fn undone_by(property: &str) -> Option<&'static str> {
    let mut pairs = MOVING.into_iter().chain(SIZES);
    pairs.find(|(one, _)| *one == property).map(|(_, other)| other)
}

impl Layout {
    /// The property by which an element lies off the screen: one alone across or one alone along it, since two of one
    /// direction may well cancel one another.
    pub(super) fn moves(&self, holder: Holder) -> Option<&'static str> {
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
                self.value(holder, property).is_some_and(|value| moves_off(property, value))
                    && (is_positioned || !OFFSETS.contains(property))
                    && !is_undone(property, other)
                    && !is_stretched(property)
                    && !self.is_padded_back(holder, property)
                    && !self.may_be_moved_back(holder, property)
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
        property.starts_with("margin")
            && PADDINGS.into_iter().any(|padding| {
                let lengths = self.value(holder, padding).unwrap_or_default();
                lengths.split_whitespace().any(|length| moves_off("top", length))
            })
    }

    /// Another property of the same direction that moves by a share of the width, or by what nobody knows.
    fn may_be_moved_back(&self, holder: Holder, property: &str) -> bool {
        let others = MOVING.into_iter().map(|(name, _)| name).chain(["transform"]);
        others.into_iter().any(|other| {
            let is_same_way = !(is_across(property) && is_along(other) || is_along(property) && is_across(other));
            other != property && is_same_way && self.value(holder, other).is_some_and(is_loose)
        })
    }

    /// The property that leaves an element no width or height, with what flows over cut off. What a body cuts off, its window does.
    pub(super) fn leaves_no_room(&self, holder: Holder) -> Option<&'static str> {
        let value = |property| self.value(holder, property);
        let is_some_length = |property| value(property).is_some_and(|length| !is_zero(length) && length != "none");
        // What is hidden across is cut off along as well; what is clipped is not.
        let cuts = |along: &str| {
            let cut = |property: &str| self.value(holder, property).unwrap_or_default();
            ["overflow", "overflow-x", "overflow-y"].into_iter().any(|property| cut(property).contains("hidden"))
                || ["overflow", along].into_iter().any(|property| cut(property).contains("clip"))
        };
        let padded = PADDINGS.into_iter().any(is_some_length);
        let leaves_flow = self.winners.iter().any(|((inner, property), winner)| {
            *inner > holder && *property == "position" && matches!(winner.value.as_str(), "fixed" | "absolute")
        });
        if holder <= Holder::Body || padded || leaves_flow {
            return None;
        }
        let grows =
            ["flex", "flex-basis", "flex-grow"].into_iter().any(|property| value(property).is_some_and(may_grow));
        let names = SIZES.into_iter().filter(|(size, least)| {
            let may_grow = grows && !size.starts_with("max-");
            let along = if size.ends_with("width") { "overflow-x" } else { "overflow-y" };
            value(size).is_some_and(is_zero) && !is_some_length(least) && !may_grow && cuts(along)
        });
        names.map(|(size, _)| size).next()
    }

    /// `clip`, which counts for positioned elements alone.
    pub(super) fn clips(&self, holder: Holder) -> Option<&'static str> {
        let clip = self.value(holder, "clip")?.strip_prefix("rect(")?.strip_suffix(')')?;
        let sides: Vec<&str> = clip.split([',', ' ']).filter(|side| !side.is_empty()).collect();
        let is_point =
            sides.len() == 4 && (sides.iter().all(|side| is_zero(side)) || sides.iter().all(|side| *side == "1px"));
        let is_positioned = matches!(self.value(holder, "position"), Some("absolute" | "fixed"));
        (is_point && is_positioned).then_some("clip")
    }
}

/// A factor to grow by, or a length to begin with; the factor to shrink by is the second number.
fn may_grow(flex: &str) -> bool {
    let mut words = flex.split_whitespace();
    let grows = words.next().is_some_and(|first| !is_zero(first) && !matches!(first, "none" | "initial"));
    let has_length = |word: &str| !is_zero(word) && word.parse::<f64>().is_err() && word != "auto";
    grows || words.any(has_length)
}

fn is_across(property: &str) -> bool {
    matches!(property, "left" | "right" | "margin-left")
}

fn is_along(property: &str) -> bool {
    matches!(property, "top" | "bottom" | "margin-top")
}
