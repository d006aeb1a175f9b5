//! Compiled stylesheets are whole: every bracket closed, no text cut off.

use super::{Invariant, Subject};
use crate::finding::Finding;

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
    findings
}
