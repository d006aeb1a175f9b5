//! Compressed forms hold what they compress: nginx serves them in its place (`gzip_static`, `brotli_static`).

use std::path::Path;

use super::named_files::unpacked;
use super::patient::Patient;
use crate::finding::{Finding, Severity};

/// More commands than this nobody types.
const TYPED: usize = 12;

pub(super) fn see(patient: &Patient<'_>) -> Vec<Finding> {
    let named = patient.files.iter().flat_map(|file| &file.torn);
    let torn: Vec<String> = named.cloned().chain(service_worker(patient)).collect();
    let (packed, brotli): (Vec<String>, Vec<String>) = torn.into_iter().partition(|form| form.ends_with(".gz"));
    let of = |severity, forms: Vec<String>| (!forms.is_empty()).then(|| finding(patient, severity, &forms));
    // Stock nginx has no brotli module: there nobody is served the second kind.
    of(Severity::Fatal, packed).into_iter().chain(of(Severity::Review, brotli)).collect()
}

/// Not named by a manifest, rewritten by each build under the same name.
fn service_worker(patient: &Patient<'_>) -> Vec<String> {
    let packs = patient.site.output.packs.strip_prefix(&patient.site.output.public).unwrap_or(Path::new("packs"));
    let file = packs.join("sw.js").to_string_lossy().into_owned();
    let Ok(bytes) = patient.tree.read_served(&file) else { return Vec::new() };
    let differs = |form: &String| {
        let Ok(packed) = patient.tree.read_served(form) else { return false };
        unpacked(form, &packed, bytes.len() as u64 + 1).is_none_or(|unpacked| unpacked != bytes)
    };
    [format!("{file}.gz"), format!("{file}.br")].into_iter().filter(differs).collect()
}

fn finding(patient: &Patient<'_>, severity: Severity, forms: &[String]) -> Finding {
    let first = &forms[0];
    let more = match forms.len() - 1 {
        0 => String::new(),
        more => format!(" So it is with {more} more."),
    };
    let message = format!("{first} does not hold what it compresses.{more}");
    let finding = Finding::new("compressed-form-differs", severity, message)
        .meaning("A web server that sends compressed forms (gzip_static) gives browsers the wrong bytes, and they refuse them.")
        .help("Without the compressed form the web server sends the file itself:");
    let finding = forms.iter().take(6).fold(finding, |finding, form| finding.at(patient.tree.shown(form)));
    let paths: Vec<String> =
        forms.iter().take(TYPED).map(|form| patient.commands.path(&patient.tree.shown(form))).collect();
    finding.command(format!("rm {}", paths.join(" ")))
}
