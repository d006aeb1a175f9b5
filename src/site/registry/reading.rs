//! Reads the registry's text into entries, and says in words why a text is no registry.
//!
//! It works on the events of the YAML parser behind serde-saphyr rather than on a finished map: a finished map has lost line
//! numbers, quoting and repeated keys.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};

use super::{PATH, Registry, RegistryEntry, scalar};
use crate::finding::Finding;

/// What a site does with a registry that cannot be read.
const MEANING: &str = "Rails and the asset compiler both read this file when they start: with it as it is, the compile stops, \
                       and a restarted site does not come up or answers every page with an error.";

/// A scalar, or the place where something else stood.
struct Node {
    text: String,
    span: Range<usize>,
    line: u64,
    is_text: bool,
    is_inline: bool,
}

/// Reads `bytes`, or says why they are no registry.
pub(super) fn read(bytes: &[u8]) -> Result<Registry, Box<Finding>> {
    let text = decode(bytes)?;
    if let Some(line) = text.lines().position(|line| line.starts_with('\t')) {
        return Err(tab_fault(text, line as u64 + 1));
    }
    let events = Parser::new_from_str(text)
        .collect::<Result<Vec<_>, ScanError>>()
        .map_err(|error| syntax_fault(text, &error))?;
    let (flow_start, nodes) = top_level(text, &events)?;
    if let Some(node) = nodes.iter().find(|node| text.get(node.span.clone()).is_some_and(has_half_a_letter)) {
        return Err(half_a_letter(text, node.line));
    }
    if nodes.is_empty() {
        return Err(fault("registry-empty", "The theme registry has no entry.", text, 1, RESTORE));
    }
    let mut entries = Vec::with_capacity(nodes.len() / 2);
    let mut nodes = nodes.into_iter();
    while let (Some(name), Some(path)) = (nodes.next(), nodes.next()) {
        entries.push(entry(name, path));
    }
    Ok(Registry { text: text.to_owned(), entries, flow_start })
}

/// The way back to a registry that works.
const RESTORE: &str = "Put the file back as Mastodon ships it (`git checkout -- config/themes.yml` in the live tree), then add the \
                       theme's line again: `NAME: styles/NAME.scss`, each on a line of its own.";

fn entry(name: Node, path: Node) -> RegistryEntry {
    RegistryEntry {
        is_string: name.is_text && path.is_text,
        line: name.line,
        name: name.text,
        path: path.text,
        name_span: name.span,
        path_span: path.span,
        name_is_string: name.is_text,
        path_is_inline: path.is_inline,
    }
}

fn decode(bytes: &[u8]) -> Result<&str, Box<Finding>> {
    let not_text = |line: usize| {
        let help = "Save the file as UTF-8 text (in an editor: Save as, encoding UTF-8, without BOM).";
        let finding = Finding::fatal("registry-not-text", "The theme registry is not UTF-8 text.");
        Box::new(finding.at_line(PATH, line as u64, "").meaning(MEANING).help(help))
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|error| not_text(1 + memchr::memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count()))?;
    match text.find('\0') {
        Some(at) => Err(not_text(1 + text[..at].matches('\n').count())),
        None => Ok(text),
    }
}

/// The names and values of the first and only document, one after the other.
fn top_level(text: &str, events: &[(Event<'_>, Span)]) -> Result<(Option<usize>, Vec<Node>), Box<Finding>> {
    let (mut depth, mut documents, mut flow_start) = (0_u32, 0_u32, None);
    let mut nodes = Vec::new();
    for (event, span) in events {
        let line = span.start.line() as u64;
        match event {
            Event::DocumentStart(..) => documents += 1,
            _ if documents > 1 => return Err(several_documents(text, line)),
            Event::Alias(_) => return Err(alias_fault(text, line)),
            Event::MappingStart(style, ..) if depth == 0 => {
                flow_start = (*style == StructureStyle::Flow).then(|| bytes_of(span).start);
                depth = 1;
            }
            Event::SequenceStart(..) | Event::Scalar(..) if depth == 0 => return Err(not_a_map(text, line, event)),
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if depth == 1 {
                    nodes.push(nested(span));
                }
                depth += 1;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                depth -= 1;
                // Only `]` and `}` end where they stand; a block list ends wherever the next thing begins.
                if let (1, false, Some(node)) = (depth, bytes_of(span).is_empty(), nodes.last_mut()) {
                    node.span.end = bytes_of(span).end;
                }
            }
            Event::Scalar(value, style, _, tag) if depth == 1 => {
                nodes.push(scalar_node(value, *style, tag.as_deref(), span));
            }
            _ => {}
        }
    }
    Ok((flow_start, nodes))
}

/// A letter beyond the first 65,536 written as two escapes, as JSON has it: js-yaml joins them, and libyaml refuses either.
fn has_half_a_letter(source: &str) -> bool {
    static HALF: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\\(?:u[dD][89a-fA-F]|U0000[dD][89a-fA-F])[0-9a-fA-F]{2}")
            .expect("the pattern is a constant and compiles")
    });
    source.starts_with('"') && HALF.is_match(&source.replace(r"\\", ""))
}

fn half_a_letter(text: &str, line: u64) -> Box<Finding> {
    let message =
        "A name or path of the theme registry is written with half a letter (`\\ud83d`), which Ruby refuses to read.";
    fault("registry-not-yaml", message, text, line, "Write the letter itself, or a name of plain letters.")
}

