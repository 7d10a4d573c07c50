//! The bytes of payloads, by digest: a folder through `object_store`, and the hot ones in memory.
//! Used by the routes of blobs and releases, by collection and by backup.
//! Must never say that bytes are there before they are on the disk, nor give out others.

pub(crate) mod range;

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt, stream};
use hyper::body::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use payload::digest::Digest;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use thiserror::Error as ThisError;

use crate::db::blob::Kept;
use crate::limits::{CACHED_BLOB_BYTES_MAX, CACHED_BLOBS, PIECE_BYTES};

/// The blobs in a data folder.
pub(crate) const FOLDER: &str = "blobs";
/// The folder of the one algorithm.
const ALGORITHM: &str = "sha256";

/// Why bytes were not kept or given.
#[derive(Debug, ThisError)]
pub(crate) enum BlobError {
    /// The store failed.
    #[error("blob {digest}, {what}: {reason}")]
    Store {
        /// The blob.
        digest: Digest,
        /// What was being done.
        what: &'static str,
        /// What the store said.
        reason: Error,
    },
    /// Bytes that are not what their name says: the disk has changed them.
    #[error("blob {digest} is changed on the disk: what lies there has {found}")]
    Changed {
        /// By its name.
        digest: Digest,
        /// Of its bytes.
        found: Digest,
    },
    /// More or fewer bytes than were kept.
    #[error("blob {digest} is changed on the disk: {found} bytes lie there, {kept} were kept")]
    Length {
        /// The blob.
        digest: Digest,
        /// On the disk.
        found: u64,
        /// When it was kept.
        kept: u64,
    },
    /// Bytes of a large blob that were sent in part when they turned out to be others.
    #[error("blob {digest} is changed on the disk: its answer was broken off")]
    Streamed {
        /// The blob.
        digest: Digest,
    },
    /// The store could not be opened or listed.
    #[error("blobs, {what}: {reason}")]
    Folder {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        reason: io::Error,
    },
}

/// A blob in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Its digest, by its name.
    pub(crate) digest: Digest,
    /// Its length.
    pub(crate) size_bytes: u64,
    /// When it was written, milliseconds since 1970.
    pub(crate) written_ms: u64,
}

/// Weighs what is in memory by its bytes.
#[derive(Clone)]
struct ByBytes;

impl quick_cache::Weighter<Digest, Bytes> for ByBytes {
    fn weight(&self, _: &Digest, bytes: &Bytes) -> u64 {
        bytes.len() as u64
    }
}

impl BlobError {
    /// Whether the bytes on the disk are at fault: who puts them again mends that.
    pub(crate) fn is_rot(&self) -> bool {
        match self {
            Self::Changed { .. } | Self::Length { .. } | Self::Streamed { .. } => true,
            Self::Store { .. } | Self::Folder { .. } => false,
        }
    }
}

/// The blobs. Clones are handles of the same.
#[derive(Clone)]
pub(crate) struct Blobs {
    store: Arc<LocalFileSystem>,
    hot: Arc<Cache<Digest, Bytes, ByBytes>>,
}

