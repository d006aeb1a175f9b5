//! Which build's compile caches are kept, and which build gets them.
//!
//! Kept are those of a build that passed and that ran no code but the site's own. A revision or a patch may bring some; and
//! webpack runs whatever file a stylesheet names as a loader, so that there a theme may as well, however hard it is looked at.

use std::fs;
use std::path::{Path, PathBuf};

use super::GateError;
use super::build::Gate;
use super::record::Record;
use crate::caches::{self, Brought, Caches};
use crate::change::{Change, ChangeSource};
use crate::compiler::Compiler;
use crate::finding::Finding;
use crate::site::Toolchain;
use crate::staging::StagedTree;
use crate::verdict::Verdict;

/// What a toolchain's caches depend on besides the sources that they were made of, which they know themselves.
const SETTINGS: [&str; 18] = [
    "package.json",
    "yarn.lock",
    "package-lock.json",
    ".yarnrc.yml",
    ".nvmrc",
    ".node-version",
    ".ruby-version",
    ".browserslistrc",
    "Gemfile.lock",
    "babel.config.js",
    "postcss.config.js",
    "tsconfig.json",
    "vite.config.mts",
    "vite.config.ts",
    "config/webpacker.yml",
    "config/vite.json",
    "config/webpack",
    "config/vite",
];

/// What the record keeps of the caches while the build runs: their key, if the build may leave any.
pub(super) type Key = Option<String>;

/// Gives the staged tree the caches of earlier checks, if there are any; with `--fresh` it has none at all.
pub(super) fn bring(
    gate: &Gate<'_>,
    compiler: &Compiler,
    staged: &StagedTree,
    record: &mut Record<'_>,
) -> Result<(), GateError> {
    if compiler.is_builtin {
        return Ok(());
    }
    let key = key(gate, compiler, staged);
    let brought = fill(gate, &key, staged)?;
    if let Brought::Discarded(why) = &brought {
        record.findings.push(
            Finding::benign(
                "caches-discarded",
                format!("The compile caches of earlier checks were thrown away: {why}."),
            )
            .meaning("The build may have taken longer. What it compiled does not depend on them."),
        );
    }
    if let (Some(facts), Brought::Kept { files, .. }) = (&mut record.staging, &brought) {
        facts.cached_files = *files as u64;
    }
    record.caches = Some(key);
    Ok(())
}

/// Gives a tree that nothing is said of, the control's, the same caches.
pub(super) fn bring_to_control(gate: &Gate<'_>, compiler: &Compiler, control: &StagedTree) -> Result<(), GateError> {
    if !compiler.is_builtin {
        fill(gate, &key(gate, compiler, control), control)?;
    }
    Ok(())
}

fn fill(gate: &Gate<'_>, key: &str, staged: &StagedTree) -> Result<Brought, GateError> {
    if gate.request.fresh {
        caches::remove_from(&staged.root())?;
        return Ok(Brought::Nothing);
    }
    Ok(Caches::of(&gate.site.state).bring(key, &staged.root())?)
}

/// Keeps the caches of a build that passed. Whatever another one left is dropped with its stage.
///
/// A cache that cannot be kept costs time, and is no reason to say anything else than the verdict.
pub(super) fn keep(gate: &Gate<'_>, key: Key, verdict: Verdict, staged: Option<&StagedTree>) {
    let key = key.filter(|_| verdict == Verdict::Pass && runs_own_code_only(gate.change, gate.site.toolchain));
    let Some((key, staged)) = key.zip(staged) else { return };
    let limit = gate.settings.check.cache_limit.bytes();
    let _slower_next_time = Caches::of(&gate.site.state).keep(&key, &staged.root(), limit, gate.request.keep_stage);
}

fn runs_own_code_only(change: &Change, toolchain: Toolchain) -> bool {
    match change.source {
        ChangeSource::AsItIs => true,
        ChangeSource::ThemeFolders(_) | ChangeSource::ThemeRevision { .. } => toolchain != Toolchain::Webpacker,
        ChangeSource::SiteRevision { .. } | ChangeSource::Patch { .. } | ChangeSource::Rehearsal { .. } => false,
    }
}

/// Named by the toolchain, its settings and its packages, and by where the build sees its tree: caches hold paths, and source
/// maps compiled from another tree's would differ from those that are compiled without.
fn key(gate: &Gate<'_>, compiler: &Compiler, staged: &StagedTree) -> String {
    let tree = &staged.root();
    let mut digest = blake3::Hasher::new();
    let mut take = |bytes: &[u8]| {
        digest.update(&(bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    take(gate.site.toolchain.word().as_bytes());
    take(compiler.shown.as_bytes());
    take(seen(staged).as_os_str().as_encoded_bytes());
    take(format!("{:?}", gate.settings.environment).as_bytes());
    take(std::env::var_os("NODE_OPTIONS").unwrap_or_default().as_encoded_bytes());
    for path in SETTINGS.iter().flat_map(|name| files_at(&tree.join(name))) {
        take(path.strip_prefix(tree).unwrap_or(&path).as_os_str().as_encoded_bytes());
        take(&fs::read(&path).unwrap_or_default());
    }
    digest.finalize().to_hex().to_string()
}

/// Where the build sees the staged tree.
fn seen(staged: &StagedTree) -> PathBuf {
    staged.isolation().map_or_else(|| staged.root(), |plan| plan.at.clone())
}

/// The file itself, or the files in the folder, in the order of their names.
fn files_at(path: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(path).sort_by_file_name();
    walk.into_iter().flatten().filter(|found| found.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}
