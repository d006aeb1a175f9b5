//! Cuts what other programs put before each line of a build log: time stamps, loggers, deployment tools, containers, CI.
//!
//! Each form is one that a public tool prints; none may eat the words of the line itself.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::gravity::{complains, is_grave};

/// How many prefixes one line may carry (`job step time #12 3.4 I, [...]`).
const DEPTH: usize = 5;

/// A line without what stood before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stripped<'l> {
    /// The line's own text, white space trimmed on both sides.
    pub text: &'l [u8],
    /// White space before it.
    pub indent: usize,
    /// A program that marks errors said that this is one (`##[error]`, a logger's FATAL).
    pub marked: bool,
    /// A logger said that this is a piece of information, or for developers.
    pub informs: bool,
    /// PowerShell wraps what follows at the width of its window.
    pub wraps: bool,
    /// The step of an image's build that says so.
    pub step: Option<u32>,
    /// What stood before the lines of this log; it may name what the line speaks of.
    pub about: &'l [u8],
}

/// What stands before a line.
#[derive(Debug, Clone, Copy, Default)]
struct Prefix {
    length: usize,
    marked: bool,
    informs: bool,
    wraps: bool,
    step: Option<u32>,
}

impl Prefix {
    fn plain(length: usize) -> Self {
        Self { length, ..Self::default() }
    }
}

/// Cuts all known prefixes of one line.
pub(crate) fn strip(line: &[u8]) -> Stripped<'_> {
    let mut stripped = trimmed(line);
    for _ in 0..DEPTH {
        let Some(prefix) = prefix_of(&stripped) else {
            break;
        };
        let inner = trimmed(&stripped.text[prefix.length..]);
        stripped = Stripped {
            marked: stripped.marked || prefix.marked,
            informs: stripped.informs || prefix.informs,
            wraps: stripped.wraps || prefix.wraps,
            step: prefix.step.or(stripped.step),
            ..inner
        };
    }
    stripped
}

/// A byte order mark begins a file, and what was put before each of its lines afterwards stands before it.
fn trimmed(line: &[u8]) -> Stripped<'_> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let line = line.strip_prefix(MARK).unwrap_or(line);
    let text = line.trim_ascii_start();
    let indent = line.len() - text.len();
    let text = text.strip_prefix(MARK).unwrap_or(text);
    Stripped {
        text: text.trim_ascii_end(),
        indent,
        marked: false,
        informs: false,
        wraps: false,
        step: None,
        about: b"",
    }
}

fn prefix_of(line: &Stripped<'_>) -> Option<Prefix> {
    let text = line.text;
    match text.first()? {
        b'r' if text.starts_with(b"remote:") => Some(Prefix::plain(7)),
        b'#' => numbered_step(text),
        b'*' => length_of(&CAPISTRANO_2, text).map(Prefix::plain),
        b'0'..=b'9' => time(line).or_else(|| length_of(&PM2, text)).map(Prefix::plain),
        b'[' => bracketed(text),
        0xe2 => signed(text).or_else(|| boxed(line)).map(Prefix::plain),
        b'>' => length_of(&QUOTED, text).map(|_| Prefix::plain(1)),
        b':' => length_of(&WORKFLOW_COMMAND, text)
            .map(|length| Prefix { marked: text.starts_with(b"::error"), ..Prefix::plain(length) }),
        b'A'..=b'Z' if text.len() > 8 => {
            storybook(text).map(Prefix::plain).or_else(|| logger(text)).or_else(|| named(text))
        }
        b'a'..=b'z' | b'A'..=b'Z' | b'@' | b'.' => named(text),
        _ => None,
    }
}

/// The left side of a box; an indented one may be a code frame's, which quotes no complaint.
fn boxed(line: &Stripped<'_>) -> Option<usize> {
    let rest = line.text.strip_prefix("│ ".as_bytes())?;
    let words = rest.trim_ascii_start();
    let complains =
        [&b"Error"[..], b"ERROR", b"error", b"Failed", b"Could not", "✘".as_bytes(), b"Deprecation Warning"];
    (line.indent == 0 || complains.iter().any(|word| words.starts_with(word))).then_some(line.text.len() - rest.len())
}

