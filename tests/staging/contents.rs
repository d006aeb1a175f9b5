//! What reaches the stage, and what does not.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use themegate::finding::Severity;
use themegate::staging::What;

use crate::{Home, digest, names};

#[test]
fn the_stage_holds_what_a_build_needs_and_nothing_else() {
    let mut home = Home::new();
    let staged = home.stage();
    let names = names(&staged.root());
    for wanted in [
        "config/themes.yml",
        "node_modules/.bin/webpack",
        "node_modules/webpack/bin/webpack.js",
        "tmp/cache/webpacker/babel-loader/one.json",
        ".env.production.sample",
        "public/packs",
        "log",
        "tmp/pids",
        "vendor/thing/.git",
    ] {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is missing: {names:#?}");
    }
    for unwanted in [
        ".env.production",
        "public/packs/",
        "public/system",
        "log/",
        "tmp/pids/",
        "digest-production",
        ".git/HEAD",
        "public/assets",
    ] {
        let found = names.iter().find(|name| name.contains(unwanted) && !name.ends_with(".sample"));
        assert_eq!(found, None, "{unwanted}");
    }
    assert!(staged.findings().is_empty(), "{:?}", staged.findings());
    assert_eq!(staged.files(), 7 - 1, "files that were copied");
}

#[test]
fn no_secret_reaches_the_stage_by_any_name() {
    let mut home = Home::new();
    for name in [
        ".env",
        ".env.production.local",
        ".env.production.bak",
        ".envrc",
        "config/master.key",
        "config/credentials/production.key",
        "backup.sql",
    ] {
        home.write(name, "hunter2");
    }
    home.link(".env.local", "/etc/hostname");
    let staged = home.stage();
    for entry in walkdir::WalkDir::new(staged.root().parent().unwrap()) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let bytes = fs::read(entry.path()).unwrap();
            assert!(memchr::memmem::find(&bytes, b"hunter2").is_none(), "{}", entry.path().display());
        }
        assert_ne!(entry.file_name(), ".env.local");
    }
}

#[test]
fn modes_times_and_links_are_preserved_and_inodes_are_not_shared() {
    let mut home = Home::new();
    home.write("bin/rails", "#!/bin/sh\n");
    home.write("bin/risky", "#!/bin/sh\n");
    fs::hard_link(home.live().join("bin/rails"), home.live().join("bin/twin")).unwrap();
    fs::set_permissions(home.live().join("bin/rails"), fs::Permissions::from_mode(0o751)).unwrap();
    fs::set_permissions(home.live().join("bin/risky"), fs::Permissions::from_mode(0o6755)).unwrap();
    let moment = SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789);
    for name in ["bin/rails", "bin", "config"] {
        fs::File::open(home.live().join(name)).unwrap().set_modified(moment).unwrap();
    }
    fs::set_permissions(home.live().join("config"), fs::Permissions::from_mode(0o2750)).unwrap();
    // Wider than any usual umask allows, narrower than it, and nothing at all.
    let modes = [0o777, 0o666, 0o640, 0o444, 0o000];
    for mode in modes {
        let path = home.live().join(format!("config/mode-{mode:o}"));
        fs::write(&path, "x").unwrap();
        // What nobody may read is staged only by root.
        let readable = if fs::read("/etc/shadow").is_ok() { mode } else { mode | 0o400 };
        fs::set_permissions(&path, fs::Permissions::from_mode(readable)).unwrap();
    }
    fs::File::open(home.live().join("config")).unwrap().set_modified(moment).unwrap();
    let staged = home.stage();
    let of = |name: &str| fs::symlink_metadata(staged.root().join(name)).unwrap();
    assert_eq!(of("bin/rails").mode() & 0o7777, 0o751);
    for mode in modes {
        let name = format!("config/mode-{mode:o}");
        let live = fs::metadata(home.live().join(&name)).unwrap().mode();
        assert_eq!(of(&name).mode(), live, "{name}");
    }
    assert_eq!(of("bin/risky").mode() & 0o7777, 0o755, "set-user-id is dropped");
    assert_eq!(of("config").mode() & 0o777, 0o750);
    for name in ["bin/rails", "bin", "config"] {
        assert_eq!(of(name).modified().unwrap(), moment, "{name}");
    }
    assert_eq!(of("bin/rails").nlink(), 1);
    assert_ne!(of("bin/rails").ino(), of("bin/twin").ino());
    assert_eq!(
        fs::read_link(staged.root().join("node_modules/.bin/webpack")).unwrap(),
        Path::new("../webpack/bin/webpack.js")
    );
}

