//! A log says the same whatever a program has put before, behind and around its lines.

use themegate::finding::Severity;
use themegate::rules::RuleSet;

use super::{classified, ids, severity};

/// What a program makes of a line, of which it knows the number.
type Wrap = fn(usize, &str) -> String;

const WRAPS: [(&str, Wrap); 62] = [
    ("numbers of cat", |number, line| format!("{number:6}\t{line}")),
    ("numbers of nl", |number, line| format!("{number:6}  {line}")),
    ("numbers of grep", |number, line| format!("{number}:{line}")),
    ("numbers and a bar", |number, line| format!("{number} | {line}")),
    ("numbers and a bar of bat", |number, line| format!("{number:4} \u{2502} {line}")),
    ("numbers and a dot", |number, line| format!("{number}. {line}")),
    ("numbers and a tab", |number, line| format!("{number}\t{line}")),
    ("indented", |_, line| format!("  {line}")),
    ("indented as code", |_, line| format!("    {line}")),
    ("a tab", |_, line| format!("\t{line}")),
    ("a mail", |_, line| format!("> {line}")),
    ("a mail, twice", |_, line| format!("> > {line}")),
    ("a mail, empty lines bare", |_, line| if line.is_empty() { ">".to_owned() } else { format!("> {line}") }),
    ("a sign of GitHub's annotations", |_, line| format!("==> {line}")),
    ("BuildKit", |_, line| format!("#12 3.456 {line}")),
    ("BuildKit, plain", |_, line| format!("#12 {line}")),
    ("docker compose 1", |_, line| format!("web_1  | {line}")),
    ("docker compose 2", |_, line| format!("web-1  | {line}")),
    ("docker compose 1, a name", |_, line| format!("mastodon_web_1       | {line}")),
    ("docker logs -t", |_, line| format!("2026-05-03T10:22:31.123456789Z {line}")),
    ("docker's own log", |_, line| {
        let text = serde_json::json!(format!("{line}\n"));
        format!("{{\"log\":{text},\"stream\":\"stdout\",\"time\":\"2026-05-03T10:22:31.123456789Z\"}}")
    }),
    ("a logger's entry in docker's own log", |number, line| {
        let entry = serde_json::json!({"level": 30, "time": number, "msg": line}).to_string();
        serde_json::json!({"log": entry + "\n", "stream": "stdout", "time": "2026-05-03T10:22:31.123456789Z"})
            .to_string()
    }),
    ("loguru", |_, line| format!("2026-11-29 10:22:31.123 | INFO     | deploy:run:12 - {line}")),
    ("journald's own log", |_, line| {
        let text = serde_json::json!(line);
        format!("{{\"PRIORITY\":\"6\",\"MESSAGE\":{text},\"_PID\":\"12\"}}")
    }),
    ("kubelet", |_, line| format!("2026-05-03T10:22:31.123456789Z stdout F {line}")),
    ("kubectl logs --prefix", |_, line| format!("[pod/web-x7k2d/web] {line}")),
    ("kubectl logs --timestamps", |_, line| format!("2026-05-03T10:22:31.123456789Z {line}")),
    ("GitHub's log", |_, line| format!("2026-05-03T10:22:31.1234567Z {line}")),
    ("gh run view --log", |_, line| format!("build\tRun rails\t2026-05-03T10:22:31.1234567Z {line}")),
    ("GitLab's log", |_, line| format!("2026-05-03T10:22:31.123456Z 01O {line}")),
    ("Jenkins", |_, line| format!("[2026-05-03T10:22:31.123Z] {line}")),
    ("Jenkins, times", |_, line| format!("10:22:31  {line}")),
    ("Heroku's router", |_, line| format!("2026-05-03T10:22:31.123456+00:00 app[web.1]: {line}")),
    ("git push", |_, line| format!("remote: {line}")),
    ("Heroku by git push", |_, line| format!("remote:        {line}")),
    ("foreman", |_, line| format!("12:01:02 web.1   | {line}")),
    ("overmind", |_, line| format!("web     | {line}")),
    ("pm2", |_, line| format!("0|web      | {line}")),
    ("pm2 with times", |_, line| format!("0|web      | 2026-05-03T10:22:31: {line}")),
    ("a name in brackets", |_, line| format!("[web-1] {line}")),
    ("names in brackets", |number, line| format!("[{}] {line}", ["web-1", "sidekiq-1", "streaming-1"][number % 3])),
    ("concurrently", |_, line| format!("[0] {line}")),
    ("journalctl", |_, line| format!("Nov 29 08:00:01 web mastodon[123]: {line}")),
    ("journalctl -o short-iso", |_, line| format!("2026-11-29T08:00:01+0000 web mastodon[123]: {line}")),
    ("journalctl -o short-precise", |_, line| format!("Nov 29 08:00:01.123456 web mastodon[123]: {line}")),
    ("journalctl -o cat, a bar", |_, line| format!("mastodon-web | {line}")),
    ("rsyslog", |_, line| format!("<13>Nov 29 08:00:01 web mastodon: {line}")),
    ("ts", |_, line| format!("Nov 29 08:00:01 {line}")),
    ("ts -s", |_, line| format!("00:00:01 {line}")),
    ("a clock in brackets", |_, line| format!("[10:22:31] {line}")),
    ("a date with slashes", |_, line| format!("2026/11/29 10:22:31 {line}")),
    ("a date of Apache", |_, line| format!("[29/Nov/2026:10:22:31 +0000] {line}")),
    ("seconds since 1970", |number, line| format!("17147317{:02}.123 {line}", number % 60)),
    ("SSHKit", |_, line| format!(" DEBUG [2089fb7e] \t{line}")),
    ("airbrussh", |_, line| format!("      01 {line}")),
    ("Capistrano 2", |_, line| format!(" ** [out :: web1] {line}")),
    ("Ansible's stdout_lines", |_, line| format!("            {},", serde_json::json!(line))),
    ("Buildkite", |_, line| format!("\x1b_bk;t=1714557600123\x07{line}")),
    ("colours", |_, line| format!("\x1b[1m\x1b[31m{line}\x1b[0m")),
    ("carriage returns", |_, line| format!("{line}\r")),
    ("blanks behind", |_, line| format!("{line}   ")),
    ("HTML", |_, line| line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")),
];

/// What stands above an excerpt, so that something is known of all lines.
const ABOVE: &str = "yarn install v1.22.19\n[1/4] Resolving packages...\n[2/4] Fetching packages...\n[3/4] Linking dependencies...\n[4/4] Building fresh packages...\nDone in 44.71s.\n";

/// What is said of these hangs on a line's beginning, on its numbers, or on what stands before others.
const DELICATE: [&str; 8] = [
    "[ERR_PNPM_IGNORED_BUILDS] Ignored build scripts: esbuild@0.21.5",
    "fatal: [localhost]: FAILED! => {\"changed\": true, \"msg\": \"non-zero return code\", \"rc\": 2}",
    "Eingabe-/Ausgabefehler werden protokolliert",
    "\u{26a0} The Next.js plugin was not detected in your ESLint configuration. Linting failed",
    "3 WARNINGS in child compilations (Use 'stats.children: true' resp. '--stats-children' for more details)",
    "[plugin vite:css] src/a.css: a thing was left out",
    "Exit code: 1\nCommand: node-gyp rebuild",
    "WARNING in ./x.scss (./node_modules/css-loader/dist/cjs.js!./x.scss)\nModule Warning (from ./node_modules/sass-loader/dist/cjs.js):\n\
     Deprecation Warning on line 7, column 8 of file:///srv/x.scss:7:8:\nSass @import rules are deprecated and will be removed in Dart Sass 3.0.0.\n\n\
     7 | @import \"a\";\n\n\n\nx.scss 8:9  root stylesheet",
];

fn wrapped(log: &str, wrap: Wrap) -> String {
    (1..).zip(log.lines()).map(|(number, line)| wrap(number, line) + "\n").collect()
}

/// The wrappings that change what is said of a log.
fn changes(log: &str) -> Vec<String> {
    let plain = classified(log.as_bytes());
    // The number of a line and the one that it begins with cannot be told apart.
    let counts = log.contains("\n12:30 ") || log.contains("\n23 error ");
    let wraps = WRAPS.iter().filter(|(name, _)| !(counts && *name == "numbers of grep"));
    let said = wraps.map(|(name, wrap)| (name, classified(wrapped(log, *wrap).as_bytes())));
    let changed = said.filter(|(_, said)| severity(said) != severity(&plain));
    changed.map(|(name, said)| format!("{name}: {:?} {:?} {:?}", severity(&plain), ids(&plain), ids(&said))).collect()
}

/// All examples of the rules with `THEMEGATE_EXAMPLES=1`, which takes minutes; else some of them.
#[test]
fn what_stands_around_the_lines_of_a_log_changes_nothing() {
    let step = if std::env::var_os("THEMEGATE_EXAMPLES").is_some() { 1 } else { 41 };
    let examples = RuleSet::builtin().rules().iter().flat_map(|rule| rule.matches.iter().chain(&rule.near_misses));
    let texts = examples.step_by(step).map(|example| example.text.as_str()).chain(DELICATE);
    let logs = texts.map(|text| format!("{ABOVE}{text}\n"));
    let wrong: Vec<String> = logs
        .flat_map(|log| changes(&log).into_iter().map(move |change| format!("{change}: {}", &log[ABOVE.len()..])))
        .collect();
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
#[ignore = "takes minutes"]
fn what_stands_around_the_lines_of_whole_logs_changes_nothing() {
    let Some(folder) = super::corpus() else { return };
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "log"))
    {
        let log = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).replace('\r', "");
        let log = if log.lines().count() < 4 { format!("{ABOVE}{log}") } else { log };
        wrong.extend(changes(&log).into_iter().map(|change| format!("{:?} {change}", entry.file_name())));
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

/// Before some words a name is known as a prefix wherever it stands; the lines between them have it too.
#[test]
fn a_name_before_all_lines_is_known_though_some_are_known_to_bear_names() {
    let log = "WARNING in ./a.scss (./node_modules/css-loader/dist/cjs.js!./a.scss)\n\
               Module Warning (from ./node_modules/sass-loader/dist/cjs.js):\n\
               Deprecation Warning on line 7, column 8 of file:///srv/x.scss:7:8:\n\
               Sass @import rules are deprecated and will be removed in Dart Sass 3.0.0.\n\
               \n\
               webpack 5.103.0 compiled with 26 warnings in 912 ms\n";
    let named: String = log.lines().map(|line| format!("[web-1] {line}\n")).collect();
    assert_eq!(
        (severity(&classified(log.as_bytes())), ids(&classified(named.as_bytes()))),
        (Severity::Benign, ids(&classified(log.as_bytes())))
    );
}

#[test]
fn what_a_tool_begins_all_its_lines_with_is_no_margin() {
    let log = "themegate-builtin: compiled a.scss\nthemegate-builtin: debug: a.scss:2:8: \"error in my sums\"\n\
               themegate-builtin: wrote packs/a.css\nthemegate-builtin: wrote the manifest: 4 themes\n";
    assert_eq!(ids(&classified(log.as_bytes())), [""; 0]);
}

/// Most lines bear one of several names; these bear a word in the place of a name.
#[test]
fn a_word_that_says_how_grave_a_line_is_is_no_name() {
    let named = |line: fn(&str, &str) -> String, last: &str| {
        let lines = ["Compiling...", "Resolving packages", "Linking dependencies", "Building fresh packages"];
        let lines = lines.iter().cycle().zip(["web", "api", "db"].iter().cycle()).take(12);
        lines.map(|(text, name)| line(name, text) + "\n").collect::<String>() + last + "\n"
    };
    let bracketed = |last: &str| named(|name, text| format!("[{name}] {text}"), last);
    let barred = |last: &str| named(|name, text| format!("{name} | {text}"), last);
    for log in [
        bracketed("[failed] dusk.scss"),
        bracketed("[fatal] dusk was not made"),
        bracketed("[Exception] dusk"),
        bracketed("[sass error] dusk.scss"),
        bracketed("[Warning] dusk left out"),
        barred("failed | dusk.scss"),
        barred("ERROR | dusk was not made"),
        barred("sass error | dusk.scss"),
    ] {
        assert!(severity(&classified(log.as_bytes())) > Severity::Benign, "{log}");
    }
    for log in [bracketed("[cache] dusk.scss"), barred("cache | dusk.scss")] {
        assert_eq!(ids(&classified(log.as_bytes())), [""; 0], "{log}");
    }
}

/// What is cut as a name may be what the lines speak of.
#[test]
fn a_stylesheet_before_all_lines_is_what_they_speak_of() {
    let lines = |wrap: fn(&str, &str) -> String, last: &str| {
        let said = [
            ("a.scss", "reading"),
            ("b.scss", "3 imports"),
            ("dusk.scss", last),
            ("c.scss", "written"),
            ("d.scss", "ok"),
        ];
        said.iter().map(|(name, text)| wrap(name, text) + "\n").collect::<String>() + "Done in 44.71s.\n"
    };
    let wraps: [fn(&str, &str) -> String; 3] = [
        |name, text| format!("[{name}] {text}"),
        |_, text| format!("dusk.scss: {text}"),
        |_, text| format!("theme dusk - {text}"),
    ];
    for wrap in wraps {
        for last in ["skipped", "could not be read"] {
            let log = lines(wrap, last);
            assert_eq!(severity(&classified(log.as_bytes())), Severity::Review, "{log}");
        }
        assert_eq!(severity(&classified(lines(wrap, "written").as_bytes())), Severity::Benign);
        // What is known of a line holds also of one with a name.
        let known = lines(wrap, "npm warn deprecated glob@7.2.3: old");
        assert_eq!(severity(&classified(known.as_bytes())), Severity::Benign, "{known}");
    }
    let of_the_machine = lines(|_, text| format!("[web-1] {text}"), "could not be read");
    assert_eq!(severity(&classified(of_the_machine.as_bytes())), Severity::Benign);
}
