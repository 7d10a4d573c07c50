//! The options that have events kept in files, and the sinks that they ask for.
//! Flattened into the arguments of the commands that run instances.
//! Must never keep events that nobody asked to keep.

use std::fs::{self, File};
use std::path::PathBuf;

use payload::name::InstanceName;

use super::CliError;
use super::config::Events;
use crate::sink::file::{FILES_MAX, FileSink, Rotation};
use crate::sink::{SinkError, Sinks};

const MIB: u64 = 1 << 20;

/// Most MiB of a file.
const FILE_MIB_MAX: u64 = 65_536;
/// MiB of a file where nobody says otherwise.
const FILE_MIB: u64 = 64;
/// Files of an instance where nobody says otherwise.
const FILES: u32 = 8;

/// What the command line says about them.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct EventFileArgs {
    /// Append every instance's events to DIR/NAME.jsonl as well.
    #[arg(long = "events-dir", value_name = "DIR", env = "MARROW_EVENTS_DIR")]
    folder: Option<PathBuf>,
    /// Begin a new file when this one would become larger; the one before becomes NAME.jsonl.1.
    /// [default: 64]
    #[arg(
        long = "events-file-mib",
        value_name = "MIB",
        env = "MARROW_EVENTS_FILE_MIB",
        value_parser = clap::value_parser!(u64).range(1..=FILE_MIB_MAX)
    )]
    file_mib: Option<u64>,
    /// Keep this many files of an instance, the one being written counted. [default: 8]
    #[arg(
        long = "events-files",
        value_name = "N",
        env = "MARROW_EVENTS_FILES",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(FILES_MAX))
    )]
    kept: Option<u32>,
}

/// Where events are kept and how many.
#[derive(Debug, Clone, Default)]
pub(super) struct EventFiles {
    folder: Option<PathBuf>,
    file_mib: u64,
    kept: u32,
}

impl EventFileArgs {
    /// The same with what the configuration file says where the command line says nothing.
    ///
    /// # Errors
    /// A number of the file is out of its bounds.
    pub(super) fn or(self, file: &Events) -> Result<EventFiles, CliError> {
        let file_mib = self.file_mib.or(file.file_mib).unwrap_or(FILE_MIB);
        let kept = self.kept.or(file.files).unwrap_or(FILES);
        within("events.file_mib", file_mib, FILE_MIB_MAX)?;
        within("events.files", u64::from(kept), u64::from(FILES_MAX))?;
        Ok(EventFiles {
            folder: self.folder.or_else(|| file.dir.clone()),
            file_mib,
            kept,
        })
    }
}

fn within(field: &'static str, found: u64, max: u64) -> Result<(), CliError> {
    if (1..=max).contains(&found) {
        return Ok(());
    }
    Err(CliError::Setting {
        field,
        rule: format!("is {found}, it must be between 1 and {max}"),
    })
}

impl EventFiles {
    /// Tries now what [`Self::add_to`] will need: a daemon without instances would else learn only
    /// from its first payload that no event can be kept.
    ///
    /// # Errors
    /// No file can be made in the folder.
    pub(super) fn check(&self) -> Result<(), CliError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        // No instance has this name: theirs begin with a letter or a digit.
        let trial = folder.join(format!(".trial-{}", std::process::id()));
        let tried = fs::create_dir_all(folder)
            .and_then(|()| File::create_new(&trial))
            .and_then(|_| fs::remove_file(&trial));
        tried.map_err(|reason| CliError::EventsDir {
            path: folder.clone(),
            reason,
        })
    }

    /// `sinks`, and the file of this instance where files were asked for.
    ///
    /// # Errors
    /// The folder or the file can't be made.
    pub(super) fn add_to(&self, sinks: Sinks, name: &InstanceName) -> Result<Sinks, SinkError> {
        let Some(folder) = &self.folder else {
            return Ok(sinks);
        };
        let unusable = |source| SinkError {
            sink: format!("file {}", folder.display()),
            source,
        };
        fs::create_dir_all(folder).map_err(unusable)?;
        let path = folder.join(format!("{name}.jsonl"));
        let rotation = Rotation {
            file_bytes_max: self.file_mib.saturating_mul(MIB),
            files_max: self.kept,
        };
        Ok(sinks.with("file", Box::new(FileSink::open(&path, rotation)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_only_where_a_folder_is_named() {
        let name: InstanceName = "trace".parse().unwrap();
        let none = EventFiles::default()
            .add_to(Sinks::default(), &name)
            .unwrap();
        assert!(none.tally().counts().is_empty());

        let folder = tempfile::tempdir().unwrap();
        let files = EventFiles {
            folder: Some(folder.path().join("events")),
            file_mib: 1,
            kept: 2,
        };
        files.check().unwrap();
        let left = fs::read_dir(folder.path().join("events")).unwrap().count();
        assert_eq!(left, 0, "trying leaves nothing");
        let mut sinks = files.add_to(Sinks::default(), &name).unwrap();
        sinks.deliver(b"{}\n", 1);
        let counts = sinks.tally().counts();
        let told: Vec<_> = counts
            .iter()
            .map(|one| (one.sink.as_str(), one.delivered))
            .collect();
        assert_eq!(told, [("file", 1)]);
        let kept = fs::read_to_string(folder.path().join("events/trace.jsonl")).unwrap();
        assert_eq!(kept, "{}\n");
    }

    #[test]
    fn a_folder_without_room_for_files_is_refused_before_there_is_an_event() {
        let files = EventFiles {
            folder: Some("/proc/x".into()),
            file_mib: 1,
            kept: 2,
        };
        let error = files.check().unwrap_err().to_string();
        assert!(error.starts_with("--events-dir /proc/x: "), "{error}");
    }
}
