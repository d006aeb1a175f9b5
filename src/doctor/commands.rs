//! The commands that mend what was found, to be copied as they are: with the options that say which site is meant.

use std::path::Path;

/// Writes commands for one site.
#[derive(Debug, Clone, Default)]
pub struct Commands {
    options: String,
    root: String,
    restart: Option<String>,
}

impl Commands {
    /// For the live tree at `root`; `live` and `state` are what was typed, and have to be typed again. `restart` is the
    /// site's own restart command, if one is configured.
    #[must_use]
    pub fn new(root: &Path, live: Option<&Path>, state: Option<&Path>, restart: Option<String>) -> Self {
        let option = |name: &str, value: Option<&Path>| value.map(|value| format!(" --{name} {}", quoted(value)));
        let options = [option("live", live.map(|_| root)), option("state", state)];
        Self { options: options.into_iter().flatten().collect(), root: quoted(root), restart }
    }

    /// `themegate WORDS`, for this site.
    #[must_use]
    pub fn themegate(&self, words: &str) -> String {
        format!("themegate {words}{}", self.options)
    }

    /// `themegate rollback-theme WORDS`, which knows `--live` alone.
    #[must_use]
    pub fn rollback_theme(&self, words: &str) -> String {
        let live = if self.options.contains(" --live ") { format!(" --live {}", self.root) } else { String::new() };
        format!("themegate rollback-theme {words}{live}")
    }

    /// What makes Mastodon read registry and manifests anew.
    #[must_use]
    pub fn restart(&self) -> String {
        self.restart.clone().unwrap_or_else(|| "systemctl restart mastodon-web mastodon-sidekiq".to_owned())
    }

    /// Compile in a stage and make that live.
    #[must_use]
    pub fn compile(&self) -> [String; 2] {
        [self.themegate("check"), self.themegate("promote --run RUN") + "   # the run that the check names"]
    }

    /// The live tree, as a word for the shell.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// A path of the live tree, from wherever it is typed.
    #[must_use]
    pub fn path(&self, relative: &Path) -> String {
        format!("{}/{}", self.root, quoted(relative))
    }
}

/// A word for the shell.
#[must_use]
pub(super) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,@%:".contains(&byte);
    if !text.is_empty() && !text.starts_with('-') && text.bytes().all(harmless) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_to_name_the_site_is_typed_again() {
        let root = Path::new("/home/m/live");
        let plain = Commands::new(root, None, None, None);
        assert_eq!(plain.themegate("recover"), "themegate recover");
        let named = Commands::new(root, Some(Path::new(".")), Some(Path::new("/s t")), None);
        assert_eq!(named.themegate("recover"), "themegate recover --live /home/m/live --state '/s t'");
        assert_eq!(named.rollback_theme("--site"), "themegate rollback-theme --site --live /home/m/live");
    }

    #[test]
    fn a_name_that_the_shell_would_read_is_quoted() {
        assert_eq!(quoted(Path::new("a'b; rm -rf x")), r"'a'\''b; rm -rf x'");
        assert_eq!(quoted(Path::new("-rf")), "'-rf'");
    }
}
