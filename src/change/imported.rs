//! What a theme's stylesheets import, followed through the live tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::content;
use crate::site::registry::PATHS_ROOT;

/// More files than this a theme does not have.
const MOST: usize = 2_000;

/// The imports of the stylesheet `entry`, and of the theme's own files that it imports, which lead to a file of the live
/// tree that does not stay: the importing file, and the name as it is written. Only files that are the site's own are
/// followed: Mastodon's will be others.
pub(super) fn gone(
    entry: &Path,
    live: &Path,
    stays: &dyn Fn(&Path) -> bool,
    is_own: &dyn Fn(&Path) -> bool,
) -> Vec<(PathBuf, String)> {
    let mut result = Vec::new();
    let mut seen = BTreeSet::new();
    let mut pending = vec![entry.to_path_buf()];
    while let Some(file) = pending.pop() {
        if seen.len() >= MOST || !seen.insert(file.clone()) {
            continue;
        }
        let Ok(bytes) = fs::read(live.join(&file)) else { continue };
        for import in content::imports(&bytes) {
            let now: Vec<PathBuf> =
                candidates(&file, &import).into_iter().filter(|path| live.join(path).is_file()).collect();
            if now.is_empty() {
                continue; // A package, an address, or a name that nobody can resolve by reading.
            }
            if candidates(&file, &import).iter().any(|path| stays(path)) {
                pending.extend(now.into_iter().filter(|path| is_own(path)));
            } else {
                result.push((file.clone(), import));
            }
        }
    }
    result.sort();
    result
}

/// The files that an import can mean, as Sass looks for them.
fn candidates(file: &Path, import: &str) -> Vec<PathBuf> {
    if import.contains(':') || import.contains("#{") || import.starts_with('/') {
        return Vec::new();
    }
    let (bases, import) = match import.strip_prefix("@/").or_else(|| import.strip_prefix('~')) {
        Some(rest) => (vec![PathBuf::from(PATHS_ROOT)], rest),
        None => (
            vec![
                file.parent().unwrap_or(file).to_path_buf(),
                Path::new(PATHS_ROOT).join("styles"),
                PathBuf::from(PATHS_ROOT),
            ],
            import,
        ),
    };
    bases.iter().filter_map(|base| normal(&base.join(import))).flat_map(|path| spellings(&path)).collect()
}

/// The files that a name without its ending can mean.
pub(super) fn spellings(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return Vec::new() };
    let mut names = vec![name.clone(), format!("_{name}")];
    for ending in ["scss", "sass", "css"] {
        names.extend([format!("{name}.{ending}"), format!("_{name}.{ending}")]);
        names.extend([format!("{name}/index.{ending}"), format!("{name}/_index.{ending}")]);
    }
    names.iter().map(|name| path.with_file_name(name)).collect()
}

/// Without `.` and `..`; none if it leads out of the tree.
pub(super) fn normal(path: &Path) -> Option<PathBuf> {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => result.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop().then_some(())?;
            }
            _ => return None,
        }
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_of_a_file_that_goes_is_found_in_the_entry_and_in_its_parts() {
        let live = tempfile::tempdir().unwrap();
        let styles = live.path().join("app/javascript/styles");
        for (path, text) in [
            ("t.scss", "@import 'application'; @use 't/part';"),
            ("t/_part.scss", "@import '../core/old'; @import 'sass:math'; @import 'unknown';"),
            ("core/_old.scss", ""),
            ("application.scss", "@import 'core/old';"),
        ] {
            fs::create_dir_all(styles.join(path).parent().unwrap()).unwrap();
            fs::write(styles.join(path), text).unwrap();
        }
        let stays = |path: &Path| !path.ends_with("core/_old.scss") && live.path().join(path).is_file();
        let found = gone(Path::new("app/javascript/styles/t.scss"), live.path(), &stays, &|path| {
            !path.ends_with("application.scss")
        });
        assert_eq!(found, [(PathBuf::from("app/javascript/styles/t/_part.scss"), "../core/old".to_owned())]);
    }
}
