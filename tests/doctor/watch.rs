//! `doctor --watch` on logs that real Rails writes, and on what people may send into them.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Kind, Site, skipped};

/// A watch that runs.
struct Watch {
    child: Child,
    said: PathBuf,
}

impl Watch {
    fn start(site: &Site, words: &[&str]) -> Self {
        Self::start_with(site, words, &[])
    }

    fn start_with(site: &Site, words: &[&str], environment: &[(&str, String)]) -> Self {
        let said = site.folder.path().join("said");
        let output = fs::File::create(&said).unwrap();
        let mut command = site.command(&["doctor", "--watch"]);
        command.args(words).envs(environment.iter().map(|(name, value)| (name, value)));
        let child = command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        let mut watch = Self { child, said };
        watch.wait_for("watching ");
        watch
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    #[track_caller]
    fn wait_for(&mut self, words: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.said().contains(words) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < end, "{words:?} is not in: {} ({ended:?})", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ctrl-C; gives the exit code and what was said.
    fn end(mut self) -> (Option<i32>, String) {
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        (code, self.said())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn registry(site: &Site) -> String {
    fs::read_to_string(site.path("config/themes.yml")).unwrap()
}

/// What Rails itself prints when a page asks for `dusk`: its log as it comes.
fn real_log(site: &Site) -> String {
    let (program, arguments): (&str, &[&str]) = match site.kind {
        Kind::Vite => ("ruby", &["script/render.rb", "dusk"]),
        _ => (
            "bin/rails",
            &[
                "runner",
                "require 'rack/mock'; Rack::MockRequest.new(Rails.application).get('/about', 'HTTP_HOST' => 'social.example', 'HTTP_X_FORWARDED_PROTO' => 'https')",
            ],
        ),
    };
    let output = Command::new(program)
        .args(arguments)
        .current_dir(&site.live)
        .envs(site.kind.environment())
        .env("SITE_THEME", "dusk")
        .output()
        .unwrap();
    crate::text(&output)
}

fn with_dusk(kind: Kind) -> Site {
    let site = crate::copy(kind);
    site.append("config/themes.yml", "dusk: styles/dusk.scss\n");
    site.write("app/javascript/styles/dusk.scss", "body { color: #123; }\n");
    site
}

#[test]
fn what_real_rails_logs_is_told_and_withdrawn_once() {
    for kind in [Kind::Webpacker, Kind::Vite] {
        if skipped(kind, "a watch on a real log") {
            continue;
        }
        let site = with_dusk(kind);
        let before = registry(&site).replace("dusk: styles/dusk.scss\n", "");
        let log = real_log(&site);
        site.write("log/production.log", "");
        let mut watch = Watch::start(&site, &["--withdraw"]);
        site.append("log/production.log", &log);
        watch.wait_for("1 page failed since");
        site.append("log/production.log", &log);
        watch.wait_for("systemctl restart mastodon-web mastodon-sidekiq");
        assert_eq!(registry(&site), before, "{log}");
        // Listed again by somebody, it is not taken out behind their back.
        site.append("config/themes.yml", "dusk: styles/dusk.scss\n");
        site.append("log/production.log", &log);
        std::thread::sleep(Duration::from_secs(4));
        let (code, said) = watch.end();
        assert_eq!((code, said.matches("withdrawn\n").count()), (Some(1), 1), "{said}");
        assert!(registry(&site).contains("dusk"), "{said}");
        let history = crate::text(&site.command(&["history"]).output().unwrap());
        let is_withdrawal = |line: &str| line.split_whitespace().skip(1).take(2).eq(["withdrawn", "dusk"]);
        assert!(history.lines().any(is_withdrawal), "{history}");
    }
}

#[test]
fn what_people_can_send_withdraws_nothing() {
    if skipped(Kind::Vite, "a hostile log") {
        return;
    }
    let site = with_dusk(Kind::Vite);
    let real = "ActionView::Template::Error (key not found: \"themes/dusk\"):";
    let mut log = String::new();
    for line in [
        "I, [2026-11-24T03:30:13.606874 #1]  INFO -- : [ab] Started GET \"/?q=key not found: \"themes/dusk\"\" for 1.2.3.4",
        &format!("[ab] method=GET path=/@{real} status=404"),
        &format!("  Parameters: {{\"user\"=>\"x\\n{real}\"}}"),
        &format!("\u{1b}[2J\u{1b}]0;owned\u{7}{real}"),
        // Real in shape, and about themes that are whole, needed or not there.
        "ActionView::Template::Error (key not found: \"themes/default\"):",
        "ActionView::Template::Error (key not found: \"themes/system\"):",
        "ActionView::Template::Error (key not found: \"themes/never\"):",
    ] {
        log.push_str(line);
        log.push('\n');
    }
    log.push_str(&"x".repeat(3 << 20));
    log.push('\n');
    for number in 0..2_000 {
        log.push_str(&format!("ActionView::Template::Error (key not found: \"themes/flood{number}\"):\n"));
    }
    site.write("log/production.log", &log);
    let before = registry(&site);
    let mut watch = Watch::start(&site, &["--withdraw", "--from-start"]);
    watch.wait_for("never   1 page failed");
    std::thread::sleep(Duration::from_secs(3));
    let (code, said) = watch.end();
    assert_eq!((code, registry(&site)), (Some(1), before), "{said}");
    assert!(said.contains("default   1 page failed") && said.contains("compiled by now"), "{said}");
    assert!(!said.contains("dusk") && !said.contains('\u{1b}') && !said.contains("withdrawn\n"), "{said}");
    assert!(said.lines().count() < 80, "a flood of names is told in part: {said}");
}

#[test]
fn nothing_is_withdrawn_while_a_compile_has_the_manifest_in_pieces() {
    if skipped(Kind::Vite, "a torn manifest") {
        return;
    }
    let site = with_dusk(Kind::Vite);
    let before = registry(&site);
    let manifest = "public/packs/.vite/manifest.json";
    let whole = fs::read(site.path(manifest)).unwrap();
    site.write(manifest, &whole[..whole.len() / 2]);
    let renamed = site.path("log/other.log");
    fs::write(&renamed, "ActionView::Template::Error (key not found: \"themes/dusk\"\n").unwrap();
    let mut watch = Watch::start(&site, &["--withdraw", "--from-start", "--log", renamed.to_str().unwrap()]);
    watch.wait_for("nothing is withdrawn: the manifest is missing or cannot be read");
    std::thread::sleep(Duration::from_secs(3));
    let (_, said) = watch.end();
    assert_eq!(registry(&site), before, "{said}");
}

#[test]
fn a_journal_is_followed_and_ends_with_the_watch() {
    let site = crate::compiled_builtin();
    site.append("config/themes.yml", "dusk: styles/dusk.scss\n");
    // The journal itself is not to be had here; this stands for journalctl and prints what it would.
    let stub = site.folder.path().join("bin/journalctl");
    fs::create_dir_all(stub.parent().unwrap()).unwrap();
    let line =
        "ActionView::Template::Error (Webpacker can't find dusk.css in /l/public/packs/manifest.json. Possible causes:";
    fs::write(
        &stub,
        format!(
            "#!/bin/sh\necho \"$@\" > {0}.said\necho $$ > {0}.pid\ncat <<'E'\n{line}\nE\nexec sleep 600\n",
            stub.display()
        ),
    )
    .unwrap();
    assert!(Command::new("chmod").arg("+x").arg(&stub).status().unwrap().success());
    let path = format!("{}:{}", stub.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut watch = Watch::start_with(&site, &["--journal", "mastodon-web"], &[("PATH", path)]);
    watch.wait_for("dusk   1 page failed");
    assert!(watch.said().contains("offered and not compiled: themegate withdraw dusk"), "{}", watch.said());
    let (code, said) = watch.end();
    assert_eq!(code, Some(1), "{said}");
    let words = fs::read_to_string(stub.with_extension("said")).unwrap();
    assert_eq!(words.trim(), "--follow --output=cat --no-pager --lines=0 --unit=mastodon-web");
    let pid = fs::read_to_string(stub.with_extension("pid")).unwrap();
    assert!(!PathBuf::from(format!("/proc/{}", pid.trim())).exists(), "journalctl was left running");
    let quiet = crate::compiled_builtin();
    quiet.write("log/production.log", "");
    let (code, said) = Watch::start(&quiet, &[]).end();
    assert_eq!(code, Some(0), "{said}");
}
