//! The commands themselves: what they print, and their exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::crash_matrix::{Operation, command};
use crate::generated_site::{Layout, REGISTRY_OLD, RUN, Site, scratch};

fn themegate(site: &Site, words: &[&str]) -> (i32, String) {
    let live = site.live();
    let mut command = Command::new(env!("CARGO_BIN_EXE_themegate"));
    command.args(words).arg("--live").arg(live).env_remove("THEMEGATE_LIVE").env_remove("THEMEGATE_STATE");
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    (status.code().unwrap(), text)
}

fn expect(site: &Site, words: &[&str], code: i32, said: &str) {
    let (status, text) = themegate(site, words);
    assert!(status == code && text.contains(said), "themegate {words:?}: {status}\n{text}");
}

fn registry(site: &Site) -> String {
    fs::read_to_string(site.live().join("config/themes.yml")).unwrap()
}

#[test]
fn a_theme_goes_live_is_withdrawn_and_comes_back_by_rollback() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    expect(&site, &["promote", "--run", "2000-01-01T00-00-00"], 2, "Run `themegate check` again");
    expect(&site, &["promote", "--run", RUN], 0, "systemctl restart");
    assert!(registry(&site).contains("tangerineui"));
    expect(&site, &["withdraw", "default"], 2, "cannot be withdrawn");
    expect(&site, &["withdraw", "nosuch"], 2, "is not in config/themes.yml");
    expect(&site, &["withdraw", "tangerineui"], 0, "site's default theme");
    assert_eq!(registry(&site), REGISTRY_OLD);
    expect(&site, &["rollback"], 0, "rollback");
    assert!(registry(&site).contains("tangerineui"), "the withdrawal is undone");
    expect(&site, &["rollback"], 0, "rollback");
    assert_eq!(registry(&site), REGISTRY_OLD);
    expect(&site, &["rollback"], 4, "nothing to roll back");
    let (_, history) = themegate(&site, &["history"]);
    assert_eq!(history.matches("rolled back to before").count(), 2, "{history}");
    assert!(history.contains(&format!("promoted   run {RUN}")) && !history.contains("in force"), "{history}");
}

#[test]
fn a_freeze_is_set_obeyed_and_lifted() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Webpacker);
    expect(&site, &["freeze", "--until", "2999-12-31", "--reason", "holidays"], 0, "frozen until 2999-12-31");
    expect(&site, &["promote", "--run", RUN], 1, "holidays");
    expect(&site, &["promote", "--run", RUN, "--despite-freeze", "urgent"], 0, "in spite of it: urgent");
    expect(&site, &["unfreeze"], 0, "not frozen");
}

#[test]
fn an_interrupted_promotion_is_named_and_recovered() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    command(&site, Operation::Promote, &[]).env("THEMEGATE_TEST_KILL", "100").status().unwrap();
    expect(&site, &["promote", "--run", RUN], 5, "Run `themegate recover` first");
    expect(&site, &["recover"], 0, "the live tree is as it was before");
    expect(&site, &["recover"], 0, "Nothing was interrupted");
    fs::write(site.state().join("journal/x.journal"), "rubbish\n").unwrap();
    expect(&site, &["recover"], 5, "damaged in line 1");
    expect(&site, &["rollback"], 4, "damaged in line 1");
}

#[test]
fn a_file_in_the_place_of_the_state_folder_is_refused() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    fs::rename(site.state(), site.home.join("aside")).unwrap();
    fs::write(site.state(), "mine").unwrap();
    for words in [&["promote", "--run", RUN][..], &["rollback"], &["recover"], &["withdraw", "contrast"]] {
        expect(&site, words, 4, "Move it away");
    }
    assert_eq!(fs::read_to_string(site.state()).unwrap(), "mine");
}

#[test]
fn a_site_that_another_gate_holds_is_left_alone() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    let held = themegate::site::lock::SiteLock::take(Path::new(&site.state()), "check").unwrap();
    for words in [&["promote", "--run", RUN][..], &["rollback"], &["recover"], &["withdraw", "contrast"], &["unfreeze"]]
    {
        expect(&site, words, 6, &format!("process {}", std::process::id()));
    }
    drop(held);
    expect(&site, &["promote", "--run", RUN], 0, "promotion");
}

/// A server that answers every request with the same page, until the test ends.
fn server(page: &'static str) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            use std::io::{Read, Write};
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let count = stream.read(&mut request).unwrap();
            let asked = String::from_utf8_lossy(&request[..count]).into_owned();
            let (status, body) = if asked.starts_with("GET /packs") { ("404 Not Found", "") } else { ("200 OK", page) };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).unwrap();
        }
    });
    port
}

