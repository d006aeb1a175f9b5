//! Which values of a property leave nothing to see of an element, or nothing on the screen. Pure.

/// True if the value hides an element and all in it, whatever else is declared for it.
pub(super) fn hides(property: &str, value: &str) -> bool {
    let folded: String = value.chars().filter(|letter| !letter.is_whitespace()).collect();
    match property {
        "display" | "pointer-events" => folded == "none",
        "visibility" => matches!(folded.as_str(), "hidden" | "collapse"),
        "content-visibility" => folded == "hidden",
        "opacity" => is_nothing(&folded),
        "scale" => value.split_whitespace().take(2).any(is_nothing),
        "transform" => functions(value).iter().any(|(name, arguments)| flattens(name, arguments)),
        "filter" => functions(value).iter().any(|(name, arguments)| {
            matches!(*name, "opacity" | "brightness" | "contrast") && arguments.first().copied().is_some_and(is_nothing)
        }),
        "clip-path" => functions(value).iter().any(|(name, arguments)| clips_all(name, arguments)),
        "mask-image" => {
            let masks = functions(value);
            // Each layer of it, and none of which nothing is known.
            !masks.is_empty()
                && masks.len() == value.matches('(').count()
                && masks.iter().all(|(name, arguments)| name.ends_with("gradient") && is_clear(arguments))
        }
        "text-indent" => value.split_whitespace().any(|length| is_far(length, true)),
        _ => false,
    }
}

/// True if the value moves an element off the screen; the other properties that can do so must not move it back.
pub(super) fn moves_off(property: &str, value: &str) -> bool {
    let lengths: Vec<&str> = value.split_whitespace().collect();
    // One value for all sides; top and bottom, right and left; or one for each.
    let (first, second) = (lengths.first().copied().unwrap_or_default(), lengths.get(1).or(lengths.first()).copied());
    let (fourth, second) = (lengths.get(3).copied().or(second), second.unwrap_or_default());
    match property {
        "left" | "right" => is_far(first, true),
        "top" | "bottom" => is_far(first, false),
        "inset" => is_far(first, false) || is_far(second, true) || fourth.is_some_and(|left| is_far(left, true)),
        // A share of the width is a way to set columns side by side.
        "margin-left" | "margin-top" => first.starts_with('-') && !first.ends_with('%') && is_far(first, false),
        "margin" => [Some(first), fourth].into_iter().flatten().any(|length| moves_off("margin-top", length)),
        "translate" => is_far(first, true) || lengths.get(1).is_some_and(|down| is_far(down, false)),
        "transform" => functions(value).iter().any(|(name, arguments)| match (*name, arguments.as_slice()) {
            ("translate" | "translate3d", [across, down, ..]) => is_far(across, true) || is_far(down, false),
            ("translate" | "translatex", [across]) => is_far(across, true),
            ("translatey", [down]) => is_far(down, false),
            _ => false,
        }),
        _ => false,
    }
}

/// True for a value that moves by about the width of what it is in, or by what nobody knows.
pub(super) fn is_loose(value: &str) -> bool {
    const WHOLE: f64 = 90.0;
    let is_whole = |word: &str| {
        let is_share = |unit: &str| matches!(unit, "%" | "vw" | "vh" | "dvw" | "dvh");
        parts(word).is_some_and(|(amount, unit)| amount.abs() >= WHOLE && is_share(unit))
    };
    let is_unknown = ["calc(", "var(", "min(", "max(", "clamp("].into_iter().any(|name| value.contains(name));
    is_unknown || value.split([' ', ',', '(', ')']).any(is_whole)
}

/// True for a length of nothing: `0`, `0px`, `0%`.
pub(super) fn is_zero(length: &str) -> bool {
    parts(length).is_some_and(|(amount, _)| amount == 0.0)
}

/// `-10px` as its number and its unit.
pub(super) fn parts(length: &str) -> Option<(f64, &str)> {
    let number = length.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == '%');
    Some((number.parse().ok()?, &length[number.len()..]))
}

