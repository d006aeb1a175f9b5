//! Asks the database of a live tree how many people use each theme, and waits no longer than it was told to. Only reads.
//!
//! The database may be slow, away or behind a wall: then it is not known, with the reason, and whoever asked goes on.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::choice::Layout;
use super::connection::{ConnectionError, ConnectionSettings};
use super::postgres::{Patience, PostgresStore};
use super::rows::refused;
use super::store::StoreError;
use super::usage::ThemeUsage;
use crate::site::environment::SiteEnvironment;

/// A question to the database that is being answered.
#[derive(Debug)]
pub struct Inquiry {
    database: Option<String>,
    answer: Receiver<Result<ThemeUsage, String>>,
    deadline: Instant,
    patience: Duration,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Which database was asked, without its password; none where its place could not be found out.
    pub database: Option<String>,
    /// Who uses what, or why that is not known.
    pub usage: Result<ThemeUsage, String>,
}

/// Where the database of the live tree at `root` is: this process's own variables first, then those of `.env.production`
/// and its companions.
///
/// # Errors
///
/// When a value cannot be understood.
pub fn connection_of(root: &Path) -> Result<ConnectionSettings, ConnectionError> {
    let own = SiteEnvironment::read(root);
    ConnectionSettings::from_environment(&|key| std::env::var(key).ok().or_else(|| own.secret(key).map(str::to_owned)))
}

/// Begins to ask, in a thread of its own. The time runs from here.
#[must_use]
pub fn ask(settings: Result<ConnectionSettings, ConnectionError>, layout: Layout, patience: Duration) -> Inquiry {
    let (send, answer) = mpsc::channel();
    let database = settings.as_ref().ok().map(ToString::to_string);
    std::thread::spawn(move || {
        let counted = settings.map_err(|error| error.to_string());
        let counted = counted.and_then(|settings| count(settings, layout, patience).map_err(|error| error.to_string()));
        // Whoever asked may have gone on.
        let _ = send.send(counted);
    });
    Inquiry { database, answer, deadline: Instant::now() + patience, patience }
}

impl Inquiry {
    /// The answer, or that there was none in time.
    #[must_use]
    pub fn answer(self) -> Answer {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let usage = match self.answer.recv_timeout(left) {
            Ok(counted) => counted,
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("The database gave no answer within {} s.", self.patience.as_secs()))
            }
            Err(RecvTimeoutError::Disconnected) => Err("The database could not be asked.".to_owned()),
        };
        Answer { database: self.database, usage }
    }
}

/// Counts within one transaction that can write nothing and that the server itself ends in time; `SET LOCAL`, since a pooler
/// hands the connection to somebody else afterwards.
fn count(mut settings: ConnectionSettings, layout: Layout, patience: Duration) -> Result<ThemeUsage, StoreError> {
    settings.timeout = settings.timeout.min(patience);
    let mut store = PostgresStore::open(settings, Some(layout), Patience::default(), &|| false)?;
    let limit = patience.as_millis();
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {limit}"
    );
    store.client().batch_execute(&begin).map_err(refused("begin to read"))?;
    let usage = ThemeUsage::count(&mut store)?;
    store.client().batch_execute("COMMIT").map_err(refused("end reading"))?;
    Ok(usage)
}
