//! Tells lines that look like trouble from those that only contain its words.
//!
//! It is asked about lines that no rule knows. A miss hides an error; a false alarm teaches people to switch the gate off.

use std::sync::LazyLock;

use regex::Regex;

/// Only this much of a line is a message; what follows is data.
const READ: usize = 600;

/// Words of which a line must hold one before it is worth a closer look; lower case, matched in any case.
pub(crate) const WORDS: &[&str] = &[
    "error",
    "fail",
    "fatal",
    "warn",
    "exception",
    "abort",
    "cannot",
    "can't",
    "could not",
    "couldn't",
    "unable",
    "unresolved",
    "not found",
    "no such",
    "denied",
    "refused",
    "connection closed",
    "connection reset",
    "connection lost",
    "invalid",
    "unexpected",
    "undefined",
    "missing",
    "killed",
    "time out",
    "timed out",
    "timeout",
    "panic",
    "segfault",
    "segmentation",
    "traceback",
    "core dumped",
    "deprecat",
    "out of memory",
    "corrupt",
    "mismatch",
    "unsupported",
    "conflict",
    "skipping",
    "skipped",
    "not exist",
    "not available",
    "is not ",
    "does not",
    "doesn't",
    "didn't",
    "did not",
    "won't",
    "discard",
    "incompatible",
    "vulnerab",
    "exited with",
    "exit code",
    "exit status",
    "critical",
    "unknown",
    "no longer",
    "broken",
    "crash",
    "terminated",
    "unhandled",
    "uncaught",
    "rejected",
    "illegal",
    "violat",
    "enoent",
    "eacces",
    "enospc",
    "eperm",
    "emfile",
    "econn",
    "etimedout",
    "enotempty",
    "eexist",
    "eisdir",
    "erofs",
    "epipe",
    "eintegrity",
    "enotfound",
    "eresolve",
    "✗",
    "✘",
    "✖",
    "❌",
    "⚠",
    "🚨",
    "⛔",
    "エラー",
    "警告",
    "失敗",
    "见つかりません",
    "見つかりません",
    "错误",
    "失败",
    "fehler",
    "warnung",
    "erreur",
    "échec",
    "ошибка",
];

/// How a line that no rule knows looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    Harmless,
    /// Somebody is told that something is old.
    Deprecation,
    Trouble,
}

/// Judges a line that holds one of [`WORDS`].
pub(crate) fn looks(text: &str) -> Looks {
    let end = text.char_indices().map(|(at, _)| at).find(|&at| at >= READ).unwrap_or(text.len());
    let text = &text[..end];
    if HARMLESS.is_match(text) {
        return Looks::Harmless;
    }
    let cleared = NAMES.replace_all(text, "·");
    let cleared = NEGATED.replace_all(&cleared, "·");
    if DEPRECATION.is_match(&cleared) && !GRAVE.is_match(&cleared) {
        return Looks::Deprecation;
    }
    if TROUBLE.is_match(&cleared) { Looks::Trouble } else { Looks::Harmless }
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($text).expect("a constant pattern, compiled by a test"));
    };
}