/// `▲ ` before what npm says.
fn signed(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix("▲ ".as_bytes())?;
    rest.starts_with(b"npm ").then_some(text.len() - rest.len())
}

fn length_of(pattern: &Regex, text: &[u8]) -> Option<usize> {
    pattern.find(text).map(|found| found.end())
}

/// No image has more steps; what is remembered of each must not grow with a log.
const MOST_STEPS: u32 = 9_999;

/// `#12 3.456 ` of BuildKit, `##[error]` of GitHub and Azure.
fn numbered_step(text: &[u8]) -> Option<Prefix> {
    if text.starts_with(b"##[") {
        let close = text.iter().position(|&byte| byte == b']')?;
        return Some(Prefix { marked: text.starts_with(b"##[error]"), ..Prefix::plain(close + 1) });
    }
    let length = length_of(&BUILD_STEP, text)?;
    let digits = text[1..].split(|byte| !byte.is_ascii_digit()).next().unwrap_or_default();
    let step =
        std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).filter(|step| *step <= MOST_STEPS);
    Some(Prefix { step, ..Prefix::plain(length) })
}

/// `[0] ` of concurrently. webpack numbers its modules in the same way; their names begin otherwise.
fn numbered_command(text: &[u8]) -> Option<usize> {
    let length = length_of(&NUMBERED_COMMAND, text)?;
    let rest = &text[length..];
    let first = *rest.first()?;
    let said = first.is_ascii_uppercase() || first == b' ' || TIME.is_match(rest);
    (said || memchr::memmem::find(rest, b": ERROR: ").is_some()).then_some(length)
}

/// `[frontend] ` of whatever runs several commands, before what a bundler or a package manager says of a fault.
fn named_command(text: &[u8]) -> Option<usize> {
    let length = length_of(&NAMED_COMMAND, text)?;
    SAID_BY_COMMAND.is_match(&text[length..]).then_some(length)
}

/// `WARN ` of Storybook, which stands before each line of a warning of webpack on sizes.
fn storybook(text: &[u8]) -> Option<usize> {
    (text.starts_with(b"WARN ") && STORYBOOK.is_match(text)).then_some(5)
}

/// `[2023-08-02T13:25:07Z] `, `[16:41:49][Step 1/1] [INFO] `, `[STG/0] ERR `, `[ 9042.118004] `, `[vite] `.
fn bracketed(text: &[u8]) -> Option<Prefix> {
    if let Some(length) = numbered_command(text).or_else(|| named_command(text)) {
        return Some(Prefix::plain(length));
    }
    let length = length_of(&BRACKETED, text)?;
    let cut = &text[..length];
    let informs = [&b"INFO]"[..], b"DEBUG]"].iter().any(|word| memchr::memmem::find(cut, word).is_some());
    Some(Prefix { informs, ..Prefix::plain(length) })
}

fn time(line: &Stripped<'_>) -> Option<usize> {
    let text = line.text;
    length_of(&TIME, text).or_else(|| seconds(text)).or_else(|| {
        if line.indent == 6 && matches!(text, [b'0', b'1'..=b'9']) {
            return Some(2);
        }
        let airbrussh = line.indent == 6 && text.len() > 3 && text[1].is_ascii_digit() && text[2] == b' ';
        (airbrussh && !text[3].is_ascii_digit() && !text[3..].starts_with(b"|")).then_some(3)
    })
}

