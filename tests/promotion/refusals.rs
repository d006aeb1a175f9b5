//! What is refused before anything changes, and how it is said.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use themegate::promotion::disk::Disk;
use themegate::promotion::freeze::{self, Freeze};
use themegate::promotion::{PromotionError, Terms};

use crate::crash_matrix::{Operation, aloud, command};
use crate::generated_site::{Layout, REGISTRY_OLD, Site, difference, scratch, snapshot};

pub(crate) fn site(folder: &tempfile::TempDir) -> Site {
    Site::generate(&folder.path().join("home"), Layout::Vite)
}

/// Promotes, expects a refusal with this exit code and these words, and an untouched live tree.
pub(crate) fn refused(site: &Site, code: u8, words: &[&str]) -> PromotionError {
    let before = site.snapshot();
    let error = site.promote(&Disk::real()).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.exit_code(), code, "{text}");
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert_eq!(difference(&before, &site.snapshot()), Vec::<PathBuf>::new());
    error
}

#[test]
fn a_registry_edited_since_the_check_is_not_overwritten() {
    let folder = scratch();
    let site = site(&folder);
    let registry = site.live().join("config/themes.yml");
    fs::write(&registry, format!("{}mine: styles/mine.scss\n", REGISTRY_OLD.replace("contrast.scss", "other.scss")))
        .unwrap();
    let lines = ["2 - contrast: styles/contrast.scss", "2 + contrast: styles/other.scss", "3 + mine: styles/mine.scss"];
    refused(&site, 4, &["config/themes.yml", "has changed", lines[0], lines[1], lines[2]]);
    assert!(fs::read_to_string(registry).unwrap().contains("mine"));
}

#[test]
fn a_registry_edited_since_the_promotion_is_not_rolled_back_unasked() {
    let folder = scratch();
    let site = site(&folder);
    site.promote(&Disk::real()).unwrap();
    let registry = site.live().join("config/themes.yml");
    let edited = format!("{}mine: styles/mine.scss\n", fs::read_to_string(&registry).unwrap());
    fs::write(&registry, &edited).unwrap();
    let error = site.rollback(&Disk::real()).unwrap_err();
    assert!(error.to_string().contains("--discard-edits"), "{error}");
    let state = themegate::promotion::StateFolder::open(&Disk::real(), &site.state()).unwrap();
    let done = themegate::promotion::rollback(&Disk::real(), &state, &site.live(), None, true).unwrap().unwrap();
    assert_eq!(fs::read_to_string(&registry).unwrap(), REGISTRY_OLD);
    let kept = site.state().join("generations").join(done.id).join("files/config/themes.yml");
    assert_eq!(fs::read_to_string(kept).unwrap(), edited, "the edit is kept");
}

#[test]
fn a_staged_tree_that_changed_or_vanished_is_refused() {
    let folder = scratch();
    let site = site(&folder);
    fs::write(site.staged().join("public/packs/css/tangerineui-new.css"), "tampered").unwrap();
    refused(&site, 4, &["tangerineui-new.css", "not what was checked"]);
    fs::rename(site.staged(), site.home.join("elsewhere")).unwrap();
    refused(&site, 4, &["not what was checked"]);
}

#[test]
fn what_themegate_did_not_write_in_its_state_folder_is_refused() {
    let folder = scratch();
    let site = site(&folder);
    fs::create_dir_all(site.state().join("journal")).unwrap();
    fs::write(site.state().join("journal/notes.txt"), "mine").unwrap();
    refused(&site, 4, &["notes.txt", "no journal of themegate"]);
    assert!(site.recover(&Disk::real()).unwrap_err().contains("notes.txt"));
    fs::remove_file(site.state().join("journal/notes.txt")).unwrap();
    fs::create_dir_all(site.state().join("generations/mine")).unwrap();
    refused(&site, 4, &["generations/mine", "no generation of themegate"]);
    fs::remove_dir(site.state().join("generations/mine")).unwrap();
    fs::remove_dir(site.state().join("generations")).unwrap();
    fs::write(site.state().join("generations"), "a file").unwrap();
    refused(&site, 4, &["generations", "Move it away"]);
}

