//! The theme registry: read strictly, judged, edited as text.

#![expect(clippy::unwrap_used, reason = "in a test, an unwrap is the assertion")]

use proptest::prelude::*;
use themegate::finding::{Finding, Severity};
use themegate::site::registry::{PathKind, Registry, RegistrySemantics};
use themegate::site::{MastodonVersion, Toolchain};

const STOCK: &str =
    "default: styles/application.scss\ncontrast: styles/contrast.scss\nmastodon-light: styles/mastodon-light.scss\n";

fn parse(text: &str) -> Registry {
    Registry::parse(text.as_bytes()).unwrap_or_else(|faults| panic!("{text:?}: {faults:?}"))
}

fn parse_fault(text: impl AsRef<[u8]>) -> Finding {
    Registry::parse(text.as_ref()).unwrap_err().remove(0)
}

fn version(major: u32, minor: u32) -> Option<MastodonVersion> {
    Some(MastodonVersion { major, minor, patch: 0 })
}

/// The faults of a registry whose files are all there.
fn faults(text: &str, toolchain: Toolchain, version: Option<MastodonVersion>) -> Vec<Finding> {
    let packs = ["application", "common", "public", "admin"].map(str::to_owned);
    parse(text).faults(&RegistrySemantics { toolchain, packs: &packs, version }, &|_| PathKind::File)
}

/// Ids and severities of what is said of one more line below the stock registry.
fn faults_of_line(line: &str, toolchain: Toolchain) -> Vec<(String, Severity)> {
    let found = faults(&format!("{STOCK}{line}\n"), toolchain, version(4, 1));
    found.into_iter().map(|finding| (finding.id, finding.severity)).collect()
}

fn one(id: &str, severity: Severity) -> Vec<(String, Severity)> {
    vec![(id.to_owned(), severity)]
}

fn line_of(finding: &Finding) -> u64 {
    let json = serde_json::to_value(finding).unwrap();
    json["evidence"][0]["file_line"].as_u64().unwrap()
}

#[test]
fn the_stock_registry_has_no_fault_on_either_toolchain() {
    for toolchain in [Toolchain::Webpacker, Toolchain::Vite] {
        for version in [version(3, 5), version(4, 3), version(4, 6), None] {
            assert_eq!(faults(STOCK, toolchain, version), []);
        }
    }
    assert_eq!(faults("default: styles/application.scss\n", Toolchain::Vite, version(4, 6)), []);
}

#[test]
fn unreadable_registries_are_refused_with_the_cause_and_the_line() {
    let cases: [(&[u8], &str, u64); 16] = [
        (b"", "registry-empty", 1),
        (b"# nothing yet\n", "registry-empty", 1),
        (b"{}\n", "registry-empty", 1),
        (b"- default\n- contrast\n", "registry-not-a-map", 1),
        (b"just words\n", "registry-not-a-map", 1),
        (b"foo:styles/foo.scss\n", "registry-space-missing", 1),
        (b"default: a.scss\nfoo:styles/foo.scss\n", "registry-space-missing", 2),
        (b"default: a.scss\nfoo: styles/foo.scssbar: styles/bar.scss\n", "registry-lines-glued", 2),
        (b"default: a.scss\n\tfoo: styles/foo.scss\n", "registry-tab", 2),
        (b"default: a.scss\n---\nfoo: b.scss\n", "registry-several-documents", 3),
        (b"default: &x a.scss\nfoo: *x\n", "registry-has-alias", 2),
        (b"default: \"a.scss\n", "registry-not-yaml", 1),
        (b"default: a.scss\nfoo: \xff\n", "registry-not-text", 2),
        (b"default: a.scss\n<<<<<<< HEAD\nfoo: b.scss\n=======\n>>>>>>> x\n", "registry-merge-conflict", 2),
        ("default: a.scss\nfoo: b\0c\n".as_bytes(), "registry-not-text", 2),
        (b"default: a.scss\n\"a\\ud83d\\ude00\": b.scss\n", "registry-not-yaml", 2),
    ];
    for (text, id, line) in cases {
        let found = parse_fault(text);
        let shown = String::from_utf8_lossy(text);
        assert_eq!(found.id, id, "{shown:?}: {}", found.message);
        assert_eq!(found.severity, Severity::Fatal);
        assert!(id == "registry-not-yaml" || line_of(&found) == line, "{shown:?}: {found:?}");
        assert!(found.help.is_some() && found.meaning.is_some());
    }
}

