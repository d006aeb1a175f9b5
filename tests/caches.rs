//! Compile caches kept from one check to the next: they save time, and nothing that becomes of them changes a verdict.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use themegate::caches::{Caches, Left};

use support::{Checked, Kind, Site, THEMEGATE, repository, skipped};

const ENTRY: &str = "tmp/cache/webpacker/babel-loader/entry.json";

/// Does something to the folder of what is kept, or to the entry in it.
type Alteration<'a> = &'a dyn Fn(&Path, &Path);

/// A compile that says what it finds in its cache, and leaves `word` there.
fn compile(word: &str) -> String {
    format!(
        "if [ -e {ENTRY} ]; then echo \"the cache says $(cat {ENTRY})\"; fi; mkdir -p $(dirname {ENTRY}); \
         printf {word} > {ENTRY}; touch tmp/cache/webpacker/last-compilation-digest-production; exec {THEMEGATE} __compile"
    )
}

/// A site without a cache of its own, checked once: its build left the word `good`.
fn site_with_kept_cache() -> Site {
    let site = Site::copy(Kind::Builtin);
    site.check(&["--compiler", &compile("good")]).assert_verdict("pass", 0);
    assert_eq!(fs::read_to_string(kept(&site).join("tree").join(ENTRY)).unwrap(), "good");
    site
}

fn kept(site: &Site) -> PathBuf {
    site.state().join("caches/kept")
}

/// What the kept caches are kept under.
fn key(site: &Site) -> String {
    let list: serde_json::Value = serde_json::from_slice(&fs::read(kept(site).join("list.json")).unwrap()).unwrap();
    list["key"].as_str().unwrap().to_owned()
}

/// What the build of the last check found in its cache.
fn said(site: &Site) -> Option<String> {
    let log = site.command(&["show", "latest", "--log"]).output().unwrap();
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    log.lines().find_map(|line| line.strip_prefix("the cache says ").map(str::to_owned))
}

/// Another question each time, because the same one would be answered from the run before.
fn check(site: &Site) -> Checked {
    let asked = fs::read(site.path("app/asked")).map_or(0, |bytes| bytes.len());
    site.write("app/asked", "x".repeat(asked + 1));
    site.check(&["--compiler", &compile("good")])
}

#[test]
fn what_a_passing_build_left_is_there_for_the_next_and_the_digests_are_not() {
    let site = site_with_kept_cache();
    let second = check(&site);
    second.assert_verdict("pass", 0);
    assert_eq!(said(&site).as_deref(), Some("good"));
    assert_eq!(second.report["staging"]["cached_files"], 1);
    assert!(!kept(&site).join("tree/tmp/cache/webpacker/last-compilation-digest-production").exists());
}

/// What a build did to its caches while an overlay showed them: the next one finds just that, and what was not touched was not
/// copied either.
#[test]
fn a_build_changes_what_is_shown_to_it_and_not_what_is_kept_until_it_has_passed() {
    let site = Site::copy(Kind::Builtin);
    let folder = "tmp/cache/webpacker/babel-loader";
    // The same command each time: others have caches of their own.
    let line = format!("mkdir -p {folder}; . ./app/does; exec {THEMEGATE} __compile");
    let check = |does: &str, verdict: &str, code: i32| {
        site.write("app/does", does);
        let checked = site.check(&["--staging", "overlay", "--compiler", &line]);
        checked.assert_verdict(verdict, code);
        checked
    };
    let write = |name: &str, word: &str| format!("printf {word} > {folder}/{name}");
    let holds = |name: &str| fs::read_to_string(kept(&site).join("tree").join(folder).join(name)).ok();
    let inode = |name: &str| fs::metadata(kept(&site).join("tree").join(folder).join(name)).unwrap().ino();
    site.write(&format!("{folder}/live.json"), "live");
    check(&["one", "two", "three"].map(|word| write(word, word)).join("; "), "pass", 0);
    assert_eq!(holds("live.json").as_deref(), Some("live"), "the live tree's own were there at first");
    fs::remove_file(site.path(folder).join("live.json")).unwrap();
    site.write(&format!("{folder}/later.json"), "live");

    let inodes = ["one", "two", "three"].map(inode);
    let seen = check(&format!("ls {folder} | tr '\\n' ' ' | sed 's/^/the cache says /'; echo"), "pass", 0);
    assert_eq!(said(&site).as_deref(), Some("live.json one three two "));
    assert_eq!(seen.report["staging"]["cached_files"], 4);
    assert_eq!(["one", "two", "three"].map(inode), inodes, "nothing was written, nothing is kept anew");

    check(&format!("{}; rm {folder}/one; exit 1", write("two", "evil")), "block", 1);
    assert_eq!([holds("one"), holds("two")], ["one", "two"].map(|word| Some(word.to_owned())));

    check(&format!("{}; rm {folder}/one; {}", write("two", "new"), write("four", "four")), "pass", 0);
    assert_eq!(holds("one"), None);
    assert_eq!([holds("two"), holds("four")], ["new", "four"].map(|word| Some(word.to_owned())));
    assert_eq!(inode("three"), inodes[2], "what was not touched is the same file");

    check(&format!("rm -r {folder}; mkdir {folder}; {}", write("five", "five")), "pass", 0);
    assert_eq!([holds("two"), holds("live.json"), holds("five")], [None, None, Some("five".to_owned())]);
    let last = check(&format!("cat {folder}/* | sed 's/^/the cache says /'; echo"), "pass", 0);
    assert_eq!(said(&site).as_deref(), Some("five"));
    assert!(last.finding("caches-discarded").is_none());
}

