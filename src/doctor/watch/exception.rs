//! Tells a real exception for a missing theme from everything else that a log may hold. Pure.
//!
//! The shapes are those of Rails (actionpack, `ActionDispatch::DebugExceptions#log_error`, 6.1 to 8.1) with Mastodon's
//! formatter and its tag, the request's id; of webpacker 5.4 (`Manifest#missing_file_from_manifest_error`), of Ruby's
//! `Hash#fetch` and of vite_ruby 3.10. A line has to be one of them from its first byte to its last: what people send in
//! addresses, parameters or names never stands alone on a line. Even so a line is a reason to look, and no proof.

use std::sync::LazyLock;

use regex::Regex;

/// What a page asked for and did not find.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Missing {
    /// A theme; on glitch-soc `FLAVOUR/SKIN`.
    Theme(String),
    /// The stylesheet of a theme, by its source below the sources' folder.
    Source(String),
}

/// A name as a theme may have it.
const NAME: &str = r"[A-Za-z0-9_][A-Za-z0-9_.@+ -]*";

/// The formatter's prefix, if the message begins on its line, and the request's id. Rails strips a request id of all but
/// word characters, `-` and `@` (`ActionDispatch::RequestId`).
const START: &str =
    r"^(?:[EF], \[[0-9T:.-]+ #[0-9]+\] +(?:ERROR|FATAL) -- : )?(?:\[[A-Za-z0-9_@-]+\] )*(?:Information for: )?";

fn pattern(classes: &str, message: &str) -> Regex {
    let whole = format!(r"{START}(?:{classes}) \({}$", message.replace("NAME", NAME));
    Regex::new(&whole).expect("the pattern is made of constants and compiles")
}

static WEBPACKER: LazyLock<Regex> = LazyLock::new(|| {
    let classes = r"ActionView::Template::Error|Webpacker::Manifest::MissingEntryError";
    pattern(
        classes,
        r"Webpacker can't find ((?:skins/NAME/|flavours/NAME/)?(?:NAME/)?NAME)\.css in /[^\x00-\x1f]+/manifest\.json\. Possible causes:",
    )
});

static LOOKUP: LazyLock<Regex> = LazyLock::new(|| {
    pattern("ActionView::Template::Error|KeyError", r#"key not found: "(?:themes/(NAME)|skins/(NAME/NAME))"(?:\):)?"#)
});

static ENTRY: LazyLock<Regex> = LazyLock::new(|| {
    let classes = "ActionView::Template::Error|[A-Z][A-Za-z:]+Error";
    pattern(classes, r"Failed to find entry '(?:themes/(NAME)|skins/(NAME/NAME))' in manifest files\):")
});

static SOURCE: LazyLock<Regex> = LazyLock::new(|| {
    let classes = "ActionView::Template::Error|ViteRuby::MissingEntrypointError";
    pattern(classes, r"Vite Ruby can't find ([A-Za-z0-9_./@-]+\.s?css) in the manifests\.")
});

/// What a line says was missing, if it is the line of an exception that says so.
pub(crate) fn read(line: &str) -> Option<Missing> {
    let either = |found: regex::Captures<'_>| {
        found.get(1).or_else(|| found.get(2)).map(|name| Missing::Theme(name.as_str().to_owned()))
    };
    if let Some(found) = WEBPACKER.captures(line) {
        return Some(Missing::Theme(of_pack(&found[1])));
    }
    if let Some(found) = LOOKUP.captures(line).or_else(|| ENTRY.captures(line)) {
        return either(found);
    }
    SOURCE.captures(line).map(|found| Missing::Source(found[1].to_owned()))
}

/// `skins/glitch/dusk/common` as `glitch/dusk`, `flavours/glitch/common` as `glitch/default`.
fn of_pack(pack: &str) -> String {
    match pack.split('/').collect::<Vec<_>>().as_slice() {
        ["skins", flavour, skin, ..] => format!("{flavour}/{skin}"),
        ["flavours", flavour, ..] => format!("{flavour}/default"),
        _ => pack.to_owned(),
    }
}

