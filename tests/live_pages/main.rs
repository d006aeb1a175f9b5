//! Real Rails behind puma, on the webpacker and the Vite site: what is promoted is on the page, and what is rolled back is
//! not; and the incident of August 2023 once more, with PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

mod puma;
#[path = "../theme_setting/servers.rs"]
#[expect(dead_code, reason = "the servers of another test, of which this one needs PostgreSQL alone")]
mod servers;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::PathBuf;

use puma::Puma;
use serde_json::Value;
use support::{Kind, Site, digest, skipped};

/// A theme that can be told from any other by its colour.
const COLOUR: &str = "#12ab56";

/// A theme folder with one stylesheet, `ft.scss`, beside the site.
fn theme(site: &Site, name: &str, text: &str) -> String {
    let import = if site.kind == Kind::Webpacker { "@import 'application';" } else { "@use 'application';" };
    let file = site.folder.path().join(name).join("app/javascript/styles/ft.scss");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, format!("{import}\n{text}\n")).unwrap();
    site.folder.path().join(name).to_string_lossy().into_owned()
}

/// The configuration of the site: `restart`, and two pages, the first of them asked for as somebody who has picked the theme.
fn configure(site: &Site, puma: &Puma, restart: &str, patience: &str) {
    let probe = |path: &str, more: &str| {
        format!("[[promotion.probe]]\nurl = \"{}{path}\"\nhost = \"social.example\"\n{more}\n", puma.origin())
    };
    let text = format!(
        "[promotion]\nrestart = \"{restart}\"\npatience = \"{patience}\"\nsuccesses = 1\n{}{}",
        probe(puma.as_user("/about"), &format!("theme = \"ft\"\ncookie = \"{}\"", puma.cookie())),
        probe("/auth/sign_in", "")
    );
    fs::write(site.folder.path().join("themegate.toml"), text).unwrap();
}

