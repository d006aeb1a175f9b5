//! A theme repository at a revision: its tree is written to a scratch folder, and judged there as any theme folder is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::bytes;
use super::checkout::Checkout;
use super::listing::{self, Bounds, Entry, Kind, Listing};
use super::repository::Source;
use super::{RepositoryPlace, RevisionError, RevisionName};
use crate::change::content;
use crate::change::folder::{self, FoundFile};
use crate::change::layout::{self, Layout};
use crate::change::places::{self, Place};
use crate::change::{Change, ChangeError, ChangeSource, SiteFacts, as_it_is, read_theme_folders};
use crate::finding::{Evidence, Finding};

/// A theme is a few dozen files; its repository has some more.
const BOUNDS: Bounds = Bounds { most: 10_000, what: "theme repository" };

/// Reads theme repositories at the revision `rev`; each of them must have it. `scratch` is an empty folder that lives as
/// long as the change.
///
/// # Errors
/// If a repository cannot be read, has no such revision, or holds no theme in any known layout.
pub fn read_theme_revision(
    repositories: &[RepositoryPlace],
    rev: &str,
    site: &SiteFacts<'_>,
    scratch: &Path,
) -> Result<Change, ChangeError> {
    let mut written = Vec::new();
    let mut findings = Vec::new();
    let mut name = None;
    for (index, place) in repositories.iter().enumerate() {
        let theme = write_theme(place, rev, &scratch.join(index.to_string()))?;
        findings.extend(theme.findings);
        written.push((theme.folder, place.path.clone()));
        name = Some(theme.revision);
    }
    let folders: Vec<PathBuf> = written.iter().map(|(folder, _)| folder.clone()).collect();
    let mut change = match read_theme_folders(&folders, site) {
        // What was refused may be all that there is: that is what has to be told.
        Err(ChangeError::NoLayout { .. } | ChangeError::OneBelow { .. }) if !findings.is_empty() => as_it_is(),
        read => read.map_err(|error| named(error, &written))?,
    };
    let repositories = written.iter().map(|(_, named)| named.clone()).collect();
    if let Some(revision) = name {
        change.source = ChangeSource::ThemeRevision { repositories, revision };
    }
    change.findings.splice(0..0, findings);
    change.findings.iter_mut().for_each(|finding| name_evidence(finding, &written));
    Ok(change)
}

/// A theme's tree in the scratch folder.
struct Written {
    folder: PathBuf,
    revision: RevisionName,
    findings: Vec<Finding>,
}

fn write_theme(place: &RepositoryPlace, rev: &str, scratch: &Path) -> Result<Written, RevisionError> {
    let (source, below) = Source::open_around(place)?;
    let (commit, revision) = source.commit(rev)?;
    let tree = source.tree(&commit, &revision)?;
    let tree = listing::folder_of(&source, &revision, tree, &below)?;
    let listing = listing::list(&source, &revision, tree, &BOUNDS)?;
    // A folder called like the repository: `mastodon` means something to the layouts.
    let name = place.path.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let name = name.map_or_else(|| "theme".to_owned(), |name| name.trim_end_matches(".git").to_owned());
    let name = if name.is_empty() { "theme".to_owned() } else { name };
    let checkout = Checkout::prepare(scratch, &name, &source)?;
    let mut findings = refusals(&listing, &source);
    let mut wanted = BTreeSet::new();
    for (path, entry) in listing.entries.iter().filter(|(path, entry)| entry.is_file() && is_wanted(path)) {
        match size(&source, &revision, entry)? {
            len if len > bytes::TOO_LARGE => findings.push(bytes::too_large(path, len)),
            _ => drop(wanted.insert(path.as_path())),
        }
    }
    checkout.write(&source, &revision, &listing, &wanted)?;
    for path in wanted {
        if let Err(finding) = bytes::settle(&checkout, &source, path) {
            findings.push(*finding);
            // Judged already; what stands there is not the file.
            let place = checkout.files.join(path);
            fs::remove_file(&place).map_err(RevisionError::scratch(&place))?;
        }
    }
    Ok(Written { folder: checkout.files, revision, findings })
}

fn size(source: &Source, revision: &RevisionName, entry: &Entry) -> Result<usize, RevisionError> {
    let header = source.repository.odb().and_then(|odb| odb.read_header(entry.id));
    header.map(|(len, _)| len).map_err(|error| source.incomplete(revision, &error))
}

/// What a walk through the folder would enter, and whose name it would take.
fn is_wanted(path: &Path) -> bool {
    super::is_plain_name(path) && !path.ancestors().skip(1).any(|folder| places::never_entered(folder).is_some())
}

fn layout_of(listing: &Listing, source: &Source) -> Option<Layout> {
    let files = listing.entries.iter().filter(|(_, entry)| entry.is_file());
    let found = files.map(|(path, _)| FoundFile { path: path.clone(), executable: false, len: 0 });
    let imports_stock = |path: &Path| {
        let blob = listing.entries.get(path).and_then(|entry| source.repository.find_blob(entry.id).ok());
        blob.is_some_and(|blob| content::imports_stock(blob.content()))
    };
    layout::detect(&found.collect::<Vec<_>>(), &imports_stock)
}

/// Whether a stylesheet in this folder of the repository would be deployed.
fn is_deployed(folder: &Path, layout: &Layout) -> bool {
    let place = layout.target(&folder.join("x.scss")).map(|to| places::place_of(&to, layout.has_own_folder()));
    place.is_ok_and(|place| !matches!(place, Place::LeaveOut(_)))
}

/// Links, submodules and names that no folder should have.
fn refusals(listing: &Listing, source: &Source) -> Vec<Finding> {
    let mut findings: Vec<Finding> = listing.impossible.iter().map(|path| bytes::unsafe_name(path)).collect();
    let layout = layout_of(listing, source);
    for (path, entry) in &listing.entries {
        match entry.kind {
            _ if !super::is_plain_name(path) => findings.push(bytes::unsafe_name(path)),
            _ if !is_wanted(path) => {}
            Kind::Link => findings.push(folder::link(path)),
            Kind::Submodule if layout.as_ref().is_none_or(|layout| is_deployed(path, layout)) => {
                findings.push(bytes::submodule(path, source));
            }
            Kind::Submodule | Kind::File | Kind::Program => {}
        }
    }
    findings
}

/// The user named a repository, not our scratch folder.
fn named(error: ChangeError, written: &[(PathBuf, PathBuf)]) -> ChangeError {
    let name = |path: PathBuf| real_name(&path, written).unwrap_or(path);
    match error {
        // A folder within a commit is not to be named by --theme.
        ChangeError::NoLayout { path } | ChangeError::OneBelow { path, .. } => {
            ChangeError::NoLayout { path: name(path) }
        }
        ChangeError::NotATheme { path } => ChangeError::NotATheme { path: name(path) },
        other => other,
    }
}

fn name_evidence(finding: &mut Finding, written: &[(PathBuf, PathBuf)]) {
    for evidence in &mut finding.evidence {
        if let Evidence::File { path, .. } = evidence
            && let Some(real) = real_name(path, written)
        {
            *path = real;
        }
    }
}

fn real_name(path: &Path, written: &[(PathBuf, PathBuf)]) -> Option<PathBuf> {
    written.iter().find_map(|(folder, named)| {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let below = path.strip_prefix(folder).ok()?;
        Some(if below.as_os_str().is_empty() { named.clone() } else { named.join(below) })
    })
}
