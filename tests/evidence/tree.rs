//! The digest of a tree: any single change of what a build can read makes another one, and nothing else does.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use themegate::evidence::{Digester, TreeRequest, digest_tree};
use themegate::staging::Look;

use super::support::repository;
use super::with_times_put_back;

/// A tree to be digested.
struct Tree {
    folder: tempfile::TempDir,
    live: PathBuf,
}

impl Tree {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(repository().join("target")).unwrap();
        let live = folder.path().canonicalize().unwrap().join("live");
        fs::create_dir(&live).unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        Self { folder, live }
    }

    fn digest(&self) -> blake3::Hash {
        self.digest_beside(&self.folder.path().join("state"))
    }

    fn digest_beside(&self, state: &Path) -> blake3::Hash {
        let outputs = [PathBuf::from("public/packs")];
        digest_tree(&TreeRequest { live: &self.live, outputs: &outputs, state, afresh: false }).unwrap()
    }

    /// A folder beside the tree, with files in it.
    fn beside(&self, name: &str, files: &[&str]) -> PathBuf {
        let folder = self.folder.path().canonicalize().unwrap().join(name);
        for file in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "1").unwrap();
        }
        folder
    }

    fn link(&self, place: &str, target: &Path) {
        let _none_yet = fs::remove_file(self.live.join(place));
        symlink(target, self.live.join(place)).unwrap();
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.live.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn files(&self) -> Vec<PathBuf> {
        let found = walkdir::WalkDir::new(&self.live).sort_by_file_name().into_iter().flatten();
        found.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
    }
}

/// Changes one thing of one file; false if there is nothing to change.
fn change_one(tree: &Tree, which: usize, how: usize, number: usize) -> bool {
    let files = tree.files();
    let path = files[which % files.len()].clone();
    let bytes = fs::read(&path).unwrap();
    match how % 7 {
        0 if bytes.is_empty() => return false,
        0 => with_times_put_back(&path, |path| {
            let mut bytes = fs::read(path).unwrap();
            let at = number % bytes.len();
            bytes[at] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
        1 => with_times_put_back(&path, |path| fs::write(path, [&bytes[..], b"x"].concat()).unwrap()),
        2 => {
            let other = tree.folder.path().join("other");
            fs::write(&other, [b"y", &bytes[..]].concat()).unwrap();
            fs::rename(other, &path).unwrap();
        }
        3 => {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode ^ 0o100)).unwrap();
        }
        4 => fs::rename(&path, path.with_extension(format!("r{number}"))).unwrap(),
        5 => fs::write(path.with_extension(format!("n{number}")), &bytes).unwrap(),
        _ => {
            fs::remove_file(&path).unwrap();
            symlink(format!("elsewhere-{number}"), &path).unwrap();
        }
    }
    true
}

