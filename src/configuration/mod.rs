//! `themegate.toml`: what a site's administrator has settled once.
//!
//! Unknown keys and bad values are refused with the line shown; nothing is guessed.

mod acceptance;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::byte_size::ByteSize;
use crate::hook::HookName;
use crate::isolation::{IsolationChoice, NetworkChoice};
use crate::promotion::aftercare::Aftercare;
use crate::promotion::probe::Probe;
use crate::site::locate::settled_in;
use crate::staging::Way;

pub use acceptance::Acceptance;

/// The file's name.
pub const FILE: &str = "themegate.toml";

/// Why the configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigurationError {
    /// It cannot be read.
    #[error("{path} could not be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{path} is refused:\n{fault}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// The fault with the line shown.
        fault: String,
    },
}

/// The whole file.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// How `check` works.
    #[serde(default)]
    pub check: CheckSettings,
    /// What follows a promotion.
    #[serde(default)]
    pub promotion: PromotionSettings,
    /// What git's hooks judge.
    #[serde(default)]
    pub hook: HookSettings,
    /// Variables for the precompile, besides those that themegate sets itself.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Findings that this site accepts.
    #[serde(default)]
    pub accept: Vec<Acceptance>,
}

/// How `check` works.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckSettings {
    /// `auto`, `rails`, `builtin`, or a command line.
    pub compiler: String,
    /// How the live tree is staged.
    pub staging: Way,
    /// Whether the build is isolated.
    pub isolation: IsolationChoice,
    /// Whether the build may use the network.
    pub network: NetworkChoice,
    /// The longest a build may take.
    #[serde(deserialize_with = "duration")]
    pub time_limit: Duration,
    /// The longest a build may neither print nor compute.
    #[serde(deserialize_with = "duration")]
    pub stall_limit: Duration,
    /// The most memory that the build's processes may hold together; none for as much as there is.
    pub memory_limit: Option<ByteSize>,
    /// The most that is kept of compile caches from one check to the next.
    pub cache_limit: ByteSize,
}

impl Default for CheckSettings {
    /// A clean build of Mastodon 4.1 takes two minutes on two cores; small machines need ten times as long.
    fn default() -> Self {
        Self {
            compiler: "auto".to_owned(),
            staging: Way::Auto,
            isolation: IsolationChoice::Auto,
            network: NetworkChoice::Auto,
            time_limit: Duration::from_secs(60 * 60),
            stall_limit: Duration::from_secs(10 * 60),
            memory_limit: None,
            cache_limit: ByteSize::new(2_000_000_000),
        }
    }
}

/// What git's hooks judge.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HookSettings {
    /// Branches that are judged, a `*` at the end standing for anything. Without any: all of them before a push, and in
    /// `pre-receive` the one that the bare repository's HEAD names.
    pub branches: Vec<String>,
    /// How long a hook waits for another themegate that is at work on the site.
    #[serde(deserialize_with = "duration")]
    pub wait: Duration,
    /// Hooks that look at the stylesheets alone, as `check --fast` does; the others make the whole check.
    #[serde(deserialize_with = "crate::hook::content_with_a_look")]
    pub fast: Vec<HookName>,
}

impl Default for HookSettings {
    /// Somebody is waiting for the push to end: five minutes are a long build's worth, and then a word is better. Whoever
    /// commits waits for seconds.
    fn default() -> Self {
        Self { branches: Vec::new(), wait: Duration::from_secs(5 * 60), fast: vec![HookName::PreCommit] }
    }
}

/// What follows a promotion.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PromotionSettings {
    /// The restart command, such as `systemctl restart mastodon-web mastodon-sidekiq`; without one nothing is restarted.
    pub restart: Option<String>,
    /// The longest a restart may take.
    #[serde(deserialize_with = "duration")]
    pub restart_limit: Duration,
    /// The pages to ask for afterwards: at least two, one of the web app and one of the sign-in pages.
    #[serde(rename = "probe")]
    pub probes: Vec<Probe>,
    /// How many times in a row each has to be right.
    pub successes: u32,
    /// How long each may take to become so.
    #[serde(deserialize_with = "duration")]
    pub patience: Duration,
    /// How long compiled files of earlier promotions are kept that nothing needs any more; `None` for ever.
    #[serde(deserialize_with = "keeping")]
    pub keep_old_files: Option<Duration>,
}

impl Default for PromotionSettings {
    /// puma with its workers needs half a minute to boot on a small machine.
    fn default() -> Self {
        Self {
            restart: None,
            restart_limit: Duration::from_secs(5 * 60),
            probes: Vec::new(),
            successes: 2,
            patience: Duration::from_secs(2 * 60),
            // Pages live in caches for a week (Mastodon's nginx.conf), in tabs and service workers for longer.
            keep_old_files: Some(Duration::from_secs(90 * 24 * 60 * 60)),
        }
    }
}

