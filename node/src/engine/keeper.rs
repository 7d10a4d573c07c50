//! Histories and records on disk, and the files of the generations in them, kept by a thread of its own.
//! Made with the engine where there is a state folder.
//! Must never leave half of a file, nor remove one that a history needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use payload::digest::Digest;
use payload::name::InstanceName;

use super::history::History;
use super::record::Record;
use crate::durable;
use crate::fleet::{BlobError, Store, StoreError};

mod records;

use records::Records;

/// The folder in the state folder.
const FOLDER: &str = "history";
/// What the name of a history ends with.
const ENDING: &str = ".json";
/// Histories that are kept, those of names that nothing runs under any more included.
const HISTORIES_MAX: usize = 512;
/// The longest history that is read.
const HISTORY_BYTES_MAX: u64 = 16 << 20;
/// What waits for the disk, files and all; who has more waits too.
const JOBS_MAX: usize = 8;

/// Tells what the disk did not take, or had altered.
pub(crate) type OnTrouble = Box<dyn Fn(&str) + Send>;

/// Where the histories are. Clones are handles of the same thread.
#[derive(Clone)]
pub(crate) struct Keeper {
    folder: PathBuf,
    store: Store,
    records: Records,
    jobs: SyncSender<Job>,
}

/// A file to be kept.
#[derive(Clone)]
pub(super) struct File {
    pub(super) digest: Digest,
    pub(super) bytes: Arc<[u8]>,
}

enum Job {
    Keep {
        name: InstanceName,
        history: Arc<History>,
    },
    /// What an instance is about to be; nothing where it is stopped.
    Record {
        name: InstanceName,
        record: Option<Box<Record>>,
        file: Option<File>,
        /// Who waits for it.
        done: Option<SyncSender<Result<(), String>>>,
    },
    /// Answered when all before it is done.
    Settle(SyncSender<()>),
}

impl Keeper {
    /// Opens what the last life left in the state folder, and starts the thread.
    ///
    /// # Errors
    /// The file system says no.
    pub(crate) fn open(state_dir: &Path, on_trouble: OnTrouble) -> Result<Self, StoreError> {
        let folder = state_dir.join(FOLDER);
        let store = Store::open(&folder)?;
        let (jobs, inbox) = sync_channel(JOBS_MAX);
        let failed = |reason| StoreError::File {
            path: folder.clone(),
            reason,
        };
        let records = Records::open(state_dir).map_err(failed)?;
        let mut needed = needed_by_all(&folder).map_err(failed)?;
        for (name, record) in records.left().map_err(failed)? {
            let files = record.as_ref().map(records::needed).unwrap_or_default();
            needed.insert(Needs::Record(name), files);
        }
        let work = Work {
            folder: folder.clone(),
            store: store.clone(),
            records: records.clone(),
            needed,
            on_trouble,
        };
        let thread = std::thread::Builder::new().name("marrow-history".to_owned());
        thread.spawn(move || work.run(&inbox)).map_err(failed)?;
        Ok(Self {
            folder,
            store,
            records,
            jobs,
        })
    }

    /// The instances that the last life left, by name; what can't be read with the reason.
    ///
    /// # Errors
    /// The folder can't be read.
    pub(super) fn left(&self) -> io::Result<Vec<(InstanceName, Result<Record, String>)>> {
        self.records.left()
    }

    /// Writes what an instance is about to be, and the file that this takes, and waits for the disk.
    ///
    /// # Errors
    /// The disk does not take it.
    pub(super) fn intend(
        &self,
        name: &InstanceName,
        record: Record,
        file: Option<File>,
    ) -> io::Result<()> {
        let (done, waiting) = sync_channel(1);
        let job = Job::Record {
            name: name.clone(),
            record: Some(Box::new(record)),
            file,
            done: Some(done),
        };
        let gone = || io::Error::other("the thread that writes them has died");
        self.jobs.send(job).map_err(|_| gone())?;
        let written = waiting.recv().map_err(|_| gone())?;
        written.map_err(io::Error::other)
    }

    /// Has written what an instance is; `None` where it is stopped.
    pub(super) fn note(&self, name: &InstanceName, record: Option<Record>) {
        // The thread ends only with the last handle.
        let _noted = self.jobs.send(Job::Record {
            name: name.clone(),
            record: record.map(Box::new),
            file: None,
            done: None,
        });
    }

    /// The history of a name, as far as it is on disk.
    ///
    /// # Errors
    /// It can't be read, or is not as it was written.
    pub(super) fn read(&self, name: &InstanceName) -> Result<Option<History>, StoreError> {
        read(&path_of(&self.folder, name))
    }

    /// Keeps a history, whose files came with the records of its generations, and waits for the disk.
    /// What that does not take is told.
    pub(super) fn keep(&self, name: &InstanceName, history: Arc<History>) {
        // The thread ends only with the last handle.
        let _kept = self.jobs.send(Job::Keep {
            name: name.clone(),
            history,
        });
        self.settle();
    }

