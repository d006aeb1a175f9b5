//! Whether what stands in an at-rule's block holds on every screen. Pure.

/// When the rules of a block hold, for somebody who looks at a page on a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// On every screen, in every browser.
    Always,
    /// On some screens, or in some browsers, or that is not known.
    Sometimes,
    /// Never on a screen, or they are no rules for elements: `@media print`, `@keyframes`.
    Never,
}

/// When the block of an at-rule holds; `prelude` is what stands before its brace, the `@` and its name included.
pub(super) fn holds(at_rule: &str, prelude: &str) -> Holds {
    let condition = prelude.get(at_rule.len() + 1..).unwrap_or_default().trim().to_ascii_lowercase();
    match at_rule {
        "layer" => Holds::Always,
        "media" => media(&condition),
        "supports" if is_supported(&condition) => Holds::Always,
        "supports" | "container" | "scope" | "document" | "-moz-document" | "when" | "else" => Holds::Sometimes,
        _ => Holds::Never,
    }
}

/// The one of a list that holds most often.
fn media(queries: &str) -> Holds {
    queries.split(',').map(|query| one_query(query.trim())).min().unwrap_or(Holds::Always)
}

fn one_query(query: &str) -> Holds {
    // `not` denies the whole of a query: `not all and (min-width: 600px)`.
    if query.starts_with("not ") && query.contains(" and ") {
        return Holds::Sometimes;
    }
    let mut parts = query.split(" and ").map(str::trim);
    let first = parts.next().unwrap_or_default();
    let kind = match first.strip_prefix("only ").unwrap_or(first).trim() {
        "" | "all" | "screen" | "not print" | "not speech" => Holds::Always,
        "print" | "speech" | "tty" | "tv" | "projection" | "handheld" | "braille" | "not all" | "not screen" => {
            Holds::Never
        }
        feature => feature_holds(feature),
    };
    parts.map(feature_holds).fold(kind, Holds::max)
}

/// No screen is narrower than this, in CSS pixels.
const NARROWEST: f64 = 100.0;

/// No screen is wider than this.
const WIDEST: f64 = 9_000.0;

fn feature_holds(feature: &str) -> Holds {
    let Some(inner) = feature.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
        return Holds::Sometimes;
    };
    let inner: String = inner.chars().filter(|letter| !letter.is_whitespace()).collect();
    let least = ["min-width:", "min-height:", "width>=", "width>", "height>=", "height>"];
    let most = ["max-width:", "max-height:", "width<=", "width<", "height<=", "height<"];
    let size = |beginnings: &[&str]| beginnings.iter().find_map(|one| inner.strip_prefix(one)).and_then(pixels);
    match (size(&least), size(&most)) {
        (Some(least), _) if least <= NARROWEST => Holds::Always,
        (_, Some(most)) if most >= WIDEST => Holds::Always,
        (Some(least), _) if least > WIDEST => Holds::Never,
        (_, Some(most)) if most <= 0.0 => Holds::Never,
        _ => Holds::Sometimes,
    }
}

fn pixels(length: &str) -> Option<f64> {
    let number = length.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &length[number.len()..] {
        "" | "px" => 1.0,
        "em" | "rem" => 16.0,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

/// True for a question that every browser of the last years says yes to: `(display: grid)`.
fn is_supported(condition: &str) -> bool {
    let known = |test: &str| {
        let test = test.trim();
        let Some((property, value)) = test.split_once(':') else { return false };
        let (property, value) = (property.trim(), value.trim());
        let is_plain =
            value.chars().all(|letter| letter.is_ascii_alphabetic() || letter == '-') && !value.starts_with('-');
        match property {
            "display" => ["block", "inline", "inline-block", "flex", "inline-flex", "grid", "none"].contains(&value),
            "position" => ["relative", "absolute", "fixed", "sticky"].contains(&value),
            "color" | "background" | "background-color" => is_plain,
            custom => custom.starts_with("--"),
        }
    };
    let tests = condition.split(" and ").map(|test| {
        let inner = test.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        inner.is_some_and(|inner| !inner.contains(['(', ')']) && known(inner))
    });
    tests.into_iter().all(|is_known| is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media_holds(condition: &str) -> Holds {
        holds("media", &format!("@media {condition}"))
    }

    #[test]
    fn what_every_screen_answers_to_is_no_condition() {
        for condition in [
            "",
            "all",
            "screen",
            "only screen",
            "not print",
            "screen, print",
            "(min-width: 0)",
            "screen and (min-width:0px)",
            "(width >= 0)",
            "(max-width: 99999px) and (min-height: 1em)",
        ] {
            assert_eq!(media_holds(condition), Holds::Always, "{condition}");
        }
        for condition in ["(display: block)", "(display: grid) and (color: red)", "(--css: variables)"] {
            assert_eq!(holds("supports", &format!("@supports {condition}")), Holds::Always, "{condition}");
        }
        assert_eq!(holds("layer", "@layer base"), Holds::Always);
    }

    #[test]
    fn what_some_screens_answer_to_is_one() {
        for condition in [
            "(min-width: 600px)",
            "screen and (max-width: 1174px)",
            "(prefers-color-scheme: dark)",
            "all and (-ms-high-contrast: none), (-ms-high-contrast: active)",
            "screen and (min-width:0\\0)",
            "(min-width: 0) and (hover)",
            "not (min-width: 0)",
            "not all and (min-width: 600px)",
            "not print and (min-width: 600px)",
            "(min-width: calc(1px + 2px))",
        ] {
            assert_eq!(media_holds(condition), Holds::Sometimes, "{condition}");
        }
        for condition in [
            "not (display: grid)",
            "(display: grid) or (display: flex)",
            "(-webkit-appearance: none)",
            "(display: masonry)",
            "((display: grid) and (not (display: inline-grid)))",
            "selector(:focus-visible)",
        ] {
            assert_eq!(holds("supports", &format!("@supports {condition}")), Holds::Sometimes, "{condition}");
        }
    }

    #[test]
    fn what_no_screen_answers_to_never_holds() {
        for condition in ["print", "not all", "not screen", "(max-width: 0)", "print and (min-width: 0)"] {
            assert_eq!(media_holds(condition), Holds::Never, "{condition}");
        }
        assert_eq!(holds("keyframes", "@keyframes in"), Holds::Never);
        assert_eq!(holds("starting-style", "@starting-style"), Holds::Never);
    }
}
