//! Payload files by digest, and those that are on their way. A part of the store.
//! Must never let a file through whose bytes have another digest than its name.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::SystemTime;

use payload::digest::Digest;
use payload::limits::PAYLOAD_BYTES_MAX;

use super::{PAYLOADS, Store};
use crate::durable;

/// What the name of a whole file ends with.
const WHOLE: &str = ".wasm";
/// What the name of a file ends with that is on its way.
const PART: &str = ".part";
/// Files that nothing refers to and that are kept for a deployment that goes back to them.
const SPARE_FILES_MAX: usize = 16;
/// Bytes of these.
const SPARE_BYTES_MAX: u64 = 64 << 20;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    /// The file system says no.
    #[error("the store's file of {digest}: {reason}")]
    File {
        /// The file's digest.
        digest: Digest,
        /// What the system said.
        reason: io::Error,
    },
    /// The bytes are others. They are gone, so that the next fetch begins anew.
    #[error("the bytes have the digest {found}, {digest} was asked for")]
    Digest {
        /// What was asked for.
        digest: Digest,
        /// Of the bytes.
        found: Digest,
    },
}

/// A file on its way.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    bytes: u64,
}

impl Part {
    /// How many bytes are there.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes bytes at their place, which is the end, or the beginning where all comes anew.
    ///
    /// # Errors
    /// The file system says no.
    pub(crate) fn put(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if at != self.bytes {
            self.file.set_len(at)?;
            self.bytes = self.file.seek(SeekFrom::Start(at))?;
        }
        self.file.write_all(bytes)?;
        self.bytes += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(())
    }
}

impl Store {
    fn blob(&self, digest: &Digest, ending: &str) -> PathBuf {
        let name = format!("{}{ending}", digest.hex());
        self.folder.join(PAYLOADS).join(name)
    }

    /// Whether the file is there. Whose bytes it holds is found out when it is read.
    pub(crate) fn has(&self, digest: &Digest) -> bool {
        self.blob(digest, WHOLE).is_file()
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// [`BlobError`]; a file with other bytes is removed.
    pub(crate) fn bytes(&self, digest: &Digest) -> Result<Vec<u8>, BlobError> {
        self.checked(digest, WHOLE)
    }

    fn checked(&self, digest: &Digest, ending: &str) -> Result<Vec<u8>, BlobError> {
        let failed = failed(digest);
        let path = self.blob(digest, ending);
        let one_more = u64::try_from(PAYLOAD_BYTES_MAX)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let mut bytes = Vec::new();
        let file = File::open(&path).map_err(&failed)?;
        file.take(one_more)
            .read_to_end(&mut bytes)
            .map_err(&failed)?;
        let found = Digest::of(&bytes);
        if found == *digest {
            return Ok(bytes);
        }
        fs::remove_file(&path).map_err(&failed)?;
        Err(BlobError::Digest {
            digest: *digest,
            found,
        })
    }

    /// Begins to take a file, or goes on where a former fetch ended. One caller a digest at a time.
    ///
    /// # Errors
    /// [`BlobError::File`].
    pub(crate) fn part(&self, digest: &Digest, size_bytes: u64) -> Result<Part, BlobError> {
        let open = || {
            let mut file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .open(self.blob(digest, PART))?;
            let bytes = file.seek(SeekFrom::End(0))?;
            Ok(Part { file, bytes })
        };
        let mut part = open().map_err(failed(digest))?;
        if part.bytes > size_bytes {
            // Of another size than it is said to have by now.
            part.put(0, &[]).map_err(failed(digest))?;
        }
        Ok(part)
    }

    /// Puts a file that has come whole in its place.
    ///
    /// # Errors
    /// [`BlobError`]; bytes of another digest are removed.
    pub(crate) fn finish(&self, digest: &Digest, part: Part) -> Result<(), BlobError> {
        let failed = failed(digest);
        part.file.sync_all().map_err(&failed)?;
        drop(part);
        self.checked(digest, PART)?;
        let path = self.blob(digest, WHOLE);
        fs::rename(self.blob(digest, PART), &path)
            .and_then(|()| durable::settle_name(&path))
            .map_err(&failed)
    }

    /// Removes files that nothing refers to: those that are on their way at once, whole ones when
    /// they are more or larger than the bounds, the oldest first. `needed` is what runs, ran last,
    /// may be gone back to, or is wanted.
    ///
    /// # Errors
    /// The file system says no.
    pub(crate) fn collect(&self, needed: &BTreeSet<Digest>) -> io::Result<()> {
        let mut spare: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(self.folder.join(PAYLOADS))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let (stem, ending) = name.split_at(name.find('.').unwrap_or(name.len()));
            let digest: Option<Digest> = format!("sha256:{stem}").parse().ok();
            if digest.is_some_and(|digest| needed.contains(&digest)) {
                continue;
            }
            let about = entry.metadata()?;
            match (digest, ending) {
                (Some(_), WHOLE) => spare.push((about.modified()?, about.len(), entry.path())),
                (Some(_), PART) => fs::remove_file(entry.path())?,
                // Not ours.
                _ => {}
            }
        }
        spare.sort_by(|one, other| other.cmp(one));
        let mut bytes = 0_u64;
        for (index, (_, length, path)) in spare.into_iter().enumerate() {
            bytes = bytes.saturating_add(length);
            if index >= SPARE_FILES_MAX || bytes > SPARE_BYTES_MAX {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn failed(digest: &Digest) -> impl Fn(io::Error) -> BlobError {
    let digest = *digest;
    move |reason| BlobError::File { digest, reason }
}
