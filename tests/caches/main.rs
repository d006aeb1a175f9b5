//! Compile caches kept from one check to the next: they save time, and nothing that becomes of them changes a verdict.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

mod altered;
mod shown;
#[path = "../support/mod.rs"]
mod support;
mod taken_over;

use std::fs;
use std::path::PathBuf;

use support::{Checked, Kind, Site, THEMEGATE};

const ENTRY: &str = "tmp/cache/webpacker/babel-loader/entry.json";

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
