//! A run that passed: what a promotion needs of it is kept, everything else of the stage goes.

use std::fs;
use std::path::{Path, PathBuf};

use super::GateError;
use crate::change::Change;
use crate::compiled::CompiledTree;
use crate::promotion::disk::{DiskError, failed};
use crate::promotion::promotable::record_of;
use crate::promotion::{Fingerprints, Passed, Promotable};
use crate::site::locate::make_private;
use crate::site::{LiveSite, owner, registry};
use crate::staging::StagedTree;
use crate::{manifest, runs, staging};

/// How many runs that passed are kept for a promotion.
const KEPT: usize = 3;

/// How many of those that a hook of git asked for, beside them.
const KEPT_OF_HOOKS: usize = 1;

/// What a check saw of the live tree.
pub(super) struct Seen {
    fingerprints: Fingerprints,
    /// The registry's text, to be able to say what somebody has changed in it since.
    registry: Option<String>,
}

/// What a promotion will compare the live tree with, read before anything else is done.
pub(super) fn seen_of_live(site: &LiveSite, live: &CompiledTree, change: &Change) -> Result<Seen, GateError> {
    // What is a folder or a link now is no file to be compared; such a change is never promoted.
    let is_file = |name: &PathBuf| !site.root.join(name).is_dir();
    let names =
        sources(change).into_iter().filter(is_file).chain([PathBuf::from(registry::PATH)]).chain(manifests(site, live));
    let fingerprints = Fingerprints::of(&site.root, names.chain(compiled_from(site)))?;
    let registry = site.registry_text()?.map(|text| String::from_utf8_lossy(&text).into_owned());
    Ok(Seen { fingerprints, registry })
}

/// What the output is compiled from: if any of it moves between check and promotion, the output is of another site.
fn compiled_from(site: &LiveSite) -> impl Iterator<Item = PathBuf> {
    const FILES: [&str; 7] = [
        "lib/mastodon/version.rb",
        "Gemfile.lock",
        "package.json",
        "yarn.lock",
        "config/webpacker.yml",
        "config/vite.json",
        "config/settings.yml",
    ];
    let root = site.root.clone();
    let walked = walkdir::WalkDir::new(root.join(&site.output.source)).into_iter().flatten();
    let sources = walked.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    let below = move |path: PathBuf| path.strip_prefix(&root).map(Path::to_path_buf).ok();
    sources.filter_map(below).chain(FILES.map(PathBuf::from))
}

/// Keeps the compiled output and the files of the change under `.themegate/staged/RUN/`, with the record that `promote`
/// reads. A stage that is kept whole serves as it is.
pub(super) fn keep(
    site: &LiveSite,
    change: &Change,
    staged: &StagedTree,
    stays: bool,
    run: &str,
    seen: Seen,
) -> Result<(), GateError> {
    let folder = site.state.join("staged");
    make_private(&folder).map_err(failed("make", &folder))?;
    let registry = change.registry.as_ref().map(|_| PathBuf::from(registry::PATH));
    let kept = if stays { staged.root() } else { folder.join(run) };
    let compiled = CompiledTree::read(&staged.root(), &site.output, site.toolchain);
    let manifests = manifests(site, &compiled);
    staged.ensure_readable()?;
    if !stays {
        make_private(&kept).map_err(failed("make", &kept))?;
        let names = site.output.folders().into_iter().chain(sources(change)).chain(registry.clone());
        names.map(|name| take(staged, &kept, &name)).collect::<Result<Vec<()>, _>>()?;
        owner::hand_over_tree(&kept).map_err(failed("change the owner of", &kept))?;
    }
    let promotable = Promotable::from_passed(Passed {
        run_id: run.to_owned(),
        live: site.root.clone(),
        staged: kept,
        output_folders: site.output.folders(),
        manifests,
        sources: sources(change),
        registry,
        live_seen: seen.fingerprints,
        registry_seen: seen.registry,
    })?;
    let record = record_of(&site.state, run);
    let text = promotable.to_json().map_err(std::io::Error::from).map_err(failed("write", &record))?;
    fs::write(&record, text).and_then(|()| owner::hand_over_path(&record)).map_err(failed("write", &record))?;
    Ok(())
}

fn sources(change: &Change) -> Vec<PathBuf> {
    change.files.iter().map(|file| file.to.clone()).collect()
}

/// The manifests that are live now, by name.
#[must_use]
pub fn manifests_of_live(site: &LiveSite) -> Vec<PathBuf> {
    manifests(site, &CompiledTree::read(&site.root, &site.output, site.toolchain))
}

/// The manifests of a compiled tree, by name: those that were read, and the lookup beside them.
fn manifests(site: &LiveSite, tree: &CompiledTree) -> Vec<PathBuf> {
    let lookup = tree.set.lookup.as_ref().map(|_| site.output.packs.join(manifest::vite::LOOKUP_FILE));
    tree.set.manifests.iter().map(|(path, _)| PathBuf::from(path)).chain(lookup).collect()
}

/// Moves a file or folder of the stage to where it is kept, on the same file system.
fn take(staged: &StagedTree, kept: &Path, name: &Path) -> Result<(), DiskError> {
    let to = kept.join(name);
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(failed("make", parent))?;
    }
    staged.take(name, &to).map(|_found| ()).map_err(failed("keep", &to))
}

/// Removes the oldest runs beyond the last few, the record before the tree, and the trees of killed checks, which have none.
pub(super) fn prune(state: &Path) -> Result<(), DiskError> {
    let folder = &state.join("staged");
    let entries = fs::read_dir(folder).map_err(failed("read", folder))?.flatten();
    let (trees, records): (Vec<_>, Vec<_>) =
        entries.partition(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let named = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut kept: Vec<String> =
        records.iter().filter_map(|entry| named(entry).strip_suffix(".json").map(str::to_owned)).collect();
    kept.sort_by(|a, b| b.cmp(a));
    for old in runs::beyond(kept, KEPT, &[(runs::HOOK, KEPT_OF_HOOKS)]) {
        let record = folder.join(format!("{old}.json"));
        fs::remove_file(&record).map_err(failed("remove", &record))?;
    }
    let has_record = |entry: &&fs::DirEntry| record_of(state, &named(entry)).exists();
    for tree in trees.iter().filter(|entry| !has_record(entry)).map(fs::DirEntry::path) {
        staging::remove_tree(&tree).map_err(|error| failed("remove", &tree)(std::io::Error::other(error)))?;
    }
    Ok(())
}
