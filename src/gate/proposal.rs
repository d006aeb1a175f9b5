//! What is proposed, read by the way it was named; and the site as it will be, where the change is of the tree itself.

use std::fs;
use std::path::{Path, PathBuf};

use super::record::Record;
use super::{GateError, offered};
use crate::change::patch::{Patch, read_patch};
use crate::change::revision::{
    Rehearsal, RepositoryPlace, SiteRevision, read_rehearsal, read_site_revision, read_theme_revision,
};
use crate::change::{self, Change};
use crate::compiler::CompilerChoice;
use crate::finding::{Finding, Severity};
use crate::site::registry::{self, Registry};
use crate::site::{LiveSite, SiteError};
use crate::staging::{self, Scratch, StagingError};

/// The ways to name a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Proposal {
    /// Nothing: the live tree as it is.
    #[default]
    AsItIs,
    /// Theme folders or stylesheets.
    Themes(Vec<PathBuf>),
    /// Theme repositories at a revision.
    ThemeRevision {
        /// The repositories, or folders in them.
        repositories: Vec<RepositoryPlace>,
        /// Whatever `git rev-parse` takes.
        rev: String,
    },
    /// The site's own repository at a revision.
    SiteRevision(SiteRevision),
    /// A patch against the live tree.
    Patch(Patch),
    /// The next Mastodon, with the installed themes.
    Rehearsal(Rehearsal),
}

/// A change that was read.
pub(super) struct Proposed {
    pub(super) change: Change,
    /// The site with the change: another version or toolchain, perhaps.
    pub(super) site: LiveSite,
    /// Holds files of the change until it is staged.
    _scratch: Option<Scratch>,
}

/// Reads the change. What is wrong with it goes to the record.
pub(super) fn read(
    proposal: &Proposal,
    site: LiveSite,
    registry: Option<&Registry>,
    record: &mut Record<'_>,
) -> Result<Proposed, GateError> {
    let folders = site.output.folders();
    let matters = |path: &Path| staging::is_staged(path, &folders);
    let mut scratch = None;
    let mut room = || -> Result<PathBuf, StagingError> { Ok(scratch.insert(Scratch::new(&site.state)?).folder()) };
    let change = match proposal {
        Proposal::AsItIs => change::as_it_is(),
        Proposal::Themes(folders) => {
            offered::with_facts(&site, registry, |facts| change::read_theme_folders(folders, facts))?
        }
        Proposal::ThemeRevision { repositories, rev } => {
            let room = room()?;
            offered::with_facts(&site, registry, |facts| read_theme_revision(repositories, rev, facts, &room))?
        }
        Proposal::SiteRevision(wanted) => {
            let room = room()?;
            offered::with_facts(&site, registry, |facts| read_site_revision(wanted, facts, &matters, &room))?
        }
        Proposal::Patch(patch) => {
            let room = room()?;
            offered::with_facts(&site, registry, |facts| read_patch(patch, facts, &matters, &room))?
        }
        Proposal::Rehearsal(wanted) => {
            let room = room()?;
            offered::with_facts(&site, registry, |facts| read_rehearsal(wanted, facts, &matters, &room))?
        }
    };
    record.findings.extend(change.findings.iter().cloned());
    let site = match &scratch {
        Some(scratch) if change.is_of_the_tree() => site_with(site, &change, &scratch.folder().join("probe"), record)?,
        _ => site,
    };
    Ok(Proposed { change, site, _scratch: scratch })
}

/// Files by which a site is known: its version, its toolchain, and where that writes.
const KNOWN_BY: [&str; 7] = [
    "lib/mastodon/version.rb",
    "config/vite.json",
    "config/webpacker.yml",
    "Gemfile.lock",
    "bin/rails",
    "bin/vite",
    registry::PATH,
];

/// Folders by whose names a site is known: its own entries, and glitch-soc's flavours.
const KNOWN_BY_NAMES_IN: [&str; 3] = ["app/javascript/packs", "app/javascript/entrypoints", "app/javascript/flavours"];

