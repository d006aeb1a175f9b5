//! Whatever a build tries: nothing outside of its stage changes, and nothing secret is read.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use super::ground::{Ground, each, elsewhere};
use super::support::Kind;
use super::{WAYS, running};

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

/// What a build may put in the place of what the gate reads when it is over: nobody waits for it, and no link is followed out.
#[test]
fn the_gate_waits_for_nothing_and_reads_no_secret_whatever_a_build_has_left() {
    const SCRIPTS: [(&str, &str); 10] = [
        ("a manifest that is a FIFO", "rm public/packs/manifest.json; mkfifo public/packs/manifest.json"),
        ("another manifest that is one", "mkdir -p public/assets; mkfifo public/assets/.sprockets-manifest-0.json"),
        (
            "a manifest without end",
            "truncate -s 900G public/packs/manifest.json || truncate -s 9G public/packs/manifest.json",
        ),
        ("a stylesheet without end", "for file in public/packs/css/*.css; do truncate -s 9G $file; done"),
        ("a helper that is a FIFO", "mkdir -p app/helpers; mkfifo app/helpers/x.rb"),
        (
            "a log of the bundler's that is a FIFO",
            "log=$(echo @/.themegate/*/side/heard)/heard-webpack.log; rm $log; mkfifo $log",
        ),
        (
            "a log of the bundler's that is a secret",
            "log=$(echo @/.themegate/*/side/heard)/heard-webpack.log; rm $log; ln -s @/live/.env.production.local $log",
        ),
        ("a log of the bundler's without end", "truncate -s 90G $(echo @/.themegate/*/side/heard)/heard-webpack.log"),
        ("a script without end", "truncate -s 9G node_modules/.bin/webpack app/javascript/x.js"),
        ("a manifest that is a secret", "ln -sf @/shared/manifest.json public/packs/manifest.json"),
    ];
    let ground = Ground::new();
    ground.site.write("node_modules/.bin/webpack", "#!/bin/sh\necho the bundler was here\n");
    let program = fs::Permissions::from_mode(0o755);
    fs::set_permissions(ground.path("live/node_modules/.bin/webpack"), program).unwrap();
    fs::write(ground.path("shared/manifest.json"), r#"{"tell-nobody.js": "/packs/tell-nobody.js"}"#).unwrap();
    for way in WAYS {
        for (what, script) in SCRIPTS {
            let script = format!("node_modules/.bin/webpack; PROGRAM __compile; {script}");
            let built = ground.build(&script, &["--fresh", "--staging", way]);
            built.assert_isolated();
            assert_ne!(built.checked.verdict(), "pass", "{what}");
            let told = format!("{}{}{}", built.log, built.checked.report, built.checked.stderr);
            assert!(!told.contains("tell-nobody"), "{way}, {what}: {told}");
        }
    }
}

#[test]
fn what_a_link_in_the_place_of_the_output_leads_to_was_not_compiled() {
    let ground = Ground::new();
    ground.site.check(&["--compiler", "builtin"]).assert_verdict("pass", 0);
    // The build itself sees the stage at that path: it is the gate that would be led to the live tree.
    let copied = Command::new("cp").arg("-a").arg(ground.path(".themegate/staged")).arg(ground.path("kept")).status();
    assert!(copied.unwrap().success());
    let kept =
        fs::read_dir(ground.path("kept")).unwrap().flatten().map(|found| found.path()).find(|path| path.is_dir());
    fs::rename(kept.unwrap().join("public/packs"), ground.path("outside/packs")).unwrap();
    for way in WAYS {
        let built = ground.build("rm -rf public/packs; ln -s @/outside/packs public/packs", &["--staging", way]);
        built.checked.assert_verdict("block", 1);
        assert!(built.checked.finding("output-elsewhere").is_some(), "{:?}", built.checked.grave());
    }
}

#[test]
fn folders_beyond_count_and_depth_are_removed_with_few_descriptors() {
    let ground = Ground::new();
    let line = ground.script(
        "PROGRAM __compile; deep=$(printf '/d%.0s' $(seq 60)); for wide in $(seq 60); do mkdir -p public/packs/$wide$deep; done",
    );
    let few = ["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"];
    let checked = ground.site.check_through(&few, &["--compiler", &line, "--staging", "copy"]);
    checked.assert_verdict("pass", 0);
    assert!(ground.site.stages().is_empty());
}
