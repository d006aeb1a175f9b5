//! The rule packs themselves.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use themegate::rules::{Level, PACKS, RuleSet, check_examples};

#[test]
fn every_file_in_the_rules_folder_is_carried() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    let carried: BTreeSet<String> = PACKS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, carried);
}

#[test]
fn no_pack_has_a_fault() {
    let packs: Vec<(PathBuf, Vec<u8>)> =
        PACKS.iter().map(|(name, text)| (PathBuf::from(format!("rules/{name}.toml")), (*text).into())).collect();
    let faults = RuleSet::with_site_rules(&packs).err().unwrap_or_default();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_example_holds() {
    let report = check_examples(RuleSet::builtin());
    assert!(report.faults.is_empty(), "{:#?}", report.faults);
}

#[test]
fn every_rule_has_a_match_with_its_source_and_a_near_miss() {
    let fallbacks = "themegate";
    for rule in RuleSet::builtin().rules().iter().filter(|rule| rule.pack != fallbacks) {
        assert!(!rule.near_misses.is_empty(), "{} has no near miss", rule.id);
        assert!(!rule.matches.is_empty(), "{} has no match", rule.id);
        for example in &rule.matches {
            assert!(
                ["run: ", "issue: ", "unverified: "].iter().any(|kind| example.source.starts_with(kind)),
                "{} does not say where its example is from",
                rule.id
            );
        }
    }
}

#[test]
fn every_rule_can_be_told_apart_cheaply() {
    assert_eq!(RuleSet::builtin().unfiltered(), Vec::<&str>::new());
}

#[test]
fn the_binary_carries_every_rule() {
    let listed = std::process::Command::new(env!("CARGO_BIN_EXE_themegate")).args(["rules", "list"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for rule in RuleSet::builtin().rules() {
        assert!(listed.lines().any(|line| line.split_whitespace().nth(1) == Some(rule.id.as_str())), "{}", rule.id);
    }
}

#[test]
fn a_site_rule_takes_the_place_of_the_programs() {
    let text = "[[rule]]\nid = \"sass-warn\"\nseverity = \"neutral\"\npattern = '^WARNING: fine'\n";
    let rules = RuleSet::with_site_rules(&[(PathBuf::from("site.toml"), text.into())]).unwrap();
    assert_eq!(rules.find("sass-warn").unwrap().level, Level::Neutral);
    assert_eq!(rules.rules().len(), RuleSet::builtin().rules().len());
}

#[test]
fn faults_of_all_files_are_told_at_once_with_their_lines() {
    let rule = |id: &str| format!("[[rule]]\nid = \"{id}\"\nseverity = \"neutral\"\npattern = '^fine'\n");
    let packs = [
        ("a.toml", rule("ours").into_bytes()),
        ("b.toml", b"# Latin-1:\n# \xe4\n".to_vec()),
        ("c.toml", [rule("theirs"), rule("ours"), rule("Theirs")].concat().into_bytes()),
    ];
    let packs = packs.map(|(path, bytes)| (PathBuf::from(path), bytes));
    let faults = RuleSet::with_site_rules(&packs).err().unwrap_or_default();
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert_eq!(told[0], "b.toml:2: this line is not UTF-8: save the file as UTF-8");
    assert_eq!(told[1], "c.toml:5: rule `ours` stands twice: it is in a.toml:1 already");
    assert!(told[2].starts_with("c.toml:9: "), "{}", told[2]);
}

#[test]
fn every_rule_stands_in_the_documentation() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md")).unwrap();
    for rule in RuleSet::builtin().rules() {
        assert!(page.contains(&format!("`{}`", rule.id)), "{} is missing", rule.id);
        assert!(page.contains(&format!("\n## {}\n", rule.pack)), "{} has no section", rule.pack);
    }
}
