//! Whom a client speaks to, and as whom. Made by the two clients, used by `connection`.
//! Must never show a bearer.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hyper::header::HeaderValue;
use tokio_rustls::rustls::pki_types::ServerName;

use super::ANSWER_TIMEOUT;
use super::tls::Tls;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The path of its unix socket.
    Unix(PathBuf),
    /// `HOST:PORT`.
    Tcp(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(host) => f.write_str(host),
        }
    }
}

/// Which of Marrow's programs is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerKind {
    /// `node daemon`.
    Node,
    /// `registry serve`.
    Registry,
}

impl fmt::Display for PeerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Node => "node",
            Self::Registry => "registry",
        })
    }
}

/// The other end of a client's connections.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) kind: PeerKind,
    pub(super) address: Address,
    /// How long an answer may take.
    pub(super) answer_timeout: Duration,
    /// The `Authorization` of every request; marked sensitive, so that `Debug` does not show it.
    pub(super) authorization: Option<HeaderValue>,
    /// The name to find in the certificate, and whom to trust; absent for plain HTTP.
    pub(super) tls: Option<(Tls, ServerName<'static>)>,
}

impl Peer {
    /// A node on this machine.
    pub(super) fn node(address: Address) -> Self {
        Self {
            kind: PeerKind::Node,
            address,
            answer_timeout: ANSWER_TIMEOUT,
            authorization: None,
            tls: None,
        }
    }

    /// The `Host` of requests.
    pub(super) fn host(&self) -> &str {
        match &self.address {
            Address::Unix(_) => "localhost",
            Address::Tcp(host) => host,
        }
    }
}
