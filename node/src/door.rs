//! Who may come in: the owner of the connecting socket and the headers that betray a browser.
//! Called by the daemon for every connection and every request, before anything is read or loaded.
//! Must never take "it came over loopback" for a credential: every local user can.

mod headers;
mod owner;
mod proc_net;
mod sock_diag;
mod users;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use thiserror::Error;
use tokio::net::{TcpStream, UnixStream};

pub(crate) use headers::{Foreign, check as check_headers};
use owner::{OwnerUnknown, SocketTable};
pub(crate) use users::{UserUnknown, uid_of};

/// The most users that `--allow-user` may name.
pub(crate) const ALLOWED_USERS_MAX: usize = 64;

/// How a caller that was let in came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// The unix socket: no browser can reach it.
    Unix,
    /// Loopback TCP, on the port that the daemon bound.
    Tcp {
        /// That port: the only one that a `Host` may name.
        port: u16,
    },
}

/// A caller that was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The user who owns the connecting socket.
    pub(crate) uid: u32,
    /// How it came.
    pub(crate) via: Via,
}

/// Why a connection was not let in.
#[derive(Debug, Error)]
pub(crate) enum Closed {
    /// The socket belongs to somebody else.
    #[error(
        "user id {uid} may not use this node; it serves root and the users of --allow-user: \
         user ids {}",
        list(allowed)
    )]
    User {
        /// The owner of the connecting socket.
        uid: u32,
        /// Who would be let in.
        allowed: BTreeSet<u32>,
    },
    /// Nobody can be shown to own the socket.
    #[error(transparent)]
    Owner(#[from] OwnerUnknown),
    /// The kernel didn't tell the peer of a unix socket.
    #[error("the kernel does not tell who connected to the unix socket: {reason}")]
    Credentials {
        /// What the system said.
        reason: std::io::Error,
    },
}

/// The rule of who is let in, and the kernel's table to judge by.
#[derive(Debug)]
pub(crate) struct Door {
    allowed: BTreeSet<u32>,
    sockets: SocketTable,
}

impl Door {
    /// A door for root and the users with these ids.
    pub(crate) fn new(users: impl IntoIterator<Item = u32>) -> Self {
        let allowed = users.into_iter().chain([0]).collect();
        Self {
            allowed,
            sockets: SocketTable::of_this_kernel(),
        }
    }

    /// Judges an accepted TCP connection by the owner of the socket at its other end. To be called
    /// before the first byte is read.
    ///
    /// # Errors
    /// The socket belongs to a user who may not come in, or to nobody who can be named.
    pub(crate) fn admit_tcp(&self, stream: &TcpStream) -> Result<Caller, Closed> {
        let uid = self.sockets.owner_of(stream)?;
        let port = stream.local_addr().map_err(OwnerUnknown::from)?.port();
        self.judge(uid, Via::Tcp { port })
    }

    /// Judges a connection to the unix socket by the credentials that the kernel kept of its peer.
    ///
    /// # Errors
    /// The peer is a user who may not come in.
    pub(crate) fn admit_unix(&self, stream: &UnixStream) -> Result<Caller, Closed> {
        let peer = stream
            .peer_cred()
            .map_err(|reason| Closed::Credentials { reason })?;
        self.judge(peer.uid(), Via::Unix)
    }

    fn judge(&self, uid: u32, via: Via) -> Result<Caller, Closed> {
        if self.allowed.contains(&uid) {
            Ok(Caller { uid, via })
        } else {
            Err(Closed::User {
                uid,
                allowed: self.allowed.clone(),
            })
        }
    }
}

/// Why the daemon does not listen at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "--legacy-listen {address} is not a loopback address: this address has neither TLS nor tokens, \
     so whoever reaches it could load code into the kernel; use 127.0.0.1:PORT or [::1]:PORT and \
     forward it through ssh"
)]
pub(crate) struct NotLoopback {
    address: SocketAddr,
}

/// Lets only loopback addresses through.
///
/// # Errors
/// Any other address, the unspecified one too.
pub(crate) fn loopback_only(address: SocketAddr) -> Result<SocketAddr, NotLoopback> {
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(NotLoopback { address })
    }
}

fn list(uids: &BTreeSet<u32>) -> String {
    uids.iter()
        .map(u32::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_may_be_bound() {
        for address in ["127.0.0.1:8527", "127.8.9.10:0", "[::1]:8527"] {
            let address = address.parse().unwrap();
            assert_eq!(loopback_only(address), Ok(address));
        }
        for address in [
            "0.0.0.0:8527",
            "[::]:8527",
            "192.168.1.4:8527",
            "[::ffff:127.0.0.1]:1",
        ] {
            let refused = loopback_only(address.parse().unwrap()).unwrap_err();
            assert!(refused.to_string().contains("--legacy-listen"), "{refused}");
        }
    }

    #[test]
    fn root_is_always_let_in_and_others_by_name_only() {
        let door = Door::new([1000]);
        assert!(door.judge(0, Via::Unix).is_ok());
        assert!(door.judge(1000, Via::Unix).is_ok());
        let refused = door
            .judge(65534, Via::Tcp { port: 1 })
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("65534") && refused.contains("0, 1000"),
            "{refused}"
        );
    }
}
