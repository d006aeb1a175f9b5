//! Which rules of a stylesheet hide the whole page, whoever looks at it and on whatever screen. Pure.
//!
//! A small cascade over the few elements that hold everything (`html`, `body`, the folder of the web app in it): of the rules that
//! always hold, the one that wins for a property decides. What depends on a class, an attribute or a screen hides nothing for
//! certain; where it shows again what a rule hides, that is believed.

mod cascade;
mod cover;
mod holder;
mod layout;
mod placement;
pub(super) mod selector;
mod span;
mod value;
mod variables;

use super::conditions::Viewer;
pub(super) use cascade::{Cascade, Declared, Place};
use holder::Holder;
use layout::{Layout, Winner};
use placement::{OFFSETS, undone_by};
use value::hides;

/// A declaration that hides all that a page holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hiding {
    /// The selector of its rule, whitespace folded.
    pub selector: String,
    /// The declaration, as `display: none`.
    pub declaration: String,
    /// Where its rule stands, counted from 1.
    pub line: u64,
    /// What people miss.
    pub extent: Extent,
    /// For whom.
    pub viewer: Viewer,
}

/// What is gone with a rule that hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The whole page.
    Page,
    /// What the web app shows where there is one column, as it does unless somebody chose otherwise.
    OneColumn,
    /// Each column of the web app.
    Columns,
    /// The settings.
    Settings,
    /// Nothing is hidden, and nothing can be clicked.
    Clicks,
    /// Something lies over all of the page, and nothing below it can be clicked.
    Covered,
}

/// Properties that hide an element by themselves.
const HIDING: [&str; 11] = [
    "display",
    "visibility",
    "opacity",
    "content-visibility",
    "transform",
    "scale",
    "filter",
    "clip-path",
    "mask-image",
    "text-indent",
    "pointer-events",
];

/// Of those, the ones that an element within undoes for itself.
const INHERITED: [&str; 3] = ["visibility", "text-indent", "pointer-events"];

impl Layout {
    /// What hides everything in this layout. An element that is animated may well begin hidden.
    fn hidden(&self) -> Vec<Hiding> {
        let mut holders: Vec<Holder> = self.winners.keys().map(|(holder, _)| *holder).collect();
        holders.dedup();
        holders.retain(|holder| !self.animated.contains(holder));
        let mut hidden: Vec<Hiding> = Vec::new();
        for one in holders.into_iter().flat_map(|holder| self.of_holder(holder)) {
            // One rule may hide several of them, each in the other.
            if !hidden.iter().any(|told| told.selector == one.selector && told.declaration == one.declaration) {
                hidden.push(one);
            }
        }
        hidden
    }

    fn of_holder(&self, holder: Holder) -> Vec<Hiding> {
        let mut found: Vec<&'static str> =
            HIDING.into_iter().filter(|property| self.hides_alone(holder, property)).collect();
        found.extend(self.moves(holder));
        found.extend(self.leaves_no_room(holder));
        found.extend(self.clips(holder));
        // What has no box of its own cannot be moved or clipped.
        let has_box = self.value(holder, "display") != Some("contents");
        let stays = |property: &&str| has_box || *property == "display" || INHERITED.contains(property);
        found.into_iter().filter(stays).filter_map(|property| self.told(holder, property)).collect()
    }

    fn hides_alone(&self, holder: Holder, property: &'static str) -> bool {
        // What is in an invisible element is seen where it says so itself.
        let shows_within = INHERITED.contains(&property)
            && self.winners.iter().any(|((inner, named), winner)| {
                *inner > holder && *named == property && !hides(property, &winner.value)
            });
        let is_meant = match property {
            "pointer-events" => holder <= Holder::Body,
            "text-indent" => holder <= Holder::Ui,
            _ => true,
        };
        is_meant && !shows_within && self.value(holder, property).is_some_and(|value| hides(property, value))
    }

