//! What a node keeps on disk about its fleet: payload files by digest, what it runs, floors, its
//! credential, what it has not reported yet. Used by the driver and its jobs.
//! Must never give out bytes of another digest, nor leave half of anything after a crash.

mod blobs;
mod kept;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::floors::Floors;
use crate::durable;

pub(crate) use blobs::BlobError;
pub(crate) use kept::{Credential, Kept, KeptAttempt, KeptInstance, Outbox};

/// The folder of payload files.
const PAYLOADS: &str = "payloads";
/// What runs, and what there is to report.
const FLEET: &str = "fleet.json";
/// The floors.
const FLOORS: &str = "floors.json";
/// The node's credential.
const CREDENTIAL: &str = "credential.json";

/// Why something kept can't be had, or not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The file system says no.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// A file that the node wrote is not as it wrote it.
    #[error(
        "{}: {reason}; nobody but the node writes this file: bring it back, or move it away and \
         begin anew without what it held", path.display()
    )]
    Altered {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The fleet's part of the state folder.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens it, and makes what is not there.
    ///
    /// # Errors
    /// The file system says no.
    pub(crate) fn open(state_dir: &Path) -> Result<Self, StoreError> {
        let payloads = state_dir.join(PAYLOADS);
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&payloads);
        made.and_then(|()| durable::settle_name(&payloads))
            .map_err(|reason| StoreError::File {
                path: payloads,
                reason,
            })?;
        Ok(Self {
            folder: state_dir.to_owned(),
        })
    }

    /// What the last life left, where there was one.
    ///
    /// # Errors
    /// [`StoreError`]; a node that has forgotten what it ran must not take that for nothing.
    pub(crate) fn kept(&self) -> Result<Option<Kept>, StoreError> {
        self.read(FLEET)
    }

    /// Keeps what runs and what there is to report.
    ///
    /// # Errors
    /// [`StoreError`]; what was kept before is still kept.
    pub(crate) fn keep(&self, kept: &Kept) -> Result<(), StoreError> {
        self.write(FLEET, kept)
    }

    /// The floors.
    ///
    /// # Errors
    /// [`StoreError`]; forgotten floors would be lowered ones.
    pub(crate) fn floors(&self) -> Result<Floors, StoreError> {
        Ok(self.read(FLOORS)?.unwrap_or_default())
    }

    /// Keeps the floors.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn keep_floors(&self, floors: &Floors) -> Result<(), StoreError> {
        self.write(FLOORS, floors)
    }

    /// Proves that a credential could be kept: what is given for a one-time token comes once.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is left behind.
    pub(crate) fn prove_writable(&self) -> Result<(), StoreError> {
        durable::prove_writable(&self.folder).map_err(|reason| StoreError::File {
            path: self.folder.clone(),
            reason,
        })
    }

    /// The node's credential, where it has one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn credential(&self) -> Result<Option<Credential>, StoreError> {
        self.read(CREDENTIAL)
    }

    /// Keeps the node's credential.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn keep_credential(&self, credential: &Credential) -> Result<(), StoreError> {
        self.write(CREDENTIAL, credential)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let path = self.folder.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(StoreError::File { path, reason }),
        };
        let read = serde_json::from_slice(&bytes);
        read.map(Some).map_err(|error| StoreError::Altered {
            path,
            reason: error.to_string(),
        })
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let path = self.folder.join(name);
        let bytes = serde_json::to_vec(value).map_err(io::Error::other);
        let written = bytes.and_then(|bytes| durable::replace(&path, &bytes));
        written.map_err(|reason| StoreError::File { path, reason })
    }
}

#[cfg(test)]
mod tests;
