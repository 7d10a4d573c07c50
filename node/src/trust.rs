//! The publishers' keys that this node trusts: a folder of files, looked at again and again.
//! Opened by the daemon; asked before every decision that a signature makes.
//! Must never trust less carefully because a file is broken: then the keys of before stay.

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

use crate::toml_file::TomlError;

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

/// What a look at the folder found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing new.
    Same,
    /// Other keys are trusted from now on: so many files.
    Changed(usize),
    /// It can't be used as it is, which is told once; the keys of before stay.
    Broken(String),
}

/// What tells one content of the folder from another: name, inode, length and time of each file.
type Fingerprint = Vec<(PathBuf, u64, u64, i64, i64)>;

/// A folder of keys, and what it held when it was last whole.
#[derive(Debug)]
pub(crate) struct KeyFolder {
    path: PathBuf,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    seen: Option<Fingerprint>,
    keys: Arc<TrustedKeys>,
    count: usize,
    broken: Option<String>,
}

impl KeyFolder {
    /// Opens the folder and reads it. One that is not there trusts nobody, until it is.
    ///
    /// # Errors
    /// It is broken: at the start there are no keys of before.
    pub(crate) fn open(path: &Path) -> Result<Self, KeysError> {
        let seen = fingerprint(path)?;
        let (keys, count) = read(path, &seen)?;
        let held = Held {
            seen: Some(seen),
            keys: Arc::new(keys),
            count,
            broken: None,
        };
        Ok(Self {
            path: path.to_owned(),
            held: Mutex::new(held),
        })
    }

    /// Looks whether anything changed, and reads it then.
    pub(crate) fn look(&self) -> Look {
        let mut held = self.locked();
        let seen = match fingerprint(&self.path) {
            Ok(seen) if held.seen.as_ref() == Some(&seen) => return Look::Same,
            Ok(seen) => seen,
            Err(error) => return held.broke(None, &error),
        };
        match read(&self.path, &seen) {
            Ok((keys, count)) => {
                *held = Held {
                    seen: Some(seen),
                    keys: Arc::new(keys),
                    count,
                    broken: None,
                };
                Look::Changed(count)
            }
            Err(error) => held.broke(Some(seen), &error),
        }
    }

    /// The keys that are trusted now.
    pub(crate) fn keys(&self) -> Arc<TrustedKeys> {
        Arc::clone(&self.locked().keys)
    }

    /// How many keys there are, and what is wrong with the folder as it is now.
    pub(crate) fn told(&self) -> (usize, Option<String>) {
        let held = self.locked();
        (held.count, held.broken.clone())
    }

    fn locked(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn broke(&mut self, seen: Option<Fingerprint>, error: &KeysError) -> Look {
        self.seen = seen;
        let reason = error.to_string();
        if self.broken.as_ref() == Some(&reason) {
            return Look::Same;
        }
        self.broken = Some(reason.clone());
        Look::Broken(reason)
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

fn read(folder: &Path, files: &Fingerprint) -> Result<(TrustedKeys, usize), KeysError> {
    let mut trusted = TrustedKeys::new();
    let mut count = 0;
    for (path, ..) in files {
        let is_toml = path
            .extension()
            .is_some_and(|extension| extension == "toml");
        if path.file_name().is_some_and(|name| name == THRESHOLDS) {
            let needed: BTreeMap<Namespace, NonZeroU32> = crate::toml_file::read(path)?;
            for (namespace, signatures) in needed {
                trusted.require(namespace, signatures);
            }
        } else if is_toml {
            let (key, namespaces) = file::read(folder, path)?;
            count += 1;
            for namespace in namespaces {
                trusted.trust(key, namespace)?;
            }
        }
    }
    Ok((trusted, count))
}

#[cfg(test)]
mod tests;
