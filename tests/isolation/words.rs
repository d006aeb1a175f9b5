//! What is said where a build is not isolated, by the system's will or the user's.

use std::fs;
use std::process::Command;

use super::ground::Ground;

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
fn a_system_that_grants_no_more_threads_is_undecided() {
    let Some(ground) = Ground::new().for_user() else { return eprintln!("skipped: runuser is for root") };
    let owned =
        Command::new("chown").arg("-hR").arg(format!("{}:", ground.user.unwrap())).arg(ground.path("")).status();
    assert!(owned.unwrap().success());
    let few = ["runuser", "-u", ground.user.unwrap(), "--", "prlimit", "--nproc=2"];
    let checked = ground.site.check_through(&few, &["--compiler", "builtin"]);
    assert_eq!(checked.code, 3, "{}", checked.stderr);
    assert!(checked.stderr.contains("ulimit -u"), "{}", checked.stderr);
}
