//! The daemon's state folder: one daemon's at a time, with the file that tells where it listens.
//! Made by `node daemon` before it binds anything.
//! Must never leave addresses behind at which nobody listens.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::CliError;
use crate::output::Listening;

/// The file that tells where the daemon listens.
const ADDRESSES_FILE: &str = "addresses.json";
/// The same while it is being written.
const ADDRESSES_NEW: &str = "addresses.json.new";
/// The file whose lock says whose folder it is. It stays: who removed it could let two in.
const LOCK_FILE: &str = "lock";

/// How long a daemon that was killed may hold its folder: the kernel closes its descriptors one by one.
const DYING_MAX: Duration = Duration::from_secs(3);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// A state folder that is ours. The addresses are removed when this is dropped.
#[derive(Debug)]
pub(super) struct StateDir {
    path: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Makes the folder where there is none, and takes it.
    ///
    /// # Errors
    /// Another daemon has it, or the file system says no.
    pub(super) fn taken(path: &Path) -> Result<Self, CliError> {
        let failed = |reason| CliError::StateDir {
            path: path.to_owned(),
            reason,
        };
        fs::create_dir_all(path).map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join(LOCK_FILE))
            .map_err(failed)?;
        let deadline = Instant::now() + DYING_MAX;
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    return Ok(Self {
                        path: path.to_owned(),
                        _lock: lock,
                    });
                }
                // Its daemon may just be ending.
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(BETWEEN_TRIES),
                Err(TryLockError::WouldBlock) => {
                    return Err(CliError::StateDirTaken {
                        path: path.to_owned(),
                    });
                }
                Err(TryLockError::Error(reason)) => return Err(failed(reason)),
            }
        }
    }

    /// Writes the addresses so that a reader sees all of them or the file of before.
    ///
    /// # Errors
    /// The file system says no.
    pub(super) fn record(&self, listening: &Listening) -> Result<(), CliError> {
        let write = || -> io::Result<()> {
            let temporary = self.path.join(ADDRESSES_NEW);
            let mut file = File::create(&temporary)?;
            serde_json::to_writer(&mut file, listening)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&temporary, self.path.join(ADDRESSES_FILE))
        };
        write().map_err(|reason| CliError::StateDir {
            path: self.path.clone(),
            reason,
        })
    }
}

impl Drop for StateDir {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = fs::remove_file(self.path.join(ADDRESSES_FILE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_is_one_daemons_and_its_addresses_go_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let addresses = path.join(ADDRESSES_FILE);
        let state = StateDir::taken(&path).unwrap();
        let listening = |socket: &str| Listening {
            socket: socket.to_owned(),
            legacy: None,
        };
        state.record(&listening("/a")).unwrap();
        let refused = StateDir::taken(&path).unwrap_err();
        assert!(refused.to_string().contains("--state-dir"), "{refused}");
        assert!(addresses.exists(), "who is refused removes nothing");
        state.record(&listening("/b")).unwrap();
        assert!(fs::read_to_string(&addresses).unwrap().contains("/b"));
        drop(state);
        assert!(!addresses.exists());
        StateDir::taken(&path).unwrap();
    }
}
