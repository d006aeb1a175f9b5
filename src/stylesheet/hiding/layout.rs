//! Which declaration wins for a property of an element that holds everything. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::HIDING;
use super::cascade::{Declared, Place, Weight};
use super::holder::Holder;
use super::placement::{MOVING, SIZES};
use super::value::{hides, moves_off};
use super::variables::Variables;

/// The declaration that wins for a property of an element.
#[derive(Debug, Clone)]
pub(super) struct Winner {
    pub(super) weight: Weight,
    /// As it is written: `inset-inline-start: var(--x)`.
    pub(super) written: String,
    pub(super) value: String,
    pub(super) selector: String,
    pub(super) line: u64,
}

/// The declarations for those elements in one layout of the web app.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    pub(super) winners: BTreeMap<(Holder, &'static str), Winner>,
    /// What holds on some screens or for some readers, and does not hide.
    pub(super) at_times: BTreeMap<(Holder, &'static str), Weight>,
    pub(super) animated: Vec<Holder>,
}

/// Properties that are asked for besides.
const OTHERS: [&str; 13] = [
    "position",
    "clip",
    "overflow",
    "overflow-x",
    "overflow-y",
    "padding",
    "padding-top",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "flex",
    "flex-basis",
    "flex-grow",
];

/// Properties that set another one: those by the direction of what is written, where that is from left to right and downwards.
const SAME: [(&str, &str); 19] = [
    ("inset-inline", "left"),
    ("inset-inline-start", "left"),
    ("inset-inline-end", "right"),
    ("inset-block", "top"),
    ("inset-block-start", "top"),
    ("inset-block-end", "bottom"),
    ("margin-inline", "margin-left"),
    ("margin-inline-start", "margin-left"),
    ("margin-block", "margin-top"),
    ("margin-block-start", "margin-top"),
    ("padding-inline", "padding-left"),
    ("padding-block", "padding-top"),
    ("inline-size", "width"),
    ("block-size", "height"),
    ("max-inline-size", "max-width"),
    ("max-block-size", "max-height"),
    ("min-inline-size", "min-width"),
    ("min-block-size", "min-height"),
    ("mask", "mask-image"),
];

/// The property that sets the same where text runs from left to right and downwards.
pub(super) fn physical(property: &str) -> &str {
    let property = property.strip_prefix("-webkit-").unwrap_or(property);
    SAME.iter().find(|(other, _)| *other == property).map_or(property, |(_, physical)| physical)
}

/// All properties that are looked at.
pub(super) fn looked_at() -> impl Iterator<Item = &'static str> {
    let moving = MOVING.iter().map(|(name, _)| *name);
    let sizes = SIZES.iter().flat_map(|(name, least)| [*name, *least]);
    HIDING.into_iter().chain(moving).chain(sizes).chain(OTHERS)
}

impl Layout {
    /// Takes in a declaration; what does not always hold may undo others.
    pub(super) fn declaration(
        &mut self,
        holder: Holder,
        declared: &Declared,
        weight: Weight,
        place: &Place<'_>,
        always: bool,
    ) {
        let physical = physical(&declared.property);
        let Some(property) = looked_at().find(|known| *known == physical) else {
            if matches!(physical, "animation" | "animation-name") && declared.value != "none" {
                self.animated.push(holder);
            }
            return;
        };
        let value = declared.value.clone();
        if !always {
            if !hides(property, &value) && !moves_off(property, &value) {
                let strongest = self.at_times.entry((holder, property)).or_insert_with(|| weight.clone());
                if *strongest < weight {
                    *strongest = weight;
                }
            }
            return;
        }
        if self.winners.get(&(holder, property)).is_none_or(|other| other.weight <= weight) {
            let written = format!("{}: {value}", declared.property);
            let (selector, line) = (place.selector.to_owned(), place.line);
            self.winners.insert((holder, property), Winner { weight, written, value, selector, line });
        }
    }

    /// The same, with what is known of custom properties put in.
    pub(super) fn settled(&self, variables: &Variables) -> Cow<'_, Self> {
        if !self.winners.values().any(|winner| winner.value.contains("var(")) {
            return Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        for ((holder, _), winner) in &mut settled.winners {
            winner.value = variables.put_into(&winner.value, *holder).unwrap_or_else(|| winner.value.clone());
        }
        Cow::Owned(settled)
    }

    /// What a property of an element comes to; none if no rule that always holds says so.
    pub(super) fn value(&self, holder: Holder, property: &str) -> Option<&str> {
        let all = self.winners.range((holder, "")..).take_while(|(at, _)| at.0 == holder);
        all.into_iter().find(|(at, _)| at.1 == property).map(|(_, winner)| winner.value.as_str())
    }
}
