//! Whether an element that is placed by its sides or its size reaches from one edge of the window to the other. Pure.

use super::layout::physical;
use super::value::{is_zero, parts};

/// One direction of the window, and the properties for it.
#[derive(Debug)]
pub(super) struct Axis {
    from: &'static str,
    to: &'static str,
    size: &'static str,
    largest: &'static str,
    margins: [&'static str; 2],
    /// Units of which a hundred are the whole window.
    whole: [&'static str; 4],
}

pub(super) const AXES: [Axis; 2] = [
    Axis {
        from: "top",
        to: "bottom",
        size: "height",
        largest: "max-height",
        margins: ["margin-top", "margin-bottom"],
        whole: ["%", "vh", "dvh", "lvh"],
    },
    Axis {
        from: "left",
        to: "right",
        size: "width",
        largest: "max-width",
        margins: ["margin-left", "margin-right"],
        whole: ["%", "vw", "dvw", "lvw"],
    },
];

/// Properties that set others, by the side or direction that they are for: top, right, bottom, left.
const SIDES: [(&str, [&str; 4]); 2] = [
    ("inset", ["top", "right", "bottom", "left"]),
    ("margin", ["margin-top", "margin-right", "margin-bottom", "margin-left"]),
];

/// What a declaration says of the properties of [`AXES`]; text runs from left to right and downwards.
pub(super) fn longhands<'v>(property: &str, value: &'v str) -> Vec<(&'static str, &'v str)> {
    for (name, [top, right, bottom, left]) in SIDES {
        let Some(rest) = property.strip_prefix(name) else { continue };
        let [first, second, third, fourth] = each_side(value);
        return match rest {
            "" => vec![(top, first), (right, second), (bottom, third), (left, fourth)],
            "-block" => vec![(top, first), (bottom, second)],
            "-inline" => vec![(left, first), (right, second)],
            "-block-start" | "-top" => vec![(top, value)],
            "-block-end" | "-bottom" => vec![(bottom, value)],
            "-inline-start" | "-left" => vec![(left, value)],
            "-inline-end" | "-right" => vec![(right, value)],
            _ => Vec::new(),
        };
    }
    let physical = physical(property);
    let mut names = AXES.iter().flat_map(|axis| [axis.from, axis.to, axis.size, axis.largest]);
    names.find(|name| *name == physical).map(|name| (name, value)).into_iter().collect()
}

/// The lengths for top, right, bottom and left. Brackets hold spaces of their own, and nobody knows what comes out of them.
fn each_side(value: &str) -> [&str; 4] {
    let mut words = value.split_whitespace().filter(|_| !value.contains('('));
    let first = words.next().unwrap_or(value);
    let second = words.next().unwrap_or(first);
    let third = words.next().unwrap_or(first);
    [first, second, third, words.next().unwrap_or(second)]
}

impl Axis {
    /// From one edge to the other or beyond, by the sides or by the size; `value` gives what is declared for a property.
    pub(super) fn is_filled<'v>(&self, value: impl Fn(&'static str) -> Option<&'v str>) -> bool {
        let said = |property| value(property).filter(|value| !matches!(*value, "auto" | "none"));
        let (from, to) = (said(self.from), said(self.to));
        let fills = match said(self.size) {
            Some(size) => match (self.share(size), from.or(to).and_then(|side| self.share(side))) {
                (Some(size), Some(before)) => before <= 0.0 && size + before >= 100.0,
                _ => false,
            },
            None => [from, to].into_iter().all(|side| side.and_then(parts).is_some_and(|(amount, _)| amount <= 0.0)),
        };
        fills
            && said(self.largest).is_none_or(|most| self.share(most).is_some_and(|share| share >= 100.0))
            && self.margins.into_iter().all(|margin| said(margin).is_none_or(is_zero))
    }

    /// A length as a share of the window in percent.
    fn share(&self, length: &str) -> Option<f64> {
        let (amount, unit) = parts(length)?;
        (amount == 0.0 || self.whole.contains(&unit)).then_some(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fills(declarations: &[(&str, &str)]) -> [bool; 2] {
        let said: Vec<(&str, &str)> =
            declarations.iter().flat_map(|(property, value)| longhands(property, value)).collect();
        let value = |property: &str| said.iter().rev().find(|(name, _)| *name == property).map(|(_, value)| *value);
        AXES.each_ref().map(|axis| axis.is_filled(value))
    }

    #[test]
    fn what_reaches_both_edges_fills() {
        for declarations in [
            &[("inset", "0")][..],
            &[("inset", "-50%")],
            &[("inset-block", "0"), ("inset-inline", "0px 0px")],
            &[("inset", "auto"), ("top", "0"), ("bottom", "0"), ("left", "-1px"), ("right", "0")],
            &[("bottom", "0"), ("right", "0"), ("width", "100%"), ("height", "100dvh")],
            &[("top", "-50%"), ("left", "-50%"), ("width", "200%"), ("height", "200vh"), ("max-width", "none")],
            &[("inset", "0"), ("margin", "auto"), ("inline-size", "auto")],
        ] {
            assert_eq!(fills(declarations), [true; 2], "{declarations:?}");
        }
    }

    #[test]
    fn what_ends_before_an_edge_does_not() {
        for declarations in [
            &[("inset", "calc(1px + 2px)")][..],
            &[("top", "0"), ("left", "0")],
            &[("top", "0"), ("left", "0"), ("width", "100px"), ("height", "50vh")],
            &[("inset", "0"), ("max-height", "4px"), ("max-width", "50%")],
            &[("inset", "0"), ("margin", "10px")],
            &[("left", "-50%"), ("top", "-100vh"), ("width", "100%"), ("height", "100vh")],
            &[("inset", "1px"), ("width", "200vw"), ("height", "200vh")],
        ] {
            assert_eq!(fills(declarations), [false; 2], "{declarations:?}");
        }
        assert_eq!(fills(&[("inset", "0 0 auto")]), [false, true]);
        assert_eq!(fills(&[("inset", "0 0 0 30%")]), [true, false]);
    }
}
