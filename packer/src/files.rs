//! Reading and writing of files, bounded and whole. Called by every command.
//! Must never leave half a file under the name that was asked for.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::failure::{Class, Classed};

/// A file that could not be read or written.
#[derive(Debug, Error)]
pub(crate) enum FileError {
    /// It is not there, or may not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// It is larger than anything that could be right.
    #[error("{} has more than {bytes_max} bytes, the most that is read", .path.display())]
    TooLarge { path: PathBuf, bytes_max: usize },
    /// It cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Classed for FileError {
    fn class(&self) -> Class {
        match self {
            Self::Read { .. } | Self::Write { .. } => Class::Fatal,
            Self::TooLarge { .. } => Class::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("check the path, or the folder you are in".to_owned())
            }
            Self::Read { .. } | Self::Write { .. } | Self::TooLarge { .. } => None,
        }
    }
}

/// Reads a file of at most `bytes_max` bytes.
pub(crate) fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, FileError> {
    let unread = |source| FileError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unread)?;
    read_bounded(file, path, bytes_max)
}

/// Reads standard input of at most `bytes_max` bytes.
pub(crate) fn read_standard_input(bytes_max: usize) -> Result<Vec<u8>, FileError> {
    read_bounded(io::stdin().lock(), Path::new("standard input"), bytes_max)
}

fn read_bounded(from: impl Read, path: &Path, bytes_max: usize) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    // One byte more than allowed shows that there is more.
    let most = u64::try_from(bytes_max)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    from.take(most)
        .read_to_end(&mut bytes)
        .map_err(|source| FileError::Read {
            path: path.to_owned(),
            source,
        })?;
    if bytes.len() > bytes_max {
        return Err(FileError::TooLarge {
            path: path.to_owned(),
            bytes_max,
        });
    }
    Ok(bytes)
}

/// Writes a file: a new one beside it first, then renamed, so that a crash or a full disk leaves
/// the old file or none.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let unwritten = |source| FileError::Write {
        path: path.to_owned(),
        source,
    };
    let mut partial = path.as_os_str().to_owned();
    // Two packers that write the same file must not share the unfinished one.
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let written = write_through(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // What could not be written may not be there either; the first error is the one that counts.
        let _ = fs::remove_file(&partial);
    }
    written.map_err(unwritten)
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a folder and those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|source| FileError::Write {
        path: path.to_owned(),
        source,
    })
}

/// The names in a folder that end in `ending`, sorted, so that the same folder gives the same
/// order on every machine.
pub(crate) fn names_ending(folder: &Path, ending: &str) -> Result<Vec<String>, FileError> {
    let unread = |source| FileError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let name = entry.map_err(unread)?.file_name();
        if let Some(name) = name.to_str().filter(|name| name.ends_with(ending)) {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_replaces_the_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"two");
        assert_eq!(names_ending(folder.path(), "").unwrap(), ["a.wasm"]);
    }

    #[test]
    fn a_failed_write_leaves_no_partial_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        make_folder(&path.join("inside")).unwrap();
        assert!(matches!(write(&path, b"x"), Err(FileError::Write { .. })));
        assert_eq!(names_ending(folder.path(), "").unwrap(), ["taken"]);
    }

    #[test]
    fn a_file_over_the_bound_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write(&path, b"1234").unwrap();
        assert!(matches!(
            read(&path, 3),
            Err(FileError::TooLarge { bytes_max: 3, .. })
        ));
        assert_eq!(read(&path, 4).unwrap(), b"1234");
    }
}
