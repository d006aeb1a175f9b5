//! The journal of one switch: what is intended, written and synced before the first change, and how far it came.
//!
//! One line per record: the BLAKE3 of the JSON, a space, the JSON. The file with its first record appears by rename, so it
//! is whole or absent; later records are appended. A torn last line was never synced, so nothing was built upon it, and it
//! counts as not written. Any other damage is refused, with the place.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk::{Disk, DiskError, failed};
use super::generations::Generation;
use super::soundness;

/// What the journal of one switch says, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// What shall be done. Nothing has been changed yet.
    Intent(Box<Generation>),
    /// The new content lies beside the old, the old one is saved, all of it durable. The live tree changes after this.
    Prepared,
    /// It could not be finished and is being undone; added files stay if somebody may have read a manifest that names them.
    TakingBack {
        /// Whether added files stay.
        keep_added: bool,
    },
    /// The new tree is live and durable; only temporary names are left to clear away.
    Done,
    /// The old tree is live and durable; only temporary names are left to clear away.
    Undone,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Something in the journal folder that themegate did not write.
    #[error("{} is no journal of themegate. Move it away and try again", .0.display())]
    Foreign(PathBuf),
    /// A line whose checksum is wrong, or whose content makes no sense.
    #[error("the journal {} is damaged in line {line}: {why}. The replaced files are under \
             .themegate/generations/; look for disk errors, and put the live tree right by hand before moving the journal away", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The intent cannot be put in words: a path that is not UTF-8.
    #[error("the journal of this switch cannot be written: {0}. Rename the file to plain letters")]
    Unwritable(#[from] serde_json::Error),
    /// A journal that could not be begun, nor removed again.
    #[error("a journal of a switch that was not begun could not be removed: {0}")]
    StillThere(DiskError),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    /// Where it lies.
    pub path: PathBuf,
    /// What is intended.
    pub intent: Generation,
    /// What followed.
    pub progress: Vec<Record>,
    /// How many bytes of the file are whole records.
    length: u64,
}

impl Journal {
    /// Writes the intent, durably, before anything else happens.
    pub(crate) fn begin(disk: &Disk, folder: &Path, intent: Generation) -> Result<Self, JournalError> {
        let line = line(&Record::Intent(Box::new(intent.clone())))?;
        let path = folder.join(format!("{}.journal", intent.id));
        let draft = folder.join(format!(".{}.draft", intent.id));
        let length = line.len() as u64;
        match publish(disk, folder, (&draft, &path), line.as_bytes()) {
            Ok(()) => Ok(Self { path, intent, progress: Vec::new(), length }),
            Err(error) => {
                disk.remove_file(&path).and_then(|()| disk.remove_file(&draft)).map_err(JournalError::StillThere)?;
                Err(error.into())
            }
        }
    }

    /// Appends a record, durably.
    pub(crate) fn append(&mut self, disk: &Disk, record: Record) -> Result<(), JournalError> {
        let line = line(&record)?;
        let open = OpenOptions::new().write(true).open(&self.path);
        let mut file = open.map_err(failed("open", &self.path))?;
        self.drop_torn_tail(disk, &mut file)?;
        disk.write(&mut file, &self.path, line.as_bytes())?;
        disk.sync_file(&file, &self.path)?;
        self.length += line.len() as u64;
        self.progress.push(record);
        Ok(())
    }

    fn drop_torn_tail(&self, disk: &Disk, file: &mut File) -> Result<(), DiskError> {
        let length = file.metadata().map_err(failed("read", &self.path))?.len();
        if length > self.length {
            disk.truncate(file, &self.path, self.length)?;
        }
        file.seek(SeekFrom::Start(self.length)).map_err(failed("write to", &self.path))?;
        Ok(())
    }

    /// Removes the journal: the switch is over.
    pub(crate) fn close(&self, disk: &Disk) -> Result<(), DiskError> {
        disk.remove_file(&self.path)?;
        self.path.parent().map_or(Ok(()), |folder| disk.sync_folder(folder))
    }

