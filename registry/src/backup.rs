//! `registry backup`: a consistent copy of the data folder, while a registry serves from it.
//! Called by the command line.
//! Must never change what it copies, nor leave half a copy under the name that was asked for.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use payload::digest::Digest;
use thiserror::Error;

use crate::blobs::{BlobError, Blobs};
use crate::db::{self, DbError};

/// Why there is no backup.
#[derive(Debug, Error)]
pub(crate) enum BackupError {
    /// Something has the name already.
    #[error("{}: exists already; name a folder that does not", path.display())]
    Exists {
        /// What was named.
        path: PathBuf,
    },
    /// There is no registry's data.
    #[error("--data-dir {}: there is no registry's database in it", path.display())]
    NoData {
        /// The folder.
        path: PathBuf,
    },
    /// The file system says no.
    #[error("{}: {step} failed: {reason}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        reason: io::Error,
    },
    /// The database can't be copied.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The blobs can't be copied.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// Bytes that are not what their name says: the disk has changed them.
    #[error("blob {digest} has the digest {found} on the disk")]
    Changed {
        /// By its name.
        digest: Digest,
        /// Of its bytes.
        found: Digest,
    },
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Copied {
    /// Releases.
    pub(crate) releases: u64,
    /// Blobs.
    pub(crate) blobs: u64,
    /// Bytes of them.
    pub(crate) bytes: u64,
}

/// Copies the data folder into a folder that does not exist yet.
///
/// # Errors
/// What is in the way; then nothing has the name that was asked for.
pub(crate) async fn make(data_dir: &Path, into: &Path) -> Result<Copied, BackupError> {
    if fs::symlink_metadata(into).is_ok() {
        let path = into.to_owned();
        return Err(BackupError::Exists { path });
    }
    let database = data_dir.join(db::FILE);
    if !database.is_file() {
        let path = data_dir.to_owned();
        return Err(BackupError::NoData { path });
    }
    let mut partial = into.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let failed = |step| {
        let path = partial.clone();
        move |reason| BackupError::Folder { path, step, reason }
    };
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(failed("removing an earlier attempt"))?;
    }
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&partial);
    made.map_err(failed("making it"))?;
    let copied = copy(&database, data_dir, &partial).await;
    if copied.is_err() {
        // What went wrong is the news.
        let _ = fs::remove_dir_all(&partial);
    }
    let copied = copied?;
    let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all());
    sync(&partial.join(db::FILE)).map_err(failed("writing it to the disk"))?;
    sync(&partial).map_err(failed("writing it to the disk"))?;
    fs::rename(&partial, into).map_err(failed("giving it its name"))?;
    let parent = into
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    sync(parent.unwrap_or(Path::new("."))).map_err(failed("writing its name to the disk"))?;
    Ok(copied)
}

async fn copy(database: &Path, data_dir: &Path, into: &Path) -> Result<Copied, BackupError> {
    let copied_database = into.join(db::FILE);
    // First the database: what it names then is not removed while a release names it.
    db::copy::make(database, &copied_database).await?;
    let mut connection = db::copy::open(&copied_database).await?;
    let from = Blobs::existing(&data_dir.join(crate::blobs::FOLDER))?;
    let to = Blobs::open(&into.join(crate::blobs::FOLDER), 0)?;
    let (mut blobs, mut bytes) = (0, 0);
    for blob in db::copy::blobs(&mut connection).await? {
        let Some(read) = from.read(&blob.digest).await? else {
            db::copy::forget(&mut connection, &blob).await?;
            continue;
        };
        let found = Digest::of(&read);
        if found != blob.digest {
            let digest = blob.digest;
            return Err(BackupError::Changed { digest, found });
        }
        to.put(&blob.digest, read).await?;
        blobs += 1;
        bytes += blob.size_bytes;
    }
    let releases = db::copy::finish(connection).await?;
    Ok(Copied {
        releases,
        blobs,
        bytes,
    })
}
