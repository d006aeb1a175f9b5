//! The words after `@` that browsers know, or that a specification has given them. Pure.

/// CSS modules as of November 2026 (MDN's list of at-rules, and the drafts of css-conditional-5, css-mixins-1, css-env-1, css-color-5,
/// css-anchor-position, css-images-5), and what older browsers had.
const KNOWN: &[&str] = &[
    "charset",
    "color-profile",
    "container",
    "content",
    "contents",
    "counter-style",
    "custom-media",
    "custom-selector",
    "document",
    "else",
    "env",
    "font-face",
    "font-feature-values",
    "font-palette-values",
    "function",
    "image",
    "import",
    "keyframes",
    "layer",
    "media",
    "namespace",
    "navigation",
    "nest",
    "page",
    "position-try",
    "property",
    "result",
    "route",
    "scope",
    "scroll-timeline",
    "starting-style",
    "supports",
    "supports-condition",
    "view-transition",
    "viewport",
    "when",
    // In @font-feature-values.
    "annotation",
    "character-variant",
    "historical-forms",
    "ornaments",
    "styleset",
    "stylistic",
    "swash",
    // In @page.
    "footnote",
];

/// Margin boxes of `@page`: `@top-left-corner`, `@bottom-center`.
const MARGINS: [&str; 4] = ["top-", "bottom-", "left-", "right-"];

/// Whether a browser may know it; `name` is in lower case. What has a vendor's prefix is taken on trust.
pub(super) fn is_known(name: &str) -> bool {
    name.starts_with('-') || KNOWN.contains(&name) || MARGINS.iter().any(|margin| name.starts_with(margin))
}
