//! The user behind an accepted loopback connection, found in the kernel's socket table.
//! Called by the door at accept time, before a byte is read.
//! Must never answer with a user for a socket that no process holds: the kernel shows uid 0 there.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

use thiserror::Error;
use tokio::net::TcpStream;

use super::{proc_net, sock_diag};

/// `include/net/tcp_states.h`.
pub(super) const TCP_ESTABLISHED: u8 = 1;
const TCP_FIN_WAIT1: u8 = 4;
const TCP_FIN_WAIT2: u8 = 5;
const TCP_CLOSE_WAIT: u8 = 8;

/// The two ends of a connection, as the socket that is looked for sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
}

/// A socket as the kernel shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) ends: Ends,
    pub(super) state: u8,
    pub(super) uid: u32,
    pub(super) inode: u64,
}

/// Why nobody can be named as the owner of a socket.
#[derive(Debug, Error)]
pub(crate) enum OwnerUnknown {
    /// No such socket on this machine: another network namespace, or already gone.
    #[error("no socket of this machine is at the other end ({peer})")]
    NoSocket {
        /// The other end.
        peer: SocketAddr,
    },
    /// Its process closed it: the kernel then shows uid 0 and inode 0.
    #[error("the socket at the other end ({peer}) is held by no process")]
    Orphan {
        /// The other end.
        peer: SocketAddr,
    },
    /// The socket that was found is another one: a listener, or not yet connected.
    #[error("the socket at the other end ({peer}) is not connected (TCP state {state})")]
    NotConnected {
        /// The other end.
        peer: SocketAddr,
        /// Its state, as in `include/net/tcp_states.h`.
        state: u8,
    },
    /// The connection ended during the look-up, so that its port may have been another's.
    #[error("the connection from {peer} was gone before its owner was known (TCP state {state})")]
    Gone {
        /// The other end.
        peer: SocketAddr,
        /// The state of the accepted socket.
        state: u8,
    },
    /// The kernel was asked and failed.
    #[error("the kernel's socket table can't be read: {0}")]
    Kernel(#[from] io::Error),
}

/// The way in which this kernel shows its sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SocketTable {
    /// One exact question over netlink.
    SockDiag,
    /// The whole table as text, where the kernel was built without `CONFIG_INET_DIAG`.
    ProcNet,
}

impl SocketTable {
    /// Finds out by asking about a socket that is there: a listener of this process.
    pub(super) fn of_this_kernel() -> Self {
        let known = || -> io::Result<bool> {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            let client = std::net::TcpStream::connect(listener.local_addr()?)?;
            let ends = Ends {
                local: client.local_addr()?,
                remote: client.peer_addr()?,
            };
            Ok(sock_diag::find(ends)?.is_some_and(|shown| shown.inode != 0))
        };
        if known().unwrap_or(false) {
            Self::SockDiag
        } else {
            Self::ProcNet
        }
    }

    /// The user who owns the socket at the other end of an accepted connection.
    ///
    /// # Errors
    /// No process can be shown to hold that socket now.
    pub(super) fn owner_of(self, accepted: &TcpStream) -> Result<u32, OwnerUnknown> {
        let peer = accepted.peer_addr()?;
        let ends = Ends {
            local: unmapped(peer),
            remote: unmapped(accepted.local_addr()?),
        };
        let shown = match self {
            Self::SockDiag => sock_diag::find(ends)?,
            Self::ProcNet => proc_net::find(ends)?,
        };
        let uid = judge(ends, shown)?;
        // A reset connection still hands out the bytes that came before the reset, and its port may
        // already be root's. While this end lives, the other end is the one it was accepted from.
        let state = state_of(accepted)?;
        if state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT {
            return Err(OwnerUnknown::Gone { peer, state });
        }
        if let Some(error) = accepted.take_error()? {
            return Err(OwnerUnknown::Kernel(error));
        }
        Ok(uid)
    }
}

/// The owner of what the kernel showed, if it is the connected socket that was asked for.
fn judge(ends: Ends, shown: Option<Shown>) -> Result<u32, OwnerUnknown> {
    let peer = ends.local;
    let shown = shown.filter(|shown| shown.ends == ends);
    let Some(shown) = shown else {
        return Err(OwnerUnknown::NoSocket { peer });
    };
    // A client may have shut down its sending side after the request, as `nc -N` does.
    let connected = [
        TCP_ESTABLISHED,
        TCP_FIN_WAIT1,
        TCP_FIN_WAIT2,
        TCP_CLOSE_WAIT,
    ];
    if !connected.contains(&shown.state) {
        return Err(OwnerUnknown::NotConnected {
            peer,
            state: shown.state,
        });
    }
    if shown.inode == 0 {
        return Err(OwnerUnknown::Orphan { peer });
    }
    Ok(shown.uid)
}

/// An IPv4 address in IPv6 clothes (RFC 4291 section 2.5.5.2) as the IPv4 address it is.
pub(super) fn unmapped(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
        v4 @ IpAddr::V4(_) => v4,
    };
    SocketAddr::new(ip, address.port())
}

/// An address as 16 bytes of network order, the form of both tables: IPv4 in the first four.
pub(super) fn v6_or_v4(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V6(v6) => Ipv6Addr::octets(&v6),
        IpAddr::V4(v4) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&v4.octets());
            bytes
        }
    }
}

/// The TCP state of this end: the first byte of `struct tcp_info` (`include/uapi/linux/tcp.h`).
#[expect(unsafe_code, reason = "std has no TCP_INFO")]
fn state_of(accepted: &TcpStream) -> io::Result<u8> {
    let mut state = 0_u8;
    let mut length: libc::socklen_t = 1;
    // SAFETY: the descriptor is open as long as `accepted` is borrowed; the kernel writes at most
    // `length` = 1 bytes to `state`, and `length` itself.
    let result = unsafe {
        libc::getsockopt(
            accepted.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut state).cast(),
            &raw mut length,
        )
    };
    match (result, length) {
        (0, 1) => Ok(state),
        (0, _) => Err(io::Error::other("TCP_INFO is empty")),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests;
