//! One stylesheet through `grass`: its CSS, or a fault with its place, or something this compiler cannot judge.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use codemap::SpanLoc;
use grass::{Logger, Options, OutputStyle};

use super::builtin::SPEAKER;
use super::sources::SourceTree;

/// Why a stylesheet was not compiled.
#[derive(Debug)]
pub(super) enum Fault {
    /// The source is wrong, and every Sass compiler would say so.
    Source(String),
    /// This compiler does not know the feature; another may compile it.
    Unjudged(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(place) => write!(out, "error: {place}"),
            Self::Unjudged(place) => write!(out, "cannot judge: {place}"),
        }
    }
}

/// Compiles the stylesheet at `source` (relative to the sources' folder), writing its `@warn`s to the log.
pub(super) fn compile(tree: &SourceTree, source: &str, log: &mut dyn Write) -> io::Result<Result<String, Fault>> {
    let path = tree.source.join(source);
    let shown = tree.shown(&path.to_string_lossy());
    if !path.is_file() {
        return Ok(Err(Fault::Source(format!("{shown}: there is no such file, and the registry names it"))));
    }
    let warnings = Warnings { tree, heard: RefCell::new(Vec::new()) };
    let options = Options::default()
        .style(OutputStyle::Expanded)
        .fs(tree)
        .logger(&warnings)
        .load_path(tree.source.join("styles"))
        .load_path(&tree.source)
        .load_path(&tree.modules);
    // grass has places that panic; a panic says nothing of the theme.
    let compiled = catch_unwind(AssertUnwindSafe(|| grass::from_path(&path, &options)));
    for warning in warnings.heard.borrow().iter() {
        writeln!(log, "{SPEAKER} {warning}")?;
    }
    Ok(match compiled {
        Ok(Ok(css)) => Ok(css),
        Ok(Err(error)) => Err(classify(tree, &shown, *error)),
        Err(_) => Err(Fault::Unjudged(format!("{shown}: the builtin compiler broke on it"))),
    })
}

fn classify(tree: &SourceTree, shown: &str, error: grass::Error) -> Fault {
    use grass::ErrorKind::{FromUtf8Error, IoError, ParseError};
    match error.kind() {
        ParseError { message, loc, .. } => {
            let place = place(tree, &loc);
            let message = message.replace('\n', " ");
            if is_certain(&message) {
                Fault::Source(format!("{place}: {message}"))
            } else {
                Fault::Unjudged(format!("{place}: {message}"))
            }
        }
        IoError(error) => Fault::Source(format!("{shown}: it cannot be read: {error}")),
        FromUtf8Error(_) => Fault::Source(format!("{shown}: it, or a file it imports, is not UTF-8")),
        other => Fault::Unjudged(format!("{shown}: {other:?}")),
    }
}

fn place(tree: &SourceTree, loc: &SpanLoc) -> String {
    format!("{}:{}:{}", tree.shown(loc.file.name()), loc.begin.line + 1, loc.begin.column + 1)
}

/// Faults that every Sass compiler reports in the same way, by the words grass has for them (grass 0.13). Everything else
/// may be a feature of newer Sass that grass lacks: relative colours, `@layer` forms, new functions.
fn is_certain(message: &str) -> bool {
    const CERTAIN: [&str; 14] = [
        "expected \"}\"",
        "expected \"{\"",
        "expected \";\"",
        "expected \")\"",
        "Undefined variable",
        "Undefined mixin",
        "Can't find stylesheet to import",
        "Expected string",
        "Expected identifier",
        "unmatched \"}\"",
        "This module is already being loaded",
        "Top-level selectors may not contain the parent selector",
        "There is no module",
        "Module loop",
    ];
    let message = message.to_ascii_lowercase();
    // A text that was begun and not ended, in either kind of quotes.
    if ["expected '", "expected \""].contains(&message.trim_end_matches('.')) {
        return true;
    }
    CERTAIN.iter().any(|words| message.contains(&words.to_ascii_lowercase()))
}

#[derive(Debug)]
struct Warnings<'tree> {
    tree: &'tree SourceTree,
    heard: RefCell<Vec<String>>,
}

impl Logger for Warnings<'_> {
    fn debug(&self, location: SpanLoc, message: &str) {
        let place = place(self.tree, &location);
        self.heard.borrow_mut().push(format!("debug: {place}: {}", message.replace('\n', " ")));
    }

    fn warn(&self, location: SpanLoc, message: &str) {
        let place = place(self.tree, &location);
        self.heard.borrow_mut().push(format!("warning: {place}: {}", message.replace('\n', " ")));
    }
}