/// `12.34 `, seconds since the start of a container step, unless it is a size or a duration.
fn seconds(text: &[u8]) -> Option<usize> {
    let length = length_of(&SECONDS, text)?;
    let unit = text[length..].split(|byte| !byte.is_ascii_alphabetic()).next().unwrap_or_default();
    (!matches!(unit, b"kB" | b"KB" | b"MB" | b"KiB" | b"MiB" | b"B" | b"s" | b"ms" | b"bytes" | b"GB" | b"kb"))
        .then_some(length)
}

/// Ruby's `E, [time #pid] ERROR -- : `, SSHKit's `DEBUG [hash] `, and `INFO[0042] ` of programs in Go (kaniko, buildah).
fn logger(text: &[u8]) -> Option<Prefix> {
    if text[1..].starts_with(b", [") {
        let (marked, informs) = (text[0] == b'F', matches!(text[0], b'I' | b'D'));
        return length_of(&RUBY_LOGGER, text).map(|length| Prefix { marked, informs, ..Prefix::plain(length) });
    }
    // kaniko says in this way that the step begins that compiles the assets; without it that would be a line of a Dockerfile.
    let begins = |line: &[u8]| line.starts_with(b"RUN ") && memchr::memmem::find(line, b"assets:precompile").is_some();
    let logged = || length_of(&LOGRUS, text).filter(|&length| !begins(&text[length..]));
    let told = || logged().map(|length| Prefix { informs: true, ..Prefix::plain(length) });
    length_of(&SSHKIT, text).map(Prefix::plain).or_else(told)
}

/// `web_1 | `, `app build: `, `Aug  2 13:25:07 host unit[1]: `, `job<tab>step<tab>time `, `node.exe : `.
fn named(text: &[u8]) -> Option<Prefix> {
    let head = &text[..text.len().min(200)];
    if !head.starts_with(b"std") && memchr::memchr3(b'|', b'\t', b':', head).is_none() {
        return None;
    }
    if let Some(length) = length_of(&POWERSHELL, head) {
        return Some(Prefix { wraps: true, ..Prefix::plain(length) });
    }
    let length =
        length_of(&NAMED, head).filter(|&length| head[..length].contains(&b'|') || !complains(&head[..length]));
    let length = length.or_else(|| length_of(&STAMPED, head))?;
    Some(Prefix { marked: is_grave(&head[..length]), ..Prefix::plain(length) })
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(concat!("(?-u)", $text)).expect("a constant pattern, compiled by a test"));
    };
}

