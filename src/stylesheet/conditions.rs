//! When what stands in an at-rule's block holds, and for whom. Pure.

/// When the rules of a block hold, for somebody who looks at a page on a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// On every screen of theirs, in every browser.
    Always,
    /// On some screens, or in some browsers, or that is not known.
    Sometimes,
    /// Never on a screen, or they are no rules for elements: `@media print`, `@keyframes`.
    Never,
}

/// Somebody who looks at a page: all of them, or those of whom something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Viewer {
    /// Whoever it is.
    Anybody,
    /// At a computer, in a window of a usual size.
    Desktop,
    /// With a telephone, held upright.
    Phone,
    /// Whose system is set to dark colours.
    Dark,
    /// Whose system is not.
    Light,
}

impl Viewer {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Anybody, Self::Desktop, Self::Phone, Self::Dark, Self::Light];

    /// The least and the greatest width and height of the window, in CSS pixels.
    fn window(self) -> [(f64, f64); 2] {
        match self {
            Self::Anybody | Self::Dark | Self::Light => [(100.0, 9_000.0); 2],
            Self::Desktop => [(1_280.0, 1_920.0), (600.0, 1_100.0)],
            Self::Phone => [(360.0, 440.0), (560.0, 950.0)],
        }
    }
}

/// When the rules of a block hold for each viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct When([Holds; Viewer::ALL.len()]);

impl When {
    pub(super) const ALWAYS: Self = Self([Holds::Always; Viewer::ALL.len()]);

    /// When one block holds within another.
    pub(super) fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at].max(other.0[at])))
    }

    pub(super) fn of(self, viewer: Viewer) -> Holds {
        self.0[viewer as usize]
    }

    pub(super) fn is_never(self) -> bool {
        self == Self([Holds::Never; Viewer::ALL.len()])
    }
}

/// When the block of an at-rule holds; `prelude` is what stands before its brace, the `@` and its name included.
pub(super) fn holds(at_rule: &str, prelude: &str) -> When {
    let condition = prelude.get(at_rule.len() + 1..).unwrap_or_default().trim().to_ascii_lowercase();
    let for_all = |holds| When([holds; Viewer::ALL.len()]);
    match at_rule {
        "layer" => When::ALWAYS,
        "media" => When(Viewer::ALL.map(|viewer| media(&condition, viewer))),
        "supports" if is_supported(&condition) => When::ALWAYS,
        "supports" | "container" | "scope" | "document" | "-moz-document" | "when" | "else" => {
            for_all(Holds::Sometimes)
        }
        _ => for_all(Holds::Never),
    }
}

/// The one of a list that holds most often.
fn media(queries: &str, viewer: Viewer) -> Holds {
    queries.split(',').map(|query| one_query(query.trim(), viewer)).min().unwrap_or(Holds::Always)
}

fn one_query(query: &str, viewer: Viewer) -> Holds {
    // `not` denies the whole of a query: `not all and (min-width: 600px)`.
    if let Some(denied) = query.strip_prefix("not ") {
        return match one_query(denied.trim(), viewer) {
            Holds::Always => Holds::Never,
            Holds::Sometimes => Holds::Sometimes,
            Holds::Never => Holds::Always,
        };
    }
    let mut parts = query.split(" and ").map(str::trim);
    let first = parts.next().unwrap_or_default();
    let kind = match first.strip_prefix("only ").unwrap_or(first).trim() {
        "" | "all" | "screen" => Holds::Always,
        "print" | "speech" | "tty" | "tv" | "projection" | "handheld" | "braille" => Holds::Never,
        feature => feature_holds(feature, viewer),
    };
    parts.map(|feature| feature_holds(feature, viewer)).fold(kind, Holds::max)
}