fn bytes_of(span: &Span) -> Range<usize> {
    let start = span.start.byte_offset().unwrap_or_default();
    start..span.end.byte_offset().unwrap_or(start)
}

fn scalar_node(value: &str, style: ScalarStyle, tag: Option<&Tag>, span: &Span) -> Node {
    let plain = style == ScalarStyle::Plain;
    Node {
        text: value.to_owned(),
        span: bytes_of(span),
        line: span.start.line() as u64,
        is_text: tag.is_none() && (!plain || scalar::is_text(value)),
        is_inline: matches!(style, ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)
            && span.start.line() == span.end.line()
            && tag.is_none(),
    }
}

/// A list or a map where a name or a path should be.
fn nested(span: &Span) -> Node {
    let span_bytes = bytes_of(span);
    Node { text: String::new(), span: span_bytes, line: span.start.line() as u64, is_text: false, is_inline: false }
}

/// The line of `text` that `line` (from 1) names, without its end.
pub(super) fn line_of(text: &str, line: u64) -> &str {
    let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    text.lines().nth(index).unwrap_or_default()
}

fn fault(id: &str, message: &str, text: &str, line: u64, help: &str) -> Box<Finding> {
    let finding = Finding::fatal(id, message).at_line(PATH, line, line_of(text, line));
    Box::new(finding.meaning(MEANING).help(help))
}

fn tab_fault(text: &str, line: u64) -> Box<Finding> {
    let help = format!("Replace the tab at the start of line {line} of {PATH}: a theme's line begins with its name.");
    fault("registry-tab", "A line of the theme registry begins with a tab, which YAML forbids.", text, line, &help)
}

fn several_documents(text: &str, line: u64) -> Box<Finding> {
    let message = "The theme registry holds more than one YAML document: a second `---` cuts it in two.";
    let help = format!("Take the second `---` (before line {line}) out of {PATH}.");
    fault("registry-several-documents", message, text, line, &help)
}

fn alias_fault(text: &str, line: u64) -> Box<Finding> {
    let message = "The theme registry uses a YAML alias (`*name`), which Ruby refuses to read.";
    fault("registry-has-alias", message, text, line, "Write the path out in place of the alias.")
}

fn not_a_map(text: &str, line: u64, event: &Event<'_>) -> Box<Finding> {
    let first = line_of(text, line);
    if matches!(event, Event::Scalar(value, ..) if value.is_empty()) {
        return fault("registry-empty", "The theme registry is empty.", text, line, RESTORE);
    }
    if let Some(mended) = missing_space(first) {
        return space_fault(text, line, &mended);
    }
    let message = "The theme registry is no list of `name: path` lines.";
    fault("registry-not-a-map", message, text, line, RESTORE)
}

fn space_fault(text: &str, line: u64, mended: &str) -> Box<Finding> {
    let message =
        "A line of the theme registry lacks the space after the colon, so YAML does not see a name and a path.";
    fault("registry-space-missing", message, text, line, &format!("Write line {line} of {PATH} as: {mended}"))
}

/// `foo:styles/foo.scss`, mended.
fn missing_space(line: &str) -> Option<String> {
    static GLUED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\s*([\w-]+):([\w./-]+\.s?css)\s*$").expect("the pattern is a constant and compiles")
    });
    GLUED.captures(line).map(|found| format!("{}: {}", &found[1], &found[2]))
}

/// `foo: styles/foo.scssbar: styles/bar.scss`, taken apart.
fn glued_lines(line: &str) -> Option<(String, String)> {
    static GLUED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\s*([\w-]+:\s+\S+?\.s?css)([\w-]+:\s+\S+)").expect("the pattern is a constant and compiles")
    });
    GLUED.captures(line).map(|found| (found[1].to_owned(), found[2].to_owned()))
}

fn syntax_fault(text: &str, error: &ScanError) -> Box<Finding> {
    let line = error.marker().line() as u64;
    // The parser often notices a fault one line after the one that has it.
    let near = [line, line.saturating_sub(1)];
    for line in near.into_iter().filter(|line| *line > 0) {
        let content = line_of(text, line);
        if content.starts_with("<<<<<<<") || content.starts_with("=======") || content.starts_with(">>>>>>>") {
            let message = "The theme registry holds the marks of an unfinished merge.";
            let help = format!(
                "Open {PATH}, keep the lines that are wanted, and remove the <<<<<<<, ======= and >>>>>>> lines."
            );
            return fault("registry-merge-conflict", message, text, line, &help);
        }
        if let Some((first, second)) = glued_lines(content) {
            let message =
                "Two themes stand on one line of the theme registry: the line above the new one had no line end.";
            let help = format!("Make two lines of line {line} of {PATH}:\n{first}\n{second}");
            return fault("registry-lines-glued", message, text, line, &help);
        }
        if let Some(mended) = missing_space(content) {
            return space_fault(text, line, &mended);
        }
    }
    let message = format!("The theme registry is not valid YAML: {}.", error.info());
    fault(
        "registry-not-yaml",
        &message,
        text,
        line,
        &format!("Look at line {line} of {PATH} and the line above it. {RESTORE}"),
    )
}
