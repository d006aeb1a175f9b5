//! Makes Rails forget cached theme settings in Redis: exactly these keys, found by SCAN. Nothing is ever flushed.
//!
//! A deleted key costs nothing: Rails reads the row again. Key formats are those of `Setting.cache_key`.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use redis::{Client, Connection, TlsCertificates};

use super::choice::Layout;
use super::connection::Secret;
use super::plan::Owner;

/// How long Rails keeps a setting that nobody deletes (`expires_in` in Mastodon's Redis configuration), in minutes.
pub const LIFETIME_MINUTES: u64 = 10;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Why the cache was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// No such address.
    #[error("CACHE_REDIS_URL or REDIS_URL cannot be read; it looks like redis://:PASSWORD@HOST:PORT/NUMBER")]
    Url,
    /// Redis is found through Sentinel, which this program does not ask.
    #[error("Redis is behind Sentinel, which themegate does not ask")]
    Sentinel,
    /// Redis does not answer, or not as expected.
    #[error("Redis could not be asked: {0}")]
    Redis(String),
}

/// Where Rails keeps its cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    url: Secret,
    prefixes: Vec<String>,
    root_certificates: Option<String>,
    sentinel: bool,
}

impl CacheSettings {
    /// Reads `CACHE_REDIS_*`, or else `REDIS_*`, and `REDIS_NAMESPACE` (up to 4.3).
    #[must_use]
    pub fn from_environment(read: &dyn Fn(&str) -> Option<String>) -> Self {
        let given = |key: String| read(&key).filter(|value| !value.is_empty());
        let prefix = if given("CACHE_REDIS_URL".to_owned()).or_else(|| given("CACHE_REDIS_HOST".to_owned())).is_some() {
            "CACHE_"
        } else {
            ""
        };
        let of = |name: &str| given(format!("{prefix}REDIS_{name}"));
        let namespaced = given("REDIS_NAMESPACE".to_owned()).map(|namespace| format!("{namespace}_cache:"));
        Self {
            url: Secret::new(of("URL").unwrap_or_else(|| url(&of))),
            prefixes: namespaced.into_iter().chain(["cache:".to_owned()]).collect(),
            root_certificates: given("SSL_CERT_FILE".to_owned()),
            sentinel: of("URL").is_none() && of("SENTINELS").is_some() && of("SENTINEL_MASTER").is_some(),
        }
    }

    /// Deletes what is cached of these owners' choices and returns how many keys that were.
    ///
    /// # Errors
    ///
    /// When Redis cannot be asked. The settings are in force all the same once [`LIFETIME_MINUTES`] have passed.
    pub fn forget(&self, layout: Layout, owners: &[Owner]) -> Result<usize, CacheError> {
        let mut connection = self.connect()?;
        let wanted = Wanted::new(&self.prefixes, layout, owners);
        let mut keys = BTreeSet::new();
        for key in layout.keys() {
            let pattern = format!("*rails_settings_cached/*{key}");
            let mut scan = redis::cmd("SCAN");
            scan.cursor_arg(0).arg("MATCH").arg(pattern).arg("COUNT").arg(1000);
            for found in scan.iter::<Vec<u8>>(&mut connection).map_err(|error| asked(&error))? {
                keys.insert(found.map_err(|error| asked(&error))?);
            }
        }
        keys.retain(|key| std::str::from_utf8(key).is_ok_and(|key| wanted.holds(key)));
        let keys: Vec<Vec<u8>> = keys.into_iter().collect();
        let mut deleted = 0;
        for batch in keys.chunks(1000) {
            deleted += redis::cmd("DEL").arg(batch).query::<usize>(&mut connection).map_err(|error| asked(&error))?;
        }
        Ok(deleted)
    }

    fn connect(&self) -> Result<Connection, CacheError> {
        if self.sentinel {
            return Err(CacheError::Sentinel);
        }
        let root_cert = self.root_certificates.as_ref().and_then(|path| fs::read(path).ok());
        let url = self.url.reveal();
        let client = if url.starts_with("rediss:") {
            Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert })
        } else {
            Client::open(url)
        };
        let client = client.map_err(|_| CacheError::Url)?;
        let connection = client.get_connection_with_timeout(TIMEOUT).map_err(|error| asked(&error))?;
        connection.set_read_timeout(Some(TIMEOUT)).map_err(|error| asked(&error))?;
        Ok(connection)
    }
}

