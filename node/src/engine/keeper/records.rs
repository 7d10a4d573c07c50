//! The records of instances on disk. A part of the keeper.
//! Must never return before the disk has what was written.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use payload::digest::Digest;
use payload::name::InstanceName;

use super::super::record::Record;
use crate::durable::{self, UNFINISHED};

/// The folder in the state folder.
const FOLDER: &str = "instances";
/// What the name of a record ends with.
const ENDING: &str = ".json";

/// The folder of records.
#[derive(Debug, Clone)]
pub(super) struct Records {
    folder: PathBuf,
}

impl Records {
    /// Makes the folder where there is none.
    pub(super) fn open(state_dir: &Path) -> io::Result<Self> {
        let folder = state_dir.join(FOLDER);
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    fn path(&self, name: &InstanceName) -> PathBuf {
        self.folder.join(format!("{name}{ENDING}"))
    }

    /// What the last life left, by name; what can't be read with the reason.
    pub(super) fn left(&self) -> io::Result<Vec<(InstanceName, Result<Record, String>)>> {
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let file = entry.file_name().to_string_lossy().into_owned();
            if file.ends_with(UNFINISHED) {
                // A kill came before its rename. What it was to replace says enough.
                fs::remove_file(entry.path())?;
                continue;
            }
            let name = file.strip_suffix(ENDING).map(str::parse::<InstanceName>);
            let Some(Ok(name)) = name else { continue };
            let read = fs::read(entry.path()).map_err(|error| error.to_string());
            let record = read.and_then(|bytes| {
                serde_json::from_slice(&bytes).map_err(|error| error.to_string())
            });
            left.push((name, record));
        }
        left.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(left)
    }

    /// Puts a record in the place of the one of before.
    pub(super) fn write(&self, name: &InstanceName, record: &Record) -> io::Result<()> {
        let text = serde_json::to_vec(record).map_err(io::Error::other)?;
        durable::replace(&self.path(name), &text)
    }

    /// Removes a record. One that is gone is as good.
    pub(super) fn remove(&self, name: &InstanceName) {
        // What stays says that it is being stopped.
        let _gone = fs::remove_file(self.path(name));
    }
}

/// The files that a record needs.
pub(super) fn needed(record: &Record) -> BTreeSet<Digest> {
    let originals = record.generations.iter();
    let originals = originals.filter_map(|laid| laid.original.as_ref());
    originals.map(|original| original.digest).collect()
}
