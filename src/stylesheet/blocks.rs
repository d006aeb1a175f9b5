//! The blocks that are open while a stylesheet is read: for which elements, and when, a declaration in them holds. Pure.

use super::comments::without_comments;
use super::conditions::{When, holds};
use super::hiding::selector::in_list;
use super::hiding::{Cascade, Declared, Hiding, Place};
use super::layers::{Layer, Layers};

/// A selector longer than this is no selector but an attack: each `&` stands for all of those around it.
const LONGEST: usize = 4_096;

/// What is open, from the outside in.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    open: Vec<Block>,
    layers: Layers,
    cascade: Cascade,
}

#[derive(Debug)]
struct Block {
    /// Whole, with those around it; none outside of style rules, and where it is too long.
    selector: Option<String>,
    /// As it stands there.
    written: String,
    line: u64,
    when: When,
    /// Empty outside of cascade layers.
    layer: Layer,
    /// The animation of which it is a step.
    animation: Option<String>,
    declared: Vec<Declared>,
}

impl Blocks {
    /// A block begins; `prelude` is what stands before its brace.
    pub(super) fn open(&mut self, at_rule: Option<&str>, prelude: &str, line: u64) {
        let around = self.open.last();
        let (mut when, mut layer) =
            around.map_or((When::ALWAYS, Layer::new()), |around| (around.when, around.layer.clone()));
        let parent = around.and_then(|around| around.selector.as_deref());
        let (selector, written) = match at_rule {
            None => (whole(prelude, parent, around.is_some_and(Block::is_lost)), prelude.to_owned()),
            Some(_) => (parent.map(str::to_owned), around.map(|around| around.written.clone()).unwrap_or_default()),
        };
        let animation = match at_rule {
            Some(name) if name.ends_with("keyframes") => prelude.split_whitespace().last().map(str::to_ascii_lowercase),
            _ => around.and_then(|around| around.animation.clone()),
        };
        if let Some(name) = at_rule {
            when = when.and(holds(name, prelude));
        }
        if at_rule == Some("layer") {
            layer = self.layers.layer(names_after(prelude), &layer);
        }
        self.open.push(Block { selector, written, line, when, layer, animation, declared: Vec::new() });
    }

    /// A declaration of the innermost block.
    pub(super) fn declaration(&mut self, text: &str) {
        if let Some(block) = self.open.last_mut() {
            block.declared.extend(declared(text));
        }
    }

    /// `@layer one, two;` sets the order of layers.
    pub(super) fn layer_statement(&mut self, prelude: &str) {
        let around = self.open.last().map(|block| block.layer.clone()).unwrap_or_default();
        for name in names_after(prelude).split(',') {
            self.layers.layer(name, &around);
        }
    }

    /// The innermost block ends.
    pub(super) fn close(&mut self) {
        let Some(block) = self.open.pop() else { return };
        if let Some(name) = &block.animation {
            self.cascade.step(name, &block.declared);
        }
        let Some(selector) = block.selector.filter(|_| !block.when.is_never()) else { return };
        let place = Place { selector: &block.written, line: block.line, layer: block.layer, when: block.when };
        self.cascade.rule(&selector, &block.declared, &place);
    }

    /// What hides the page in the end.
    pub(super) fn hidden(&self) -> Vec<Hiding> {
        self.cascade.hidden()
    }
}

impl Block {
    /// Within a style rule whose elements are not known.
    fn is_lost(&self) -> bool {
        self.selector.is_none() && !self.written.is_empty()
    }
}

/// What stands after `@layer`.
fn names_after(prelude: &str) -> &str {
    prelude.get("@layer".len()..).unwrap_or_default()
}

/// The selector with that of the rule around it put in; none if nobody knows which elements it means.
fn whole(selector: &str, parent: Option<&str>, is_lost: bool) -> Option<String> {
    let Some(parent) = parent else { return (!is_lost).then(|| selector.to_owned()) };
    let parent = format!(":is({parent})");
    let one = |one: &str| match one {
        one if one.contains('&') => one.replace('&', &parent),
        one => format!("{parent} {one}"),
    };
    let parts: Vec<String> = in_list(selector).into_iter().map(one).collect();
    let text = parts.join(", ");
    (text.len() <= LONGEST).then_some(text)
}

/// `color: red !important` in its parts.
fn declared(text: &str) -> Option<Declared> {
    let text = without_comments(text);
    let (property, value) = text.split_once(':')?;
    let value = value.trim().to_ascii_lowercase();
    let plain = value.rsplit_once('!').filter(|(_, word)| word.trim() == "important").map(|(plain, _)| plain.trim());
    let property = property.trim().to_ascii_lowercase();
    Some(Declared { property, important: plain.is_some(), value: plain.unwrap_or(&value).to_owned() })
}
