//! The Rails CLI and SQL do the same, Rails reads it back, and the page comes back to life.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use themegate::theme_setting::cache::CacheSettings;
use themegate::theme_setting::choice::Layout;
use themegate::theme_setting::plan::{Owner, Selection};
use themegate::theme_setting::rails::RailsStore;
use themegate::theme_setting::store::{ApplyError, Store};

use crate::schemas::{Generation, INJECTION, dump, named};
use crate::servers::{Database, Server};
use crate::sql::{NEVER, carry, plan_for, put_back, site_of, store};

/// What `rollback-theme` gives Rails too.
const LIMIT: Duration = Duration::from_mins(10);

fn live() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rails-setting")
}

fn variables(database: &Database<'_>, redis: Option<&str>) -> Vec<(String, String)> {
    let settings = database.settings();
    let port = settings.port.to_string();
    let mut variables = vec![
        ("RAILS_ENV", "production"),
        ("DB_HOST", settings.hosts[0].as_str()),
        ("DB_PORT", port.as_str()),
        ("DB_NAME", settings.database.as_str()),
        ("DB_USER", "mastodon"),
    ];
    variables.extend(redis.map(|url| ("REDIS_URL", url)));
    variables.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn by_rails(database: &Database<'_>) -> RailsStore<'static> {
    RailsStore::new(&live(), Layout::Theme, LIMIT, variables(database, None), NEVER)
}

/// The status of a page as a user sees it.
fn page(variables: &[(String, String)], name: &str) -> String {
    let script =
        "session = ActionDispatch::Integration::Session.new(Rails.application); puts session.get(ENV.fetch('P'))";
    let output = Command::new("bin/rails")
        .args(["runner", script])
        .current_dir(live())
        .envs(variables.iter().map(|(key, value)| (key, value)))
        .env("P", format!("/as/{name}"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Without the times, and without the two texts whose odd spelling Rails would not keep.
fn comparable(lines: &[String]) -> Vec<String> {
    let odd = |line: &&String| !line.starts_with("user spaced ") && !line.starts_with("user unicode ");
    lines.iter().filter(odd).map(|line| line.split(" 20").next().unwrap_or_default().to_owned()).collect()
}

fn users_updated(lines: &[String]) -> Vec<String> {
    let times = lines.iter().filter(|line| line.starts_with("user "));
    times.map(|line| line.rsplit(" 20").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn rails_and_sql_leave_identical_rows() {
    for generation in [named("4.1"), named("4.3"), named("4.6")] {
        for (selection, to) in [
            (Selection::AllOn("bad".to_owned()), None),
            (Selection::Names(vec!["Alice".to_owned(), INJECTION.to_owned(), "null".to_owned()]), Some("good")),
            (Selection::Site, Some("good")),
        ] {
            let (first, mut first_client) = site_of(generation);
            let (second, mut second_client) = site_of(generation);
            let before = dump(&mut second_client, generation);
            let folder = tempfile::tempdir().unwrap();
            let mut sql = store(&first, Layout::Theme);
            let changes = plan_for(&mut sql, &selection, to).changes;
            let done = carry(&mut sql, changes, &folder.path().join("sql.json")).done.len();
            let mut rails = by_rails(&second);
            let plan = plan_for(&mut rails, &selection, to);
            let outcome = carry(&mut rails, plan.changes, &folder.path().join("rails.json"));
            assert_eq!((outcome.done.len(), outcome.moved.len()), (done, 0), "{} {selection:?}", generation.name);
            let (one, other) = (dump(&mut first_client, generation), dump(&mut second_client, generation));
            assert_eq!(comparable(&one), comparable(&other), "{} {selection:?}", generation.name);
            assert_eq!(users_updated(&before), users_updated(&other), "{}", generation.name);
        }
    }
}

#[test]
fn what_rails_changed_sql_undoes_and_the_other_way_round() {
    let generation = named("4.6");
    let (database, mut client) = site_of(generation);
    let before = dump(&mut client, generation);
    let folder = tempfile::tempdir().unwrap();
    let undo = folder.path().join("undo.json");
    let one = Selection::Names(vec!["last".to_owned(), "unapproved".to_owned()]);
    let (mut rails, mut sql) = (by_rails(&database), store(&database, Layout::Theme));
    let changes = plan_for(&mut rails, &one, None).changes;
    carry(&mut rails, changes, &undo);
    assert_eq!(put_back(&mut sql, &undo, &["bad"]).changes.len(), 2);
    assert_eq!(dump(&mut client, generation), before);
    let changes = plan_for(&mut sql, &one, None).changes;
    carry(&mut sql, changes, &undo);
    assert_eq!(put_back(&mut rails, &undo, &["bad"]).changes.len(), 2);
    assert_eq!(comparable(&dump(&mut client, generation)), comparable(&before));
}

#[test]
fn somebody_who_moved_since_the_plan_is_left_alone_by_rails_too() {
    let (database, mut client) = site_of(named("4.6"));
    let mut rails = by_rails(&database);
    let changes = plan_for(&mut rails, &Selection::AllOn("bad".to_owned()), None).changes;
    client.batch_execute(r#"UPDATE users SET settings = '{"theme":"mine"}' WHERE email = 'first'"#).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let outcome = carry(&mut rails, changes, &folder.path().join("undo.json"));
    assert_eq!((outcome.done.len(), outcome.moved.len()), (8, 1));
}

#[test]
fn a_rails_that_does_not_boot_changes_nothing_and_says_why() {
    let (database, mut client) = site_of(named("4.6"));
    let before = dump(&mut client, named("4.6"));
    let changes = plan_for(&mut store(&database, Layout::Theme), &Selection::AllOn("bad".to_owned()), None).changes;
    let mut variables = variables(&database, None);
    variables.retain(|(key, _)| key != "DB_PORT");
    variables.push(("DB_PORT".to_owned(), "1".to_owned()));
    let mut rails = RailsStore::new(&live(), Layout::Theme, LIMIT, variables, NEVER);
    let error = rails.apply(changes, &mut |_, _| Ok(())).unwrap_err();
    assert!(matches!(error, ApplyError::Unknown { .. }), "{error}");
    assert!(error.to_string().contains("connection to server"), "{error}");
    assert_eq!(dump(&mut client, named("4.6")), before);
}

/// Up to 4.1 the choice is cached too: it is the deleted key that brings the page back at once.
fn page_comes_back(generation: Generation, rails: bool) {
    let redis = Server::redis(&[]);
    let url = format!("redis://127.0.0.1:{}/0", redis.port);
    let (database, _client) = site_of(generation);
    let variables = variables(&database, Some(&url));
    assert_eq!(page(&variables, "alice"), "500", "{}", generation.name);
    let folder = tempfile::tempdir().unwrap();
    let undo = folder.path().join("undo.json");
    let alice = Selection::Names(vec!["alice".to_owned()]);
    if rails {
        let mut store = RailsStore::new(&live(), Layout::Theme, LIMIT, variables.clone(), NEVER);
        let changes = plan_for(&mut store, &alice, None).changes;
        carry(&mut store, changes, &undo);
    } else {
        let mut store = store(&database, Layout::Theme);
        let changes = plan_for(&mut store, &alice, None).changes;
        let owners: Vec<Owner> = changes.iter().map(|change| change.owner.clone()).collect();
        carry(&mut store, changes, &undo);
        if !generation.json {
            assert_eq!(page(&variables, "alice"), "500", "still cached");
        }
        let cache = CacheSettings::from_environment(&|key| (key == "REDIS_URL").then(|| url.clone()));
        cache.forget(Layout::Theme, &owners).unwrap();
    }
    assert_eq!(page(&variables, "alice"), "200", "{}", generation.name);
}

#[test]
fn a_page_that_answered_500_answers_200_after_sql() {
    page_comes_back(named("4.1"), false);
    page_comes_back(named("4.6"), false);
}

#[test]
fn a_page_that_answered_500_answers_200_after_rails() {
    page_comes_back(named("4.1"), true);
    page_comes_back(named("4.6"), true);
}
