//! The listeners: bound, recorded, accepted from until the daemon stops.
//! Called once by the daemon.
//! Must never take over a socket that another daemon still serves.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use api::client::SOCKET_PATH_BYTES_MAX;
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
    /// Something that is no socket has its path, and may be somebody's file.
    #[error(
        "--socket {}: there is something else than a socket, and only a socket is replaced; name \
         another path", path.display()
    )]
    NotSocket {
        /// The socket's path.
        path: PathBuf,
    },
    /// No socket can have a path of this length.
    #[error(
        "--socket {}: has {bytes} bytes, a socket's path has at most {bytes_max}", path.display()
    )]
    PathLength {
        /// The socket's path.
        path: PathBuf,
        /// Bytes of it.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
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

impl ListenError {
    /// Whether the same command may work later: somebody else has the address now, or the machine
    /// is short of something.
    pub(crate) fn may_pass_later(&self) -> bool {
        match self {
            Self::NotLoopback(_) | Self::NotSocket { .. } | Self::PathLength { .. } => false,
            Self::Taken { .. } => true,
            Self::Tcp { reason, .. } | Self::Unix { reason, .. } => !matches!(
                reason.kind(),
                ErrorKind::PermissionDenied
                    | ErrorKind::AddrNotAvailable
                    | ErrorKind::NotADirectory
                    | ErrorKind::IsADirectory
                    | ErrorKind::AlreadyExists
                    | ErrorKind::NotFound
                    | ErrorKind::InvalidFilename
                    | ErrorKind::ReadOnlyFilesystem
            ),
        }
    }
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
        let _ = remove_socket(&self.path);
    }
}

/// Whether a socket can be made at this path, as far as can be said without making anything.
///
/// # Errors
/// The path is too long, or something that is no socket has it.
pub(crate) fn check_socket(path: &Path) -> Result<(), ListenError> {
    let bytes = path.as_os_str().as_bytes().len();
    if bytes > SOCKET_PATH_BYTES_MAX {
        return Err(ListenError::PathLength {
            path: path.to_owned(),
            bytes,
            bytes_max: SOCKET_PATH_BYTES_MAX,
        });
    }
    // What can't be looked at is told of by the step that needs it.
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err(ListenError::NotSocket {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Binds the unix socket, mode 0600.
///
/// # Errors
/// Another daemon has it, something that is no socket has its path, or the file system says no.
pub(super) fn unix(path: &Path) -> Result<Socket, ListenError> {
    let failed = |step: &'static str| {
        let path = path.to_owned();
        move |reason: io::Error| ListenError::Unix { path, step, reason }
    };
    // Before anything is made: what is refused leaves nothing behind.
    check_socket(path)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed("making its folder"))?;
    }
    let lock = locked(path)?;
    // Whose daemon is gone left it behind: the lock is ours.
    remove_socket(path).map_err(failed("removing what a dead daemon left"))?;
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

/// Removes a socket and nothing else; nothing there is as good.
fn remove_socket(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        // Binding there fails, and says that the path is taken.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn only_a_socket_is_replaced_and_a_refusal_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link, dir) = ("a-file", "a-link", "a-folder");
        io::Write::write_all(&mut File::create(folder.path().join(file)).unwrap(), b"x").unwrap();
        symlink("a-file", folder.path().join(link)).unwrap();
        fs::create_dir(folder.path().join(dir)).unwrap();
        for name in [file, link, dir] {
            let error = unix(&folder.path().join(name)).unwrap_err();
            assert!(matches!(error, ListenError::NotSocket { .. }), "{error}");
            assert!(!error.may_pass_later());
        }
        assert_eq!(names_in(folder.path()), [file, dir, link]);
        assert_eq!(fs::read(folder.path().join(file)).unwrap(), b"x");

        let path = folder.path().join("socket");
        // A daemon that was killed leaves its socket.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let socket = unix(&path).unwrap();
        assert!(matches!(unix(&path), Err(ListenError::Taken { .. })));
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_path_is_as_long_as_the_system_takes_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let room = SOCKET_PATH_BYTES_MAX - folder.path().as_os_str().len() - "/s/".len();
        let longest = folder.path().join("s").join("a".repeat(room));
        let longer = folder.path().join("s").join("a".repeat(room + 1));
        let error = unix(&longer).unwrap_err();
        assert!(error.to_string().contains("has 108 bytes"), "{error}");
        assert!(error.to_string().contains("at most 107"), "{error}");
        assert!(names_in(folder.path()).is_empty());
        unix(&longest).unwrap();
    }
}
