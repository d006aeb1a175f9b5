//! The site's own variables, from `.env.production` and its companions: which of them a build may see, and which are secret.
//!
//! Values are never shown: not in `Debug`, not in findings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::dotenv::{self, Outer};
use crate::finding::Finding;

/// The files that dotenv-rails reads in production; in the first that names a variable it counts.
const FILES: &[&str] = &[".env.production.local", ".env.local", ".env.production", ".env"];

/// Variables that shape what is compiled and hold no secret.
///
/// Domains, language and asset host are written into `500.html` and the asset addresses; the source addresses and version
/// suffixes into its footer; the others are options of the tools. Storage, mail and login settings (`S3_*`, `SMTP_*`, `LDAP_*`)
/// stay out: they reach response headers at most, and their names lie next to keys.
const HARMLESS: &[&str] = &[
    "ALTERNATE_DOMAINS",
    "CDN_HOST",
    "DEFAULT_LOCALE",
    "GITHUB_REPOSITORY",
    "LOCAL_DOMAIN",
    "LOCAL_HTTPS",
    "MASTODON_VERSION_METADATA",
    "MASTODON_VERSION_PRERELEASE",
    "MASTODON_VERSION_SUFFIX",
    "NODE_OPTIONS",
    "RAILS_RELATIVE_URL_ROOT",
    "RAILS_SERVE_STATIC_FILES",
    "SINGLE_USER_MODE",
    "SOURCE_BASE_URL",
    "SOURCE_COMMIT",
    "SOURCE_TAG",
    "UV_THREADPOOL_SIZE",
    "WEB_DOMAIN",
];

/// The variables of a site.
#[derive(Default, Clone)]
pub struct SiteEnvironment {
    variables: BTreeMap<String, String>,
    /// Their values are the output of commands, which nobody runs here.
    commands: BTreeSet<String>,
    findings: Vec<Finding>,
}

impl SiteEnvironment {
    /// Reads the site's files. One that is missing is fine; one that cannot be read is a finding.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let mut site = Self::default();
        for name in FILES {
            match fs::read(root.join(name)) {
                Ok(text) => site.take_in(name, &String::from_utf8_lossy(&text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => site.findings.push(unreadable(name, &error)),
            }
        }
        site
    }

    fn take_in(&mut self, file: &str, text: &str) {
        let parsed = dotenv::parse(text, &|name| self.set_before(name));
        let fresh = |name: &String| !self.variables.contains_key(name) && !self.commands.contains(name);
        let commands: Vec<String> = parsed.commands.into_iter().filter(fresh).collect();
        if !commands.is_empty() {
            self.findings.push(from_commands(file, &commands));
        }
        for (name, value) in parsed.variables {
            if !self.commands.contains(&name) {
                self.variables.entry(name).or_insert(value);
            }
        }
        self.commands.extend(commands);
        if parsed.has_other_lines {
            self.findings.push(unparsable(file));
        }
    }

    /// What stands before a file: this process's own variables, then the files that come first.
    fn set_before(&self, name: &str) -> Outer {
        match std::env::var(name).ok().or_else(|| self.variables.get(name).cloned()) {
            Some(value) => Outer::Set(value),
            None if self.commands.contains(name) => Outer::Command,
            None => Outer::Unset,
        }
    }

    /// Variables that a build may see.
    pub fn harmless(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, value)| HARMLESS.contains(name) && !has_credentials(value))
    }

    /// Any variable, for those who need it themselves: the database's password, say. Never to be shown or passed on.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Files that could not be read, without their content.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl fmt::Debug for SiteEnvironment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SiteEnvironment").field("names", &self.variables.keys()).finish_non_exhaustive()
    }
}

/// True for an address with a user or a password in it.
#[must_use]
pub fn has_credentials(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| rest.split(['/', ' ', '?']).next().is_some_and(|host| host.contains('@')))
}

