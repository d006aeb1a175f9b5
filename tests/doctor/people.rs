//! Who is affected, with a database and without.

use std::fs;

use crate::support::{Kind, Site, skipped};
use crate::{compiled_builtin, copy, cured, doctor, text, with_people};

#[test]
fn without_a_database_it_says_so_and_is_still_right() {
    let site = compiled_builtin();
    // Somewhere nobody listens, with a password that must never be seen.
    site.append(".env.production", "\n");
    let environment = fs::read_to_string(site.path(".env.production")).unwrap();
    let elsewhere = environment.replace("DB_HOST=db.invalid", "DB_HOST=127.0.0.1\nDB_PORT=1");
    site.write(".env.production", elsewhere.replace("FAKE-database-password-for-tests-only", "hunter2"));
    site.append("config/themes.yml", "dusk: styles/dusk.scss\n");
    let said = doctor(&site, &[]);
    said.assert("broken", 1);
    let reason = said.diagnosis["people"]["unknown_because"].as_str().unwrap();
    assert!(reason.contains("cannot be reached"), "{reason}");
    let finding = said.finding("theme-not-compiled");
    assert!(finding["message"].as_str().unwrap().contains("It is not known who uses it."), "{finding}");
    // Up to 4.5 a withdrawn theme that is also the site's breaks every page: that has to be said.
    assert!(finding["help"].as_str().unwrap().contains("themegate rollback-theme --site --to default"), "{finding}");
    cured(&site, &said, "theme-not-compiled");
    doctor(&site, &[]).assert("sound", 0);
    doctor(&site, &["--need-database"]).assert("undecided", 3);
}

#[test]
fn a_check_and_a_promotion_say_how_many_people_they_touch() {
    if skipped(Kind::Vite, "people in a check") {
        return;
    }
    let site = Site::copy(Kind::Vite);
    let people = [Some("default"), Some("old"), Some("old"), None, None];
    let _client = with_people(&site, "4.6", &people, None);
    let theme = site.folder.path().join("dusk.scss");
    fs::write(&theme, "@use 'application';\nbody { color: #123; }\n").unwrap();
    let checked = site.check(&["--theme", theme.to_str().unwrap()]);
    checked.assert_verdict("pass", 0);
    let facts = &checked.report["people"];
    assert_eq!((&facts["known"], &facts["users"], &facts["sees"]["default"]), (&true.into(), &5.into(), &5.into()));
    assert_eq!(facts["not_offered"]["old"], 2);
    assert!(!checked.report.to_string().contains("hunter2"));
    let run = checked.report["run"].as_str().unwrap();
    let output = site.command(&["promote", "--run", run]).output().unwrap();
    let said = text(&output);
    assert!(output.status.success() && said.starts_with("people       nobody uses dusk yet; "), "{said}");
    assert!(said.contains("chosen and not offered: old (2); they see the site's theme, default"), "{said}");
    assert!(!said.contains("hunter2"));
}

#[test]
fn a_site_theme_that_vanishes_blocks_and_a_database_that_is_silent_changes_nothing() {
    let site = copy(Kind::Builtin);
    let _client = with_people(&site, "4.1", &[None, Some("gone")], Some("gone"));
    let environment = fs::read_to_string(site.path(".env.production")).unwrap();
    site.write(
        ".env.production",
        environment.replace("DB_HOST=db.invalid\n", "").replace("DB_NAME=mastodon_production\n", ""),
    );
    let checked = site.check(&["--compiler", "builtin"]);
    checked.assert_verdict("block", 1);
    let finding = checked.finding("site-theme-not-offered").unwrap();
    assert!(finding["meaning"].as_str().unwrap().contains("for 2 users who see the site's theme"), "{finding}");
    // An upgrade brings other rules, and migrations that change what is set.
    let patch = site.folder.path().join("next.patch");
    let helper = "app/helpers/theme_helper.rb";
    let text = format!(
        "diff --git a/{helper} b/{helper}\nnew file mode 100644\n--- /dev/null\n+++ b/{helper}\n@@ -0,0 +1 @@\n+# current_theme\n"
    );
    fs::write(&patch, text).unwrap();
    let checked = site.check(&["--compiler", "builtin", "--patch", patch.to_str().unwrap()]);
    assert!(checked.finding("site-theme-not-offered").is_none(), "{:?}", checked.grave());
    assert_eq!(checked.report["people"]["users"], 2, "{}", checked.stderr);
    // Somebody takes the call and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let silent = [("DB_HOST", "127.0.0.1"), ("DB_PORT", port.as_str())];
    let checked = site.check_with(&["--compiler", "builtin"], &silent);
    checked.assert_verdict("pass", 0);
    let reason = checked.report["people"]["unknown_because"].as_str().unwrap();
    assert!(reason.contains("2 s") || reason.contains("timed out") || reason.contains("cannot be reached"), "{reason}");
}
