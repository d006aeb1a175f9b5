//! What a revision holds is staged as a checkout would write it, or refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::{Site, repository};
use crate::{SHEET, add_fresh, check_theme, checkout, commit, git, on_next, staged, theme, write};

#[test]
fn executable_bits_and_links_are_staged_as_a_checkout_makes_them() {
    let site = checkout();
    on_next(&site, |live| {
        write(live, "bin/tool", "#!/bin/sh\n");
        fs::set_permissions(live.join("bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("robots.txt", live.join("public/same.txt")).unwrap();
    });
    let output = site.command(&["check", "--keep-stage", "--format", "json", "--rev", "next"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = Path::new(report["staging"]["kept"].as_str().unwrap()).to_path_buf();
    assert_eq!(fs::metadata(kept.join("bin/tool")).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read_link(kept.join("public/same.txt")).unwrap(), Path::new("robots.txt"));
    assert_eq!(report["promotable"], false);
    fs::remove_dir_all(kept.parent().unwrap()).unwrap();
    on_next_again(&site, |live| symlink("../../../etc/passwd", live.join("public/out.txt")).unwrap());
    let checked = site.check(&["--rev", "next"]);
    assert!(checked.finding("change-has-link").is_some(), "{:?}", checked.grave());
}

#[test]
fn a_folder_may_become_a_file_a_file_a_folder_and_a_link_a_file() {
    let site = checkout();
    write(&site.live, "app/helpers/one/a.rb", "a\n");
    write(&site.live, "app/helpers/two", "b\n");
    symlink("two", site.path("app/helpers/three")).unwrap();
    commit(&site.live, "before");
    on_next(&site, |live| {
        fs::remove_dir_all(live.join("app/helpers/one")).unwrap();
        write(live, "app/helpers/one", "now a file\n");
        fs::remove_file(live.join("app/helpers/two")).unwrap();
        write(live, "app/helpers/two/b.rb", "now a folder\n");
        fs::remove_file(live.join("app/helpers/three")).unwrap();
        write(live, "app/helpers/three", "now a file\n");
    });
    for (path, text) in [("one", "now a file\n"), ("two/b.rb", "now a folder\n"), ("three", "now a file\n")] {
        let bytes = staged(&site, &["--rev", "next"], &format!("app/helpers/{path}"));
        assert_eq!(bytes.as_deref(), Some(text.as_bytes()), "{path}");
    }
}

fn on_next_again(site: &Site, edit: impl FnOnce(&Path)) {
    git(&site.live, &["checkout", "--quiet", "next"]);
    edit(&site.live);
    commit(&site.live, "next");
    git(&site.live, &["checkout", "--quiet", "main"]);
}

#[test]
fn line_ends_are_those_that_a_checkout_would_write() {
    let site = checkout();
    on_next(&site, |live| {
        add_fresh(live);
        write(live, ".gitattributes", "*.scss text eol=crlf\n");
    });
    git(&site.live, &["checkout", "--quiet", "next"]);
    let real = fs::read(site.path(SHEET)).unwrap();
    git(&site.live, &["checkout", "--quiet", "--force", "main"]);
    assert!(real.ends_with(b"\r\n"), "git wrote other line ends");
    assert_eq!(staged(&site, &["--rev", "next"], SHEET).unwrap(), real);
}

#[test]
fn a_submodule_is_refused_by_name_in_a_site_and_in_a_theme() {
    let site = checkout();
    let theme = theme(&site);
    let other = theme.to_string_lossy().into_owned();
    on_next(&site, |live| drop(git(live, &["submodule", "--quiet", "add", &other, "app/javascript/styles/tide"])));
    fs::remove_dir_all(site.path("app/javascript/styles/tide")).ok();
    let checked = site.check(&["--rev", "next"]);
    let finding = checked.finding("revision-has-submodule").unwrap();
    assert!(finding["message"].as_str().unwrap().contains("app/javascript/styles/tide"));
    let second = site.folder.path().join("second");
    write(&second, "app/javascript/styles/second.scss", "@import 'application';\n");
    git(&second, &["init", "--quiet"]);
    git(&second, &["submodule", "--quiet", "add", &other, "art/tide"]);
    commit(&second, "art is not deployed");
    check_theme(&site, &second, "main").assert_verdict("pass", 0);
    git(&second, &["submodule", "--quiet", "add", &other, "app/javascript/styles/second"]);
    commit(&second, "a part of the theme");
    let checked = check_theme(&site, &second, "main");
    checked.assert_verdict("block", 1);
    assert!(checked.finding("revision-has-submodule").is_some());
}

#[test]
fn an_lfs_pointer_is_refused_until_the_object_is_there() {
    use sha2::{Digest, Sha256};
    let site = checkout();
    let theme = theme(&site);
    let image = fs::read(repository().join("fixtures/live/app/javascript/images/void.png")).unwrap();
    let oid: String = Sha256::digest(&image).iter().map(|byte| format!("{byte:02x}")).collect();
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {}\n", image.len());
    write(&theme, ".gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n");
    write(&theme, "app/javascript/images/tide/wave.png", &pointer);
    commit(&theme, "art");
    let checked = check_theme(&site, &theme, "main");
    checked.assert_verdict("block", 1);
    let help = checked.finding("revision-lfs-missing").unwrap()["help"].as_str().unwrap().to_owned();
    assert!(help.contains("lfs pull"), "{help}");
    let object = format!(".git/lfs/objects/{}/{}/{oid}", &oid[..2], &oid[2..4]);
    write(&theme, &object, b"something else");
    check_theme(&site, &theme, "main").assert_verdict("block", 1);
    write(&theme, &object, &image);
    check_theme(&site, &theme, "main").assert_verdict("pass", 0);
    let theme_path = theme.to_string_lossy().into_owned();
    let found = staged(&site, &["--theme", &theme_path, "--rev", "main"], "app/javascript/images/tide/wave.png");
    assert_eq!(found.unwrap(), image);
}
