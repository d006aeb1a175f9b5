//! Whether a theme's stylesheets reach for files outside of `app/javascript`. Pure.
//!
//! A bundler copies whatever a `url()` names into the public output: `url('../../../../live/.env.production')` would publish
//! the site's secrets.

use std::path::{Component, Path};

use regex::Captures;

use super::together::Together;
use crate::finding::Finding;
use crate::stylesheet::percent_decoded;

/// What of a stylesheet at `to` (relative to the live tree) reaches outside of the sources.
pub fn outside(to: &Path, text: &str) -> Option<Finding> {
    pattern!(
        PATHS,
        r#"(?:["'(\s]|^)((?:[~@]/?)?[^"'()\s;,:]*\.\./[^"')\s;]*|file:[^"')\s;]*|/(?:etc|proc|sys|dev|home|root|var|srv|opt|run|tmp|usr|mnt|boot|bin|sbin|lib|lib64|nix)/[^"')\s;]*)"#
    );
    let below = to.parent()?.strip_prefix("app/javascript").ok()?.components().count();
    let has_line_comments = to.extension().is_none_or(|ending| ending != "css");
    let bare = joined(&without_comments(text, has_line_comments));
    let together = Together::of(&bare);
    if let Some((index, path)) = together.addresses.iter().find(|(_, path)| climbs(path) > below) {
        return Some(finding(to, *index as u64 + 1, text.lines().nth(*index).unwrap_or_default(), path));
    }
    if let Some(index) = computed(&bare).filter(|_| !together.is_all) {
        return Some(finding(to, index as u64 + 1, text.lines().nth(index).unwrap_or_default(), ".. in parts"));
    }
    for (index, (line, shown)) in bare.lines().zip(text.lines()).enumerate() {
        let line = percent_decoded(&unescaped(&plain(line)));
        for found in PATHS.captures_iter(&line).filter_map(|found| found.get(1)) {
            let path = found.as_str();
            if !path.starts_with("../")
                && !path.contains("/../")
                && !path.starts_with('/')
                && !path.starts_with("file:")
            {
                continue;
            }
            let leads_out = path.starts_with('/') || path.starts_with("file:") || climbs(path) > below;
            if leads_out && !is_text_only(&line[..found.start()]) {
                return Some(finding(to, index as u64 + 1, shown, path));
            }
        }
    }
    None
}

/// `text` with what a backslash at a line's end continues on one line; the lines after it keep their numbers.
fn joined(text: &str) -> String {
    let text = text.replace("\\\r\n", "\\\n").replace("\\\r", "").replace("\\\u{c}", "");
    let mut result = String::with_capacity(text.len());
    let mut owed = 0;
    for line in text.lines() {
        match line.strip_suffix('\\') {
            Some(begun) => {
                result.push_str(begun);
                owed += 1;
            }
            None => {
                result.push_str(line);
                (0..=owed).for_each(|_| result.push('\n'));
                owed = 0;
            }
        }
    }
    result
}

/// Sass puts a text in `#{'…'}` where it stands.
fn plain(line: &str) -> String {
    pattern!(TEXT, r#"#\{\s*["']([^"'{}]*)["']\s*\}"#);
    TEXT.replace_all(line, "$1").into_owned()
}

/// The line, counted from nought, of a lone `'..'` in a sheet that puts addresses together.
fn computed(bare: &str) -> Option<usize> {
    pattern!(DOTS, r#"(?:@(?:import|use|forward)\s*)?["'](?:[^"'\n]*/)?\.\.["']"#);
    pattern!(ADDRESS, r"(?i)(?:url|image-set)\([^)]*(?:#\{|\$|\+)|@(?:import|use|forward)[^;]*#\{");
    let decoded: Vec<String> = bare.lines().map(|line| percent_decoded(&unescaped(line))).collect();
    let lone = |line: &String| {
        let mut found = DOTS.find_iter(line);
        found.any(|found| !found.as_str().starts_with('@') && !is_text_only(&line[..=found.start()]))
    };
    decoded.iter().position(lone).filter(|_| ADDRESS.is_match(bare))
}

/// Whether what follows `before` is a text that nobody loads: the value of an attribute selector, or one of `content:`.
pub(super) fn is_text_only(before: &str) -> bool {
    pattern!(
        TEXT,
        r#"(?:=\s*|(?:^|[;{}])\s*(?:content|quotes)\s*:(?:[^;{}()"']|"[^"\n]*"|'[^'\n]*'|(?:if|attr|counters?)\(|\))*)["']$"#
    );
    TEXT.is_match(before)
}

/// `text` with its comments made blank, line by line where they were. An address without quotes may hold what looks like a
/// comment, and stays.
pub(super) fn without_comments(text: &str, has_line_comments: bool) -> String {
    pattern!(
        PARTS,
        r#"(?s)\\[\\"']|(?i:url)\(\s*[^"'\s)][^)\n]*|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|/\*.*?(?:\*/|$)|//[^\n]*"#
    );
    let blank = |comment: &str| comment.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }).collect();
    let part = |found: &Captures<'_>| match &found[0] {
        comment if comment.starts_with("/*") => blank(comment),
        comment if comment.starts_with("//") && has_line_comments => blank(comment),
        other => other.to_owned(),
    };
    PARTS.replace_all(text, part).into_owned()
}

/// A line with its CSS escapes resolved (`\2e` is a dot), as the bundler reads it.
pub(super) fn unescaped(line: &str) -> String {
    pattern!(ESCAPE, r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))");
    let letter = |found: &Captures<'_>| match (found.get(1), found.get(2)) {
        (Some(code), _) => {
            u32::from_str_radix(code.as_str(), 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}').to_string()
        }
        (None, Some(letter)) => letter.as_str().to_owned(),
        (None, None) => String::new(),
    };
    ESCAPE.replace_all(line, letter).into_owned()
}

