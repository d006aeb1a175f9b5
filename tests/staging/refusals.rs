//! What cannot be staged is refused with what to do.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::AtomicBool;
use themegate::staging::{StagingError, StagingRequest, Survey, Way, stage, stage_by};

use crate::{Home, digest};

#[test]
fn another_file_system_is_refused() {
    let mut home = Home::new();
    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    if fs::metadata(elsewhere.path()).unwrap().dev() == fs::metadata(home.live()).unwrap().dev() {
        return;
    }
    home.before = Some(digest(&home.live()));
    let refused = stage(&StagingRequest {
        live: &home.live(),
        state_dir: elsewhere.path(),
        keep: false,
        output_folders: &[],
        interrupted: &AtomicBool::new(false),
        progress: &|_| (),
        way: Way::Auto,
        isolate: None,
    })
    .unwrap_err();
    assert!(matches!(refused, StagingError::OtherFileSystem { .. }), "{refused}");
}

#[test]
fn an_unreadable_file_is_named_with_what_to_do() {
    let mut home = Home::new();
    let secret = home.live().join("config/secret.yml");
    fs::write(&secret, "x").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read(&secret).is_ok() {
        return; // Root reads everything.
    }
    home.before = None;
    let outputs = [];
    let refused = stage(&StagingRequest {
        live: &home.live(),
        state_dir: &home.state(),
        keep: false,
        output_folders: &outputs,
        interrupted: &AtomicBool::new(false),
        progress: &|_| (),
        way: Way::Auto,
        isolate: None,
    })
    .unwrap_err();
    assert!(refused.to_string().contains("config/secret.yml") && refused.to_string().contains("chown"), "{refused}");
}

#[test]
fn a_missing_live_tree_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let refused = stage(&StagingRequest {
        live: &home.path().join("nowhere"),
        state_dir: &home.path().join("state"),
        keep: false,
        output_folders: &[],
        interrupted: &AtomicBool::new(false),
        progress: &|_| (),
        way: Way::Auto,
        isolate: None,
    })
    .unwrap_err();
    assert!(matches!(refused, StagingError::LiveTree { .. }));
    assert!(!home.path().join("state").exists());
}

/// A check reads the names beforehand: what goes wrong then is told as if it had not.
#[test]
fn what_goes_wrong_while_the_names_are_read_beforehand_is_told_as_well() {
    let home = tempfile::tempdir().unwrap();
    let (nowhere, state) = (home.path().join("nowhere"), home.path().join("state"));
    let live = home.path().join("live");
    fs::create_dir(&live).unwrap();
    let staged = |live: &std::path::Path, interrupted: bool| {
        let request = StagingRequest {
            live,
            state_dir: &state,
            keep: false,
            output_folders: &[],
            interrupted: &AtomicBool::new(interrupted),
            progress: &|_| (),
            way: Way::Auto,
            isolate: None,
        };
        let look = Survey::begin(live, &state, &[]).finish(request.interrupted).unwrap()?;
        stage_by(&request, look, None, None)
    };
    let refused = staged(&nowhere, false).unwrap_err();
    assert!(matches!(refused, StagingError::LiveTree { .. }), "{refused}");
    let stopped = staged(&live, true).unwrap_err();
    assert!(matches!(stopped, StagingError::Interrupted), "{stopped}");
    staged(&live, false).unwrap().close().unwrap();
    let left = fs::read_dir(&state).unwrap().flatten().filter(|entry| entry.path().is_dir()).count();
    assert_eq!(left, 0, "a stage was left");
}
