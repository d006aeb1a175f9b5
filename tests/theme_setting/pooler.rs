//! Behind PgBouncer in transaction mode: a connection to the server belongs to somebody else after each transaction.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use themegate::theme_setting::choice::Layout;
use themegate::theme_setting::connection::{ConnectionSettings, Tls};
use themegate::theme_setting::plan::Selection;
use themegate::theme_setting::postgres::{Patience, PostgresStore};
use themegate::theme_setting::store::Store as _;

use crate::schemas::{create, named};
use crate::servers::{Database, Server, database};
use crate::sql::{NEVER, carry, plan_for, put_back};

const USERS: i64 = 24;

fn pgbouncer() -> Option<PathBuf> {
    ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].map(PathBuf::from).into_iter().find(|path| path.exists())
}

fn settings_behind(pooler: &Server, database: &Database<'_>) -> ConnectionSettings {
    ConnectionSettings {
        hosts: vec!["127.0.0.1".to_owned()],
        port: pooler.port,
        tls: Tls::Prefer,
        ..database.settings()
    }
}

#[test]
fn eight_runs_share_two_connections_and_lose_nothing() {
    let Some(program) = pgbouncer() else {
        // The test command installs it, and there a skip would be no proof.
        assert!(std::env::var_os("CI").is_none(), "PgBouncer is not installed");
        eprintln!("SKIPPED: PgBouncer is not installed (apt-get install pgbouncer)");
        return;
    };
    let database = database();
    let mut client = database.client();
    create(&mut client, named("4.6"));
    for id in 1..=USERS {
        let text = format!(r#"{{"theme":"bad","n":{id}}}"#);
        client.execute("INSERT INTO accounts (id, username) VALUES ($1, $2)", &[&id, &format!("u{id}")]).unwrap();
        client.execute("INSERT INTO users (id, account_id, settings) VALUES ($1, $1, $2)", &[&id, &text]).unwrap();
    }
    let pooler = Server::pooler(&program, database.server);
    let folder = tempfile::tempdir().unwrap();
    thread::scope(|scope| {
        for part in 0..8_i64 {
            let settings = settings_behind(&pooler, &database);
            scope.spawn(move || {
                let mut store = PostgresStore::open(settings, Some(Layout::Theme), Patience::default(), NEVER).unwrap();
                let ids = Selection::Ids((1..=USERS).filter(|id| id % 8 == part).collect());
                let changes = plan_for(&mut store, &ids, None).changes;
                assert_eq!(changes.len(), 3);
                // Another part may hold the lock of the whole command just now; then nothing is changed, and it is said.
                while let Err(error) = store.apply(changes.clone(), &mut |_, _| Ok(())) {
                    assert!(error.to_string().contains("Another themegate"), "{error}");
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
    });
    let kept = "SELECT count(*) FROM users WHERE settings = '{\"n\":' || id || '}'";
    assert_eq!(client.query_one(kept, &[]).unwrap().get::<_, i64>(0), USERS);

    let settings = settings_behind(&pooler, &database);
    let mut store = PostgresStore::open(settings, Some(Layout::Theme), Patience::default(), NEVER).unwrap();
    let all = Selection::Ids((1..=USERS).collect());
    let undo = folder.path().join("undo.json");
    let changes = plan_for(&mut store, &all, Some("bad")).changes;
    assert_eq!(carry(&mut store, changes, &undo).done.len(), 24);
    assert_eq!(put_back(&mut store, &undo, &["bad"]).changes.len(), 24);
    assert_eq!(client.query_one(kept, &[]).unwrap().get::<_, i64>(0), USERS);
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = \
                 (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(client.query_one(locks, &[]).unwrap().get::<_, i64>(0), 0);
}
