//! The report for machines. Its schema is committed as `schemas/report.schema.json`.

use std::io::{self, Write};

use super::Report;

/// Writes the report as JSON, one line at the end.
///
/// # Errors
/// If it cannot be written.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}

/// The schema of the report, generated from its types.
///
/// # Panics
/// Never: a schema is always JSON.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Report);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is made of maps with text keys");
    format!("{text}\n")
}
