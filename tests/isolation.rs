//! Whatever a build does, on every rung that promises it: nothing outside of its stage changes, nothing secret is read, no
//! process is left; and a healthy build notices nothing of it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Checked, Kind, Site, THEMEGATE, assert_same_tree, digest};

/// The ways to stage that work on the tests' own file system.
const WAYS: [&str; 2] = ["overlay", "copy"];

/// A site in a folder with a home, a secret, and something outside that must stay as it is.
struct Ground {
    site: Site,
    user: Option<&'static str>,
}

impl Ground {
    fn new() -> Self {
        Self::on(Kind::Builtin, Path::new("/tmp"))
    }

    fn on(kind: Kind, base: &Path) -> Self {
        let site = Site::copy_into(kind, base);
        fs::set_permissions(site.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let ground = Self { site, user: None };
        for (name, text) in [
            ("home/.cache/tool/old", "old\n"),
            ("home/.ssh/id_ed25519", "tell-nobody\n"),
            ("home/.profile", "true\n"),
            ("home/.netrc", "tell-nobody\n"),
            ("yarn/old", "old\n"),
            ("outside/file", "as it was\n"),
            ("shared/secret", "DB_PASS=tell-nobody\n"),
            ("live/config/database.yml", "production: {}\n"),
        ] {
            let path = ground.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        ground.site.write(".env.production.local", "SECRET=tell-nobody\n");
        let environment = ground.path("live/.env.production");
        let _not_everywhere = fs::remove_file(&environment);
        symlink("../shared/secret", environment).unwrap();
        ground
    }

    /// The same for an ordinary user, if there can be one (root only).
    fn for_user(mut self) -> Option<Self> {
        let user = ["mastodon", "nobody"].into_iter().find(|user| {
            Command::new("runuser")
                .args(["-u", user, "true"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|end| end.success())
        })?;
        self.user = Some(user);
        Some(self)
    }

    fn can_look(&self) -> bool {
        let mut look = Command::new("runuser");
        look.args(["-u", self.user.unwrap_or("root"), "--", "test", "-r"]).arg(self.site.folder.path());
        look.status().is_ok_and(|end| end.success())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.site.folder.path().join(name)
    }

    /// Everything but the state folder and the program that the check may have been given.
    fn digest(&self) -> std::collections::BTreeMap<PathBuf, String> {
        let mut all = digest(self.site.folder.path());
        all.retain(|path, _| {
            !path.starts_with(".themegate") && path != Path::new("themegate") && path != Path::new("")
        });
        all
    }

    fn script(&self, text: &str) -> String {
        let path = self.path("script.sh");
        let program = if self.user.is_some() { self.path("themegate") } else { PathBuf::from(THEMEGATE) };
        let text = text.replace("PROGRAM", &program.display().to_string());
        fs::write(&path, text.replace("@", &self.site.folder.path().display().to_string())).unwrap();
        format!("sh {}", path.display())
    }

    /// Checks with a script as compiler, and asserts that nothing outside of the stage has changed.
    fn build(&self, script: &str, arguments: &[&str]) -> Built {
        let line = self.script(script);
        let mut all = vec!["--compiler", line.as_str()];
        all.extend(arguments);
        if let Some(user) = self.user {
            let status = Command::new("chown").arg("-hR").arg(format!("{user}:")).arg(self.site.folder.path()).status();
            assert!(status.unwrap().success());
        }
        let before = self.digest();
        let [home, yarn] = ["home", "yarn"].map(|name| self.path(name).display().to_string());
        let [home_word, yarn_word] = [format!("HOME={home}"), format!("YARN_CACHE_FOLDER={yarn}")];
        let checked = match self.user {
            // `runuser` sets a home of its own.
            Some(user) => self.site.check_through(&["runuser", "-u", user, "--", "env", &home_word, &yarn_word], &all),
            None => self.site.check_with(&all, &[("HOME", &home), ("YARN_CACHE_FOLDER", &yarn)]),
        };
        assert_same_tree(&before, &self.digest());
        let log = self.site.command(&["show", "latest", "--log"]).output().unwrap();
        Built { checked, log: String::from_utf8_lossy(&log.stdout).into_owned() }
    }
}

struct Built {
    checked: Checked,
    log: String,
}

impl Built {
    #[track_caller]
    fn assert_isolated(&self) {
        let said = self.checked.report["staging"]["isolation"].as_str().unwrap_or_default();
        assert!(
            said.starts_with("the build saw its stage alone"),
            "{}\n{}",
            self.checked.report["staging"],
            self.checked.stderr
        );
    }

    #[track_caller]
    fn assert_says(&self, word: &str) {
        assert!(self.log.lines().any(|line| line == word), "{word:?} is not in:\n{}", self.log);
    }
}

/// A place outside of the folders for temporary files: there, the build does not even see what it would spoil.
fn elsewhere() -> PathBuf {
    let folder = support::repository().join("target/tmp-sites");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Every ground that there is: root's, and an ordinary user's where they can look.
fn each(bases: &[&Path], test: impl Fn(Ground)) {
    for base in bases.iter().filter(|base| tempfile::tempdir_in(base).is_ok()) {
        test(Ground::on(Kind::Builtin, base));
        match Ground::on(Kind::Builtin, base).for_user() {
            Some(ground) if ground.can_look() => test(ground),
            _ => eprintln!("skipped: the part for an ordinary user in {}: runuser is for root", base.display()),
        }
    }
}

const HOSTILE: &str = r#"
for key in .env.production ../shared/secret @/shared/secret @/live/.env.production.local; do cat "$key"; done
cat "$HOME/.ssh/id_ed25519" "$HOME/.netrc"
cat /proc/1/root@/shared/secret /proc/*/root@/shared/secret /proc/*/environ
find @/.themegate -mindepth 1 -not -path '*/heard' | grep -v 'stage-[^/]*$' | grep -v 'side$' | sed 's/^/seen /'
touch @/.themegate/new && echo seen and written
echo evil > "$PWD/config/themes.yml"
echo evil > @/live/config/database.yml
echo evil > config/leads-out
echo evil > @/outside/file
ln -s @/outside out && echo evil > out/file
mkdir @/outside/new
rm -rf @/outside @/home ../outside
echo evil > /etc/themegate-evil
echo evil > /tmp/themegate-evil-$$
echo evil > /var/tmp/themegate-evil-$$
echo evil > "$HOME/.profile"
mount -t tmpfs none /mnt && echo mounted
umount -l @/live && echo uncovered
unshare -U -r -m sh -c 'umount -l @/live || umount -R -l /tmp || mount -o remount,rw,bind /' && echo uncovered
(setsid sh -c 'trap "" TERM HUP; env -i sleep DAEMON' &) &
env -i setsid setsid sleep DAEMON &
rm -rf .. ../* "$PWD"
true
"#;

#[test]
fn a_hostile_build_changes_nothing_outside_of_its_stage_and_leaves_no_process() {
    each(&[Path::new("/tmp"), &elsewhere()], |ground| {
        symlink(ground.path("outside/file"), ground.path("live/config/leads-out")).unwrap();
        for way in WAYS {
            let daemon = format!("{}", 300_000 + std::process::id());
            let built = ground.build(&HOSTILE.replace("DAEMON", &daemon), &["--staging", way]);
            built.assert_isolated();
            assert!(!built.log.contains("tell-nobody"), "{way}: a secret was read:\n{}", built.log);
            for word in ["mounted", "uncovered"] {
                assert!(!built.log.lines().any(|line| line == word), "{way}: {word}:\n{}", built.log);
            }
            assert!(!built.log.contains("seen "), "{way}: the state folder was seen:\n{}", built.log);
            assert!(!running(&daemon), "{way}: a process was left");
            assert!(!Path::new("/etc/themegate-evil").exists());
            assert_ne!(built.checked.verdict(), "pass");
        }
    });
}

const POWERS: &str = r#"
sed -n 's/^\(Cap[A-Z][a-z]*\):\t/caps /p; s/^NoNewPrivs:\t/no new privileges /p' /proc/self/status
for file in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/irq/default_smp_affinity; do [ ! -w $file ] || echo "power $file"; done
cat /proc/sys/vm/swappiness > /proc/sys/vm/swappiness && echo power over the kernel
find /dev -type b | sed 's/^/power /'
[ $(ls -d /proc/[0-9]* | wc -l) -lt 20 ] || echo power over processes
for kind in ipc pid mnt net; do echo "space $(readlink /proc/self/ns/$kind)"; done
"#;

#[test]
fn a_build_has_no_power_over_the_system_and_can_win_none_back() {
    // Changing owners, passing over permissions, acting on files and processes of others, changing ids; no more than that.
    const OF_ROOT: u64 = 0b1111_1011;
    each(&[Path::new("/tmp")], |ground| {
        let is_root = ground.user.is_none() && rustix::process::geteuid().is_root();
        for way in WAYS {
            let built = ground.build(POWERS, &["--staging", way, "--network", "deny"]);
            built.assert_isolated();
            built.assert_says("no new privileges 1");
            let sets: Vec<u64> = built
                .log
                .lines()
                .filter_map(|line| u64::from_str_radix(line.strip_prefix("caps ")?, 16).ok())
                .collect();
            assert_eq!(sets.len(), 5, "{}", built.log);
            let allowed = if is_root { OF_ROOT } else { 0 };
            assert!(sets.iter().all(|set| set & !allowed == 0), "{way}: {}", built.log);
            assert!(!built.log.lines().any(|line| line.starts_with("power")), "{way}: {}", built.log);
            for kind in ["ipc", "pid", "mnt", "net"] {
                let ours = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
                assert!(built.log.contains(&format!("space {kind}:")), "{}", built.log);
                assert!(!built.log.contains(&format!("space {}", ours.display())), "{way}: {kind} is shared");
            }
        }
    });
}

#[test]
fn keys_are_missing_in_a_home_that_holds_too_much_to_be_replaced() {
    let ground = Ground::on(Kind::Builtin, &elsewhere());
    for number in 0..600 {
        fs::write(ground.path(&format!("home/{number}")), "").unwrap();
    }
    fs::create_dir(ground.path("aws")).unwrap();
    fs::write(ground.path("aws/credentials"), "tell-nobody").unwrap();
    symlink(ground.path("aws"), ground.path("home/.aws")).unwrap();
    let built = ground.build("cat $HOME/.profile; cat $HOME/.ssh/* $HOME/.netrc $HOME/.aws/*; PROGRAM __compile", &[]);
    built.assert_isolated();
    assert!(!built.log.contains("tell-nobody"), "{}", built.log);
    // Of a build's /tmp only the homes that can be replaced are the system's own.
    if ["/tmp", "/var/tmp"].iter().any(|folder| ground.path("home").starts_with(folder)) {
        eprintln!(
            "skipped: that the rest of such a home can be read; this checkout lies in a folder for temporary files"
        );
    } else {
        built.assert_says("true");
    }
}

#[test]
fn a_healthy_build_passes_on_every_way_and_sees_the_tree_at_the_live_ones_path() {
    each(&[Path::new("/tmp")], |ground| {
        for way in WAYS {
            let script = "[ \"$PWD\" = @/live ] && echo at its place\n\
                [ -z \"$(ls -A public/packs 2> /dev/null)\" ] && echo output begins empty\n\
                echo new > $HOME/.cache/tool/old && echo new > $HOME/.new && echo new > $HOME/.cache/more && echo home is writable\n\
                [ -e $YARN_CACHE_FOLDER/old ] && echo new > $YARN_CACHE_FOLDER/new && echo cache is writable\n\
                echo new > /tmp/x && echo new > /var/tmp/x && echo new > /dev/shm/x && [ $(stat -c %a /tmp) = 1777 ] && echo temporary is writable\n\
                mv config/database.yml config/moved && mv config/moved config/database.yml\n\
                PROGRAM __compile";
            let built = ground.build(script, &["--staging", way]);
            built.assert_isolated();
            for word in [
                "at its place",
                "output begins empty",
                "home is writable",
                "cache is writable",
                "temporary is writable",
            ] {
                built.assert_says(word);
            }
            built.checked.assert_verdict("pass", 0);
            assert_eq!(built.checked.report["staging"]["method"], way);
        }
    });
}

#[test]
fn what_a_build_writes_elsewhere_in_the_tree_is_told_on_every_way() {
    let script = "PROGRAM __compile; echo x >> config/themes.yml; rm config/settings.yml; mkdir app/new; touch app/new/a\n\
        touch -r config/webpacker.yml config/webpacker.yml; : >> config/webpacker.yml\n\
        cat config/webpacker.yml > w; rm config/webpacker.yml; cat w > config/webpacker.yml; rm w\n\
        touch -d '2001-01-01' config/database.yml";
    let ground = Ground::new();
    let told = WAYS.map(|way| {
        let built = ground.build(script, &["--staging", way]);
        let finding = built.checked.finding("build-wrote-elsewhere").unwrap().clone();
        (finding["message"].clone(), finding["evidence"].clone(), built.checked.verdict().to_owned())
    });
    assert_eq!(told[0], told[1]);
    let places = told[0].1.to_string();
    for place in [
        "app/new",
        "app/new/a",
        "config/database.yml",
        "config/settings.yml",
        "config/themes.yml",
        "config/webpacker.yml",
    ] {
        assert!(places.contains(&format!("{place}\"")), "{place} is not in {places}");
    }
}

#[test]
fn a_file_that_belongs_to_somebody_else_can_be_changed_in_the_stage_all_the_same() {
    let Some(ground) = Ground::new().for_user() else { return eprintln!("skipped: runuser is for root") };
    let line = ground.script(
        "echo more >> config/foreign && mv config/foreign config/moved && cat config/moved && PROGRAM __compile",
    );
    let user = ground.user.unwrap();
    let owned =
        Command::new("chown").arg("-hR").arg(format!("{user}:")).arg(ground.site.folder.path()).status().unwrap();
    assert!(owned.success());
    ground.site.write("config/foreign", "root's\n");
    let home = format!("HOME={}", ground.path("home").display());
    let checked = ground
        .site
        .check_through(&["runuser", "-u", user, "--", "env", &home], &["--staging", "overlay", "--compiler", &line]);
    assert_eq!(checked.report["precompile"]["exit"], 0, "{:?} {}", checked.grave(), checked.stderr);
    assert_eq!(checked.report["staging"]["method"], "overlay");
}

#[test]
fn without_network_nobody_is_reached_and_with_it_they_are() {
    let ground = Ground::on(Kind::Builtin, &elsewhere());
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = ground.path("outside/service.sock");
    let unix = UnixListener::bind(&socket).unwrap();
    // Whole folders are covered below /run.
    let run = tempfile::tempdir_in("/run").ok();
    let in_run = run.as_ref().map_or_else(|| socket.clone(), |folder| folder.path().join("service.sock"));
    let unix_in_run = run.is_some().then(|| UnixListener::bind(&in_run).unwrap());
    let port = tcp.local_addr().unwrap().port();
    let script = format!(
        "perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(\"127.0.0.1:{port}\") ? \"tcp reached\\n\" : \"tcp not reached\\n\"'\n\
         perl -MIO::Socket::UNIX -e 'print IO::Socket::UNIX->new(Peer => \"{}\") ? \"file reached\\n\" : \"file not reached\\n\"'\n\
         perl -MIO::Socket::UNIX -e 'print IO::Socket::UNIX->new(Peer => \"{}\") ? \"run reached\\n\" : \"run not reached\\n\"'\n\
         perl -MIO::Socket::INET -e '$own = IO::Socket::INET->new(Listen => 1, LocalAddr => \"127.0.0.1\"); \
         print IO::Socket::INET->new(\"127.0.0.1:\" . $own->sockport) ? \"loopback works\\n\" : \"no loopback\\n\"'",
        socket.display(),
        in_run.display()
    );
    for way in WAYS {
        let alone = ground.build(&script, &["--staging", way, "--network", "deny"]);
        for word in ["tcp not reached", "file not reached", "run not reached", "loopback works"] {
            alone.assert_says(word);
        }
        let connected = ground.build(&script, &["--staging", way, "--network", "allow"]);
        for word in ["tcp reached", "file not reached", "run not reached"] {
            connected.assert_says(word);
        }
    }
    drop((tcp, unix, unix_in_run));
}

#[test]
fn a_build_that_is_killed_is_undecided_however_whole_its_output_is() {
    let ground = Ground::new();
    for way in WAYS {
        for signal in ["KILL", "TERM", "SEGV"] {
            let built = ground
                .build(&format!("PROGRAM __compile && kill -{signal} $PPID; kill -{signal} $$"), &["--staging", way]);
            built.assert_isolated();
            built.checked.assert_verdict("undecided", 3);
            assert!(built.checked.report["precompile"]["exit"].is_null(), "{}", built.checked.report["precompile"]);
        }
    }
}

#[test]
fn a_build_that_may_be_hindered_is_undecided_and_says_what_to_try() {
    let ground = Ground::new();
    let built = ground.build("echo x > /usr/local/themegate-x || exit 1", &[]);
    built.checked.assert_verdict("undecided", 3);
    let finding = built.checked.finding("build-perhaps-hindered").unwrap();
    assert!(finding["help"].as_str().unwrap().contains("--isolation none"), "{finding}");
}

#[test]
fn where_the_system_forbids_namespaces_the_next_way_is_taken_and_the_report_says_so() {
    // Within a user namespace of its own, a process may forbid what comes below.
    let forbid = |what: &str| format!("echo 0 > /proc/sys/user/{what} && exec \"$@\"");
    let ground = Ground::new();
    let through = |script: &str, arguments: &[&str]| {
        let words = ["unshare", "-U", "-r", "-m", "sh", "-c", script, "sh"];
        ground.site.check_through(&words, arguments)
    };
    if !Command::new("unshare").args(["-U", "-r", "-m", "true"]).status().is_ok_and(|end| end.success()) {
        return eprintln!("skipped: no user namespaces here");
    }
    let without = through(&forbid("max_mnt_namespaces"), &[]);
    without.assert_verdict("pass", 0);
    assert_eq!(without.report["staging"]["method"], "copy");
    let note = without.finding("build-not-isolated").unwrap();
    assert!(note["help"].as_str().unwrap().contains("apparmor_restrict_unprivileged_userns"), "{note}");
    let demanded = through(&forbid("max_mnt_namespaces"), &["--staging", "overlay"]);
    assert_eq!(demanded.code, 3, "{}", demanded.stderr);
    assert!(demanded.stderr.contains("--staging auto"), "{}", demanded.stderr);
    // Root that may mount without a user namespace does.
    let root = through(&forbid("max_user_namespaces"), &["--fresh"]);
    root.assert_verdict("pass", 0);
    assert_eq!(root.report["staging"]["method"], "overlay", "{}", root.report["staging"]);
}

#[test]
fn isolation_none_is_told_and_an_unknown_word_refused() {
    let ground = Ground::new();
    let checked = ground.site.check(&["--isolation", "none"]);
    checked.assert_verdict("pass", 0);
    assert!(checked.report["staging"]["isolation"].as_str().unwrap().contains("could reach the live tree"));
    assert!(checked.finding("build-not-isolated").is_none(), "nobody has to be told what he asked for");
    assert_eq!(ground.site.command(&["check", "--staging", "magic"]).output().unwrap().status.code(), Some(2));
    fs::write(ground.path("themegate.toml"), "[check]\nstaging = \"copy\"\nisolation = \"none\"\nnetwork = \"deny\"\n")
        .unwrap();
    assert_eq!(ground.site.check(&[]).report["staging"]["method"], "copy");
    assert_eq!(
        ground.site.check_with(&[], &[("THEMEGATE_ISOLATION", "auto"), ("THEMEGATE_STAGING", "overlay")]).report["staging"]
            ["method"],
        "overlay"
    );
}

#[test]
fn a_gate_killed_at_any_time_leaves_no_process_no_mount_and_no_stage_after_the_next_run() {
    let ground = Ground::new();
    let before = ground.digest();
    for way in WAYS {
        for delay in [5, 20, 40, 80, 120, 200, 400, 800] {
            let mut gate = ground.site.command(&["check", "--staging", way, "--compiler", "sleep 300"]);
            let mut gate = gate.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(delay));
            gate.kill().unwrap();
            gate.wait().unwrap();
        }
        wait_until("no process is left", || processes_of(ground.site.folder.path()).is_empty());
        ground.site.check(&["--staging", way]).assert_verdict("pass", 0);
        assert!(ground.site.stages().is_empty());
    }
    assert_same_tree(&before, &ground.digest());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&ground.site.folder.path().display().to_string()), "{mounts}");
}

#[test]
fn whichever_process_of_a_check_is_killed_the_build_ends_with_it() {
    let ground = Ground::new();
    for way in WAYS {
        // The supervisor ends the build when the gate is gone, and the gate when the supervisor is; the kernel where both are.
        for victims in [&["check"][..], &["__exec"], &["__isolate"], &["__init"], &["check", "__exec"]] {
            let marker = format!("{}", 600_000 + std::process::id());
            let line = ground.script(&format!("env -i setsid sleep {marker} & sleep {marker}"));
            let mut gate = ground.site.command(&["check", "--staging", way, "--compiler", &line]);
            let mut gate = gate.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            wait_until("the build runs", || running(&marker));
            let all = processes_of(ground.site.folder.path());
            let is_one = |line: &str| victims.contains(&line.split(' ').nth(1).unwrap_or_default());
            let pids: Vec<&String> = all.iter().filter(|(_, line)| is_one(line)).map(|(pid, _)| pid).collect();
            assert_eq!(pids.len(), victims.len(), "{victims:?} in {all:?}");
            for signal in ["-STOP", "-KILL"] {
                assert!(Command::new("kill").arg(signal).args(&pids).status().unwrap().success());
            }
            wait_until("the build is gone", || !running(&marker));
            let code = gate.wait().unwrap().code();
            assert!(victims.contains(&"check") || code == Some(3), "{way}, {victims:?}: {code:?}");
            wait_until("no process is left", || processes_of(ground.site.folder.path()).is_empty());
        }
    }
}

/// Where root makes no user namespace, nothing but this keeps the system from seeing the build's mounts.
#[test]
fn no_mount_reaches_the_system_even_where_mounts_are_shared() {
    let ground = Ground::new();
    let script = "mount --make-rshared / && echo 0 > /proc/sys/user/max_user_namespaces && cat /proc/self/mountinfo > $FOLDER/before\n\
        \"$@\"; code=$?; cat /proc/self/mountinfo > $FOLDER/after; exit $code";
    let folder = format!("FOLDER={}", ground.site.folder.path().display());
    if !Command::new("unshare").args(["-U", "-r", "-m", "true"]).status().is_ok_and(|end| end.success()) {
        return eprintln!("skipped: no user namespaces here");
    }
    for way in WAYS {
        let words = ["env", &folder, "unshare", "-U", "-r", "-m", "sh", "-c", script, "sh"];
        let checked = ground.site.check_through(&words, &["--fresh", "--staging", way]);
        checked.assert_verdict("pass", 0);
        assert!(checked.report["staging"]["isolation"].as_str().unwrap().contains("its stage alone"));
        let [before, after] = ["before", "after"].map(|name| fs::read_to_string(ground.path(name)).unwrap());
        assert_eq!(before, after, "{way}");
    }
}

#[test]
fn an_overlay_that_is_taken_away_is_undecided_and_no_broken_theme() {
    let ground = Ground::new();
    let line = ground.script("touch ready; sleep 3; PROGRAM __compile");
    let mut gate = ground.site.command(&["check", "--staging", "overlay", "--compiler", &line]);
    let mut gate = gate.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let holder = || {
        let all = processes_of(ground.site.folder.path());
        all.into_iter().find(|(_, line)| line.contains("__hold")).map(|(pid, _)| pid)
    };
    let sleeping = || {
        processes_of(ground.site.folder.path())
            .iter()
            .any(|(_, line)| line.contains("__init") && line.contains("script.sh"))
    };
    wait_until("the build runs", sleeping);
    let status = Command::new("kill").args(["-9", &holder().unwrap()]).status().unwrap();
    assert!(status.success());
    let mut said = String::new();
    gate.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(gate.wait().unwrap().code(), Some(3), "{said}");
    assert!(said.contains("The overlay over the live tree is gone"), "{said}");
}

#[test]
fn a_theme_that_passed_in_an_overlay_is_promoted_without_a_trace_of_it() {
    let ground = Ground::new();
    let theme = support::repository().join("fixtures/themes/midnight").display().to_string();
    let checked = ground.site.check(&["--staging", "overlay", "--theme", &theme]);
    checked.assert_verdict("pass", 0);
    let kept = ground.path(".themegate/staged");
    let run = fs::read_dir(&kept).unwrap().flatten().find(|entry| entry.path().is_dir()).unwrap().path();
    assert!(run.join("public/packs/manifest.json").is_file());
    assert!(run.join("config/themes.yml").is_file());
    for entry in walkdir::WalkDir::new(&run) {
        let mut names = [0_u8; 1024];
        let length = rustix::fs::llistxattr(entry.unwrap().path(), &mut names).unwrap_or(0);
        assert!(!String::from_utf8_lossy(&names[..length]).contains("overlay"), "a mark of the overlay was left");
    }
}

fn running(marker: &str) -> bool {
    Command::new("pgrep").args(["-fx", &format!("sleep {marker}")]).output().unwrap().status.success()
}

/// Process ids and command lines that name a folder, this process's own and dead ones left out.
fn processes_of(folder: &Path) -> Vec<(String, String)> {
    let folder = folder.display().to_string();
    let read = |pid: &str, name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let lines = all.filter(|pid| pid.parse::<u32>().is_ok() && *pid != std::process::id().to_string()).map(|pid| {
        let line = String::from_utf8_lossy(&read(&pid, "cmdline")).replace('\0', " ");
        (pid, line)
    });
    lines.filter(|(_, line)| line.contains(&folder)).collect()
}

#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(30), "this never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::io::stderr().flush().unwrap();
}
