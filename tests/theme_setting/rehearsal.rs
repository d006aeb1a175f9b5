//! A rehearsal of an upgrade says how many people use each theme.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::schemas::named;
use crate::sql::site_of;

fn succeeds(program: &str, at: &Path, words: &str) {
    let identity = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];
    let status = Command::new(program)
        .args(words.split(' '))
        .current_dir(at)
        .envs(identity.map(|name| (name, "t@example.invalid")))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .status();
    assert!(status.unwrap().success(), "{program} {words}");
}

#[test]
fn a_rehearsal_says_how_many_people_use_the_theme_that_breaks() {
    let (database, _client) = site_of(named("4.2"));
    let folder = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/live");
    succeeds("cp", folder.path(), &format!("-a {} live", fixture.display()));
    let live = folder.path().join("live");
    fs::write(live.join(".gitignore"), "/.env.production\n").unwrap();
    for words in ["init --quiet", "add --all", "commit --quiet --message release", "tag v4.1.6", "tag v4.2.0"] {
        succeeds("git", &live, words);
    }
    fs::write(live.join("app/javascript/styles/bad.scss"), "@import 'application';\n.bad { color: $gone; }\n").unwrap();
    let registry = fs::read_to_string(live.join("config/themes.yml")).unwrap();
    fs::write(live.join("config/themes.yml"), format!("{registry}bad: styles/bad.scss\n")).unwrap();
    let settings = database.settings();
    let environment = format!(
        "DB_HOST={}\nDB_PORT={}\nDB_NAME={}\nDB_USER=mastodon\nDB_PASS=hunter2\n",
        settings.hosts[0], settings.port, settings.database
    );
    fs::write(live.join(".env.production"), environment).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_themegate"));
    check.args(["check", "--rehearse", "v4.2.0", "--format", "json", "--live"]).arg(&live);
    let output = check.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["rehearsal"]["themes"], json!([{"name": "bad", "outcome": "breaks", "people": 9}]), "{report:#}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("9 people use it"));
    assert_eq!(output.status.code(), Some(1));
}
