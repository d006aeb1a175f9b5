//! Several folders, large ones, none that fit, and files that move meanwhile.

use std::fs;
use std::os::unix::fs::symlink;
use themegate::change::ChangeError;

use crate::{Trees, above_benign, ids};

#[test]
fn several_theme_folders_make_one_change_and_may_not_collide() {
    let trees = Trees::new();
    trees.theme("one/a.scss", "a{}").theme("two/b.scss", "b{}").theme("three/a.scss", "other{}");
    let change = trees.read_from(&[trees.theme_path("one"), trees.theme_path("two")]).unwrap();
    assert_eq!((above_benign(&change), change.themes.len()), (vec![], 2));
    let change = trees.read_from(&[trees.theme_path("one"), trees.theme_path("three")]).unwrap();
    assert_eq!(above_benign(&change), ["change-themes-collide"]);
}

#[test]
fn a_folder_of_ten_thousand_files_is_no_theme() {
    let trees = Trees::new();
    trees.overlay("");
    for index in 0..10_001 {
        fs::write(trees.theme_path(&format!("app/javascript/styles/tangerine/{index}.txt")), "").unwrap();
    }
    assert!(ids(&trees.read()).contains(&"change-has-too-many-files"));
}

#[test]
fn a_large_file_is_held() {
    let trees = Trees::new();
    trees.overlay("").theme("app/javascript/images/big.ico", "");
    fs::File::options()
        .write(true)
        .open(trees.theme_path("app/javascript/images/big.ico"))
        .unwrap()
        .set_len(60 << 20)
        .unwrap();
    assert_eq!(above_benign(&trees.read()), ["change-has-large-file"]);
}

#[test]
fn a_theme_of_which_nothing_fits_this_site_is_said_to_bring_none() {
    let trees = Trees::new();
    trees.theme("skins/vanilla/tangerine/common.scss", "a{}");
    let change = trees.read();
    assert_eq!(ids(&change), ["theme-entry-not-found"]);
    let json = serde_json::to_value(&change.findings[0]).unwrap();
    assert!(json["evidence"][0]["path"].as_str().unwrap().ends_with("theme"));
}

#[test]
fn a_file_that_changes_after_it_was_judged_is_not_staged() {
    let trees = Trees::new();
    trees.overlay("").theme("app/javascript/images/big.ico", "");
    let big = trees.theme_path("app/javascript/images/big.ico");
    fs::File::options().write(true).open(&big).unwrap().set_len(65 << 20).unwrap();
    let change = trees.read();
    let file = change.files.iter().find(|file| file.to.ends_with("big.ico")).unwrap();
    assert!(file.bytes().is_ok());
    fs::write(&big, "another").unwrap();
    assert!(matches!(file.bytes().unwrap_err(), ChangeError::Moved { .. }));
    fs::remove_file(&big).unwrap();
    symlink("/etc/passwd", &big).unwrap();
    assert!(matches!(file.bytes().unwrap_err(), ChangeError::Unreadable { .. }));
}
