//! Reading and writing of files, bounded and whole. Called by every command.
//! Must never leave half a file under the name that was asked for, nor replace what is no file.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
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
    /// A secret that is none.
    #[error("{} can be read by others than its owner (mode {mode:04o}), as no secret may", .path.display())]
    Exposed { path: PathBuf, mode: u32 },
    /// Something stands where a new file was to be.
    #[error("{} exists", .path.display())]
    Exists { path: PathBuf },
}

impl Classed for FileError {
    fn class(&self) -> Class {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::NoFile { .. } => Class::Fatal,
            Self::TooLarge { .. } | Self::Exposed { .. } | Self::Exists { .. } => Class::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("check the path, or the folder you are in".to_owned())
            }
            Self::NoFile { .. } => Some("name a file, which may exist or not".to_owned()),
            Self::Exposed { path, .. } => Some(format!(
                "keep it to its owner: chmod 600 {}",
                path.display()
            )),
            Self::Read { .. }
            | Self::Write { .. }
            | Self::TooLarge { .. }
            | Self::Exists { .. } => None,
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

/// Reads a secret of at most `bytes_max` bytes.
///
/// # Errors
/// [`FileError::Exposed`] when anybody but the file's owner may read or write it.
pub(crate) fn read_private(path: &Path, bytes_max: usize) -> Result<Vec<u8>, FileError> {
    let unread = |source| FileError::Read {
        path: path.to_owned(),
        source,
    };
    // Asked of the open file: the name could lead elsewhere by then.
    let file = File::open(path).map_err(unread)?;
    let mode = file.metadata().map_err(unread)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(FileError::Exposed { path, mode });
    }
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

/// Where a file that is written piece by piece will be: links are followed, so that they stay.
///
/// # Errors
/// [`FileError::NoFile`] for all that is no regular file and cannot be replaced by one.
pub(crate) fn place(path: &Path) -> Result<PathBuf, FileError> {
    match Target::of(path)? {
        Target::File(file) => Ok(file),
        Target::Stream => Err(FileError::NoFile {
            path: path.to_owned(),
            found: "a device or a pipe",
        }),
    }
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner alone: mode 0600.
    Owner,
    /// Everybody: mode 0644.
    Everybody,
}

/// Writes a file that must not be there, whole or not at all.
///
/// # Errors
/// [`FileError::Exists`], or [`FileError::Write`].
pub(crate) fn write_new(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    let unwritten = |source| FileError::Write {
        path: path.to_owned(),
        source,
    };
    let mode = match access {
        Access::Owner => 0o600,
        Access::Everybody => 0o644,
    };
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder_of(path))
        .map_err(unwritten)?;
    file.write_all(bytes).map_err(unwritten)?;
    file.as_file().sync_all().map_err(unwritten)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            let path = path.to_owned();
            Err(FileError::Exists { path })
        }
        Err(error) => Err(unwritten(error.error)),
    }
}

/// Makes sure that nothing is where a new file is to be.
///
/// # Errors
/// [`FileError::Exists`].
pub(crate) fn absent(path: &Path) -> Result<(), FileError> {
    if fs::symlink_metadata(path).is_ok() {
        let path = path.to_owned();
        return Err(FileError::Exists { path });
    }
    Ok(())
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes a file.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    fs::remove_file(path).map_err(|source| FileError::Write {
        path: path.to_owned(),
        source,
    })
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
#[path = "files/tests.rs"]
mod tests;
