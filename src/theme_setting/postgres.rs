//! Theme settings by SQL: one connection, one transaction, nothing that a pooler in transaction mode would lose.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use postgres::types::Type;
use postgres::{Client, IsolationLevel, Transaction};

use super::choice::{Choice, Layout};
use super::connection::ConnectionSettings;
use super::plan::{Change, Holding, Selection};
use super::rows::{self, Hold, refused, words};
use super::schema::Schema;
use super::store::{Applied, ApplyError, Record, Store, StoreError};
use super::swap;

/// Two runs may not change settings at once: the key of the advisory lock ("themegat" as a number).
pub(super) const LOCK_KEY: i64 = 0x7468_656d_6567_6174;

/// How often a change that collided is tried before it is given up.
const ATTEMPTS: usize = 3;

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a row that somebody else holds.
    pub lock: Duration,
    /// For one statement.
    pub statement: Duration,
    /// For a database that went away during the commit.
    pub reconnect: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { lock: Duration::from_secs(5), statement: Duration::from_mins(1), reconnect: Duration::from_secs(15) }
    }
}

/// The rows by SQL.
pub struct PostgresStore<'a> {
    settings: ConnectionSettings,
    client: Client,
    schema: Schema,
    patience: Patience,
    interrupted: &'a dyn Fn() -> bool,
}

impl std::fmt::Debug for PostgresStore<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PostgresStore").field("settings", &self.settings).field("schema", &self.schema).finish()
    }
}

impl<'a> PostgresStore<'a> {
    /// Connects and probes. `layout` is what the live tree says, if there is one at hand; `interrupted` is asked before
    /// each batch and before the commit.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached or is not Mastodon's.
    pub fn open(
        settings: ConnectionSettings,
        layout: Option<Layout>,
        patience: Patience,
        interrupted: &'a dyn Fn() -> bool,
    ) -> Result<Self, StoreError> {
        let mut client = settings.connect()?;
        let schema = Schema::probe(&mut client, layout)?;
        Ok(Self { settings, client, schema, patience, interrupted })
    }

    /// How this database keeps its settings.
    #[must_use]
    pub const fn schema(&self) -> Schema {
        self.schema
    }

    /// The connection, for statements that only read.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    fn attempt(&mut self, changes: Vec<Change>, record: &mut Record<'_>) -> Result<Applied, ApplyError> {
        let (schema, patience) = (self.schema, self.patience);
        let mut transaction = self
            .client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted)
            .start()
            .map_err(refused("begin"))?;
        transaction.batch_execute(&timeouts(patience)).map_err(refused("set its timeouts"))?;
        expect_writable(&mut transaction)?;
        let row = transaction
            .query_typed_one("SELECT pg_try_advisory_xact_lock($1), txid_current()", &[(&LOCK_KEY, Type::INT8)])
            .map_err(refused("lock"))?;
        if !row.get::<_, bool>(0) {
            return Err(StoreError::Busy.into());
        }
        let number: i64 = row.get(1);
        let applied = swap::write(&mut transaction, schema, changes, self.interrupted)?;
        record(&applied.done, Some(number))?;
        if (self.interrupted)() {
            return Err(StoreError::Interrupted.into());
        }
        match transaction.commit() {
            Ok(()) => Ok(applied),
            Err(error) if error.as_db_error().is_some_and(|error| error.code().code() < "57") => {
                Err(refused("commit")(error).into())
            }
            Err(error) => self.after_a_lost_commit(applied, number, words(&error)),
        }
    }

    /// Asks a new connection what became of the transaction: by its number, and by the rows themselves.
    fn after_a_lost_commit(&mut self, applied: Applied, number: i64, reason: String) -> Result<Applied, ApplyError> {
        let deadline = Instant::now() + self.patience.reconnect;
        loop {
            match self.fate(&applied.done, number) {
                Ok(Fate::Committed) => return Ok(applied),
                Ok(Fate::Gone) => return Err(StoreError::Unreachable(format!("{reason}.")).into()),
                Ok(Fate::Open) | Err(_) if Instant::now() < deadline && !(self.interrupted)() => {
                    std::thread::sleep(Duration::from_millis(250));
                }
                Ok(Fate::Open) | Err(_) => {
                    return Err(ApplyError::Unknown { reason, transaction: Some(number) });
                }
            }
        }
    }

    fn fate(&mut self, changes: &[Change], number: i64) -> Result<Fate, StoreError> {
        self.client = self.settings.connect()?;
        let status = self.client.query_typed("SELECT txid_status($1)", &[(&number, Type::INT8)]);
        // An error means a number from the future: the server forgot it in a crash, so it was never committed.
        let status: Option<String> = status.map_or(None, |rows| rows.first().and_then(|row| row.get(0)));
        if status.as_deref() == Some("in progress") {
            return Ok(Fate::Open);
        }
        let written = self.written(changes)?;
        // After a crash a number can be used anew; then the rows show that ours is gone.
        let gone = status.as_deref() == Some("aborted") || !written;
        Ok(if gone { Fate::Gone } else { Fate::Committed })
    }

    /// True where at least one of the owners has the new choice: the transaction wrote all of them or none.
    fn written(&mut self, changes: &[Change]) -> Result<bool, StoreError> {
        let wanted: BTreeMap<Option<i64>, &Choice> =
            changes.iter().map(|change| (change.owner.id(), &change.to)).collect();
        let layout = self.schema.layout;
        let holdings = holdings_of(self, changes)?;
        Ok(changes.is_empty()
            || holdings.iter().any(|holding| {
                wanted
                    .get(&holding.owner.id())
                    .is_some_and(|to| holding.stored.choice(layout).is_ok_and(|now| now == **to))
            }))
    }
}