impl Blobs {
    /// Opens the folder, makes it where there is none, and removes what a crash left half written.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn open(folder: &FilePath, cache_bytes: u64) -> Result<Self, BlobError> {
        let failed = |what| move |reason| BlobError::Folder { what, reason };
        fs::create_dir_all(folder.join(ALGORITHM)).map_err(failed("making their folder"))?;
        remove_staged(&folder.join(ALGORITHM)).map_err(failed("removing half-written ones"))?;
        Self::with_cache(folder, cache_bytes)
    }

    /// Blobs that are another process's, to be read.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn existing(folder: &FilePath) -> Result<Self, BlobError> {
        Self::with_cache(folder, 0)
    }

    fn with_cache(folder: &FilePath, cache_bytes: u64) -> Result<Self, BlobError> {
        let store =
            LocalFileSystem::new_with_prefix(folder).map_err(|reason| BlobError::Folder {
                what: "opening their folder",
                reason: io::Error::other(reason),
            })?;
        Ok(Self {
            // Without it a blob may be gone after a power cut that its release survived.
            store: Arc::new(store.with_fsync(true)),
            hot: Arc::new(Cache::with_weighter(CACHED_BLOBS, cache_bytes, ByBytes)),
        })
    }

    /// Keeps bytes whose digest was checked: they are on the disk when this is `Ok`.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<(), BlobError> {
        let put = async |mode| {
            let options = PutOptions {
                mode,
                ..PutOptions::default()
            };
            let payload = bytes.clone().into();
            self.store.put_opts(&place(digest), payload, options).await
        };
        let kept = match put(PutMode::Create).await {
            // Left by a crash, perhaps before it was on the disk; or another's, with the same bytes.
            Err(Error::AlreadyExists { .. }) => put(PutMode::Overwrite).await,
            other => other,
        };
        kept.map(drop).map_err(failed(digest, "writing it"))
    }

    /// The length of a blob, if it is in the store.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn size_bytes(&self, digest: &Digest) -> Result<Option<u64>, BlobError> {
        match self.store.head(&place(digest)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(reason) => Err(failed(digest, "looking for it")(reason)),
        }
    }

    /// A whole blob, if it is in memory.
    pub(crate) fn hot(&self, digest: &Digest) -> Option<Bytes> {
        self.hot.get(digest)
    }

    /// Whether the bytes on the disk are the blob's, read to the end. What can't be read is not.
    pub(crate) async fn is_whole(&self, blob: Kept) -> bool {
        let Ok(found) = self.store.get(&place(&blob.digest)).await else {
            return false;
        };
        if found.meta.size != blob.size_bytes {
            return false;
        }
        let mut hasher = Sha256::new();
        let mut pieces = found.into_stream();
        loop {
            match pieces.try_next().await {
                Ok(Some(piece)) => hasher.update(&piece),
                Ok(None) => return hasher.finalize()[..] == *blob.digest.as_bytes(),
                Err(_) => return false,
            }
        }
    }

    /// A whole blob of a length that fits into memory, its bytes checked; the small ones are
    /// remembered.
    ///
    /// # Errors
    /// The store's; also where the disk has changed them.
    pub(crate) async fn read(&self, digest: &Digest) -> Result<Option<Bytes>, BlobError> {
        if let Some(bytes) = self.hot(digest) {
            return Ok(Some(bytes));
        }
        let read = async { self.store.get(&place(digest)).await?.bytes().await };
        let bytes = match read.await {
            Ok(bytes) => bytes,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(reason) => return Err(failed(digest, "reading it")(reason)),
        };
        let (found, bytes) = digest_of(bytes).await.map_err(|reason| BlobError::Folder {
            what: "checking bytes",
            reason,
        })?;
        if found != *digest {
            let digest = *digest;
            return Err(BlobError::Changed { digest, found });
        }
        if bytes.len() <= CACHED_BLOB_BYTES_MAX {
            self.hot.insert(*digest, bytes.clone());
        }
        Ok(Some(bytes))
    }

    /// A large blob, or a part of it, piece by piece, so that a slow reader holds one. Where all of
    /// it is asked for the last piece comes only if the bytes are the blob's.
    ///
    /// # Errors
    /// The store's; also where another number of bytes lies there.
    pub(crate) async fn stream(
        &self,
        blob: Kept,
        range: Range<u64>,
    ) -> Result<impl Stream<Item = Result<Bytes, BlobError>> + Send + use<>, BlobError> {
        let Kept { digest, size_bytes } = blob;
        let found = self.size_bytes(&digest).await?;
        if found != Some(size_bytes) {
            let (found, kept) = (found.unwrap_or(0), size_bytes);
            return Err(BlobError::Length {
                digest,
                found,
                kept,
            });
        }
        let whole = range == (0..size_bytes);
        let (blobs, hasher) = (self.clone(), whole.then(Sha256::new));
        Ok(stream::try_unfold(
            (range, hasher),
            move |(left, mut hasher)| {
                let blobs = blobs.clone();
                async move {
                    if left.is_empty() {
                        return Ok(None);
                    }
                    let end = left.end.min(left.start + PIECE_BYTES);
                    let piece = blobs.read_range(&digest, left.start..end).await?;
                    if let Some(hasher) = &mut hasher {
                        hasher.update(&piece);
                        if end == left.end && hasher.clone().finalize()[..] != *digest.as_bytes() {
                            return Err(BlobError::Streamed { digest });
                        }
                    }
                    Ok(Some((piece, (end..left.end, hasher))))
                }
            },
        ))
    }

    async fn read_range(&self, digest: &Digest, range: Range<u64>) -> Result<Bytes, BlobError> {
        let read = self.store.get_range(&place(digest), range).await;
        read.map_err(failed(digest, "reading from it"))
    }

    /// Removes a blob; gone already is as good.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn delete(&self, digest: &Digest) -> Result<(), BlobError> {
        self.hot.remove(digest);
        match self.store.delete(&place(digest)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(reason) => Err(failed(digest, "removing it")(reason)),
        }
    }

    /// Every blob in the store, and nothing else that lies there.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn list(&self) -> Result<Vec<Stored>, BlobError> {
        let all: Vec<_> = self
            .store
            .list(Some(&Path::from(ALGORITHM)))
            .try_collect()
            .await
            .map_err(|reason| BlobError::Folder {
                what: "listing them",
                reason: io::Error::other(reason),
            })?;
        let stored = all.into_iter().filter_map(|found| {
            let hex = found.location.filename()?;
            Some(Stored {
                digest: format!("{ALGORITHM}:{hex}").parse().ok()?,
                size_bytes: found.size,
                written_ms: u64::try_from(found.last_modified.timestamp_millis()).unwrap_or(0),
            })
        });
        Ok(stored.collect())
    }
}

/// The digest of bytes, off the async threads.
async fn digest_of(bytes: Bytes) -> io::Result<(Digest, Bytes)> {
    let hashed = tokio::task::spawn_blocking(move || (Digest::of(&bytes), bytes)).await;
    hashed.map_err(io::Error::other)
}

fn failed(digest: &Digest, what: &'static str) -> impl FnOnce(Error) -> BlobError + use<> {
    let digest = *digest;
    move |reason| BlobError::Store {
        digest,
        what,
        reason,
    }
}

/// `sha256/ab/abcd…`: folders stay small with many blobs.
fn place(digest: &Digest) -> Path {
    let hex = digest.hex();
    let folder = hex.get(..2).unwrap_or_default();
    Path::from_iter([ALGORITHM, folder, hex.as_str()])
}

/// `object_store` writes beside the file that it will be, as `NAME#NUMBER`; whoever wrote these is
/// gone, since the data folder is this process's.
fn remove_staged(folder: &FilePath) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            for file in fs::read_dir(entry.path())? {
                let file = file?;
                if file.file_name().as_encoded_bytes().contains(&b'#') {
                    fs::remove_file(file.path())?;
                }
            }
        }
    }
    Ok(())
}
