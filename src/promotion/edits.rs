//! What somebody has changed in the theme registry since a check read it, line by line.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use similar::{ChangeTag, TextDiff};

use crate::site::registry;

/// What changed in the live tree's registry since it read `seen`; `None` if nothing did, or the text is not known.
pub(crate) fn of_registry(live: &Path, seen: Option<&str>) -> Option<String> {
    let now = fs::read(live.join(registry::PATH)).unwrap_or_default();
    let edits = between(seen?, &String::from_utf8_lossy(&now));
    (!edits.is_empty()).then_some(edits)
}

/// The lines that differ, each with its sign and the number it has in its own text. Pure.
#[must_use]
pub fn between(seen: &str, now: &str) -> String {
    const SHOWN: usize = 40;
    let diff = TextDiff::from_lines(seen, now);
    let changes: Vec<_> = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal).collect();
    let mut text = String::new();
    for change in changes.iter().take(SHOWN) {
        let (sign, index) = match change.tag() {
            ChangeTag::Delete => ('-', change.old_index()),
            _ => ('+', change.new_index()),
        };
        let number = index.map_or(0, |index| index + 1);
        let _ = writeln!(text, "{number:>6} {sign} {}", harmless(change.value()));
    }
    if let Some(more) = changes.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "       and {more} lines more");
    }
    text
}

/// A stranger's line for the terminal: no control character, and a line break that is not the usual one made visible.
fn harmless(line: &str) -> String {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_that_differs_is_shown_with_its_number() {
        let seen = "default: a.scss\ncontrast: b.scss\n";
        let now = "default: a.scss\ncontrast: c.scss\nmine: m\u{1b}[2J.scss\r\n";
        assert_eq!(
            between(seen, now),
            "     2 - contrast: b.scss\n     2 + contrast: c.scss\n     3 + mine: m\\u{1b}[2J.scss\\r\n"
        );
        assert_eq!(between(seen, seen), "");
    }

    #[test]
    fn a_registry_rewritten_whole_does_not_fill_the_screen() {
        let many: String = (0..100).map(|n| format!("theme{n}: styles/{n}.scss\n")).collect();
        assert!(between("", &many).ends_with("and 60 lines more\n"));
    }
}
