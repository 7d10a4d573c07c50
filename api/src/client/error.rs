//! What can go wrong between a caller and a node.
//! Returned by every call of the client; shown by the command lines.
//! Must never hide which node was asked.

use thiserror::Error;

use crate::problem::Problem;

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The same request may work later.
    Retry,
    /// The same request will be refused again.
    Reject,
    /// Something is broken.
    Fatal,
}

/// Why a call of the client failed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("no node answers at {address}: {reason}")]
    Unreachable {
        /// Where the client tried to connect.
        address: String,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The file system does not let this user to the socket.
    #[error("this user may not use the node's socket {path}: {reason}; root and its owner may")]
    Denied {
        /// The socket.
        path: String,
        /// What the system said.
        reason: std::io::Error,
    },
    /// What has the path is no socket.
    #[error("{path} is no socket, so no node can answer there")]
    NotSocket {
        /// The path.
        path: String,
    },
    /// No socket can have a path of this length.
    #[error("{path}: has {bytes} bytes, a socket's path has at most {bytes_max}")]
    PathLength {
        /// The path.
        path: String,
        /// Bytes of it.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The time allowed for a step ran out.
    #[error("the node at {address} did not {step} within {seconds} s")]
    Silent {
        /// The node that was asked.
        address: String,
        /// What it did not do.
        step: &'static str,
        /// The time it had.
        seconds: u64,
    },
    /// The connection broke, or what came back is not HTTP.
    #[error("the connection to the node at {address} broke: {reason}")]
    Broken {
        /// The node that was asked.
        address: String,
        /// What was wrong.
        reason: String,
    },
    /// More came back than the client reads.
    #[error("the answer is longer than {limit_bytes} bytes")]
    TooLong {
        /// The most that is read.
        limit_bytes: usize,
    },
    /// The node said no.
    #[error("{problem}")]
    Refused {
        /// Its reason; `problem.status` is the HTTP status.
        problem: Box<Problem>,
    },
    /// The answer is not what the API promises: another server, or another version.
    #[error("the answer is not one of a Marrow node: {reason}")]
    NotUnderstood {
        /// What was wrong with it.
        reason: String,
    },
    /// No instance can have this name.
    #[error("{name:?} is no instance name: 1 to 63 of A-Z a-z 0-9 _ . -, first a letter or digit")]
    Name {
        /// The name that was given.
        name: String,
    },
}

impl ClientError {
    /// What the caller can do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => Class::Retry,
            Self::Broken { .. } | Self::TooLong { .. } | Self::NotUnderstood { .. } => Class::Fatal,
            Self::Denied { .. }
            | Self::NotSocket { .. }
            | Self::PathLength { .. }
            | Self::Name { .. } => Class::Reject,
            Self::Refused { problem } => match problem.status {
                408 | 429 | 503 => Class::Retry,
                400..=499 => Class::Reject,
                _ => Class::Fatal,
            },
        }
    }
}