#[test]
fn folders_that_are_closed_to_writers_are_filled_and_removed_all_the_same() {
    let mut home = Home::new();
    let moment = SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789);
    let closed = [("config/shut/inner", 0o500), ("config/shut/inner/most", 0o555), ("config/shut", 0o555)];
    home.write("config/shut/inner/most/file", "x");
    for (name, mode) in closed {
        fs::File::open(home.live().join(name)).unwrap().set_modified(moment).unwrap();
        fs::set_permissions(home.live().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let staged = home.stage();
    for (name, mode) in closed {
        let made = fs::metadata(staged.root().join(name)).unwrap();
        assert_eq!((made.mode() & 0o7777, made.modified().unwrap()), (mode, moment), "{name}");
    }
    assert_eq!(fs::read(staged.root().join("config/shut/inner/most/file")).unwrap(), b"x");
    staged.close().unwrap();
    assert_eq!(fs::read_dir(home.state()).unwrap().count(), 0);
    home.assert_untouched();
    // For the end of the test.
    for (name, _) in closed {
        fs::set_permissions(home.live().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn no_link_leads_back_into_the_live_tree() {
    let mut home = Home::new();
    let live = home.live();
    home.link("absolute", live.join("config/themes.yml"));
    home.link("roundabout", "../live/config/themes.yml");
    home.link("nowhere-inside", live.join("config/missing.yml"));
    home.link("dangling", "config/later.yml");
    symlink(&live, home.folder.path().join("current")).unwrap();
    home.link("by-another-name", home.folder.path().join("current/config"));
    let staged = home.stage();
    for name in ["absolute", "roundabout", "nowhere-inside", "by-another-name"] {
        let target = fs::read_link(staged.root().join(name)).unwrap();
        assert!(target.is_relative() && !target.starts_with(".."), "{name} leads to {}", target.display());
    }
    assert_eq!(fs::read_to_string(staged.root().join("absolute")).unwrap(), "default: styles/application.scss\n");
    assert_eq!(fs::read_link(staged.root().join("dangling")).unwrap(), Path::new("config/later.yml"));
    fs::write(staged.root().join("absolute"), "overwritten").unwrap();
    fs::write(staged.root().join("by-another-name/themes.yml"), "overwritten").unwrap();
    assert!(staged.findings().is_empty(), "{:?}", staged.findings());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the tree is the test's own")]
fn a_capistrano_release_is_staged_with_its_shared_folders_as_real_ones() {
    let mut home = Home::new();
    let shared = home.folder.path().join("shared");
    let live = home.live();
    for (name, file) in [
        ("node_modules", "webpack/index.js"),
        ("packs", "manifest.json"),
        ("cache", "webpacker/x.json"),
        ("log", "production.log"),
        ("bundle", "gem.rb"),
    ] {
        fs::create_dir_all(shared.join(name).join(file).parent().unwrap()).unwrap();
        fs::write(shared.join(name).join(file), file).unwrap();
    }
    symlink(shared.join("node_modules/webpack/index.js"), shared.join("node_modules/self")).unwrap();
    for name in ["node_modules", "public/packs", "tmp/cache", "log"] {
        fs::remove_dir_all(live.join(name)).unwrap();
    }
    home.link("node_modules", "../shared/node_modules");
    home.link("public/packs", shared.join("packs"));
    home.link("tmp/cache", shared.join("cache"));
    home.link("log", shared.join("log"));
    home.link("vendor/bundle", shared.join("bundle"));
    home.link("app/javascript/styles/extra.scss", shared.join("packs/manifest.json"));
    let before = digest(&shared);
    let staged = home.stage();
    let root = staged.root();
    for name in ["node_modules", "public/packs", "tmp/cache", "log"] {
        assert!(fs::symlink_metadata(root.join(name)).unwrap().is_dir(), "{name} is a real folder");
        fs::write(root.join(name).join("written-by-the-build"), "x").unwrap();
    }
    fs::write(root.join("node_modules/self"), "through the link").unwrap();
    assert_eq!(fs::read_dir(root.join("public/packs")).unwrap().count(), 1, "begins empty");
    assert!(!root.join("log/production.log").exists());
    assert_eq!(fs::read_to_string(root.join("tmp/cache/webpacker/x.json")).unwrap(), "webpacker/x.json");
    assert_eq!(before, digest(&shared), "the shared folders are live, too");
    let told: Vec<_> = staged.findings().iter().map(|finding| (finding.severity, finding.message.clone())).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].0 == Severity::Review && told[0].1.starts_with("app/javascript/styles/extra.scss"), "{told:?}");
    assert!(told[1].0 == Severity::Benign && told[1].1.starts_with("vendor/bundle"), "{told:?}");
    // What was taken in for a link is watched where it lies, and it itself.
    assert_eq!(staged.live_changes().0, []);
    fs::set_permissions(shared.join("node_modules"), fs::Permissions::from_mode(0o711)).unwrap();
    fs::write(shared.join("node_modules/webpack/index.js"), "changed").unwrap();
    fs::write(shared.join("node_modules/added.js"), "x").unwrap();
    let changes = staged.live_changes().0;
    let expected = [
        ("node_modules", What::Changed),
        ("node_modules/added.js", What::Added),
        ("node_modules/webpack/index.js", What::Changed),
    ];
    assert_eq!(changes, expected.map(|(name, what)| (PathBuf::from(name), what)));
}

#[test]
fn sockets_fifos_and_odd_names_stop_nothing() {
    let mut home = Home::new();
    let _socket = UnixListener::bind(home.live().join("puma.sock")).unwrap();
    assert!(Command::new("mkfifo").arg(home.live().join("config/pipe")).status().unwrap().success());
    let odd = OsStr::from_bytes(b"config/caf\xe9 \n'\".yml");
    fs::write(home.live().join(odd), "x").unwrap();
    let staged = home.stage();
    assert_eq!(fs::read(staged.root().join(odd)).unwrap(), b"x");
    assert!(!staged.root().join("config/pipe").exists());
    let [finding] = staged.findings() else { panic!("{:?}", staged.findings()) };
    assert_eq!(
        (finding.id.as_str(), finding.severity, finding.evidence.len()),
        ("special-file-left-out", Severity::Benign, 2)
    );
}
