//! Custom properties: what `var(--x)` comes to on an element that holds everything. Pure.
//!
//! A property that is set at times, or on elements of which nobody knows whether they are among those, comes to nothing certain.

use std::collections::BTreeMap;

use super::cascade::{Aim, Declared, Place, Weight};
use super::holder::{Holder, Pages, is_within};

/// The custom properties that were read so far.
#[derive(Debug, Default)]
pub(super) struct Variables {
    known: BTreeMap<String, Variable>,
}

#[derive(Debug, Default)]
struct Variable {
    /// By the element that it is set on.
    values: BTreeMap<Holder, (Weight, String)>,
    is_doubtful: bool,
}

impl Variables {
    /// Takes in a rule whose elements are known, and where what it says is said of them `always`.
    pub(super) fn rule(&mut self, aim: &Aim, declared: &[Declared], place: &Place<'_>, always: bool, read: usize) {
        for (index, one) in declared.iter().enumerate().filter(|(_, one)| is_custom(one)) {
            let variable = self.known.entry(one.property.clone()).or_default();
            for meant in &aim.holders {
                // What stands in the outermost element of the web app stands in it in each layout.
                variable.is_doubtful |= !always || meant.pages != Pages::Every || meant.holder > Holder::Ui;
                let weight = place.weight(one.important, meant.specificity, read + index);
                if variable.values.get(&meant.holder).is_none_or(|(other, _)| *other <= weight) {
                    variable.values.insert(meant.holder, (weight, one.value.clone()));
                }
            }
        }
    }

    /// Takes in declarations for who knows what.
    pub(super) fn doubt(&mut self, declared: &[Declared]) {
        for one in declared.iter().filter(|one| is_custom(one)) {
            self.known.entry(one.property.clone()).or_default().is_doubtful = true;
        }
    }

    /// A value with what is known put in the place of each `var()`; none if something of it is not.
    pub(super) fn put_into(&self, value: &str, holder: Holder) -> Option<String> {
        self.put_in(value, holder, 0)
    }

    fn put_in(&self, value: &str, holder: Holder, depth: u32) -> Option<String> {
        const DEEPEST: u32 = 5;
        let Some((before, rest)) = value.split_once("var(") else { return Some(value.to_owned()) };
        let (name, after) = rest.split_once(')').filter(|_| depth < DEEPEST)?;
        // What stands after a comma counts only where the property is not set.
        let name = name.split_once(',').map_or(name, |(name, _)| name).trim();
        let variable = self.known.get(name).filter(|variable| !variable.is_doubtful)?;
        let mut outwards = variable.values.iter().rev();
        let (on, (_, set)) = outwards.find(|(on, _)| **on == holder || is_within(holder, **on))?;
        let set = self.put_in(set, *on, depth + 1)?;
        self.put_in(&format!("{before}{set}{after}"), holder, depth + 1)
    }
}

/// Whether any of the declarations is of a custom property.
pub(super) fn are_set(declared: &[Declared]) -> bool {
    declared.iter().any(is_custom)
}

fn is_custom(declared: &Declared) -> bool {
    declared.property.starts_with("--")
}

#[cfg(test)]
mod tests {
    use crate::stylesheet::Sheet;

    #[test]
    fn a_variable_counts_if_all_that_is_said_of_it_is_certain() {
        for css in [
            ":root{--d:none}body{display:var(--d)}",
            "body{--d:none;display:var( --d , block )}",
            ".ui{transform:var(--t)}:root{--n:0;--t:scale(var(--n))}",
            "html{--v:visible}body{--v:hidden}.ui{visibility:var(--v)}",
            "html{--d:block}html{--d:none!important}html{--d:flex}.admin-wrapper{display:var(--d)}",
            ":root{--left:-9999px}.ui{position:absolute;inset-inline-start:var(--left)}",
        ] {
            assert_eq!(Sheet::read(css).hidden.len(), 1, "{css}");
        }
        for css in [
            ":root{--d:none}body{--d:block;display:var(--d)}",
            ":root{--d:none}.theme-x{--d:block}body{display:var(--d)}",
            ":root{--d:none}.x,body .x{--d:block}body{display:var(--d)}",
            ":root{--d:none}@media (hover:hover){:root{--d:block}}body{display:var(--d)}",
            ":root{--d:block}@media (hover:hover){:root{--d:none}}body{display:var(--d)}",
            ":root{--d:block}html[dir=rtl]{--d:none}body{display:var(--d)}",
            ":root{--d:none}@keyframes in{to{--d:block}}body{display:var(--d)}",
            ":root{--d:none}:is(body,.x){--d:block}body{display:var(--d)}",
            ".x{--d:none}body{display:var(--d)}",
            ".columns-area__panels{--d:none}.columns-area{display:var(--d)}",
            ".ui{--d:none}.admin-wrapper{display:var(--d)}",
            "body{display:var(--d,none)}",
            ":root{--a:var(--b);--b:var(--a)}body{display:var(--a)}",
            ":root{--d:none}body{--e:var(--d);display:flex}",
        ] {
            assert_eq!(Sheet::read(css).hidden, [], "{css}");
        }
    }
}
