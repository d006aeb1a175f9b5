//! Every way of staging gives the same tree.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use themegate::staging::{StagedTree, StagingRequest, Way, stage};

use crate::{Home, content};

/// Everything odd that a tree may hold.
fn make_odd(home: &Home) {
    home.write("config/original", "shared\n");
    fs::hard_link(home.live().join("config/original"), home.live().join("config/twin")).unwrap();
    let sparse = fs::File::create(home.live().join("sparse.img")).unwrap();
    sparse.set_len(5 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"middle", 3 << 20).unwrap();
    rustix::fs::setxattr(home.live().join("config/original"), "user.note", b"x", rustix::fs::XattrFlags::empty())
        .unwrap();
    for name in [&b"config/caf\xe9"[..], b"config/two\nlines", b"config/it's, a:b=c\\d\"", b"app/ "] {
        fs::write(home.live().join(OsStr::from_bytes(name)), name).unwrap();
    }
    for (name, mode) in [("config/empty", 0o644), ("config/closed", 0o000), ("bin/risky", 0o6755), ("bin/run", 0o751)] {
        home.write(name, if name == "config/empty" { "" } else { "x" });
        fs::set_permissions(home.live().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir(home.live().join("app/nothing")).unwrap();
    fs::set_permissions(home.live().join("app"), fs::Permissions::from_mode(0o750)).unwrap();
    home.link("absolute", home.live().join("config/themes.yml"));
    home.link("app/deep/absolute", home.live().join("config/themes.yml"));
    home.link("to-root", home.live());
    home.link("roundabout", "../live/config/themes.yml");
    home.link("dangling", "config/later.yml");
    home.write("tmp/restart.txt", "");
    home.write("tmp/cache/vite/last-build-production.json", "{}");
    home.write("config/master.key", "hunter2");
    home.write(".env/hidden", "hunter2");
    let shared = home.folder.path().join("shared");
    fs::create_dir_all(shared.join("system")).unwrap();
    fs::write(shared.join("env"), "hunter2").unwrap();
    home.link(".env.local", shared.join("env"));
    home.link("public/avatars", shared.join("system"));
    drop(UnixListener::bind(home.live().join("tmp-socket")).unwrap());
}

/// What every way gives alike. Of the few folders that a stage makes anew, the times are its own.
fn staged_digest(staged: &StagedTree) -> BTreeMap<PathBuf, String> {
    let made = ["", "log", "tmp/pids", "public/packs"].map(Path::new);
    let root = staged.root();
    let walk = walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap);
    walk.map(|entry| {
        let place = entry.path().strip_prefix(&root).unwrap().to_path_buf();
        let metadata = entry.metadata().unwrap();
        let content = content(entry.path(), &metadata);
        let time = if made.contains(&place.as_path()) { 0 } else { metadata.mtime_nsec() + metadata.mtime() };
        let kind = metadata.mode() & 0o170_000;
        (place, format!("{kind:o} {:o} {time} {content}", metadata.mode() & 0o777))
    })
    .collect()
}

fn assert_every_way_gives_the_same(base: &Path, ways: &[Way]) {
    let mut home = Home::below(base);
    make_odd(&home);
    let copied = staged_digest(&home.stage_by(Way::Copy).unwrap());
    assert!(copied.contains_key(Path::new("config/closed")) && !copied.contains_key(Path::new(".env.production")));
    for way in ways {
        let staged = home.stage_by(*way).unwrap();
        let found = staged_digest(&staged);
        let only = |one: &BTreeMap<PathBuf, String>, other: &BTreeMap<PathBuf, String>| {
            one.iter()
                .filter(|(path, facts)| other.get(*path) != Some(*facts))
                .map(|(path, facts)| format!("{} {facts}", path.display()))
                .collect::<Vec<_>>()
        };
        assert!(found == copied, "{way:?}: {:#?}\nthe copy: {:#?}", only(&found, &copied), only(&copied, &found));
        assert_eq!(staged.live_changes().0, [], "{way:?} touched the live tree");
        let changed = staged.root().join("config/twin");
        fs::write(&changed, "changed in the stage").unwrap();
        assert_eq!(fs::read(staged.root().join("config/original")).unwrap(), b"shared\n", "{way:?}");
        drop(staged);
        assert_eq!(fs::read_dir(home.state()).unwrap().count(), 0, "{way:?} left something behind");
    }
}

#[test]
fn every_way_gives_the_same_tree() {
    assert_every_way_gives_the_same(&std::env::temp_dir(), &[Way::Overlay, Way::Auto]);
}

#[test]
fn every_way_gives_the_same_tree_on_file_systems_that_share_blocks() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, flags) in [("xfs", &["-q", "-m", "reflink=1"][..]), ("btrfs", &["-q"])] {
        let (image, mounted) = (folder.path().join(kind), folder.path().join(format!("on-{kind}")));
        fs::create_dir(&mounted).unwrap();
        let run = |line: &mut Command| line.output().is_ok_and(|output| output.status.success());
        let made = run(Command::new("truncate").args(["-s", "320M"]).arg(&image))
            && run(Command::new(format!("mkfs.{kind}")).args(flags).arg(&image))
            && run(Command::new("mount").args(["-o", "loop"]).args([&image, &mounted]));
        if !made {
            eprintln!("skipped: {kind}: no mkfs.{kind}, or no loop mounts here");
            continue;
        }
        let done = std::panic::catch_unwind(|| {
            assert_every_way_gives_the_same(&mounted, &[Way::Reflink, Way::Overlay]);
            let mut home = Home::below(&mounted);
            assert_eq!(home.stage_by(Way::Reflink).unwrap().method().word(), "reflink");
        });
        assert!(run(Command::new("umount").arg(&mounted)) || run(Command::new("umount").arg("-l").arg(&mounted)));
        done.unwrap();
    }
}

