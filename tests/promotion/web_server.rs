//! nginx serves the site while it is switched two hundred times; a client asks for everything that the manifest names.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use themegate::promotion::disk::Disk;

use crate::crash_matrix::aloud;
use crate::generated_site::{Layout, Site, scratch};

const SWITCHES: usize = 200;

struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    fn start(folder: &Path, public: &Path) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let configuration = folder.join("nginx.conf");
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}/{kind};", folder.display()))
            .join(" ");
        let text = format!(
            "daemon off; {} pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; {temporary} keepalive_requests 1000000; gzip_static on;\n\
             server {{ listen 127.0.0.1:{port}; root {public}; location = /private {{ return 404; }} }} }}\n",
            if rustix::process::geteuid().is_root() { "user root;" } else { "" },
            folder = folder.display(),
            public = public.display()
        );
        fs::write(&configuration, text).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&configuration).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: command.spawn().ok()?, port };
        let deadline = Instant::now() + std::time::Duration::from_secs(5);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "nginx starts");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Some(server)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// One connection that is kept open.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(port: u16) -> Self {
        Self { stream: BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap()) }
    }

    /// The status and the body as sent.
    fn get(&mut self, path: &str, encoding: &str) -> (u16, Vec<u8>) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: site\r\nAccept-Encoding: {encoding}\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        (status, body)
    }
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Compiled files of one age with their compressed forms, and a manifest that names them with the digests of both.
fn compile(tree: &Path, age: &str) {
    let packs = tree.join("public/packs");
    let mut manifest = BTreeMap::new();
    for n in 0..12 {
        let name = format!("assets/entry{n}-{age}{n}.css");
        let body = format!("/* {age} {n} */\n").repeat(4000 + n * 500);
        let form = format!("gz {age} {n} ").repeat(2000);
        fs::create_dir_all(packs.join("assets")).unwrap();
        fs::write(packs.join(&name), &body).unwrap();
        fs::write(packs.join(format!("{name}.gz")), &form).unwrap();
        manifest.insert(format!("entry{n}"), [name, hash(body.as_bytes()), hash(form.as_bytes())]);
    }
    fs::write(packs.join(".vite/manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    fs::write(packs.join("sw.js"), format!("// worker {age}\n").repeat(5000)).unwrap();
    fs::write(packs.join("sw.js.gz"), format!("gz worker {age}\n").repeat(3000)).unwrap();
}

/// What a worker that reads the manifest now asks for, file by file; and the service worker, which has a fixed name.
fn browse(public: &Path, client: &mut Client, whole_workers: &[String]) -> Result<usize, String> {
    let text = fs::read(public.join("packs/.vite/manifest.json")).map_err(|error| format!("manifest: {error}"))?;
    let manifest: BTreeMap<String, [String; 3]> =
        serde_json::from_slice(&text).map_err(|error| format!("torn manifest: {error}"))?;
    for [name, plain, compressed] in manifest.values() {
        for (encoding, expected) in [("identity", plain), ("gzip", compressed)] {
            let (status, body) = client.get(&format!("/packs/{name}"), encoding);
            if status != 200 || hash(&body) != *expected {
                return Err(format!("{name} ({encoding}): {status}, {} bytes", body.len()));
            }
        }
    }
    for encoding in ["identity", "gzip"] {
        let (status, body) = client.get("/sw.js", encoding);
        if status != 200 || !whole_workers.contains(&hash(&body)) {
            return Err(format!("sw.js ({encoding}): {status}, {} bytes", body.len()));
        }
    }
    Ok(manifest.len() * 2 + 2)
}

fn workers(site: &Site) -> Vec<String> {
    let trees = [site.live(), site.staged()];
    let forms = trees.iter().flat_map(|tree| ["sw.js", "sw.js.gz"].map(|name| tree.join("public/packs").join(name)));
    forms.map(|path: PathBuf| hash(&fs::read(path).unwrap())).collect()
}

#[test]
fn no_request_breaks_through_two_hundred_promotions_and_rollbacks() {
    let folder = scratch();
    let site = Site::generate(&folder.path().join("home"), Layout::Vite);
    compile(&site.live(), "old");
    compile(&site.staged(), "new");
    site.record();
    let public = site.live().join("public");
    let Some(nginx) = Nginx::start(folder.path(), &public) else {
        aloud("skipped: nginx is not installed");
        return;
    };
    let whole_workers = workers(&site);
    let over = AtomicBool::new(false);
    let began = Instant::now();
    let requests = std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut client = Client::connect(nginx.port);
            let (mut requests, mut faults) = (0, Vec::new());
            while !over.load(Ordering::Relaxed) {
                match browse(&public, &mut client, &whole_workers) {
                    Ok(count) => requests += count,
                    Err(fault) => faults.push(fault),
                }
            }
            assert!(faults.is_empty(), "{faults:#?}");
            requests
        });
        for n in 0..SWITCHES {
            let switched = if n % 2 == 0 { site.promote(&Disk::real()) } else { site.rollback(&Disk::real()) };
            assert!(switched.unwrap().is_some());
        }
        over.store(true, Ordering::Relaxed);
        client.join().unwrap()
    });
    aloud(&format!("{SWITCHES} switches in {:.1} s, {requests} requests, none broken", began.elapsed().as_secs_f64()));
    assert!(requests > SWITCHES, "the client kept asking");
}
