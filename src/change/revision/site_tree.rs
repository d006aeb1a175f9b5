//! The site's own repository at a revision: what a checkout of it would make of the live tree.

use std::path::{Path, PathBuf};

use super::reading::{Around, Reading};
use super::repository::Source;
use super::{LocalEdits, RepositoryPlace, RevisionError, SiteRevision, base};
use crate::change::{Change, ChangeError, ChangeSource, SiteFacts};
use crate::finding::Finding;
use crate::site::registry;

/// Edits named in a finding; the others are counted.
const SHOWN: usize = 6;

/// Reads what the revision would make of the live tree. `matters` says whether a path of the live tree is staged at all;
/// `scratch` is an empty folder that lives as long as the change.
///
/// # Errors
/// If the repository cannot be read, or has no such revision.
pub fn read_site_revision(
    wanted: &SiteRevision,
    site: &SiteFacts<'_>,
    matters: &dyn Fn(&Path) -> bool,
    scratch: &Path,
) -> Result<Change, ChangeError> {
    let place = wanted.repository.clone().unwrap_or_else(|| RepositoryPlace::at(site.live));
    let source = Source::open(&place).map_err(|error| not_a_checkout(error, wanted))?;
    let mut around = Around::read(&source, wanted, site.live, matters, scratch)?;
    let leaves_out = wanted.edits == LocalEdits::LeaveOut;
    let unknown = if leaves_out { std::mem::take(&mut around.edits.untracked) } else { Vec::new() };
    let policy = if leaves_out { LocalEdits::Drop } else { wanted.edits };
    let mut reading = Reading::new(&around, policy, &|_| true);
    reading.tree.findings.extend(base::unfinished(site.live).filter(|_| !leaves_out));
    reading.read(matters, scratch)?;
    for path in unknown.iter().flat_map(|path| files_at(site.live, path)) {
        if !around.target.entries.contains_key(&path) {
            reading.tree.remove(&path);
        }
    }
    Ok(reading.into_change(place.path.clone(), wanted.repository.is_none(), site))
}

/// The file at `path` of the live tree, or every file below it.
fn files_at(live: &Path, path: &Path) -> Vec<PathBuf> {
    let found = walkdir::WalkDir::new(live.join(path)).into_iter().flatten();
    let files = found.filter(|entry| !entry.file_type().is_dir());
    files.filter_map(|entry| entry.path().strip_prefix(live).ok().map(Path::to_path_buf)).collect()
}

fn not_a_checkout(error: RevisionError, wanted: &SiteRevision) -> RevisionError {
    match error {
        RevisionError::NotARepository { path, .. } if wanted.repository.is_none() => RevisionError::NotARepository {
            path,
            advice: "If the site is deployed from a repository elsewhere, name it: --repo DIR\nFor a theme's repository: --theme DIR --rev REV",
        },
        other => other,
    }
}

impl Reading<'_> {
    fn into_change(mut self, repository: PathBuf, is_own: bool, site: &SiteFacts<'_>) -> Change {
        let conflicts = std::mem::take(&mut self.conflicts);
        let here = self.around.live.display().to_string();
        self.tree.findings.extend(conflicts.iter().map(|(path, lines)| conflict(path, lines, &here)));
        self.tree.findings.extend(self.edits_finding());
        self.tree.findings.extend(untracked(&self.around.edits.untracked));
        let carried = if self.policy == LocalEdits::Carry {
            self.around.edits.tracked.iter().cloned().collect()
        } else {
            Vec::new()
        };
        let command = self.checkout_command();
        let source =
            ChangeSource::SiteRevision { repository, revision: self.around.revision.clone(), edits: carried, is_own };
        self.tree.into_change(source, site, is_own.then_some(command))
    }

    /// What brings the revision to the live tree, in git's words.
    fn checkout_command(&self) -> String {
        let way = match self.policy {
            LocalEdits::Drop => "checkout --force",
            LocalEdits::Carry if !self.merged.is_empty() => "checkout --merge",
            _ => "checkout",
        };
        format!("git -C {} {way} {}", self.around.live.display(), self.around.revision.given)
    }

    fn edits_finding(&self) -> Option<Finding> {
        let edited = &self.around.edits.tracked;
        let first = edited.first()?;
        let files = match edited.len() {
            1 => first.display().to_string(),
            count => format!("{} and {} more", first.display(), count - 1),
        };
        let finding = match self.policy {
            LocalEdits::Refuse => Finding::fatal(
                "local-edits-refused",
                format!("The live tree has edits that are not committed: {files}."),
            )
            .meaning("--local-edits refuse asks for a live tree that is exactly what was committed.")
            .help(format!(
                "See them: git -C {} diff HEAD\nCommit them, or let them be carried over: --local-edits carry",
                self.around.live.display()
            )),
            LocalEdits::Carry => {
                let merged = match self.merged.len() {
                    0 => String::new(),
                    count => format!(" ({count} merged with the revision's own)"),
                };
                Finding::benign(
                    "local-edits-carried",
                    format!("Edits of the live tree are carried over: {files}{merged}."),
                )
            }
            LocalEdits::Drop | LocalEdits::LeaveOut => {
                Finding::benign("local-edits-dropped", format!("Edits of the live tree are not carried over: {files}."))
            }
        };
        Some(edited.iter().take(SHOWN).fold(finding, Finding::at))
    }
}

fn conflict(path: &Path, lines: &str, live: &str) -> Finding {
    let first = lines.lines().next().unwrap_or("both are no text");
    let (message, excerpt) = if lines.starts_with("<<<<<<<") {
        (format!("{} was edited in the live tree at a place that the revision changes too.", path.display()), lines)
    } else {
        (format!("{}: {first}.", path.display()), "")
    };
    let shown = if excerpt.is_empty() { String::new() } else { format!("\n{excerpt}") };
    let note =
        if path == Path::new(registry::PATH) { " For the registry, commit the site's own lines once." } else { "" };
    Finding::fatal("local-edit-conflict", format!("{message}{shown}"))
        .at(path)
        .meaning("git would refuse the checkout, or leave the marks of a conflict in the file.")
        .help(format!(
            "See the edit: git -C {live} diff HEAD -- {0}\nCommit or undo it, then check again; to check without it: --local-edits drop.{note}",
            path.display()
        ))
}

fn untracked(paths: &[PathBuf]) -> Option<Finding> {
    let first = paths.first()?;
    let message = match paths.len() {
        1 => format!("{} is not known to git; it stays.", first.display()),
        count => format!("{} and {} more are not known to git; they stay.", first.display(), count - 1),
    };
    Some(paths.iter().take(SHOWN).fold(Finding::benign("untracked-files-stay", message), Finding::at))
}
