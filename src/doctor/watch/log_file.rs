//! Follows a log file by its name, through rotation (renamed, a new one made) and truncation (`copytruncate`).

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Source;
use super::lines::LineBuffer;

/// No more is read at a time, in bytes: between two reads signals and withdrawals have their turn.
const AT_A_TIME: u64 = 1 << 20;

/// How long a renamed log is still read: processes write to it until they are told to open the new one.
const AFTER_RENAMING: Duration = Duration::from_secs(10 * 60);

/// A log file that is followed.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    now: Option<Open>,
    /// The one that had the name before, and since when it was silent.
    before: Option<(Open, Instant)>,
}

#[derive(Debug)]
struct Open {
    file: File,
    place: (u64, u64),
    read: u64,
    line: LineBuffer,
}

impl Open {
    fn at(path: &Path, end: bool) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let read = if end { file.seek(SeekFrom::End(0))? } else { 0 };
        Ok(Self { file, place: (metadata.dev(), metadata.ino()), read, line: LineBuffer::default() })
    }

    /// Reads what is new; gives how much it was.
    fn go_on(&mut self, hear: &mut dyn FnMut(&str)) -> io::Result<u64> {
        if self.file.metadata()?.len() < self.read {
            self.read = self.file.seek(SeekFrom::Start(0))?;
            self.line.forget();
        }
        let mut bytes = Vec::new();
        let count = (&self.file).take(AT_A_TIME).read_to_end(&mut bytes)? as u64;
        self.line.take(&bytes, hear);
        self.read += count;
        Ok(count)
    }
}

impl LogFile {
    /// Follows the file at `path`, from its end or from its beginning. It may still be missing.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn follow(path: &Path, from_start: bool) -> io::Result<Self> {
        let now = match Open::at(path, !from_start) {
            Ok(open) => Some(open),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { path: path.to_path_buf(), now, before: None })
    }

    /// Opens what has the name now, if that is another file; the earlier one is read on for a while.
    fn turn(&mut self) -> io::Result<()> {
        let place = match fs::metadata(&self.path) {
            Ok(metadata) => (metadata.dev(), metadata.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.now.as_ref().is_some_and(|open| open.place == place) {
            return Ok(());
        }
        match Open::at(&self.path, false) {
            Ok(open) => {
                self.before = self.now.replace(open).map(|open| (open, Instant::now()));
                Ok(())
            }
            // It was renamed again in between.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Source for LogFile {
    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    fn poll(&mut self, hear: &mut dyn FnMut(&str)) -> io::Result<bool> {
        let mut any = false;
        if let Some((open, silent)) = &mut self.before {
            if open.go_on(hear)? > 0 {
                *silent = Instant::now();
                any = true;
            }
            if silent.elapsed() > AFTER_RENAMING {
                self.before = None;
            }
        }
        if let Some(open) = &mut self.now {
            any |= open.go_on(hear)? > 0;
        }
        if !any {
            self.turn()?;
        }
        Ok(any)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn poll(log: &mut LogFile) -> Vec<String> {
        let mut lines = Vec::new();
        while log.poll(&mut |line| lines.push(line.to_owned())).unwrap() {}
        // A renamed file is noticed at one turn and read at the next.
        while log.poll(&mut |line| lines.push(line.to_owned())).unwrap() {}
        lines
    }

    #[test]
    fn it_survives_rotation_and_truncation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("production.log");
        let append = |path: &Path, text: &str| {
            File::options().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
        };
        append(&path, "old\n");
        let mut log = LogFile::follow(&path, false).unwrap();
        assert!(poll(&mut log).is_empty());
        append(&path, "one\ntwo");
        assert_eq!(poll(&mut log), ["one"]);
        let renamed = folder.path().join("production.log.1");
        fs::rename(&path, &renamed).unwrap();
        append(&renamed, "!\n");
        assert_eq!(poll(&mut log), ["two!"]);
        append(&path, "three\n");
        assert_eq!(poll(&mut log), ["three"]);
        append(&renamed, "late\n");
        assert_eq!(poll(&mut log), ["late"]);
        fs::write(&path, "").unwrap();
        assert!(poll(&mut log).is_empty());
        append(&path, "4\n");
        assert_eq!(poll(&mut log), ["4"]);
    }

    #[test]
    fn a_log_that_is_not_there_yet_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("production.log");
        let mut log = LogFile::follow(&path, false).unwrap();
        assert!(poll(&mut log).is_empty());
        fs::write(&path, "first\n").unwrap();
        assert_eq!(poll(&mut log), ["first"]);
    }
}
