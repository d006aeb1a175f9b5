//! Reads a stylesheet token by token.

use cssparser::{ParseError, Parser, SourcePosition, Token};

use super::at_rules;
use super::blocks::Blocks;
use super::{Address, AddressKind, Dead, DeadKind, FunctionUse, Sheet, SheetFault};

/// Nesting deeper than this is no stylesheet but an attack on the reader's stack.
const DEEPEST: u32 = 200;

/// What was read so far.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) sheet: Sheet,
    depth: u32,
    /// How many of the open blocks are conditions.
    conditions: u32,
    /// How many square brackets are open.
    brackets: u32,
    blocks: Blocks,
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
    pub(super) fn block(&mut self, parser: &mut Parser<'_>) -> u64 {
        let mut prelude = Prelude::default();
        let mut declarations = 0;
        loop {
            let start = parser.position();
            let Ok(token) = parser.next_including_whitespace().cloned() else { break };
            match token {
                Token::WhiteSpace(_) if prelude.start.is_none() => {}
                Token::Semicolon => {
                    declarations += self.end_declaration(parser, &prelude, start);
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
        let end = parser.position();
        declarations + self.end_declaration(parser, &prelude, end)
    }

    /// The sheet, once all of it was read.
    pub(super) fn finish(self) -> Sheet {
        Sheet { hidden: self.blocks.hidden(), ..self.sheet }
    }

    fn end_declaration(&mut self, parser: &Parser<'_>, prelude: &Prelude, end: SourcePosition) -> u64 {
        let text = prelude.start.map(|start| parser.slice(start..end));
        if let Some(name) = &prelude.at_rule {
            self.at_rule(name, line_of(parser));
            text.filter(|_| name == "layer").into_iter().for_each(|text| self.blocks.layer_statement(text));
        }
        if prelude.at_rule.is_some() || !prelude.has_colon {
            return 0;
        }
        text.into_iter().for_each(|text| self.blocks.declaration(text));
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
        if let Some(name) = &prelude.at_rule {
            self.at_rule(name, line);
        }
        let is_condition = is_condition(prelude.at_rule.as_deref(), selector.as_deref());
        self.conditions += u32::from(is_condition);
        self.blocks.open(prelude.at_rule.as_deref(), selector.as_deref().unwrap_or_default(), line);
        let declarations = self.nested(parser, line, Self::block);
        self.blocks.close();
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
            if self.brackets == 0 && is_misprinted(name) {
                self.dead(DeadKind::Typographic, name, line);
            }
            if after_dollar {
                self.dead(DeadKind::SassVariable, &format!("${name}"), line);
            }
        }
        match token {
            // A custom property may hold what looks like one (`--handle: @ada`).
            Token::AtKeyword(name) if !prelude.is_custom_property() => {
                prelude.at_rule = Some(name.to_ascii_lowercase());
            }
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
                let bracket = u32::from(matches!(token, Token::SquareBracketBlock));
                self.brackets += bracket;
                self.nested(parser, line, |reader, inner| reader.inside(inner, prelude));
                self.brackets -= bracket;
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

    fn at_rule(&mut self, name: &str, line: u64) {
        if !at_rules::is_known(name) {
            self.dead(DeadKind::UnknownAtRule, &format!("@{name}"), line);
        }
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

/// True unless the block holds on every screen: `@layer`, `@media screen`.
fn is_condition(at_rule: Option<&str>, prelude: Option<&str>) -> bool {
    let media = || prelude.and_then(|text| text.get("@media".len()..)).unwrap_or_default().trim().to_ascii_lowercase();
    match at_rule {
        None | Some("layer") => false,
        Some("media") => !matches!(media().as_str(), "screen" | "all" | "only screen" | "only all"),
        Some(_) => true,
    }
}

/// True for a name with quotation marks of a word processor around it, or with something invisible in it. An apostrophe within a
/// name, and all that stands in an attribute selector, may have been quoted: minifiers take quotes off where a name is left.
fn is_misprinted(name: &str) -> bool {
    let is_mark = |letter| matches!(letter, '\u{201c}'..='\u{201f}' | '\u{2018}'..='\u{201b}');
    name.starts_with(is_mark) || name.ends_with(is_mark) || name.contains(['\u{a0}', '\u{200b}', '\u{2060}'])
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
