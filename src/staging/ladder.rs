//! The ways to stage, best first: each is tried, and the first that works here is taken. What was passed over is told.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::copy::{self, Method};
use super::error::StagingError;
use super::plan::Plan;
use super::populate::{self, Populated};
use super::{StagedTree, StagingRequest, TREE, Way, layer, removal, room};
use crate::isolation::{self, Holder, Place, Wish};

/// The layer that takes what is written to an overlay, in the stage's folder.
pub(super) const UPPER: &str = "upper";

/// Where the kernel prepares what goes to that layer.
const WORK: &str = "work";

/// Stages by the best way that works, or the one that was asked for. An overlay has the layer `shown` above the live tree.
pub(super) fn climb(
    staged: &mut StagedTree,
    plan: &Plan,
    request: &StagingRequest<'_>,
    shown: Option<&Path>,
    against_overlay: Option<&str>,
) -> Result<Populated, StagingError> {
    let against = against_overlay.filter(|_| request.way == Way::Auto);
    staged.passed_over.extend(against.map(|why| format!("no overlay: {why}")));
    if against.is_none() && matches!(request.way, Way::Auto | Way::Overlay) {
        match overlay(staged, plan, request, shown)? {
            Ok(populated) => return Ok(populated),
            Err(why) if request.way == Way::Overlay => {
                return Err(StagingError::WayClosed { way: Method::Overlay.word(), why });
            }
            Err(why) => staged.passed_over.push(format!("no overlay: {why}")),
        }
    }
    copied(staged, plan, request)
}

fn copied(staged: &mut StagedTree, plan: &Plan, request: &StagingRequest<'_>) -> Result<Populated, StagingError> {
    let tree = staged.folder.join(TREE);
    staged.method =
        if request.way == Way::Copy { Method::Copy } else { copy::probe(plan.trial_file().as_deref(), &staged.folder) };
    if request.way == Way::Reflink && staged.method != Method::Reflink {
        let why = "its file system cannot share blocks between files (XFS and btrfs can)".to_owned();
        return Err(StagingError::WayClosed { way: Method::Reflink.word(), why });
    }
    room::check(&staged.folder, needed_room(plan, staged.method, plan.brought_bytes))?;
    let populated =
        populate::populate(plan, &populate::wanted(plan), &tree, staged.method, request.interrupted, request.progress)?;
    settle_root(&staged.live, &tree)?;
    if let Some(wish) = &request.isolate {
        let isolation = planned(staged, wish, plan, None);
        match isolation::trial(&isolation, &wish.own) {
            Ok(()) => staged.isolation = Some(isolation),
            Err(why) => staged.passed_over.push(format!("no isolation: {why}")),
        }
    }
    Ok(populated)
}

/// The overlay, or why there is none.
fn overlay(
    staged: &mut StagedTree,
    plan: &Plan,
    request: &StagingRequest<'_>,
    shown: Option<&Path>,
) -> Result<Result<Populated, String>, StagingError> {
    let Some(wish) = &request.isolate else {
        return Ok(Err("it needs the build to be isolated".to_owned()));
    };
    if request.keep {
        return Ok(Err("a stage that is kept must outlive the mount".to_owned()));
    }
    if let Some(why) = layer::is_pointless(plan) {
        return Ok(Err(why));
    }
    let [upper, work, at] = [UPPER, WORK, TREE].map(|name| staged.folder.join(name));
    for folder in [&upper, &work] {
        DirBuilder::new().mode(0o700).create(folder).map_err(|error| StagingError::unwritable(folder, error))?;
    }
    if let Some(why) = layer::is_impossible(&upper) {
        return given_up([&upper, &work], why);
    }
    let moving =
        match layer::fill(plan, &upper, copy::probe(plan.trial_file().as_deref(), &staged.folder), request.interrupted)
        {
            Ok(moving) => moving,
            Err(StagingError::Interrupted) => return Err(StagingError::Interrupted),
            Err(error) => return given_up([&upper, &work], first_line(&error)),
        };
    settle_root(&staged.live, &upper)?;
    let mounted = |shown: Option<&Path>| {
        let lower: Vec<&Path> = shown.into_iter().chain([staged.live.as_path()]).collect();
        Holder::start(&wish.own, &lower, [&upper, &work, &at]).and_then(|holder| {
            let isolation = planned(staged, wish, plan, Some(holder.pid()));
            isolation::trial(&isolation, &wish.own).map(|()| (holder, isolation, shown.is_some()))
        })
    };
    // A layer that lies in the live tree, as a state folder may, is one that the kernel does not take beside it.
    let mounted = mounted(shown).or_else(|why| match shown {
        Some(_) => anew(&work).map_err(|error| first_line(&error)).and_then(|()| mounted(None)),
        None => Err(why),
    });
    let (holder, isolation, shows_replacement) = match mounted {
        Ok(mounted) => mounted,
        Err(why) => return given_up([&upper, &work], why),
    };
    let copied_later = if shows_replacement { 0 } else { plan.brought_bytes };
    room::check(&staged.folder, needed_room(plan, Method::Overlay, copied_later))?;
    (staged.holder, staged.isolation, staged.method) = (Some(holder), Some(isolation), Method::Overlay);
    staged.shows_replacement = shows_replacement;
    Ok(Ok(Populated { files: plan.files.count, bytes: plan.files.bytes, moving }))
}

/// Empties the folder that the kernel has worked in: it does not mount a volatile overlay there again.
fn anew(work: &Path) -> Result<(), StagingError> {
    removal::remove_tree(work)?;
    DirBuilder::new().mode(0o700).create(work).map_err(|error| StagingError::unwritable(work, error))
}

/// Leaves nothing of the attempt behind.
fn given_up(made: [&PathBuf; 2], why: String) -> Result<Result<Populated, String>, StagingError> {
    made.iter().try_for_each(|folder| removal::remove_tree(folder))?;
    Ok(Err(why))
}

fn first_line(error: &StagingError) -> String {
    error.to_string().lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

fn planned(staged: &StagedTree, wish: &Wish, plan: &Plan, holder: Option<i32>) -> isolation::Plan {
    let tree = staged.folder.join(TREE);
    let heard = staged.heard();
    let state = staged.folder.parent().unwrap_or(&staged.folder);
    let place = Place { stage: &staged.folder, tree: &tree, heard: &heard, state, live: &staged.live };
    isolation::Plan::new(place, wish, &plan.secrets_elsewhere, holder)
}

/// `brought`: bytes that are copied in place of folders of the live tree.
pub(super) fn needed_room(plan: &Plan, method: Method, brought: u64) -> room::Room {
    let names = match method {
        Method::Overlay => plan.left_out.len() + plan.empty.len(),
        _ => plan.folders.len() + plan.links.len() + plan.empty.len(),
    };
    let files = if method == Method::Overlay { 0 } else { plan.files.count };
    room::needed(method, plan.files.disk_bytes, plan.output_bytes + brought, names as u64 + files)
}

fn settle_root(live: &Path, tree: &Path) -> Result<(), StagingError> {
    let metadata = fs::metadata(live).map_err(|error| StagingError::unreadable(live, error))?;
    let mode = rustix::fs::Mode::from_raw_mode(metadata.mode() & 0o777);
    rustix::fs::chmod(tree, mode).map_err(|error| StagingError::unwritable(tree, error))
}
