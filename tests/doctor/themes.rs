//! Themes that are offered and not compiled, and sites where nothing is wrong.

use std::fs;

use crate::support::{Kind, repository, skipped};
use crate::{compiled_builtin, copy, cured, doctor, text, with_people};

#[test]
fn a_healthy_site_is_sound_and_nothing_is_written() {
    let bare = doctor(&copy(Kind::Builtin), &[]);
    bare.assert("sound", 0);
    assert_eq!(bare.ids("benign"), ["nothing-compiled"]);
    let said = text(&copy(Kind::Builtin).command(&["doctor"]).output().unwrap());
    assert!(said.contains("Nothing is compiled here yet") && !said.contains("is compiled, and"), "{said}");
    doctor(&compiled_builtin(), &[]).assert("sound", 0);
    for kind in [Kind::Webpacker, Kind::Vite, Kind::Glitch] {
        if skipped(kind, "a healthy site is sound") {
            continue;
        }
        let said = doctor(&copy(kind), &[]);
        said.assert("sound", 0);
        assert_eq!((said.ids("fatal").len(), said.ids("review").len()), (0, 0));
        assert_eq!(said.diagnosis["people"]["known"], false);
    }
}

#[test]
fn the_record_keeps_to_its_committed_schema() {
    let committed = fs::read_to_string(repository().join("schemas/diagnosis.schema.json")).unwrap();
    let schema = themegate::report::diagnosis::schema();
    assert!(committed == schema, "run: cargo run -- __schema --diagnosis > schemas/diagnosis.schema.json");
}

#[test]
fn an_uncompiled_theme_that_is_the_sites_is_left_and_withdrawn_by_what_is_typed() {
    if skipped(Kind::Webpacker, "an uncompiled theme that is the site's") {
        return;
    }
    let site = copy(Kind::Webpacker);
    site.append("config/themes.yml", "dusk: styles/dusk.scss\n");
    site.write("app/javascript/styles/dusk.scss", "@import 'application';\n");
    let people = [Some("dusk"), Some("dusk"), Some("gone"), Some("contrast"), None, None, None];
    let mut client = with_people(&site, "4.1", &people, Some("dusk"));
    let said = doctor(&site, &[]);
    said.assert("broken", 1);
    assert_eq!(said.ids("fatal"), ["theme-not-compiled"]);
    let finding = said.finding("theme-not-compiled");
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("It is the site's theme: every visitor sees it, and 6 people do."), "{message}");
    assert_eq!(finding["evidence"][0]["file_line"], 4);
    assert_eq!(
        said.commands("theme-not-compiled"),
        [
            "themegate rollback-theme --site --to default",
            "themegate withdraw dusk",
            "systemctl restart mastodon-web mastodon-sidekiq"
        ]
    );
    assert_eq!(said.ids("benign"), ["people-on-unlisted-theme"]);
    assert_eq!(said.diagnosis["people"]["not_offered"]["gone"], 1);
    // webpacker says nothing of it and does nothing either.
    assert_eq!(said.ids("review"), ["digest-stale"]);
    cured(&site, &said, "theme-not-compiled");
    let after = doctor(&site, &[]);
    after.assert("sound", 0);
    assert_eq!(after.diagnosis["people"]["not_offered"]["dusk"], 2, "their choice is kept");
    let row: String =
        client.query_one("SELECT value FROM settings WHERE var = 'theme' AND thing_id IS NULL", &[]).unwrap().get(0);
    assert_eq!(row, "--- default\n");
}

#[test]
fn a_site_theme_that_is_not_offered_is_an_outage_up_to_4_5_and_a_note_later() {
    if skipped(Kind::Webpacker, "a site theme that is not offered") || skipped(Kind::Vite, "a site theme not offered") {
        return;
    }
    let old = copy(Kind::Webpacker);
    let _client = with_people(&old, "4.1", &[None, Some("contrast"), Some("gone")], Some("gone"));
    let said = doctor(&old, &[]);
    said.assert("broken", 1);
    let finding = said.finding("site-theme-not-offered");
    assert!(finding["meaning"].as_str().unwrap().contains("2 users who see the site's theme"), "{finding}");
    cured(&old, &said, "site-theme-not-offered");
    let new = copy(Kind::Vite);
    let _client = with_people(&new, "4.6", &[None], Some("gone"));
    let said = doctor(&new, &[]);
    said.assert("sound", 0);
    assert_eq!(said.finding("site-theme-not-offered")["severity"], "benign");
    cured(&new, &said, "site-theme-not-offered");
}
