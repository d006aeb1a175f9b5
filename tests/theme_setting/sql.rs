//! Every statement on every generation of the tables.

use std::collections::BTreeMap;
use std::time::Duration;

use postgres::Client;
use themegate::theme_setting::by_hand;
use themegate::theme_setting::choice::{KnownThemes, Layout};
use themegate::theme_setting::plan::{Change, Holding, Owner, Plan, Selection, plan};
use themegate::theme_setting::postgres::{Patience, PostgresStore};
use themegate::theme_setting::rollback::{Outcome, SecondLook, carry_out};
use themegate::theme_setting::store::Store;
use themegate::theme_setting::undo::{self, UndoFile};
use themegate::theme_setting::usage::{ThemeUsage, theme_usage};

use crate::schemas::{GENERATIONS, Generation, INJECTION, create, dump, members, named, populate};
use crate::servers::{Database, database};

pub(crate) const NEVER: &dyn Fn() -> bool = &|| false;

pub(crate) fn store(database: &Database<'_>, layout: Layout) -> PostgresStore<'static> {
    PostgresStore::open(database.settings(), Some(layout), Patience::default(), NEVER).unwrap()
}

pub(crate) fn site_of(generation: Generation) -> (Database<'static>, Client) {
    let database = database();
    let mut client = database.client();
    create(&mut client, generation);
    populate(&mut client, generation);
    (database, client)
}

pub(crate) fn plan_for(store: &mut dyn Store, selection: &Selection, to: Option<&str>) -> Plan {
    let layout = store.layout();
    let to = to.map_or_else(|| layout.none(), |name| layout.choice(name));
    let only_on = if let Selection::AllOn(name) = selection { Some(name.as_str()) } else { None };
    let holdings = store.holdings(selection).unwrap();
    plan(layout, holdings, only_on, &to)
}

pub(crate) fn carry(store: &mut dyn Store, changes: Vec<Change>, undo: &std::path::Path) -> Outcome {
    let look = SecondLook { wait: Duration::ZERO, rounds: 1 };
    carry_out(store, changes, undo, look, &mut |_| {}, NEVER).unwrap()
}

fn run(store: &mut dyn Store, selection: &Selection, to: Option<&str>, undo: &std::path::Path) -> Outcome {
    let plan = plan_for(store, selection, to);
    assert_eq!(plan.unreadable, []);
    carry(store, plan.changes, undo)
}

pub(crate) fn put_back(store: &mut dyn Store, undo_path: &std::path::Path, known: &[&str]) -> undo::UndoPlan {
    let file = UndoFile::load(undo_path).unwrap();
    let ids = file.changes.iter().filter_map(|entry| entry.owner.id()).collect();
    let mut holdings: Vec<Holding> = store.holdings(&Selection::Ids(ids)).unwrap();
    holdings.extend(store.holdings(&Selection::Site).unwrap());
    let known = KnownThemes { names: known.iter().map(|name| (*name).to_owned()).collect() };
    let plan = undo::plan(&file, store.layout(), holdings, &known);
    carry(store, plan.changes.clone(), &undo_path.with_extension("again"));
    plan
}

fn changed(before: &[String], after: &[String]) -> Vec<String> {
    after.iter().filter(|line| !before.contains(line)).cloned().collect()
}

/// Old libyaml closed a document with `...`; what is put back is written as Ruby writes it now.
fn one_form(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| line.replace("\n...\n", "\n")).collect()
}

fn undo_path() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("undo.json");
    (folder, path)
}

/// What each user's line in [`dump`] must be once `bad` is gone, if nothing else changed.
fn expected_without(before: &[String], generation: Generation) -> Vec<String> {
    let (member, rows) = (members(generation.layout, "bad"), generation.layout.keys());
    let without = |line: &String| {
        if !generation.json {
            let gone = rows.iter().any(|key| line.starts_with("row User") && line.contains(&format!(" {key} ")));
            return (!gone).then(|| line.clone());
        }
        // The spaced one has the blanks around its comma, which go with it.
        let spaced = format!("{member} , ");
        let line = [spaced, format!("{member},"), format!(",{member}"), member.clone()]
            .iter()
            .find(|form| line.starts_with("user ") && line.contains(form.as_str()))
            .map_or_else(|| line.clone(), |form| line.replacen(form.as_str(), "", 1));
        Some(line)
    };
    let mut lines: Vec<String> = before.iter().filter_map(without).collect();
    lines.sort();
    lines
}

fn theme_on(layout: Layout) -> &'static str {
    if layout == Layout::Theme { "bad" } else { "vanilla/bad" }
}

