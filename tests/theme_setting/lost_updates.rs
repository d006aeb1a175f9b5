//! Rails writes whole settings from what it read when its request began. Nothing of that may be lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use postgres::Client;
use themegate::theme_setting::choice::Layout;
use themegate::theme_setting::json_text::{string_value, with_value};
use themegate::theme_setting::plan::{Owner, Selection};
use themegate::theme_setting::postgres::{Patience, PostgresStore};
use themegate::theme_setting::rollback::{SecondLook, carry_out};

use crate::schemas::{create, named};
use crate::servers::{Database, Server};
use crate::sql::{NEVER, plan_for};

const PEOPLE: i64 = 100_000;
const WRITERS: i64 = 50;

fn crowd(client: &mut Client) {
    create(client, named("4.6"));
    client
        .batch_execute(&format!(
            r#"INSERT INTO accounts (username) SELECT 'user' || n FROM generate_series(1, {PEOPLE}) AS n;
            INSERT INTO users (account_id, settings) SELECT id, '{{"default_privacy":"public","n":"0","theme":"bad","web.reduce_motion":true,"own":"' || id || '"}}' FROM accounts;
            ANALYZE"#
        ))
        .unwrap();
}

/// Reads, thinks for up to 60 ms, and writes the whole text back with another key changed, as Rails does.
/// Nobody else writes these users' `n`. Gives the last value written for each.
fn write_until(stop: &AtomicBool, mut client: Client, writer: i64) -> BTreeMap<i64, i64> {
    let mut written = BTreeMap::new();
    for round in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = (round * 7919 % (PEOPLE / WRITERS)) * WRITERS + writer + 1;
        let text: String = client.query_one("SELECT settings FROM users WHERE id = $1", &[&id]).unwrap().get(0);
        std::thread::sleep(Duration::from_millis(u64::try_from((round * 13 + writer * 7) % 60).unwrap()));
        let text = with_value(&text, "n", Some(&round.to_string())).unwrap();
        client.execute("UPDATE users SET settings = $1 WHERE id = $2", &[&text, &id]).unwrap();
        written.insert(id, round);
    }
    written
}

#[test]
fn fifty_writers_lose_nothing_and_whoever_is_back_on_the_theme_is_reported() {
    let server = Server::postgres("");
    let database = Database::on(&server);
    crowd(&mut database.client());
    let stop = AtomicBool::new(false);
    let patience = Patience { lock: Duration::from_secs(20), ..Patience::default() };
    let mut store = PostgresStore::open(database.settings(), Some(Layout::Theme), patience, NEVER).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let undo = folder.path().join("undo.json");
    let (written, outcome) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (stop, client) = (&stop, database.client());
                scope.spawn(move || write_until(stop, client, writer))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        let changes = plan_for(&mut store, &Selection::AllOn("bad".to_owned()), None).changes;
        assert!(changes.len() > 99_000, "{}", changes.len());
        let look = SecondLook { wait: Duration::from_secs(1), rounds: 3 };
        let outcome = carry_out(&mut store, changes, &undo, look, &mut |_| {}, NEVER);
        println!("{} s, with a second look", start.elapsed().as_secs_f64());
        stop.store(true, Ordering::Relaxed);
        let written: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        (written, outcome.unwrap())
    });
    let on_it: Vec<i64> = store_ids_on_bad(&database);
    let returned: Vec<i64> = outcome.returned.iter().filter_map(Owner::id).collect();
    println!("repeated {}, returned {}, still on it {}", outcome.repeated, returned.len(), on_it.len());
    assert!(
        on_it.iter().all(|id| returned.contains(id)),
        "{on_it:?} are on the theme, and only {returned:?} were reported"
    );
    assert!(outcome.repeated > 0, "the writers were meant to bring the theme back now and then");
    check_other_keys(&database, &written);
}

fn store_ids_on_bad(database: &Database<'_>) -> Vec<i64> {
    let rows = database.client().query("SELECT id FROM users WHERE settings::json->>'theme' = 'bad'", &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn check_other_keys(database: &Database<'_>, written: &[BTreeMap<i64, i64>]) {
    let expected: BTreeMap<i64, i64> = written.iter().flatten().map(|(id, round)| (*id, *round)).collect();
    assert!(expected.len() > 1000, "the writers were at it: {}", expected.len());
    for row in database.client().query("SELECT id, settings FROM users", &[]).unwrap() {
        let (id, text): (i64, String) = (row.get(0), row.get(1));
        let n = expected.get(&id).copied().unwrap_or_default().to_string();
        assert_eq!(string_value(&text, "n").unwrap(), Some(n), "user {id}");
        let rest = with_value(&with_value(&text, "theme", None).unwrap(), "n", Some("0")).unwrap();
        let own = format!(r#"{{"default_privacy":"public","n":"0","web.reduce_motion":true,"own":"{id}"}}"#);
        assert_eq!(rest, own);
    }
}
