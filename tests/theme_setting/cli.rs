//! The command itself: what it shows, asks, refuses and answers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Parser;
use postgres::Client;
use themegate::cli::rollback_theme::{Console, RollbackThemeArgs, run};

use crate::schemas::{dump, named};
use crate::servers::{Database, Server};
use crate::sql::site_of;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: RollbackThemeArgs,
}

/// A live tree that belongs to a database.
struct Live {
    folder: tempfile::TempDir,
}

impl Live {
    fn of(database: &Database<'_>, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let live = folder.path().join("live");
        fs::create_dir_all(live.join("config")).unwrap();
        fs::write(live.join("config/themes.yml"), "default: styles/application.scss\nbad: styles/bad.scss\n").unwrap();
        fs::write(live.join("config/settings.yml"), "defaults: &defaults\n  theme: 'default'\n").unwrap();
        let settings = database.settings();
        let environment = format!(
            "DB_HOST={}\nDB_PORT={}\nDB_NAME={}\nDB_USER=mastodon\nDB_PASS=hunter2\n{more}",
            settings.hosts[0], settings.port, settings.database
        );
        fs::write(live.join(".env.production"), environment).unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("live")
    }

    /// Exit code, standard output, standard error. `answer` is what a person at a terminal types.
    fn run(&self, words: &str, answer: Option<&str>) -> (u8, String, String) {
        let args = self.arguments(words);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut typed = answer.map(str::as_bytes);
        let answers = typed.as_mut().map(|typed| typed as &mut dyn std::io::BufRead);
        let code = run(&args, &mut Console { out: &mut out, err: &mut err, answers }).unwrap();
        let (out, err) = (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap());
        assert!(!out.contains("hunter2") && !err.contains("hunter2"));
        (code, out, err)
    }
}

impl Live {
    fn arguments(&self, words: &str) -> RollbackThemeArgs {
        let live = self.path();
        let line = ["rollback-theme", "--second-look", "0", "--live", live.to_str().unwrap()];
        Cli::try_parse_from(line.into_iter().chain(words.split(' '))).unwrap().args
    }
}

/// Somebody who reads what would change and goes away, as `head` does.
struct Leaving;

