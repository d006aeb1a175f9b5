//! Killed clients, servers that go away, locks held by others: nothing half done, and the message says what happened.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use themegate::theme_setting::choice::Layout;
use themegate::theme_setting::connection::{ConnectionSettings, Tls};
use themegate::theme_setting::plan::{Change, Selection};
use themegate::theme_setting::postgres::{Patience, PostgresStore};
use themegate::theme_setting::rollback::{SecondLook, carry_out};
use themegate::theme_setting::store::{ApplyError, Store, StoreError};
use themegate::theme_setting::undo::{UndoError, UndoFile};

use crate::schemas::{create, dump, named, populate};
use crate::servers::{Database, Server};
use crate::sql::{NEVER, plan_for, put_back, site_of, store};

const NO_WAIT: SecondLook = SecondLook { wait: Duration::ZERO, rounds: 0 };

const HURRIED: Patience = Patience {
    lock: Duration::from_millis(300),
    statement: Duration::from_secs(20),
    reconnect: Duration::from_secs(1),
};

fn everybody(store: &mut dyn Store) -> Vec<Change> {
    plan_for(store, &Selection::AllOn("bad".to_owned()), None).changes
}

fn save(path: &Path) -> impl Fn(&[Change], Option<i64>) -> Result<(), UndoError> + '_ {
    |changes, transaction| UndoFile::of(changes, Layout::Theme, "test".to_owned(), transaction).save(path)
}

#[test]
fn a_second_run_is_told_to_wait() {
    let (database, mut client) = site_of(named("4.6"));
    client.batch_execute("SELECT pg_advisory_lock(8388065826504663412)").unwrap();
    let mut store = store(&database, Layout::Theme);
    let changes = everybody(&mut store);
    let error = store.apply(changes, &mut |_, _| Ok(())).unwrap_err();
    assert!(matches!(error, ApplyError::NothingChanged(StoreError::Busy)), "{error}");
}

#[test]
fn a_row_that_somebody_holds_stops_the_whole_change_and_leaves_no_undo_file() {
    for generation in [named("4.1"), named("4.6")] {
        let (database, mut client) = site_of(generation);
        let before = dump(&mut client, generation);
        let mut holder = database.client();
        let mut held = holder.transaction().unwrap();
        held.batch_execute("SELECT * FROM users WHERE email = 'last' FOR UPDATE").unwrap();
        let mut store = PostgresStore::open(database.settings(), Some(Layout::Theme), HURRIED, NEVER).unwrap();
        let changes = everybody(&mut store);
        let folder = tempfile::tempdir().unwrap();
        let undo = folder.path().join("undo.json");
        let error = carry_out(&mut store, changes, &undo, NO_WAIT, &mut |_| {}, NEVER).unwrap_err();
        assert!(matches!(error, ApplyError::NothingChanged(StoreError::Locked(_))), "{error}");
        assert!(error.to_string().ends_with("Nothing was changed."), "{error}");
        assert!(!undo.exists());
        assert_eq!(dump(&mut client, generation), before);
    }
}

#[test]
fn an_interruption_before_the_commit_changes_nothing() {
    let (database, mut client) = site_of(named("4.6"));
    let before = dump(&mut client, named("4.6"));
    let stop = AtomicBool::new(false);
    let interrupted = || stop.load(Ordering::Relaxed);
    let mut store = PostgresStore::open(database.settings(), Some(Layout::Theme), HURRIED, &interrupted).unwrap();
    let changes = everybody(&mut store);
    let mut record = |_: &[Change], _| {
        stop.store(true, Ordering::Relaxed);
        Ok(())
    };
    let error = store.apply(changes, &mut record).unwrap_err();
    assert!(matches!(error, ApplyError::NothingChanged(StoreError::Interrupted)), "{error}");
    assert_eq!(dump(&mut client, named("4.6")), before);
}

fn own_site(server: &Server) -> Database<'_> {
    let database = Database::on(server);
    let mut client = database.client();
    create(&mut client, named("4.6"));
    populate(&mut client, named("4.6"));
    client.batch_execute("CHECKPOINT").unwrap();
    database
}

