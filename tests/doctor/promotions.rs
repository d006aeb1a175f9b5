//! Promotions left half done, freezes, files kept for cached pages.

use std::fs;
use std::io::Write as _;
use themegate::promotion::generations::{Generation, Kind as Switch, SCHEMA};
use themegate::promotion::journal::Record;
use themegate::promotion::plan::Plan;

use crate::support::Site;
use crate::{compiled_builtin, cured, doctor, typed};

fn interrupted(site: &Site) {
    let intent = Generation {
        schema: SCHEMA,
        id: "2026-11-24T02-00-00".to_owned(),
        sequence: 1,
        kind: Switch::Promotion,
        began: "2026-11-24T02:00:00Z".to_owned(),
        live: site.live.clone(),
        subject: "2026-11-24T01-59-00".to_owned(),
        undoes: Vec::new(),
        despite_freeze: None,
        plan: Plan::default(),
    };
    let json = serde_json::to_string(&Record::Intent(Box::new(intent))).unwrap();
    let folder = site.state().join("journal");
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(site.state().join("generations")).unwrap();
    let line = format!("{} {json}\n", blake3::hash(json.as_bytes()).to_hex());
    fs::write(folder.join("2026-11-24T02-00-00.journal"), line).unwrap();
}

#[test]
fn a_promotion_left_half_done_is_recovered_and_one_at_work_is_a_note() {
    let site = compiled_builtin();
    interrupted(&site);
    let said = doctor(&site, &[]);
    said.assert("broken", 1);
    let mut lock = fs::File::create(site.state().join("lock")).unwrap();
    lock.lock().unwrap();
    write!(lock, "process 1, themegate check, since 02:00:00").unwrap();
    doctor(&site, &[]).assert("broken", 1);
    lock.set_len(0).unwrap();
    write!(lock, "process 1, themegate promote, since 02:00:00").unwrap();
    let beside = doctor(&site, &[]);
    beside.assert("sound", 0);
    assert_eq!(beside.ids("benign"), ["promotion-at-work"]);
    drop(lock);
    cured(&site, &said, "promotion-unfinished");
}

#[test]
fn a_freeze_and_files_that_only_cached_pages_need_are_notes() {
    let site = compiled_builtin();
    typed(&site, "themegate freeze --until 2099-01-01 --reason 'the release party'");
    site.write("public/packs/css/old-0123abcd.css", "a{}");
    let said = doctor(&site, &[]);
    said.assert("sound", 0);
    assert_eq!(said.ids("benign"), ["frozen", "files-unnamed"]);
    let message = said.finding("files-unnamed")["message"].as_str().unwrap();
    assert_eq!(message, "1 compiled file is named by no manifest (3 bytes).");
    cured(&site, &said, "frozen");
}
