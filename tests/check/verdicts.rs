//! What a check says of themes, of the site itself, and of a tree that was compiled elsewhere.

use std::fs;

use super::support::{Kind, Site};
use super::theme;

#[test]
fn a_good_theme_passes_and_the_live_tree_is_untouched() {
    for name in ["midnight", "paper", "dusk"] {
        let checked = Site::copy(Kind::Builtin).check(&["--theme", &theme(name)]);
        checked.assert_verdict("pass", 0);
        assert_eq!(checked.report["themes"], serde_json::json!([name]));
        assert_eq!(checked.grave(), Vec::<String>::new());
    }
}

#[test]
fn a_broken_theme_blocks_and_the_report_names_file_line_and_reason() {
    let site = Site::copy(Kind::Builtin);
    let output = site.command(&["check", "--theme", &theme("broken-brace")]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for words in ["BLOCK", "app/javascript/styles/broken-brace.scss:11", "expected \"}\"", "Nothing was changed in"] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "colour codes reached a pipe:\n{text}");
}

#[test]
fn a_fault_that_two_themes_have_is_shown_in_each_of_them() {
    let site = Site::copy(Kind::Builtin);
    let folder = site.folder.path().join("pair");
    let rules = ".a { color: nope-fn(red); }\n";
    for (path, text) in [
        ("ft.scss", "@import 'application';\n@import 'ft/parts';\n"),
        ("ft/_parts.scss", rules),
        ("gt.scss", &format!("@import 'application';\n{rules}")),
    ] {
        fs::create_dir_all(folder.join("ft")).unwrap();
        fs::write(folder.join(path), text).unwrap();
    }
    let checked = site.check(&["--theme", folder.to_str().unwrap()]);
    let unknown = checked.findings().into_iter().filter(|finding| finding["id"] == "unknown-css-function");
    let mut places: Vec<&str> = unknown.map(|finding| finding["evidence"][0]["path"].as_str().unwrap()).collect();
    places.sort_unstable();
    assert_eq!(places, ["app/javascript/styles/ft/_parts.scss", "app/javascript/styles/gt.scss"]);
}

#[test]
fn a_theme_that_runs_code_or_reads_other_files_is_blocked_before_anything_is_built() {
    for (address, finding) in [
        ("!!./evil/part.scss!./evil/a.png", "change-names-a-loader"),
        ("../../../.env.production", "change-reaches-outside"),
    ] {
        let site = Site::copy(Kind::Builtin);
        let sheet = site.folder.path().join("evil.scss");
        fs::write(&sheet, format!("@import 'application';\n.a {{ background: url(\"{address}\"); }}\n")).unwrap();
        let checked = site.check(&["--theme", sheet.to_str().unwrap()]);
        checked.assert_verdict("block", 1);
        assert!(checked.finding(finding).is_some(), "{:?}", checked.grave());
        assert!(checked.report["precompile"].is_null(), "it was built");
    }
}

#[test]
fn an_accepted_finding_passes_until_its_date() {
    let site = Site::copy(Kind::Builtin);
    let accept = |expires: &str| {
        format!(
            "[[accept]]\nrule = \"unknown-css-function\"\nreason = \"tried in three browsers\"\nexpires = \"{expires}\"\n"
        )
    };
    site.write("themegate.toml", accept("2999-01-01"));
    site.check(&["--theme", &theme("broken-function")]).assert_verdict("pass", 0);
    site.write("themegate.toml", accept("2001-01-01"));
    let checked = site.check(&["--theme", &theme("broken-function")]);
    checked.assert_verdict("hold", 1);
    assert!(checked.finding("acceptance-expired").is_some());
}

#[test]
fn what_the_untouched_site_warns_of_too_is_not_charged_to_the_theme() {
    let site = Site::copy(Kind::Builtin);
    site.append("app/javascript/styles/application.scss", "@warn \"the site itself warns\";\n");
    let good = site.check(&["--theme", &theme("midnight")]);
    good.assert_verdict("pass", 0);
    assert_eq!(good.finding("builtin-warning").unwrap()["baseline"], "outstanding");
    let own = site.folder.path().join("own.scss");
    fs::write(&own, "@import 'application';\n@warn \"the theme warns\";\n").unwrap();
    let held = site.check(&["--theme", own.to_str().unwrap()]);
    held.assert_verdict("hold", 1);
    let new = held.findings().into_iter().find(|finding| finding["baseline"] == "new").unwrap();
    assert!(new["message"].as_str().unwrap().contains("the theme warns"), "{new}");
}

