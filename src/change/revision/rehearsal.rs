//! The next Mastodon with the themes that a site has: its commit, the site's own files left where they are, and the site's
//! own lines added to its registry.

use std::path::{Path, PathBuf};

use super::reading::{Around, Reading};
use super::repository::Source;
use super::{LocalEdits, RepositoryPlace, SiteRevision};
use crate::change::registration::theirs;
use crate::change::{Change, ChangeError, ChangeSource, GoesLive, SiteFacts, ThemeAddition, ThemeKind, imported};
use crate::finding::Finding;
use crate::site::registry::{self, Registry};

/// The next Mastodon, rehearsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Its commit, most often a tag.
    pub tag: String,
    /// Themes that are left out of it.
    pub without: Vec<String>,
}

/// The themes that a site has beside Mastodon's own: name, and path below `app/javascript`.
#[must_use]
pub fn own_themes(registry: &Registry) -> Vec<(String, String)> {
    let own =
        registry.entries().iter().filter(|entry| entry.is_string && !theirs::is_stock_line(&entry.name, &entry.path));
    own.map(|entry| (entry.name.clone(), entry.path.clone())).collect()
}

/// Reads what the live tree would be with the next Mastodon and the themes it has now. Edits of Mastodon's own files are
/// not carried over. `matters` and `scratch` as for [`super::read_site_revision`].
///
/// # Errors
/// If the repository cannot be read, or has no such commit.
pub fn read_rehearsal(
    wanted: &Rehearsal,
    site: &SiteFacts<'_>,
    matters: &dyn Fn(&Path) -> bool,
    scratch: &Path,
) -> Result<Change, ChangeError> {
    let source = Source::open(&RepositoryPlace::at(site.live))?;
    let revision = SiteRevision { repository: None, rev: wanted.tag.clone(), base: None, edits: LocalEdits::Drop };
    let around = Around::read(&source, &revision, site.live, matters, scratch)?;
    let shipped = |path: &Path| (site.shipped)(path);
    let mut reading = Reading::new(&around, LocalEdits::Drop, &shipped);
    reading.read(matters, scratch)?;
    for skin in wanted.without.iter().filter(|name| name.contains('/')) {
        leave_out_skin(&mut reading, site.live, skin);
    }
    let own = site.registry.map(own_themes).unwrap_or_default();
    let own: Vec<(String, String)> = own.into_iter().filter(|(name, _)| !wanted.without.contains(name)).collect();
    merge_registry(&mut reading, &around, &own);
    let stays = |path: &Path| {
        around.target.entries.contains_key(path) || site.live.join(path).is_file() && !reading.tree.removes(path)
    };
    let is_own = |path: &Path| !around.target.entries.contains_key(path);
    let entry = |path: &str| Path::new(registry::PATHS_ROOT).join(path);
    let gone = |path: &str| imported::gone(&entry(path), site.live, &stays, &is_own);
    let removed: Vec<Finding> =
        own.iter().flat_map(|(name, path)| removed_imports(name, gone(path), &wanted.tag)).collect();
    reading.tree.findings.extend(removed);
    let dropped: Vec<_> = around
        .edits
        .tracked
        .iter()
        .filter(|path| shipped(path) && *path != Path::new(registry::PATH))
        .cloned()
        .collect();
    reading.tree.findings.extend(edits_dropped(&dropped, &wanted.tag));
    let source = ChangeSource::Rehearsal { revision: around.revision.clone(), dropped };
    let mut change = reading.tree.into_change(source, site, None);
    change.goes_live = GoesLive::Never;
    let addition = |(name, path)| ThemeAddition { name, path, kind: ThemeKind::Update };
    change.themes = own.into_iter().map(addition).collect();
    Ok(change)
}

/// glitch-soc offers what it finds: a skin that shall not be offered has to go.
fn leave_out_skin(reading: &mut Reading<'_>, live: &Path, skin: &str) {
    let place = Path::new(registry::PATHS_ROOT).join("skins").join(skin);
    let single = ["scss", "css"].map(|ending| place.with_added_extension(ending));
    let below = walkdir::WalkDir::new(live.join(&place)).into_iter().flatten();
    let files = below.filter(|entry| !entry.file_type().is_dir()).map(walkdir::DirEntry::into_path);
    let files = files.filter_map(|path| path.strip_prefix(live).ok().map(Path::to_path_buf));
    for path in files.chain(single.into_iter().filter(|path| live.join(path).is_file())) {
        reading.tree.remove(&path);
    }
}

/// The new registry with the site's own lines.
fn merge_registry(reading: &mut Reading<'_>, around: &Around<'_>, own: &[(String, String)]) {
    let path = Path::new(registry::PATH);
    let Some(entry) = around.target.entries.get(path) else { return };
    let Ok(blob) = around.source.repository.find_blob(entry.id) else { return };
    let merged =
        Registry::parse(blob.content()).and_then(|registry| registry.with(own).map_err(|finding| vec![*finding]));
    match merged {
        Ok(text) => reading.tree.write(path, text.into_bytes(), 0o644),
        Err(findings) => reading.tree.findings.extend(findings),
    }
}

/// What a theme imports, that is there now and will not be.
fn removed_imports(name: &str, gone: Vec<(PathBuf, String)>, tag: &str) -> Vec<Finding> {
    let finding = |(file, import): (PathBuf, String)| {
        Finding::fatal("theme-import-removed", format!("{name} imports {import}, which {tag} no longer has."))
            .at(file)
            .meaning(
                "The theme does not compile then, and while its line is in the registry, nothing of the site does.",
            )
            .help(format!(
                "Get a version of the theme for {tag}, or take it out before the upgrade: themegate withdraw {name}"
            ))
    };
    gone.into_iter().map(finding).collect()
}

fn edits_dropped(dropped: &[PathBuf], tag: &str) -> Option<Finding> {
    let first = dropped.first()?;
    let message = format!(
        "{} file(s) of Mastodon's own are edited here, {} among them; the rehearsal takes them as {tag} ships them.",
        dropped.len(),
        first.display()
    );
    Some(dropped.iter().take(6).fold(Finding::benign("local-edits-dropped", message), Finding::at))
}