#[test]
fn an_escaped_backslash_before_a_u_is_no_half_letter() {
    assert_eq!(parse("default: \"a\\\\ud83d.scss\"\n").get("default").unwrap().path, "a\\ud83d.scss");
}

#[test]
fn glued_lines_are_shown_taken_apart() {
    let found = parse_fault("default: styles/a.scsstangerineui: styles/tangerineui.scss\n");
    assert!(found.help.unwrap().ends_with("default: styles/a.scss\ntangerineui: styles/tangerineui.scss"));
}

#[test]
fn a_repeated_name_is_fatal_and_ruby_s_choice_is_known() {
    let text = format!("{STOCK}a: styles/a.scss\na: styles/b.scss\n");
    let found = faults(&text, Toolchain::Webpacker, None);
    assert_eq!((found[0].id.as_str(), found[0].severity), ("registry-duplicate-name", Severity::Fatal));
    assert!(found[0].message.contains("lines 4 and 5"));
    let registry = parse(&text);
    assert_eq!(registry.get("a").unwrap().path, "styles/b.scss");
    assert_eq!(registry.names(), ["default", "contrast", "mastodon-light", "a"]);
}

#[test]
fn names_that_ruby_reads_as_something_else_are_fatal_unless_quoted() {
    for name in ["on", "1", "null", "2024-01-02", "~"] {
        let found = faults_of_line(&format!("{name}: styles/a.scss"), Toolchain::Vite);
        assert_eq!(found, one("theme-name-not-text", Severity::Fatal), "{name}");
    }
    assert_eq!(faults_of_line("'on': styles/a.scss", Toolchain::Vite), []);
}

#[test]
fn values_that_are_no_text_are_fatal() {
    for value in ["", " ~", " [a, b]", " {a: b}", " 1"] {
        let found = faults_of_line(&format!("a:{value}"), Toolchain::Webpacker);
        assert_eq!(found, one("theme-path-not-text", Severity::Fatal), "{value:?}");
    }
}

#[test]
fn vite_skips_what_has_not_exactly_one_dot_and_that_is_fatal_there_only() {
    for path in ["styles/ft.v2.scss", "./styles/ft.scss", "../x/ft.scss", "styles/ft", "styles/ft.js"] {
        let found = faults_of_line(&format!("ft: {path}"), Toolchain::Vite);
        assert_eq!(found, one("theme-not-compiled", Severity::Fatal), "{path}");
    }
    assert_eq!(faults_of_line("ft: styles/ft.v2.scss", Toolchain::Webpacker), []);
    let found = faults(&format!("{STOCK}ft: styles/ft.v2.scss\n"), Toolchain::Vite, None);
    assert!(found[0].help.as_ref().unwrap().contains("ft: styles/ft-v2.scss"), "{:?}", found[0].help);
}

#[test]
fn a_script_as_a_theme_is_fatal_on_webpacker() {
    for path in ["styles/ft.js", "styles/ft", "packs/admin.ts"] {
        let found = faults_of_line(&format!("ft: {path}"), Toolchain::Webpacker);
        assert_eq!(found, one("theme-not-a-stylesheet", Severity::Fatal), "{path}");
    }
}