impl std::io::Write for Leaving {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        match text.starts_with(b"changed") {
            true => Err(std::io::ErrorKind::BrokenPipe.into()),
            false => Ok(text.len()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_was_done_is_said_even_when_nobody_reads_standard_output_any_more() {
    let (database, _client) = site_of(named("4.6"));
    let live = Live::of(&database, "");
    let mut err = Vec::new();
    let args = live.arguments("--all-on bad --yes");
    let code = run(&args, &mut Console { out: &mut Leaving, err: &mut err, answers: None }).unwrap();
    let err = String::from_utf8(err).unwrap();
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("changed  ") && err.contains(&undo_file(&live).display().to_string()), "{err}");
}

#[test]
fn a_dry_run_answers_as_the_run_would_where_a_name_is_nobodys() {
    let (database, _client) = site_of(named("4.6"));
    let live = Live::of(&database, "");
    let (code, out, _) = live.run("--user alice no_such_person --to bad --dry-run", None);
    assert_eq!(code, 1, "{out}");
}

fn undo_file(live: &Live) -> PathBuf {
    let mut files: Vec<PathBuf> =
        fs::read_dir(live.folder.path().join(".themegate/undo")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.pop().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn with_redis(client: &mut Client) -> Server {
    client.batch_execute(r"INSERT INTO settings (var, value) VALUES ('theme', E'--- default\n')").unwrap();
    Server::redis(&[])
}

#[test]
fn it_shows_asks_changes_and_undoes() {
    let (database, mut client) = site_of(named("4.6"));
    let before = dump(&mut client, named("4.6"));
    let live = Live::of(&database, "");
    let (code, out, _) = live.run("--all-on bad --dry-run", None);
    assert_eq!(code, 0);
    assert!(out.contains("alice") && out.contains("bad -> (the site's)   will see default, the site's theme"), "{out}");
    assert!(out.ends_with("9 settings would change. Nothing was changed.\n"), "{out}");
    let (code, _, err) = live.run("--all-on bad", None);
    assert_eq!((code, err.contains("Add --yes")), (2, true));
    let (code, out, _) = live.run("--all-on bad", Some("n\n"));
    assert_eq!((code, out.ends_with("Nothing was changed.\n")), (1, true));
    assert_eq!(dump(&mut client, named("4.6")), before);
    let (code, out, _) = live.run("--all-on bad", Some("y\n"));
    assert_eq!((code, out.contains("changed      9 settings")), (0, true), "{out}");
    let file = undo_file(&live);
    assert!(out.contains(&format!("--undo {}", file.display())), "{out}");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert!(!fs::read_to_string(&file).unwrap().contains("hunter2"));
    let (code, out, _) = live.run("--all-on bad --yes", None);
    assert_eq!((code, out.ends_with("Nothing to change.\n")), (0, true));
    let (code, out, _) = live.run(&format!("--undo {} --yes", file.display()), None);
    assert_eq!((code, out.contains("changed      9 settings")), (0, true), "{out}");
    assert_eq!(dump(&mut client, named("4.6")), before);
}

#[test]
fn what_cannot_be_right_is_refused_before_anything_happens() {
    let (database, mut client) = site_of(named("4.6"));
    let live = Live::of(&database, "");
    let (code, _, err) = live.run("--user alice --to contrast --yes", None);
    assert_eq!((code, err.contains("contrast is not in the theme registry")), (2, true), "{err}");
    let (code, _, err) = live.run("--user alice@remote.example --yes", None);
    assert_eq!((code, err.contains("names a server")), (2, true), "{err}");
    let (code, _, err) = live.run("--user alice --database-url postgres://bob:hunter2@localhost/x", None);
    assert_eq!((code, err.contains("--database-url holds a password")), (2, true), "{err}");
    client.batch_execute(r"INSERT INTO settings (var, value) VALUES ('theme', E'--- bad\n')").unwrap();
    let (code, _, err) = live.run("--all-on bad --yes", None);
    assert_eq!((code, err.contains("bad is also the site's own theme")), (2, true), "{err}");
    let (code, out, _) = live.run("--user nobody @ALICE --yes", None);
    assert_eq!((code, out.contains("Nobody on this site is called \"nobody\"")), (1, true), "{out}");
    assert!(out.contains("changed      1 setting\n"), "{out}");
    assert!(Cli::try_parse_from(["rollback-theme", "--site", "--user", "alice"]).is_err());
    assert!(Cli::try_parse_from(["rollback-theme"]).is_err());
}

#[test]
fn the_sites_theme_takes_its_cached_key_with_it_and_a_cache_that_is_away_is_said() {
    let (database, mut client) = site_of(named("4.4"));
    let redis = with_redis(&mut client);
    let mut connection =
        redis::Client::open(format!("redis://127.0.0.1:{}", redis.port)).unwrap().get_connection().unwrap();
    redis::cmd("SET").arg("cache:rails_settings_cached/0a/theme").arg("x").exec(&mut connection).unwrap();
    let live = Live::of(&database, &format!("REDIS_HOST=127.0.0.1\nREDIS_PORT={}\n", redis.port));
    let (code, out, _) = live.run("--site --to bad --yes", None);
    assert_eq!((code, out.contains("cache        1 cached setting deleted")), (0, true), "{out}");
    drop(redis);
    let (code, out, _) = live.run("--site --yes", None);
    assert_eq!((code, out.contains("for up to 10 minutes")), (0, true), "{out}");
}

#[test]
fn a_database_that_is_away_is_undecided_and_the_words_to_paste_need_none() {
    let (database, _client) = site_of(named("4.6"));
    let live = Live::of(&database, "DB_SSLMODE=disable\n");
    let (code, _, err) = live.run("--user alice --yes --database-url postgres://mastodon@127.0.0.1:1/x", None);
    assert_eq!((code, err.contains("The database cannot be reached")), (3, true), "{err}");
    let (code, out, _) = live.run("--user alice --print-sql --database-url postgres://x@127.0.0.1:1/x", None);
    assert_eq!((code, out.contains("lower(E'alice')")), (0, true));
    let (code, out, _) = live.run("--user alice --print-rails", None);
    assert_eq!((code, out.contains("U='alice' bin/rails runner")), (0, true), "{out}");
}

#[test]
fn an_undo_file_that_somebody_altered_is_refused() {
    let (database, mut client) = site_of(named("4.6"));
    let live = Live::of(&database, "");
    live.run("--all-on bad --yes", None);
    let before = dump(&mut client, named("4.6"));
    let good = fs::read_to_string(undo_file(&live)).unwrap();
    let file: serde_json::Value = serde_json::from_str(&good).unwrap();
    let altered = |alter: &dyn Fn(&mut serde_json::Value)| {
        let mut file = file.clone();
        alter(&mut file);
        file.to_string()
    };
    let doubled = altered(&|file| {
        let first = file["changes"][0].clone();
        file["changes"].as_array_mut().unwrap().push(first);
    });
    let path = live.folder.path().join("altered.json");
    for (text, reason) in [
        (good[..100].to_owned(), "EOF"),
        (format!("{good}{good}"), "trailing characters"),
        (doubled, "twice"),
        (altered(&|file| file["changes"][0]["from"] = serde_json::json!(["bad", "bad"])), "number of values"),
        (altered(&|file| file["changes"][0]["to"] = serde_json::json!([])), "number of values"),
        (altered(&|file| file["changes"][0]["more"] = 1.into()), "unknown field"),
    ] {
        fs::write(&path, text).unwrap();
        let (code, _, err) = live.run(&format!("--undo {} --yes", path.display()), None);
        assert!(code == 2 && err.contains(reason), "{reason}: {err}");
    }
    fs::write(&path, &good).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let (code, _, err) = live.run(&format!("--undo {} --yes", path.display()), None);
    assert!(code == 2 && err.contains("chmod o-w"), "{err}");
    let pipe = live.folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (code, _, err) = live.run(&format!("--undo {} --yes", pipe.display()), None);
    assert!(code == 2 && err.contains("not a file"), "{err}");
    assert_eq!(dump(&mut client, named("4.6")), before);
}

#[test]
fn an_undo_file_of_another_database_is_said_to_be_one_and_shows_no_escapes() {
    let (database, _client) = site_of(named("4.6"));
    let live = Live::of(&database, "");
    live.run("--all-on bad --yes", None);
    let path = undo_file(&live);
    let mut file: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    file["database"] = "other\u{1b}[2J on 10.0.0.1:5432".into();
    file["changes"][0]["from"] = serde_json::json!(["\u{1b}[2Jbad"]);
    fs::write(&path, file.to_string()).unwrap();
    let (_, out, err) = live.run(&format!("--undo {} --dry-run", path.display()), None);
    assert!(err.contains("written for other\\u{1b}[2J on 10.0.0.1:5432, and this is"), "{err}");
    assert!(out.contains("does not offer \\u{1b}[2Jbad") && !out.contains('\u{1b}'), "{out}");
}

#[test]
fn a_database_that_lets_nobody_in_comes_with_what_to_type() {
    let (database, _client) = site_of(named("4.6"));
    let live = Live::of(&database, "DB_NAME=no_such\n");
    let (code, _, err) = live.run("--all-on bad --yes", None);
    assert!(code == 3 && err.contains("no_such") && err.contains("Nothing was changed. Check DB_HOST"), "{err}");
    assert!(err.contains("--via rails") && err.contains("--print-sql"), "{err}");
}

#[test]
fn a_database_that_somebody_switched_to_read_only_is_left_as_it_is() {
    let (database, mut client) = site_of(named("4.6"));
    let before = dump(&mut client, named("4.6"));
    let line = format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name);
    client.batch_execute(&line).unwrap();
    let live = Live::of(&database, "");
    let (code, out, err) = live.run("--all-on bad --yes", None);
    assert!(code == 1 && err.contains("takes no writes: default_transaction_read_only is on"), "{out}{err}");
    assert!(err.trim_end().ends_with("Nothing was changed."), "{err}");
    assert!(!live.folder.path().join(".themegate/undo").read_dir().is_ok_and(|mut files| files.next().is_some()));
    assert_eq!(dump(&mut client, named("4.6")), before);
}

#[test]
fn whatever_keeps_the_rows_from_being_read_nothing_was_changed_and_that_is_said() {
    let (database, mut client) = site_of(named("4.6"));
    let live = Live::of(&database, "");
    client.batch_execute(&format!("ALTER DATABASE {} SET lock_timeout = '200ms'", database.name)).unwrap();
    let mut holder = client.transaction().unwrap();
    holder.batch_execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE").unwrap();
    let (code, _, err) = live.run("--all-on bad --yes", None);
    assert!(code == 3 && err.trim_end().ends_with("Nothing was changed."), "{err}");
}

#[test]
fn a_theme_that_nobody_chose_is_said_to_be_nobodys() {
    let (database, _client) = site_of(named("4.6"));
    let live = Live::of(&database, "");
    let (code, out, _) = live.run("--all-on bda --yes", None);
    assert!(code == 0 && out.contains("Nobody on this site has chosen \"bda\""), "{out}");
}
