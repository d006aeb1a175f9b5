//! The report as one page for people who were not there: an administrator hands it on, or prints it.
//!
//! The page is `templates/report.html`. It stands by itself: no script, nothing fetched, every stranger's text escaped.

use std::io::{self, Write};

use askama::Template;

use super::{Report, text};
use crate::finding::{Evidence, Finding, Severity};
use crate::manifest::diff::EntryChange;
use crate::verdict::Verdict;

/// How many entries of one kind are listed; webpack renumbers hundreds of its chunks.
const LISTED: usize = 60;

/// The page, with all that it shows in words.
#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    verdict: &'static str,
    class: &'static str,
    sentence: String,
    run: String,
    themes: String,
    rows: Vec<(&'static str, String, String)>,
    grave: Vec<Card>,
    notes: Vec<Card>,
    invariants: Vec<(String, bool)>,
    entries: Vec<Entries>,
    left_out: Vec<(String, String)>,
    left: Vec<String>,
    ending: String,
    stored: bool,
    version: &'static str,
}

/// A finding.
struct Card {
    severity: &'static str,
    id: String,
    standing: String,
    message: String,
    places: Vec<String>,
    log: Option<(u64, String)>,
    meaning: Option<String>,
    help: Option<String>,
}

/// The entries of the manifest that one thing happened to.
struct Entries {
    what: &'static str,
    listed: Vec<(String, String)>,
    more: usize,
}

/// Writes the page; `stored` says whether `themegate show` can find the report again.
///
/// # Errors
/// If it cannot be written.
pub fn write(report: &Report, stored: bool, out: &mut dyn Write) -> io::Result<()> {
    page(report, stored).write_into(&mut *out)
}

fn page(report: &Report, stored: bool) -> Page {
    let (grave, notes): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| finding.severity > Severity::Benign);
    Page {
        verdict: text::word(report),
        class: class(report.verdict),
        sentence: text::plain(&text::sentence(report)),
        run: text::plain(&report.run),
        themes: text::plain(&report.themes.join(", ")),
        rows: rows(report),
        grave: grave.into_iter().map(card).collect(),
        notes: notes.into_iter().map(card).collect(),
        invariants: report.invariants.iter().map(|one| (text::plain(&one.statement), one.holds)).collect(),
        entries: entries(report),
        left_out: left_out(report),
        left: report.fast.iter().flat_map(|fast| &fast.left).map(|what| text::plain(what)).collect(),
        ending: text::plain(&ending(report)),
        stored,
        version: env!("CARGO_PKG_VERSION"),
    }
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Hold => "hold",
        Verdict::Block => "block",
        Verdict::Undecided => "undecided",
    }
}

fn rows(report: &Report) -> Vec<(&'static str, String, String)> {
    let seconds = |stage: &str| {
        let timing = report.timings.iter().find(|timing| timing.stage == stage);
        timing.map(|timing| format!("{:.1} s", timing.seconds)).unwrap_or_default()
    };
    super::rows::rows(report)
        .into_iter()
        .map(|(label, what, stage)| (label, text::plain(&what), seconds(stage)))
        .collect()
}

fn card(finding: &Finding) -> Card {
    let log = finding.evidence.iter().find_map(|evidence| match evidence {
        Evidence::Log { line, excerpt } => Some((*line, text::plain(excerpt))),
        Evidence::File { .. } => None,
    });
    Card {
        severity: finding.severity.word(),
        id: text::plain(&finding.id),
        standing: text::plain(text::standing(finding).trim()),
        message: text::plain(&finding.message),
        places: finding.evidence.iter().filter_map(place).collect(),
        log,
        meaning: finding.meaning.as_deref().map(text::plain),
        help: finding.help.as_deref().map(text::plain),
    }
}

fn place(evidence: &Evidence) -> Option<String> {
    let Evidence::File { path, line, excerpt } = evidence else { return None };
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    let excerpt =
        excerpt.as_deref().filter(|text| !text.is_empty()).map(|text| format!("   {text}")).unwrap_or_default();
    Some(text::plain(&format!("{}{line}{excerpt}", path.display())))
}

fn entries(report: &Report) -> Vec<Entries> {
    let Some(diff) = &report.manifest_diff else { return Vec::new() };
    let kinds = [("added", &diff.added), ("removed", &diff.removed), ("changed", &diff.changed)];
    let list = |(what, changes): (&'static str, &Vec<EntryChange>)| Entries {
        what,
        listed: changes
            .iter()
            .take(LISTED)
            .map(|change| (text::plain(&change.key), text::plain(&files(change))))
            .collect(),
        more: changes.len().saturating_sub(LISTED),
    };
    kinds.into_iter().filter(|(_, changes)| !changes.is_empty()).map(list).collect()
}

fn files(change: &EntryChange) -> String {
    let file = |file: &Option<String>, bytes: Option<u64>| {
        let size = bytes.map(|bytes| format!(" ({})", text::size(bytes))).unwrap_or_default();
        file.as_ref().map(|file| format!("{file}{size}"))
    };
    let (old, new) = (file(&change.old_file, change.old_bytes), file(&change.new_file, change.new_bytes));
    old.into_iter().chain(new).collect::<Vec<_>>().join(" → ")
}

fn left_out(report: &Report) -> Vec<(String, String)> {
    let pair = |fact: &super::LeftOutFact| (text::plain(&fact.path.to_string_lossy()), text::plain(&fact.why));
    report.change.left_out.iter().take(LISTED).map(pair).collect()
}

fn ending(report: &Report) -> String {
    let live = report.site.live.display();
    match (&report.promotion, &report.change.goes_live) {
        (None, None) => format!("Nothing was changed in {live}."),
        (None, Some(command)) => format!("Nothing was changed in {live}. It goes live as you deploy: {command}"),
        (Some(facts), _) => {
            format!("The live tree {live} as it was before: themegate rollback --to {}", facts.generation)
        }
    }
}
