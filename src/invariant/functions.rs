//! Every function in a theme's compiled stylesheet is one that browsers know.
//!
//! A Sass function that was never defined goes out as plain CSS (`color: my-fn(red)`), compiles, and is dropped by browsers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Invariant, OfferedTheme, Subject};
use crate::finding::Finding;

pub(super) const INVARIANT: Invariant = Invariant {
    id: "css-functions",
    statement: "Every function in the compiled stylesheets is one that browsers know.",
    check,
};

/// Functions of CSS, from the index of the CSS specifications (https://drafts.csswg.org/indexes/#functions, read in 2026),
/// with the old filters of Internet Explorer, which stylesheets still carry and which do no harm.
const KNOWN: &[&str] = &[
    "abs",
    "alphaimageloader",
    "color-stop",
    "constant",
    "container-progress",
    "from",
    "media-progress",
    "to",
    "acos",
    "alpha",
    "anchor",
    "anchor-size",
    "annotation",
    "asin",
    "atan",
    "atan2",
    "attr",
    "basicimage",
    "blur",
    "brightness",
    "calc",
    "calc-size",
    "character-variant",
    "circle",
    "clamp",
    "color",
    "color-layers",
    "color-mix",
    "conic-gradient",
    "contrast",
    "contrast-color",
    "control-value",
    "cos",
    "counter",
    "counters",
    "cross-fade",
    "cubic-bezier",
    "device-cmyk",
    "drop-shadow",
    "dynamic-range-limit-mix",
    "element",
    "ellipse",
    "env",
    "exp",
    "expression",
    "first-valid",
    "fit-content",
    "format",
    "gradient",
    "grayscale",
    "hsl",
    "hsla",
    "hue-rotate",
    "hwb",
    "hypot",
    "ident",
    "if",
    "image",
    "image-set",
    "inherit",
    "inset",
    "interpolate",
    "invert",
    "lab",
    "layer",
    "lch",
    "leader",
    "light-dark",
    "linear",
    "linear-gradient",
    "local",
    "log",
    "matrix",
    "matrix3d",
    "max",
    "media",
    "min",
    "minmax",
    "mod",
    "oklab",
    "oklch",
    "opacity",
    "ornaments",
    "paint",
    "palette-mix",
    "param",
    "path",
    "perspective",
    "polygon",
    "pow",
    "progress",
    "radial-gradient",
    "random",
    "random-item",
    "ray",
    "rect",
    "rem",
    "repeat",
    "repeating-conic-gradient",
    "repeating-linear-gradient",
    "repeating-radial-gradient",
    "rgb",
    "rgba",
    "rotate",
    "rotate3d",
    "rotatex",
    "rotatey",
    "rotatez",
    "round",
    "saturate",
    "scale",
    "scale3d",
    "scalex",
    "scaley",
    "scalez",
    "scroll",
    "select",
    "sepia",
    "shape",
    "sibling-count",
    "sibling-index",
    "sign",
    "sin",
    "skew",
    "skewx",
    "skewy",
    "snap-block",
    "snap-inline",
    "sqrt",
    "src",
    "steps",
    "string",
    "style",
    "styleset",
    "stylistic",
    "superellipse",
    "supports",
    "swash",
    "symbols",
    "syntax",
    "tan",
    "target-counter",
    "target-counters",
    "target-text",
    "tech",
    "toggle",
    "translate",
    "translate3d",
    "translatex",
    "translatey",
    "translatez",
    "type",
    "url",
    "url-pattern",
    "var",
    "view",
    "xywh",
];

/// A sheet with more unknown functions than this misses a whole file; the first ones tell which.
const ENOUGH: usize = 20;

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let stock: BTreeSet<&str> = subject
        .sheets
        .get("default")
        .map(|stock| stock.sheet.functions.iter().map(|function| function.name.as_str()).collect())
        .unwrap_or_default();
    let touched = subject.offered.iter().filter(|theme| subject.touched.contains(&theme.name));
    touched.flat_map(|theme| unknown(subject, theme, &stock)).collect()
}

fn unknown(subject: &Subject<'_>, theme: &OfferedTheme, stock: &BTreeSet<&str>) -> Vec<Finding> {
    let Some(read) = subject.sheets.get(&theme.name) else { return Vec::new() };
    let mut places: BTreeMap<&str, u64> = BTreeMap::new();
    for function in &read.sheet.functions {
        let name = function.name.as_str();
        // A leading dash is a vendor's function or the author's own CSS function.
        let is_known = name.starts_with('-') || KNOWN.contains(&name) || name.contains('.') || name.contains(':');
        if !is_known && (theme.name == "default" || !stock.contains(name)) {
            places.entry(name).or_insert(function.line);
        }
    }
    let fault = |(name, line): (&str, u64)| {
        let message = format!("The stylesheet of {} calls {name}(…), which no browser knows.", theme.name);
        let finding = Finding::review("unknown-css-function", message)
            .meaning(
                "Browsers drop the whole declaration. Most often it is a Sass function whose file is not imported.",
            )
            .help(format!("Import the file that defines {name}, or correct its name."));
        match subject.source_of(theme, &format!("{name}(")) {
            Some((path, line, excerpt)) => finding.at_line(path, line, excerpt),
            None => finding.at_line(subject.staged.shown(&read.file), line, format!("{name}(")),
        }
    };
    places.into_iter().take(ENOUGH).map(fault).collect()
}