/// When a line was written, as the log says: `2026-11-24T03:30:13`.
pub(crate) fn written(line: &str) -> Option<&str> {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[DIWEF], \[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+ #\d+\]")
            .expect("the pattern is a constant and compiles")
    });
    TIME.captures(line).and_then(|found| found.get(1)).map(|time| time.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn theme(line: &str) -> Option<String> {
        match read(line)? {
            Missing::Theme(name) | Missing::Source(name) => Some(name),
        }
    }

    #[test]
    fn real_lines_of_each_generation_are_known() {
        // From Mastodon's and glitch-soc's issues, and from Rails 6.1 with Mastodon's formatter.
        let webpacker = "[9011ba6e-2818-428c-91cb-f255aec50f3f] ActionView::Template::Error (Webpacker can't find dusk.css in /home/mastodon/live/public/packs/manifest.json. Possible causes:";
        let on_one_line = "F, [2021-01-15T20:44:28.594955 #8433] FATAL -- : [9db90437-11d3-4c0b-a373-6af670f5aaa5] ActionView::Template::Error (Webpacker can't find dusk.css in /srv/live/public/packs/manifest.json. Possible causes:";
        let glitch = "Information for: ActionView::Template::Error (Webpacker can't find skins/vanilla/cherry.css in /home/mastodon/live/public/packs/manifest.json. Possible causes:";
        let skin = "ActionView::Template::Error (Webpacker can't find skins/glitch/dusk/common.css in /l/public/packs/manifest.json. Possible causes:";
        let vite = "[f93dbcb44980b077d23fead9adb2f49b] ActionView::Template::Error (Vite Ruby can't find styles/dusk.scss in the manifests.";
        assert_eq!(theme(webpacker).as_deref(), Some("dusk"));
        assert_eq!(theme(on_one_line).as_deref(), Some("dusk"));
        assert_eq!(theme(glitch).as_deref(), Some("vanilla/cherry"));
        assert_eq!(theme(skin).as_deref(), Some("glitch/dusk"));
        assert_eq!(read(vite), Some(Missing::Source("styles/dusk.scss".to_owned())));
        for end in ["", "):"] {
            let lookup = format!("ActionView::Template::Error (key not found: \"themes/dusk\"{end}");
            assert_eq!(theme(&lookup).as_deref(), Some("dusk"), "{lookup}");
        }
        let entry = "[1496e104] ActionView::Template::Error (Failed to find entry 'themes/dusk' in manifest files):";
        assert_eq!(theme(entry).as_deref(), Some("dusk"));
    }

    #[test]
    fn what_people_can_send_is_no_exception() {
        let real = "ActionView::Template::Error (key not found: \"themes/dusk\"):";
        for line in [
            format!("I, [2026-11-24T03:30:13.606874 #1]  INFO -- : [ab] Started GET \"/?q={real}\" for 1.2.3.4"),
            format!("[ab] method=GET path=/ status=500 error='{real}'"),
            format!("  Parameters: {{\"q\"=>\"{real}\"}}"),
            format!(" {real}"),
            format!("{real} and more"),
            format!("\u{1b}[31m{real}"),
            format!("[a b] {real}"),
            "ActionView::Template::Error (key not found: \"themes/../../etc\"):".to_owned(),
            "ActionView::Template::Error (key not found: \"themes/\u{1b}]0;x\u{7}\"):".to_owned(),
            "GET /?q=key not found: \"themes/dusk\"".to_owned(),
            "key not found: \"themes/dusk\"".to_owned(),
            "ActionView::Template::Error (Webpacker can't find dusk.css in a comment. Possible causes:".to_owned(),
            "Information for cause: KeyError (key not found: \"themes/dusk\"):".to_owned(),
        ] {
            assert_eq!(read(&line), None, "{line}");
        }
    }

    #[test]
    fn the_time_of_a_line_is_its_own() {
        assert_eq!(written("F, [2026-11-24T03:30:13.747926 #30300] FATAL -- :   "), Some("2026-11-24T03:30:13"));
        assert_eq!(written("[2026-11-24T03:30:13.747926 #30300]"), None);
    }
}
