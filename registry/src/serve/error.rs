//! Why the registry can't serve. Raised while it starts, shown by the command line.
//! Must never carry a secret.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::blobs::BlobError;
use crate::db::DbError;

/// The permissions that a data folder must not give: group and others may write.
pub(super) const OTHERS_WRITE: u32 = 0o022;

/// Why the registry can't serve.
#[derive(Debug, Error)]
pub(crate) enum ServeError {
    /// Other machines could reach it and read every token on the way.
    #[error(
        "--listen {address} is reachable from other machines, and without TLS everybody between \
         reads the tokens: give --tls-cert and --tls-key, or --allow-plain-http behind a proxy \
         that speaks TLS"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The address can't be bound.
    #[error("--listen {address} can't be bound: {reason}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// A file of TLS can't be used.
    #[error("--{flag} {}: {reason}", path.display())]
    Tls {
        /// The flag that named it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The data folder can't be used.
    #[error("--data-dir {}: {step} failed: {reason}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        reason: io::Error,
    },
    /// Somebody else could swap what lies in the data folder.
    #[error(
        "--data-dir {}: has mode {mode:04o}, so that others than its owner may write into it; it must \
         have none of {OTHERS_WRITE:04o}: chmod go-w",
        path.display()
    )]
    Writable {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Another registry has the data folder.
    #[error("--data-dir {}: another registry serves it; give this one its own", path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// The database can't be used.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The blobs can't be used.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The writer ended while the registry served.
    #[error("the database's writer ended by itself: nothing could be written any more")]
    WriterEnded,
    /// The system refuses something.
    #[error("{what}: {reason}")]
    System {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        reason: io::Error,
    },
}

impl ServeError {
    /// Whether the command line or the configuration must change.
    pub(crate) fn is_configuration(&self) -> bool {
        matches!(self, Self::NotLoopback { .. } | Self::Tls { .. })
    }

    /// Whether the same command may work later.
    pub(crate) fn may_pass_later(&self) -> bool {
        match self {
            Self::Taken { .. } => true,
            Self::Bind { reason, .. } => !matches!(
                reason.kind(),
                ErrorKind::PermissionDenied | ErrorKind::AddrNotAvailable
            ),
            Self::Db(error) => error.may_pass_later(),
            Self::NotLoopback { .. }
            | Self::Tls { .. }
            | Self::Folder { .. }
            | Self::Writable { .. }
            | Self::Blobs(_)
            | Self::WriterEnded
            | Self::System { .. } => false,
        }
    }
}
