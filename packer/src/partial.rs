//! An unfinished download beside the file it will be. Used by `pull`.
//! Must never become the file before its digest was checked, nor be written by two at once.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use payload::digest::Digest;
use payload::limits::PAYLOAD_BYTES_MAX;
use thiserror::Error;

use crate::failure::{Class, Classed};

/// Digits of the digest in the unfinished file's name: another release is another file.
const DIGITS: usize = 16;

/// An unfinished download that cannot go on.
#[derive(Debug, Error)]
pub(crate) enum PartialError {
    /// It cannot be read or written.
    #[error("cannot keep {}: {source}", .path.display())]
    Keep { path: PathBuf, source: io::Error },
    /// Another packer writes it.
    #[error("another packer is pulling into {}", .path.display())]
    Busy { path: PathBuf },
}

impl Classed for PartialError {
    fn class(&self) -> Class {
        match self {
            Self::Keep { .. } => Class::Fatal,
            Self::Busy { .. } => Class::Retry,
        }
    }
}

/// An unfinished download, locked.
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    /// Opens what an earlier download of the same bytes left beside `target`, or begins a new one.
    pub(crate) fn open(target: &Path, digest: &Digest) -> Result<Self, PartialError> {
        let mut path = target.as_os_str().to_owned();
        let hex = digest.hex();
        path.push(format!(".{}.partial", hex.get(..DIGITS).unwrap_or(&hex)));
        let path = PathBuf::from(path);
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let keep = |path: &Path, source| PartialError::Keep {
            path: path.to_owned(),
            source,
        };
        let file = opened.map_err(|source| keep(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, file }),
            Err(TryLockError::WouldBlock) => Err(PartialError::Busy { path }),
            Err(TryLockError::Error(source)) => Err(keep(&path, source)),
        }
    }

    /// Bytes that are there; none where there are more than the whole has.
    pub(crate) fn bytes(&self, size_bytes: u64) -> io::Result<u64> {
        let bytes = self.file.metadata()?.len();
        if bytes <= size_bytes {
            return Ok(bytes);
        }
        self.file.set_len(0)?;
        Ok(0)
    }

    /// Keeps a piece at its place in the whole.
    pub(crate) fn keep(&self, at: u64, piece: &[u8]) -> io::Result<()> {
        self.file.write_all_at(piece, at)
    }

    /// Forgets what is there.
    pub(crate) fn restart(&self) -> Result<(), PartialError> {
        self.file.set_len(0).map_err(|source| self.failed(source))
    }

    /// All that is there.
    pub(crate) fn read(&self) -> Result<Vec<u8>, PartialError> {
        let mut bytes = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.take(PAYLOAD_BYTES_MAX as u64).read_to_end(&mut bytes))
            .map_err(|source| self.failed(source))?;
        Ok(bytes)
    }

    /// Puts it in the place of the target.
    pub(crate) fn finish(self, target: &Path) -> Result<(), PartialError> {
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, target))
            .map_err(|source| self.failed(source))
    }

    /// Removes it.
    pub(crate) fn discard(self) -> Result<(), PartialError> {
        fs::remove_file(&self.path).map_err(|source| self.failed(source))
    }

    /// An error of its file as one of the download.
    pub(crate) fn failed(&self, source: io::Error) -> PartialError {
        PartialError::Keep {
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_there_again_and_becomes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.wasm");
        let digest = Digest::of(b"whole");
        let first = Partial::open(&target, &digest).unwrap();
        first.keep(0, b"who").unwrap();
        drop(first);
        let second = Partial::open(&target, &digest).unwrap();
        assert_eq!(second.bytes(5).unwrap(), 3);
        second.keep(3, b"le").unwrap();
        assert_eq!(second.read().unwrap(), b"whole");
        second.finish(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_downloads_of_one_file_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.wasm");
        let digest = Digest::of(b"whole");
        let _first = Partial::open(&target, &digest).unwrap();
        let second = Partial::open(&target, &digest);
        assert!(matches!(second, Err(PartialError::Busy { .. })));
        // Another release for the same file is another download.
        assert!(Partial::open(&target, &Digest::of(b"other")).is_ok());
    }

    #[test]
    fn more_bytes_than_the_whole_has_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let partial = Partial::open(&folder.path().join("a"), &Digest::of(b"x")).unwrap();
        partial.keep(0, b"too long").unwrap();
        assert_eq!(partial.bytes(3).unwrap(), 0);
        assert_eq!(partial.bytes(3).unwrap(), 0);
        assert!(partial.read().unwrap().is_empty());
    }
}