#[test]
fn kept_caches_that_somebody_writes_to_during_the_build_leave_the_check_undecided() {
    let site = Site::copy(Kind::Builtin);
    let line = format!(". ./app/does; {}", compile("good"));
    let check = |does: &str| {
        site.write("app/does", does);
        site.check(&["--staging", "overlay", "--compiler", &line])
    };
    check("true").assert_verdict("pass", 0);
    let entry = kept(&site).join("tree").join(ENTRY);
    let pattern = format!("sleep 1\\.{}", std::process::id());
    let builds = || Command::new("pgrep").args(["-fx", &pattern]).output().unwrap().status.success();
    let checked = std::thread::scope(|scope| {
        scope.spawn(|| {
            let end = Instant::now() + Duration::from_secs(30);
            while !builds() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
            fs::write(&entry, "evil").unwrap();
        });
        check(&format!("sleep 1.{}", std::process::id()))
    });
    checked.assert_verdict("undecided", 3);
    assert!(checked.finding("caches-moved").is_some());
    assert!(check("").finding("caches-discarded").is_some(), "nobody builds with it afterwards");
}

#[test]
fn what_is_kept_wins_over_the_live_trees_own_and_fresh_has_neither() {
    let site = site_with_kept_cache();
    site.write(ENTRY, "live");
    check(&site);
    assert_eq!(said(&site).as_deref(), Some("good"));
    site.check(&["--fresh", "--compiler", &compile("good")]).assert_verdict("pass", 0);
    assert_eq!(said(&site), None);
    #[expect(clippy::disallowed_methods, reason = "the folder is the test's own")]
    fs::remove_dir_all(site.state().join("caches")).unwrap();
    check(&site);
    assert_eq!(said(&site).as_deref(), Some("live"));
}

#[test]
fn the_caches_of_a_build_that_did_not_pass_are_dropped() {
    let site = site_with_kept_cache();
    let broken = repository().join("fixtures/themes/broken-empty");
    let blocked = site.check(&["--theme", broken.to_str().unwrap(), "--compiler", &compile("evil")]);
    blocked.assert_verdict("block", 1);
    let held = format!("echo 'warning: nobody knows this one'; {}", compile("evil"));
    site.check(&["--compiler", &held]).assert_verdict("hold", 1);
    site.check(&["--compiler", &format!("{}; exit 1", compile("evil").replace("exec ", ""))]);
    check(&site);
    assert_eq!(said(&site).as_deref(), Some("good"));
}