/// A number, or a share in percent, of which nobody sees anything.
fn is_nothing(value: &str) -> bool {
    const LEAST: f64 = 0.03;
    let (number, whole) = value.strip_suffix('%').map_or((value, 1.0), |number| (number, 100.0));
    number.parse::<f64>().is_ok_and(|number| number.abs() / whole < LEAST)
}

/// True for a length beyond any screen. A share of the screen or of the element itself counts across alone: a page may well
/// be longer than a screen is high.
fn is_far(length: &str, across: bool) -> bool {
    const FAR: f64 = 2_000.0;
    let Some((amount, unit)) = parts(length) else { return false };
    match unit {
        "px" => amount.abs() >= FAR,
        "em" | "rem" => amount.abs() * 16.0 >= FAR,
        "vw" | "dvw" | "svw" | "lvw" | "%" => amount.abs() >= if across { 100.0 } else { FAR },
        _ => false,
    }
}

/// Transforms that leave a line or a point.
fn flattens(name: &str, arguments: &[&str]) -> bool {
    let is_edge_on = |angle: &&str| matches!(*angle, "90deg" | "-90deg" | "270deg" | "0.25turn" | ".25turn");
    match name {
        "scale" | "scale3d" => arguments.iter().take(2).copied().any(is_nothing),
        "scalex" | "scaley" => arguments.first().copied().is_some_and(is_nothing),
        "rotatex" | "rotatey" => arguments.first().is_some_and(is_edge_on),
        _ => false,
    }
}

fn clips_all(name: &str, arguments: &[&str]) -> bool {
    let words: Vec<&str> = arguments.iter().flat_map(|argument| argument.split_whitespace()).collect();
    match name {
        "circle" => words.first().copied().is_some_and(is_zero),
        "ellipse" => words.iter().take(2).copied().any(is_zero),
        "rect" => words.len() >= 4 && words.iter().take(4).copied().all(is_zero),
        "xywh" => words.iter().skip(2).take(2).copied().any(is_zero),
        "polygon" => {
            let corners = arguments.iter().map(|corner| corner.split_whitespace().filter_map(parts));
            let corners: Vec<Vec<_>> =
                corners.map(Iterator::collect).filter(|corner: &Vec<_>| !corner.is_empty()).collect();
            let is_line = |at: usize| corners.windows(2).all(|two| two[0].get(at) == two[1].get(at));
            !corners.is_empty() && corners.iter().all(|corner| corner.len() == 2) && (is_line(0) || is_line(1))
        }
        "inset" => {
            let sides: Vec<&str> = words.into_iter().take_while(|word| *word != "round").collect();
            let side = |index: usize, opposite: Option<usize>| {
                let length = sides.get(index).or_else(|| sides.get(opposite?)).or_else(|| sides.first())?;
                length
                    .strip_suffix('%')
                    .map_or_else(|| is_zero(length).then_some(0.0), |share| share.parse::<f64>().ok())
            };
            let sum =
                |one: Option<f64>, other: Option<f64>| one.zip(other).is_some_and(|(one, other)| one + other >= 100.0);
            sum(side(0, None), side(2, Some(0))) || sum(side(1, None), side(3, Some(1)))
        }
        _ => false,
    }
}

/// True for a gradient that goes from nothing to nothing.
fn is_clear(stops: &[&str]) -> bool {
    let is_nothing = |stop: &&str| {
        let colour = stop.split_whitespace().next().unwrap_or_default();
        let digits = colour.strip_prefix('#').unwrap_or_default();
        let is_see_through = digits.len() == 4 && digits.ends_with('0') || digits.len() == 8 && digits.ends_with("00");
        colour == "transparent" || is_see_through
    };
    let says_where = |stop: &&str| stop.starts_with("to ") || stop.ends_with("deg") || stop.ends_with("turn");
    let mut colours = stops.iter().filter(|stop| !says_where(stop)).peekable();
    colours.peek().is_some() && colours.all(is_nothing)
}

