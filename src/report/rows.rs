//! What a check did, a line for each stage.

use super::figures::{grouped, size};
use super::{PrecompileFacts, Report, rehearsed};
use crate::finding::Severity;
use crate::manifest::diff::ManifestDiff;
use crate::promotion::facts::SwitchFacts;

/// What was done, line by line: the label, what came of it, and the stage whose time belongs to it.
pub(super) fn rows(report: &Report) -> Vec<(&'static str, String, &'static str)> {
    let site = &report.site;
    let live = format!("{}   {}, {}", site.live.display(), site.title, site.toolchain.word());
    let mut rows = vec![("live tree", live, ""), ("change", change_line(report), "change")];
    rows.extend(report.answered_from.as_ref().map(|run| {
        let words = format!("answered from the run {run}: nothing that it depends on has changed (--fresh asks again)");
        ("evidence", words, "evidence")
    }));
    rows.extend(report.rehearsal.as_ref().map(|rehearsal| ("themes", rehearsed::in_words(rehearsal), "")));
    rows.extend(report.staging.as_ref().map(|staging| {
        let size = format!("{} files, {}", grouped(staging.files), size(staging.bytes));
        let cached = if staging.cached_files == 0 { "" } else { ", compile caches of an earlier check" };
        ("staging", format!("{}, {size}{cached}", staging.method), "staging")
    }));
    let isolation = report.staging.as_ref().map(|staging| staging.isolation.clone()).filter(|words| !words.is_empty());
    rows.extend(isolation.map(|words| ("isolation", words, "")));
    let build = report.precompile.as_ref();
    let sheets = report.fast.as_ref().map_or_else(String::new, |fast| match fast.sheets.len() {
        1 => ", 1 stylesheet".to_owned(),
        count => format!(", {count} stylesheets"),
    });
    rows.extend(build.map(|build| ("precompile", build_line(build, &sheets), "precompile")));
    let log = report.log.as_ref();
    rows.extend(log.map(|log| ("log", log_line(report, log.lines, log.unaccounted), "rules")));
    rows.extend(report.manifest_diff.as_ref().map(|diff| ("manifest", manifest_line(diff), "manifest")));
    if !report.invariants.is_empty() {
        let hold = report.invariants.iter().filter(|invariant| invariant.holds).count();
        rows.push(("invariants", format!("{hold} of {} hold", report.invariants.len()), "invariants"));
    }
    rows.extend(report.people.as_ref().map(|people| ("people", people.line(&report.themes), "")));
    rows.extend(report.promotion.as_ref().map(|promotion| ("promotion", promoted(promotion), "")));
    rows
}

fn build_line(build: &PrecompileFacts, sheets: &str) -> String {
    let memory =
        if build.peak_memory == 0 { String::new() } else { format!("   {} of memory", size(build.peak_memory)) };
    format!("{}{sheets}   {}{memory}", build.command, build.end)
}

fn manifest_line(diff: &ManifestDiff) -> String {
    let (added, removed, changed) = (entries(diff.added.len()), diff.removed.len(), diff.changed.len());
    format!("{added} added, {removed} removed, {changed} changed, {} the same", diff.unchanged)
}

fn promoted(facts: &SwitchFacts) -> String {
    let SwitchFacts { generation, files, bytes_written, seconds, aftermath, .. } = facts;
    let written = size(*bytes_written);
    let after = aftermath.words();
    format!("{generation}: {files} files, {written} written in {seconds:.1} s; Mastodon was {after}")
}

fn change_line(report: &Report) -> String {
    let change = &report.change;
    if change.files + change.removed == 0 && report.themes.is_empty() && change.left_out.is_empty() {
        return change.source.clone();
    }
    let themes = match report.themes.as_slice() {
        [] => "no theme".to_owned(),
        [theme] => format!("1 theme ({theme})"),
        themes => format!("{} themes ({})", themes.len(), themes.join(", ")),
    };
    let left_out = match change.left_out.len() {
        0 => String::new(),
        1 => format!("; 1 file left out ({})", change.left_out[0].path.display()),
        count => format!("; {count} files left out ({}, …)", change.left_out[0].path.display()),
    };
    let files = if change.files == 1 { "1 file".to_owned() } else { format!("{} files", change.files) };
    let removed = if change.removed == 0 { String::new() } else { format!(", {} removed", change.removed) };
    format!("{}: {themes}, {files}{removed}{left_out}", change.source)
}

fn log_line(report: &Report, lines: u64, unaccounted: u64) -> String {
    let notes = report.findings.iter().filter(|finding| finding.rule.is_some() && finding.severity == Severity::Benign);
    let accounted = if unaccounted == 0 {
        "all accounted for".to_owned()
    } else {
        format!("{} without a word of trouble that no rule knows", grouped(unaccounted))
    };
    format!("{} lines, {accounted}; known notes: {}", grouped(lines), notes.count())
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}
