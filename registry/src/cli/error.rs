//! Why a command failed, with its exit code. Raised by the commands, shown by `output`.
//! Must never carry a secret.

use std::io;
use std::process::ExitCode;

use api::problem::Problem;
use thiserror::Error;

use super::config::ConfigError;
use crate::backup::BackupError;
use crate::serve::ServeError;

/// Why a command failed.
#[derive(Debug, Error)]
pub(super) enum CliError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The registry can't serve.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The copy can't be made.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The system refuses something that every command needs.
    #[error("{what}: {reason}")]
    System {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        reason: io::Error,
    },
}

impl CliError {
    /// The code that `--help` promises.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Serve(error) if error.is_configuration() => 2,
            Self::Serve(error) if error.may_pass_later() => 4,
            Self::Config(_)
            | Self::Backup(BackupError::Exists { .. } | BackupError::NoData { .. }) => 2,
            Self::Serve(_) | Self::Backup(_) | Self::System { .. } => 1,
        })
    }

    /// The same as a problem.
    pub(super) fn to_problem(&self) -> Problem {
        let title = match self {
            Self::Config(_) => "wrong configuration",
            Self::Serve(_) => "can't serve",
            Self::Backup(BackupError::Lost { .. }) => "a backup that lacks something",
            Self::Backup(_) => "no backup",
            Self::System { .. } => "the system refuses",
        };
        Problem::new(0, title, self.to_string())
    }
}
