//! Kept caches that somebody altered, and runs that were killed while they kept them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use themegate::caches::{Caches, Left};

use super::support;
use super::{ENTRY, check, kept, said, site_with_kept_cache};

/// Does something to the folder of what is kept, or to the entry in it.
type Alteration<'a> = &'a dyn Fn(&Path, &Path);

/// However the kept files are altered: all of them are thrown away, the next build begins without, and the verdict is the same.
#[test]
fn altered_caches_are_thrown_away_as_a_whole() {
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    fs::write(elsewhere.path(), "good").unwrap();
    let hide = |folder: &Path| {
        fs::create_dir_all(folder).unwrap();
        rustix::fs::setxattr(folder, "user.overlay.opaque", b"y", rustix::fs::XattrFlags::empty()).unwrap();
    };
    let alterations: [(&str, Alteration<'_>); 11] = [
        ("poisoned", &|_, entry| fs::write(entry, "evil").unwrap()),
        ("truncated", &|_, entry| fs::write(entry, "").unwrap()),
        ("lost", &|_, entry| fs::remove_file(entry).unwrap()),
        ("a stranger among them", &|_, entry| fs::write(entry.with_file_name("other.json"), "evil").unwrap()),
        ("a link in its place", &|_, entry| {
            fs::remove_file(entry).unwrap();
            symlink(elsewhere.path(), entry).unwrap();
        }),
        ("a link beside it", &|_, entry| symlink("/", entry.with_file_name("root")).unwrap()),
        ("a folder that hides sources", &|kept, _| hide(&kept.join("tree/app/javascript/styles/contrast"))),
        ("a folder that hides all of them", &|kept, _| hide(&kept.join("tree/app"))),
        ("a folder on the way that hides what stands beside them", &|kept, _| hide(&kept.join("tree/tmp"))),
        ("half a list", &|kept, _| {
            let text = fs::read(kept.join("list.json")).unwrap();
            fs::write(kept.join("list.json"), &text[..text.len() / 2]).unwrap();
        }),
        ("a list that leads elsewhere", &|kept, _| {
            let text = fs::read_to_string(kept.join("list.json")).unwrap();
            fs::write(kept.join("list.json"), text.replace(ENTRY, "../../../../live/config/themes.yml")).unwrap();
        }),
    ];
    let site = site_with_kept_cache();
    for (name, alter) in alterations {
        alter(&kept(&site), &kept(&site).join("tree").join(ENTRY));
        let checked = check(&site);
        checked.assert_verdict("pass", 0);
        assert_eq!(said(&site), None, "{name}");
        assert!(checked.finding("caches-discarded").is_some(), "{name}: nobody was told");
        assert_eq!(fs::read_to_string(kept(&site).join("tree").join(ENTRY)).unwrap(), "good", "{name}: kept anew");
    }
}

#[test]
fn a_caches_folder_that_is_a_link_is_not_followed() {
    let site = site_with_kept_cache();
    let elsewhere = site.folder.path().join("elsewhere");
    fs::rename(site.state().join("caches"), &elsewhere).unwrap();
    symlink(&elsewhere, site.state().join("caches")).unwrap();
    let before = support::digest(&elsewhere);
    check(&site).assert_verdict("pass", 0);
    assert_eq!(said(&site), None);
    support::assert_same_tree(&before, &support::digest(&elsewhere));
}

#[test]
fn a_run_that_was_killed_while_it_kept_them_leaves_nothing_that_is_used() {
    let site = site_with_kept_cache();
    // Killed while the files were taken, and killed between throwing away the old and putting the new in their place.
    for (moved, whole) in [(false, false), (true, false), (true, true)] {
        let draft = site.state().join("caches/draft");
        if moved {
            fs::rename(kept(&site), &draft).unwrap();
        } else {
            fs::create_dir_all(draft.join("tree").join(ENTRY).parent().unwrap()).unwrap();
            fs::write(draft.join("tree").join(ENTRY), "ev").unwrap();
        }
        if !whole {
            let _not_there = fs::remove_file(draft.join("list.json"));
        }
        check(&site).assert_verdict("pass", 0);
        assert_eq!(said(&site).as_deref(), if moved { None } else { Some("good") });
        assert!(!draft.exists());
    }
}

/// Somebody changes a kept file again and again while it is brought: what arrives is what was kept, or nothing.
#[test]
fn a_file_that_changes_after_it_was_verified_does_not_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let (from, state, done) = (folder.path().join("from"), folder.path().join("state"), AtomicBool::new(false));
    fs::create_dir_all(from.join(ENTRY).parent().unwrap()).unwrap();
    fs::create_dir(&state).unwrap();
    fs::write(from.join(ENTRY), "good").unwrap();
    // As long as this one is read, there is time to change the other one.
    fs::write(from.join(ENTRY).with_file_name("large"), vec![1; 8 << 20]).unwrap();
    let entry = state.join("caches/kept/tree").join(ENTRY);
    let rounds = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for word in ["good", "evil"] {
                    let new = folder.path().join("new");
                    // Between two rounds it has no place.
                    let _no_place = fs::write(&new, word).and_then(|()| fs::rename(&new, &entry));
                }
            }
        });
        let left = Left { tree: &from, written: None, shown: None };
        let arrived = |round: usize| {
            let tree = folder.path().join(format!("tree-{round}"));
            fs::create_dir(&tree).unwrap();
            // A file that vanishes while it is kept anew: another round.
            let _next_round = Caches::of(&state).keep("key", &left, &left.files().unwrap_or_default(), u64::MAX);
            Caches::of(&state).bring("key", &tree).unwrap();
            fs::read_to_string(tree.join(ENTRY)).ok()
        };
        let words: Vec<String> = (0..60).filter_map(arrived).collect();
        done.store(true, Ordering::Relaxed);
        words
    });
    assert!(rounds.iter().all(|word| word == "good"), "{rounds:?}");
}
