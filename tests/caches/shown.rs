//! Caches in the stage: a layer of an overlay, or copies; and links in their place.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use themegate::caches::Caches;

use super::support::{Checked, Kind, Site, THEMEGATE, repository};
use super::{ENTRY, compile, kept, key, said, site_with_kept_cache};

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

/// Does something to a kept file.
type Meddling = fn(&Path);

/// What a build of this site runs while somebody writes to the kept caches.
fn sleep(site: &Site) -> String {
    format!("sleep 1.{}", fs::metadata(site.folder.path()).unwrap().ino())
}

/// Makes a check, and does something to the kept entry as soon as its build sleeps.
fn meddled<T>(site: &Site, meddle: impl FnOnce(&Path) + Send, check: impl FnOnce() -> T) -> T {
    let entry = kept(site).join("tree").join(ENTRY);
    let builds = || Command::new("pgrep").args(["-fx", &sleep(site)]).output().unwrap().status.success();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let end = Instant::now() + Duration::from_secs(30);
            while !builds() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
            meddle(&entry);
        });
        check()
    })
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
    let checked = meddled(&site, |entry| fs::write(entry, "evil").unwrap(), || check(&sleep(&site)));
    checked.assert_verdict("undecided", 3);
    assert!(checked.finding("caches-moved").is_some());
    assert!(check("").finding("caches-discarded").is_some(), "nobody builds with it afterwards");
}

/// Size and time say nothing then; a backup that links to the file, or gives it the mode that it has, leaves as much behind.
#[test]
fn kept_caches_count_by_their_content_where_only_the_time_of_a_change_differs() {
    let meddlings: [(&str, Meddling); 3] = [
        ("undecided", |entry| {
            let time = fs::metadata(entry).unwrap().modified().unwrap();
            fs::write(entry, "evil").unwrap();
            fs::File::open(entry).unwrap().set_modified(time).unwrap();
        }),
        ("pass", |entry| fs::set_permissions(entry, fs::metadata(entry).unwrap().permissions()).unwrap()),
        ("pass", |entry| fs::hard_link(entry, kept_elsewhere(entry)).unwrap()),
    ];
    for (verdict, meddle) in meddlings {
        let site = Site::copy(Kind::Builtin);
        let line = format!(". ./app/does; {}", compile("good"));
        site.write("app/does", "true");
        site.check(&["--compiler", &line]).assert_verdict("pass", 0);
        site.write("app/does", sleep(&site));
        let checked = meddled(&site, meddle, || site.check(&["--staging", "overlay", "--compiler", &line]));
        assert_eq!((checked.verdict(), said(&site).is_some()), (verdict, true), "{:?}", checked.grave());
    }
}

/// A place for a backup, out of the kept tree and on its file system.
fn kept_elsewhere(entry: &Path) -> PathBuf {
    entry.ancestors().find(|folder| folder.ends_with("kept")).unwrap().with_file_name("backup")
}