enum Fate {
    Committed,
    Gone,
    Open,
}

/// What is stored now for the owners of some changes.
///
/// # Errors
///
/// When the store cannot be read.
pub fn holdings_of(store: &mut dyn Store, changes: &[Change]) -> Result<Vec<Holding>, StoreError> {
    let ids: Vec<i64> = changes.iter().filter_map(|change| change.owner.id()).collect();
    let site = ids.len() < changes.len();
    let mut holdings = if site { store.holdings(&Selection::Site)? } else { Vec::new() };
    if !ids.is_empty() {
        holdings.extend(store.holdings(&Selection::Ids(ids))?);
    }
    Ok(holdings)
}

/// Set for this transaction only: a pooler hands the connection to somebody else afterwards.
fn timeouts(patience: Patience) -> String {
    format!(
        "SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}; \
         SET LOCAL idle_in_transaction_session_timeout = 60000; SET LOCAL synchronous_commit = on",
        patience.lock.as_millis(),
        patience.statement.as_millis()
    )
}

/// A standby takes no writes. Nor does a database that somebody has switched to read-only, for a move to another server, say:
/// whoever asks for a transaction that writes gets one there, and what it writes is lost with the move.
fn expect_writable(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    let row = transaction
        .query_typed_one("SELECT current_setting('transaction_read_only') = 'on', pg_is_in_recovery()", &[])
        .map_err(refused("say whether it takes writes"))?;
    match (row.get(0), row.get(1)) {
        (false, _) => Ok(()),
        (true, true) => Err(StoreError::ReadOnly("it is a standby")),
        (true, false) => Err(StoreError::ReadOnly("default_transaction_read_only is on")),
    }
}

impl Store for PostgresStore<'_> {
    fn describe(&self) -> String {
        self.settings.to_string()
    }

    fn bypasses_rails(&self) -> bool {
        true
    }

    fn layout(&self) -> Layout {
        self.schema.layout
    }

    fn holdings(&mut self, selection: &Selection) -> Result<Vec<Holding>, StoreError> {
        rows::holdings(&mut self.client, self.schema, selection, Hold::No)
    }

    fn apply(&mut self, changes: Vec<Change>, record: &mut Record<'_>) -> Result<Applied, ApplyError> {
        for _ in 1..ATTEMPTS {
            match self.attempt(changes.clone(), record) {
                Err(ApplyError::NothingChanged(StoreError::Collided(_))) => {}
                outcome => return outcome,
            }
        }
        self.attempt(changes, record)
    }
}
