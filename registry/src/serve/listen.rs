//! The listener, and the rule of who may reach it.
//! Called by the server while it starts.
//! Must never bind what other machines reach without TLS, unless the operator said so.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::ServeError;
use crate::cli::Config;

/// Holds the loopback rule.
///
/// # Errors
/// The address is reachable from other machines, and there is neither TLS nor the flag.
pub(super) fn check(config: &Config) -> Result<(), ServeError> {
    let loopback = config.listen.ip().to_canonical().is_loopback();
    if loopback || config.tls.is_some() || config.allow_plain_http {
        return Ok(());
    }
    Err(ServeError::NotLoopback {
        address: config.listen,
    })
}

/// Binds; port 0 takes a free one.
///
/// # Errors
/// The address is taken, not this machine's, or needs a right.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|reason| ServeError::Bind { address, reason })
}

/// Where it was bound.
///
/// # Errors
/// The system's.
pub(super) fn bound(listener: &TcpListener) -> Result<SocketAddr, ServeError> {
    listener.local_addr().map_err(|reason| ServeError::System {
        what: "asking for the bound address",
        reason,
    })
}
