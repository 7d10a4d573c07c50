//! `registry backup`: a consistent copy of the data folder, while a registry serves from it.
//! Called by the command line.
//! Must never change what it copies, nor remove what it did not make, nor call a copy whole that
//! lacks bytes of a release.

use std::fmt::{self, Write as _};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::Builder;
use thiserror::Error;

use crate::blobs::{BlobError, Blobs};
use crate::db::{self, DbError};

/// Why there is no backup, or none that is whole.
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
    /// The copy is there, but for bytes that releases name and the disk has lost.
    #[error(
        "{}: {copied} are copied, and these are lost: {}; put their bytes again and make another \
         copy", path.display(), shown(lost)
    )]
    Lost {
        /// The copy.
        path: PathBuf,
        /// What it holds.
        copied: Copied,
        /// What it does not.
        lost: Vec<Lost>,
    },
}

/// Blobs that an error names.
const SHOWN_MAX: usize = 16;

/// A blob whose bytes can't be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Releases that name it, `namespace/name@version`.
    releases: Vec<String>,
    /// Which blob, and what is wrong with its bytes.
    reason: String,
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
    /// Blobs that no release names, gone or changed on the disk: the copy does not have them.
    pub(crate) left_out: u64,
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            releases,
            blobs,
            bytes,
            left_out,
        } = self;
        write!(f, "{releases} releases, {blobs} blobs, {bytes} bytes")?;
        if *left_out > 0 {
            write!(f, ", without {left_out} lost blobs that no release names")?;
        }
        Ok(())
    }
}

fn shown(lost: &[Lost]) -> String {
    let mut text = String::new();
    for (index, one) in lost.iter().take(SHOWN_MAX).enumerate() {
        let comma = if index > 0 { "; " } else { "" };
        let releases = one.releases.join(", ");
        // Writing to a String does not fail.
        let _ = write!(text, "{comma}{releases} ({})", one.reason);
    }
    if let Some(more) = lost.len().checked_sub(SHOWN_MAX + 1) {
        let _ = write!(text, "; and {} more", more + 1);
    }
    text
}

/// Copies the data folder into a folder that does not exist yet.
///
/// # Errors
/// What is in the way; nothing has the name that was asked for then, but for [`BackupError::Lost`].
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
    let failed = |step| {
        let path = into.to_owned();
        move |reason| BackupError::Folder { path, step, reason }
    };
    let parent = into.parent();
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let mut prefix = into.file_name().unwrap_or_default().to_owned();
    prefix.push(".partial-");
    // New, and of a name that nobody foresees; removed where something goes wrong.
    let partial = Builder::new()
        .prefix(&prefix)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(failed("making a folder beside it"))?;
    let (copied, lost) = copy(&database, data_dir, partial.path()).await?;
    let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all());
    sync(&partial.path().join(db::FILE)).map_err(failed("writing it to the disk"))?;
    sync(partial.path()).map_err(failed("writing it to the disk"))?;
    fs::rename(partial.path(), into).map_err(failed("giving it its name"))?;
    // Nothing has the old name any more.
    let _ = partial.keep();
    sync(parent).map_err(failed("writing its name to the disk"))?;
    if lost.is_empty() {
        return Ok(copied);
    }
    let path = into.to_owned();
    Err(BackupError::Lost { path, copied, lost })
}

async fn copy(
    database: &Path,
    data_dir: &Path,
    into: &Path,
) -> Result<(Copied, Vec<Lost>), BackupError> {
    let copied_database = into.join(db::FILE);
    // First the database: what it names then is not removed while a release names it.
    db::copy::make(database, &copied_database).await?;
    let mut connection = db::copy::open(&copied_database).await?;
    let from = Blobs::existing(&data_dir.join(crate::blobs::FOLDER))?;
    let to = Blobs::open(&into.join(crate::blobs::FOLDER), 0)?;
    let (mut blobs, mut bytes, mut left_out, mut lost) = (0, 0, 0, Vec::new());
    for blob in db::copy::blobs(&mut connection).await? {
        let digest = blob.digest;
        let reason = match from.read(&digest).await {
            Ok(Some(read)) => {
                to.put(&digest, read).await?;
                blobs += 1;
                bytes += blob.size_bytes;
                continue;
            }
            Ok(None) => format!("blob {digest} is gone"),
            Err(error) => error.to_string(),
        };
        let releases = db::copy::releases_of(&mut connection, &blob).await?;
        if releases.is_empty() {
            // Collected while the copy was made, or lost to nobody's harm.
            db::copy::forget(&mut connection, &blob).await?;
            left_out += 1;
        } else {
            lost.push(Lost { releases, reason });
        }
    }
    let releases = db::copy::finish(connection).await?;
    let copied = Copied {
        releases,
        blobs,
        bytes,
        left_out,
    };
    Ok((copied, lost))
}
