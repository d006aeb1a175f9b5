//! After a promotion: restart Mastodon, ask it for pages, and roll back by itself if they are not right.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::PromotionError;
use super::disk::Disk;
use super::generations::Generation;
use super::probe::{Compiled, Probe, probe};
use super::promotable::Promotable;
use super::promote::rollback;
use super::restart::restart;
use super::state::StateFolder;

/// What is done after a promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aftercare {
    /// The restart command; without one the administrator restarts, and nothing is asked.
    pub restart: Option<String>,
    /// How long the restart may take.
    pub restart_limit: Duration,
    /// The pages to ask for.
    pub probes: Vec<Probe>,
    /// How many times in a row a page has to be right.
    pub successes: u32,
    /// How long a page may take to become so.
    pub patience: Duration,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// No restart is configured: nothing was tried.
    NotAsked,
    /// Mastodon was restarted; no probe is configured, so nothing is proven.
    Restarted,
    /// Mastodon was restarted, and all required probes are right; the faults of optional ones, in words.
    Proven(Vec<String>),
}

/// Why a promotion did not last.
#[derive(Debug, thiserror::Error)]
pub enum AftercareError {
    /// The restart or a required probe failed, and the promotion was rolled back.
    #[error("{cause}\nThe promotion was rolled back: the live tree is as it was, but for compiled files that nothing names.{}",
            restarted.as_ref().err().map(|why| format!("\nMastodon still has to be restarted: {why}")).unwrap_or_default())]
    RolledBack {
        /// What failed.
        cause: String,
        /// Whether the restart after the rollback succeeded.
        restarted: Result<(), String>,
    },
    /// Something failed, and so did rolling back.
    #[error("{cause}\nRolling back failed too: {rollback}\nThe promotion is live.")]
    StillLive {
        /// What failed.
        cause: String,
        /// Why it could not be rolled back.
        rollback: Box<PromotionError>,
    },
}

impl AftercareError {
    /// The process exit code that stands for it.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::RolledBack { .. } => 4,
            Self::StillLive { .. } => 5,
        }
    }
}

impl Aftercare {
    /// Sees a promotion through.
    ///
    /// # Errors
    /// The promotion was rolled back, or could not be.
    pub fn see_through(
        &self,
        disk: &Disk,
        state: &StateFolder,
        promotable: &Promotable,
        promoted: &Generation,
    ) -> Result<Outcome, AftercareError> {
        let cause = match self.restart_and_prove(promotable.live(), promotable.manifests()) {
            Ok(outcome) => return Ok(outcome),
            Err(cause) => cause,
        };
        match rollback(disk, state, promotable.live(), Some(&promoted.id), false) {
            Ok(_) => {
                let again = self.restart.as_ref().map_or(Ok(()), |command| restart(command, self.restart_limit));
                Err(AftercareError::RolledBack { cause, restarted: again.map_err(|error| error.to_string()) })
            }
            Err(error) => Err(AftercareError::StillLive { cause, rollback: Box::new(error) }),
        }
    }

    /// Restarts Mastodon, if that is configured, and asks for the pages. `manifests` are those of the tree that is live now.
    ///
    /// # Errors
    /// The restart failed, or a required page is not right: in words.
    pub fn restart_and_prove(&self, live: &Path, manifests: &[PathBuf]) -> Result<Outcome, String> {
        let Some(command) = &self.restart else { return Ok(Outcome::NotAsked) };
        restart(command, self.restart_limit).map_err(|error| error.to_string())?;
        if self.probes.is_empty() {
            return Ok(Outcome::Restarted);
        }
        let compiled = Compiled::read(live, manifests);
        let mut tolerated = Vec::new();
        for wanted in &self.probes {
            match probe(wanted, live, &compiled, self.successes, self.patience) {
                Err(fault) if wanted.optional => tolerated.push(fault),
                other => other?,
            }
        }
        Ok(Outcome::Proven(tolerated))
    }

    /// The same for a switch that takes a theme away: no page has to carry a theme of its own.
    #[must_use]
    pub fn without_themes(mut self) -> Self {
        self.probes.iter_mut().for_each(|probe| probe.theme = None);
        self
    }
}