/// The stage of the change is kept, so it is a copy with caches of its own; the control build is shown the kept ones.
#[test]
fn kept_caches_that_somebody_writes_to_during_the_control_build_leave_the_check_undecided() {
    let site = Site::copy(Kind::Builtin);
    let line = format!(". ./app/does; {}", compile("good"));
    site.write("app/does", "true");
    site.check(&["--compiler", &line]).assert_verdict("pass", 0);
    site.append("app/javascript/styles/application.scss", "@warn \"the site itself warns\";\n");
    site.write("app/does", format!("grep -q midnight config/themes.yml || {}", sleep(&site)));
    let theme = repository().join("fixtures/themes/midnight");
    let check = || {
        let arguments = ["check", "--format", "json", "--keep-stage", "--compiler", &line, "--theme"];
        site.command(&arguments).arg(&theme).output().unwrap()
    };
    let checked = Checked::of(&meddled(&site, |entry| fs::write(entry, "evil").unwrap(), check));
    checked.assert_verdict("undecided", 3);
    assert!(checked.finding("caches-moved").is_some());
    assert_eq!(fs::read_dir(site.state().join("baselines")).map_or(0, Iterator::count), 0, "nobody relies on it later");
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

/// A link that stays within the tree is the site's own wish: the same stands in the stage, however that is made.
#[test]
fn a_link_within_the_tree_is_not_replaced_by_what_is_kept() {
    for way in ["overlay", "copy"] {
        let site = Site::copy(Kind::Builtin);
        let line = format!(". ./app/does; {}", compile("good"));
        site.write("app/does", "true");
        site.check(&["--compiler", &line]).assert_verdict("pass", 0);
        assert!(kept(&site).exists());
        for folder in ["tmp/cache", "app/own"] {
            fs::create_dir_all(site.path(folder)).unwrap();
        }
        symlink("../../app/own", site.path("tmp/cache/webpacker")).unwrap();
        site.write("app/does", "readlink tmp/cache/webpacker | sed 's/^/the cache says /'");
        site.check(&["--staging", way, "--compiler", &line]);
        assert_eq!(said(&site).as_deref(), Some("../../app/own"), "{way}");
    }
}

/// Whatever stands in the places of the caches: with `--fresh` no build finds one.
#[test]
fn without_any_cache_is_without_those_that_a_link_leads_to() {
    let site = Site::copy(Kind::Builtin);
    let seen = "for place in node_modules/.cache tmp/cache/webpacker tmp/cache/assets; do [ ! -e $place/stale ] || \
                echo the cache says $place; [ ! -p $place ] || echo the cache says $place is a FIFO; done";
    let line = format!("{seen}; exec {THEMEGATE} __compile");
    for folder in ["node_modules", "tmp/cache/packages", "app/own"] {
        fs::create_dir_all(site.path(folder)).unwrap();
        site.write(&format!("{folder}/stale"), "stale");
    }
    symlink("../tmp/cache/packages", site.path("node_modules/.cache")).unwrap();
    symlink("../../app/own", site.path("tmp/cache/webpacker")).unwrap();
    assert!(Command::new("mkfifo").arg(site.path("tmp/cache/assets")).status().unwrap().success());
    for way in ["overlay", "copy"] {
        site.write("app/asked", way);
        site.check(&["--staging", way, "--compiler", &line]);
        assert_eq!(said(&site).as_deref(), Some("node_modules/.cache"), "{way}");
        site.check(&["--staging", way, "--fresh", "--compiler", &line]).assert_verdict("pass", 0);
        assert_eq!(said(&site), None, "{way}");
    }
}

/// The kernel takes no layer that lies in another one. Then the caches are copied, and the live tree shows through all the same.
#[test]
fn a_state_folder_in_the_live_tree_has_an_overlay_with_kept_caches_too() {
    let site = Site::copy(Kind::Builtin);
    let state = site.path("var/gate").display().to_string();
    for (asked, found) in [("once", 0), ("twice", 1)] {
        site.write("app/asked", asked);
        let line = compile("good");
        let words = ["check", "--format", "json", "--state", &state, "--staging", "overlay", "--compiler", &line];
        let output = site.command(&words).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["verdict"], "pass", "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(report["staging"]["cached_files"], found, "{}", report["staging"]);
    }
}

/// The packages or the folder for temporary files may themselves be links to another folder of the tree.
#[test]
fn fresh_has_no_caches_behind_a_link_of_the_whole_folder_either() {
    for (way, link, target) in
        [("overlay", "tmp", "app/own"), ("copy", "tmp", "app/own"), ("overlay", "node_modules", "app/own")]
    {
        let site = Site::copy(Kind::Builtin);
        let entry = if link == "tmp" { "cache/webpacker/entry.json" } else { ".cache/entry.json" };
        #[expect(clippy::disallowed_methods, reason = "the folder is the test's own")]
        let _not_there = fs::remove_dir_all(site.path(link));
        site.write(&format!("{target}/{entry}"), "live");
        site.write(&format!("{target}/other"), "live");
        symlink(target, site.path(link)).unwrap();
        let line = format!(
            "if [ -e {link}/other ]; then echo \"the cache says $(ls {link}/{entry} 2>/dev/null)\"; fi; exec {THEMEGATE} __compile"
        );
        let check = |fresh: &[&str]| {
            site.check(&[&["--staging", way, "--compiler", &line], fresh].concat());
            said(&site)
        };
        assert_eq!(check(&[]), Some(format!("{link}/{entry}")), "{way}: {link}");
        assert_eq!(check(&["--fresh"]).as_deref(), Some(""), "{way}: {link}");
    }
}