impl PromotionSettings {
    /// The same, as the promotion takes it.
    #[must_use]
    pub fn aftercare(&self) -> Aftercare {
        Aftercare {
            restart: self.restart.clone(),
            restart_limit: self.restart_limit,
            probes: self.probes.clone(),
            successes: self.successes,
            patience: self.patience,
        }
    }

    fn fault(&self) -> Option<&'static str> {
        match (&self.restart, self.probes.len()) {
            (None, 1..) => {
                Some("[[promotion.probe]] needs [promotion] restart: before a restart the old pages are served")
            }
            (_, 1) => Some("one [[promotion.probe]] proves little; give two, such as /about and /auth/sign_in"),
            _ => None,
        }
    }
}

impl Configuration {
    /// Reads the file that was `named`, or the one in the live tree's root, in its parent or beside Capistrano's `current`;
    /// without any, the defaults.
    ///
    /// # Errors
    /// If a file that was named is not there, or one cannot be read or is refused.
    pub fn read(named: Option<&Path>, live: &Path) -> Result<Self, ConfigurationError> {
        if let Some(path) = named {
            return Self::parse(path, &text(path)?);
        }
        // A link that leads nowhere, or to where nobody may look, is an error to be told, not a file that is not there.
        match settled_in(live, FILE).into_iter().find(|path| path.symlink_metadata().is_ok()) {
            Some(path) => Self::parse(&path, &text(&path)?),
            None => Ok(Self::default()),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigurationError> {
        let refused = |fault: String| ConfigurationError::Refused { path: path.to_path_buf(), fault };
        let configuration: Self = toml::from_str(text).map_err(|error| refused(error.to_string()))?;
        configuration.promotion.fault().map_or(Ok(()), |fault| Err(refused(fault.to_owned())))?;
        let faults: Vec<String> = configuration.accept.iter().flat_map(Acceptance::faults).collect();
        if faults.is_empty() { Ok(configuration) } else { Err(refused(faults.join("\n"))) }
    }
}

fn text(path: &Path) -> Result<String, ConfigurationError> {
    fs::read_to_string(path).map_err(|source| ConfigurationError::Unreadable { path: path.to_path_buf(), source })
}

/// Reads `30m`, `1h 30m`, `90s`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// Reads `90d`, or `forever`.
fn keeping<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "forever" => Ok(None),
        text => parse_days(text).map(Some).map_err(serde::de::Error::custom),
    }
}

fn parse_days(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time; write 30d, 12w or \"forever\"");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    let length = Duration::try_from(length).map_err(|_| wrong())?;
    // An hour is what a deployment takes; anything less is a slip of the pen, and would take files from open pages.
    if length < Duration::from_secs(60 * 60) {
        Err(format!("{text:?} is too short; write 30d or more"))
    } else {
        Ok(length)
    }
}