#[test]
fn webpack_completes_a_path_without_an_ending_and_vite_skips_it() {
    let registry = Registry::parse(format!("{STOCK}ft: styles/ft\n").as_bytes()).unwrap();
    let exists = |path: &str| if path == "styles/ft" { PathKind::Missing } else { PathKind::File };
    let stylesheet_only =
        |path: &str| if path.ends_with(".js") || path.ends_with("ts") { PathKind::Missing } else { exists(path) };
    let of = |toolchain, exists: &dyn Fn(&str) -> PathKind| {
        let semantics = RegistrySemantics { toolchain, packs: &[], version: None };
        let found = registry.faults(&semantics, exists);
        found
            .into_iter()
            .filter(|finding| finding.severity == Severity::Fatal)
            .map(|finding| finding.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(Toolchain::Webpacker, &exists), ["theme-not-a-stylesheet"], "webpack takes the script first");
    assert_eq!(of(Toolchain::Vite, &stylesheet_only), ["theme-not-compiled"]);
    let only = |path: &str| if path.ends_with(".mjs") { PathKind::Missing } else { stylesheet_only(path) };
    assert_eq!(of(Toolchain::Webpacker, &only), [""; 0]);
}

#[test]
fn two_names_for_one_file_are_fatal_on_vite_and_have_to_be_looked_at_on_webpacker() {
    let text = format!("{STOCK}ft: styles/application.scss\n");
    for (toolchain, severity) in [(Toolchain::Vite, Severity::Fatal), (Toolchain::Webpacker, Severity::Review)] {
        let found = faults(&text, toolchain, None);
        assert_eq!((found[0].id.as_str(), found[0].severity, found.len()), ("registry-same-path", severity, 1));
    }
}

#[test]
fn a_readme_line_pasted_with_its_columns_does_not_pass() {
    let found = faults_of_line("ft: styles/ft.scss | **new**", Toolchain::Vite);
    assert_eq!(found, one("theme-not-compiled", Severity::Fatal));
    let found = faults_of_line("ft: styles/ft.scss | **new**", Toolchain::Webpacker);
    assert_eq!(found, one("theme-not-a-stylesheet", Severity::Fatal));
}

#[test]
fn a_theme_named_like_a_pack_is_fatal_on_webpacker_and_harmless_on_vite() {
    let line = "application: styles/a.scss";
    assert_eq!(faults_of_line(line, Toolchain::Webpacker), one("theme-name-reserved", Severity::Fatal));
    assert_eq!(faults_of_line(line, Toolchain::Vite), one("theme-name-reserved", Severity::Benign));
}

#[test]
fn a_dot_in_the_name_is_fatal_on_webpacker_and_a_note_on_vite() {
    assert_eq!(faults_of_line("a.b: styles/a.scss", Toolchain::Webpacker), one("theme-name-unusable", Severity::Fatal));
    assert_eq!(faults_of_line("a.b: styles/a.scss", Toolchain::Vite), one("theme-name-unusual", Severity::Benign));
}

#[test]
fn names_that_work_are_not_held_against_a_site() {
    for line in ["Tangerine: styles/a.scss", "a_b: styles/B.scss", "éclair: styles/a.scss"] {
        assert_eq!(faults_of_line(line, Toolchain::Webpacker), [], "{line}");
        assert_eq!(faults_of_line(line, Toolchain::Vite), [], "{line}");
    }
}

#[test]
fn paths_out_of_the_tree_are_held_on_webpacker() {
    for path in ["../x/ft.scss", "/etc/ft.scss", "styles/../../ft.scss"] {
        let found = faults_of_line(&format!("ft: {path}"), Toolchain::Webpacker);
        assert_eq!(found, one("theme-path-unsafe", Severity::Review), "{path}");
    }
    assert_eq!(
        faults_of_line("ft: ./styles/ft.scss", Toolchain::Webpacker),
        one("theme-path-unusual", Severity::Benign)
    );
}

#[test]
fn a_file_that_is_not_there_is_named_as_it_is() {
    let exists = |path: &str| match path {
        "styles/gone.scss" => PathKind::Missing,
        "styles/dir.scss" => PathKind::Dir,
        "styles/Case.scss" => PathKind::WrongCase("styles/case.scss".to_owned()),
        _ => PathKind::File,
    };
    let text = format!("{STOCK}a: styles/gone.scss\nb: styles/dir.scss\nc: styles/Case.scss\n");
    let semantics = RegistrySemantics { toolchain: Toolchain::Vite, packs: &[], version: None };
    let found: Vec<_> =
        parse(&text).faults(&semantics, &exists).into_iter().map(|fault| (line_of(&fault), fault.id)).collect();
    let expected = [(4, "theme-file-missing"), (5, "theme-file-is-folder"), (6, "theme-file-wrong-case")];
    assert_eq!(found, expected.map(|(line, id)| (line, id.to_owned())));
}

#[test]
fn a_path_that_leads_nowhere_is_told_from_the_one_that_was_meant() {
    let exists = |path: &str| match path {
        "styles/ft.scss" | "styles/gt/gt.css" => PathKind::File,
        path if ["ft", "gt", "gone"].iter().any(|part| path.contains(part)) => PathKind::Missing,
        _ => PathKind::File,
    };
    let helps = |line: &str| {
        let semantics = RegistrySemantics { toolchain: Toolchain::Vite, packs: &[], version: None };
        let faults = parse(&format!("{STOCK}{line}\n")).faults(&semantics, &exists);
        faults
            .into_iter()
            .filter_map(|fault| fault.help)
            .find(|help| ["ft", "gt", "gone"].iter().any(|part| help.contains(part)))
    };
    for path in [
        "app/javascript/styles/ft.scss",
        "live/app/javascript/styles/ft.scss",
        "ft.scss",
        "styles/ft.css",
        "style/ft.scss",
    ] {
        let help = helps(&format!("ft: {path}")).unwrap_or_else(|| panic!("nothing is said of {path}"));
        assert!(help.starts_with("Write the line as `ft: styles/ft.scss`"), "{path}: {help}");
    }
    assert!(helps("gt: styles/gt/gt.scss").unwrap().contains("`gt: styles/gt/gt.css`"));
    assert!(helps("gt: styles/gone.scss").unwrap().starts_with("Put the file at"));
}

#[test]
fn default_must_be_there_and_its_redefinition_is_noted() {
    let found = faults("a: styles/a.scss\n", Toolchain::Webpacker, None);
    assert_eq!((found[0].id.as_str(), found[0].severity), ("registry-default-missing", Severity::Fatal));
    let found = faults("default: styles/elephant.scss\n", Toolchain::Webpacker, None);
    assert_eq!((found[0].id.as_str(), found[0].severity), ("registry-default-redefined", Severity::Benign));
}

#[test]
fn four_three_to_four_five_need_mastodon_light() {
    let text = "default: styles/application.scss\n";
    for minor in 3..=5 {
        let found = faults(text, Toolchain::Vite, version(4, minor));
        assert_eq!(found.len(), 1, "4.{minor}");
        assert_eq!((found[0].id.as_str(), found[0].severity), ("registry-mastodon-light-missing", Severity::Fatal));
    }
    assert_eq!(faults(text, Toolchain::Webpacker, version(4, 2)), []);
}

#[test]
fn a_byte_order_mark_is_harmless_and_survives_an_edit() {
    let text = format!("\u{feff}{STOCK}");
    let found = faults(&text, Toolchain::Webpacker, None);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id.as_str(), found[0].severity), ("registry-byte-order-mark", Severity::Benign));
    let registry = parse(&text);
    assert_eq!(registry.with(&[add("a")]).unwrap(), format!("{text}a: styles/a.scss\n"));
    assert_eq!(registry.without("default").unwrap(), text.replace("default: styles/application.scss\n", ""));
    let short = parse("\u{feff}default: styles/application.scss\n");
    assert_eq!(short.with(&[add("a")]).unwrap(), "\u{feff}default: styles/application.scss\na: styles/a.scss\n");
}