/// However the kept files are altered: all of them are thrown away, the next build begins without, and the verdict is the same.
#[test]
fn altered_caches_are_thrown_away_as_a_whole() {
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    fs::write(elsewhere.path(), "good").unwrap();
    let alterations: [(&str, Alteration<'_>); 8] = [
        ("poisoned", &|_, entry| fs::write(entry, "evil").unwrap()),
        ("truncated", &|_, entry| fs::write(entry, "").unwrap()),
        ("lost", &|_, entry| fs::remove_file(entry).unwrap()),
        ("a stranger among them", &|_, entry| fs::write(entry.with_file_name("other.json"), "evil").unwrap()),
        ("a link in its place", &|_, entry| {
            fs::remove_file(entry).unwrap();
            symlink(elsewhere.path(), entry).unwrap();
        }),
        ("a link beside it", &|_, entry| symlink("/", entry.with_file_name("root")).unwrap()),
        ("half a list", &|kept, _| {
            let text = fs::read(kept.join("list.json")).unwrap();
            fs::write(kept.join("list.json"), &text[..text.len() / 2]).unwrap();
        }),
        ("a list that leads elsewhere", &|kept, _| {
            let text = fs::read_to_string(kept.join("list.json")).unwrap();
            fs::write(kept.join("list.json"), text.replace(ENTRY, "../../../../live/config/themes.yml")).unwrap();
        }),
    ];
    let site = site_with_kept_cache();
    for (name, alter) in alterations {
        alter(&kept(&site), &kept(&site).join("tree").join(ENTRY));
        let checked = check(&site);
        checked.assert_verdict("pass", 0);
        assert_eq!(said(&site), None, "{name}");
        assert!(checked.finding("caches-discarded").is_some(), "{name}: nobody was told");
        assert_eq!(fs::read_to_string(kept(&site).join("tree").join(ENTRY)).unwrap(), "good", "{name}: kept anew");
    }
}

#[test]
fn a_caches_folder_that_is_a_link_is_not_followed() {
    let site = site_with_kept_cache();
    let elsewhere = site.folder.path().join("elsewhere");
    fs::rename(site.state().join("caches"), &elsewhere).unwrap();
    symlink(&elsewhere, site.state().join("caches")).unwrap();
    let before = support::digest(&elsewhere);
    check(&site).assert_verdict("pass", 0);
    assert_eq!(said(&site), None);
    support::assert_same_tree(&before, &support::digest(&elsewhere));
}

#[test]
fn a_run_that_was_killed_while_it_kept_them_leaves_nothing_that_is_used() {
    let site = site_with_kept_cache();
    // Killed while the files were taken, and killed between throwing away the old and putting the new in their place.
    for (moved, whole) in [(false, false), (true, false), (true, true)] {
        let draft = site.state().join("caches/draft");
        if moved {
            fs::rename(kept(&site), &draft).unwrap();
        } else {
            fs::create_dir_all(draft.join("tree").join(ENTRY).parent().unwrap()).unwrap();
            fs::write(draft.join("tree").join(ENTRY), "ev").unwrap();
        }
        if !whole {
            let _not_there = fs::remove_file(draft.join("list.json"));
        }
        check(&site).assert_verdict("pass", 0);
        assert_eq!(said(&site).as_deref(), if moved { None } else { Some("good") });
        assert!(!draft.exists());
    }
}

/// webpack runs what a stylesheet names as a loader: what a theme's build leaves may be made by the theme.
#[test]
fn what_the_build_of_a_theme_leaves_is_not_kept_where_webpack_compiles() {
    let theme = repository().join("fixtures/themes/midnight");
    let arguments =
        |line: &str| ["--theme".to_owned(), theme.display().to_string(), "--compiler".to_owned(), line.to_owned()];
    let check = |site: &Site, line: &str| {
        let words = arguments(line);
        site.check(&words.each_ref().map(String::as_str)).assert_verdict("pass", 0);
    };
    let site = Site::copy(Kind::Builtin);
    check(&site, &compile("evil"));
    assert!(!kept(&site).exists());
    let site = site_with_kept_cache();
    check(&site, &compile("good"));
    assert_eq!(said(&site).as_deref(), Some("good"), "it may have them all the same");
}

/// Capistrano links folders for caches out of the tree. The gate itself is not isolated: it must not write there.
#[test]
fn nothing_is_brought_through_a_link_out_of_the_stage() {
    for (place, way) in [("tmp/cache", "overlay"), ("tmp/cache/webpacker", "copy"), ("tmp/cache/webpacker", "overlay")]
    {
        let site = site_with_kept_cache();
        let shared = site.folder.path().join("shared");
        fs::create_dir(&shared).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the folder is the test's own")]
        let _not_there = fs::remove_dir_all(site.path(place));
        fs::create_dir_all(site.path(place).parent().unwrap()).unwrap();
        symlink(&shared, site.path(place)).unwrap();
        site.check(&["--staging", way, "--compiler", &compile("good")]).assert_verdict("pass", 0);
        assert_eq!(fs::read_dir(&shared).unwrap().count(), 0, "{place}, {way}: written through the link");
        assert_eq!(said(&site).as_deref(), Some("good"), "{place}, {way}");
    }
    // One that leads nowhere stays a link.
    let site = site_with_kept_cache();
    let tree = site.folder.path().join("tree");
    let elsewhere = site.folder.path().join("elsewhere");
    for folder in [tree.join("tmp/cache"), elsewhere.clone()] {
        fs::create_dir_all(folder).unwrap();
    }
    symlink(&elsewhere, tree.join("tmp/cache/webpacker")).unwrap();
    Caches::of(&site.state()).bring(&key(&site), &tree).unwrap();
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

/// Somebody changes a kept file again and again while it is brought: what arrives is what was kept, or nothing.
#[test]
fn a_file_that_changes_after_it_was_verified_does_not_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let (from, state, done) = (folder.path().join("from"), folder.path().join("state"), AtomicBool::new(false));
    fs::create_dir_all(from.join(ENTRY).parent().unwrap()).unwrap();
    fs::create_dir(&state).unwrap();
    fs::write(from.join(ENTRY), "good").unwrap();
    // As long as this one is read, there is time to change the other one.
    fs::write(from.join(ENTRY).with_file_name("large"), vec![1; 8 << 20]).unwrap();
    let entry = state.join("caches/kept/tree").join(ENTRY);
    let rounds = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for word in ["good", "evil"] {
                    let new = folder.path().join("new");
                    // Between two rounds it has no place.
                    let _no_place = fs::write(&new, word).and_then(|()| fs::rename(&new, &entry));
                }
            }
        });
        let left = Left { tree: &from, written: None, shown: None };
        let arrived = |round: usize| {
            let tree = folder.path().join(format!("tree-{round}"));
            fs::create_dir(&tree).unwrap();
            // A file that vanishes while it is kept anew: another round.
            let _next_round = Caches::of(&state).keep("key", &left, u64::MAX);
            Caches::of(&state).bring("key", &tree).unwrap();
            fs::read_to_string(tree.join(ENTRY)).ok()
        };
        let words: Vec<String> = (0..60).filter_map(arrived).collect();
        done.store(true, Ordering::Relaxed);
        words
    });
    assert!(rounds.iter().all(|word| word == "good"), "{rounds:?}");
}