/// Reads a length of time as people write it: `30m`, `1h 30m`, `90s`.
///
/// # Errors
/// If it is none, or not more than zero.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| format!("{text:?} is no length of time; write 30m, 90s or 1h 30m"))?;
    let length = Duration::try_from(span).map_err(|_| format!("{text:?} is less than nothing"))?;
    if length.is_zero() { Err(format!("{text:?} leaves no time at all")) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Configuration, String> {
        Configuration::parse(Path::new(FILE), text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let refusal = parse("[check]\ntime_limt = \"30m\"\n").unwrap_err();
        assert!(refusal.contains("time_limt") && refusal.contains("line 2"), "{refusal}");
    }

    #[test]
    fn a_file_beside_the_current_link_counts_and_one_in_the_release_comes_first() {
        let deploy = tempfile::tempdir().unwrap();
        let release = deploy.path().join("releases/20260801");
        fs::create_dir_all(&release).unwrap();
        std::os::unix::fs::symlink("releases/20260801", deploy.path().join("current")).unwrap();
        let compiler = || Configuration::read(None, &release).unwrap().check.compiler;
        assert_eq!(compiler(), "auto");
        fs::write(deploy.path().join(FILE), "[check]\ncompiler = \"rails\"\n").unwrap();
        assert_eq!(compiler(), "rails");
        fs::write(release.join(FILE), "[check]\ncompiler = \"builtin\"\n").unwrap();
        assert_eq!(compiler(), "builtin");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_no_absent_file() {
        let live = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("gone.toml", live.path().join(FILE)).unwrap();
        let refusal = Configuration::read(None, live.path()).unwrap_err().to_string();
        assert!(refusal.contains("could not be read"), "{refusal}");
    }

    #[test]
    fn a_length_of_time_is_read_as_people_write_it() {
        assert_eq!(parse("[check]\ntime_limit = \"1h 30m\"\n").unwrap().check.time_limit, Duration::from_secs(5400));
        assert!(parse("[check]\ntime_limit = \"soon\"\n").unwrap_err().contains("30m"));
        assert!(parse("[check]\nstall_limit = \"0s\"\n").is_err());
    }

    #[test]
    fn a_hook_by_which_something_goes_live_cannot_be_content_with_a_look() {
        let fast = |hooks: &str| parse(&format!("[hook]\nfast = [{hooks}]\n"));
        assert_eq!(parse("").unwrap().hook.fast, [HookName::PreCommit]);
        assert_eq!(fast("").unwrap().hook.fast, []);
        assert_eq!(fast("\"pre-push\"").unwrap().hook.fast, [HookName::PrePush]);
        let refusal = fast("\"pre-commit\", \"pre-receive\"").unwrap_err();
        assert!(refusal.contains("goes live by pre-receive") && refusal.contains("line 2"), "{refusal}");
        assert!(fast("\"post-merge\"").unwrap_err().contains("compiles nothing"));
        assert!(fast("\"pre-comit\"").unwrap_err().contains("pre-comit"));
    }

    #[test]
    fn an_amount_is_read_as_people_write_it() {
        let parsed = parse("[check]\nmemory_limit = \"3 GB\"\ncache_limit = \"500 MB\"\n").unwrap().check;
        assert_eq!(
            (parsed.memory_limit, parsed.cache_limit),
            (Some(ByteSize::new(3_000_000_000)), ByteSize::new(500_000_000))
        );
        assert!(parse("[check]\nmemory_limit = \"much\"\n").unwrap_err().contains("2 GB"));
    }

    #[test]
    fn old_files_are_kept_for_days_or_for_ever() {
        let keep = |text: &str| parse(text).map(|settings| settings.promotion.keep_old_files);
        let days = |days: u64| Some(Duration::from_secs(days * 24 * 60 * 60));
        assert_eq!(keep(""), Ok(days(90)));
        assert_eq!(keep("[promotion]\nkeep_old_files = \"30d\"\n"), Ok(days(30)));
        assert_eq!(keep("[promotion]\nkeep_old_files = \"2 weeks\"\n"), Ok(days(14)));
        assert_eq!(keep("[promotion]\nkeep_old_files = \"forever\"\n"), Ok(None));
        for bad in ["never", "0d", "30s", "-3d", "soon", "1mo"] {
            assert!(keep(&format!("[promotion]\nkeep_old_files = \"{bad}\"\n")).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_acceptance_needs_a_reason_and_a_date() {
        let accept = |reason, expires| {
            parse(&format!("[[accept]]\nrule = \"x\"\nreason = \"{reason}\"\nexpires = \"{expires}\"\n"))
        };
        assert!(accept("known upstream", "2027-01-31").is_ok());
        assert!(accept(" ", "2027-01-31").unwrap_err().contains("reason"));
        assert!(accept("known", "2027-13-31").unwrap_err().contains("YYYY-MM-DD"));
        let both = accept(" ", "soon").unwrap_err();
        assert!(both.contains("reason") && both.contains("YYYY-MM-DD"), "{both}");
    }

    #[test]
    fn what_no_rule_knows_is_accepted_by_its_words_only() {
        let accept = |rule, pattern| {
            parse(&format!(
                "[[accept]]\nrule = \"{rule}\"\npattern = '{pattern}'\nreason = \"y\"\nexpires = 2027-01-31\n"
            ))
        };
        for any in ["", ".*", "(?i)|x"] {
            assert!(accept("unknown-warning", any).unwrap_err().contains("needs a pattern"), "{any}");
        }
        assert!(accept("unknown-warning", "frobnicator").is_ok() && accept("sass-warn", "").is_ok());
        let rules = crate::rules::RuleSet::builtin();
        assert!(acceptance::OF_ANY_LINE.iter().all(|id| rules.find(id).is_some()));
    }

    #[test]
    fn a_date_may_be_one_of_toml() {
        let accept = |expires| parse(&format!("[[accept]]\nrule = \"x\"\nreason = \"y\"\nexpires = {expires}\n"));
        assert_eq!(accept("2027-01-31").unwrap().accept[0].expires, "2027-01-31");
        let refusal = accept("31").unwrap_err();
        assert!(refusal.contains("YYYY-MM-DD") && refusal.contains("line 4"), "{refusal}");
    }
}