fn add(name: &str) -> (String, String) {
    (name.to_owned(), format!("styles/{name}.scss"))
}

#[test]
fn a_new_line_follows_the_last_entry_in_its_style() {
    let cases = [
        ("a: b.css", "a: b.css\nn: styles/n.scss"),
        ("a: b.css\n", "a: b.css\nn: styles/n.scss\n"),
        ("a: b.css\r\n", "a: b.css\r\nn: styles/n.scss\r\n"),
        ("x: y.css\r\na: b.css", "x: y.css\r\na: b.css\r\nn: styles/n.scss"),
        ("a: b.css\r", "a: b.css\rn: styles/n.scss\r"),
        ("---\na: b.css\n...\n", "---\na: b.css\nn: styles/n.scss\n...\n"),
        ("a: b.css # mine\n# end\n\n", "a: b.css # mine\nn: styles/n.scss\n# end\n\n"),
        ("  a: b.css\n", "  a: b.css\n  n: styles/n.scss\n"),
        ("\"a\": 'b.css'\n", "\"a\": 'b.css'\n\"n\": 'styles/n.scss'\n"),
        ("{a: b.css}\n", "{a: b.css, n: styles/n.scss}\n"),
        ("{a: b.css, }\n", "{a: b.css, n: styles/n.scss, }\n"),
        ("{\n  a: b.css # c\n}\n", "{\n  a: b.css, n: styles/n.scss # c\n}\n"),
        ("a:\n", "a:\nn: styles/n.scss\n"),
        ("a:\n  b.css\n", "a:\n  b.css\nn: styles/n.scss\n"),
    ];
    for (before, after) in cases {
        assert_eq!(parse(before).with(&[add("n")]).as_deref(), Ok(after), "{before:?}");
    }
}