fn asked(error: &redis::RedisError) -> CacheError {
    CacheError::Redis(error.to_string().trim_end_matches('.').to_owned())
}

fn url(of: &dyn Fn(&str) -> Option<String>) -> String {
    let encoded = |text: String| utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
    let or = |name: &str, other: &str| of(name).unwrap_or_else(|| other.to_owned());
    let credentials = match (of("USER"), of("PASSWORD")) {
        (None, None) => String::new(),
        (user, password) => {
            format!("{}:{}@", encoded(user.unwrap_or_default()), encoded(password.unwrap_or_default()))
        }
    };
    format!("redis://{credentials}{}:{}/{}", or("HOST", "localhost"), or("PORT", "6379"), or("DB", "0"))
}

/// Which keys may go.
struct Wanted<'a> {
    prefixes: &'a [String],
    keys: &'static [&'static str],
    site: bool,
    users: BTreeSet<String>,
}

impl<'a> Wanted<'a> {
    fn new(prefixes: &'a [String], layout: Layout, owners: &[Owner]) -> Self {
        let users = owners.iter().filter_map(Owner::id).map(|id| format!("User-{id}")).collect();
        Self { prefixes, keys: layout.keys(), site: owners.contains(&Owner::Site), users }
    }

    /// `PREFIX rails_settings_cached/DIGEST/KEY`, or with `User-ID` before the key.
    fn holds(&self, key: &str) -> bool {
        let rest = self.prefixes.iter().find_map(|prefix| key.strip_prefix(prefix.as_str()));
        let Some(rest) = rest.and_then(|rest| rest.strip_prefix("rails_settings_cached/")) else {
            return false;
        };
        match rest.split('/').collect::<Vec<_>>().as_slice() {
            [_, user, name] => self.keys.contains(name) && self.users.contains(*user),
            [first, name] if first.starts_with("User-") => self.keys.contains(name) && self.users.contains(*first),
            [_, name] | [name] => self.keys.contains(name) && self.site,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CacheSettings, Wanted};
    use crate::theme_setting::choice::Layout;
    use crate::theme_setting::plan::Owner;

    fn settings(variables: &[(&str, &str)]) -> CacheSettings {
        CacheSettings::from_environment(&|key| {
            variables.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_address_comes_from_the_variables_of_mastodon() {
        assert_eq!(settings(&[]).url.reveal(), "redis://localhost:6379/0");
        let read = settings(&[("REDIS_HOST", "r"), ("REDIS_PASSWORD", "p@s/s"), ("REDIS_DB", "3")]);
        assert_eq!(read.url.reveal(), "redis://:p%40s%2Fs@r:6379/3");
        assert!(!format!("{read:?}").contains("p%40"));
        let read = settings(&[("REDIS_URL", "rediss://base"), ("CACHE_REDIS_HOST", "c"), ("REDIS_NAMESPACE", "ns")]);
        assert_eq!((read.url.reveal(), read.prefixes[0].as_str()), ("redis://c:6379/0", "ns_cache:"));
    }

    #[test]
    fn only_the_named_owners_keys_may_go() {
        let prefixes = ["cache:".to_owned()];
        let site = Wanted::new(&prefixes, Layout::Theme, &[Owner::Site]);
        assert!(site.holds("cache:rails_settings_cached/0a1b/theme"));
        for other in [
            "cache:rails_settings_cached/0a1b/User-7/theme",
            "cache:rails_settings_cached/0a1b/site_theme",
            "cache:rails_settings_cached/0a1b/theme/x",
            "other_cache:rails_settings_cached/0a1b/theme",
            "cache:other/theme",
        ] {
            assert!(!site.holds(other), "{other}");
        }
        let user = Wanted::new(&prefixes, Layout::Theme, &[Owner::User { id: 7, name: "a".to_owned() }]);
        assert!(user.holds("cache:rails_settings_cached/0a1b/User-7/theme"));
        assert!(!user.holds("cache:rails_settings_cached/0a1b/User-77/theme"));
        assert!(!user.holds("cache:rails_settings_cached/0a1b/theme"));
    }
}
