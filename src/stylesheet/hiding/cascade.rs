//! What a stylesheet says of the elements that hold everything, rule by rule, for each viewer. Pure.

use std::borrow::Cow;

use super::super::conditions::{Holds, Viewer, When};
use super::super::layers::Layer;
use super::cover::{self, Covers};
use super::holder::{Meant, Pages, meant};
use super::layout::{Layout, looked_at};
use super::selector::{Specificity, in_list};
use super::variables::{self, Variables};
use super::{Extent, Hiding};

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
    /// Its cascade layer; empty outside of layers.
    pub(in crate::stylesheet) layer: Layer,
    pub(in crate::stylesheet) when: When,
}

impl Place<'_> {
    /// How strongly a declaration of its rule holds. Layers win over those before them, and what stands right in one over those
    /// within it; with `!important` it is the other way round.
    pub(super) fn weight(&self, important: bool, specificity: Specificity, read: usize) -> Weight {
        let places = self.layer.iter().copied().chain([usize::MAX]);
        let layer = places.map(|place| if important { usize::MAX - place } else { place }).collect();
        (important, layer, specificity, read)
    }
}

/// How strongly a declaration holds: `!important`, the layer, specificity, and what was read later.
pub(super) type Weight = (bool, Layer, Specificity, usize);

/// What was read so far of the elements that hold everything.
#[derive(Debug, Default)]
pub(in crate::stylesheet) struct Cascade {
    read: usize,
    /// In the order of [`Viewer::ALL`].
    views: [View; Viewer::ALL.len()],
    /// Links say for themselves that they can be clicked.
    links: bool,
}

/// What holds for one viewer.
#[derive(Debug, Default)]
struct View {
    /// Whatever the web app looks like.
    any: Layout,
    /// Where it shows one column.
    one_column: Layout,
    /// What is laid over everything.
    covers: Covers,
    variables: Variables,
}

/// What a selector list is aimed at.
#[derive(Debug)]
pub(super) struct Aim {
    pub(super) holders: Vec<Meant>,
    /// The pseudo-elements that they bear.
    pub(super) made: Vec<(Meant, &'static str)>,
}

impl Aim {
    fn of(selector: &str) -> Self {
        Self { holders: meant(selector), made: cover::made(selector) }
    }

    /// Nothing else may be meant.
    fn is_all_of(selector: &str) -> bool {
        let is_unknown = |one: &str| one.contains('(') || meant(one).is_empty() && cover::made(one).is_empty();
        !in_list(selector).into_iter().any(is_unknown)
    }
}

impl Cascade {
    /// Takes in a step of an animation.
    pub(in crate::stylesheet) fn step(&mut self, animation: &str, declared: &[Declared]) {
        for view in &mut self.views {
            view.covers.step(animation, declared);
            view.variables.doubt(declared);
        }
    }

    /// Takes in a rule.
    pub(in crate::stylesheet) fn rule(&mut self, selector: &str, declared: &[Declared], place: &Place<'_>) {
        let clicks = |one: &Declared| one.property == "pointer-events" && one.value != "none";
        self.links |= declared.iter().any(clicks) && in_list(selector).iter().any(|one| matches!(*one, "a" | "button"));
        let aim = Aim::of(selector);
        if variables::are_set(declared) && !Aim::is_all_of(selector) {
            self.views.iter_mut().for_each(|view| view.variables.doubt(declared));
        }
        if aim.holders.is_empty() && aim.made.is_empty() {
            return;
        }
        let declared = spelled_out(declared);
        for (viewer, view) in Viewer::ALL.into_iter().zip(&mut self.views) {
            match place.when.of(viewer) {
                Holds::Never => {}
                holds => view.rule(&aim, &declared, place, holds == Holds::Always, self.read),
            }
        }
        self.read += declared.len();
    }

    /// What hides everything in the end, the worst first.
    pub(in crate::stylesheet) fn hidden(&self) -> Vec<Hiding> {
        let mut told: Vec<Hiding> = Vec::new();
        for (viewer, view) in Viewer::ALL.into_iter().zip(&self.views) {
            for mut one in view.hidden() {
                one.viewer = viewer;
                let is_same = |other: &Hiding| other.line == one.line && other.declaration == one.declaration;
                let is_undone = one.extent == Extent::Clicks && self.links;
                if !is_undone && !told.iter().any(is_same) {
                    told.push(one);
                }
            }
        }
        told
    }
}

impl View {
    fn rule(&mut self, aim: &Aim, declared: &[Declared], place: &Place<'_>, always: bool, read: usize) {
        self.covers.rule(aim, declared, place, always, read);
        self.variables.rule(aim, declared, place, always, read);
        for meant in &aim.holders {
            let holds = |pages: &[Pages]| always && pages.contains(&meant.pages);
            for (index, one) in declared.iter().enumerate() {
                let weight = place.weight(one.important, meant.specificity, read + index);
                self.any.declaration(meant.holder, one, weight.clone(), place, holds(&[Pages::Every]));
                if meant.pages != Pages::SeveralColumns {
                    let always = holds(&[Pages::Every, Pages::OneColumn]);
                    self.one_column.declaration(meant.holder, one, weight, place, always);
                }
            }
        }
    }

    fn hidden(&self) -> Vec<Hiding> {
        let mut hidden = self.any.settled(&self.variables).hidden();
        let mut more = self.one_column.settled(&self.variables).hidden();
        more.iter_mut().filter(|one| one.extent == Extent::Page).for_each(|one| one.extent = Extent::OneColumn);
        hidden.extend(more);
        hidden.extend(self.covers.hidden());
        hidden
    }
}

/// `all: unset` as a declaration for each property that is looked at.
fn spelled_out(declared: &[Declared]) -> Cow<'_, [Declared]> {
    if !declared.iter().any(|one| one.property == "all") {
        return Cow::Borrowed(declared);
    }
    let each = |one: &Declared| match one.property.as_str() {
        "all" => looked_at().map(|name| Declared { property: name.to_owned(), ..one.clone() }).collect(),
        _ => vec![one.clone()],
    };
    declared.iter().flat_map(each).collect()
}