/// How many folders a relative path climbs above where it begins, at its highest point.
fn climbs(path: &str) -> usize {
    let (mut height, mut highest) = (0_i64, 0_i64);
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => height += 1,
            Component::Normal(_) => height -= 1,
            _ => {}
        }
        highest = highest.max(height);
    }
    usize::try_from(highest).unwrap_or(0)
}

fn finding(to: &Path, line: u64, text: &str, path: &str) -> Finding {
    Finding::fatal("change-reaches-outside", format!("{} reaches for {path}, outside of app/javascript.", to.display()))
        .at_line(to, line, text.trim())
        .meaning("The compile copies what a stylesheet names into the public output: whatever this is, everybody could read it.")
        .help("Put the file into the theme and name it there. If you do not know why it is in there, do not trust this theme.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaches(to: &str, text: &str) -> bool {
        outside(Path::new(to), text).is_some()
    }

    #[test]
    fn a_path_that_climbs_out_of_the_sources_is_seen() {
        assert!(reaches("app/javascript/styles/x.scss", ".a{b:url('../../../config/database.yml')}"));
        assert!(reaches("app/javascript/styles/x.scss", ".a{b:url(images/../../../../live/.env.production)}"));
        assert!(reaches("app/javascript/styles/x/_y.scss", "@use \"../../../lib/x\";"));
        assert!(reaches("app/javascript/styles/x.scss", ".a{b:url(/etc/passwd)}"));
        assert!(reaches("app/javascript/styles/x.scss", ".a{b:url(\"file:///etc/passwd\")}"));
    }

    #[test]
    fn a_theme_among_its_own_files_reaches_nowhere() {
        for text in [
            ".a{b:url('../images/x.png')}",
            "@use '../fonts/y';",
            ".a{c:url(/oops.png)}",
            "/* see ../README */ .b{c:d}",
            ".a{b:url(/packs/x.css)}",
        ] {
            assert!(!reaches("app/javascript/styles/x.scss", text), "{text}");
        }
        assert!(!reaches("app/javascript/styles/x/_y.scss", ".a{b:url('../../images/x.png')}"));
    }

    #[test]
    fn a_path_in_escapes_is_seen_and_so_is_every_folder_of_the_server() {
        for text in [
            r".a{b:url('\2e\2e/\2e\2e/\2e\2e/config/credentials.yml.enc')}",
            r".a{b:url('\00002e \2e /../../config/x.bin')}",
            ".a{b:url('%2e%2e/%2e%2e/%2e%2e/Gemfile')}",
            ".a{b:url(/usr/share/pixmaps/x.png)}",
            ".a{b:url(a/*/../../../../Gemfile)}",
            "$content: '../../../Gemfile'; .a{b:url($content)}",
            ".a{content:url('../../../Gemfile')}",
            ".a{b:url(http://x.example/y)} .c{d:url('../../../Gemfile')}",
            "/* it's */ .a{b:url('../../../Gemfile')}",
            ".a{b:url(\"..\\\n/..\\\n/../Gemfile\")}",
            ".a{b:url(\"#{'..'}/#{'..'}/#{'..'}/Gemfile\")}",
            "$up: '..'; .a{b:url('#{$up}/#{$up}/#{$up}/Gemfile')}",
            "$up: '..'; .a{b:url($up + '/' + $up + '/' + $up + '/Gemfile')}",
            "$d: '.'; .a{b:url('#{$d}#{$d}/#{$d}#{$d}/#{$d}#{$d}/Gemfile')}",
            "$d: '.'; .a{b:url('#{$d}/#{$d}/#{$d}/../../../Gemfile')}",
            "$up: '../'; .a{b:url($up + $up + $up + 'Gemfile')}",
            "$up: '..'; .a{b:image-set('#{$up}/#{$up}/#{$up}/Gemfile' 1x)}",
            "$m: (content: '../../../Gemfile'); .a{b:url(map-get($m, content))}",
            ".a{b:url(\"../../\\\u{c}../Gemfile\")}",
        ] {
            assert!(reaches("app/javascript/styles/x.scss", text), "{text}");
        }
        assert!(reaches("app/javascript/styles/x.css", "// no comment in CSS: url('../../../Gemfile')"));
    }

    #[test]
    fn what_nobody_loads_reaches_nowhere() {
        for text in [
            "/* file: x.scss */",
            "// file: x.scss",
            "/*\n * Copy me to /home/mastodon/live/app/javascript/styles/\n * and run from ../../../../live\n */",
            ".a::after{content:'../../../..'}",
            ".a::after{content:'..'} .b{c:url('#{$fonts}/x.woff')}",
            "$path: '../fonts'; .b{c:url('#{$path}/x.woff')}",
            "$root: '..' !default; .b{c:url('#{$root}/fonts/x.woff')} .d{e:url('data:image/svg+xml,%3Csvg%3E')}",
            ".a::after{content: attr(x) '..' \"../../../x\"; b:url('#{$fonts}/x.woff')}",
            "$quote: '..'; .b{c:url('x.png')}",
            "@use '..'; .b{c:url('#{$fonts}/x.woff')}",
            ".a[href^='/home/']{b:c}",
            "/* never closed: /etc/passwd",
        ] {
            assert!(!reaches("app/javascript/styles/x.scss", text), "{text}");
        }
    }
}