    /// Waits until all that was to be kept is on disk.
    pub(super) fn settle(&self) {
        let (done, settled) = sync_channel(1);
        if self.jobs.send(Job::Settle(done)).is_ok() {
            // Its end is as good as its answer.
            let _settled = settled.recv();
        }
    }

    /// Whether a file is there.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.store.has(digest)
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// It is not there, or not whole.
    pub(super) fn bytes(&self, digest: &Digest) -> Result<Vec<u8>, BlobError> {
        self.store.bytes(digest)
    }
}

fn path_of(folder: &Path, name: &InstanceName) -> PathBuf {
    folder.join(format!("{name}{ENDING}"))
}

fn read(path: &Path) -> Result<Option<History>, StoreError> {
    let failed = |reason| StoreError::File {
        path: path.to_owned(),
        reason,
    };
    let altered = |reason: String| StoreError::Altered {
        path: path.to_owned(),
        reason,
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(about) if about.len() > HISTORY_BYTES_MAX => {
            let bytes = about.len();
            return Err(altered(format!(
                "it has {bytes} bytes, at most {HISTORY_BYTES_MAX} were written"
            )));
        }
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(failed)?;
    let read = serde_json::from_slice(&bytes);
    read.map(Some).map_err(|error| altered(error.to_string()))
}

/// The paths of all histories, the one that was written last at the end.
fn histories(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(ENDING) {
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// The files that each history needs. One that can't be read needs none.
fn needed_by_all(folder: &Path) -> io::Result<BTreeMap<Needs, BTreeSet<Digest>>> {
    let read_one = |path: PathBuf| {
        let history = read(&path).ok().flatten().unwrap_or_default();
        let needed = history.needed().copied().collect();
        (Needs::History(path), needed)
    };
    Ok(histories(folder)?.into_iter().map(read_one).collect())
}

/// What needs files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    History(PathBuf),
    Record(InstanceName),
}

/// The thread's own.
struct Work {
    folder: PathBuf,
    store: Store,
    records: Records,
    needed: BTreeMap<Needs, BTreeSet<Digest>>,
    on_trouble: OnTrouble,
}

impl Work {
    fn run(mut self, inbox: &Receiver<Job>) {
        while let Ok(job) = inbox.recv() {
            match job {
                Job::Keep { name, history } => {
                    if let Err(reason) = self.keep(&name, &history) {
                        (self.on_trouble)(&format!("the history of {name} is not kept: {reason}"));
                    }
                }
                Job::Record {
                    name,
                    record,
                    file,
                    done,
                } => self.put_down(&name, record.as_deref(), file, done),
                // Who asked may have gone.
                Job::Settle(done) => drop(done.send(())),
            }
        }
    }

    fn keep(&mut self, name: &InstanceName, history: &History) -> Result<(), KeepError> {
        let needed: BTreeSet<Digest> = history.needed().copied().collect();
        let path = path_of(&self.folder, name);
        durable::replace(
            &path,
            &serde_json::to_vec(history).map_err(io::Error::other)?,
        )?;
        let is_new = self.needed.insert(Needs::History(path), needed).is_none();
        let is_history = |needs: &&Needs| matches!(needs, Needs::History(_));
        if is_new && self.needed.keys().filter(is_history).count() > HISTORIES_MAX {
            self.forget_oldest()?;
        }
        let needed = self.needed.values().flatten().copied().collect();
        Ok(self.store.collect(&needed)?)
    }

    fn store(&self, File { digest, bytes }: &File) -> Result<(), KeepError> {
        if self.store.has(digest) {
            return Ok(());
        }
        let mut part = self.store.part(digest, size(bytes))?;
        part.put(0, bytes)?;
        Ok(self.store.finish(digest, part)?)
    }

    fn put_down(
        &mut self,
        name: &InstanceName,
        record: Option<&Record>,
        file: Option<File>,
        done: Option<SyncSender<Result<(), String>>>,
    ) {
        let written = self.record(name, record, file);
        let written = written.map_err(|error| error.to_string());
        match done {
            // Who asked may have gone.
            Some(done) => drop(done.send(written)),
            None => {
                if let Err(reason) = written {
                    (self.on_trouble)(&format!("the record of {name} is not kept: {reason}"));
                }
            }
        }
    }

    /// The file first: neither a record nor a history ever names one that is not there.
    fn record(
        &mut self,
        name: &InstanceName,
        record: Option<&Record>,
        file: Option<File>,
    ) -> Result<(), KeepError> {
        let Some(record) = record else {
            self.records.remove(name);
            self.needed.remove(&Needs::Record(name.clone()));
            return Ok(());
        };
        if let Some(file) = file {
            self.store(&file)?;
        }
        self.records.write(name, record)?;
        let files = records::needed(record);
        self.needed.insert(Needs::Record(name.clone()), files);
        Ok(())
    }

    fn forget_oldest(&mut self) -> io::Result<()> {
        let Some(oldest) = histories(&self.folder)?.into_iter().next() else {
            return Ok(());
        };
        fs::remove_file(&oldest)?;
        self.needed.remove(&Needs::History(oldest));
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    File(#[from] io::Error),
}

fn size(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
