//! Why a check was not made, and with which code the command ends then.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::change::ChangeError;
use crate::configuration::ConfigurationError;
use crate::precompile::PrecompileError;
use crate::promotion::disk::DiskError;
use crate::rules::PackFault;
use crate::runs::RunError;
use crate::site::SiteError;
use crate::site::lock::LockError;
use crate::staging::StagingError;

/// Why a check was not made.
#[derive(Debug, Error)]
pub enum GateError {
    /// The live tree.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The configuration.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// Another run.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What was proposed.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The copy.
    #[error(transparent)]
    Staging(#[from] StagingError),
    /// The report.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The build could not be observed.
    #[error(transparent)]
    Precompile(#[from] PrecompileError),
    /// What passed could not be kept for a promotion.
    #[error("What passed could not be kept for a promotion: {0}")]
    Passed(#[from] DiskError),
    /// The site's own rules.
    #[error("The rules in themegate.d/ have faults:\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rules(Vec<PackFault>),
    /// The log of a build that was made elsewhere.
    #[error("The log {} cannot be read: {source}. Give the file that the build's output was written to, or - for standard input.", path.display())]
    Log {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The user asked to stop.
    #[error("Interrupted. The staging directory is removed, and nothing was changed in the live tree.")]
    Interrupted,
}

impl GateError {
    /// The exit code of the command: 2 usage or configuration, 3 undecided, 6 locked, 130 interrupted.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Site(_) | Self::Configuration(_) | Self::Change(_) | Self::Rules(_) | Self::Log { .. } => 2,
            Self::Lock(LockError::Held { .. }) => 6,
            Self::Staging(StagingError::Interrupted) | Self::Interrupted => 130,
            Self::Lock(_) | Self::Staging(_) | Self::Run(_) | Self::Precompile(_) | Self::Passed(_) => 3,
        }
    }
}