#[test]
fn a_server_that_crashes_before_the_commit_and_stays_away_leaves_it_unknown_and_the_undo_file_tells_later() {
    let server = Server::postgres("");
    let database = own_site(&server);
    let before = dump(&mut database.client(), named("4.6"));
    let mut store = PostgresStore::open(database.settings(), Some(Layout::Theme), HURRIED, NEVER).unwrap();
    let changes = everybody(&mut store);
    let folder = tempfile::tempdir().unwrap();
    let undo = folder.path().join("undo.json");
    let mut record = |changes: &[Change], number| {
        save(&undo)(changes, number)?;
        server.crash();
        Ok(())
    };
    let error = store.apply(changes, &mut record).unwrap_err();
    assert!(matches!(error, ApplyError::Unknown { transaction: Some(_), .. }), "{error}");
    assert!(error.to_string().contains("not known whether the change happened"), "{error}");
    let _again = server.restart();
    assert_eq!(dump(&mut database.client(), named("4.6")), before);
    let mut store = self::store(&database, Layout::Theme);
    let told = put_back(&mut store, &undo, &["bad"]);
    assert_eq!((told.already.len(), told.changes.len()), (9, 0));
}

#[test]
fn a_server_that_crashes_before_the_commit_and_comes_back_has_changed_nothing_and_that_is_said() {
    let server = Server::postgres("");
    let database = own_site(&server);
    let before = dump(&mut database.client(), named("4.6"));
    let mut store = PostgresStore::open(database.settings(), Some(Layout::Theme), HURRIED, NEVER).unwrap();
    let changes = everybody(&mut store);
    let mut again = None;
    let mut record = |_: &[Change], _| {
        server.crash();
        again = Some(server.restart());
        Ok(())
    };
    let error = store.apply(changes, &mut record).unwrap_err();
    assert!(matches!(error, ApplyError::NothingChanged(StoreError::Unreachable(_))), "{error}");
    assert_eq!(dump(&mut database.client(), named("4.6")), before);
}

/// What the proxy does with a COMMIT.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// The server never sees it.
    Before,
    /// The server does it, and the client never hears of it.
    After,
}

/// A proxy that cuts the first connection at its COMMIT; it takes later ones only if `returns`.
fn proxy(server_port: u16, cut: Cut, returns: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let over = Arc::new(AtomicBool::new(false));
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if over.load(Ordering::SeqCst) && !returns {
                continue;
            }
            let over = Arc::clone(&over);
            std::thread::spawn(move || relay(client, server_port, cut, &over));
        }
    });
    port
}

fn relay(mut client: TcpStream, server_port: u16, cut: Cut, over: &AtomicBool) {
    let mut server = TcpStream::connect(("127.0.0.1", server_port)).unwrap();
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let mute = Arc::new(AtomicBool::new(false));
    let silent = Arc::clone(&mute);
    std::thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if !silent.load(Ordering::SeqCst) && to.write_all(&buffer[..length]).is_err() {
                return;
            }
        }
    });
    let mut buffer = [0; 65536];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let bytes = &buffer[..length];
        if !over.load(Ordering::SeqCst) && bytes.windows(7).any(|window| window == b"COMMIT\0") {
            mute.store(true, Ordering::SeqCst);
            over.store(true, Ordering::SeqCst);
            if cut == Cut::After {
                server.write_all(bytes).unwrap();
                std::thread::sleep(Duration::from_millis(300));
            }
            break;
        }
        server.write_all(bytes).unwrap();
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

fn through(database: &Database<'_>, port: u16) -> ConnectionSettings {
    ConnectionSettings { hosts: vec!["127.0.0.1".to_owned()], port, tls: Tls::Disable, ..database.settings() }
}

