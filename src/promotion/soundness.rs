//! Does a recorded switch keep to the live tree? Journals and generations are read back from the disk, and whoever could write
//! there could name any path: nothing is written, moved or removed but where the live tree's own names lead.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::generations::Generation;
use super::plan::{Group, Role, Step, TEMPORARY};

/// What is wrong with where a recorded switch would write, in words.
#[must_use]
pub(crate) fn fault(recorded: &Generation) -> Option<String> {
    let plan = &recorded.plan;
    if !is_plain(Path::new(&recorded.id)) || recorded.id.contains('/') {
        return Some(format!("{:?} is no name of a switch", recorded.id));
    }
    let step = plan.steps.iter().find_map(|step| fault_of_step(&recorded.live, step, &plan.groups));
    let group = || plan.groups.iter().find_map(|group| fault_of_group(group, &plan.steps));
    let above = |folder: &Path| plan.steps.iter().any(|step| step.path != folder && step.path.starts_with(folder));
    let new = || plan.new_folders.iter().map(|new| &new.path).find(|new| !above(new));
    let emptied = || plan.emptied.iter().find(|folder| !is_straight(folder));
    step.or_else(group).or_else(|| new().or_else(emptied).map(|folder| strange(folder)))
}

fn strange(path: &Path) -> String {
    format!("it names {}, which is no place of that switch", path.display())
}

/// True if a step's path is where its name in the live tree leads. A registry that is a link is written where it leads;
/// everything else lies in the folder that its own leads to.
fn leads_to(live: &Path, step: &Step) -> bool {
    let named = live.join(&step.name);
    let follows = step.role == Role::Registry && real(&named, true) == step.path;
    is_plain(&step.name) && is_straight(&step.path) && (follows || real(&named, false) == step.path)
}

/// The path with the links of its folders, and `whole` its own, followed as far as it exists.
fn real(named: &Path, whole: bool) -> PathBuf {
    let skipped = usize::from(!whole);
    let resolved = named.ancestors().skip(skipped).find_map(|at| Some((fs::canonicalize(at).ok()?, at)));
    let Some((real, at)) = resolved else { return named.to_path_buf() };
    match named.strip_prefix(at) {
        Ok(rest) if rest.as_os_str().is_empty() => real,
        Ok(rest) => real.join(rest),
        Err(_) => named.to_path_buf(),
    }
}

fn fault_of_step(live: &Path, step: &Step, groups: &[Group]) -> Option<String> {
    let group = groups.iter().find(|group| Some(group.folder.as_path()) == step.path.parent());
    let beside = match group {
        Some(group) => {
            step.temporary.parent() == Some(&group.temporary) && step.temporary.file_name() == step.path.file_name()
        }
        None => is_beside(&step.temporary, &step.path),
    };
    match (leads_to(live, step), beside) {
        (false, _) => Some(format!("{} does not lead to {}", live.join(&step.name).display(), step.path.display())),
        (_, false) => Some(strange(&step.temporary)),
        _ => None,
    }
}

fn fault_of_group(group: &Group, steps: &[Step]) -> Option<String> {
    let known = steps.iter().any(|step| step.path.parent() == Some(&group.folder));
    let carried = group.carried.iter().all(|(name, _)| is_plain(name) && name.components().count() == 1);
    let sound = known && carried && is_beside(&group.temporary, &group.folder);
    (!sound).then(|| strange(&group.temporary))
}

/// True for one of our temporary names in the same folder.
fn is_beside(temporary: &Path, path: &Path) -> bool {
    let ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(TEMPORARY);
    temporary.parent() == path.parent() && temporary.file_name().is_some_and(ours)
}

/// A relative path that neither climbs nor stands still.
fn is_plain(name: &Path) -> bool {
    !name.as_os_str().is_empty() && name.components().all(|part| matches!(part, Component::Normal(_)))
}

/// An absolute path without `..`.
fn is_straight(path: &Path) -> bool {
    path.is_absolute() && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}
