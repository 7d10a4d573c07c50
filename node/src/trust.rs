//! The publishers' keys that this node trusts: a folder of files, looked at again and again.
//! Opened by the daemon; asked before every decision that a signature makes.
//! Must never trust less carefully because a file is broken or gone: then what was before stays.

mod file;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use payload::name::Namespace;
use payload::signature::{TooManyKeys, TrustedKeys};

use crate::toml_file::{self, TomlError};

/// The file of a folder of keys that says how many signatures namespaces need.
const THRESHOLDS: &str = "thresholds.toml";
/// Most files of a folder of keys.
const FILES_MAX: usize = 1024;
/// Group and others may not write what decides what runs in the kernel.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Why a folder of keys can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// The folder can't be read.
    #[error("{}: {reason}", path.display())]
    Folder {
        /// The folder, or a file in it.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// More files than the bound.
    #[error("{}: has more than {files_max} files", path.display())]
    TooManyFiles {
        /// The folder.
        path: PathBuf,
        /// The bound.
        files_max: usize,
    },
    /// Somebody else could change what is trusted.
    #[error(
        "{}: its mode is {mode:04o}, so that others than its owner may write it: chmod go-w",
        path.display()
    )]
    Writable {
        /// The folder or file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A name that a file should have is a folder's, a pipe's or a device's: who opened that might
    /// wait for ever.
    #[error("{}: is no regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A file is not of its form.
    #[error(transparent)]
    File(#[from] TomlError),
    /// A key can't be one.
    #[error("{}: {field}: {rule}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// The rule that is broken.
        rule: String,
    },
    /// More keys than the bound.
    #[error(transparent)]
    TooManyKeys(#[from] TooManyKeys),
}

/// How the folder stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Counts up whenever other keys are trusted.
    pub(crate) changes: u64,
    /// How many keys are.
    pub(crate) count: usize,
    /// What is wrong with the folder as it is now, and what holds because of that.
    pub(crate) trouble: Option<String>,
}

/// What tells one content of the folder from another: name, inode, length and time of each file.
type Fingerprint = Vec<(PathBuf, u64, u64, i64, i64)>;
/// How many signatures namespaces need, where it is not one.
type Thresholds = BTreeMap<Namespace, NonZeroU32>;

/// A folder of keys, and what it held when it was last whole.
#[derive(Debug)]
pub(crate) struct KeyFolder {
    path: PathBuf,
    /// One look at a time. Who only asks for the keys never waits for a disk.
    looking: Mutex<()>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    seen: Option<Fingerprint>,
    keys: Arc<TrustedKeys>,
    thresholds: Thresholds,
    told: Told,
}

impl KeyFolder {
    /// Opens the folder and reads it. One that is not there trusts nobody, until it is.
    ///
    /// # Errors
    /// It is broken: at the start there are no keys of before.
    pub(crate) fn open(path: &Path) -> Result<Self, KeysError> {
        let seen = fingerprint(path)?;
        let held = read(path, &seen, &Thresholds::new())?;
        Ok(Self {
            path: path.to_owned(),
            looking: Mutex::new(()),
            held: Mutex::new(held.seen_as(seen, 0)),
        })
    }

    /// Looks whether anything changed, and reads it then. It may wait for the disk.
    pub(crate) fn look(&self) {
        let _turn = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        self.read_again();
    }

    /// As [`Self::look`], unless somebody is at it.
    pub(crate) fn glance(&self) {
        if let Ok(_turn) = self.looking.try_lock() {
            self.read_again();
        }
    }

    fn read_again(&self) {
        let (before, thresholds, changes) = {
            let held = self.locked();
            (
                held.seen.clone(),
                held.thresholds.clone(),
                held.told.changes,
            )
        };
        let seen = match fingerprint(&self.path) {
            Ok(seen) if before.as_ref() == Some(&seen) => return,
            Ok(seen) => seen,
            Err(error) => return self.locked().broke(None, &error),
        };
        match read(&self.path, &seen, &thresholds) {
            Ok(read) => *self.locked() = read.seen_as(seen, changes + 1),
            Err(error) => self.locked().broke(Some(seen), &error),
        }
    }

    /// The keys that are trusted, as of the last look.
    pub(crate) fn keys(&self) -> Arc<TrustedKeys> {
        Arc::clone(&self.locked().keys)
    }

    /// How the folder stood at the last look.
    pub(crate) fn told(&self) -> Told {
        self.locked().told.clone()
    }

    fn locked(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn seen_as(mut self, seen: Fingerprint, changes: u64) -> Self {
        self.seen = Some(seen);
        self.told.changes = changes;
        self
    }

    fn broke(&mut self, seen: Option<Fingerprint>, error: &KeysError) {
        self.seen = seen;
        self.told.trouble = Some(format!("{error}; the keys of before hold"));
    }
}

/// Every file of the folder, by name.
fn fingerprint(folder: &Path) -> Result<Fingerprint, KeysError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |reason| KeysError::Folder { path, reason }
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(folder)(error)),
    };
    check_mode(folder, &fs::metadata(folder).map_err(failed(folder))?)?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed(folder))?.path();
        if found.len() == FILES_MAX {
            return Err(KeysError::TooManyFiles {
                path: folder.to_owned(),
                files_max: FILES_MAX,
            });
        }
        let file = fs::metadata(&path).map_err(failed(&path))?;
        check_mode(&path, &file)?;
        found.push((
            path,
            file.ino(),
            file.len(),
            file.mtime(),
            file.mtime_nsec(),
        ));
    }
    found.sort();
    Ok(found)
}

fn check_mode(path: &Path, found: &fs::Metadata) -> Result<(), KeysError> {
    let mode = found.mode() & 0o7777;
    if mode & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    Err(KeysError::Writable {
        path: path.to_owned(),
        mode,
    })
}

/// Reads what is whole. Thresholds that were asked for do not go with their file: a deletion says
/// less than a number does, and would make the folder trust less carefully.
fn read(folder: &Path, files: &Fingerprint, before: &Thresholds) -> Result<Held, KeysError> {
    let mut trusted = TrustedKeys::new();
    let mut told = Told::default();
    let mut thresholds = None;
    for (path, ..) in files {
        let is_toml = path
            .extension()
            .is_some_and(|extension| extension == "toml");
        if path.file_name().is_some_and(|name| name == THRESHOLDS) {
            let needed: Thresholds = toml_file::parse(path, &file::text(path)?)?;
            thresholds = Some(needed);
        } else if is_toml {
            let (key, namespaces) = file::read(folder, path)?;
            told.count += 1;
            for namespace in namespaces {
                trusted.trust(key, namespace)?;
            }
        }
    }
    let thresholds = thresholds.unwrap_or_else(|| {
        told.trouble = gone(before);
        before.clone()
    });
    for (namespace, signatures) in &thresholds {
        trusted.require(namespace.clone(), *signatures);
    }
    Ok(Held {
        seen: None,
        keys: Arc::new(trusted),
        thresholds,
        told,
    })
}

/// What to tell where these thresholds have no file any more.
fn gone(thresholds: &Thresholds) -> Option<String> {
    let more = thresholds
        .iter()
        .find(|(_, signatures)| signatures.get() > 1);
    more.map(|(namespace, signatures)| {
        format!(
            "{THRESHOLDS} is gone; what it asked for ({namespace} = {signatures}) holds until this \
             daemon ends: put it back, or an empty one where a single signature is enough"
        )
    })
}

#[cfg(test)]
mod tests;
