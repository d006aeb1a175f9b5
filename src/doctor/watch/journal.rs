//! Follows the systemd journal of a unit, through `journalctl`: Mastodon 4.3 and later write their log there.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use super::Source;
use super::lines::LineBuffer;

/// The journal of a unit that is followed.
#[derive(Debug)]
pub struct Journal {
    unit: String,
    child: Child,
    bytes: Receiver<Vec<u8>>,
    line: LineBuffer,
}

impl Journal {
    /// Follows the unit's journal from now on, or from its beginning.
    ///
    /// # Errors
    /// If `journalctl` cannot be started.
    pub fn follow(unit: &str, from_start: bool) -> io::Result<Self> {
        let lines = if from_start { "--lines=all" } else { "--lines=0" };
        // `cat` prints the message alone, as Mastodon wrote it: one entry of the journal for each of its lines.
        let mut child = Command::new("journalctl")
            .args(["--follow", "--output=cat", "--no-pager", lines])
            .arg(format!("--unit={unit}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = child.stdout.take().ok_or_else(|| io::Error::other("journalctl has no output"))?;
        // A few pieces may wait; while they do, journalctl waits too.
        let (send, bytes) = sync_channel(4);
        std::thread::spawn(move || {
            let mut piece = vec![0; 64 << 10];
            while let Ok(count @ 1..) = output.read(&mut piece) {
                if send.send(piece[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { unit: unit.to_owned(), child, bytes, line: LineBuffer::default() })
    }
}

impl Source for Journal {
    fn describe(&self) -> String {
        format!("the journal of {}", self.unit)
    }

    fn poll(&mut self, hear: &mut dyn FnMut(&str)) -> io::Result<bool> {
        match self.bytes.try_recv() {
            Ok(bytes) => {
                self.line.take(&bytes, hear);
                Ok(true)
            }
            Err(TryRecvError::Empty) => Ok(false),
            Err(TryRecvError::Disconnected) => {
                let status = self.child.wait()?;
                Err(io::Error::other(format!("journalctl ended ({status})")))
            }
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