#[test]
fn a_known_name_gets_its_new_path_in_place() {
    let text = "default: styles/application.scss\na: \"styles/old.scss\" # mine\nb: styles/b.scss\n";
    let edited = parse(text).with(&[add("a"), add("c")]).unwrap();
    assert_eq!(
        edited,
        "default: styles/application.scss\na: \"styles/a.scss\" # mine\nb: styles/b.scss\nc: styles/c.scss\n"
    );
    assert_eq!(parse(text).with(&[("b".to_owned(), "styles/b.scss".to_owned())]).unwrap(), text);
}

#[test]
fn a_name_that_yaml_would_twist_is_quoted() {
    assert_eq!(parse(STOCK).with(&[add("on")]).unwrap(), format!("{STOCK}'on': styles/on.scss\n"));
}

#[test]
fn a_theme_is_taken_out_alone() {
    let cases = [
        ("a: b.css\nn: c.css\n", "a: b.css\n"),
        ("a: b.css\nn: c.css", "a: b.css"),
        ("n: c.css\na: b.css\n", "a: b.css\n"),
        ("a: b.css\r\nn: c.css # x\r\n# y\r\n", "a: b.css\r\n# y\r\n"),
        ("{a: b.css, n: c.css}", "{a: b.css}"),
        ("{n: c.css, a: b.css}", "{a: b.css}"),
        ("a: b.css\nn:\n  c.css\nd: e.css\n", "a: b.css\nd: e.css\n"),
        ("a: b.css\nn:\nd: e.css\n", "a: b.css\nd: e.css\n"),
        ("n: 1.css\na: b.css\nn: 2.css\n", "a: b.css\n"),
        ("a: b.css\n\"n\": [x,\n  y]\nd: e.css\n", "a: b.css\nd: e.css\n"),
    ];
    for (before, after) in cases {
        assert_eq!(parse(before).without("n").as_deref(), Ok(after), "{before:?}");
    }
}

#[test]
fn edits_that_cannot_be_right_are_refused() {
    assert_eq!(parse("a: b.css\n").without("a").unwrap_err().id, "registry-edit-refused");
    assert_eq!(parse("a: b.css\n").without("zz").unwrap_err().id, "registry-edit-refused");
    let injection = [("x".to_owned(), "styles/x.scss\ndefault: styles/evil.scss".to_owned())];
    assert_eq!(parse(STOCK).with(&injection).unwrap_err().id, "registry-edit-refused");
    assert_eq!(parse("a: |\n  b.css\n").with(&[add("a")]).unwrap_err().id, "registry-edit-refused");
}

