//! The doctor on real compiled sites: silent on healthy ones, right on broken ones, and what it says to type mends them.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests panic, and say what they skip")]

mod files;
mod people;
mod promotions;
#[expect(dead_code, reason = "the tests of theme settings use the rest")]
#[path = "../theme_setting/schemas.rs"]
mod schemas;
#[expect(dead_code, reason = "the tests of theme settings use the rest")]
#[path = "../theme_setting/servers.rs"]
mod servers;
#[path = "../support/mod.rs"]
mod support;
mod themes;
mod watch;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use postgres::Client;
use serde_json::Value;
use support::{Kind, Site, THEMEGATE, assert_same_tree, digest};

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
