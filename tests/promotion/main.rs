//! Promotion, rollback, withdrawal and freeze on a generated site, and what must be refused.

#![expect(clippy::unwrap_used, reason = "in a test, an unwrap is the assertion")]

mod command_line;
mod crash_matrix;
mod failing_disk;
mod generated_site;
mod grounds;
mod ownership;
mod power_cut;
mod refusals;
mod retention;
mod sequences;
mod web_server;

use std::fs;
use std::path::Path;

use generated_site::{Layout, REGISTRY_NEW, REGISTRY_OLD, Site, difference, scratch};
use themegate::promotion::disk::Disk;

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_promotion_brings_the_staged_output_and_a_rollback_takes_all_but_new_names_back() {
    for layout in [Layout::Vite, Layout::Webpacker] {
        let home = scratch();
        let site = Site::generate(&home.path().join("home"), layout);
        let before = site.snapshot();
        let promoted = site.promote(&Disk::real()).unwrap().unwrap();
        assert_eq!(read(&site.live().join("config/themes.yml")), REGISTRY_NEW);
        for name in generated_site::files(&site.staged()) {
            assert_eq!(read(&site.live().join(&name)), read(&site.staged().join(&name)), "{}", name.display());
        }
        assert!(
            !site.live().join("public/packs/sw.js.br").exists(),
            "a stale compressed form would be served for ever"
        );
        assert!(site.live().join("public/packs/css/ancient-00000000.css").exists());
        assert!(site.live().join("public/sw.js").is_symlink());

        let rolled_back = site.rollback(&Disk::real()).unwrap().unwrap();
        assert_eq!(rolled_back.undoes, [promoted.id]);
        let after = site.snapshot();
        let left: Vec<String> = difference(&before, &after).iter().map(|name| name.display().to_string()).collect();
        assert_eq!(
            left,
            [
                "public/packs/css/default-new.css",
                "public/packs/css/default-new.css.gz",
                "public/packs/css/tangerineui-new.css",
                "public/packs/fonts",
                "public/packs/fonts/tangerine-new.woff2",
                "public/packs/js/application-new.js"
            ]
        );
        assert_eq!(read(&site.live().join("config/themes.yml")), REGISTRY_OLD);
    }
}
