//! Drift: files that a manifest names and that are missing, empty, or not the ones whose integrity values pages carry.

use std::collections::BTreeSet;
use std::path::Path;

use super::named_files::{FileState, NamedFile};
use super::patient::Patient;
use super::themes::affected;
use crate::finding::{Finding, Severity};

/// More places than this say no more.
const SHOWN: usize = 6;
/// More commands than this nobody types.
const TYPED: usize = 12;

pub(super) fn see(patient: &Patient<'_>) -> Vec<Finding> {
    let damaged: Vec<&NamedFile> = patient.files.iter().filter(|file| file.state != FileState::Whole).collect();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut findings = Vec::new();
    for theme in &patient.offered {
        let Some(entry) = patient.sheet(theme) else { continue };
        let file =
            damaged.iter().find(|file| file.file == entry.file && !matches!(file.state, FileState::Unreadable(_)));
        if let Some(file) = file {
            told.insert(&file.file);
            let message = format!(
                "The stylesheet of {}, {}, {}. {}",
                theme.name,
                file.file,
                state(&file.state),
                affected(patient, &theme.name)
            );
            let meaning =
                "Its pages come without any style, text and links on white: browsers get no such file, or refuse it.";
            findings.push(mended(
                patient,
                &[file],
                theme.show_in(Finding::fatal(id(&file.state), message)).meaning(meaning),
            ));
        }
    }
    let others: Vec<&NamedFile> =
        damaged.into_iter().filter(|file| !told.contains(file.file.as_str()) && matters(file)).collect();
    findings.extend(grouped(patient, &others));
    findings
}

/// Source maps and licence texts serve nobody's page; some administrators remove them.
fn matters(file: &NamedFile) -> bool {
    ![".map", ".txt"].iter().any(|ending| file.file.ends_with(ending))
}

fn grouped(patient: &Patient<'_>, files: &[&NamedFile]) -> Vec<Finding> {
    let ids: BTreeSet<(&str, Severity)> = files.iter().map(|file| (id(&file.state), severity(file))).collect();
    let group = |(group, grave): (&'static str, Severity)| {
        let alike: Vec<&NamedFile> =
            files.iter().filter(|file| id(&file.state) == group && severity(file) == grave).copied().collect();
        let first = alike.first()?;
        Some(of_group(patient, first, &alike))
    };
    ids.into_iter().filter_map(group).collect()
}

fn of_group(patient: &Patient<'_>, first: &NamedFile, alike: &[&NamedFile]) -> Finding {
    let more = match alike.len() - 1 {
        0 => String::new(),
        more => format!(" So it is with {more} more."),
    };
    let message = format!("{}, which the manifest names for {}, {}.{more}", first.file, first.key, state(&first.state));
    let finding = Finding::new(id(&first.state), severity(first), message);
    let finding = alike.iter().take(SHOWN).fold(finding, |finding, file| finding.at(patient.tree.shown(&file.file)));
    if matches!(first.state, FileState::Unreadable(_)) {
        return finding
            .meaning("themegate cannot say whether it is whole. The web server may be able to read it all the same.")
            .help("Run this as the user that owns the live tree: su - mastodon")
            .inconclusive();
    }
    let meaning = match (&first.state, severity(first)) {
        (FileState::Altered, Severity::Fatal) => {
            "Browsers refuse a file whose bytes are not those that the page promises."
        }
        (_, Severity::Fatal) => "Pages that load it stay without that script or style, or blank.",
        _ => "A picture, a font or a page of Rails' own is missing or not what was compiled.",
    };
    mended(patient, alike, finding.meaning(meaning))
}

fn severity(file: &NamedFile) -> Severity {
    let is_code = [".css", ".js", ".mjs"].iter().any(|ending| file.file.ends_with(ending));
    let unreadable = matches!(file.state, FileState::Unreadable(_));
    if is_code && file.is_bundled && !unreadable { Severity::Fatal } else { Severity::Review }
}

const fn id(state: &FileState) -> &'static str {
    match state {
        FileState::Missing => "file-missing",
        FileState::Empty => "file-empty",
        FileState::Unreadable(_) => "file-unreadable",
        FileState::Altered | FileState::Whole => "file-altered",
    }
}

fn state(state: &FileState) -> String {
    match state {
        FileState::Missing => "is not there".to_owned(),
        FileState::Empty => "is empty".to_owned(),
        FileState::Unreadable(why) => format!("cannot be read ({why})"),
        FileState::Altered => "was altered: its bytes do not match its integrity value".to_owned(),
        FileState::Whole => "is whole".to_owned(),
    }
}

/// From a compressed form that still holds the right bytes, if each has one; else by a compile in a stage.
fn mended(patient: &Patient<'_>, files: &[&NamedFile], finding: Finding) -> Finding {
    let cures: Option<Vec<&String>> = files.iter().map(|file| file.cure.as_ref()).collect();
    match cures.filter(|cures| cures.len() <= TYPED) {
        Some(cures) => {
            let help = "A compressed form beside it still holds the right bytes:";
            cures.into_iter().fold(finding.help(help), |finding, form| finding.command(unpack(patient, form)))
        }
        None => {
            let [check, promote] = patient.commands.compile();
            let help = "Compile in a stage and make that live; files of the same name are replaced:";
            finding.help(help).command(check).command(promote).command(patient.commands.restart())
        }
    }
}

fn unpack(patient: &Patient<'_>, form: &str) -> String {
    let program = if form.ends_with(".gz") { "gzip" } else { "brotli" };
    format!("{program} -dkf {}", patient.commands.path(Path::new(&patient.tree.shown(form))))
}
