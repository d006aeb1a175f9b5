//! Each word of `DB_SSLMODE` against a PostgreSQL with a certificate of its own authority.

use std::fs;
use std::path::Path;
use std::process::Command;

use themegate::theme_setting::connection::{ConnectionSettings, Tls};

use crate::servers::{Database, Server};

fn openssl(folder: &Path, words: &str) {
    let output = Command::new("openssl").args(words.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes `ca.crt`, and `crt` and `key` for a host.
pub(crate) fn certificate(folder: &Path, host: &str) {
    openssl(folder, "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=authority");
    openssl(folder, &format!("req -newkey rsa:2048 -nodes -keyout key -out csr -subj /CN={host}"));
    fs::write(folder.join("ext"), format!("subjectAltName=DNS:{host}\n")).unwrap();
    openssl(folder, "x509 -req -in csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out crt");
}

fn with_certificate(host: &str) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), host);
    let own = |command: &str, words: &[&str]| {
        let status = Command::new(command).args(words).arg(folder.path()).status().unwrap();
        assert!(status.success());
    };
    own("chmod", &["-R", "u=rwX,go="]);
    if fs::metadata("/root").is_ok_and(|_| nix_is_root()) {
        own("chown", &["-R", "postgres"]);
    }
    let path = folder.path().display();
    let extra = format!("ssl = on\nssl_cert_file = '{path}/crt'\nssl_key_file = '{path}/key'\n");
    (Server::postgres(&extra), folder)
}

fn nix_is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

#[test]
fn each_word_of_db_sslmode_means_what_libpq_means_by_it() {
    for (host, full) in [("localhost", true), ("elsewhere.example", false)] {
        let (server, folder) = with_certificate(host);
        let database = Database::on(&server);
        let over_tls = |tls: Tls, roots: bool| -> Option<bool> {
            let settings = ConnectionSettings {
                hosts: vec!["localhost".to_owned()],
                tls,
                root_certificates: roots.then(|| folder.path().join("ca.crt")),
                ..database.settings()
            };
            let mut client = settings.connect().ok()?;
            let row = client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).unwrap();
            Some(row.get(0))
        };
        assert_eq!(over_tls(Tls::Disable, false), Some(false));
        assert_eq!(over_tls(Tls::Prefer, false), Some(true));
        assert_eq!(over_tls(Tls::Require, false), Some(true));
        assert_eq!(over_tls(Tls::Require, true), Some(true));
        assert_eq!(over_tls(Tls::VerifyCa, true), Some(true));
        assert_eq!(over_tls(Tls::VerifyCa, false), None, "the system does not know this authority");
        assert_eq!(over_tls(Tls::VerifyFull, true), full.then_some(true), "{host}");
    }
}

#[test]
fn prefer_goes_without_where_the_server_has_none_and_require_does_not() {
    let server = Server::postgres("");
    let database = Database::on(&server);
    let connects =
        |tls| ConnectionSettings { hosts: vec!["127.0.0.1".to_owned()], tls, ..database.settings() }.connect().is_ok();
    assert!(connects(Tls::Prefer));
    assert!(!connects(Tls::Require));
}