fn themegate(site: &Site, arguments: &[&str]) -> (i32, String, String) {
    let output = site.command(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn registry(site: &Site) -> String {
    fs::read_to_string(site.path("config/themes.yml")).unwrap()
}

/// The compiled stylesheet that holds the theme's colour, by its address.
fn promoted_sheet(site: &Site) -> String {
    let sheets = walkdir::WalkDir::new(site.path("public/packs")).into_iter().map(|entry| entry.unwrap().into_path());
    let css = sheets.filter(|path| path.extension().is_some_and(|ending| ending == "css"));
    let ours: Vec<PathBuf> = css.filter(|path| fs::read_to_string(path).unwrap().contains(COLOUR)).collect();
    assert_eq!(ours.len(), 1, "{ours:?}");
    format!("/{}", ours[0].strip_prefix(site.path("public")).unwrap().display())
}

/// The live tree after a rollback: as before, but for compiled files that nothing names.
fn assert_as_before(site: &Site, before: &std::collections::BTreeMap<PathBuf, String>) {
    let runs_on = |path: &PathBuf| ["tmp", "log", "public"].iter().any(|folder| path.starts_with(folder));
    let after = digest(&site.live);
    let content = |facts: &String| facts.rsplit(' ').next().unwrap().to_owned();
    let kept: Vec<_> = before.iter().filter(|(path, _)| !path.starts_with("tmp") && !path.starts_with("log")).collect();
    for (path, facts) in kept {
        assert_eq!(after.get(path).map(content), Some(content(facts)), "{}", path.display());
    }
    let added: Vec<_> = after.keys().filter(|path| !before.contains_key(*path) && !runs_on(path)).collect();
    assert!(added.is_empty(), "{added:?}");
}

fn goes_live_and_comes_back(kind: Kind) {
    if skipped(kind, "a promoted theme is on the page, and gone after a rollback") {
        return;
    }
    let site = Site::copy(kind);
    let puma = Puma::start(&site);
    let (before, page_before) = (digest(&site.live), puma.page());
    let theme = theme(&site, "theme", &format!(".status {{ color: {COLOUR}; }}"));

    // A restart command that leaves the old puma running: its pages do not carry the theme.
    configure(&site, &puma, "true", "1s");
    let (code, _, said) = themegate(&site, &["promote", "--theme", &theme]);
    assert_eq!(code, 4, "{said}");
    assert!(
        said.contains("the page does not carry /packs/") && said.contains("The promotion was rolled back"),
        "{said}"
    );
    assert_as_before(&site, &before);

    // The same run, with a restart that is one.
    configure(&site, &puma, &puma.restart_command(), "90s");
    let run = themegate(&site, &["show", "latest", "--json"]).1;
    let run = serde_json::from_str::<Value>(&run).unwrap();
    assert_eq!(run["promotion"]["aftermath"], "rolled-back");
    let (code, told, said) = themegate(&site, &["promote", "--run", run["run"].as_str().unwrap(), "--format", "json"]);
    assert_eq!(code, 0, "{said}");
    let promotion = &serde_json::from_str::<Value>(&told).unwrap()["promotion"];
    assert_eq!(promotion["aftermath"], "proven", "{promotion}");
    let (page, sheet) = (puma.page(), promoted_sheet(&site));
    assert!(page.contains(&sheet) && !page_before.contains(&sheet), "{page}");
    assert!(puma.get(&sheet).1.contains(COLOUR));

    let (code, told, said) = themegate(&site, &["rollback"]);
    assert_eq!(code, 0, "{said}");
    assert!(told.contains("the pages asked for carry the stylesheets") && told.contains(" written in "), "{told}");
    assert_eq!(puma.page(), page_before);
    assert_as_before(&site, &before);
    assert_eq!(puma.get(&sheet).0, 200, "an open tab still gets its stylesheet");
}

#[test]
fn a_promoted_theme_is_on_the_page_of_the_webpacker_site_and_gone_after_a_rollback() {
    goes_live_and_comes_back(Kind::Webpacker);
}

#[test]
fn a_promoted_theme_is_on_the_page_of_the_vite_site_and_gone_after_a_rollback() {
    goes_live_and_comes_back(Kind::Vite);
}

#[test]
fn the_incident_is_ended_by_withdraw_and_never_begins_behind_the_gate() {
    if skipped(Kind::Webpacker, "the incident of August 2023") {
        return;
    }
    let site = Site::copy(Kind::Webpacker);
    let puma = Puma::start(&site);
    let stock = registry(&site);
    let broken = theme(&site, "broken", ".status { color: $nobody-defined-this; }");

    // Behind the gate: alice has picked the theme already, and keeps her pages.
    let (code, told, said) = themegate(&site, &["promote", "--theme", &broken]);
    assert!(code == 1 && told.contains("BLOCK") && told.contains("ft.scss"), "{code}\n{told}\n{said}");
    assert_eq!(registry(&site), stock);
    puma.restart();
    assert_eq!(puma.get("/about?as=alice").0, 200);

    // Without it: listed, not compiled, restarted.
    site.append("config/themes.yml", "ft: styles/ft.scss\n");
    puma.restart();
    for path in ["/about?as=alice", "/settings/preferences/appearance?as=alice"] {
        assert_eq!(puma.get(path).0, 500, "{path}: she cannot undo it herself");
    }
    assert_eq!(puma.get("/about?as=bob").0, 200);

    // One command.
    configure(&site, &puma, &puma.restart_command(), "90s");
    let (code, told, said) = themegate(&site, &["withdraw", "ft"]);
    assert!(code == 0 && told.contains("the pages asked for carry the stylesheets"), "{code}\n{told}\n{said}");
    assert_eq!(registry(&site), stock);
    for path in ["/about?as=alice", "/settings/preferences/appearance?as=alice", "/about?as=bob"] {
        assert_eq!(puma.get(path).0, 200, "{path}");
    }
}
