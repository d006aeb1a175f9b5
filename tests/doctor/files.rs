//! Manifests, compiled files and registries that do not fit each other.

use std::fs;

use crate::support::{Kind, Site, skipped};
use crate::{compiled_builtin, copy, cured, doctor, sheet, typed};

#[test]
fn a_stale_digest_goes_with_the_command_that_is_given() {
    if skipped(Kind::Vite, "a stale digest") {
        return;
    }
    let site = copy(Kind::Vite);
    site.append("config/themes.yml", "dusk: styles/dusk.v2.scss\n");
    site.write("app/javascript/styles/dusk.v2.scss", "@use 'application';\n");
    let said = doctor(&site, &[]);
    assert_eq!((said.ids("fatal"), said.ids("review")), (vec!["theme-not-compiled"], vec!["digest-stale"]));
    let why = said.finding("theme-not-compiled")["meaning"].as_str().unwrap().to_owned();
    assert!(why.contains("dusk: styles/dusk-v2.scss"), "{why}");
    cured(&site, &said, "digest-stale");
    assert!(!site.path("tmp/cache/vite/last-build-production.json").exists());
    site.write("tmp/cache/vite/last-build-production.json", r#"{"success":false,"timestamp":"2026-11-24 03:15:57"}"#);
    assert_eq!(doctor(&site, &[]).ids("review"), ["last-build-failed"]);
}

#[test]
fn drift_is_mended_from_a_compressed_form_or_by_a_compile_in_a_stage() {
    if skipped(Kind::Vite, "drift") || skipped(Kind::Webpacker, "drift") {
        return;
    }
    let site = copy(Kind::Webpacker);
    let (altered, empty) = (sheet(&site, "contrast"), sheet(&site, "mastodon-light"));
    site.append(&altered, "\n");
    site.write(&empty, "");
    let said = doctor(&site, &[]);
    said.assert("broken", 1);
    assert_eq!(said.ids("fatal"), ["file-altered", "file-empty"]);
    assert_eq!(
        said.commands("file-altered"),
        [format!("gzip -dkf {}/{altered}.gz", site.live.canonicalize().unwrap().display())]
    );
    cured(&site, &said, "file-altered");
    cured(&site, &said, "file-empty");
    doctor(&site, &[]).assert("sound", 0);

    let site = Site::copy(Kind::Vite);
    let missing = sheet(&site, "default");
    fs::remove_file(site.path(&missing)).unwrap();
    fs::remove_file(site.path(&format!("{missing}.gz"))).unwrap();
    let said = doctor(&site, &[]);
    assert_eq!(said.ids("fatal"), ["file-missing"]);
    assert_eq!(said.ids("review"), ["error-page-broken", "digest-stale"]);
    let [check, promote, ..] = &said.commands("file-missing")[..] else { panic!("{}", said.all) };
    typed(&site, check);
    let runs = fs::read_dir(site.state().join("staged")).unwrap().map(|file| file.unwrap().path());
    let run = runs.filter(|path| path.extension().is_none()).find(|path| path.is_dir()).unwrap();
    typed(&site, &promote.replace("--run RUN", &format!("--run {}", run.file_name().unwrap().to_string_lossy())));
    doctor(&site, &[]).assert("sound", 0);
}

#[test]
fn a_compressed_form_that_differs_is_found_and_goes() {
    if skipped(Kind::Webpacker, "a compressed form") {
        return;
    }
    let site = copy(Kind::Webpacker);
    let sheet = sheet(&site, "contrast");
    for (ending, other) in [("gz", "default"), ("br", "default")] {
        let other = self::sheet(&site, other);
        fs::copy(site.path(&format!("{other}.{ending}")), site.path(&format!("{sheet}.{ending}"))).unwrap();
    }
    site.write("public/packs/sw.js.gz", "torn");
    let said = doctor(&site, &[]);
    assert_eq!((said.ids("fatal").len(), said.ids("review").len()), (1, 1), "{}", said.all);
    let message = said.finding("compressed-form-differs")["message"].as_str().unwrap();
    assert!(message.contains(".css.gz does not hold what it compresses. So it is with 1 more."), "{message}");
    for finding in said.diagnosis["findings"].as_array().unwrap() {
        typed(&site, finding["commands"][0].as_str().unwrap());
    }
    doctor(&site, &[]).assert("sound", 0);
}

#[test]
fn a_manifest_that_is_missing_or_torn_is_one_finding_and_not_one_for_each_theme() {
    if skipped(Kind::Vite, "a missing manifest") {
        return;
    }
    let site = copy(Kind::Vite);
    let lookup = "public/packs/.vite/manifest-lookup.json";
    let whole = fs::read(site.path(lookup)).unwrap();
    fs::remove_file(site.path(lookup)).unwrap();
    assert_eq!(doctor(&site, &[]).ids("fatal"), ["lookup-missing"]);
    site.write(lookup, &whole[..whole.len() / 2]);
    assert_eq!(doctor(&site, &[]).ids("fatal"), ["manifest-unreadable"]);
    fs::rename(site.path("public/packs"), site.path("tmp/packs")).unwrap();
    let said = doctor(&site, &[]);
    assert_eq!(said.ids("fatal"), ["manifest-missing"]);
    assert_eq!(said.ids("review"), ["error-page-broken", "digest-stale"], "{}", said.all);
}

#[test]
fn a_registry_that_cannot_be_read_and_a_line_for_the_next_compile_are_told_apart() {
    let site = compiled_builtin();
    site.append("config/themes.yml", "contrast: styles/contrast.scss\n");
    let said = doctor(&site, &[]);
    said.assert("doubtful", 1);
    assert_eq!(said.ids("review"), ["registry-duplicate-name"]);
    site.write("config/themes.yml", "default: styles/application.scss\n<<<<<<< HEAD\ncontrast: styles/contrast.scss\n");
    assert_eq!(doctor(&site, &[]).ids("fatal"), ["registry-merge-conflict"]);
}

#[test]
fn a_skin_that_is_not_compiled_is_moved_away() {
    if skipped(Kind::Glitch, "a skin that is not compiled") {
        return;
    }
    let site = copy(Kind::Glitch);
    site.write("app/javascript/skins/glitch/dusk/common.scss", "@use '@/styles/application';\n");
    let said = doctor(&site, &[]);
    assert_eq!(said.ids("fatal"), ["theme-not-compiled"]);
    cured(&site, &said, "theme-not-compiled");
}