#[test]
fn rules_of_the_site_itself_are_used_and_their_faults_shown_with_the_line() {
    let site = Site::copy(Kind::Builtin);
    let rule = "[[rule]]\nid = \"our-note\"\ntool = \"ours\"\nseverity = \"fatal\"\npattern = '^our build says no$'\n\
                message = \"Our build says no.\"\nexplanation = \"x\"\nhelp = \"y\"\nmatches = [['ours', 'our build says no']]\n\
                near_misses = ['our build says yes']\n";
    site.write(
        "themegate.d/ours.toml",
        format!("about = \"ours\"\ntool = \"ours\"\n\n{}", rule.replace("tool = \"ours\"\n", "")),
    );
    let checked = site.check(&["--compiler", "echo our build says no"]);
    assert!(checked.finding("our-note").is_some(), "{:?} {}", checked.grave(), checked.stderr);
    site.write(
        "themegate.d/ours.toml",
        "about = \"ours\"\ntool = \"ours\"\n\n[[rule]]\nid = \"broken\"\npattern = '('\n",
    );
    let output = site.command(&["check"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("ours.toml:"), "{text}");
}

#[test]
fn a_tree_that_was_compiled_elsewhere_is_verified_and_a_lost_file_blocks() {
    let site = Site::copy(Kind::Builtin);
    assert!(site.command(&["__compile"]).output().unwrap().status.success());
    let verify = |site: &Site| site.command(&["verify", ".", "--format", "json"]).output().unwrap();
    let whole = verify(&site);
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stdout));
    let said = site.command(&["verify", "."]).output().unwrap().stdout;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("PASS   Every theme that this tree offers is compiled and whole.\n"), "{said}");
    site.write("build.log", "warning: the frobnicator is odd\n");
    let logged = |site: &Site| site.command(&["verify", ".", "--log", "build.log"]).output().unwrap().status.code();
    assert_eq!(logged(&site), Some(1));
    let log = fs::File::open(site.path("build.log")).unwrap();
    let piped = site.command(&["verify", ".", "--log", "-"]).stdin(log).output().unwrap();
    assert_eq!(piped.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&piped.stdout).contains("the frobnicator is odd"));
    let missing = site.command(&["verify", ".", "--log", "nowhere.log"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2), "wrong usage, as with `classify`");
    let told = String::from_utf8_lossy(&missing.stderr);
    assert!(told.contains("The log nowhere.log cannot be read: No such file"), "{told}");
    let accepted =
        "[[accept]]\nrule = \"unknown-warning\"\npattern = \"frobnicator\"\nreason = \"it is\"\nexpires = 9999-12-31\n";
    site.write("themegate.toml", accepted);
    assert_eq!(logged(&site), Some(0), "what the site accepts");
    fs::remove_file(site.path("themegate.toml")).unwrap();
    let rule = "id = \"frobnicator\"\nseverity = \"benign\"\npattern = 'the frobnicator is odd$'\nmessage = \"x\"\nexplanation = \"y\"";
    site.write("themegate.d/ours.toml", format!("[[rule]]\n{rule}\n"));
    assert_eq!(logged(&site), Some(0), "what the site's rules know");
    let css = fs::read_dir(site.path("public/packs/css")).unwrap().flatten().next().unwrap().path();
    fs::remove_file(css).unwrap();
    let broken = verify(&site);
    assert_eq!(broken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&broken.stdout).contains("entry-file-missing"));
}

#[test]
fn a_line_that_leads_to_a_file_of_the_theme_in_another_case_is_told_once() {
    let site = Site::copy(Kind::Builtin);
    let theme = site.folder.path().join("theme");
    fs::create_dir_all(theme.join("app/javascript/styles")).unwrap();
    fs::create_dir(theme.join("config")).unwrap();
    fs::write(theme.join("app/javascript/styles/Moss.scss"), "@import 'application';\n.status { color: #444; }\n")
        .unwrap();
    fs::write(theme.join("config/themes.yml"), "moss: styles/moss.scss\n").unwrap();
    let checked = site.check(&["--theme", theme.to_str().unwrap()]);
    checked.assert_verdict("block", 1);
    assert_eq!(checked.grave().len(), 1, "{:?}", checked.grave());
    assert!(checked.finding("theme-file-wrong-case").is_some(), "{:?}", checked.grave());
}
