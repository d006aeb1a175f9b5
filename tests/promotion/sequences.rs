//! Several switches one after the other: each of them can be undone, in any order that people think of, and no compiled file
//! that anybody may still ask for disappears.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use themegate::promotion::disk::Disk;
use themegate::promotion::generations::{Kind, in_force};

use crate::generated_site::{Layout, REGISTRY_NEW, REGISTRY_OLD, Site, difference, scratch};

fn promote(site: &Site) -> String {
    site.promote(&Disk::real()).unwrap().unwrap().id
}

fn rollback(site: &Site) -> String {
    site.rollback(&Disk::real()).unwrap().unwrap().id
}

fn registry(site: &Site) -> String {
    fs::read_to_string(site.live().join("config/themes.yml")).unwrap()
}

/// What the site is, compiled files that no manifest names left out.
fn named(site: &Site) -> BTreeMap<PathBuf, String> {
    let fingerprinted = |name: &Path| {
        let name = name.to_string_lossy().into_owned();
        name.starts_with("public/packs/") && (name.contains("-new") || name.contains("-v2") || name.ends_with("fonts"))
    };
    site.snapshot().into_iter().filter(|(name, _)| !fingerprinted(name)).collect()
}

/// The files under `public/packs` by name, for comparing what was kept.
fn compiled(site: &Site) -> Vec<PathBuf> {
    site.snapshot().into_keys().filter(|name| name.starts_with("public/packs/")).collect()
}

#[test]
fn no_compiled_file_disappears_whichever_way_a_site_goes() {
    for layout in [Layout::Vite, Layout::Webpacker] {
        let folder = scratch();
        let site = Site::generate(&folder.path().join("home"), layout);
        promote(&site);
        site.update("v2");
        promote(&site);
        let all: Vec<PathBuf> = compiled(&site);
        for age in ["old", "new", "v2"] {
            assert!(site.live().join(format!("public/packs/css/default-{age}.css")).exists(), "{age}");
        }
        let steps: [fn(&Site) -> String; 5] = [rollback, rollback, promote_again, rollback, promote_again];
        for (n, step) in steps.into_iter().enumerate() {
            step(&site);
            let now = compiled(&site);
            let fixed = |name: &PathBuf| name.to_string_lossy().contains("sw.js.br");
            let gone: Vec<&PathBuf> = all.iter().filter(|name| !now.contains(name) && !fixed(name)).collect();
            assert!(gone.is_empty(), "{layout:?}, step {n}: {gone:?}");
        }
    }
}

/// The run of the update once more, checked against what is live now.
fn promote_again(site: &Site) -> String {
    site.update("v2");
    promote(site)
}

#[test]
fn an_update_of_a_promoted_theme_is_rolled_back_to_its_first_version_and_then_to_none() {
    for layout in [Layout::Vite, Layout::Webpacker] {
        let folder = scratch();
        let site = Site::generate(&folder.path().join("home"), layout);
        let before = named(&site);
        promote(&site);
        let first = named(&site);
        site.update("v2");
        promote(&site);
        assert_ne!(named(&site), first);
        rollback(&site);
        assert_eq!(difference(&named(&site), &first), Vec::<PathBuf>::new(), "{layout:?}");
        rollback(&site);
        assert_eq!(difference(&named(&site), &before), Vec::<PathBuf>::new(), "{layout:?}");
    }
}

#[test]
fn a_rollback_can_be_undone_and_that_too() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    let before = named(&site);
    promote(&site);
    let after = named(&site);
    let back = rollback(&site);
    assert_eq!(named(&site), before);
    let forth = site.rollback_to(&back).unwrap().unwrap().id;
    assert_eq!(named(&site), after);
    let all = site.generations();
    assert!(in_force(&all, &all[0]), "the promotion is in force again");
    site.rollback_to(&forth).unwrap().unwrap();
    assert_eq!(named(&site), before);
}

#[test]
fn a_rollback_to_an_older_generation_undoes_all_since() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Webpacker);
    let before = named(&site);
    let first = promote(&site);
    site.update("v2");
    let second = promote(&site);
    site.withdraw(&Disk::real()).unwrap().unwrap();
    let done = site.rollback_to(&second).unwrap().unwrap();
    assert_eq!(done.undoes.len(), 2, "the withdrawal and the update");
    assert_eq!(registry(&site), REGISTRY_NEW);
    site.rollback_to(&first).unwrap().unwrap();
    assert_eq!(named(&site), before);
    let error = site.rollback_to("2000-01-01T00-00-00").unwrap_err().to_string();
    assert!(error.contains("themegate history"), "{error}");
}

#[test]
fn a_withdrawal_is_rolled_back_before_the_promotion_under_it() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    promote(&site);
    let promoted = site.snapshot();
    site.withdraw(&Disk::real()).unwrap().unwrap();
    assert_eq!(registry(&site), REGISTRY_OLD);
    rollback(&site);
    assert_eq!(difference(&site.snapshot(), &promoted), Vec::<PathBuf>::new(), "nothing but the registry had changed");
    rollback(&site);
    assert_eq!(registry(&site), REGISTRY_OLD);
}

#[test]
fn switches_within_one_second_have_names_of_their_own_and_keep_their_order() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Webpacker);
    let mut ids = vec![promote(&site)];
    for n in 0..6 {
        ids.push(if n % 2 == 0 { rollback(&site) } else { site.promote(&Disk::real()).unwrap().unwrap().id });
    }
    let listed: Vec<String> = site.generations().into_iter().map(|generation| generation.id).collect();
    assert_eq!(listed, ids);
    assert!(ids.iter().any(|id| id.len() > "2026-11-22T14-02-51".len()), "two of seven fell into one second: {ids:?}");
}

#[test]
fn what_is_in_force_can_be_taken_back_after_any_number_of_switches() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Webpacker);
    let before = named(&site);
    for n in 0..70 {
        if n % 2 == 0 {
            promote(&site)
        } else {
            rollback(&site)
        };
    }
    let all = site.generations();
    assert!(all.len() <= 50, "{} are kept", all.len());
    promote(&site);
    for _ in 0..30 {
        site.withdraw(&Disk::real()).unwrap().unwrap();
        rollback(&site);
    }
    let all = site.generations();
    let standing: Vec<Kind> = all.iter().filter(|one| in_force(&all, one)).map(|one| one.kind).collect();
    assert_eq!(standing, [Kind::Promotion], "the one that all the others lie upon");
    rollback(&site);
    assert_eq!(difference(&named(&site), &before), Vec::<PathBuf>::new());
}
