//! Compiled stylesheets are whole: every bracket closed, no text cut off. So is the plain CSS that they were made from: some
//! minifiers close what was left open, and everything behind it is lost without a word.

use std::path::PathBuf;

use super::{Invariant, Subject};
use crate::finding::Finding;
use crate::stylesheet::Sheet;

pub(super) const INVARIANT: Invariant =
    Invariant { id: "sheet-whole", statement: "Each theme's compiled stylesheet parses.", check };

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (theme, read) in &subject.sheets {
        let Some(fault) = read.sheet.faults.first() else { continue };
        let shown = subject.staged.shown(&read.file);
        let message = format!("The stylesheet of {theme} is broken in line {}: {}.", fault.line, fault.what);
        let finding = if subject.touched.contains(theme) {
            Finding::fatal("stylesheet-broken", message)
        } else {
            Finding::benign("stylesheet-broken", format!("{message} The live site has it the same way."))
        };
        findings.push(
            finding
                .at_line(shown, fault.line, String::new())
                .meaning("Browsers drop everything from there on.")
                .help("Mend the source; a bracket or a quote is not closed."),
        );
    }
    findings.extend(plain_sources(subject));
    findings
}

fn plain_sources(subject: &Subject<'_>) -> Vec<Finding> {
    let plain = subject.sources.iter().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "css"));
    let fault = |(path, text): (&PathBuf, &String)| {
        let fault = Sheet::read(text).faults.into_iter().next()?;
        let is_touched =
            subject.offered.iter().any(|theme| path.ends_with(&theme.source) && subject.touched.contains(&theme.name));
        let excerpt = text.lines().nth(usize::try_from(fault.line).ok()?.saturating_sub(1)).unwrap_or_default().trim();
        is_touched.then(|| {
            Finding::fatal(
                "stylesheet-broken",
                format!("{} is broken in line {}: {}.", path.display(), fault.line, fault.what),
            )
            .at_line(path, fault.line, excerpt)
            .meaning("The rules from there on are lost, and the build says nothing about it.")
            .help("Mend the source; a bracket or a quote is not closed. If the upload broke off, upload it again.")
        })
    };
    plain.filter_map(fault).collect()
}
