//! The words of the command that compiles the assets.

use std::ffi::OsString;
use std::path::Path;

/// A program and its arguments, never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    program: OsString,
    arguments: Vec<OsString>,
}

impl CommandLine {
    /// A program with its arguments.
    pub fn new(program: impl Into<OsString>, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self { program: program.into(), arguments: arguments.into_iter().map(Into::into).collect() }
    }

    /// Rails' own task, as Mastodon's documentation has it run: through bundler where the tree has a Gemfile, else by `bin/rails`.
    #[must_use]
    pub fn rails(tree: &Path) -> Self {
        if tree.join("Gemfile").exists() {
            Self::new("bundle", ["exec", "rails", "assets:precompile"])
        } else {
            Self::new("bin/rails", ["assets:precompile"])
        }
    }

    /// A line as one would type it, read by `sh`.
    #[must_use]
    pub fn shell(line: &str) -> Self {
        Self::new("sh", ["-c", line])
    }

    /// The program and its arguments in one list.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        std::iter::once(&self.program).chain(&self.arguments).cloned().collect()
    }
}

impl std::fmt::Display for CommandLine {
    /// As one would type it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let [flag, line] = &self.arguments[..]
            && self.program == "sh"
            && flag == "-c"
        {
            return formatter.write_str(&line.to_string_lossy());
        }
        let words: Vec<String> = self.words().iter().map(|word| quoted(&word.to_string_lossy())).collect();
        formatter.write_str(&words.join(" "))
    }
}

/// Quotes a word for `sh`, if it needs it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=+/.,:@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        assert_eq!(CommandLine::new("a b", ["it's", "plain"]).to_string(), r"'a b' 'it'\''s' plain");
        assert_eq!(CommandLine::shell("make packs && true").to_string(), "make packs && true");
    }
}
