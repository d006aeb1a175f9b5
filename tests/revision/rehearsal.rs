//! The installed themes with the next Mastodon.

use std::fs;

use crate::support::{Checked, Site};
use crate::{checkout, commit, git, refusal, write};

/// A site with two themes of its own, and the tag `v4.2.0`, which drops a partial that one of them imports.
fn before_an_upgrade() -> Site {
    let site = checkout();
    git(&site.live, &["checkout", "--quiet", "-b", "upstream"]);
    let version = fs::read_to_string(site.path("lib/mastodon/version.rb")).unwrap();
    write(&site.live, "lib/mastodon/version.rb", version.replacen("      1\n", "      2\n", 1).replace("6\n", "0\n"));
    fs::remove_file(site.path("app/javascript/styles/contrast/_variables.scss")).unwrap();
    fs::remove_file(site.path("app/javascript/styles/contrast/_diff.scss")).unwrap();
    fs::remove_file(site.path("app/javascript/styles/contrast.scss")).unwrap();
    write(
        &site.live,
        "config/themes.yml",
        "default: styles/application.scss\nmastodon-light: styles/mastodon-light.scss\n",
    );
    commit(&site.live, "next release");
    git(&site.live, &["tag", "v4.2.0"]);
    git(&site.live, &["checkout", "--quiet", "main"]);
    write(&site.live, "app/javascript/styles/calm.scss", "@import 'application';\n.calm { color: navy; }\n");
    site.append("config/themes.yml", "calm: styles/calm.scss\n");
    site
}

pub(crate) fn add_loud(site: &Site, sheet: &str) {
    write(&site.live, "app/javascript/styles/loud.scss", sheet);
    site.append("config/themes.yml", "loud: styles/loud.scss\n");
}

pub(crate) fn outcomes(checked: &Checked) -> Vec<(String, String)> {
    let themes = checked.report["rehearsal"]["themes"].as_array().unwrap_or_else(|| panic!("{}", checked.stderr));
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    themes.iter().map(|theme| (text(&theme["name"]), text(&theme["outcome"]))).collect()
}

#[test]
fn a_rehearsal_passes_where_every_theme_works_and_is_never_promoted() {
    let site = before_an_upgrade();
    let checked = site.check(&["--rehearse", "v4.2.0"]);
    checked.assert_verdict("pass", 0);
    assert_eq!(outcomes(&checked), [("calm".to_owned(), "works".to_owned())]);
    assert_eq!(checked.report["promotable"], false);
    assert_eq!(checked.report["rehearsal"]["themes"][0]["people"], serde_json::Value::Null);
    assert!(checked.finding("people-unknown").is_some(), "{:?}", checked.findings());
    let words = refusal(&site, &["--rehearse", "v9"]);
    assert!(words.contains("no revision v9"), "{words}");
}

#[test]
fn a_rehearsal_names_the_theme_that_imports_what_the_next_mastodon_removed() {
    let site = before_an_upgrade();
    add_loud(&site, "@import 'application';\n@import 'contrast/variables';\n");
    site.check(&[]).assert_verdict("pass", 0);
    let checked = site.check(&["--rehearse", "v4.2.0"]);
    checked.assert_verdict("block", 1);
    let expected = [("calm", "works"), ("loud", "breaks")].map(|(name, what)| (name.to_owned(), what.to_owned()));
    assert_eq!(outcomes(&checked), expected);
    let finding = checked.finding("theme-breaks-with-upgrade").unwrap();
    assert!(finding["message"].as_str().unwrap().contains("contrast/variables"), "{finding}");
    let output = site.command(&["show", "latest"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("loud breaks"));
}

#[test]
fn a_rehearsal_finds_the_theme_that_breaks_the_build_of_all() {
    let site = before_an_upgrade();
    // The next release does not have this variable, and only a compile tells.
    site.append("app/javascript/styles/mastodon/_variables.scss", "\n$old: red;\n");
    commit(&site.live, "the site's own branch");
    add_loud(&site, "@import 'application';\n.loud { color: $old; }\n");
    site.check(&[]).assert_verdict("pass", 0);
    let checked = site.check(&["--rehearse", "v4.2.0"]);
    checked.assert_verdict("block", 1);
    let expected = [("calm", "works"), ("loud", "breaks")].map(|(name, what)| (name.to_owned(), what.to_owned()));
    assert_eq!(outcomes(&checked), expected, "{:?}", checked.grave());
}

#[test]
fn a_rehearsal_with_other_packages_is_undecided_unless_something_certain_breaks() {
    let site = before_an_upgrade();
    git(&site.live, &["checkout", "--quiet", "upstream", "--force"]);
    write(&site.live, "yarn.lock", "# other\n");
    commit(&site.live, "packages");
    git(&site.live, &["tag", "--force", "v4.2.0"]);
    git(&site.live, &["checkout", "--quiet", "main", "--force"]);
    write(&site.live, "bin/rails", "#!/bin/sh\nexit 1\n");
    write(&site.live, "app/javascript/styles/calm.scss", "@import 'application';\n");
    site.append("config/themes.yml", "calm: styles/calm.scss\n");
    let arguments = ["--rehearse", "v4.2.0", "--compiler", "rails"];
    let checked = site.check(&arguments);
    checked.assert_verdict("undecided", 3);
    assert_eq!(outcomes(&checked), [("calm".to_owned(), "unknown".to_owned())]);
    add_loud(&site, "@import 'application';\n@import 'contrast/variables';\n");
    let checked = site.check(&arguments);
    checked.assert_verdict("block", 1);
    let expected = [("calm", "unknown"), ("loud", "breaks")].map(|(name, what)| (name.to_owned(), what.to_owned()));
    assert_eq!(outcomes(&checked), expected);
}
