//! A site's own puma on a free port, restarted by a script as an administrator's restart command would.
//!
//! Who asks has picked the theme `ft`: alice, a row in PostgreSQL, on the webpacker site; a cookie on the Vite site.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::servers::{self, Database};
use crate::support::{Kind, Site};

pub(crate) struct Puma<'a> {
    site: &'a Site,
    port: u16,
    _database: Option<Database<'static>>,
}

/// Ends the puma that runs, waits for it, and starts another. `$0` lies beside the live tree.
const RESTART: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
if [ -s puma.pid ]; then
  old=$(cat puma.pid)
  kill "$old" 2>/dev/null
  while kill -0 "$old" 2>/dev/null && [ "$(ps -o stat= -p "$old")" != Z ]; do sleep 0.05; done
fi
cd live || exit 1
VARIABLES setsid bundle exec puma -C config/puma.rb >>../puma.log 2>&1 </dev/null &
echo $! >../puma.pid
"#;

const PEOPLE: &str = r#"
INSERT INTO accounts (id, username) VALUES (1, 'alice'), (2, 'bob');
INSERT INTO users (email, account_id, settings) VALUES ('alice', 1, '{"theme":"ft"}'), ('bob', 2, NULL);
"#;

impl<'a> Puma<'a> {
    pub(crate) fn start(site: &'a Site) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let database = (site.kind == Kind::Webpacker).then(servers::database);
        let mut variables = format!("PORT={port} RAILS_SERVE_STATIC_FILES=true");
        if let Some(database) = &database {
            let mut client = database.client();
            client.batch_execute(&fs::read_to_string(site.path("db/schema-4.2.sql")).unwrap()).unwrap();
            client.batch_execute(PEOPLE).unwrap();
            let settings = database.settings();
            let (host, port, name) = (&settings.hosts[0], settings.port, &settings.database);
            variables += &format!(" DB_HOST={host} DB_PORT={port} DB_NAME={name} DB_USER=mastodon");
        }
        let puma = Self { site, port, _database: database };
        let script = puma.restart_command();
        fs::write(&script, RESTART.replace("VARIABLES", &format!("env {variables}"))).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        puma.restart();
        puma
    }

    /// What an administrator would write into `themegate.toml`.
    pub(crate) fn restart_command(&self) -> String {
        self.site.folder.path().join("restart").display().to_string()
    }

    /// Restarts it and waits until it answers.
    pub(crate) fn restart(&self) {
        let status = Command::new(self.restart_command()).envs(self.site.kind.environment()).status().unwrap();
        assert!(status.success());
        let end = Instant::now() + Duration::from_secs(120);
        while self.ask("/health").map(|(status, _)| status) != Some(200) {
            let log = || fs::read_to_string(self.site.folder.path().join("puma.log")).unwrap_or_default();
            assert!(Instant::now() < end, "puma does not start: {}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The address of a page as somebody asks for it who has picked the theme.
    pub(crate) fn as_user(&self, path: &'static str) -> &'static str {
        match (self.site.kind, path) {
            (Kind::Webpacker, "/about") => "/about?as=alice",
            (_, path) => path,
        }
    }

    /// The cookie of that somebody.
    pub(crate) const fn cookie(&self) -> &'static str {
        "user_theme=ft"
    }

    /// The page of somebody who has picked the theme.
    pub(crate) fn page(&self) -> String {
        let (status, page) = self.get(self.as_user("/about"));
        assert_eq!(status, 200, "{page}");
        page
    }

    /// The status and the body of an address.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.ask(path).unwrap()
    }

    fn ask(&self, path: &str) -> Option<(u16, String)> {
        let configuration = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        let request = ureq::Agent::new_with_config(configuration).get(format!("{}{path}", self.origin()));
        let request = request.header("Host", "social.example").header("X-Forwarded-Proto", "https");
        let mut answer = request.header("Cookie", self.cookie()).call().ok()?;
        let body = answer.body_mut().read_to_string().ok()?;
        Some((answer.status().as_u16(), body))
    }
}

impl Drop for Puma<'_> {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.site.folder.path().join("puma.pid")).unwrap_or_default();
        let pid = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
        pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
    }
}