#[test]
fn a_lost_answer_to_the_commit_is_found_out_by_asking_again() {
    for (cut, changed) in [(Cut::Before, 0), (Cut::After, 9)] {
        let (database, _client) = site_of(named("4.6"));
        let port = proxy(database.server.port, cut, true);
        let mut store = PostgresStore::open(through(&database, port), Some(Layout::Theme), HURRIED, NEVER).unwrap();
        let changes = everybody(&mut store);
        let outcome = store.apply(changes, &mut |_, _| Ok(()));
        match cut {
            Cut::After => assert_eq!(outcome.unwrap().done.len(), 9),
            Cut::Before => assert!(matches!(outcome, Err(ApplyError::NothingChanged(_))), "{outcome:?}"),
        }
        let mut direct = self::store(&database, Layout::Theme);
        assert_eq!(everybody(&mut direct).len(), 9 - changed);
    }
}

#[test]
fn a_lost_answer_that_nobody_can_be_asked_about_is_unknown_and_the_undo_file_is_right_either_way() {
    for (cut, done) in [(Cut::Before, false), (Cut::After, true)] {
        let (database, mut client) = site_of(named("4.6"));
        let before = dump(&mut client, named("4.6"));
        let port = proxy(database.server.port, cut, false);
        let mut store = PostgresStore::open(through(&database, port), Some(Layout::Theme), HURRIED, NEVER).unwrap();
        let changes = everybody(&mut store);
        let folder = tempfile::tempdir().unwrap();
        let undo = folder.path().join("undo.json");
        let error = carry_out(&mut store, changes, &undo, NO_WAIT, &mut |_| {}, NEVER).unwrap_err();
        let ApplyError::Unknown { transaction: Some(number), .. } = error else { panic!("{error}") };
        let fate: Option<String> = client.query_one("SELECT txid_status($1)", &[&number]).unwrap().get(0);
        assert_eq!(fate.as_deref(), Some(if done { "committed" } else { "aborted" }));
        let told = put_back(&mut self::store(&database, Layout::Theme), &undo, &["bad"]);
        assert_eq!(told.changes.len(), if done { 9 } else { 0 });
        assert_eq!(dump(&mut client, named("4.6")), before);
    }
}

/// Not a test by itself: it is run as another process, which is killed while it holds an uncommitted change.
#[test]
#[ignore = "run by a_client_that_is_killed_changes_nothing"]
fn child_that_waits_before_the_commit() {
    let Ok(place) = std::env::var("THEMEGATE_TEST_PLACE") else {
        return;
    };
    let (folder, port, name) = {
        let mut words = place.split(' ');
        (words.next().unwrap().to_owned(), words.next().unwrap().parse().unwrap(), words.next().unwrap().to_owned())
    };
    let undo = std::env::var("THEMEGATE_TEST_UNDO").unwrap();
    let settings = ConnectionSettings {
        hosts: vec![folder],
        port,
        database: name,
        user: "mastodon".to_owned(),
        password: None,
        tls: Tls::Disable,
        root_certificates: None,
        timeout: Duration::from_secs(5),
    };
    let mut store = PostgresStore::open(settings, Some(Layout::Theme), HURRIED, NEVER).unwrap();
    let changes = everybody(&mut store);
    let mut record = |changes: &[Change], number| {
        save(Path::new(&undo))(changes, number)?;
        std::thread::sleep(Duration::from_secs(60));
        Ok(())
    };
    let _ = store.apply(changes, &mut record);
}

#[test]
fn a_client_that_is_killed_changes_nothing() {
    let (database, mut client) = site_of(named("4.6"));
    let before = dump(&mut client, named("4.6"));
    let folder = tempfile::tempdir().unwrap();
    let undo = folder.path().join("undo.json");
    let settings = database.settings();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["faults::child_that_waits_before_the_commit", "--exact", "--ignored"])
        .env("THEMEGATE_TEST_PLACE", format!("{} {} {}", settings.hosts[0], settings.port, settings.database))
        .env("THEMEGATE_TEST_UNDO", &undo)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while !undo.exists() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut store = store(&database, Layout::Theme);
    // The server notices the broken connection and releases the rows.
    let told = put_back(&mut store, &undo, &["bad"]);
    assert_eq!(told.already.len(), 9);
    assert_eq!(dump(&mut client, named("4.6")), before);
}