/// `translate(1px, 2px) scale(0)` as names and arguments; nothing of what has brackets within brackets.
fn functions(value: &str) -> Vec<(&str, Vec<&str>)> {
    let calls = value.split_inclusive(')').filter_map(|call| {
        let (name, arguments) = call.trim().strip_suffix(')')?.split_once('(')?;
        (!arguments.contains('(')).then(|| (name.trim(), arguments.split(',').map(str::trim).collect()))
    });
    calls.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_leave_nothing_to_see() {
        for (property, value) in [
            ("opacity", ".02"),
            ("scale", "1 0"),
            ("transform", "rotate(3deg) scale(0)"),
            ("transform", "scalex(0)"),
            ("transform", "scale(0, 0)"),
            ("transform", "rotatey(90deg)"),
            ("filter", "blur(2px) opacity(0%)"),
            ("filter", "brightness(0)"),
            ("clip-path", "inset(0 0 100% 0)"),
            ("clip-path", "inset(50% round 4px)"),
            ("clip-path", "circle(0px at center)"),
            ("clip-path", "polygon(0 0, 0 0, 0 0)"),
            ("clip-path", "polygon(evenodd, 0 50%, 100% 50%, 50% 50%)"),
            ("clip-path", "rect(0 0 0 0)"),
            ("clip-path", "xywh(0 0 100% 0)"),
            ("mask-image", "linear-gradient(transparent, transparent)"),
            ("mask-image", "linear-gradient(to right, #0000 10%, #ffffff00), radial-gradient(transparent, #0000)"),
            ("mask-image", "conic-gradient(transparent 0 100%) center / cover no-repeat"),
            ("text-indent", "-9999px"),
        ] {
            assert!(hides(property, value), "{property}: {value}");
        }
        for (property, value) in [
            ("opacity", ".05"),
            ("scale", "1"),
            ("transform", "scale(.9) translatex(calc(0px))"),
            ("transform", "scalez(0)"),
            ("filter", "brightness(.95) contrast(1.1) grayscale(0)"),
            ("filter", "drop-shadow(0 0 0 #000)"),
            ("clip-path", "inset(0 round 8px)"),
            ("clip-path", "inset(10% 20%)"),
            ("clip-path", "polygon(0 0, 100% 0, 100% 100%)"),
            ("clip-path", "polygon(0 0, calc(1px) 0, 0 0)"),
            ("clip-path", "rect(0 auto auto 0)"),
            ("mask-image", "none"),
            ("mask-image", "linear-gradient(#000, transparent)"),
            ("mask-image", "linear-gradient(#000000, #100)"),
            ("mask-image", "linear-gradient(rgba(0, 0, 0, 0), #0000)"),
            ("mask-image", "linear-gradient(transparent, transparent), url(a.svg)"),
            ("mask-image", "linear-gradient(transparent, transparent), linear-gradient(rgb(0 0 0 / 1), #000)"),
            ("mask-image", "url(a.svg)"),
            ("text-indent", "-1em"),
        ] {
            assert!(!hides(property, value), "{property}: {value}");
        }
    }

    #[test]
    fn lengths_that_lead_off_the_screen() {
        for (property, value) in [
            ("left", "-9999px"),
            ("right", "100vw"),
            ("top", "-10000px"),
            ("inset", "0 auto auto -999em"),
            ("margin-left", "-9999px"),
            ("margin", "-5000px 0 0"),
            ("translate", "-200vw 0"),
            ("transform", "translatex(-100vw)"),
            ("transform", "translate(0, -9999px)"),
        ] {
            assert!(moves_off(property, value), "{property}: {value}");
        }
        for (property, value) in [
            ("left", "50%"),
            ("top", "100%"),
            ("inset", "0"),
            ("inset", "0 auto 0 -300px"),
            ("margin", "0 auto"),
            ("margin-left", "-100%"),
            ("margin-left", "calc(50% - 50vw)"),
            ("translate", "-50%"),
            ("transform", "translate(-50%, -50%)"),
            ("transform", "translatey(-100%)"),
        ] {
            assert!(!moves_off(property, value), "{property}: {value}");
        }
    }
}
