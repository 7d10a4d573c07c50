//! The data folder: whose it is, and what lies where in it.
//! Taken by the server before anything in it is opened.
//! Must never be two registries' at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::ServeError;
use super::error::OTHERS_WRITE;
use crate::{blobs, db};

/// A data folder that is this process's until it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder where there is none, readable by its owner alone, and takes it.
    ///
    /// # Errors
    /// Another registry has it, others may write into it, or the file system says no.
    pub(super) fn taken(path: &Path) -> Result<Self, ServeError> {
        let failed = |step| {
            move |reason: io::Error| ServeError::Folder {
                path: path.to_owned(),
                step,
                reason,
            }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed("making it"))?;
        let path = fs::canonicalize(path).map_err(failed("resolving it"))?;
        let found = fs::metadata(&path).map_err(failed("looking at it"))?;
        if found.mode() & OTHERS_WRITE != 0 {
            let mode = found.mode() & 0o7777;
            return Err(ServeError::Writable { path, mode });
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(failed("opening its lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(ServeError::Taken { path }),
            Err(TryLockError::Error(reason)) => Err(failed("locking it")(reason)),
        }
    }

    /// The file of the database.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(db::FILE)
    }

    /// The folder of the blobs.
    pub(super) fn blobs(&self) -> PathBuf {
        self.path.join(blobs::FOLDER)
    }
}
