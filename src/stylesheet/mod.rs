//! What a compiled stylesheet holds: rules, classes, addresses, functions, and whether it is whole. Pure.
//!
//! Browsers forgive almost anything, so this reads tolerantly (the tokens of the CSS Syntax specification, by `cssparser`)
//! and reports as a fault only what no browser could have meant.

mod at_rules;
mod blocks;
mod comments;
mod conditions;
mod hiding;
mod layers;
mod reader;

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use cssparser::Parser;
use percent_encoding::percent_decode_str;

pub use comments::{says_nothing, without_comments};
pub use conditions::Viewer;
pub use hiding::{Extent, Hiding};
use reader::Reader;

/// Where an address stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// In a declaration: an image, a font, a cursor.
    Url,
    /// After `@import`.
    Import,
}

/// An address that a stylesheet asks the browser to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// As written, unescaped.
    pub url: String,
    /// Where it stands.
    pub kind: AddressKind,
    /// Byte positions of the whole `url(…)` or string in the source.
    pub span: (usize, usize),
    /// Counted from 1.
    pub line: u64,
}

impl Address {
    /// True for an address on another host (`https://…`, `//host/…`).
    #[must_use]
    pub fn is_remote(&self) -> bool {
        let lower = self.url.trim().to_ascii_lowercase();
        lower.starts_with("//") || lower.starts_with("http:") || lower.starts_with("https:")
    }

    /// The path part of an address that the site itself must serve, or `None` for `data:`, `blob:`, fragments and hosts.
    #[must_use]
    pub fn local_path(&self) -> Option<&str> {
        let url = self.url.trim();
        let has_scheme =
            url.split_once(':').is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric()));
        if url.is_empty() || url.starts_with('#') || has_scheme || self.is_remote() {
            return None;
        }
        url.split(['?', '#']).next().filter(|path| !path.is_empty())
    }

    /// Where a browser looks for it, relative to the web server's root, if it stands in the stylesheet that is served as
    /// `sheet`. `None` for what the site does not serve, and for what leads above that root.
    #[must_use]
    pub fn served_from(&self, sheet: &str) -> Option<PathBuf> {
        let path = percent_decoded(self.local_path()?);
        match path.strip_prefix('/') {
            Some(rooted) => normalised(Path::new(rooted)),
            None => normalised(&Path::new(sheet).parent().unwrap_or_else(|| Path::new("")).join(&path)),
        }
    }
}

/// `a/../b` as `b`; `None` if it leads above the root.
fn normalised(path: &Path) -> Option<PathBuf> {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => result.push(name),
            Component::ParentDir if !result.pop() => return None,
            _ => {}
        }
    }
    Some(result)
}

/// What is wrong with the text of a stylesheet itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetFault {
    /// Counted from 1.
    pub line: u64,
    /// What is wrong, as the rest of a sentence.
    pub what: String,
}

/// A function that is called in a declaration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FunctionUse {
    /// Its name, lower case.
    pub name: String,
    /// Counted from 1.
    pub line: u64,
}

/// Why a browser does nothing with something that it can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeadKind {
    /// A variable of Sass (`$accent`), which no preprocessor put a value for.
    SassVariable,
    /// A character that a word processor or a web page put in the place of the plain one: `“`, a non-breaking space.
    Typographic,
    /// A rule that begins with a word after `@` that no browser knows: a misspelt one, or one of Sass in plain CSS.
    UnknownAtRule,
    /// Rules for the addresses that `@-moz-document` names: no browser applies them to a page, or no page is at that address.
    OtherSites,
}

/// Something that a browser reads, and that does nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dead {
    /// Why.
    pub kind: DeadKind,
    /// The word itself, as written.
    pub text: String,
    /// Counted from 1.
    pub line: u64,
}