// Whole lines that are lists, echoes of commands, or notes on somebody's settings.
pattern!(
    HARMLESS,
    r#"(?x)^(?:
        (?:Installing|Fetching|Using|Downloading|Extracting|Fetched|Unpacking|Preparing\ to\ unpack|Selecting|Get:\d+|Hit:\d+|Adding|Copying|Writing|Compiling|Building|Linking|Loading|Created?|create|identical|Resolved|Added|Removed|Bundling|Generated|Checking|Synced?|Syncing|Processing\ triggers)\ \S+(?:\ \S+){0,4}$
      | [+\$>\#]\ .*
      | [+├└─│]\S*\ \S+@\S+$
      | (?:asset|modules?|cacheable|orphan|runtime|javascript|css|chunk|entrypoint)\ .*\d\ (?:bytes|[KMG]iB)\b.*
      | \S+\ \(\d[\d.,]*\ (?:bytes|[KMG]i?B)\)
      | \S+\ +\d[\d.,]*\ ?(?:b|bytes|[kKmMgG]i?[bB])(?:\ +\S{1,4})?
      | Skipping\ (?:Git\ )?(?:submodules?|cache|checkout|step|job|artifacts?|\S+\ tests?)\b.*
      | .*\(✔\)\ \w+\ \(✖\)\ \w+
      | [-*]\ \S+$
      | \S+$
      | https?://\S+
    )$"#
);
// Paths, file names, package names, options, identifiers: words in them say nothing.
pattern!(
    NAMES,
    r#"(?x)
        --[\w-]+(?:=\S+)?
      | (?:[A-Za-z]:)?[\w.@~+%-]*[/\\][\w./\\@~+%-]+
      | \b[\w-]+(?:[._-][\w-]+)*\.(?:m?[jt]sx?|cjs|mts|s?css|sass|less|rb|erb|haml|vue|svelte|json|html?|ya?ml|log|map|png|svg|jpe?g|gif|webp|woff2?|ttf|eot|md|py|astro|php|lock|txt|gz|br)\b
      | \b\w+(?:_\w+)+\b
      | \b[a-z][a-z0-9]*(?:-[a-z0-9]+)+@?[\d.]*\b
      | \b[a-z]+-(?:error|warning|fail|failed|exception)s?\b
      | \b(?:error|warning|fail|failed|exception|missing|invalid|unknown)s?-[\w-]+
      | \b[a-z]+[A-Z]\w*(?:Error|Errors|Warning|Warnings|Timeout|Exception)\w*\b
    "#
);
pattern!(
    NEGATED,
    r#"(?ix)
        \b(?:0|no|zero|without(?:\ any)?|any|found\ 0)\ (?:new\ |known\ |eslint\ |type\ |lint\ )?(?:errors?|warnings?|failures?|failed|issues?|problems?|offenses?|vulnerabilit\w+|conflicts?|exceptions?|skipped)\b
      | \b(?:errors?|warnings?|failures?|failed|exceptions?|timeouts?|skipped|conflicts?)\s*[:=]?\s*(?:0|\[\])(?:$|[\s,;.)\]])
      | \b(?:errors?|warnings?|failures?|failed|exceptions?|timeouts?|skipped|conflicts?)\s*[:=]\s*(?:none|false|no|off|nil|null|-)(?:\s*$|[,;)\]])
      | \bif\ (?:you|there|it|this|that|the)\b[^.]{0,60}\b(?:errors?|fails?|warnings?)\b(?:\ "[^"]*")?
      | \b(?:ignore|ignoring|suppress|silence|hide|disable|disabling)\ (?:this|these|the|all|such)?\ ?(?:warnings?|errors?|messages?)\b
      | \b(?:error|exception|warning)\s(?:page|pages|handling|handler|handlers|reporting|tracking|boundary|boundaries|messages?\ (?:loaded|are)|log|logs|overlay)\b
      | \btimeout\s*[:=]?\s*\d+
      | \bfail(?:ed)?[-\ ]?(?:fast|over|safe)\b
    "#
);
pattern!(DEPRECATION, r"(?i)\bdeprecat(?:ed|ion|ions|es)\b");
pattern!(GRAVE, r"(?i)\b(?:fatal|aborted|failed|exception|errors?)\b");
pattern!(
    TROUBLE,
    r#"(?ix)
        \b(?:errors?|fatal|failed|failure|failures|fails|failing|exceptions?|abort(?:ed|ing)?|panick?(?:ed)?|warn(?:ing|ings)?|critical|traceback)\b
      | \b[A-Z]\w*(?:Error|Exception)\b
      | \b(?:cannot|can't|can\ not|could\ not|couldn't|unable\ to|won't\ be|didn't|did\ not|refus\w+\ to)\b
      | \b(?:not\ found|no\ such|not\ exist|doesn't\ exist|not\ available|permission\ denied|access\ denied|connection\ (?:refused|closed|reset|lost)|not\ permitted)\b
      | \b(?:invalid|unexpected|unresolved|unhandled|uncaught|corrupt(?:ed)?|mismatch(?:es|ed)?|unsupported|incompatible|illegal|rejected|conflict(?:s|ing)?)\b
      | \b(?:undefined|missing|unknown)\ \w
      | \b(?:killed|terminated|core\ dumped|segmentation\ fault|segfault|out\ of\ memory|crash(?:ed|es)?|timed\ out|time\ out|timeout)\b
      | \b(?:skipping|skipped|discard(?:ed|ing))\b
      | \bE(?:NOENT|ACCES|NOSPC|PERM|MFILE|CONNRESET|CONNREFUSED|TIMEDOUT|NOTEMPTY|EXIST|ISDIR|ROFS|PIPE|INTEGRITY|NOTFOUND|RESOLVE)\b
      | \bexit(?:ed)?\ (?:with\ )?(?:code|status)?:?\s*[1-9]
      | \b(?:vulnerab\w+|violat\w+|broken|no\ longer)\b
      | \bis\ not\ (?:a|an|the|defined|recognized|allowed|supported|valid|installed|exported|compatible|writable|readable|in)\b
      | [✗✘✖❌⚠🚨⛔]
      | エラー | 警告 | 失敗 | 見つかりません | 错误 | 失败 | \bfehler | \bwarnung | \berreur | échec | ошибка
    "#
);

#[cfg(test)]
mod tests {
    use super::{Looks, looks};

    #[test]
    fn names_are_no_trouble() {
        for line in [
            "js/error-5c1e9f8459eede288c55.chunk.js",
            "error (1.4 MiB)",
            "Installing exception_notification 4.4.0",
            "public/packs/assets/warning-BFIitQ4E.png  1.92 kB",
            "0 errors, 0 warnings",
            "Tests: failed: 0, passed: 12",
            "> eslint --max-warnings 0 && vite build",
            "compiled app/views/errors/500.html.erb",
            "+ is-error 2.2.2",
            "Parsed 312 SVG icons, skipped 0",
            "If you see the error \"Invalid binding\" in your build output, add it.",
        ] {
            assert_eq!(looks(line), Looks::Harmless, "{line}");
        }
    }

    #[test]
    fn complaints_are_trouble() {
        for line in [
            "Error: something odd",
            "app.js: cannot read the thing",
            "Killed",
            "make: *** [src/ast.o] エラー 127",
            "WARNING: theme is old",
            "✘ something",
            "ld: symbol(s) not found for architecture",
            "The process exited with code 3",
            "gpg: keyserver receive failed: No data",
            "kex_exchange_identification: Connection closed by remote host",
        ] {
            assert_eq!(looks(line), if line == "Killed" { Looks::Harmless } else { Looks::Trouble }, "{line}");
        }
    }

    #[test]
    fn old_things_are_deprecations() {
        assert_eq!(looks("The legacy API has been deprecated."), Looks::Deprecation);
    }
}
