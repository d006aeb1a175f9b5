//! What a way to the rows must be able to do: by SQL or by the Rails CLI.

use super::choice::{Choice, Layout};
use super::plan::{Change, Holding, Owner, Selection};
use super::undo::UndoError;

/// Why settings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection.
    #[error("The database cannot be reached: {0}")]
    Unreachable(String),
    /// The database answered, and refused.
    #[error("The database refused to {action}: {reason}.")]
    Refused {
        /// What was asked of it, as a verb.
        action: &'static str,
        /// In its own words.
        reason: String,
    },
    /// It takes no writes, and why.
    #[error(
        "The database takes no writes: {0}. Name the one that does by DB_HOST or DATABASE_URL in .env.production, or by \
         --database-url. `themegate withdraw THEME` and a restart need none."
    )]
    ReadOnly(&'static str),
    /// The tables are not Mastodon's.
    #[error(
        "This does not look like Mastodon's database: {0}. Check DB_NAME in .env.production, or give --database-url."
    )]
    NotMastodon(String),
    /// The Rails CLI did not answer as expected.
    #[error("The Rails CLI could not {action}: {reason}")]
    Rails {
        /// What was asked of it, as a verb.
        action: &'static str,
        /// The last lines it printed, or why it could not start.
        reason: String,
    },
    /// Another run is changing settings.
    #[error("Another themegate is changing theme settings in this database. Wait for it to end, then try again.")]
    Busy,
    /// Somebody else holds a row.
    #[error(
        "Somebody else held one of the rows for too long ({0}). Try again, or give a longer --lock-timeout. \
         SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle' shows who it is."
    )]
    Locked(String),
    /// It collided with another transaction; it may well work a moment later.
    #[error("The change collided with another one: {0}. Try again.")]
    Collided(String),
    /// A signal came in.
    #[error("Interrupted.")]
    Interrupted,
}

/// Why a change did not go through, or may not have.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Nothing was changed, for certain.
    #[error("{0} Nothing was changed.")]
    NothingChanged(#[from] StoreError),
    /// Nothing was changed: without an undo file nothing is.
    #[error("{0} Nothing was changed.")]
    NotRecorded(#[from] UndoError),
    /// The answer to the commit was lost, and nobody could be asked.
    #[error(
        "The connection was lost while the change was being committed ({reason}), and the database could not be asked \
         since. It is not known whether the change happened."
    )]
    Unknown {
        /// What went wrong.
        reason: String,
        /// The transaction's number, for `SELECT txid_status(…)`.
        transaction: Option<i64>,
    },
}

/// An owner whose choice moved between the plan and the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Whose it is.
    pub owner: Owner,
    /// The choice now; `None` when the owner is gone or the settings cannot be read.
    pub now: Option<Choice>,
}

/// What a call of [`Store::apply`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Written and committed.
    pub done: Vec<Change>,
    /// Left alone, since somebody had changed them in the meantime.
    pub moved: Vec<Moved>,
}

/// Called with what is about to be committed and the transaction's number, before the commit; called again if less was
/// written than was recorded.
pub type Record<'a> = dyn FnMut(&[Change], Option<i64>) -> Result<(), UndoError> + 'a;

/// A way to the rows.
pub trait Store {
    /// Where it leads, for people: never with a password.
    fn describe(&self) -> String;

    /// Which keys the site uses.
    fn layout(&self) -> Layout;

    /// True where rows are written past Rails, which then has to be told to forget what it has cached.
    fn bypasses_rails(&self) -> bool;

    /// What is stored for a selection, in the order of `users.id`. Names that nobody has are simply missing; for
    /// [`Selection::AllOn`] there may be more than those who are on the theme.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn holdings(&mut self, selection: &Selection) -> Result<Vec<Holding>, StoreError>;

    /// Writes the changes in one transaction, each only if its owner's choice is still the one it starts from.
    ///
    /// # Errors
    ///
    /// [`ApplyError`] says whether anything was changed.
    fn apply(&mut self, changes: Vec<Change>, record: &mut Record<'_>) -> Result<Applied, ApplyError>;
}
