//! Which declaration wins for a property of an element that holds everything. Pure.

use std::collections::BTreeMap;

use super::super::conditions::Holds;
use super::HIDING;
use super::holder::{self, Holder};
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

/// How strongly a declaration holds: `!important`, the layer, specificity, and what was read later.
pub(super) type Weight = (bool, usize, holder::Specificity, usize);

/// The declaration that wins for a property of an element.
#[derive(Debug)]
pub(super) struct Winner {
    pub(super) weight: Weight,
    pub(super) value: String,
    pub(super) selector: String,
    pub(super) line: u64,
}

/// What was read so far of the elements that hold everything.
#[derive(Debug, Default)]
pub(in crate::stylesheet) struct Cascade {
    read: usize,
    pub(super) winners: BTreeMap<(Holder, &'static str), Winner>,
    /// What holds on some screens or for some readers, and does not hide.
    pub(super) at_times: BTreeMap<(Holder, &'static str), Weight>,
    pub(super) animated: Vec<Holder>,
}

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
    pub(in crate::stylesheet) fn rule(&mut self, selector: &str, declared: &[Declared], place: &Place<'_>) {
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

    /// What a property of an element comes to; none if no rule that always holds says so.
    pub(super) fn value(&self, holder: Holder, property: &str) -> Option<&str> {
        let all = self.winners.range((holder, "")..).take_while(|(at, _)| at.0 == holder);
        all.into_iter().find(|(at, _)| at.1 == property).map(|(_, winner)| winner.value.as_str())
    }
}

fn is_animation(property: &str) -> bool {
    matches!(property.trim_start_matches("-webkit-"), "animation" | "animation-name")
}