#[test]
fn a_way_that_is_closed_is_refused_with_the_other_one() {
    let mut home = Home::new();
    let overlay_without = home.stage_with_way(Way::Overlay).unwrap_err().to_string();
    assert!(overlay_without.contains("--staging auto"), "{overlay_without}");
    assert_eq!(fs::read_dir(home.state()).unwrap().count(), 0);
}

#[test]
fn huge_files_with_holes_stay_small_and_every_size_arrives_whole() {
    let mut home = Home::new();
    let sparse = fs::File::create(home.live().join("lib.img")).unwrap();
    sparse.set_len(3 << 30).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"middle", 2 << 30).unwrap();
    for size in [0, 1, 65_535, 65_536, 65_537, 20_000_001] {
        let bytes: Vec<u8> = (0..size).map(|index: u32| u8::try_from(index % 251).unwrap()).collect();
        fs::write(home.live().join(format!("config/{size}")), bytes).unwrap();
    }
    home.before = None;
    let outputs = [];
    let staged = stage(&StagingRequest {
        live: &home.live(),
        state_dir: &home.state(),
        keep: false,
        output_folders: &outputs,
        interrupted: &AtomicBool::new(false),
        progress: &|_| (),
        way: Way::Auto,
        isolate: None,
    })
    .unwrap();
    let copy = fs::File::open(staged.root().join("lib.img")).unwrap();
    let mut bytes = [0; 6];
    std::os::unix::fs::FileExt::read_exact_at(&copy, &mut bytes, 2 << 30).unwrap();
    assert_eq!(&bytes, b"middle");
    let metadata = copy.metadata().unwrap();
    assert_eq!(metadata.len(), 3 << 30);
    assert!(metadata.blocks() * 512 < 1 << 20, "{} blocks", metadata.blocks());
    for size in [0, 1, 65_535, 65_536, 65_537, 20_000_001] {
        let name = format!("config/{size}");
        assert!(fs::read(home.live().join(&name)).unwrap() == fs::read(staged.root().join(&name)).unwrap(), "{name}");
    }
}

/// Rails wants a `tmp`; a link within the tree that stands for it is the site's own wish.
#[test]
#[expect(clippy::disallowed_methods, reason = "the tree is the test's own")]
fn the_folder_for_temporary_files_may_be_a_link_within_the_tree() {
    for way in [Way::Overlay, Way::Auto, Way::Copy] {
        let mut home = Home::new();
        fs::remove_dir_all(home.live().join("tmp")).unwrap();
        home.write("app/tmp/own", "x");
        home.link("tmp", "app/tmp");
        let staged = home.stage_by(way).unwrap();
        assert_eq!(fs::read_link(staged.root().join("tmp")).unwrap(), Path::new("app/tmp"), "{way:?}");
        assert_eq!(fs::read(staged.root().join("tmp/own")).unwrap(), b"x", "{way:?}");
    }
}
