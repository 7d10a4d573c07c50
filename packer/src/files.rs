//! Reading and writing of files, bounded and whole. Called by every command.
//! Must never leave half a file under the name that was asked for, nor replace what is no file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileTypeExt as _;
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
    /// What stands there can neither be replaced by a file nor written into.
    #[error("cannot write {}: it is {found}", .path.display())]
    NoFile { path: PathBuf, found: &'static str },
}

impl Classed for FileError {
    fn class(&self) -> Class {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::NoFile { .. } => Class::Fatal,
            Self::TooLarge { .. } => Class::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("check the path, or the folder you are in".to_owned())
            }
            Self::NoFile { .. } => Some("name a file, which may exist or not".to_owned()),
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

/// Where the bytes of a file go.
enum Target {
    /// Under this name, in place of the regular file that may stand there.
    File(PathBuf),
    /// Into what stands there: a terminal, `/dev/null`, a pipe. Replacing it would take it from
    /// everybody else who uses it.
    Stream,
}

impl Target {
    /// Looks through symbolic links, so that they stay.
    fn of(path: &Path) -> Result<Self, FileError> {
        let unwritten = |source| FileError::Write {
            path: path.to_owned(),
            source,
        };
        let no_file = |found| FileError::NoFile {
            path: path.to_owned(),
            found,
        };
        let kind = match fs::metadata(path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritten(error)),
            // Nothing is there, unless it is a link that leads to nothing.
            Err(_) if fs::symlink_metadata(path).is_ok() => {
                return Err(no_file("a symbolic link to what does not exist"));
            }
            Err(_) => return Ok(Self::File(path.to_owned())),
        };
        if kind.is_file() {
            let path = fs::canonicalize(path).map_err(unwritten)?;
            Ok(Self::File(path))
        } else if kind.is_char_device() || kind.is_fifo() {
            Ok(Self::Stream)
        } else if kind.is_dir() {
            Err(no_file("a folder"))
        } else if kind.is_block_device() {
            Err(no_file("a block device"))
        } else {
            Err(no_file("a socket"))
        }
    }
}

/// Writes a file: a new one beside it first, then renamed, so that a crash or a full disk leaves
/// the old file or none. A character device or a FIFO is written into.
///
/// # Errors
/// [`FileError::NoFile`] for a folder and whatever else is no file, else [`FileError::Write`].
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let written = match Target::of(path)? {
        Target::File(file) => replace(&file, bytes),
        // No fsync: pipes and terminals have none (EINVAL).
        Target::Stream => OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut stream| stream.write_all(bytes)),
    };
    written.map_err(|source| FileError::Write {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    // Two packers that write the same file must not share the unfinished one.
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let written = write_through(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // What could not be written may not be there either; the first error is the one that counts.
        let _ = fs::remove_file(&partial);
    }
    written
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
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;
    use std::thread;

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
        // Fits a folder, but not with the ending of an unfinished file.
        let path = folder.path().join("n".repeat(255));
        assert!(matches!(write(&path, b"x"), Err(FileError::Write { .. })));
        assert_eq!(names_ending(folder.path(), "").unwrap(), [""; 0]);
    }

    #[test]
    fn a_folder_and_a_link_to_nothing_are_refused_by_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        make_folder(&folder.path().join("taken")).unwrap();
        symlink("nowhere", folder.path().join("link")).unwrap();
        let _listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        for (name, found) in [
            ("link", "it is a symbolic link to what does not exist"),
            ("socket", "it is a socket"),
            ("taken", "it is a folder"),
        ] {
            let error = write(&folder.path().join(name), b"x").unwrap_err();
            assert!(error.to_string().ends_with(found), "{error}");
        }
        let left = names_ending(folder.path(), "").unwrap();
        assert_eq!(left, ["link", "socket", "taken"]);
    }

    #[test]
    fn a_link_to_a_file_stays_and_the_file_gets_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        make_folder(&folder.path().join("real")).unwrap();
        let file = folder.path().join("real/a.wasm");
        write(&file, b"old").unwrap();
        let link = folder.path().join("latest.wasm");
        symlink("real/a.wasm", &link).unwrap();
        write(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::symlink_metadata(&file).unwrap().is_file());
        assert_eq!(read(&file, 3).unwrap(), b"new");
    }

    #[test]
    fn a_fifo_is_written_into_and_stays_directly_and_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let link = folder.path().join("link");
        symlink("fifo", &link).unwrap();
        for path in [&fifo, &link] {
            let reader = thread::spawn({
                let fifo = fifo.clone();
                move || fs::read(fifo)
            });
            write(path, b"bytes").unwrap();
            // Before the reader is joined: it would wait forever for one who never comes.
            let kind = fs::symlink_metadata(&fifo).unwrap().file_type();
            assert!(kind.is_fifo(), "{kind:?}");
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(reader.join().unwrap().unwrap(), b"bytes");
        }
        assert_eq!(names_ending(folder.path(), "").unwrap(), ["fifo", "link"]);
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