#[test]
fn a_damaged_journal_is_refused_and_a_torn_one_is_not() {
    let folder = scratch();
    let site = site(&folder);
    let before = site.snapshot();
    command(&site, Operation::Promote, &[]).env("THEMEGATE_TEST_KILL", "200").status().unwrap();
    let folder = site.state().join("journal");
    let journal = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&journal).unwrap();
    let interrupted = site.snapshot();
    for (at, flipped) in [(100, b'#'), (70, b'\n')] {
        let mut damaged = whole.clone();
        damaged[at] = flipped;
        fs::write(&journal, damaged).unwrap();
        let error = site.recover(&Disk::real()).unwrap_err();
        assert!(error.contains("damaged in line 1"), "{error}");
        assert_eq!(interrupted, site.snapshot());
    }
    fs::write(&journal, [&whole[..], b"0123 {\"tor"].concat()).unwrap();
    site.recover(&Disk::real()).unwrap();
    assert_ne!(interrupted, before);
    assert!(site.promote(&Disk::real()).is_ok() || site.rollback(&Disk::real()).is_ok());
}

#[test]
fn an_interrupted_switch_has_to_be_recovered_first() {
    let folder = scratch();
    let site = site(&folder);
    command(&site, Operation::Promote, &[]).env("THEMEGATE_TEST_KILL", "100").status().unwrap();
    assert_eq!(site.promote(&Disk::real()).unwrap_err().exit_code(), 5);
    assert!(site.rollback(&Disk::real()).unwrap_err().to_string().contains("themegate recover"));
    site.recover(&Disk::real()).unwrap();
    site.promote(&Disk::real()).unwrap();
}

#[test]
fn a_frozen_site_refuses_unless_a_reason_is_given_and_records_it() {
    let folder = scratch();
    let site = site(&folder);
    let until = jiff::Zoned::now().date();
    fs::create_dir_all(site.state()).unwrap();
    let frozen = Freeze { until, reason: "after the incident".to_owned() };
    freeze::set(&Disk::real(), &site.state(), &frozen).unwrap();
    refused(&site, 1, &["after the incident", "--despite-freeze"]);
    assert!(!freeze::holds(&frozen, until.tomorrow().unwrap()), "the day after, it is over");
    let state = themegate::promotion::StateFolder::open(&Disk::real(), &site.state()).unwrap();
    let promotable = themegate::promotion::Promotable::load(&site.state(), crate::generated_site::RUN).unwrap();
    let terms = Terms { despite_freeze: Some("urgent"), ..Terms::default() };
    let done = themegate::promotion::promote(&Disk::real(), &state, &promotable, terms).unwrap().unwrap();
    assert_eq!(done.despite_freeze.as_deref(), Some("urgent"));
    freeze::lift(&Disk::real(), &site.state()).unwrap();
    assert_eq!(freeze::read(&site.state()).unwrap(), None);
}

#[test]
fn a_link_inside_the_output_is_refused_and_a_shared_output_folder_is_not() {
    let folder = scratch();
    let site = site(&folder);
    let css = site.live().join("public/packs/css");
    fs::rename(&css, site.home.join("css")).unwrap();
    symlink(site.home.join("css"), &css).unwrap();
    refused(&site, 4, &["packs/css", "symlink"]);
    fs::remove_file(&css).unwrap();
    fs::rename(site.home.join("css"), &css).unwrap();

    let shared = site.home.join("shared-packs");
    fs::rename(site.live().join("public/packs"), &shared).unwrap();
    symlink(&shared, site.live().join("public/packs")).unwrap();
    let shared_registry = site.home.join("shared-themes.yml");
    fs::rename(site.live().join("config/themes.yml"), &shared_registry).unwrap();
    symlink(&shared_registry, site.live().join("config/themes.yml")).unwrap();
    let before = snapshot(&shared);
    site.promote(&Disk::real()).unwrap();
    assert!(shared.join("css/tangerineui-new.css").exists());
    assert!(site.live().join("config/themes.yml").is_symlink());
    assert!(fs::read_to_string(&shared_registry).unwrap().contains("tangerineui"));
    site.rollback(&Disk::real()).unwrap();
    let left = difference(&before, &snapshot(&shared));
    assert!(left.iter().all(|name| !before.contains_key(name)), "{left:?}");
}