fn feature_holds(feature: &str, viewer: Viewer) -> Holds {
    let Some(inner) = feature.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
        return Holds::Sometimes;
    };
    let inner: String = inner.chars().filter(|letter| !letter.is_whitespace()).collect();
    if let Some(scheme) = inner.strip_prefix("prefers-color-scheme:") {
        return match (viewer, scheme) {
            (Viewer::Dark, "dark") | (Viewer::Light, "light") => Holds::Always,
            (Viewer::Dark, "light") | (Viewer::Light, "dark") => Holds::Never,
            _ => Holds::Sometimes,
        };
    }
    let [width, height] = viewer.window();
    let size = |beginnings: [&str; 3]| beginnings.iter().find_map(|one| inner.strip_prefix(one)).and_then(pixels);
    let least = size(["min-width:", "width>=", "width>"]).map(|least| at_least(least, width));
    let most = size(["max-width:", "width<=", "width<"]).map(|most| at_most(most, width));
    let tall = size(["min-height:", "height>=", "height>"]).map(|least| at_least(least, height));
    let low = size(["max-height:", "height<=", "height<"]).map(|most| at_most(most, height));
    least.or(most).or(tall).or(low).unwrap_or(Holds::Sometimes)
}

fn at_least(least: f64, (from, to): (f64, f64)) -> Holds {
    match least {
        least if least <= from => Holds::Always,
        least if least > to => Holds::Never,
        _ => Holds::Sometimes,
    }
}

fn at_most(most: f64, (from, to): (f64, f64)) -> Holds {
    match most {
        most if most >= to => Holds::Always,
        most if most < from => Holds::Never,
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
        holds("media", &format!("@media {condition}")).of(Viewer::Anybody)
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
            assert_eq!(holds("supports", &format!("@supports {condition}")), When::ALWAYS, "{condition}");
        }
        assert_eq!(holds("layer", "@layer base"), When::ALWAYS);
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
            "not (hover)",
            "not all and (min-width: 600px)",
            "not screen and (min-width: 600px)",
            "(400px <= width <= 600px)",
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
            let when = holds("supports", &format!("@supports {condition}"));
            assert_eq!(when.of(Viewer::Anybody), Holds::Sometimes, "{condition}");
        }
    }

    #[test]
    fn what_no_screen_answers_to_never_holds() {
        for condition in
            ["print", "not all", "not screen", "not (min-width: 0)", "(max-width: 0)", "print and (min-width: 0)"]
        {
            assert_eq!(media_holds(condition), Holds::Never, "{condition}");
        }
        assert!(holds("keyframes", "@keyframes in").is_never());
        assert!(holds("starting-style", "@starting-style").is_never());
    }

    #[test]
    fn some_viewers_are_known_better() {
        use Holds::{Always, Never, Sometimes};
        for (condition, expected) in [
            ("(min-width: 631px)", [Sometimes, Always, Never, Sometimes, Sometimes]),
            ("screen and (width >= 1281px)", [Sometimes, Sometimes, Never, Sometimes, Sometimes]),
            ("(max-width: 600px)", [Sometimes, Never, Always, Sometimes, Sometimes]),
            ("(max-width: 400px)", [Sometimes, Never, Sometimes, Sometimes, Sometimes]),
            ("(min-width: 2000px)", [Sometimes, Never, Never, Sometimes, Sometimes]),
            ("(max-height: 400px)", [Sometimes, Never, Never, Sometimes, Sometimes]),
            ("not all and (max-width: 600px)", [Sometimes, Always, Never, Sometimes, Sometimes]),
            ("(prefers-color-scheme: dark)", [Sometimes, Sometimes, Sometimes, Always, Never]),
            ("(prefers-color-scheme:light), print", [Sometimes, Sometimes, Sometimes, Never, Always]),
            ("(prefers-color-scheme)", [Sometimes; 5]),
            ("(prefers-color-scheme: dark) and (min-width: 700px)", [Sometimes, Sometimes, Never, Sometimes, Never]),
        ] {
            assert_eq!(holds("media", &format!("@media {condition}")), When(expected), "{condition}");
        }
    }
}
