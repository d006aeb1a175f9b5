//! Whether a theme's stylesheets reach for files outside of `app/javascript`. Pure.
//!
//! A bundler copies whatever a `url()` names into the public output: `url('../../../../live/.env.production')` would publish
//! the site's secrets.

use std::path::{Component, Path};
use std::sync::LazyLock;

use regex::Regex;

use crate::finding::Finding;

/// What of a stylesheet at `to` (relative to the live tree) reaches outside of the sources.
pub fn outside(to: &Path, text: &str) -> Option<Finding> {
    static PATHS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?:["'(\s]|^)((?:[~@]/?)?[\w./#{}$-]*\.\./[^"')\s;]*|file:[^"')\s;]*|/(?:etc|proc|sys|dev|home|root|var|srv|opt|run|tmp)/[^"')\s;]*)"#)
            .expect("the pattern is a constant and compiles")
    });
    let below = to.parent()?.strip_prefix("app/javascript").ok()?.components().count();
    for (index, line) in text.lines().enumerate() {
        for found in PATHS.captures_iter(line) {
            let path = &found[1];
            if !path.starts_with("../")
                && !path.contains("/../")
                && !path.starts_with('/')
                && !path.starts_with("file:")
            {
                continue;
            }
            if path.starts_with('/') || path.starts_with("file:") || climbs(path) > below {
                return Some(finding(to, index as u64 + 1, line, path));
            }
        }
    }
    None
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
}
