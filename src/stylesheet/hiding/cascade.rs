//! Which declaration wins for a property of an element that holds everything. Pure.

use std::collections::BTreeMap;

use super::super::conditions::Holds;
use super::HIDING;
use super::cover::Covers;
use super::holder::{self, Holder, Pages};
use super::placement::{MOVING, SIZES};
use super::value::{hides, moves_off};

/// A declaration as the reader has it.
#[derive(Debug, Clone)]
pub(in crate::stylesheet) struct Declared {
    pub(in crate::stylesheet) property: String,
    pub(in crate::stylesheet) value: String,
    pub(in crate::stylesheet) important: bool,
}

/// Where a rule stands, and when it holds.
#[derive(Debug)]
pub(in crate::stylesheet) struct Place<'sheet> {
    /// Its selector, as it is written.
    pub(in crate::stylesheet) selector: &'sheet str,
    pub(in crate::stylesheet) line: u64,
    /// Its cascade layer, counted from nought; none outside of layers.
    pub(in crate::stylesheet) layer: Option<usize>,
    pub(in crate::stylesheet) holds: Holds,
}

impl Place<'_> {
    /// How strongly a declaration of its rule holds. Layers win over those before them, and what stands in none over all; with
    /// `!important` it is the other way round.
    pub(super) fn weight(&self, important: bool, specificity: holder::Specificity, read: usize) -> Weight {
        let layer = self.layer.unwrap_or(usize::MAX);
        (important, if important { usize::MAX - layer } else { layer }, specificity, read)
    }
}

/// How strongly a declaration holds: `!important`, the layer, specificity, and what was read later.
pub(super) type Weight = (bool, usize, holder::Specificity, usize);

/// The declaration that wins for a property of an element.
#[derive(Debug)]
pub(super) struct Winner {
    pub(super) weight: Weight,
    /// Its property as it is written: `inset-inline-start` for `left`.
    pub(super) written: String,
    pub(super) value: String,
    pub(super) selector: String,
    pub(super) line: u64,
}

/// What was read so far of the elements that hold everything.
#[derive(Debug, Default)]
pub(in crate::stylesheet) struct Cascade {
    read: usize,
    /// What holds whatever the web app looks like.
    pub(super) any: Layout,
    /// What holds where it shows one column.
    pub(super) one_column: Layout,
    /// What is laid over everything.
    pub(super) covers: Covers,
}

/// The declarations for those elements in one layout of the web app.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) winners: BTreeMap<(Holder, &'static str), Winner>,
    /// What holds on some screens or for some readers, and does not hide.
    pub(super) at_times: BTreeMap<(Holder, &'static str), Weight>,
    pub(super) animated: Vec<Holder>,
}

/// Properties that are asked for besides.
const OTHERS: [&str; 12] = [
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
    "flex-grow",
];

/// Properties by the direction of what is written, and those that they set where that is from left to right and downwards.
const LOGICAL: [(&str, &str); 18] = [
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
];

/// The property that sets the same where text runs from left to right and downwards.
pub(super) fn physical(property: &str) -> &str {
    LOGICAL.iter().find(|(logical, _)| *logical == property).map_or(property, |(_, physical)| physical)
}

/// The property by its name here, if it is one of those that are looked at.
fn known(property: &str) -> Option<&'static str> {
    let physical = physical(property);
    let moving = MOVING.iter().map(|(name, _)| *name);
    let sizes = SIZES.iter().map(|(name, _)| *name);
    let least = SIZES.iter().map(|(_, least)| *least);
    let mut all = HIDING.into_iter().chain(moving).chain(sizes).chain(least).chain(OTHERS);
    all.find(|known| *known == physical)
}

impl Cascade {
    /// Takes in a step of an animation.
    pub(in crate::stylesheet) fn step(&mut self, animation: &str, declared: &[Declared]) {
        self.covers.step(animation, declared);
    }

    /// Takes in a rule that holds always or at times.
    pub(in crate::stylesheet) fn rule(&mut self, selector: &str, declared: &[Declared], place: &Place<'_>) {
        self.read += 1;
        self.covers.rule(selector, declared, place, self.read);
        let is_looked_at = |one: &Declared| known(&one.property).is_some() || is_animation(&one.property);
        if !declared.iter().any(is_looked_at) {
            return;
        }
        for meant in holder::meant(selector) {
            let holds = |pages: &[Pages]| place.holds == Holds::Always && pages.contains(&meant.pages);
            for declaration in declared {
                self.read += 1;
                let stated = Stated { holder: meant.holder, specificity: meant.specificity, read: self.read, place };
                self.any.declaration(declaration, &stated, holds(&[Pages::Every]));
                if meant.pages != Pages::SeveralColumns {
                    let always = holds(&[Pages::Every, Pages::OneColumn]);
                    self.one_column.declaration(declaration, &stated, always);
                }
            }
        }
    }
}

/// Of what a declaration is, and where it stands.
struct Stated<'place> {
    holder: Holder,
    specificity: holder::Specificity,
    read: usize,
    place: &'place Place<'place>,
}

impl Layout {
    fn declaration(&mut self, declared: &Declared, stated: &Stated<'_>, always: bool) {
        let Stated { holder, specificity, read, place } = *stated;
        let Some(property) = known(&declared.property) else {
            if is_animation(&declared.property) && declared.value != "none" {
                self.animated.push(holder);
            }
            return;
        };
        let weight = place.weight(declared.important, specificity, read);
        let value = declared.value.clone();
        if !always {
            if !hides(property, &value) && !moves_off(property, &value) {
                let strongest = self.at_times.entry((holder, property)).or_insert(weight);
                *strongest = weight.max(*strongest);
            }
            return;
        }
        let (selector, line, written) = (place.selector.to_owned(), place.line, declared.property.clone());
        let winner = Winner { weight, written, value, selector, line };
        match self.winners.get(&(holder, property)) {
            Some(other) if other.weight > weight => {}
            _ => drop(self.winners.insert((holder, property), winner)),
        }
    }

    /// What a property of an element comes to; none if no rule that always holds says so.
    pub(super) fn value(&self, holder: Holder, property: &str) -> Option<&str> {
        let all = self.winners.range((holder, "")..).take_while(|(at, _)| at.0 == holder);
        all.into_iter().find(|(at, _)| at.1 == property).map(|(_, winner)| winner.value.as_str())
    }
}

fn is_animation(property: &str) -> bool {
    matches!(property.trim_start_matches("-webkit-"), "animation" | "animation-name")
}
