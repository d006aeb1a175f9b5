//! What a compiled stylesheet holds: rules, classes, addresses, functions, and whether it is whole. Pure.
//!
//! Browsers forgive almost anything, so this reads tolerantly (the tokens of the CSS Syntax specification, by `cssparser`)
//! and reports as a fault only what no browser could have meant.

use std::collections::BTreeSet;

use cssparser::{ParseError, Parser, SourcePosition, Token};
use percent_encoding::percent_decode_str;

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
    /// What is wrong with the text itself.
    pub faults: Vec<SheetFault>,
}

impl Sheet {
    /// Reads a stylesheet.
    #[must_use]
    pub fn read(css: &str) -> Self {
        let mut parser = Parser::new(css);
        let mut reader = Reader { sheet: Self::default(), depth: 0, conditions: 0 };
        reader.block(&mut parser);
        reader.sheet
    }
}

/// Nesting deeper than this is no stylesheet but an attack on the reader's stack.
const DEEPEST: u32 = 200;

struct Reader {
    sheet: Sheet,
    depth: u32,
    /// How many of the open blocks are conditions.
    conditions: u32,
}

/// What stands before a `{` or a `;`.
#[derive(Default)]
struct Prelude {
    start: Option<SourcePosition>,
    at_rule: Option<String>,
    after_dot: bool,
    after_dollar: bool,
    has_colon: bool,
    first_ident: Option<String>,
    classes: Vec<String>,
    functions: Vec<FunctionUse>,
}

impl Prelude {
    fn is_custom_property(&self) -> bool {
        self.has_colon && self.first_ident.as_ref().is_some_and(|name| name.starts_with("--"))
    }
}

impl Reader {
    /// Reads the rules and declarations of one block; gives the number of declarations directly in it.
    fn block(&mut self, parser: &mut Parser<'_>) -> u64 {
        let mut prelude = Prelude::default();
        let mut declarations = 0;
        loop {
            let start = parser.position();
            let Ok(token) = parser.next_including_whitespace().cloned() else { break };
            match token {
                Token::WhiteSpace(_) if prelude.start.is_none() => {}
                Token::Semicolon => {
                    declarations += self.end_declaration(&prelude);
                    prelude = Prelude::default();
                }
                Token::CurlyBracketBlock if !prelude.is_custom_property() => {
                    self.rule(parser, &prelude, start);
                    prelude = Prelude::default();
                }
                other => {
                    prelude.start.get_or_insert(start);
                    self.token(parser, &other, start.byte_index(), &mut prelude);
                }
            }
        }
        declarations + self.end_declaration(&prelude)
    }

    fn end_declaration(&mut self, prelude: &Prelude) -> u64 {
        if prelude.at_rule.is_some() || !prelude.has_colon {
            return 0;
        }
        self.sheet.functions.extend(prelude.functions.iter().cloned());
        self.sheet.declarations += 1;
        1
    }

    /// A `{` was read: what stood before it is a selector or an at-rule's condition.
    fn rule(&mut self, parser: &mut Parser<'_>, prelude: &Prelude, brace: SourcePosition) {
        let line = line_of(parser);
        let is_style = prelude.at_rule.is_none();
        let selector = prelude.start.map(|start| folded(parser.slice(start..brace)));
        if prelude.at_rule.as_deref() == Some("-moz-document") && selector.as_deref().is_some_and(names_addresses) {
            self.dead(DeadKind::OtherSites, "@-moz-document", line);
        }
        let is_condition = prelude.at_rule.as_deref().is_some_and(|name| name != "layer");
        self.conditions += u32::from(is_condition);
        let declarations = self.nested(parser, line, Self::block);
        self.conditions -= u32::from(is_condition);
        if is_style && declarations > 0 {
            self.sheet.rules += 1;
            self.sheet.classes.extend(prelude.classes.iter().cloned());
            self.sheet.selectors.extend(selector.filter(|_| self.conditions == 0));
        }
    }

