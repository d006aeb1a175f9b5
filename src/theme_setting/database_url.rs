//! Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…` as Rails does: options meant for Rails are passed over.

use percent_encoding::percent_decode_str;
use url::Url;

use super::connection::{ConnectionError, ConnectionSettings, Secret, Tls};

/// Puts what the address says over the settings, and leaves the rest.
pub(super) fn apply(settings: &mut ConnectionSettings, url: &str) -> Result<(), ConnectionError> {
    let url = parse(url)?;
    let mut set = |key: &str, value: String| set(settings, key, value);
    if let Some(host) = url.host_str().filter(|host| !host.is_empty()) {
        set("host", decoded(host.trim_matches(['[', ']'])))?;
    }
    if let Some(port) = url.port() {
        set("port", port.to_string())?;
    }
    for (key, value) in [
        ("user", url.username()),
        ("password", url.password().unwrap_or_default()),
        ("dbname", url.path().trim_matches('/')),
    ] {
        if !value.is_empty() {
            set(key, decoded(value))?;
        }
    }
    for (key, value) in url.query_pairs() {
        set(&key, value.into_owned())?;
    }
    Ok(())
}

/// True where the address carries a password.
pub(super) fn holds_password(url: &str) -> Result<bool, ConnectionError> {
    let url = parse(url)?;
    Ok(url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password"))
}

fn set(settings: &mut ConnectionSettings, key: &str, value: String) -> Result<(), ConnectionError> {
    match key {
        "host" | "hostaddr" => settings.hosts = value.split(',').map(str::to_owned).collect(),
        "port" => settings.port = value.parse().map_err(|_| ConnectionError::Port(value))?,
        "user" | "username" => settings.user = value,
        "password" => settings.password = Some(Secret::new(value)),
        "dbname" | "database" => settings.database = value,
        "sslmode" => settings.tls = Tls::from_word(&value)?,
        "sslrootcert" => settings.root_certificates = Some(value.into()),
        _ => {}
    }
    Ok(())
}

fn parse(url: &str) -> Result<Url, ConnectionError> {
    let url = Url::parse(url).map_err(|error| ConnectionError::Url(error.to_string()))?;
    if !["postgres", "postgresql", "postgis"].contains(&url.scheme()) {
        return Err(ConnectionError::Url("it does not begin with postgres://".to_owned()));
    }
    if is_cut_within_its_password(&url) {
        return Err(ConnectionError::Url("it ends, or its host ends, before its last @".to_owned()));
    }
    Ok(url)
}

/// True where a `#`, `/` or `?` of the password was taken for the end of the host: then a part of it would pass for a port.
fn is_cut_within_its_password(url: &Url) -> bool {
    let no_database = url.path().trim_matches('/').is_empty();
    let in_query = no_database && url.username().is_empty() && url.query().is_some_and(|query| query.contains('@'));
    url.fragment().is_some() || url.path().contains('@') || in_query
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
