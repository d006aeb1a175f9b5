//! Reads the version out of `lib/mastodon/version.rb`.
//!
//! It serves the report and a few choices of wording. What a site can do is probed from its files, never derived from this.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Mastodon version, as its own source states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct MastodonVersion {
    /// 4 in 4.1.6.
    pub major: u32,
    /// 1 in 4.1.6.
    pub minor: u32,
    /// 6 in 4.1.6.
    pub patch: u32,
}

impl fmt::Display for MastodonVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The version of the tree at `root`, or `None` where the file is absent or has another shape.
#[must_use]
pub fn read(root: &Path) -> Option<MastodonVersion> {
    parse(&fs::read_to_string(root.join("lib/mastodon/version.rb")).ok()?)
}

/// `lib/mastodon/version.rb` has had `def major`, a line with the number and `end` since 2017 (read: 3.5.3 to 4.6.5).
fn parse(source: &str) -> Option<MastodonVersion> {
    static PART: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?-u)def\s+(major|minor|patch)\s*(?:=|;|\n)\s*(\d+)")
            .expect("the pattern is a constant and compiles")
    });
    let mut parts = [None; 3];
    for found in PART.captures_iter(source) {
        let place = match &found[1] {
            "major" => 0,
            "minor" => 1,
            _ => 2,
        };
        parts[place] = found[2].parse().ok();
    }
    let [major, minor, patch] = parts;
    Some(MastodonVersion { major: major?, minor: minor?, patch: patch? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_file_of_the_usual_shape_is_read() {
        let source = "module Mastodon\n  module Version\n    module_function\n\n    def major\n      4\n    end\n\n    \
                      def minor\n      1\n    end\n\n    def patch\n      6\n    end\n\n    def flags\n      ''\n    end\n";
        assert_eq!(parse(source).unwrap().to_string(), "4.1.6");
    }

    #[test]
    fn another_shape_is_unknown_rather_than_guessed() {
        assert_eq!(parse("VERSION = '4.1.6'"), None);
    }
}