#[test]
fn owner_and_mode_of_what_is_replaced_and_of_the_folder_are_kept() {
    if !rustix::process::geteuid().is_root() {
        aloud("skipped: only root can give files away");
        return;
    }
    let folder = scratch();
    let site = site(&folder);
    for entry in walkdir::WalkDir::new(site.live()) {
        let _ = chown(entry.unwrap().path(), Some(1234), Some(2345));
    }
    let registry = site.live().join("config/themes.yml");
    fs::set_permissions(&registry, fs::Permissions::from_mode(0o640)).unwrap();
    site.promote(&Disk::real()).unwrap();
    assert_eq!(fs::metadata(registry).unwrap().mode() & 0o7777, 0o640);
    for entry in walkdir::WalkDir::new(site.live()) {
        let metadata = entry.unwrap().path().symlink_metadata().unwrap();
        assert!(metadata.is_symlink() || (metadata.uid(), metadata.gid()) == (1234, 2345));
    }
}

/// Runs the child of the crash matrix, which promotes; its exit status says whether it could.
fn promoted_by(site: &Site, wrapper: &[&str]) -> bool {
    let wrapper: Vec<String> = wrapper.iter().map(|word| (*word).to_owned()).collect();
    command(site, Operation::Promote, &wrapper).status().unwrap().success()
}

#[test]
fn a_tree_of_another_user_is_left_alone() {
    if !rustix::process::geteuid().is_root() || Command::new("runuser").arg("--version").output().is_err() {
        aloud("skipped: needs root and runuser");
        return;
    }
    let folder = scratch();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let site = site(&folder);
    assert!(Command::new("chown").args(["-R", "nobody"]).arg(site.state()).status().unwrap().success());
    let before = site.snapshot();
    assert!(!promoted_by(&site, &["runuser", "-u", "nobody", "--preserve-environment", "--"]));
    assert_eq!(before, site.snapshot());
}

/// Mounts something on a folder for the time of a test.
pub(crate) struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    pub(crate) fn new(on: &'a Path, words: &[&str]) -> Option<Self> {
        let mounted = Command::new("mount").args(words).arg(on).output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(on))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).output();
    }
}

#[test]
fn a_read_only_or_full_file_system_is_refused_before_anything_changes() {
    let folder = scratch();
    let small = folder.path().join("small");
    fs::create_dir(&small).unwrap();
    let Some(_mounted) = Mounted::new(&small, &["-t", "tmpfs", "-o", "size=4m", "tmpfs"]) else {
        aloud("skipped: needs the right to mount");
        return;
    };
    let site = Site::generate(&small.join("home"), Layout::Vite);
    let filler = small.join("filler");
    let _ = fs::write(&filler, vec![0; 3 << 20]);
    refused(&site, 4, &["bytes free", "Make room"]);
    fs::remove_file(&filler).unwrap();
    assert!(Command::new("mount").args(["-o", "remount,ro"]).arg(&small).status().unwrap().success());
    refused(&site, 4, &["read-only"]);
    assert!(Command::new("mount").args(["-o", "remount,rw"]).arg(&small).status().unwrap().success());
    site.promote(&Disk::real()).unwrap();
}