/// One line of a registry in some hand.
fn entry_line() -> impl Strategy<Value = String> {
    let name = "[a-z][a-z0-9_-]{0,8}";
    let trailing = prop_oneof![
        Just(String::new()),
        Just(" ".to_owned()),
        Just("  # a note: here".to_owned()),
        Just("\t# n".to_owned())
    ];
    (name, "[a-z]{1,8}", 0..4_u8, trailing, "[ ]{1,3}").prop_map(|(name, file, quotes, trailing, gap)| match quotes {
        0 => format!("{name}:{gap}styles/{file}.scss{trailing}"),
        1 => format!("\"{name}\":{gap}styles/{file}.scss{trailing}"),
        2 => format!("{name}:{gap}'styles/{file}.scss'{trailing}"),
        _ => format!("'{name}' :{gap}\"styles/{file}.css\"{trailing}"),
    })
}

fn other_line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("# themes: of this site".to_owned()),
        Just("   # indented".to_owned()),
        Just("  ".to_owned())
    ]
}

/// A registry's text, with names that differ.
fn registry_text() -> impl Strategy<Value = String> {
    let lines = proptest::collection::vec(prop_oneof![3 => entry_line(), 1 => other_line()], 1..12);
    (lines, any::<bool>(), any::<bool>(), 0..3_u8, any::<bool>()).prop_map(|(lines, crlf, final_end, marks, bom)| {
        let mut lines = lines;
        lines.insert(0, "default: styles/application.scss".to_owned());
        if marks > 0 {
            lines.insert(0, "---".to_owned());
        }
        if marks > 1 {
            lines.push("...".to_owned());
        }
        let line_end = if crlf { "\r\n" } else { "\n" };
        let text = lines.join(line_end) + if final_end { line_end } else { "" };
        if bom { format!("\u{feff}{text}") } else { text }
    })
}

fn meaning(registry: &Registry) -> Vec<(String, String)> {
    registry.entries().iter().map(|entry| (entry.name.clone(), entry.path.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn adding_keeps_every_line_and_every_entry(text in registry_text(), suffix in "[a-z]{1,5}") {
        let registry = parse(&text);
        let name = format!("zz-new-{suffix}");
        let edited = registry.with(&[add(&name)]).unwrap();
        let mut expected = meaning(&registry);
        expected.push(add(&name));
        prop_assert_eq!(meaning(&parse(&edited)), expected);
        let kept: Vec<&str> = edited.split('\n').map(|line| line.trim_end_matches('\r')).filter(|line| !line.contains(&name)).collect();
        let before: Vec<&str> = text.split('\n').map(|line| line.trim_end_matches('\r')).collect();
        prop_assert_eq!(kept, before);
        prop_assert_eq!(text.ends_with('\n'), edited.ends_with('\n'));
        prop_assert_eq!(text.matches("\r\n").count() + usize::from(text.contains("\r\n")), edited.matches("\r\n").count());
        prop_assert_eq!(parse(&edited).without(&name).unwrap(), text);
    }

    #[test]
    fn taking_out_keeps_every_other_line(text in registry_text(), which in any::<prop::sample::Index>()) {
        let registry = parse(&text);
        let name = which.get(&registry.names()).to_string();
        prop_assume!(registry.names().len() > 1);
        let edited = registry.without(&name).unwrap();
        let expected: Vec<_> = meaning(&registry).into_iter().filter(|(other, _)| *other != name).collect();
        prop_assert_eq!(meaning(&parse(&edited)), expected);
        let gone: Vec<u64> = registry.entries().iter().filter(|entry| entry.name == name).map(|entry| entry.line).collect();
        let kept: Vec<&str> = text.split('\n').zip(1..).filter(|(_, line)| !gone.contains(line)).map(|(line, _)| line.trim_end_matches('\r')).collect();
        let bare: Vec<&str> = edited.split('\n').map(|line| line.trim_end_matches('\r')).collect();
        let first_gone_with_mark = gone.contains(&1) && text.starts_with('\u{feff}');
        let bare: Vec<&str> = bare.iter().map(|line| if first_gone_with_mark { line.trim_start_matches('\u{feff}') } else { line }).collect();
        prop_assert_eq!(bare, kept);
    }
}
