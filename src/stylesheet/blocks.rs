//! The blocks that are open while a stylesheet is read: for which elements, and when, a declaration in them holds. Pure.

use std::collections::HashMap;

use super::comments::without_comments;
use super::conditions::{Holds, holds};
use super::hiding::holder::in_list;
use super::hiding::{Cascade, Declared, Hiding, Place};

/// A selector longer than this is no selector but an attack: each `&` stands for all of those around it.
const LONGEST: usize = 4_096;

/// What is open, from the outside in.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    open: Vec<Block>,
    /// The names of the cascade layers, in the order in which they were first heard of.
    layers: Vec<String>,
    /// Where in that order a name stands.
    places: HashMap<String, usize>,
    cascade: Cascade,
}

#[derive(Debug)]
struct Block {
    /// Whole, with those around it; none outside of style rules, and where it is too long.
    selector: Option<String>,
    /// As it stands there.
    written: String,
    line: u64,
    holds: Holds,
    layer: Option<usize>,
    /// The animation of which it is a step.
    animation: Option<String>,
    declared: Vec<Declared>,
}

impl Blocks {
    /// A block begins; `prelude` is what stands before its brace.
    pub(super) fn open(&mut self, at_rule: Option<&str>, prelude: &str, line: u64) {
        let around = self.open.last();
        let (mut when, mut layer) = around.map_or((Holds::Always, None), |around| (around.holds, around.layer));
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
            when = when.max(holds(name, prelude));
        }
        if at_rule == Some("layer") {
            layer = Some(self.layer(prelude.get("@layer".len()..).unwrap_or_default().trim(), layer));
        }
        self.open.push(Block { selector, written, line, holds: when, layer, animation, declared: Vec::new() });
    }

    /// A declaration of the innermost block.
    pub(super) fn declaration(&mut self, text: &str) {
        if let Some(block) = self.open.last_mut() {
            block.declared.extend(declared(text));
        }
    }

    /// `@layer one, two;` sets the order of layers.
    pub(super) fn layer_statement(&mut self, prelude: &str) {
        let around = self.open.last().and_then(|block| block.layer);
        for name in prelude.get("@layer".len()..).unwrap_or_default().split(',') {
            self.layer(name.trim(), around);
        }
    }

    /// The innermost block ends.
    pub(super) fn close(&mut self) {
        let Some(block) = self.open.pop() else { return };
        if let Some(name) = &block.animation {
            self.cascade.step(name, &block.declared);
        }
        let Some(selector) = block.selector.filter(|_| block.holds != Holds::Never) else { return };
        let place = Place { selector: &block.written, line: block.line, layer: block.layer, holds: block.holds };
        self.cascade.rule(&selector, &block.declared, &place);
    }

    /// What hides the page in the end.
    pub(super) fn hidden(&self) -> Vec<Hiding> {
        self.cascade.hidden()
    }

    fn layer(&mut self, name: &str, around: Option<usize>) -> usize {
        let outer = around.and_then(|around| self.layers.get(around)).map_or("", String::as_str);
        let full = format!("{outer}.{name}");
        if let Some(known) = self.places.get(&full).filter(|_| !name.is_empty()) {
            return *known;
        }
        let next = self.layers.len();
        self.places.insert(full.clone(), next);
        self.layers.push(full);
        next
    }
}

impl Block {
    /// Within a style rule whose elements are not known.
    fn is_lost(&self) -> bool {
        self.selector.is_none() && !self.written.is_empty()
    }
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