pattern!(BUILD_STEP, r"^#\d+ (?:\d+\.\d+ )?");
pattern!(
    TIME,
    r"(?x)^(?:
        \d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d|\ UTC)?(?:\ \d\d[OE]\+?)?(?:\ \|\ |[\ \t]|:\ |$)
      | \d\d?:\d\d:\d\d(?:[.,]\d+)?(?:\ [AP]M)?(?:\ \|\ |:?[\ \t]|$)
    )"
);
pattern!(PM2, r"^\d{1,3}\|[\w.-]{1,40}\s*\|(?:\s|$)");
pattern!(SECONDS, r"^\d{1,4}\.\d{1,3} ");
pattern!(
    BRACKETED,
    r"(?x)^(?:
        \[\d{4}-\d\d-\d\d[^\]]{1,30}\]\s
      | \[\d\d?:\d\d:\d\d(?:[.,]\d+)?(?:\ (?:[AP]M|[ap]\.m\.))?\]
        (?:\s?:?\s{0,20}\[Step\ \d+/\d+\](?:\ \[(?:INFO|DEBUG|WARN|ERROR)\])?)?\s
      | \[(?:STG|API|APP|DEA|CELL|RTR)(?:/[\w/]{1,20})?\]\s+(?:OUT|ERR)\s
      | \[(?:INFO|WARNING)\]:\s
      | \[(?:out|err)\ ::\ [^\]]+\]\s?
      | \[\ *\d{1,8}\.\d{6}\]\s
      | \[pod/[\w.-]{1,253}/[\w.-]{1,63}\](?:\s|$)
      | \[(?:vite|build|types|content|vite:build|INFO|webpack-dev-server)\]\ 
    )"
);
// A line quoted as mail does. npm and yarn echo commands in the same way, and no command begins like this.
pattern!(
    QUOTED,
    r"(?x)^>(?:
        \ {2,}\S
      | \ npm\ (?:ERR!|WARN|error|warn|verb|info|notice)\ 
      | \ (?:error|warning|info|rake\ aborted|rails\ aborted|failed|fatal)(?:[!:\ ]|$)
      | \ [A-Z][\w.-]*[\ :!] | \ [A-Z]\w*(?:::\w+)+: | \ \[\w | \ \(!\) | \ [\x80-\xff] | \ >\ 
    )"
);
pattern!(NUMBERED_COMMAND, r"^\[\d{1,2}\] ");
pattern!(NAMED_COMMAND, r"^\[[a-z][\w@./:-]{0,30}\] +");
pattern!(
    SAID_BY_COMMAND,
    r"^(?:(?:WARNING|ERROR) in \.{0,2}[\w/(@]|Module (?:Warning|Error) \(from |Module (?:not found|build failed|parse failed): |Warning$|\(\d+:\d+\) (?:autoprefixer: )?(?:start|end) value has |npm (?:ERR!|error|WARN|warn) |webpack (?:\S+ )?compiled with )"
);
pattern!(
    STORYBOOK,
    r"^WARN (?:(?:asset|entrypoint) size limit: The following |This can impact web performance\.$|(?:Assets|Entrypoints): ?$|  ? ?\S+ \(\d[\d.]* (?:[KM]iB|kB|bytes)\)$| {6,8}\S+\.(?:js|css)$)"
);
pattern!(WORKFLOW_COMMAND, r"^::(?:error|warning|notice|debug|group)(?: [^:]*)?::");
pattern!(CAPISTRANO_2, r"^\*{2,3} \[(?:out|err) :: [^\]]+\] ?");
pattern!(RUBY_LOGGER, r"^[DIWEFA], \[[^\]]{10,60}\] +[A-Z]+ -- [^:]{0,60}: ?");
pattern!(SSHKIT, r"^(?:INFO|NFO|DEBUG|WARN|ERROR|FATAL) ?\[[0-9a-f]{8}\](?: ?\t| +|$)");
pattern!(LOGRUS, r"^(?:TRAC|DEBU|INFO)\[(?:\d{4,6}|\d{4}-\d\d-\d\dT[^\]]{8,20})\] ");
pattern!(POWERSHELL, r"^(?:node|npm|npx|yarn|pnpm|vite|cmd|bundle|ruby|rails|git|tsc)(?:\.(?:exe|cmd|ps1|bat))? : ");
pattern!(
    NAMED,
    r"(?x)^(?:
        [a-zA-Z][\w.-]{0,40}\s*\|(?:\s|$)
      | Step\ \#\d+(?:\ -\ \x22[^\x22]{1,60}\x22)?:(?:\s|$)
      | [\w@/.-]{1,80}\ (?:\w+:)?(?:build|install|preinstall|postinstall|prepare|compile|test|lint)(?:[:\w-]*)[:]\s
      | [a-z]+\[[\w.-]{1,30}\]:\s
      | @?[\w/.-]{1,80}:(?:build|compile)(?:[:\w-]*):\s
      | [\w.-]{1,60}\ [\w@.-]{1,60}\[\d{1,8}\]:\s
      | std(?:out|err)\ [FP](?:\s|$)
      | [A-Z][a-z]{2}\ [\ \d]\d\ \d\d:\d\d:\d\d\ [\w.-]+\ (?:[^\s:\[]{1,60}\[\d{1,8}\]|kernel|systemd|dockerd|sudo|CRON):\s
      | [^\t]{1,80}\t[^\t]{1,80}\t\d{4}-\d\d-\d\dT[\d:.]+Z(?:\s|$)
    )"
);

