//! The site's own variables, from `.env.production` and its companions: which of them a build may see, and which are secret.
//!
//! Values are never shown: not in `Debug`, not in findings.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
        let mut refused = 0;
        let mut own = BTreeMap::new();
        for item in dotenvy::from_read_iter(text.as_bytes()) {
            match item {
                // Within a file the last line counts, as Ruby's dotenv has it.
                Ok((name, value)) => drop(own.insert(name, value)),
                Err(_) => refused += 1,
            }
        }
        own.into_iter().for_each(|(name, value)| self.set(name, value));
        if refused > self.take_in_leniently(text, refused) {
            self.findings.push(unparsable(file));
        }
    }

    /// Ruby's dotenv is more lenient than ours: `NAME=two words` is a line that sites have. Returns how many it took in.
    fn take_in_leniently(&mut self, text: &str, refused: usize) -> usize {
        let missing = |name: &str| !self.variables.contains_key(name);
        let found: Vec<_> =
            text.lines().filter_map(leniently).filter(|(name, _)| missing(name)).take(refused).collect();
        let count = found.len();
        found.into_iter().for_each(|(name, value)| self.set(name, value));
        count
    }

    fn set(&mut self, name: String, value: String) {
        self.variables.entry(name).or_insert(value);
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

fn leniently(line: &str) -> Option<(String, String)> {
    let (name, value) = line.trim().trim_start_matches("export ").split_once('=')?;
    let plain = !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    plain.then(|| (name.to_owned(), value.trim().to_owned()))
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