#[test]
fn an_output_folder_on_another_file_system_is_served_and_a_mounted_registry_is_refused() {
    let folder = scratch();
    let site = site(&folder);
    let packs = site.live().join("public/packs");
    let aside = site.home.join("packs");
    fs::rename(&packs, &aside).unwrap();
    fs::create_dir(&packs).unwrap();
    let Some(_mounted) = Mounted::new(&packs, &["-t", "tmpfs", "tmpfs"]) else {
        aloud("skipped: needs the right to mount");
        return;
    };
    assert!(Command::new("cp").arg("-a").arg(aside.join(".")).arg(&packs).status().unwrap().success());
    let registry = site.live().join("config/themes.yml");
    {
        let _bound = Mounted::new(&registry, &["--bind", registry.to_str().unwrap()]).unwrap();
        refused(&site, 4, &["themes.yml", "mount point"]);
    }
    site.promote(&Disk::real()).unwrap();
    assert!(packs.join("css/tangerineui-new.css").exists());
    site.rollback(&Disk::real()).unwrap();
}

/// Changes a record so that it names the given place.
type Change = fn(&mut serde_json::Value, &str);

/// A journal that is whole, with its checksum, and names other places.
fn hostile(site: &Site, change: impl Fn(&mut serde_json::Value)) -> PathBuf {
    let folder = site.state().join("journal");
    let path = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&path).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let mut record: serde_json::Value = serde_json::from_str(first.split_once(' ').unwrap().1).unwrap();
    change(&mut record["intent"]);
    let json = record.to_string();
    fs::write(&path, format!("{} {json}\n{rest}", blake3::hash(json.as_bytes()).to_hex())).unwrap();
    path
}

#[test]
fn a_journal_that_leads_out_of_the_live_tree_is_refused_and_nothing_outside_is_touched() {
    let cases: [(&str, Change); 6] = [
        ("a path outside", |intent, out| intent["plan"]["steps"][0]["path"] = out.into()),
        ("a temporary name outside", |intent, out| intent["plan"]["steps"][0]["temporary"] = out.into()),
        ("a name that climbs", |intent, out| {
            intent["plan"]["steps"][0]["name"] = "../outside/precious".into();
            intent["plan"]["steps"][0]["path"] = out.into();
        }),
        ("a folder to swap outside", |intent, out| intent["plan"]["groups"][0]["temporary"] = out.into()),
        ("a folder to remove outside", |intent, out| {
            intent["plan"]["new_folders"] =
                serde_json::json!([{"path": out, "attributes": {"mode": 0, "uid": 0, "gid": 0, "modified": [0, 0]}}]);
        }),
        ("an id that climbs", |intent, _| intent["id"] = "../../outside".into()),
    ];
    for (what, change) in cases {
        let folder = scratch();
        let site = site(&folder);
        let outside = site.home.join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("precious"), "precious").unwrap();
        command(&site, Operation::Promote, &[]).env("THEMEGATE_TEST_KILL", "150").status().unwrap();
        let at = if what.starts_with("a folder") { outside.clone() } else { outside.join("precious") };
        let journal = hostile(&site, |intent| change(intent, &at.display().to_string()));
        let before = snapshot(&site.home);
        let refusal = site.recover(&Disk::real()).unwrap_err();
        assert!(refusal.contains(&format!("{} is damaged in line 1", journal.display())), "{what}: {refusal}");
        assert_eq!(snapshot(&site.home), before, "{what}");
    }
}

#[test]
fn a_generation_that_leads_out_of_the_live_tree_or_calls_itself_otherwise_is_refused() {
    let cases: [Change; 2] = [
        |record, out| {
            let steps = record["plan"]["steps"].as_array_mut().unwrap();
            steps.iter_mut().find(|step| step["role"] == "fixed").unwrap()["path"] = out.into();
        },
        |record, _| record["id"] = "../../outside".into(),
    ];
    for change in cases {
        let folder = scratch();
        let site = site(&folder);
        let promoted = site.promote(&Disk::real()).unwrap().unwrap();
        let record = site.state().join("generations").join(&promoted.id).join("generation.json");
        let mut tampered: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
        change(&mut tampered, &site.home.join("outside").display().to_string());
        fs::write(&record, tampered.to_string()).unwrap();
        let before = snapshot(&site.home);
        let refusal = site.rollback(&Disk::real()).unwrap_err().to_string();
        assert!(refusal.contains("cannot be read"), "{refusal}");
        assert_eq!(snapshot(&site.home), before);
    }
}
