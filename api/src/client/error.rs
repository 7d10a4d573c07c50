//! What can go wrong between a caller and a node or registry.
//! Returned by every call of the clients; shown by the command lines.
//! Must never hide who was asked.

use thiserror::Error;

use super::peer::PeerKind;
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
    #[error("no {peer} answers at {address}: {reason}")]
    Unreachable {
        /// Whom it looked for.
        peer: PeerKind,
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
    #[error("the {peer} at {address} did not {step} within {seconds} s")]
    Silent {
        /// Who was asked.
        peer: PeerKind,
        /// Where.
        address: String,
        /// What it did not do.
        step: &'static str,
        /// The time it had.
        seconds: u64,
    },
    /// The connection broke, or what came back is not HTTP.
    #[error("the connection to the {peer} at {address} broke: {reason}")]
    Broken {
        /// Who was asked.
        peer: PeerKind,
        /// Where.
        address: String,
        /// What was wrong.
        reason: String,
    },
    /// Who answers there is nobody that is trusted.
    #[error("the {peer} at {address} cannot be trusted: {reason}")]
    Certificate {
        /// Whom it looked for.
        peer: PeerKind,
        /// Where.
        address: String,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// More came back than the client reads.
    #[error("the answer is longer than {limit_bytes} bytes")]
    TooLong {
        /// The most that is read.
        limit_bytes: usize,
    },
    /// Who was asked said no.
    #[error("{problem}")]
    Refused {
        /// The reason; `problem.status` is the HTTP status.
        problem: Box<Problem>,
        /// The seconds of `Retry-After`, where the answer had one.
        retry_after_s: Option<u64>,
    },
    /// The answer is not what the API promises: another server, or another version.
    #[error("the answer is not one of a Marrow {peer}: {reason}")]
    NotUnderstood {
        /// Whose it should be.
        peer: PeerKind,
        /// What was wrong with it.
        reason: String,
    },
    /// The bytes that came are not those that were asked for.
    #[error("the blob {digest} came as other bytes: {reason}")]
    Blob {
        /// What was asked for.
        digest: String,
        /// What is different.
        reason: String,
    },
    /// Where the bytes go to, or come from, failed.
    #[error("cannot keep what came: {reason}")]
    Keep {
        /// What the system said.
        reason: std::io::Error,
    },
    /// A name or number that cannot stand in a path.
    #[error("{text:?} cannot be a part of a path: letters, digits and _ . - : only")]
    Part {
        /// What was given.
        text: String,
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
            Self::Broken { .. }
            | Self::TooLong { .. }
            | Self::NotUnderstood { .. }
            | Self::Blob { .. }
            | Self::Keep { .. } => Class::Fatal,
            Self::Denied { .. }
            | Self::NotSocket { .. }
            | Self::PathLength { .. }
            | Self::Certificate { .. }
            | Self::Part { .. }
            | Self::Name { .. } => Class::Reject,
            Self::Refused { problem, .. } => match problem.status {
                408 | 429 | 503 => Class::Retry,
                400..=499 => Class::Reject,
                _ => Class::Fatal,
            },
        }
    }
}