#[test]
fn all_on_a_theme_changes_one_key_and_nothing_else_and_undo_brings_back_every_byte() {
    for generation in GENERATIONS {
        let (database, mut client) = site_of(generation);
        let before = dump(&mut client, generation);
        let mut store = store(&database, generation.layout);
        let (_folder, undo_file) = undo_path();
        let outcome = run(&mut store, &Selection::AllOn("bad".to_owned()), None, &undo_file);
        assert_eq!(outcome.done.len(), 9, "{}", generation.name);
        let mut after = dump(&mut client, generation);
        after.sort();
        assert_eq!(after, expected_without(&before, generation), "{}", generation.name);
        let undone = put_back(&mut store, &undo_file, &["bad", "vanilla/bad"]);
        assert_eq!(undone.changes.len(), 9, "{}", generation.name);
        assert_eq!(one_form(dump(&mut client, generation)), one_form(before), "{}", generation.name);
        let again = put_back(&mut store, &undo_file, &["bad", "vanilla/bad"]);
        assert_eq!((again.changes.len(), again.already.len()), (0, 9), "{}", generation.name);
    }
}

#[test]
fn users_are_found_by_name_whatever_case_or_quotes_it_has_and_remote_accounts_never_are() {
    let names = ["ALICE", "upper_case", INJECTION, "suspended", "unapproved", "null", "empty", "braces"];
    for generation in GENERATIONS {
        let (database, mut client) = site_of(generation);
        let mut store = store(&database, generation.layout);
        let selection = Selection::Names(names.map(str::to_owned).to_vec());
        assert_eq!(store.holdings(&selection).unwrap().len(), names.len(), "{}", generation.name);
        let plan = plan_for(&mut store, &selection, None);
        assert_eq!((plan.changes.len(), plan.already.len()), (5, 3), "{}", generation.name);
        let (_folder, undo_file) = undo_path();
        let outcome = carry(&mut store, plan.changes, &undo_file);
        assert_eq!(outcome.done.len(), 5, "{}", generation.name);
        let nobody = Selection::Names(vec!["' OR true --".to_owned(), "nobody".to_owned()]);
        assert_eq!(store.holdings(&nobody).unwrap(), []);
        let left = plan_for(&mut store, &Selection::AllOn(theme_on(generation.layout).to_owned()), None);
        assert_eq!(left.changes.len(), 4, "{}", generation.name);
        let accounts: i64 = client.query_one("SELECT count(*) FROM accounts", &[]).unwrap().get(0);
        assert_eq!(accounts, 24);
    }
}

#[test]
fn people_without_a_choice_can_be_given_one_and_get_their_null_or_blank_back() {
    for generation in GENERATIONS {
        let (database, mut client) = site_of(generation);
        let before = dump(&mut client, generation);
        let mut store = store(&database, generation.layout);
        let names = Selection::Names(["null", "empty", "braces", "alice"].map(str::to_owned).to_vec());
        let (_folder, undo_file) = undo_path();
        let to = if generation.layout == Layout::Theme { "good" } else { "vanilla/good" };
        run(&mut store, &names, Some(to), &undo_file);
        let new = changed(&before, &dump(&mut client, generation));
        let wanted = members(generation.layout, "good");
        if generation.json {
            assert_eq!(new.iter().filter(|line| line.contains(&format!(" {{{wanted}}} "))).count(), 3, "{new:?}");
        } else {
            let keys = generation.layout.keys().len();
            assert!(new.iter().all(|line| line.ends_with("--- good\n") || line.ends_with("--- vanilla\n")), "{new:?}");
            // Alice's flavour stays; the others get each key.
            assert_eq!(new.len(), 3 * keys + 1, "{new:?}");
        }
        put_back(&mut store, &undo_file, &["bad", "vanilla/bad"]);
        assert_eq!(one_form(dump(&mut client, generation)), one_form(before), "{}", generation.name);
    }
}

#[test]
fn the_sites_theme_is_set_changed_cleared_and_undone() {
    for generation in GENERATIONS {
        let (database, mut client) = site_of(generation);
        let before = dump(&mut client, generation);
        let mut store = store(&database, generation.layout);
        let (folder, undo_file) = undo_path();
        let second = folder.path().join("second.json");
        run(&mut store, &Selection::Site, Some("good"), &undo_file);
        let keys = generation.layout.keys();
        let new = changed(&before, &dump(&mut client, generation));
        assert_eq!(new, [format!("row -0 {} --- good\n", keys[0])], "{}", generation.name);
        run(&mut store, &Selection::Site, Some("better"), &second);
        let times = format!(
            "SELECT abs(extract(epoch FROM updated_at - (now() AT TIME ZONE 'UTC'))) < 60 FROM settings WHERE var = '{}' AND value LIKE '%better%'",
            keys[0]
        );
        assert!(client.query_one(&times, &[]).unwrap().get::<_, bool>(0), "times are in UTC");
        run(&mut store, &Selection::Site, None, &folder.path().join("third.json"));
        assert_eq!(dump(&mut client, generation), before, "{}", generation.name);
        put_back(&mut store, &folder.path().join("third.json"), &["better"]);
        put_back(&mut store, &second, &["good"]);
        put_back(&mut store, &undo_file, &[]);
        assert_eq!(dump(&mut client, generation), before, "{}", generation.name);
    }
}

