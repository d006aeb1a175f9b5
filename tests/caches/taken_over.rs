//! Which builds leave caches, and which find them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use super::support::{Kind, Site, repository, skipped};
use super::{ENTRY, check, compile, kept, said, site_with_kept_cache};

#[test]
fn what_a_passing_build_left_is_there_for_the_next_and_the_digests_are_not() {
    let site = site_with_kept_cache();
    let second = check(&site);
    second.assert_verdict("pass", 0);
    assert_eq!(said(&site).as_deref(), Some("good"));
    assert_eq!(second.report["staging"]["cached_files"], 1);
    assert!(!kept(&site).join("tree/tmp/cache/webpacker/last-compilation-digest-production").exists());
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

/// What one version of node or Ruby has compiled is no use to another one, and nothing in the tree says that it is another.
#[test]
fn another_node_or_ruby_starts_anew() {
    let site = Site::copy(Kind::Builtin);
    let programs = site.folder.path().join("bin");
    fs::create_dir(&programs).unwrap();
    let install = |program: &str, text: &str| fs::write(programs.join(program), text).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let check = |asked: &str| {
        site.write("app/asked", asked);
        let arguments = ["--compiler", &compile("good")];
        site.check_with(&arguments, &[("PATH", &path)]).assert_verdict("pass", 0);
        said(&site)
    };
    install("node", "version 20");
    install("ruby", "version 3.2");
    check("first");
    assert_eq!(check("the same").as_deref(), Some("good"));
    for (program, text) in [("node", "version 22, another size"), ("ruby", "version 3.3, another size")] {
        install(program, text);
        assert_eq!(check(text), None, "{program}");
        assert_eq!(check(program).as_deref(), Some("good"), "{program}");
    }
}
