//! PostgreSQL and Redis in temporary directories, on a socket and a free port; they end with the test process, whatever
//! happens to it: a shell waits for the end of a pipe that the test process holds.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use themegate::theme_setting::connection::{ConnectionSettings, Tls};

/// A server and its folder.
pub(crate) struct Server {
    child: Child,
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// A command run as somebody who may run PostgreSQL.
fn command(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

fn binary(name: &str) -> PathBuf {
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        packaged.map(|entry| entry.path().join("bin").join(name)).filter(|path| path.exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from(name))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn folder(prefix: &str) -> PathBuf {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir().unwrap().keep();
    if is_root() {
        assert!(Command::new("chown").arg("postgres").arg(&folder).status().unwrap().success());
    }
    folder
}

/// Runs a server until the pipe closes, then removes its folder.
fn start(folder: PathBuf, port: u16, words: &[String]) -> Server {
    let script = r#"folder=$1; shift; "$@" >>"$folder/log" 2>&1 & pid=$!; echo $pid > "$folder/pid"; cat >/dev/null; kill -KILL $pid; pkill -KILL -P $pid; wait; sleep 0.2; rm -rf "$folder""#;
    let child = command(Path::new("sh"))
        .args(["-c", script, "sh"])
        .arg(&folder)
        .args(words)
        .current_dir("/")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    Server { child, folder, port }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Server {
    /// A PostgreSQL with extra settings, such as `log_statement = 'all'`.
    pub(crate) fn postgres(extra: &str) -> Self {
        let folder = folder("themegate-pg-");
        let data = folder.join("data");
        let status = command(&binary("initdb"))
            .args(["-D".as_ref(), data.as_os_str()])
            .args(["-A", "trust", "-U", "mastodon", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"])
            .current_dir("/")
            .stdout(Stdio::null())
            .status()
            .expect("initdb runs: install PostgreSQL to run these tests");
        assert!(status.success());
        let port = free_port();
        // A time zone of its own, since Rails writes UTC whatever the server's is.
        let settings = format!(
            "fsync = off\nunix_socket_directories = '{}'\nlisten_addresses = '127.0.0.1'\nport = {port}\n\
             timezone = 'Asia/Tokyo'\nmax_connections = 120\n{extra}\n",
            folder.display()
        );
        fs::OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"))
            .unwrap()
            .write_all(settings.as_bytes())
            .unwrap();
        let mut server = Self::serve_postgres(folder, port);
        server.wait_for_postgres();
        server.child.stdin.as_mut().unwrap().flush().unwrap();
        server
    }

    fn serve_postgres(folder: PathBuf, port: u16) -> Self {
        let words = [binary("postgres"), "-D".into(), folder.join("data")].map(|word| word.display().to_string());
        start(folder, port, &words)
    }

    fn wait_for_postgres(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.try_client("postgres").is_none() {
            assert!(Instant::now() < end, "{}", fs::read_to_string(self.folder.join("log")).unwrap());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A Redis with extra arguments.
    pub(crate) fn redis(extra: &[&str]) -> Self {
        let folder = folder("themegate-redis-");
        let port = free_port();
        let mut words: Vec<String> = ["redis-server", "--save", "", "--dir"].map(str::to_owned).to_vec();
        words.push(folder.display().to_string());
        if !extra.contains(&"--tls-port") {
            words.extend(["--port".to_owned(), port.to_string()]);
        }
        words.extend(extra.iter().map(|word| word.replace("PORT", &port.to_string())));
        let server = start(folder, port, &words);
        server.wait_for_a_port();
        server
    }

    /// A PgBouncer in transaction mode before a PostgreSQL, with two connections to it.
    pub(crate) fn pooler(program: &Path, postgres: &Server) -> Self {
        let folder = folder("themegate-pgbouncer-");
        let port = free_port();
        let users = folder.join("users");
        fs::write(&users, "\"mastodon\" \"\"\n").unwrap();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 2\n",
            postgres.port,
            users.display()
        );
        let path = folder.join("pgbouncer.ini");
        fs::write(&path, settings).unwrap();
        let server = start(folder, port, &[program, &path].map(|word| word.display().to_string()));
        server.wait_for_a_port();
        server
    }

    fn wait_for_a_port(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn pid(&self) -> String {
        fs::read_to_string(self.folder.join("pid")).unwrap().trim().to_owned()
    }

    /// Ends PostgreSQL at once, as a crash does.
    pub(crate) fn crash(&self) {
        assert!(Command::new("kill").args(["-QUIT", &self.pid()]).status().unwrap().success());
        let end = Instant::now() + Duration::from_secs(10);
        while self.folder.join("data/postmaster.pid").exists() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts it again after [`Server::crash`].
    pub(crate) fn restart(&self) -> Server {
        let again = Self::serve_postgres(self.folder.clone(), self.port);
        again.wait_for_postgres();
        again
    }

    fn try_client(&self, database: &str) -> Option<Client> {
        let address = format!("host={} port={} user=mastodon dbname={database}", self.folder.display(), self.port);
        Client::connect(&address, NoTls).ok()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }
}

/// A database of one test's own.
pub(crate) struct Database<'a> {
    pub(crate) server: &'a Server,
    pub(crate) name: String,
}

static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// One server for all tests that do not hurt it. It ends when the process's end closes the pipe.
fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| Server::postgres("log_statement = 'all'"))
}

pub(crate) fn database() -> Database<'static> {
    Database::on(shared())
}

impl<'a> Database<'a> {
    pub(crate) fn on(server: &'a Server) -> Self {
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut client = server.try_client("postgres").unwrap();
        client.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        Self { server, name }
    }

    pub(crate) fn client(&self) -> Client {
        self.server.try_client(&self.name).unwrap()
    }

    pub(crate) fn settings(&self) -> ConnectionSettings {
        ConnectionSettings {
            hosts: vec![self.server.folder.display().to_string()],
            port: self.server.port,
            database: self.name.clone(),
            user: "mastodon".to_owned(),
            password: None,
            tls: Tls::Disable,
            root_certificates: None,
            timeout: Duration::from_secs(5),
        }
    }

    /// Runs text in psql, as somebody would paste it.
    pub(crate) fn psql(&self, text: &str) -> String {
        let output = Command::new("psql")
            .args(["-v", "ON_ERROR_STOP=1", "-At", "-U", "mastodon", "-h"])
            .arg(&self.server.folder)
            .args(["-p", &self.server.port.to_string(), "-c", text, &self.name])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