/// A webpacker site whose promoted manifest names a stylesheet, and a configuration with two probes of a server.
fn probed(folder: &Path, page: &'static str) -> Site {
    let site = Site::generate(&folder.join("home"), Layout::Webpacker);
    let manifest = r#"{"default.css":{"src":"/packs/css/default-new.css"}}"#;
    fs::write(site.staged().join("public/packs/manifest.json"), manifest).unwrap();
    site.record();
    let origin = format!("http://127.0.0.1:{}", server(page));
    let probe = |path: &str| format!("[[promotion.probe]]\nurl = \"{origin}{path}\"\nhost = \"site\"\n");
    let restart = format!("echo restarted >> {}", site.home.join("restarts").display());
    let text = format!(
        "[promotion]\nrestart = \"{restart}\"\npatience = \"1s\"\n{}{}",
        probe("/about"),
        probe("/auth/sign_in")
    );
    fs::write(site.home.join("themegate.toml"), text).unwrap();
    site
}

#[test]
fn a_restarted_site_whose_pages_carry_the_promoted_stylesheet_stays() {
    let folder = scratch();
    let site = probed(folder.path(), r#"<link rel="stylesheet" href="/packs/css/default-new.css">"#);
    expect(&site, &["promote", "--run", RUN], 0, "carry the promoted stylesheets");
    assert_eq!(fs::read_to_string(site.home.join("restarts")).unwrap().lines().count(), 1);
}

#[test]
fn a_restarted_site_whose_pages_do_not_is_rolled_back_by_itself() {
    let folder = scratch();
    let site = probed(folder.path(), r#"<link rel="stylesheet" href="/packs/css/default-old.css">"#);
    expect(&site, &["promote", "--run", RUN], 4, "rolled back");
    assert_eq!(registry(&site), REGISTRY_OLD);
    assert_eq!(fs::read_to_string(site.home.join("restarts")).unwrap().lines().count(), 2);
}

#[test]
fn rollback_theme_finds_the_live_tree_where_every_other_command_finds_it() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    let mut command = Command::new(env!("CARGO_BIN_EXE_themegate"));
    command.args(["rollback-theme", "--site", "--print-sql"]).current_dir(site.live().join("config"));
    let output = command.env_remove("THEMEGATE_LIVE").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("settings"), "{said}");
}

/// Runs a command line whose standard output is a full disk, or a pipe that nobody reads; gives the exit code and what was
/// said on standard error.
fn unheard(site: &Site, words: &str, output: &str) -> (String, String) {
    let line = format!("{} {words} --live {} {output}", env!("CARGO_BIN_EXE_themegate"), site.live().display());
    let line = format!("{line}; echo code ${{PIPESTATUS[0]}} >&2");
    let mut shell = Command::new("bash");
    let output = shell.args(["-c", &line]).env_remove("THEMEGATE_LIVE").env_remove("THEMEGATE_STATE").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let (said, code) = said.rsplit_once("code ").unwrap();
    (code.trim().to_owned(), said.to_owned())
}

#[test]
fn what_was_done_is_said_on_standard_error_where_standard_output_takes_nothing() {
    for nowhere in ["> /dev/full", "| true"] {
        let folder = scratch();
        let site = Site::generate(&folder.path().join("home"), Layout::Vite);
        let (code, said) = unheard(&site, &format!("promote --run {RUN}"), nowhere);
        assert!(code == "0" && said.contains("undo: themegate rollback"), "{nowhere}: {code} {said}");
        assert!(registry(&site).contains("tangerineui"));
        let (code, said) = unheard(&site, "withdraw tangerineui", nowhere);
        assert!(code == "0" && said.contains("tangerineui is out of"), "{nowhere}: {code} {said}");
        let (code, said) = unheard(&site, "rollback", nowhere);
        assert!(code == "0" && said.contains("undo: themegate rollback"), "{nowhere}: {code} {said}");
        let (code, said) = unheard(&site, "recover", nowhere);
        assert!(code == "0" && said.contains("Nothing was interrupted"), "{nowhere}: {code} {said}");
    }
}

#[test]
fn a_generation_that_cannot_be_read_comes_with_the_command_that_lets_a_theme_be_withdrawn() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    expect(&site, &["promote", "--run", RUN], 0, "promotion");
    let generations = site.state().join("generations");
    let record = fs::read_dir(&generations).unwrap().next().unwrap().unwrap().path().join("generation.json");
    fs::write(&record, "{").unwrap();
    let (code, said) = themegate(&site, &["withdraw", "tangerineui"]);
    let typed = said.lines().find(|line| line.trim_start().starts_with("mv ")).unwrap_or_default();
    assert!(code == 4 && !typed.is_empty(), "{code} {said}");
    assert!(Command::new("sh").args(["-c", typed]).status().unwrap().success(), "{typed}");
    expect(&site, &["withdraw", "tangerineui"], 0, "is out of");
}