// moreutils' `ts`, which stamps empty lines too.
pattern!(STAMPED, r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\s|$)");

#[cfg(test)]
mod tests {
    use super::strip;

    fn text(line: &str) -> &str {
        std::str::from_utf8(strip(line.as_bytes()).text).unwrap()
    }

    #[test]
    fn prefixes_of_deployment_tools_are_cut() {
        assert_eq!(text(" DEBUG [2089fb7e] \trake aborted!"), "rake aborted!");
        assert_eq!(text("remote:        Compiling…"), "Compiling…");
        assert_eq!(text("      01 rake aborted!"), "rake aborted!");
        assert_eq!(text("      01"), "", "an empty line behind airbrussh");
        assert_eq!(text("E, [2026-11-22T21:50:45.858067 #20302] ERROR -- : Error: x"), "Error: x");
        assert_eq!(text("INFO[0042] RUN yarn install"), "RUN yarn install");
        assert_eq!(text("DEBU[2022-05-25T11:06:44-05:00] ➤ YN0000: └ Completed"), "➤ YN0000: └ Completed");
        assert_eq!(text("WARN[0003] x"), "WARN[0003] x", "what a logger warns of keeps the word");
    }

    #[test]
    fn a_quotation_is_read() {
        assert_eq!(text("> npm ERR! Exit status 2"), "npm ERR! Exit status 2");
        assert_eq!(text(">  INFO [2441b3ee] Running x"), "Running x");
        assert_eq!(text("> Sass::SyntaxError: x"), "Sass::SyntaxError: x");
    }

    #[test]
    fn prefixes_of_containers_and_ci_are_cut() {
        assert_eq!(text("#12 34.56 Killed"), "Killed");
        assert_eq!(text("3.456 Error: x"), "Error: x");
        assert_eq!(text("2023-08-02T13:25:07.1234567Z ##[error]Process completed"), "Process completed");
        assert_eq!(text("build\tRun assets\t2023-08-02T13:25:07.12Z rake aborted!"), "rake aborted!");
        assert_eq!(text("web_1  | rake aborted!"), "rake aborted!");
        assert_eq!(text("[err :: web1] cat: x: No such file"), "cat: x: No such file");
        // concurrently, which numbers its commands.
        assert_eq!(text("[0]     Entrypoint error = error.js"), "Entrypoint error = error.js");
        assert_eq!(text("[1] ERROR in ./x.scss"), "ERROR in ./x.scss");
        assert_eq!(text("[webpack-dev-server] WARNING in ./x.scss"), "WARNING in ./x.scss");
        assert!(strip(b"##[error]x").marked);
        assert_eq!(text("[16:41:49][Step 1/1] [ERROR] warning x"), "warning x");
        assert_eq!(text("2014-08-01T16:09:18.40-0700 [STG]     ERR x.rb:1: warning: y"), "x.rb:1: warning: y");
        assert_eq!(text("2026-11-24T03:12:01+0000 web1 bundle[2213]: rake aborted!"), "rake aborted!");
        assert_eq!(text("Nov 24 12:40:55 npm warn deprecated x"), "npm warn deprecated x");
        assert_eq!(text("Nov  4 12:40:55 "), "");
        assert_eq!(text("Nov  4 12:40:55 web1 kernel: Out of memory: x"), "Out of memory: x");
        assert_eq!(text("[ 9042.118011] Out of memory: x"), "Out of memory: x");
        assert_eq!(text("14:23:30.406 | Failed: x"), "Failed: x");
        assert_eq!(text("[9:18:34 a.m.]  WARN  x"), "WARN  x");
        assert_eq!(text("│ error during build:"), "error during build:");
        assert_eq!(text("   │  Error: x"), "Error: x");
        assert_eq!(text("  │ Deprecation Warning on line 0, column 8"), "Deprecation Warning on line 0, column 8");
        assert_eq!(text("   │ @include error;"), "│ @include error;");
    }