/// What a stylesheet holds.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// Style rules that hold at least one declaration.
    pub rules: u64,
    /// Declarations in all.
    pub declarations: u64,
    /// Class names in selectors.
    pub classes: BTreeSet<String>,
    /// Selectors of style rules that always hold, whitespace folded: not those within `@media` and other conditions.
    pub selectors: BTreeSet<String>,
    /// What it asks the browser to load.
    pub addresses: Vec<Address>,
    /// Functions called in declarations, each once a line.
    pub functions: BTreeSet<FunctionUse>,
    /// What browsers read and do nothing with.
    pub dead: BTreeSet<Dead>,
    /// What hides the whole page for everybody.
    pub hidden: Vec<Hiding>,
    /// What is wrong with the text itself.
    pub faults: Vec<SheetFault>,
}

impl Sheet {
    /// Reads a stylesheet.
    #[must_use]
    pub fn read(css: &str) -> Self {
        let mut parser = Parser::new(css);
        let mut reader = Reader::default();
        reader.block(&mut parser);
        reader.finish()
    }
}

/// The path with its percent escapes resolved; what is no escape stays.
#[must_use]
pub fn percent_decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_classes_and_declarations_are_counted() {
        let sheet = Sheet::read(".a .b:not(.c){color:red;margin:0}@media (min-width:1.5em){.d{top:0}}.empty{}");
        assert_eq!((sheet.rules, sheet.declarations), (2, 3));
        assert_eq!(sheet.classes.iter().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert!(sheet.selectors.contains(".a .b:not(.c)"), "{:?}", sheet.selectors);
        assert_eq!(sheet.faults, []);
    }

    #[test]
    fn rules_behind_a_condition_are_no_styles_that_always_hold() {
        let sheet = Sheet::read(
            "@media print{.a{color:red}}@layer base{.b{top:0}}@supports (a:b){@media x{.c{top:0}}}.d{top:0}",
        );
        assert_eq!(sheet.selectors.iter().collect::<Vec<_>>(), [".b", ".d"]);
        assert_eq!(sheet.rules, 4);
    }

    #[test]
    fn what_browsers_read_and_do_nothing_with_is_told() {
        let dead = |css: &str| Sheet::read(css).dead.into_iter().map(|dead| (dead.kind, dead.text)).collect::<Vec<_>>();
        let variable = |name: &str| vec![(DeadKind::SassVariable, name.to_owned())];
        assert_eq!(dead(":root{--accent: $accent}"), variable("$accent"));
        assert_eq!(dead(".a{color: rgba($ink, .5)}"), variable("$ink"));
        assert_eq!(dead("@media (min-width: $wide){.a{top:0}}"), variable("$wide"));
        assert_eq!(dead(".a[href$=x]::before{content:'$accent'}.b{background:url(a$b.png)}/* $c */"), []);
        let typographic = |text: &str| vec![(DeadKind::Typographic, text.to_owned())];
        assert_eq!(dead(".a{font-family: \u{201c}Inter\u{201d}}"), typographic("\u{201c}Inter\u{201d}"));
        assert_eq!(dead(".a\u{a0}{color:red}"), typographic("a\u{a0}"));
        assert_eq!(dead("\u{feff}.a{top:0}"), []);
        assert_eq!(dead(".a{content:'\u{201c}\u{a0}'; quotes: '\u{ab}' '\u{bb}'}.\u{e4}{top:0}/* \u{201c} */"), []);
        // What minifiers make of "L’Étoile" and [aria-label="“S’abonner”"].
        assert_eq!(
            dead(".a{font-family:L\u{2019}\u{c9}toile}[aria-label=\u{201c}S\u{2019}abonner\u{201d}]{top:0}"),
            []
        );
        let unknown = |name: &str| vec![(DeadKind::UnknownAtRule, name.to_owned())];
        assert_eq!(dead("@inclde card;.a{top:0}"), unknown("@inclde"));
        assert_eq!(dead(".a{@include card;top:0}"), unknown("@include"));
        assert_eq!(dead("@each in b{.a{top:0}}"), unknown("@each"));
        assert_eq!(dead(".a{--handle:@ada;top:0}"), []);
        assert_eq!(dead("@-webkit-keyframes x{}@MEDIA print{.a{top:0}}@page{@top-left{content:''}}@charset 'x';"), []);
        let others = vec![(DeadKind::OtherSites, "@-moz-document".to_owned())];
        assert_eq!(dead("@-moz-document domain(\"social.example\"){.a{top:0}}"), others);
        assert_eq!(dead("@-moz-document url-prefix(https://a.example/){.a{top:0}}"), others);
        assert_eq!(dead("@-moz-document url-prefix(){.a{top:0}}@-moz-document url-prefix(''){.a{top:0}}"), []);
    }

    #[test]
    fn a_sheet_of_comments_holds_no_rule() {
        assert_eq!(Sheet::read("/* nothing */\n@charset \"UTF-8\";\n").rules, 0);
    }

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        let css = "@import url(https://fonts.example/x.css);@import 'y.css';@font-face{src:url('../f.woff2') format('woff2')}\n\
                   .a{background:image-set(url(a.png) 1x, url(\"b.png\") 2x)}.b{--x:url(c.png)}.c{background:url(data:image/png;base64,AA==)}";
        let sheet = Sheet::read(css);
        let urls: Vec<_> = sheet.addresses.iter().map(|address| address.url.as_str()).collect();
        assert_eq!(
            urls,
            [
                "https://fonts.example/x.css",
                "y.css",
                "../f.woff2",
                "a.png",
                "b.png",
                "c.png",
                "data:image/png;base64,AA=="
            ]
        );
        assert!(sheet.addresses[0].is_remote() && sheet.addresses[0].kind == AddressKind::Import);
        assert_eq!(sheet.addresses[6].local_path(), None);
        let (start, end) = sheet.addresses[3].span;
        assert_eq!(&css[start..end], "url(a.png)");
    }

    #[test]
    fn an_address_loses_its_query_and_fragment() {
        let sheet = Sheet::read("@font-face{src:url(f.eot?#iefix)}.a{fill:url(#gradient)}");
        let paths: Vec<_> = sheet.addresses.iter().map(Address::local_path).collect();
        assert_eq!(paths, [Some("f.eot"), None]);
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(percent_decoded("a%20b%2Fc%25"), "a b/c%");
        assert_eq!(percent_decoded("100%+f%zz%4"), "100%+f%zz%4");
    }

    #[test]
    fn a_block_that_is_never_closed_is_a_fault_with_its_line() {
        assert_eq!(Sheet::read(".a{color:red}\n.b{color:blue\n").faults[0].line, 2);
        assert_eq!(Sheet::read(".a{color:red}\n.b{color:rgb(1,2}\n").faults[0].line, 2);
        assert!(!Sheet::read(".a{color:red}}\n.b{top:0}").faults.is_empty());
    }

    #[test]
    fn what_browsers_forgive_is_no_fault() {
        for css in [
            ".a{*zoom:1;_height:1px;filter:progid:DXImageTransform.Microsoft.gradient(startColorstr='#80000000')}",
            ".a{b:c;;}",
            "<!-- .a{b:c} -->",
        ] {
            assert_eq!(Sheet::read(css).faults, [], "{css}");
        }
    }

    #[test]
    fn functions_are_named_with_their_line() {
        let sheet = Sheet::read(".a{color:red}\n.b{color:nope-fn(#fff, 10%)}");
        assert_eq!(sheet.functions.iter().next(), Some(&FunctionUse { name: "nope-fn".into(), line: 2 }));
    }

    #[test]
    fn ten_thousand_open_brackets_do_not_overflow_the_stack() {
        assert!(!Sheet::read(&"{".repeat(10_000)).faults.is_empty());
        assert!(!Sheet::read(&format!(".a{{b:{}", "(".repeat(10_000))).faults.is_empty());
    }
}