    /// Reads what stands between a bracket and its partner, and notices a partner that never comes.
    fn nested<T: Default>(
        &mut self,
        parser: &mut Parser<'_>,
        line: u64,
        mut read: impl FnMut(&mut Self, &mut Parser<'_>) -> T,
    ) -> T {
        if self.depth >= DEEPEST {
            self.fault(line, format!("blocks are nested more than {DEEPEST} deep"));
            return T::default();
        }
        self.depth += 1;
        let mut end = 0;
        let result = parser.parse_nested_block(|inner| {
            let result = read(self, inner);
            end = inner.position().byte_index();
            Ok::<T, ParseError<()>>(result)
        });
        self.depth -= 1;
        if parser.position().byte_index() == end {
            self.fault(line, "a bracket that is opened here is never closed".to_owned());
        }
        result.unwrap_or_default()
    }

    fn token(&mut self, parser: &mut Parser<'_>, token: &Token<'_>, start: usize, prelude: &mut Prelude) {
        let line = line_of(parser);
        let after_dot = std::mem::take(&mut prelude.after_dot);
        let after_dollar = std::mem::take(&mut prelude.after_dollar);
        if let Token::Ident(name) | Token::Function(name) = token {
            if name.contains(is_typographic) {
                self.dead(DeadKind::Typographic, name, line);
            }
            if after_dollar {
                self.dead(DeadKind::SassVariable, &format!("${name}"), line);
            }
        }
        match token {
            Token::AtKeyword(name) => prelude.at_rule = Some(name.to_ascii_lowercase()),
            Token::Delim('.') => prelude.after_dot = true,
            Token::Delim('$') => prelude.after_dollar = true,
            Token::Ident(name) if after_dot => prelude.classes.push(name.to_string()),
            Token::Ident(name) => {
                prelude.first_ident.get_or_insert_with(|| name.to_string());
            }
            Token::Colon => prelude.has_colon = true,
            Token::UnquotedUrl(url) => self.address(parser, url, start, prelude),
            Token::QuotedString(url) if is_import(prelude) => self.address(parser, url, start, prelude),
            Token::Function(name) => self.function(parser, name, start, prelude),
            Token::ParenthesisBlock | Token::SquareBracketBlock | Token::CurlyBracketBlock => {
                self.nested(parser, line, |reader, inner| reader.inside(inner, prelude));
            }
            other => self.broken(other, line),
        }
    }

    fn broken(&mut self, token: &Token<'_>, line: u64) {
        let what = match token {
            Token::BadString(_) => "a quoted text is never closed",
            Token::BadUrl(_) => "a url(…) is malformed",
            Token::CloseCurlyBracket => "a } stands where none was opened",
            Token::CloseParenthesis => "a ) stands where none was opened",
            Token::CloseSquareBracket => "a ] stands where none was opened",
            _ => return,
        };
        self.fault(line, what.to_owned());
    }

    fn function(&mut self, parser: &mut Parser<'_>, name: &str, start: usize, prelude: &mut Prelude) {
        let name = name.to_ascii_lowercase();
        let line = line_of(parser);
        if name == "url" || name == "src" {
            let url = self.nested(parser, line, |_, inner| inner.expect_string().map(ToString::to_string).ok());
            if let Some(url) = url {
                self.address(parser, &url, start, prelude);
            }
            return;
        }
        prelude.functions.push(FunctionUse { name, line });
        self.nested(parser, line, |reader, inner| reader.inside(inner, prelude));
    }

    /// Reads the inside of brackets: values, or the arguments of `:not(.class)`.
    fn inside(&mut self, parser: &mut Parser<'_>, prelude: &mut Prelude) {
        loop {
            let start = parser.position().byte_index();
            let Ok(token) = parser.next_including_whitespace().cloned() else { break };
            self.token(parser, &token, start, prelude);
        }
    }

    fn address(&mut self, parser: &Parser<'_>, url: &str, start: usize, prelude: &Prelude) {
        let kind = if is_import(prelude) { AddressKind::Import } else { AddressKind::Url };
        if matches!(prelude.at_rule.as_deref(), Some("namespace" | "charset")) {
            return;
        }
        let span = (start, parser.position().byte_index());
        self.sheet.addresses.push(Address { url: url.to_owned(), kind, span, line: line_of(parser) });
    }

    fn dead(&mut self, kind: DeadKind, text: &str, line: u64) {
        const ENOUGH: usize = 200;
        if self.sheet.dead.len() < ENOUGH {
            self.sheet.dead.insert(Dead { kind, text: text.to_owned(), line });
        }
    }

    fn fault(&mut self, line: u64, what: String) {
        const ENOUGH: usize = 20;
        if self.sheet.faults.len() < ENOUGH {
            self.sheet.faults.push(SheetFault { line, what });
        }
    }
}

/// Characters that are part of a name to CSS, and that look like quotation marks or like nothing at all.
const fn is_typographic(letter: char) -> bool {
    matches!(letter, '\u{201c}'..='\u{201f}' | '\u{2018}'..='\u{201b}' | '\u{a0}' | '\u{200b}' | '\u{2060}')
}

/// True unless the condition of `@-moz-document` is the empty one, by which stylesheets once told Firefox from the others.
fn names_addresses(condition: &str) -> bool {
    let arguments = condition.split('(').skip(1).map(|rest| rest.trim_start_matches(['"', '\'', ' ']));
    arguments.into_iter().any(|argument| !argument.starts_with(')'))
}

fn is_import(prelude: &Prelude) -> bool {
    prelude.at_rule.as_deref() == Some("import")
}

fn line_of(parser: &Parser<'_>) -> u64 {
    u64::from(parser.current_source_location().line) + 1
}

/// The text of a selector, its whitespace folded.
fn folded(selector: &str) -> String {
    selector.split_whitespace().collect::<Vec<_>>().join(" ")
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