#[test]
fn any_single_change_gives_another_digest_and_no_change_gives_the_same() {
    let tree = Tree::new();
    for index in 0..200 {
        tree.write(&format!("app/d{}/f{index}.scss", index % 9), format!("{index}").repeat(index % 30).as_bytes());
    }
    // Older than the index by more than a tick: only then is it believed.
    std::thread::sleep(Duration::from_millis(3100));
    let mut last = tree.digest();
    assert_eq!(tree.digest(), last);
    // Each change builds on those before it: a shorter one would be another history.
    let mut runner = TestRunner::new(ProptestConfig { cases: 150, max_shrink_iters: 0, ..ProptestConfig::default() });
    let tree = &tree;
    let last = std::cell::RefCell::new(&mut last);
    runner
        .run(&(any::<usize>(), any::<usize>(), 0..100_000_usize), |(which, how, number)| {
            if change_one(tree, which, how, number) {
                let now = tree.digest();
                prop_assert_ne!(now, **last.borrow(), "{} {} {}", which, how % 7, number);
                prop_assert_eq!(tree.digest(), now);
                **last.borrow_mut() = now;
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_file_that_is_written_twice_within_one_tick_of_the_clock_is_seen_both_times() {
    let tree = Tree::new();
    for round in 0..60_u8 {
        tree.write("app/a.scss", &[round]);
        let before = tree.digest();
        with_times_put_back(&tree.live.join("app/a.scss"), |path| fs::write(path, [round ^ 0x80]).unwrap());
        assert_ne!(tree.digest(), before, "round {round}");
    }
}

#[test]
fn what_a_build_cannot_read_does_not_count_and_what_lies_behind_links_does() {
    let tree = Tree::new();
    tree.write("app/a.scss", b"a");
    tree.write("log/production.log", b"1");
    tree.write("tmp/pids/puma.pid", b"1");
    tree.write("public/system/media.png", b"1");
    let before = tree.digest();
    tree.write("log/production.log", b"2");
    tree.write("tmp/pids/puma.pid", b"2");
    tree.write("public/system/media.png", b"2");
    assert_eq!(tree.digest(), before);
    fs::create_dir(tree.folder.path().join("shared")).unwrap();
    fs::write(tree.folder.path().join("shared/gem.rb"), "1").unwrap();
    symlink("../shared", tree.live.join("bundle")).unwrap();
    let linked = tree.digest();
    assert_ne!(linked, before);
    fs::write(tree.folder.path().join("shared/gem.rb"), "2").unwrap();
    assert_ne!(tree.digest(), linked);
}

/// Capistrano keeps the settings, the packages and the caches of all releases beside them, and links each release to them.
#[test]
fn a_release_with_shared_files_and_folders_has_a_digest_and_each_of_them_counts() {
    let tree = Tree::new();
    let files = [
        "config/themes.yml",
        "config/database.yml",
        "node_modules/sass/index.js",
        "tmp/cache/webpacker/a",
        "packs/manifest.json",
    ];
    let shared = tree.beside("shared", &files);
    tree.beside("shared", &["log/production.log"]);
    tree.write("config/settings.yml", b"1");
    tree.write("public/index.html", b"1");
    for place in ["config/themes.yml", "config/database.yml", "node_modules", "log"] {
        tree.link(place, &shared.join(place));
    }
    tree.link("tmp", Path::new("../shared/tmp"));
    tree.link("public/packs", &shared.join("packs"));
    let mut last = tree.digest();
    assert_eq!(tree.digest(), last);
    let counts = |last: &mut blake3::Hash, what: &str| {
        let now = tree.digest();
        assert_ne!(now, *last, "{what}");
        assert_eq!(tree.digest(), now, "{what}");
        *last = now;
    };
    for path in files {
        fs::write(shared.join(path), "2").unwrap();
        counts(&mut last, path);
    }
    tree.link("node_modules", Path::new("../shared/node_modules"));
    counts(&mut last, "what is written in a link");
    fs::set_permissions(shared.join("node_modules"), fs::Permissions::from_mode(0o700)).unwrap();
    counts(&mut last, "the mode of what a link leads to");
    fs::write(shared.join("log/production.log"), "2").unwrap();
    assert_eq!(tree.digest(), last, "a log is nobody's business");
}

#[test]
fn a_tree_that_leads_to_its_own_parents_has_no_digest() {
    let tree = Tree::new();
    symlink("..", tree.live.join("up")).unwrap();
    let state = &tree.folder.path().join("state");
    assert!(digest_tree(&TreeRequest { live: &tree.live, outputs: &[], state, afresh: false }).is_err());
}

/// A deployment turns the link `current`, on the way of other links; what they lead to is known from elsewhere already.
#[test]
fn a_link_that_leads_elsewhere_because_one_on_its_way_was_turned_counts() {
    let tree = Tree::new();
    tree.write("app/one.scss", b"1");
    tree.write("app/two.scss", b"2");
    let releases = [tree.beside("release-1", &["a.rb"]), tree.beside("release-2", &["a.rb"])];
    let sheets = [tree.live.join("app/one.scss"), tree.live.join("app/two.scss")];
    let current = tree.folder.path().join("current");
    let turn = |to: &Path| {
        let _none_yet = fs::remove_file(&current);
        symlink(to, &current).unwrap();
    };
    for (what, ways) in [("a folder behind other links", releases), ("a file of the tree", sheets)] {
        tree.link("a", &ways[0]);
        tree.link("b", &ways[1]);
        tree.link("c", &current);
        turn(&ways[0]);
        let before = tree.digest();
        turn(&ways[1]);
        assert_ne!(tree.digest(), before, "{what}");
        turn(&ways[0]);
        assert_eq!(tree.digest(), before, "{what}");
    }
}

#[test]
fn a_state_folder_behind_a_link_does_not_count() {
    let tree = Tree::new();
    let shared = tree.beside("shared", &["a.rb", "gate/runs/1.json"]);
    let digest = || tree.digest_beside(&shared.join("gate"));
    tree.link("shared", &shared);
    tree.link("state", &shared.join("gate"));
    let before = digest();
    tree.beside("shared", &["gate/runs/2.json"]);
    assert_eq!(digest(), before);
    fs::write(shared.join("a.rb"), "2").unwrap();
    assert_ne!(digest(), before, "what stands beside it");
}

/// Nobody compiles the media of a `public` that is shared as a whole, nor reads terabytes of them.
#[test]
fn what_is_left_out_does_not_count_in_a_folder_behind_a_link_either() {
    let tree = Tree::new();
    let left_out = ["system/media.png", "packs-test/a.js"];
    let public = tree.beside("public", &left_out);
    let packages = tree.beside("node_modules", &["sass/sass.js"]);
    fs::create_dir(packages.join(".bin")).unwrap();
    symlink("../sass/sass.js", packages.join(".bin/sass")).unwrap();
    tree.beside("public", &["robots.txt", "packs/manifest.json"]);
    tree.link("public", &public);
    tree.link("node_modules", &packages);
    let before = tree.digest();
    for path in left_out {
        fs::write(public.join(path), "22").unwrap();
        assert_eq!(tree.digest(), before, "{path}");
    }
    for path in [public.join("robots.txt"), public.join("packs/manifest.json"), packages.join("sass/sass.js")] {
        fs::write(&path, "22").unwrap();
        assert_ne!(tree.digest(), before, "{}", path.display());
        fs::write(&path, "1").unwrap();
        assert_eq!(tree.digest(), before, "{}", path.display());
    }
}

/// The digest after a build goes by what the one before it has found out.
#[test]
fn what_one_digest_has_found_out_serves_the_next_and_hides_nothing() {
    let tree = Tree::new();
    let state = tree.folder.path().join("state");
    let outputs = [PathBuf::from("public/packs")];
    let look = || Look::now(&tree.live, &state, &outputs, &AtomicBool::new(false)).unwrap();
    ["a.scss", "b.scss", "c.scss"].into_iter().for_each(|name| tree.write(name, name.as_bytes()));
    for with_an_index in [false, true] {
        let before = Digester::begin(&state).unwrap().remembering(!with_an_index);
        let (first, contents) = before.digest(&look()).unwrap();
        assert_eq!(contents.is_same(&tree.live.join("b.scss")), Some(true));
        let contents = Arc::new(contents);
        let again = || {
            let after = Digester::begin(&state).unwrap().recalling(Arc::clone(&contents));
            after.digest(&look()).unwrap().0
        };
        assert_eq!(again(), first);
        // At once, within one tick of any clock, in as many bytes, its time put back.
        with_times_put_back(&tree.live.join("b.scss"), |path| fs::write(path, "B.scss").unwrap());
        assert_ne!(again(), first, "an index: {with_an_index}");
        assert_eq!(contents.is_same(&tree.live.join("b.scss")), Some(false));
        tree.write("b.scss", b"b.scss");
        assert_eq!(again(), first);
        tree.write("d.scss", b"d");
        assert_ne!(again(), first, "a new file, an index: {with_an_index}");
        fs::remove_file(tree.live.join("d.scss")).unwrap();
    }
}

#[test]
fn an_index_is_written_anew_for_many_files_or_bytes_and_not_for_a_few() {
    let tree = Tree::new();
    let index = tree.folder.path().join("state/evidence/index");
    let written = |what: &str, expected: bool| {
        let before = fs::read(&index).unwrap_or_default();
        let elsewhere = tempfile::tempdir_in(tree.folder.path()).unwrap();
        assert_eq!(tree.digest(), tree.digest_beside(elsewhere.path()), "{what}");
        assert_eq!(fs::read(&index).unwrap() != before, expected, "{what}");
    };
    (0..100).for_each(|number| tree.write(&format!("old/{number}"), b"1"));
    written("nothing is known", true);
    // What was written within two seconds of an index is read again by the next.
    std::thread::sleep(Duration::from_millis(2100));
    written("all of it was too young", true);
    written("nothing has changed", false);
    tree.write("old/7", b"2");
    written("one file", false);
    (0..65).for_each(|number| tree.write(&format!("new/{number}"), b"1"));
    written("many files", true);
    std::thread::sleep(Duration::from_millis(2100));
    written("they were too young", true);
    tree.write("large", &vec![b'1'; 5 << 20]);
    written("many bytes", true);
    std::thread::sleep(Duration::from_millis(2100));
    written("they were too young", true);
    (0..65).for_each(|number| fs::remove_file(tree.live.join(format!("new/{number}"))).unwrap());
    written("many are gone", true);
}
