//! Why the database did not do something. Raised below `db/`, turned into answers by the routes.
//! Must never carry a value that a caller did not send.

use thiserror::Error;

/// Why the database did not do something.
#[derive(Debug, Error)]
pub(crate) enum DbError {
    /// SQL failed.
    #[error("database, {what}: {reason}")]
    Sql {
        /// What was being done.
        what: &'static str,
        /// What the database said.
        reason: Box<dyn std::error::Error + Send + Sync>,
        /// Whether it may work later.
        retry: bool,
    },
    /// More is waiting to be written than the queue holds.
    #[error("{waiting} changes wait to be written, the most at a time; try again")]
    QueueFull {
        /// The bound.
        waiting: usize,
    },
    /// The writer is gone: the registry is stopping, or its disk failed.
    #[error("nothing can be written any more: the registry is stopping")]
    Stopped,
    /// The access that something was to be done with has ended, or was taken away.
    #[error("the token expired or was revoked while this was asked for")]
    NotInForce,
    /// A statement changed another number of rows than it must.
    #[error("database, {what}: {found} rows were changed, it must be {wanted}")]
    Affected {
        /// What was being done.
        what: &'static str,
        /// How many must change.
        wanted: u64,
        /// How many did.
        found: u64,
    },
    /// A row that this registry did not write.
    #[error("database, column {column}: {reason}")]
    Column {
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl DbError {
    /// What SQL said.
    pub(super) fn sql(what: &'static str, reason: sqlx::Error) -> Self {
        let retry = match &reason {
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => true,
            // SQLITE_BUSY, SQLITE_IOERR, SQLITE_FULL, SQLITE_READONLY, with their extensions.
            sqlx::Error::Database(error) => error
                .code()
                .and_then(|code| code.parse::<u32>().ok())
                .is_some_and(|code| matches!(code & 0xff, 5 | 8 | 10 | 13)),
            _ => false,
        };
        Self::Sql {
            what,
            reason: reason.into(),
            retry,
        }
    }

    /// The same once more: one failed write is told to each of those who waited for it.
    pub(crate) fn again(&self) -> Self {
        Self::Sql {
            what: "writing",
            reason: self.to_string().into(),
            retry: self.may_pass_later(),
        }
    }

    /// Whether the same may work later.
    pub(crate) fn may_pass_later(&self) -> bool {
        match self {
            Self::Sql { retry, .. } => *retry,
            Self::QueueFull { .. } | Self::Stopped => true,
            Self::NotInForce | Self::Affected { .. } | Self::Column { .. } => false,
        }
    }
}