    /// Removes drafts that never became journals.
    pub(crate) fn clear_drafts(disk: &Disk, folder: &Path) -> Result<(), DiskError> {
        for entry in fs::read_dir(folder).map_err(failed("read the folder", folder))? {
            let path = entry.map_err(failed("read the folder", folder))?.path();
            if is_draft(&path) {
                disk.remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Reads the journals of a folder, the oldest switch first; there is more than one only if somebody put it there.
    ///
    /// # Errors
    /// A foreign file, a damaged journal, an unreadable folder.
    pub fn pending(folder: &Path) -> Result<Vec<Self>, JournalError> {
        let entries = fs::read_dir(folder).map_err(failed("read the folder", folder))?;
        let mut journals = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed("read the folder", folder))?.path();
            if is_draft(&path) {
                continue;
            }
            if path.extension() != Some(OsStr::new("journal")) || !path.is_file() {
                return Err(JournalError::Foreign(path));
            }
            journals.push(Self::read(path)?);
        }
        journals.sort_by_key(|journal| journal.intent.sequence);
        Ok(journals)
    }

    fn read(path: PathBuf) -> Result<Self, JournalError> {
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        let (records, length) = parse(&bytes).map_err(|(line, why)| damaged(&path, line, why))?;
        let mut records = records.into_iter();
        match records.next() {
            Some(Record::Intent(intent)) => {
                soundness::fault(&intent).map_or(Ok(()), |why| Err(damaged(&path, 1, why)))?;
                Ok(Self { path, intent: *intent, progress: records.collect(), length: length as u64 })
            }
            _ => Err(damaged(&path, 1, "it does not begin with an intent".to_owned())),
        }
    }
}

fn publish(disk: &Disk, folder: &Path, (draft, path): (&Path, &Path), line: &[u8]) -> Result<(), DiskError> {
    disk.remove_file(draft)?;
    let file = disk.write_new(draft, line)?;
    disk.sync_file(&file, draft)?;
    disk.rename_new(draft, path)?;
    disk.sync_folder(folder)
}

/// A draft that never became a journal: a kill struck before its switch began. Recovery removes it.
fn is_draft(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.starts_with('.') && name.ends_with(".draft")
}

fn damaged(path: &Path, line: usize, why: String) -> JournalError {
    JournalError::Damaged { path: path.to_path_buf(), line, why }
}

/// A record as a line of the journal.
fn line(record: &Record) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(record)?;
    Ok(format!("{} {json}\n", blake3::hash(json.as_bytes()).to_hex()))
}

/// The whole records at the start of `bytes`, and how many bytes they take. Pure.
///
/// # Errors
/// The line (from 1) that is damaged and is not merely a torn tail, and what is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<(Vec<Record>, usize), (usize, String)> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let mut records = Vec::new();
    let mut length = 0;
    for (n, raw) in lines.iter().enumerate() {
        match parse_line(raw) {
            Ok(record) => records.push(record),
            Err(_) if n > 0 && n + 1 == lines.len() => break,
            Err(why) => return Err((n + 1, why)),
        }
        length += raw.len();
    }
    if records.is_empty() {
        return Err((1, "it is empty".to_owned()));
    }
    Ok((records, length))
}

fn parse_line(raw: &[u8]) -> Result<Record, String> {
    let text = std::str::from_utf8(raw).map_err(|error| error.to_string())?;
    let text = text.strip_suffix('\n').ok_or("it is cut off")?;
    let (sum, json) = text.split_once(' ').ok_or("it has no checksum")?;
    if blake3::hash(json.as_bytes()).to_hex().as_str() != sum {
        return Err("its checksum is wrong".to_owned());
    }
    serde_json::from_str(json).map_err(|error| format!("this version of themegate cannot read it ({error})"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> String {
        let records = [Record::Prepared, Record::TakingBack { keep_added: true }, Record::Undone];
        records.iter().map(|record| line(record).unwrap()).collect()
    }

    #[test]
    fn a_torn_tail_counts_as_not_written() {
        let whole = text();
        let torn = format!("{whole}0123456789 \"do");
        assert_eq!(parse(torn.as_bytes()).unwrap(), (parse(whole.as_bytes()).unwrap().0, whole.len()));
    }

    #[test]
    fn damage_before_the_last_line_is_named_with_its_line() {
        let damaged = text().replacen("keep_added", "keep-added", 1);
        let (line, why) = parse(damaged.as_bytes()).unwrap_err();
        assert_eq!((line, why.as_str()), (2, "its checksum is wrong"));
        assert_eq!(parse(b"").unwrap_err().1, "it is empty");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_no_cut_invents_a_record(noise in prop::collection::vec(any::<u8>(), 0..300), cut in 0_usize..600) {
            let _ = parse(&noise);
            let whole = text();
            let all = parse(whole.as_bytes()).unwrap().0;
            if let Ok((records, _)) = parse(&whole.as_bytes()[..cut.min(whole.len())]) {
                prop_assert_eq!(&records[..], &all[..records.len()]);
            }
        }
    }
}
