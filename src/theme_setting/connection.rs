//! Where the database is and how to get in, as Mastodon's `config/database.yml` reads it from the environment.
//!
//! The password stays in here: it is in no message, no log, no `Debug` output and no argument list.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postgres::config::SslMode;
use postgres::{Client, Config, NoTls};

use super::rows::words;
use super::store::StoreError;
use super::{database_url, tls};

/// Where PostgreSQL's packages put the socket.
const SOCKET_FOLDER: &str = "/var/run/postgresql";

/// Text that no message may show.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// How much of TLS to insist on; the words and their meaning are libpq's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// Never.
    Disable,
    /// If the server offers it; its certificate is not looked at.
    #[default]
    Prefer,
    /// Always; its certificate is not looked at, unless a root certificate is given.
    Require,
    /// Always, with a certificate that leads to a trusted root.
    VerifyCa,
    /// The same, and the certificate names the host.
    VerifyFull,
}

/// Why the environment gives no connection.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConnectionError {
    /// A word that libpq does not know.
    #[error("DB_SSLMODE is \"{0}\". Write disable, prefer, require, verify-ca or verify-full.")]
    Tls(String),
    /// A port that is no number.
    #[error("DB_PORT is \"{0}\", which is not a port number.")]
    Port(String),
    /// An address that cannot be read; it is not repeated, since it may hold the password.
    #[error(
        "DATABASE_URL cannot be read: {0}. It looks like postgres://USER@HOST:PORT/DATABASE; in a password # is written %23, \
             / %2F, ? %3F and @ %40."
    )]
    Url(String),
    /// A password where other users of the machine can see it.
    #[error(
        "--database-url holds a password, which everybody on this machine can see in the list of processes. Put it into \
         DB_PASS or DATABASE_URL in the environment or in .env.production, and leave it out here."
    )]
    PasswordInArguments,
}

/// Everything needed to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Host names, addresses or socket folders, tried in this order.
    pub hosts: Vec<String>,
    /// The port, also part of the socket's name.
    pub port: u16,
    /// The database's name.
    pub database: String,
    /// The role.
    pub user: String,
    /// The password, if one is set.
    pub password: Option<Secret>,
    /// How much of TLS to insist on.
    pub tls: Tls,
    /// The root certificates to trust instead of the system's, as PEM.
    pub root_certificates: Option<PathBuf>,
    /// How long to wait for a connection.
    pub timeout: Duration,
}

impl ConnectionSettings {
    /// Reads `DATABASE_URL` or else `DB_HOST`, `DB_PORT`, `DB_NAME`, `DB_USER`, `DB_PASS`, and `DB_SSLMODE`.
    ///
    /// Without `DB_HOST` it is `localhost`, then the usual socket; an empty one is the socket.
    ///
    /// # Errors
    ///
    /// When a value cannot be understood.
    pub fn from_environment(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConnectionError> {
        let mut settings = Self::of_variables(read)?;
        if let Some(url) = read("DATABASE_URL").filter(|url| !url.is_empty()) {
            database_url::apply(&mut settings, &url)?;
        }
        Ok(settings)
    }

    /// The same, with an address from the command line on top. It may not hold a password.
    ///
    /// # Errors
    ///
    /// When it does, or cannot be understood.
    pub fn with_url(mut self, url: &str) -> Result<Self, ConnectionError> {
        if database_url::holds_password(url)? {
            return Err(ConnectionError::PasswordInArguments);
        }
        database_url::apply(&mut self, url)?;
        Ok(self)
    }

    fn of_variables(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConnectionError> {
        let given = |key: &str| read(key).filter(|value| !value.is_empty());
        let port = given("DB_PORT").unwrap_or_else(|| "5432".to_owned());
        let hosts = match read("DB_HOST") {
            Some(host) if host.is_empty() => vec![SOCKET_FOLDER.to_owned()],
            Some(host) => host.split(',').map(|host| host.trim().to_owned()).collect(),
            None => vec!["localhost".to_owned(), SOCKET_FOLDER.to_owned()],
        };
        Ok(Self {
            hosts,
            port: port.parse().map_err(|_| ConnectionError::Port(port))?,
            database: given("DB_NAME").unwrap_or_else(|| "mastodon_production".to_owned()),
            user: given("DB_USER").unwrap_or_else(|| "mastodon".to_owned()),
            password: given("DB_PASS").or_else(|| given("PGPASSWORD")).map(Secret::new),
            tls: given("DB_SSLMODE").map_or(Ok(Tls::default()), |word| Tls::from_word(&word))?,
            root_certificates: given("PGSSLROOTCERT").map(PathBuf::from).or_else(|| {
                given("HOME").map(|home| Path::new(&home).join(".postgresql/root.crt")).filter(|path| path.exists())
            }),
            timeout: Duration::from_secs(10),
        })
    }

    /// Connects to the first host that answers.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`], with each host's reason.
    pub fn connect(&self) -> Result<Client, StoreError> {
        let mut reasons = Vec::new();
        for host in &self.hosts {
            match self.connect_to(host) {
                Ok(client) => return Ok(client),
                Err(reason) => reasons.push(format!("{host}:{}: {reason}", self.port)),
            }
        }
        Err(StoreError::Unreachable(format!("{}.", reasons.join("; "))))
    }

    fn connect_to(&self, host: &str) -> Result<Client, String> {
        let mut config = Config::new();
        config.host(host).port(self.port).dbname(&self.database).user(&self.user).application_name("themegate");
        config.connect_timeout(self.timeout).tcp_user_timeout(Duration::from_secs(30));
        if let Some(password) = &self.password {
            config.password(password.reveal());
        }
        if host.starts_with('/') || self.tls == Tls::Disable {
            return config.ssl_mode(SslMode::Disable).connect(NoTls).map_err(|error| words(&error));
        }
        config.ssl_mode(if self.tls == Tls::Prefer { SslMode::Prefer } else { SslMode::Require });
        let connector =
            tls::connector(self.tls, self.root_certificates.as_deref()).map_err(|error| error.to_string())?;
        config.connect(connector).map_err(|error| words(&error))
    }
}

impl fmt::Display for ConnectionSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} on {}:{}", self.database, self.hosts.first().map_or("?", String::as_str), self.port)
    }
}