fn unreadable(name: &str, error: &io::Error) -> Finding {
    Finding::review("site-environment-unreadable", format!("{name} of the live tree cannot be read: {error}."))
        .at(PathBuf::from(name))
        .meaning("The staged build does not know the site's domain and asset host, so its error page may differ from the live one.")
        .help("Run themegate as the user that owns the live tree (often `mastodon`).")
}

fn unparsable(name: &str) -> Finding {
    Finding::benign("site-environment-line", format!("A line of {name} is no assignment, and was passed over."))
        .at(PathBuf::from(name))
}

fn from_commands(file: &str, names: &[String]) -> Finding {
    let names = names.join(", ");
    Finding::benign(
        "site-environment-command",
        format!(
            "{names} in {file} comes from a command, which themegate does not run. If it is needed here, put its value into \
             the environment: {names}=... themegate ..."
        ),
    )
    .at(PathBuf::from(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &str)]) -> SiteEnvironment {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        SiteEnvironment::read(folder.path())
    }

    #[test]
    fn a_site_without_files_has_no_variables_and_no_finding() {
        let site = site(&[]);
        assert_eq!(site.harmless().count(), 0);
        assert!(site.findings().is_empty());
    }

    #[test]
    fn only_harmless_variables_are_handed_on() {
        let site = site(&[(
            ".env.production",
            "LOCAL_DOMAIN=a.example\nDB_PASS='se$cret'\nOTP_SECRET=x\nCDN_HOST=https://u:p@cdn.example\n",
        )]);
        assert_eq!(site.harmless().collect::<Vec<_>>(), [("LOCAL_DOMAIN", "a.example")]);
        assert_eq!(site.secret("DB_PASS"), Some("se$cret"));
    }

    #[test]
    fn the_first_file_counts_and_a_lenient_line_stops_nothing() {
        let site = site(&[
            (
                ".env.production",
                "SMTP_FROM_ADDRESS=Mastodon <m@a.example>\n# note\nLOCAL_DOMAIN=a.example\nexport WEB_DOMAIN=w.example\n",
            ),
            (".env.production.local", "LOCAL_DOMAIN=b.example\n"),
        ]);
        assert_eq!(site.harmless().collect::<Vec<_>>(), [("LOCAL_DOMAIN", "b.example"), ("WEB_DOMAIN", "w.example")]);
        assert_eq!(site.secret("SMTP_FROM_ADDRESS"), Some("Mastodon <m@a.example>"));
    }

    #[test]
    fn the_last_line_of_a_file_counts() {
        let site = site(&[(".env.production", "DB_HOST=/old\nDB_HOST=/new\n"), (".env", "DB_HOST=/other\n")]);
        assert_eq!(site.secret("DB_HOST"), Some("/new"));
    }

    #[test]
    fn the_value_of_a_command_is_unknown_and_no_later_file_stands_in_for_it() {
        let marker = tempfile::tempdir().unwrap().path().join("ran");
        let first = format!("DB_PASS=$(touch {})\nDB_USER=${{DB_PASS}}x\nDB_HOST=/run\n", marker.display());
        let site = site(&[(".env.production", &first), (".env", "DB_PASS=old\nDB_NAME=${DB_HOST}/n\n")]);
        assert!(!marker.exists());
        assert_eq!((site.secret("DB_PASS"), site.secret("DB_USER")), (None, None));
        assert_eq!(site.secret("DB_NAME"), Some("/run/n"));
        assert_eq!(site.findings()[0].id, "site-environment-command");
        assert!(site.findings()[0].message.starts_with("DB_PASS, DB_USER in .env.production"));
    }

    #[test]
    fn no_value_is_ever_shown() {
        let site = site(&[(".env.production", "DB_PASS=hunter2\nhunter3 no assignment\n")]);
        let shown = format!("{site:?} {:?}", site.findings());
        assert!(!shown.contains("hunter") && shown.contains("DB_PASS"), "{shown}");
        assert_eq!(site.findings().len(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_finding() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".env.production")).unwrap();
        let site = SiteEnvironment::read(folder.path());
        assert_eq!(site.findings()[0].id, "site-environment-unreadable");
    }
}
