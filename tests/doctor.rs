//! The doctor on real compiled sites: silent on healthy ones, right on broken ones, and what it says to type mends them.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests panic, and say what they skip")]

#[expect(dead_code, reason = "the tests of theme settings use the rest")]
#[path = "theme_setting/schemas.rs"]
mod schemas;
#[expect(dead_code, reason = "the tests of theme settings use the rest")]
#[path = "theme_setting/servers.rs"]
mod servers;
mod support;
#[path = "doctor/watch.rs"]
mod watch;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use postgres::Client;
use serde_json::Value;
use support::{Kind, Site, THEMEGATE, assert_same_tree, digest, repository, skipped};
use themegate::promotion::generations::{Generation, Kind as Switch, SCHEMA};
use themegate::promotion::journal::Record;
use themegate::promotion::plan::Plan;

/// What the doctor said.
struct Said {
    code: i32,
    diagnosis: Value,
    all: String,
}

impl Said {
    fn ids(&self, severity: &str) -> Vec<&str> {
        let findings = self.diagnosis["findings"].as_array().unwrap().iter();
        findings.filter(|one| one["severity"] == severity).map(|one| one["id"].as_str().unwrap()).collect()
    }

    #[track_caller]
    fn finding(&self, id: &str) -> &Value {
        let mut findings = self.diagnosis["findings"].as_array().unwrap().iter();
        findings.find(|one| one["id"] == id).unwrap_or_else(|| panic!("no {id} in {}", self.all))
    }

    fn commands(&self, id: &str) -> Vec<String> {
        let commands = self.finding(id)["commands"].as_array().unwrap().iter();
        commands.map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    fn assert(&self, standing: &str, code: i32) {
        assert_eq!((self.diagnosis["standing"].as_str(), self.code), (Some(standing), code), "{}", self.all);
    }
}

/// Runs the doctor, and sees that it changed nothing of what it looks at: live tree and state folder.
#[track_caller]
fn doctor(site: &Site, words: &[&str]) -> Said {
    let seen =
        || ["live/public", "live/config", "live/tmp", "live/log", ".themegate"].map(|at| site.folder.path().join(at));
    let digests = || seen().map(|at| if at.exists() { digest(&at) } else { BTreeMap::new() });
    let before = digests();
    let output = site.command(&["doctor", "--format", "json"]).args(words).output().unwrap();
    before.iter().zip(&digests()).for_each(|(before, after)| assert_same_tree(before, after));
    let all = text(&output);
    assert!(!all.contains("hunter2"), "{all}");
    let diagnosis = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    Said { code: output.status.code().unwrap_or(-1), diagnosis, all }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A copy of a site whose packages are borrowed: for tests that compile nothing, thousands of files less.
fn copy(kind: Kind) -> Site {
    if kind == Kind::Builtin {
        return Site::copy(kind);
    }
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    fs::create_dir(&live).unwrap();
    for entry in fs::read_dir(kind.folder()).unwrap() {
        let path = entry.unwrap().path();
        let to = live.join(path.file_name().unwrap());
        match path.file_name().unwrap().to_str() {
            Some("node_modules") => std::os::unix::fs::symlink(&path, &to).unwrap(),
            Some(".git") => {}
            _ => assert!(Command::new("cp").arg("-a").arg(&path).arg(&to).status().unwrap().success()),
        }
    }
    Site { folder, live, kind }
}

/// Types a command that the doctor gave, as it stands; a restart is left out, since nothing runs.
#[track_caller]
fn typed(site: &Site, command: &str) {
    if command.starts_with("systemctl ") {
        return;
    }
    let folder = Path::new(THEMEGATE).parent().unwrap().display();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).current_dir(&site.live).envs(site.kind.environment());
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let output = shell.env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{command}: {}", text(&output));
}

#[track_caller]
fn cured(site: &Site, said: &Said, id: &str) {
    for command in said.commands(id) {
        // Nobody sits at a terminal here.
        typed(site, &command.replace("rollback-theme ", "rollback-theme --yes --second-look 0 "));
    }
    let after = doctor(site, &[]);
    let left = after.diagnosis["findings"].as_array().unwrap().iter().any(|one| one["id"] == id);
    assert!(!left, "{id} is still there: {}", after.all);
}

/// The file of a theme's stylesheet, relative to the live tree.
fn sheet(site: &Site, theme: &str) -> String {
    let folder = if site.kind == Kind::Webpacker { "public/packs/css" } else { "public/packs/assets/themes" };
    let names = fs::read_dir(site.path(folder)).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let name = names.filter(|name| name.starts_with(&format!("{theme}-"))).find(|name| name.ends_with(".css"));
    format!("{folder}/{}", name.unwrap())
}

/// Gives the site a database of its own with one user for each choice; `site` is the site's own theme.
fn with_people(site: &Site, generation: &str, choices: &[Option<&str>], own: Option<&str>) -> Client {
    let database = servers::database();
    let mut client = database.client();
    let generation = schemas::named(generation);
    schemas::create(&mut client, generation);
    for (index, choice) in choices.iter().enumerate() {
        let (id, name) = (i64::try_from(index).unwrap() + 1, format!("user{index}"));
        client.execute("INSERT INTO accounts (id, username) VALUES ($1, $2)", &[&id, &name]).unwrap();
        client.execute("INSERT INTO users (id, email, account_id) VALUES ($1, $2, $1)", &[&id, &name]).unwrap();
        match choice {
            Some(theme) if generation.json => {
                let text = format!(r#"{{"theme":"{theme}","noindex":false}}"#);
                client.execute("UPDATE users SET settings = $2 WHERE id = $1", &[&id, &text]).unwrap();
            }
            Some(theme) => {
                let text = format!("--- {theme}\n");
                let insert = "INSERT INTO settings (var, value, thing_type, thing_id) VALUES ('theme', $2, 'User', $1)";
                client.execute(insert, &[&id, &text]).unwrap();
            }
            None => {}
        }
    }
    if let Some(theme) = own {
        client.execute("INSERT INTO settings (var, value) VALUES ('theme', $1)", &[&format!("--- {theme}\n")]).unwrap();
    }
    let settings = database.settings();
    site.append(
        ".env.production",
        &format!(
            "\nDB_HOST={}\nDB_PORT={}\nDB_NAME={}\nDB_USER=mastodon\nDB_PASS=hunter2\n",
            settings.hosts[0], settings.port, settings.database
        ),
    );
    client
}

fn compiled_builtin() -> Site {
    let site = copy(Kind::Builtin);
    let output = site.command(&["__compile"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    site
}

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
