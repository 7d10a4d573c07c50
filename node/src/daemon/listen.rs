//! The listeners: bound, recorded, accepted from until the daemon stops.
//! Called once by the daemon.
//! Must never take over a socket that another daemon still serves.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio::net::{TcpListener, UnixListener};

use crate::door::{NotLoopback, loopback_only};

/// Why the daemon does not listen.
#[derive(Debug, Error)]
pub(crate) enum ListenError {
    /// The address is reachable from other machines.
    #[error(transparent)]
    NotLoopback(#[from] NotLoopback),
    /// The TCP address can't be bound.
    #[error("--legacy-listen {address} can't be bound: {reason}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// The unix socket can't be made.
    #[error("--socket {}: {step} failed: {reason}", path.display())]
    Unix {
        /// The socket's path.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        reason: io::Error,
    },
    /// Another daemon has the socket.
    #[error(
        "--socket {}: another daemon serves it; give this one its own --socket, --legacy-listen \
         and --state-dir", path.display()
    )]
    Taken {
        /// The socket's path.
        path: PathBuf,
    },
}

/// The unix socket, and the lock that says whose it is. Removed when this is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) listener: UnixListener,
    pub(super) path: PathBuf,
    _lock: File,
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds the unix socket, mode 0600.
///
/// # Errors
/// Another daemon has it, or the file system says no.
pub(super) fn unix(path: &Path) -> Result<Socket, ListenError> {
    let failed = |step: &'static str| {
        let path = path.to_owned();
        move |reason: io::Error| ListenError::Unix { path, step, reason }
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed("making its folder"))?;
    }
    let lock = locked(path)?;
    // Whose daemon is gone left it behind: the lock is ours.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("removing what a dead daemon left")(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed("binding"))?;
    // Between the two calls others may connect; the door asks the kernel who they are.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(failed("setting its mode"))?;
    Ok(Socket {
        listener,
        path: path.to_owned(),
        _lock: lock,
    })
}

fn locked(socket: &Path) -> Result<File, ListenError> {
    let failed = |reason| ListenError::Unix {
        path: socket.to_owned(),
        step: "locking",
        reason,
    };
    let mut name = socket.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ListenError::Taken {
            path: socket.to_owned(),
        }),
        Err(TryLockError::Error(reason)) => Err(failed(reason)),
    }
}

/// Binds the loopback address; port 0 takes a free one.
///
/// # Errors
/// Not a loopback address, or it is taken.
pub(super) async fn tcp(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let address = loopback_only(address)?;
    let failed = |reason| ListenError::Tcp { address, reason };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}
