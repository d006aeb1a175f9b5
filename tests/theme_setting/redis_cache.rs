//! Exactly the cached theme settings go, wherever Rails keeps them.

use std::process::Command;

use redis::Commands as _;
use themegate::theme_setting::cache::CacheSettings;
use themegate::theme_setting::choice::Layout;
use themegate::theme_setting::plan::Owner;

use crate::servers::Server;

fn settings(variables: &[(&str, &str)]) -> CacheSettings {
    CacheSettings::from_environment(&|key| {
        variables.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned())
    })
}

const KEYS: [&str; 7] = [
    "cache:rails_settings_cached/0a1b/theme",
    "cache:rails_settings_cached/0a1b/User-7/theme",
    "cache:rails_settings_cached/0a1b/site_title",
    "ns_cache:rails_settings_cached/ffff/theme",
    "other_cache:rails_settings_cached/0a1b/theme",
    "queue:default",
    "rails_settings_cached/x/theme",
];

fn fill(connection: &mut redis::Connection) {
    for key in KEYS {
        let () = connection.set(key, "x").unwrap();
    }
    for number in 0..5000 {
        let () = connection.set(format!("feed:home:{number}"), "x").unwrap();
    }
}

fn left(connection: &mut redis::Connection) -> Vec<&'static str> {
    KEYS.into_iter().filter(|key| connection.exists(*key).unwrap()).collect()
}

#[test]
fn the_sites_key_goes_and_every_other_stays_with_a_password_and_another_database() {
    let server = Server::redis(&["--requirepass", "p@ss/word"]);
    let port = server.port.to_string();
    let mut connection =
        redis::Client::open(format!("redis://:p%40ss%2Fword@127.0.0.1:{port}/3")).unwrap().get_connection().unwrap();
    fill(&mut connection);
    let settings = settings(&[
        ("REDIS_HOST", "127.0.0.1"),
        ("REDIS_PORT", &port),
        ("REDIS_PASSWORD", "p@ss/word"),
        ("REDIS_DB", "3"),
    ]);
    assert_eq!(settings.forget(Layout::Theme, &[Owner::Site]).unwrap(), 1);
    assert_eq!(left(&mut connection), KEYS[1..]);
    let size: usize = redis::cmd("DBSIZE").query(&mut connection).unwrap();
    assert_eq!(size, KEYS.len() - 1 + 5000);
    let wrong = self::settings(&[("REDIS_HOST", "127.0.0.1"), ("REDIS_PORT", &port), ("REDIS_PASSWORD", "hunter2")]);
    let error = wrong.forget(Layout::Theme, &[Owner::Site]).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_namespace_and_a_users_key_are_found_and_a_cache_server_of_its_own_is_asked() {
    let server = Server::redis(&[]);
    let port = server.port.to_string();
    let url = format!("redis://127.0.0.1:{port}");
    let mut connection = redis::Client::open(url.as_str()).unwrap().get_connection().unwrap();
    fill(&mut connection);
    let settings = settings(&[("CACHE_REDIS_URL", &url), ("REDIS_HOST", "127.0.0.2"), ("REDIS_NAMESPACE", "ns")]);
    let owners = [Owner::Site, Owner::User { id: 7, name: "alice".to_owned() }];
    assert_eq!(settings.forget(Layout::Theme, &owners).unwrap(), 3);
    assert_eq!(left(&mut connection), [KEYS[2], KEYS[4], KEYS[5], KEYS[6]]);
}

#[test]
fn redis_over_tls_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("key"), folder.path().join("crt"));
    crate::tls::certificate(folder.path(), "localhost");
    assert!(Command::new("chmod").args(["-R", "a+rX"]).arg(folder.path()).status().unwrap().success());
    let authority = folder.path().join("ca.crt");
    let words = [key.to_str().unwrap(), certificate.to_str().unwrap(), authority.to_str().unwrap()];
    let server = Server::redis(&[
        "--tls-port",
        "PORT",
        "--port",
        "0",
        "--tls-key-file",
        words[0],
        "--tls-cert-file",
        words[1],
        "--tls-ca-cert-file",
        words[2],
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://localhost:{}", server.port);
    let trusted = settings(&[("REDIS_URL", &url), ("SSL_CERT_FILE", words[2])]);
    assert_eq!(trusted.forget(Layout::Theme, &[Owner::Site]).unwrap(), 0);
    assert!(settings(&[("REDIS_URL", &url)]).forget(Layout::Theme, &[Owner::Site]).is_err());
}
