//! What is wrong with the running site, who is affected, and the command that mends it. One file for each thing it looks at.
//!
//! It only reads: no lock is taken and nothing of the live tree is written, so that it runs beside a check or a promotion.
//! A look sees a [`Patient`] and gives findings; it neither judges nor knows the other looks.

mod commands;
mod digests;
mod error_page;
mod files;
mod frozen;
mod manifest;
mod named_files;
mod patient;
mod people;
mod registry;
mod siblings;
mod themes;
mod unfinished;
mod unnamed;
pub mod watch;

use std::time::{Duration, Instant};

use crate::finding::{Finding, Severity};
use crate::report::SiteFacts;
use crate::report::diagnosis::{Diagnosis, LookedAt, SCHEMA_VERSION};
use crate::report::people::PeopleFacts;
use crate::site::{LiveSite, SiteError};
use crate::theme_setting::people::Inquiry;
use crate::verdict;

pub use commands::Commands;
use patient::Patient;

/// One thing that is looked at.
struct Look {
    /// What it sees.
    see: fn(&Patient<'_>) -> Vec<Finding>,
}

/// All looks, in the order of the report within one severity.
const ALL: &[Look] = &[
    Look { see: unfinished::see },
    Look { see: manifest::see },
    Look { see: registry::see },
    Look { see: themes::see },
    Look { see: people::see },
    Look { see: files::see },
    Look { see: siblings::see },
    Look { see: error_page::see },
    Look { see: digests::see },
    Look { see: frozen::see },
    Look { see: unnamed::see },
];

/// How often it looks again when the live tree moves under its eyes.
const LOOKS: usize = 3;

/// Looks at the live tree.
///
/// # Errors
/// If the registry is there and cannot be read.
pub fn examine(site: &LiveSite, commands: &Commands, inquiry: Option<Inquiry>) -> Result<Diagnosis, SiteError> {
    let began = Instant::now();
    let mut patient = Patient::read(site, commands)?;
    let facts = patient.meet(inquiry);
    let mut findings = look(&patient);
    for _ in 1..LOOKS {
        // Somebody may be promoting or compiling right now: what was seen half old and half new is looked at again.
        let again = patient.again()?;
        if !is_grave(&findings) || again.is_same(&patient) {
            break;
        }
        std::thread::sleep(Duration::from_millis(300));
        patient = again;
        findings = look(&patient);
    }
    Ok(diagnosis(&patient, facts, findings, began))
}

fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = ALL.iter().flat_map(|look| (look.see)(patient)).collect();
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.inconclusive));
    findings
}

fn is_grave(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity > Severity::Benign)
}

fn diagnosis(patient: &Patient<'_>, people: PeopleFacts, findings: Vec<Finding>, began: Instant) -> Diagnosis {
    let site = patient.site;
    Diagnosis {
        schema_version: SCHEMA_VERSION,
        standing: verdict::standing(&findings),
        site: SiteFacts { live: site.root.clone(), title: site.title(), fork: site.fork, toolchain: site.toolchain },
        looked_at: LookedAt {
            themes: patient.offered.iter().map(|theme| theme.name.clone()).collect(),
            files: patient.files.len() as u64,
            bytes: patient.files.iter().map(|file| file.bytes).sum(),
            seconds: began.elapsed().as_secs_f64(),
        },
        people,
        findings,
    }
}