    #[test]
    fn names_of_processes_are_cut() {
        assert_eq!(text("▲ npm WARN deprecated x"), "npm WARN deprecated x");
        assert_eq!(text("0|web      | rake aborted!"), "rake aborted!");
        assert_eq!(text("web_1  |"), "");
        assert_eq!(text("Nov  4 12:40:55 PWA ERROR: x"), "PWA ERROR: x");
        assert_eq!(
            [&b"#12 3.4 x"[..], b"#9999 x", b"#10000 x"].map(|line| strip(line).step),
            [Some(12), Some(9999), None]
        );
    }

    #[test]
    fn a_loggers_word_before_a_bar_says_how_grave_the_line_is() {
        for (line, marked) in [
            ("ERROR    | x", true),
            ("warning | x", true),
            ("failed | x", true),
            ("INFO     | x", false),
            ("error-pages | x", false),
            ("web_1 | error | x", true),
        ] {
            let stripped = strip(line.as_bytes());
            assert_eq!((stripped.text, stripped.marked), (&b"x"[..], marked), "{line}");
        }
    }

    #[test]
    fn what_kubectl_logs_with_prefixes_is_cut() {
        assert_eq!(text("[pod/precompile-x7k2d/web] rake aborted!"), "rake aborted!");
        assert_eq!(text("[pod/precompile-x7k2d/web] "), "");
    }

    #[test]
    fn an_empty_line_of_a_step_is_empty() {
        assert_eq!(text("build\tRun assets\t2023-08-02T13:25:07.12Z"), "");
    }

    #[test]
    fn a_byte_order_mark_behind_a_prefix_is_cut() {
        assert_eq!(text("10:22:31 \u{feff}rake aborted!"), "rake aborted!");
        assert_eq!(text("  \u{feff}rake aborted!"), "rake aborted!");
    }

    #[test]
    fn names_of_commands_are_cut() {
        assert_eq!(text("[1] 22:12:12 [vite] Internal server error: x"), "Internal server error: x");
        assert_eq!(text("[1] /srv/x.ts:2:7: ERROR: x"), "/srv/x.ts:2:7: ERROR: x");
        assert_eq!(text("[element-js] ERROR in ./x.scss"), "ERROR in ./x.scss");
        assert_eq!(text("[web] npm ERR! code 1"), "npm ERR! code 1");
        assert_eq!(text("WARN asset size limit: The following asset(s)"), "asset size limit: The following asset(s)");
        assert_eq!(text("WARN   main.js (2.73 MiB)"), "main.js (2.73 MiB)");
    }

    #[test]
    fn what_a_logger_calls_information_is_known_as_such() {
        assert!(strip(b"I, [2026-11-22T21:50:45.858067 #20302]  INFO -- : x").informs);
        assert!(!strip(b"E, [2026-11-22T21:50:45.858067 #20302] ERROR -- : x").informs);
    }

    #[test]
    fn the_words_of_the_line_stay() {
        for line in [
            "12 | @import \"a\";",
            "12 │ @import \"a\";",
            "37.95 kB",
            "[0] ./app/x.js 834 bytes {0} [built]",
            "[12] multi ./app/x 28 bytes {0} [built]",
            "> vite build",
            "> NODE_ENV=production webpack",
            "> site@1.0.0 build",
            "> error-page build",
            "> [ -d node_modules ] || (echo \"error: run yarn first\" && exit 1)",
            "> (test -d x || echo missing files) && vite build",
            "ERROR in ./x.scss",
            "Error: a: b",
            "[plugin vite:css] /srv/x.scss",
            "[postcss] Warning: x",
            "[postcss] (12:3) Unexpected }",
            "WARN theme.css",
            "▲ [WARNING] x",
            "▲ theme dusk is missing",
            "0 | @import",
            "WARN  main.css could not be written",
            "WARN   theme (dusk) is missing",
        ] {
            assert_eq!(text(line), line);
        }
    }
}