#[test]
fn duplicate_site_rows_of_old_databases_all_change() {
    let (database, mut client) = site_of(named("4.1"));
    client
        .batch_execute(
            r"INSERT INTO settings (var, value, created_at, updated_at) VALUES ('theme', E'--- bad\n', now(), now()), ('theme', E'--- bad\n...\n', now(), now())",
        )
        .unwrap();
    let (_folder, undo_file) = undo_path();
    run(&mut store(&database, Layout::Theme), &Selection::Site, Some("default"), &undo_file);
    let rows = client.query("SELECT value FROM settings WHERE var = 'theme' AND thing_id IS NULL", &[]).unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<_, &str>(0)).collect::<Vec<_>>(), ["--- default\n"; 2]);
}

#[test]
fn an_undo_refuses_what_the_present_mastodon_does_not_know_and_skips_what_somebody_changed_since() {
    let (database, mut client) = site_of(named("4.6"));
    let mut store = store(&database, Layout::Theme);
    let (_folder, undo_file) = undo_path();
    run(&mut store, &Selection::AllOn("bad".to_owned()), None, &undo_file);
    client.batch_execute(r#"UPDATE users SET settings = '{"theme":"mine"}' WHERE email = 'alice'"#).unwrap();
    client.batch_execute(r#"UPDATE users SET settings = '{"other":2}' WHERE email = 'first'"#).unwrap();
    let refused = put_back(&mut store, &undo_file, &["default"]);
    assert_eq!((refused.changes.len(), refused.unknown.len(), refused.changed_since.len()), (0, 8, 1));
    let done = put_back(&mut store, &undo_file, &["default", "bad"]);
    assert_eq!((done.changes.len(), done.changed_since.len()), (8, 1));
    let settings = |client: &mut Client, name: &str| -> String {
        client.query_one("SELECT settings FROM users WHERE email = $1", &[&name]).unwrap().get(0)
    };
    assert_eq!(settings(&mut client, "alice"), r#"{"theme":"mine"}"#);
    assert_eq!(settings(&mut client, "first"), r#"{"other":2,"theme":"bad"}"#);
}

#[test]
fn a_text_that_is_not_json_hinders_nobody_else() {
    let (database, mut client) = site_of(named("4.2"));
    client
        .batch_execute(
            r#"UPDATE users SET settings = '{"theme":"bad"' WHERE email = 'alice'; UPDATE users SET settings = '{"x":"\u0000","theme":"bad"}' WHERE email = 'first'"#,
        )
        .unwrap();
    let mut store = store(&database, Layout::Theme);
    let plan = plan_for(&mut store, &Selection::AllOn("bad".to_owned()), None);
    assert_eq!(plan.changes.len(), 8);
    assert_eq!(plan.unreadable.len(), 1);
    let (_folder, undo_file) = undo_path();
    assert_eq!(carry(&mut store, plan.changes, &undo_file).done.len(), 8);
}

#[test]
fn people_are_counted_by_the_theme_they_see() {
    for generation in GENERATIONS {
        let (database, mut client) = site_of(generation);
        let key = generation.layout.keys()[0];
        client.execute("INSERT INTO settings (var, value) VALUES ($1, E'--- site\n')", &[&key]).unwrap();
        let mut store = store(&database, generation.layout);
        let usage = ThemeUsage::count(&mut store).unwrap();
        assert_eq!((usage.following_the_site, usage.unreadable), (3, 0), "{}", generation.name);
        let seen = theme_usage(&mut store, "default").unwrap();
        let expected = [(theme_on(generation.layout).to_owned(), 9), ("site".to_owned(), 3)];
        assert_eq!(seen, BTreeMap::from(expected), "{}", generation.name);
    }
}

#[test]
fn what_is_printed_for_pasting_does_the_same() {
    for generation in GENERATIONS.into_iter().filter(|generation| generation.layout == Layout::Theme) {
        let by_hand = |selection: &Selection, to: &str| {
            let (database, mut client) = site_of(generation);
            let text = by_hand::sql(generation.layout, selection, &generation.layout.choice(to));
            let (new, old) = text.split_once("\n-- Mastodon up to 4.1").unwrap();
            let part = if generation.json { new } else { old.split_once('\n').unwrap().1 };
            database.psql(&format!("{part} COMMIT;"));
            dump(&mut client, generation)
        };
        let by_program = |selection: &Selection, to: &str| {
            let (database, mut client) = site_of(generation);
            let (_folder, undo_file) = undo_path();
            run(&mut store(&database, generation.layout), selection, Some(to), &undo_file);
            dump(&mut client, generation)
        };
        // By hand the key moves to the end; in these texts that is where it is.
        let named = Selection::Names(vec![INJECTION.to_owned(), "UPPER_case".to_owned(), "unapproved".to_owned()]);
        let strip = |lines: Vec<String>| -> Vec<String> {
            lines.into_iter().map(|line| line.split(" 20").next().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(strip(by_hand(&named, "good")), strip(by_program(&named, "good")), "{}", generation.name);
    }
}

#[test]
fn the_sites_statements_for_pasting_run_on_each_generation() {
    for generation in GENERATIONS {
        let (database, mut client) = site_of(generation);
        let text = by_hand::sql(generation.layout, &Selection::Site, &generation.layout.choice("good"));
        let statements: Vec<&str> = text.lines().filter(|line| line.starts_with("INSERT")).collect();
        let updates: Vec<&str> = text.lines().filter(|line| line.starts_with("UPDATE")).collect();
        if !generation.things {
            database.psql(statements[0]);
            let rows = client.query("SELECT 1 FROM settings WHERE value = E'--- good\n'", &[]).unwrap();
            assert_eq!(rows.len(), 1);
        } else {
            client
                .execute("INSERT INTO settings (var, value) VALUES ($1, 'x')", &[&generation.layout.keys()[0]])
                .unwrap();
            assert!(database.psql(updates[0]).contains("good"));
        }
    }
}

#[test]
fn taking_the_sites_choice_away_by_hand_spares_every_users_on_each_generation() {
    for generation in GENERATIONS {
        let (database, mut client) = site_of(generation);
        let users = dump(&mut client, generation);
        let key = generation.layout.keys()[0];
        client.execute("INSERT INTO settings (var, value) VALUES ($1, E'--- bad\n')", &[&key]).unwrap();
        let text = by_hand::sql(generation.layout, &Selection::Site, &generation.layout.none());
        assert!(database.psql(&text).contains("--- bad"), "{}", generation.name);
        assert_eq!(dump(&mut client, generation), users, "{}", generation.name);
    }
}

#[test]
fn an_interrupted_second_look_does_not_say_that_nothing_was_changed() {
    let (database, _client) = site_of(named("4.6"));
    let mut store = store(&database, Layout::Theme);
    let (_folder, undo_file) = undo_path();
    let changes = plan_for(&mut store, &Selection::AllOn("bad".to_owned()), None).changes;
    let look = SecondLook { wait: Duration::from_secs(9), rounds: 1 };
    let outcome = carry_out(&mut store, changes, &undo_file, look, &mut |_| {}, &|| true).unwrap();
    assert!(!outcome.done.is_empty());
    assert_eq!(outcome.unseen.as_deref(), Some("Interrupted."));
}

#[test]
fn nothing_is_left_behind_in_the_session_for_a_pooler_to_trip_over() {
    let (database, _client) = site_of(named("4.3"));
    let mut store = store(&database, Layout::Theme);
    let (_folder, undo_file) = undo_path();
    run(&mut store, &Selection::AllOn("bad".to_owned()), None, &undo_file);
    let row = store
        .client()
        .simple_query(
            "SELECT current_setting('lock_timeout'), (SELECT count(*) FROM pg_prepared_statements), \
             (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())",
        )
        .unwrap();
    let postgres::SimpleQueryMessage::Row(row) = &row[1] else { panic!("a row") };
    assert_eq!((row.get(0), row.get(1), row.get(2)), (Some("0"), Some("0"), Some("0")));
    assert!(database.server.log().contains("execute <unnamed>: UPDATE users"));
}

#[test]
fn a_database_that_is_not_mastodons_is_refused() {
    let database = database();
    let error = PostgresStore::open(database.settings(), None, Patience::default(), NEVER).unwrap_err();
    assert!(error.to_string().contains("does not look like Mastodon's database"), "{error}");
}

#[test]
fn glitch_soc_is_recognised_by_its_rows_when_no_tree_is_at_hand() {
    let (database, mut client) = site_of(named("glitch-soc 4.6"));
    client.batch_execute(r"INSERT INTO settings (var, value) VALUES ('skin', E'--- default\n')").unwrap();
    let store = PostgresStore::open(database.settings(), None, Patience::default(), NEVER).unwrap();
    assert_eq!(store.layout(), Layout::FlavourAndSkin);
    assert_eq!(Owner::Site.to_string(), "the site");
}
