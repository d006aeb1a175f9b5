//! A switch of the live tree that was left half done, told from one that is at work right now.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::patient::Patient;
use crate::finding::Finding;
use crate::promotion::journal::Journal;

pub(super) fn see(patient: &Patient<'_>) -> Vec<Finding> {
    let folder = patient.site.state.join("journal");
    if !folder.is_dir() {
        return Vec::new();
    }
    let recover = patient.commands.themegate("recover");
    let pending = match Journal::pending(&folder) {
        Ok(pending) => pending,
        Err(error) => {
            return vec![
                Finding::fatal(
                    "journal-unreadable",
                    format!("It is not known whether a promotion is half done: {error}."),
                )
                .at(&folder)
                .meaning("The live tree may be half old and half new, and nothing can be promoted or rolled back.")
                .command(recover),
            ];
        }
    };
    let at_work = holder(&patient.site.state);
    let told = |journal: Journal| match &at_work {
        Some(holder) => at_work_now(&journal, holder),
        None => half_done(&journal).command(recover.clone()).command(patient.commands.restart()),
    };
    pending.into_iter().map(told).collect()
}

fn half_done(journal: &Journal) -> Finding {
    let (kind, id) = (journal.intent.kind.word(), &journal.intent.id);
    Finding::fatal("promotion-unfinished", format!("The {kind} {id} was interrupted and is half done."))
        .at(&journal.path)
        .meaning("The live tree may be half old and half new: pages may name files that are not there yet.")
        .help("It finishes what was begun, or takes it back; nothing is lost either way:")
}

fn at_work_now(journal: &Journal, holder: &str) -> Finding {
    let (kind, id) = (journal.intent.kind.word(), &journal.intent.id);
    Finding::benign("promotion-at-work", format!("The {kind} {id} is being carried out right now ({holder})."))
        .meaning("What else is found may be on its way out. Look again when it is done.")
}

/// Who holds the site's lock to switch the live tree, as it wrote of itself. The kernel's list is read: to try the lock would be to take it.
fn holder(state: &Path) -> Option<String> {
    let path = state.join("lock");
    let inode = fs::metadata(&path).ok()?.ino();
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    // `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF` (proc_locks(5)).
    let is_ours = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1) == Some(&"FLOCK")
            && fields.get(5).and_then(|place| place.rsplit(':').next()) == Some(inode.to_string().as_str())
    };
    let held = locks.lines().any(is_ours).then(|| fs::read_to_string(&path).unwrap_or_default());
    // A check holds the same lock, and has nothing to do with a switch that was interrupted before.
    held.filter(|holder| ["promote", "rollback", "withdraw", "recover"].iter().any(|word| holder.contains(word)))
}
