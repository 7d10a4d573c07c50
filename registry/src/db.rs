//! The meta data: `SQLite` behind `sqlx::Any`, one file a table below `db/`. Used by everything
//! that keeps or looks up. Statements are written so that `PostgreSQL` takes the same text.
//! Must never read the clock or draw an id: both are parameters; nor write outside the writer.

mod access;
pub(crate) mod audit;
pub(crate) mod blob;
pub(crate) mod channel;
pub(crate) mod copy;
pub(crate) mod deployment;
mod error;
pub(crate) mod floor;
pub(crate) mod history;
pub(crate) mod key;
pub(crate) mod mark;
mod migrate;
pub(crate) mod node;
pub(crate) mod outcome;
pub(crate) mod page_session;
pub(crate) mod payload;
pub(crate) mod pin;
pub(crate) mod release;
pub(crate) mod rollout;
mod row;
mod rows;
pub(crate) mod shelf;
pub(crate) mod token;
mod writer;

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use access::Access;
pub(crate) use error::DbError;
use writer::{Queue, Writer};
pub(crate) use writer::{Work, Write};

/// The database in a data folder.
pub(crate) const FILE: &str = "registry.sqlite";
/// Connections that read at a time. Each is a thread of its own.
const READERS_MAX: u32 = 4;
/// How long a reader waits for a connection.
const READER_WAIT: Duration = Duration::from_secs(5);

/// A connection, for reading; every `fn` of the table files takes one.
pub(crate) type Connection = sqlx::AnyConnection;

/// What a write may make stale elsewhere: bumped after the commit, before the answer.
#[derive(Debug)]
pub(crate) struct Revisions {
    /// Tokens and credentials of nodes that were taken away or changed.
    access: AtomicU64,
    /// What any node should run.
    fleet: watch::Sender<u64>,
    /// Anything.
    commits: watch::Sender<u64>,
}

impl Revisions {
    /// Counts up with every commit that took an access away.
    pub(crate) fn access(&self) -> u64 {
        self.access.load(Ordering::Acquire)
    }

    /// Counts up with every commit.
    pub(crate) fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    /// Counts up with every commit that may change what a node should run.
    pub(crate) fn fleet(&self) -> watch::Receiver<u64> {
        self.fleet.subscribe()
    }
}

/// The meta data. Clones are handles of the same.
#[derive(Clone)]
pub(crate) struct Db {
    readers: AnyPool,
    queue: Queue,
    revisions: Arc<Revisions>,
}

/// A connection of the pool for reading, given back when it is dropped.
pub(crate) struct Reader(PoolConnection<Any>);

impl Deref for Reader {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl Db {
    /// Opens the database file, makes it where there is none, and brings its tables up to date.
    /// The task ends when every handle is gone; should it end before, nothing can be written.
    ///
    /// # Errors
    /// The file can't be opened, is not a database, or was written by a newer registry.
    pub(crate) async fn open(file: &Path) -> Result<(Self, JoinHandle<()>), DbError> {
        let mut connection = migrate::connect(file).await?;
        migrate::run(&mut connection).await?;
        let readers = AnyPoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(READER_WAIT)
            .after_connect(|connection, _| Box::pin(migrate::prepare_reader(connection)))
            .connect_lazy_with(migrate::options(file)?);
        let revisions = Arc::new(Revisions {
            access: AtomicU64::new(0),
            fleet: watch::Sender::new(0),
            commits: watch::Sender::new(0),
        });
        let (writer, queue) = Writer::new(connection, Arc::clone(&revisions));
        let task = tokio::spawn(writer.run());
        let db = Self {
            readers,
            queue,
            revisions,
        };
        Ok((db, task))
    }

    /// A connection to read with.
    ///
    /// # Errors
    /// None is free in time.
    pub(crate) async fn reader(&self) -> Result<Reader, DbError> {
        self.readers
            .acquire()
            .await
            .map(Reader)
            .map_err(|reason| DbError::sql("taking a connection", reason))
    }

    /// Does `work` for a caller, as [`Self::write`] does, if its access is in force then: it may
    /// have been taken away since the request began. There is no other way to write for one.
    ///
    /// # Errors
    /// [`DbError::NotInForce`], what `work` says, or the database: then `work` may be tried again.
    pub(crate) async fn write_as<T, E, F>(
        &self,
        access: Access,
        now_ms: u64,
        work: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'w> FnOnce(&'w mut Write) -> Work<'w, T, E> + Send + 'static,
    {
        self.write(move |write| {
            Box::pin(async move {
                if access.in_force(write, now_ms).await? {
                    work(write).await
                } else {
                    Err(DbError::NotInForce.into())
                }
            })
        })
        .await
    }

    /// As [`Self::write_as`], for many callers at once: `work` is told which of their accesses, in
    /// their order, are in force, and writes for those alone.
    ///
    /// # Errors
    /// What `work` says, or the database: then `work` may be tried again.
    pub(crate) async fn write_as_each<T, E, F>(
        &self,
        accesses: Vec<Access>,
        now_ms: u64,
        work: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'w> FnOnce(&'w mut Write, Vec<bool>) -> Work<'w, T, E> + Send + 'static,
    {
        self.write(move |write| {
            Box::pin(async move {
                let in_force = Access::each_in_force(&accesses, write, now_ms).await?;
                work(write, in_force).await
            })
        })
        .await
    }

    /// Keeps the token that a start tells where no admin token is in force.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn keep_first(
        &self,
        kept: token::Kept,
        secret_sha256: [u8; 32],
        entry: audit::Entry,
    ) -> Result<(), DbError> {
        self.write(move |write| {
            Box::pin(async move {
                token::insert(write, &kept, &secret_sha256).await?;
                audit::add(write, &entry).await
            })
        })
        .await
    }

    /// Does `work` for the registry itself: what it decides without a caller, such as a transition of
    /// a rollout.
    ///
    /// # Errors
    /// What `work` says, or the database: then `work` may be tried again.
    pub(crate) async fn write_own<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: for<'w> FnOnce(&'w mut Write) -> Work<'w, T, DbError> + Send + 'static,
    {
        self.write(work).await
    }

    /// Does `work` in a transaction, with others' beside it: all that it wrote is on the disk when
    /// this is `Ok`, and nothing of it is there when it is not.
    async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'w> FnOnce(&'w mut Write) -> Work<'w, T, E> + Send + 'static,
    {
        self.queue.write(work).await
    }

    /// Does `work` in a transaction without waiting for it, if the writer has a place: for what the
    /// registry notes by itself, such as a refusal.
    pub(crate) fn write_soon<F>(&self, work: F)
    where
        F: for<'w> FnOnce(&'w mut Write) -> Work<'w, (), DbError> + Send + 'static,
    {
        self.queue.write_soon(work);
    }

    /// What commits made stale.
    pub(crate) fn revisions(&self) -> &Revisions {
        &self.revisions
    }

    /// Waits until every reader is given back, then closes them.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
    }
}

#[cfg(test)]
mod tests;