/// The site with the change, inspected in a folder that has only what a site is known by.
fn site_with(site: LiveSite, change: &Change, probe: &Path, record: &mut Record<'_>) -> Result<LiveSite, GateError> {
    let names = KNOWN_BY
        .iter()
        .map(PathBuf::from)
        .chain(KNOWN_BY_NAMES_IN.iter().flat_map(|folder| files_in(&site.root, folder)));
    let mut known: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for name in names.filter(|name| !change.removed.contains(name)) {
        known.extend(fs::read(site.root.join(&name)).ok().map(|bytes| (name, bytes)));
    }
    let counts = |path: &Path| {
        KNOWN_BY.iter().any(|name| path == Path::new(name))
            || KNOWN_BY_NAMES_IN.iter().any(|folder| path.starts_with(folder))
    };
    for file in change.files.iter().filter(|file| counts(&file.to)) {
        known.push((file.to.clone(), file.bytes()?.to_vec()));
    }
    known.extend(change.registry.as_ref().map(|text| (PathBuf::from(registry::PATH), text.clone().into_bytes())));
    write_probe(probe, &known).map_err(|source| StagingError::Unwritable { path: probe.to_path_buf(), source })?;
    match LiveSite::inspect(Some(probe), Some(&site.state)) {
        Ok(after) => Ok(LiveSite { root: site.root, ..after }),
        Err(SiteError::NotMastodon { .. }) => {
            record.findings.push(no_mastodon());
            Ok(site)
        }
        Err(error) => Err(error.into()),
    }
}

fn files_in(root: &Path, folder: &str) -> Vec<PathBuf> {
    let found = walkdir::WalkDir::new(root.join(folder)).max_depth(2).into_iter().flatten();
    let files = found.filter(|entry| entry.file_type().is_file());
    files.filter_map(|entry| entry.path().strip_prefix(root).ok().map(Path::to_path_buf)).collect()
}

fn write_probe(probe: &Path, known: &[(PathBuf, Vec<u8>)]) -> std::io::Result<()> {
    fs::create_dir_all(probe.join(registry::PATHS_ROOT))?;
    for (path, bytes) in known {
        let place = probe.join(path);
        fs::create_dir_all(place.parent().unwrap_or(probe))?;
        fs::write(place, bytes)?;
    }
    Ok(())
}

fn no_mastodon() -> Finding {
    Finding::fatal(
        "revision-is-no-mastodon",
        "With this change the tree is no Mastodon: it has neither a registry nor a version.",
    )
    .at(registry::PATH)
    .at("lib/mastodon/version.rb")
    .meaning("The site would not start.")
    .help("See that it is the right branch: git log -1 REV. For a theme's repository: --theme DIR --rev REV")
}

/// With other lock files, what is installed is not what the revision wants: a build with it proves nothing, unless a command
/// was named that installs first. Nothing is added where something certain stops the change already.
pub(super) fn packages_change(
    change: &Change,
    (choice, site): (&CompilerChoice, &LiveSite),
    record: &Record<'_>,
) -> Option<Finding> {
    let first = change.locks.first()?;
    let message = format!(
        "The revision changes {}; the packages installed in the live tree are those of before.",
        first.display()
    );
    let finding =
        |severity| change.locks.iter().fold(Finding::new("packages-change", severity, message.clone()), Finding::at);
    match choice {
        CompilerChoice::Command(_) | CompilerChoice::Builtin => Some(finding(Severity::Benign)),
        // No toolchain, no packages: the builtin compiler serves.
        CompilerChoice::Auto if !site.has_rails => Some(finding(Severity::Benign)),
        _ if record.is_fatal() => Some(finding(Severity::Benign)),
        _ => Some(
            finding(Severity::Fatal)
                .meaning("The registry, the paths and the files were judged. Whether it compiles with the packages it asks for is not known.")
                .help("Let it install them in the staged tree first:\n  --compiler 'bundle install && yarn install --immutable && bundle exec rails assets:precompile'")
                .inconclusive(),
        ),
    }
}
