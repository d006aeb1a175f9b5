//! Writes to the stage, to the live tree, and by a build.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use themegate::staging::{Inventory, StagingError, StagingRequest, Way, What, differences, stage};

use crate::Home;

#[test]
fn a_state_folder_inside_the_live_tree_is_not_staged_into_itself() {
    let home = Home::new();
    let state = home.live().join("var/gate");
    let request = |state: &Path| {
        stage(&StagingRequest {
            live: &home.live(),
            state_dir: state,
            keep: false,
            output_folders: &[],
            interrupted: &AtomicBool::new(false),
            progress: &|_| (),
            way: Way::Auto,
            isolate: None,
        })
        .unwrap()
    };
    let staged = request(&state);
    assert!(!staged.root().join("var/gate").exists());
    assert!(staged.live_changes().0.is_empty());
}

#[test]
fn the_change_is_applied_and_never_outside_the_stage() {
    let mut home = Home::new();
    let outside = home.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "x").unwrap();
    home.link("config/out", &outside);
    home.link("config/out.yml", outside.join("file"));
    let staged = home.stage();
    staged.put(Path::new("app/javascript/styles/new/theme.scss"), b"a{}", 0o4644).unwrap();
    let made = fs::metadata(staged.root().join("app/javascript/styles/new/theme.scss")).unwrap();
    assert_eq!((made.mode() & 0o7777, made.len()), (0o644, 3));
    staged.put(Path::new("config/themes.yml"), b"replaced", 0o600).unwrap();
    assert_eq!(fs::read(staged.root().join("config/themes.yml")).unwrap(), b"replaced");
    for bad in [
        "../escape",
        "/etc/escape",
        "config/../../escape",
        "config/out/file",
        "config/out.yml",
        "config",
        "",
        "config/themes.yml/x",
    ] {
        let refused = staged.put(Path::new(bad), b"bad", 0o644).unwrap_err();
        assert!(matches!(refused, StagingError::UnsafePath { .. }), "{bad}: {refused}");
    }
    staged.remove(Path::new("config/themes.yml")).unwrap();
    assert!(!staged.root().join("config/themes.yml").exists());
    for bad in ["config/themes.yml", "config/out.yml", "config", "config/out/file"] {
        assert!(matches!(staged.remove(Path::new(bad)), Err(StagingError::UnsafePath { .. })), "{bad}");
    }
    assert_eq!(fs::read(outside.join("file")).unwrap(), b"x");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn a_write_to_the_live_tree_is_noticed_and_a_running_site_is_not() {
    let mut home = Home::new();
    let staged = home.stage();
    home.before = None;
    home.write("log/production.log", "more\n");
    home.write("tmp/cache/bootsnap/x", "x");
    home.write("public/system/new.png", "x");
    assert_eq!(staged.live_changes().0, []);
    home.write("public/packs/manifest.json", "{ }");
    home.write("config/new.yml", "x");
    fs::remove_file(home.live().join("app/javascript/styles/application.scss")).unwrap();
    fs::set_permissions(home.live().join(".env.production"), fs::Permissions::from_mode(0o600)).unwrap();
    let changes = staged.live_changes().0;
    let expected = [
        (".env.production", What::Changed),
        ("app/javascript/styles/application.scss", What::Removed),
        ("config/new.yml", What::Added),
        ("public/packs/manifest.json", What::Changed),
    ];
    assert_eq!(changes, expected.map(|(path, what)| (PathBuf::from(path), what)));
}

#[test]
fn what_a_build_writes_is_listed() {
    let mut home = Home::new();
    let staged = home.stage();
    let before = staged.inventory(&[]).unwrap();
    fs::write(staged.root().join("public/packs/new.css"), "a{}").unwrap();
    fs::write(staged.root().join("config/themes.yml"), "x").unwrap();
    let changes = differences(&before, &Inventory::of_tree(&staged.root()).unwrap());
    assert_eq!(
        changes,
        [(PathBuf::from("config/themes.yml"), What::Changed), (PathBuf::from("public/packs/new.css"), What::Added)]
    );
}
