//! What the doctor says of a running site: one record, as text for people and as JSON for machines. Its schema is committed as
//! `schemas/diagnosis.schema.json`.

use std::fmt::Write as _;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SiteFacts;
use super::people::PeopleFacts;
use super::text::{DIM, GREEN, Layout, RED, YELLOW, finding, grouped, push_row, size};
use crate::finding::{Finding, Severity};
use crate::verdict::{Standing, standing};

/// The version of the record's shape. Raised when a reader of the old shape would misread the new one.
pub const SCHEMA_VERSION: u32 = 1;

/// What was found on a running site.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// The version of this shape.
    pub schema_version: u32,
    /// How the site stands.
    pub standing: Standing,
    /// The live tree.
    pub site: SiteFacts,
    /// What was looked at.
    pub looked_at: LookedAt,
    /// How many people use each theme.
    pub people: PeopleFacts,
    /// Worst first; each with the commands that mend it.
    pub findings: Vec<Finding>,
}

/// What was looked at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LookedAt {
    /// Themes that are offered.
    pub themes: Vec<String>,
    /// Files that manifests name.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Seconds that it took.
    pub seconds: f64,
}

impl Diagnosis {
    /// For those who have to know who is affected: where the database cannot be asked, that is a reason not to know.
    pub fn need_people(&mut self) {
        if self.people.known {
            return;
        }
        let reason = self.people.unknown_because.clone().unwrap_or_default();
        let unknown = Finding::review("people-unknown", format!("It is not known who uses which theme. {reason}"))
            .meaning("Whether the site's own theme is offered, and who is on one that is broken, was not looked at.")
            .inconclusive();
        self.findings.push(unknown);
        self.standing = standing(&self.findings);
    }
}

/// Writes the record as JSON.
///
/// # Errors
/// If it cannot be written.
pub fn write_json(diagnosis: &Diagnosis, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, diagnosis)?;
    writeln!(out)
}

/// The schema of the record, generated from its types.
///
/// # Panics
/// Never: a schema is always JSON.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Diagnosis);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is made of maps with text keys");
    format!("{text}\n")
}

/// Writes the record for people. Colours are always written; the caller's stream strips them where they do not belong.
///
/// # Errors
/// If it cannot be written.
pub fn write_text(diagnosis: &Diagnosis, layout: Layout, out: &mut dyn Write) -> io::Result<()> {
    let mut text = String::new();
    header(diagnosis, layout, &mut text);
    verdict(diagnosis, &mut text);
    for one in diagnosis.findings.iter().filter(|one| layout.verbose || is_shown(one)) {
        text.push('\n');
        text.push_str(&finding(one, layout));
    }
    footer(diagnosis, layout, &mut text);
    out.write_all(text.as_bytes())
}

/// Harmless notes that somebody may look for at two in the morning are shown all the same.
fn is_shown(finding: &Finding) -> bool {
    finding.severity > Severity::Benign
        || ["frozen", "promotion-at-work", "nothing-compiled"].contains(&finding.id.as_str())
}

fn header(diagnosis: &Diagnosis, layout: Layout, text: &mut String) {
    let (site, seen) = (&diagnosis.site, &diagnosis.looked_at);
    let title = format!("{}   {}, {}", site.live.display(), site.title, site.toolchain.word());
    push_row(text, "live tree", &title, "", layout.width);
    let themes = if seen.themes.len() == 1 { "1 theme".to_owned() } else { format!("{} themes", seen.themes.len()) };
    let files = format!("{themes} offered, {} compiled files ({})", grouped(seen.files), size(seen.bytes));
    push_row(text, "looked at", &files, &format!("{:>7.1} s", seen.seconds), layout.width);
    let people = &diagnosis.people;
    if let Some(database) = &people.database {
        push_row(text, "database", database, "", layout.width);
    }
    let unknown = people.unknown_because.as_ref().map(|reason| format!("not known who uses which theme. {reason}"));
    push_row(text, "people", &unknown.unwrap_or_else(|| people.line(&[])), "", layout.width);
}

fn verdict(diagnosis: &Diagnosis, text: &mut String) {
    let style = match diagnosis.standing {
        Standing::Sound => GREEN,
        Standing::Doubtful => YELLOW,
        Standing::Broken | Standing::Undecided => RED,
    };
    let counting = diagnosis.findings.iter().filter(|finding| finding.counts() && !finding.inconclusive).count();
    let findings = if counting == 1 { "1 finding".to_owned() } else { format!("{counting} findings") };
    let nothing_compiled = diagnosis.findings.iter().any(|finding| finding.id == "nothing-compiled");
    let sentence = match diagnosis.standing {
        Standing::Sound if nothing_compiled => {
            "Nothing is compiled here yet, and nothing is wrong otherwise.".to_owned()
        }
        Standing::Sound => "Every theme that is offered is compiled, and its files are whole.".to_owned(),
        Standing::Doubtful => format!("{findings}: a person has to look."),
        Standing::Broken => format!("{findings}, the worst first. Type the commands in the order they stand."),
        Standing::Undecided => "Nothing is known to be wrong, and not everything could be looked at.".to_owned(),
    };
    let _ = writeln!(text, "\n{style}{}{style:#}   {sentence}", diagnosis.standing.word());
}

fn footer(diagnosis: &Diagnosis, layout: Layout, text: &mut String) {
    let hidden = diagnosis.findings.iter().filter(|finding| !is_shown(finding)).count();
    if hidden > 0 && !layout.verbose {
        let notes = if hidden == 1 { "1 harmless note".to_owned() } else { format!("{hidden} harmless notes") };
        let _ = writeln!(text, "\n{DIM}{notes}; themegate doctor --verbose lists them.{DIM:#}");
    }
    let _ = writeln!(text, "\nNothing was changed in {}.", diagnosis.site.live.display());
}