#[test]
fn what_root_keeps_for_a_site_belongs_to_the_sites_user() {
    let site = Site::copy(Kind::Builtin);
    let owned = Command::new("chown").arg("-hR").arg("nobody").arg(site.folder.path()).stderr(Stdio::null()).status();
    if !owned.is_ok_and(|end| end.success()) {
        return eprintln!("skipped: chown is for root");
    }
    let owner = fs::metadata(&site.live).unwrap().uid();
    site.check(&["--compiler", &compile("good")]).assert_verdict("pass", 0);
    for entry in walkdir::WalkDir::new(site.state().join("caches")) {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().uid(), owner, "{}", entry.path().display());
    }
}

#[test]
fn other_packages_or_another_setting_start_anew() {
    let site = site_with_kept_cache();
    for (name, text) in [("yarn.lock", "# other\n"), ("config/webpack/rules.js", "// other\n")] {
        site.write(name, text);
        check(&site).assert_verdict("pass", 0);
        assert_eq!(said(&site), None, "{name}");
        check(&site);
        assert_eq!(said(&site).as_deref(), Some("good"), "{name}");
    }
}

#[test]
fn more_than_the_limit_is_not_kept() {
    let site = site_with_kept_cache();
    site.write("themegate.toml", "[check]\ncache_limit = \"3 B\"\n");
    check(&site).assert_verdict("pass", 0);
    assert!(!kept(&site).exists());
}

/// Real webpack with real caches: the second check reads them, one with a poisoned entry of babel-loader does not, and what is
/// said and written is the same with and without.
#[test]
fn webpack_compiles_the_same_with_kept_caches_without_and_after_a_poisoned_one() {
    if skipped(Kind::Webpacker, "webpack_compiles_the_same_with_kept_caches") {
        return;
    }
    let site = Site::copy(Kind::Webpacker);
    // The live tree's own name another place, and source maps compiled with them differ in that.
    for folder in ["node_modules/.cache", "tmp/cache"] {
        #[expect(clippy::disallowed_methods, reason = "the tree is the test's own")]
        fs::remove_dir_all(site.path(folder)).unwrap();
    }
    let fresh = site.check(&["--fresh"]);
    fresh.assert_verdict("pass", 0);
    // What node compiled of webpack itself is among them: the build's own /tmp is gone.
    let programs = kept(&site).join("tree/node_modules/.cache/v8-compile-cache");
    assert!(fs::read_dir(programs).is_ok_and(|found| found.count() > 0));
    // Another question, because the same one would be answered from the run before.
    site.write("app/asked", "once");
    let warm = site.check(&[]);
    assert!(warm.report["staging"]["cached_files"].as_u64().unwrap() > 10, "{}", warm.report["staging"]);
    let babel = kept(&site).join("tree/tmp/cache/webpacker/babel-loader");
    let entry = fs::read_dir(babel).unwrap().flatten().next().unwrap().path();
    fs::write(entry, "{\"code\":\"throw 1\"}").unwrap();
    site.write("app/asked", "twice");
    let poisoned = site.check(&[]);
    assert!(poisoned.finding("caches-discarded").is_some());
    for other in [warm, poisoned] {
        other.assert_verdict("pass", 0);
        for part in ["manifest_diff", "invariants", "themes"] {
            assert_eq!(other.report[part], fresh.report[part], "{part}");
        }
    }
}