    /// The hiding, unless a rule that holds at times is stronger and shows what is hidden.
    fn told(&self, holder: Holder, property: &'static str) -> Option<Hiding> {
        let winner = self.winners.get(&(holder, property))?;
        let is_stronger = |one: &'static str, other: &Winner| {
            self.at_times.get(&(holder, one)).is_some_and(|weight| *weight > other.weight)
        };
        if is_stronger(property, winner) || undone_by(property).is_some_and(|other| is_stronger(other, winner)) {
            return None;
        }
        // What lies where it would lie anyway is not moved by an offset.
        let is_offset = OFFSETS.contains(&property);
        if is_offset && self.winners.get(&(holder, "position")).is_some_and(|other| is_stronger("position", other)) {
            return None;
        }
        let extent = match holder {
            _ if property == "pointer-events" => Extent::Clicks,
            Holder::Panels | Holder::Main => Extent::OneColumn,
            Holder::Column => Extent::Columns,
            Holder::Admin => Extent::Settings,
            Holder::Html | Holder::Body | Holder::App | Holder::Keys | Holder::Ui | Holder::Columns => Extent::Page,
        };
        Some(Hiding {
            selector: winner.selector.clone(),
            declaration: winner.written.clone(),
            line: winner.line,
            extent,
            viewer: Viewer::Anybody,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::stylesheet::{Extent, Sheet, Viewer};

    fn hidden(css: &str) -> Vec<String> {
        Sheet::read(css).hidden.into_iter().map(|one| format!("{} {}", one.selector, one.declaration)).collect()
    }

    #[test]
    fn what_hides_the_page_for_everybody_is_seen() {
        for css in [
            "body{display:none}",
            ".ui{position:absolute;top:-9999px;left:-9999px}",
            "body{/* a */display:/* b */none/* c */}",
            // Pages of Mastodon's own, of faults and embedded posts, say so for themselves.
            "body{display:none}body.error,body.embed{display:flex}",
            "html, .x { opacity: 0 }",
            ":root{visibility:hidden!important}",
            "*{display:none !important}",
            "body.app-body{opacity:0%}",
            "html>body{transform:scale(0)}",
            "#mastodon{content-visibility:hidden}",
            ".app-holder{display:flex}.app-holder{display:none}",
            "@layer a{body{display:none}}",
            "@media screen{body{filter:opacity(0)}}",
            "body{visibility:visible}body{visibility:collapse}",
            "body *{visibility:hidden}",
            "body{clip-path:inset(100%)}",
            ".columns-area{display:none}",
            "html{opacity:0}.ui *{opacity:1}html *{opacity:1}",
            "body{position:absolute;left:-9999px}",
            "#mastodon{position:relative}.app-holder{top:-10000px}",
            "body{transform:translateX(-100vw)}",
            "#mastodon{translate:-200vw 0}",
            "body{margin-left:-9999px}",
            "html{text-indent:-9999px}",
            ".app-holder{width:0;height:9px;overflow:hidden}",
            ".ui{overflow-y:hidden}.ui{max-height:0}",
            "body{position:absolute;clip:rect(0 0 0 0)}",
            ":is(body,.x){display:none}",
            ":where(html){display:none}",
            "@media (min-width:0){body{display:none}}",
            "@media screen,print{body{display:none}}",
            "@supports (display:block){body{display:none}}",
            "html{body{display:none}}",
            "body{&.app-body{display:none}}",
            "body{@media screen{display:none}}",
            "body{color:red;@media all{&{display:none}}}",
            ".columns-area__panels__main{display:none}",
            ".admin-wrapper{display:none}",
            "body{pointer-events:none}",
            "body{display:none}@media print{body{display:block}}",
            "body{display:none}@starting-style{body{display:block}}",
            "@layer a{body{opacity:1}}@layer b{body{opacity:0}}",
            "@layer a,b;@layer b{body{opacity:0}}@layer a{body{opacity:1}}",
            ".ui{position:absolute;inset-inline-start:-9999px}",
            "body{margin-inline-start:-9999px}",
            ".ui{block-size:0;overflow:hidden}",
            ".ui>div{opacity:0}",
            // What the stock stylesheet says of what is around and within.
            ".app-holder>div{display:flex;min-height:100vh}.ui{display:none}",
            ".ui{flex:0 0 auto;height:0;overflow:hidden}",
            ".ui{flex:none;width:0;overflow:hidden}",
            ".app-holder>div{visibility:hidden}",
            "body{opacity:0;animation:none}",
            "body{display:none}body:has(.x){display:none}",
            ".ui{max-height:0;overflow:hidden;flex:1}",
            "body{position:absolute;clip:rect(1px,1px,1px,1px)}",
            ".columns-area div{transform:scale(0)}",
        ] {
            assert_eq!(hidden(css).len(), 1, "{css}");
        }
    }

    #[test]
    fn a_layout_of_the_web_app_and_one_column_of_many_is_no_page() {
        for css in [
            // Directions by that of what is written.
            ".columns-area__panels{width:0;min-inline-size:100%;overflow:hidden}",
            ".ui{margin-inline:-9999px;padding-inline:9999px}",
            ".ui{height:0;padding-block:9px;overflow:hidden}",
            // One layout of the web app, the other, and one column of many.
            ".layout-multiple-columns .columns-area__panels{display:none}",
            ".columns-area{display:none}.layout-single-column .columns-area,.layout-multiple-columns .columns-area{display:flex}",
            ".layout-single-column .columns-area__panels__pane{display:none}",
            ".layout-single-column .ui{opacity:0;animation:in 1s forwards}",
            ".column:nth-child(n+3),.columns-area .x .column,.column::before,.column+.column{display:none}",
            ".column{display:none}.column:first-child{display:flex}",
            ".column{display:none}.columns-area>:first-child{display:flex}",
            ".column{display:none}.x .column{display:flex}",
            ".columns-area>*{display:none}.columns-area>.column{display:flex}",
            ".column{width:0;flex:1 1 0;overflow:hidden}",
        ] {
            assert_eq!(hidden(css), Vec::<String>::new(), "{css}");
        }
    }

    #[test]
    fn what_is_gone_is_told() {
        let extents = |css: &str| Sheet::read(css).hidden.into_iter().map(|one| one.extent).collect::<Vec<_>>();
        for (css, extent) in [
            (".ui{display:none}", Extent::Page),
            (".columns-area__panels{display:none}", Extent::OneColumn),
            (".layout-single-column .ui{display:none}", Extent::OneColumn),
            ("body.layout-single-column{opacity:0}", Extent::OneColumn),
            (".columns-area--mobile{display:none}", Extent::OneColumn),
            (".columns-area{display:none}.layout-multiple-columns .columns-area{display:flex}", Extent::OneColumn),
            (".layout-single-column{pointer-events:none}", Extent::Clicks),
            (".column{display:none}", Extent::Columns),
            (".layout-single-column .columns-area>div{opacity:0}", Extent::Columns),
            (".column{display:none}.column:before{display:block}", Extent::Columns),
            (".admin-wrapper{display:none}", Extent::Settings),
        ] {
            assert_eq!(extents(css), [extent], "{css}");
        }
    }

    #[test]
    fn an_element_may_be_named_otherwise_and_reset_by_other_properties() {
        for css in [
            // However an element is named.
            "BODY{display:none}",
            "[id=mastodon]{display:none}",
            "*{visibility:hidden}",
            "body *{opacity:0}",
            "body{-webkit-mask:linear-gradient(transparent,transparent)}",
            "body{all:unset;display:none}",
            "body{pointer-events:none}.x a{pointer-events:auto}",
            "Html>DIV[id=\"mastodon\"]{display:none}",
        ] {
            assert_eq!(hidden(css).len(), 1, "{css}");
        }
        for css in [
            // The classes that say whether things may move, and what is shown to whoever points at it.
            ".ui{opacity:0}.no-reduce-motion .ui{animation:in .3s forwards}.reduce-motion .ui{opacity:1}",
            ".columns-area{opacity:0}.columns-area:hover,.columns-area:focus-within{opacity:1}",
            "body{visibility:hidden}*{visibility:visible}",
            "html{pointer-events:none}*{pointer-events:auto}",
            "body{pointer-events:none}a,button{pointer-events:auto}",
            ".columns-area__panels__main{width:0;flex-basis:600px;overflow:hidden}",
            ".columns-area__panels__main{position:relative;left:100%;margin-left:-100%}",
            ".ui{margin-left:-9999px;transform:translateX(calc(9999px))}",
            ".ui{width:0;padding-right:100%;overflow:hidden}",
            "body{display:none}body.app-body{all:revert}",
            ".ui{-webkit-transform:scale(0);transform:none}",
            "body{mask-image:linear-gradient(transparent,transparent);-webkit-mask:none}",
            "body .UI{display:none}",
        ] {
            assert_eq!(hidden(css), Vec::<String>::new(), "{css}");
        }
    }

    #[test]
    fn what_hides_the_page_of_some_is_told_with_whom() {
        use Viewer::{Dark, Desktop, Light, Phone};
        let viewers = |css: &str| Sheet::read(css).hidden.into_iter().map(|one| one.viewer).collect::<Vec<_>>();
        for (css, viewer) in [
            ("@media (min-width:631px){body{display:none}}", Desktop),
            ("@media screen and (width>=600px){.columns-area{display:none}}", Desktop),
            ("body{display:none}@media (max-width:630px){body{display:block}}", Desktop),
            ("@media (min-width:631px){body::after{content:'';position:fixed;inset:0;z-index:9999}}", Desktop),
            (
                "body::after{content:'';position:fixed;inset:0;z-index:9999}@media (max-width:900px){body::after{content:none}}",
                Desktop,
            ),
            ("@media (max-width:630px){.ui{position:absolute;left:-9999px}}", Phone),
            (".ui{position:absolute;left:-9999px}@media (min-width:700px){.ui{inset:0}}", Phone),
            (".ui{position:absolute;left:-9999px}@media (min-width:700px){.ui{position:static}}", Phone),
            (".columns-area__panels{display:none}@media (min-width:600px){.columns-area__panels{display:flex}}", Phone),
            ("@media (prefers-color-scheme:dark){html{opacity:0}}", Dark),
            ("body{opacity:0}@media (prefers-color-scheme:dark){body{opacity:1}}", Light),
            ("@media (prefers-color-scheme:light){@media screen{.column{display:none}}}", Light),
            ("body{@media (prefers-color-scheme:dark){display:none}}", Dark),
            ("@media not all and (prefers-color-scheme:dark){body{display:none}}", Light),
            (":root{--o:1}@media (prefers-color-scheme:dark){:root{--o:0}}body{opacity:var(--o)}", Dark),
            (":root{--d:flex}@media (max-width:700px){:root{--d:none}}.ui{display:var(--d)}", Phone),
        ] {
            assert_eq!(viewers(css), [viewer], "{css}");
        }
        for css in [
            // A user style that shows one column of many on a wide screen.
            "@media (min-width:1024px){.column{display:none}.column:last-child{display:flex;min-width:800px}}",
            "@media (min-width:1175px){.columns-area__panels__main{width:0;flex-grow:1;overflow:hidden}}",
            "@media (min-width:1500px){body{display:none}}",
            "@media (max-width:320px){body{display:none}}",
            "@media (min-width:600px) and (hover:none){body{display:none}}",
            "@media (min-width:600px){body{opacity:0;animation:in 1s forwards}}",
            "@media (prefers-color-scheme:dark){body{opacity:0}html[data-color-scheme] body{opacity:1}}",
            "@media (max-width:600px){.drawer,.columns-area__panels__pane{display:none}}",
            "@media (min-width:600px){body::after{content:'';position:fixed;inset:0;z-index:9999;pointer-events:none}}",
            "@media (min-width:600px){body::after{content:'';position:fixed;inset:0;z-index:9999}}\
             body.theme-x::after{pointer-events:none}",
        ] {
            assert_eq!(viewers(css), [], "{css}");
        }
    }

    #[test]
    fn a_selector_that_doubles_itself_is_given_up() {
        let css = format!("body{{{}display:none{}", "&&,&& &,:is(&,&){".repeat(30), "}".repeat(31));
        assert_eq!(hidden(&css), Vec::<String>::new());
        let long = format!(".x{{&{}{{body{{display:none}}}}}}", ".y".repeat(4_000));
        assert_eq!(hidden(&long), Vec::<String>::new());
    }

    #[test]
    fn what_hides_a_part_or_for_a_while_is_none_of_it() {
        for css in [
            // One of two lengths of one direction may take the other back; a margin as wide as its padding is a background.
            ".ui{position:absolute;left:100%;transform:translate(-100%)}",
            ".columns-area{margin:0 -9999rem;padding:0 9999rem}",
            ".ui{margin-left:-9999px;padding-left:9999px}",
            ".columns-area__panels{height:0;overflow-x:clip}",
            "body{opacity:0}body:has(.ui){opacity:1}",
            "html{opacity:0}html:has(.ui){opacity:1}",
            ".ui{position:absolute;left:-9999px}@media (min-width:400px){.ui{inset:0}}",
            ".ui{position:absolute;left:-9999px}@media (min-width:400px){.ui{position:static}}",
            ".columns-area__panels{width:0;overflow:hidden}@media (min-width:400px){.columns-area__panels{min-width:9px}}",
            ".columns-area__panels{display:none}@media not all and (min-width:1500px){.columns-area__panels{display:flex}}@media (min-width:400px){.columns-area__panels{display:flex}}",
            ".columns-area__panels>div{display:none}.columns-area__panels>.columns-area__panels__main{display:flex}",
            ".ui body{display:none}",
            ".columns-area{text-indent:-9999px}",
            ".ui{position:absolute;left:-9999px;right:0}",
            "body{clip:rect(0 0 0 0)}",
            // Each layer without a name is one of its own.
            "@layer{body.app-body{display:none}}@layer{body{display:block}}",
            "@media print{body{display:none}}",
            "@supports not (display:grid){html{display:none}}",
            "body.hidden,body[hidden]{display:none}",
            "body::before,html:not(.js){display:none}",
            "body{opacity:0;animation:in .3s forwards}",
            "body{opacity:0}body{opacity:1}",
            "body{opacity:0}body.app-body{opacity:1}",
            "body{opacity:1!important}body{opacity:0}",
            "body>*{display:none}.app-holder{display:flex}",
            ".app-holder noscript{display:none}",
            "@keyframes in{from{opacity:0}}",
            ".x{body{display:none}}",
            "body{opacity:.95;display:flex;transform:scale(1)}",
            "body .x,.x body{display:none}",
            "body{visibility:hidden}.app-holder{visibility:visible}",
            "body{left:-9999px}",
            ".ui{position:absolute;left:100%;transform:translateX(-100%)}",
            ".ui{position:absolute;inset:-9999px;left:0}",
            "body{overflow:hidden;height:0}",
            ".ui{height:0;overflow:hidden;min-height:100vh}",
            ".ui{height:0;overflow:hidden;flex:1 1 auto}",
            ".ui{height:0;overflow:hidden;flex:0 0 600px}",
            ".ui{height:0;overflow:hidden;flex:auto}",
            ".ui{height:0;overflow:hidden;flex:var(--x)}",
            ".ui{height:0;overflow:hidden}.columns-area{position:fixed}",
            ".ui{height:0;padding-top:56%;overflow:hidden}",
            ".app-holder{display:contents;opacity:0}",
            "@media (min-width:1400px){.columns-area{display:none}}",
            ".columns-area__panels{display:none}@media (min-width:400px){.columns-area__panels{display:flex}}",
            ".columns-area__panels{display:none}.layout-single-column .columns-area__panels{display:flex}",
            "body{display:none}html[dir] body{display:block}",
            ".x{&{body{display:none}}}",
            ".x{@media screen{body &{display:none}}}",
            "@keyframes x{body{display:none}}",
            "body{& .x{display:none}> .y{display:none}}",
            "body{pointer-events:none}#mastodon{pointer-events:auto}",
            ".ui{pointer-events:none}",
            "body{position:absolute;left:-20px;clip:rect(0,100px,100px,0)}",
            ".sr-only{position:absolute;left:-9999px;clip:rect(0 0 0 0);height:1px;overflow:hidden}",
            "*{text-indent:0}.logo a{text-indent:-9999px}",
        ] {
            assert_eq!(hidden(css), Vec::<String>::new(), "{css}");
        }
    }
}