impl Tls {
    /// The mode that a word of libpq's stands for. `allow` is taken as `prefer`.
    ///
    /// # Errors
    ///
    /// When libpq knows no such word.
    pub fn from_word(word: &str) -> Result<Self, ConnectionError> {
        match word {
            "disable" => Ok(Self::Disable),
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err(ConnectionError::Tls(word.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectionError, ConnectionSettings, Secret, Tls};

    fn settings(variables: &[(&str, &str)]) -> Result<ConnectionSettings, ConnectionError> {
        let find = |key: &str| variables.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned());
        ConnectionSettings::from_environment(&find)
    }

    #[test]
    fn the_variables_of_mastodon_are_read_with_its_defaults() {
        let read = settings(&[]).unwrap();
        assert_eq!((read.database.as_str(), read.user.as_str(), read.port), ("mastodon_production", "mastodon", 5432));
        assert_eq!(read.hosts, ["localhost", "/var/run/postgresql"]);
        let read = settings(&[("DB_HOST", "/run/pg"), ("DB_SSLMODE", "verify-full"), ("DB_PORT", "6432")]).unwrap();
        assert_eq!((read.hosts, read.tls, read.port), (vec!["/run/pg".to_owned()], Tls::VerifyFull, 6432));
    }

    #[test]
    fn an_address_overrides_the_variables() {
        let url = "postgres://bob:p%40ss@db.example:6543/social?sslmode=verify-ca&pool=5&prepared_statements=false";
        let read = settings(&[("DB_NAME", "other"), ("DATABASE_URL", url)]).unwrap();
        assert_eq!((read.hosts[0].as_str(), read.port, read.database.as_str()), ("db.example", 6543, "social"));
        assert_eq!((read.password, read.tls), (Some(Secret::new("p@ss".to_owned())), Tls::VerifyCa));
        let read = settings(&[("DATABASE_URL", "postgresql:///social?host=/run/pg&port=7")]).unwrap();
        assert_eq!((read.hosts[0].as_str(), read.port, read.database.as_str()), ("/run/pg", 7, "social"));
        let read = settings(&[("DATABASE_URL", "postgres://bob@%2Frun%2Fpg/social")]).unwrap();
        assert_eq!((read.hosts[0].as_str(), read.user.as_str()), ("/run/pg", "bob"));
    }

    #[test]
    fn the_password_is_never_shown_and_never_taken_from_an_argument() {
        let read = settings(&[("DB_PASS", "hunter2")]).unwrap();
        assert!(!format!("{read:?} {read}").contains("hunter2"));
        let error = read.with_url("postgres://bob:hunter2@db/social").unwrap_err();
        assert_eq!(error, ConnectionError::PasswordInArguments);
        let error = settings(&[("DATABASE_URL", "postgres://bob:hunter2@[bad/social")]).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn no_part_of_a_password_passes_for_a_port() {
        for password in ["12#hunter2", "12/hunter2", "12?hunter2"] {
            let url = format!("postgres://bob:{password}@db.example/social");
            let error = settings(&[("DATABASE_URL", &url)]).unwrap_err().to_string();
            assert!(error.contains("%23") && !error.contains("12") && !error.contains("hunter2"), "{error}");
        }
        let read = settings(&[("DATABASE_URL", "postgres://db.example/social?user=bob@cloud")]).unwrap();
        assert_eq!((read.user.as_str(), read.hosts[0].as_str()), ("bob@cloud", "db.example"));
    }

    #[test]
    fn a_mode_that_libpq_does_not_know_is_refused() {
        assert_eq!(settings(&[("DB_SSLMODE", "yes")]).unwrap_err(), ConnectionError::Tls("yes".to_owned()));
    }
}
