//! The one task that writes: takes what waits, does it in one transaction with a savepoint a job,
//! commits once, then tells each caller. Called through `Db`.
//! Must never tell a caller that something was done before it is on the disk.

use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sqlx::{AnyConnection, Executor};
use tokio::sync::{mpsc, oneshot};

use super::{Connection, DbError, Revisions};

/// Jobs that wait for the writer at a time.
const WAITING_MAX: usize = 1024;
/// Jobs that are committed together.
const GROUP_MAX: usize = 64;

/// What a job does, as a future that borrows its transaction.
pub(crate) type Work<'w, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'w>>;

/// What is done once a job is committed.
type Then = Box<dyn FnOnce() + Send>;

/// A transaction of the writer; reads in it see what was written in it.
pub(crate) struct Write {
    connection: AnyConnection,
    touched: Touched,
}

/// What a job made stale elsewhere, and what is to follow it.
#[derive(Default)]
struct Touched {
    access: bool,
    fleet: bool,
    then: Vec<Then>,
}

impl Write {
    /// Tells that accesses known elsewhere must be looked up again.
    pub(crate) fn touch_access(&mut self) {
        self.touched.access = true;
    }

    /// Tells that what nodes should run may be different now.
    pub(crate) fn touch_fleet(&mut self) {
        self.touched.fleet = true;
    }

    /// Does something once this is committed, after what was committed before it and before any
    /// caller is told: so what is in memory comes to equal what is on the disk. Not at all where
    /// this is not committed. It runs in the writer, so it must not wait.
    pub(crate) fn then(&mut self, act: impl FnOnce() + Send + 'static) {
        self.touched.then.push(Box::new(act));
    }

    async fn execute(&mut self, what: &'static str, sql: &'static str) -> Result<(), DbError> {
        let done = self.connection.execute(sql).await;
        done.map(drop).map_err(|reason| DbError::sql(what, reason))
    }
}

impl Deref for Write {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// One caller's work, with its types left out.
trait Job: Send {
    /// Does it; whether what it wrote may be kept.
    fn run<'w>(
        &'w mut self,
        write: &'w mut Write,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'w>>;
    /// Tells the caller, after the commit or why there was none.
    fn tell(self: Box<Self>, committed: Result<(), DbError>);
}

struct Pending<T, E, F> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    answer: Option<oneshot::Sender<Result<T, E>>>,
}

impl<T, E, F> Job for Pending<T, E, F>
where
    T: Send,
    E: From<DbError> + Send,
    F: for<'w> FnOnce(&'w mut Write) -> Work<'w, T, E> + Send,
{
    fn run<'w>(
        &'w mut self,
        write: &'w mut Write,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'w>> {
        Box::pin(async move {
            let Some(work) = self.work.take() else {
                return false;
            };
            let outcome = work(write).await;
            self.outcome.insert(outcome).is_ok()
        })
    }

    fn tell(self: Box<Self>, committed: Result<(), DbError>) {
        let outcome = match (self.outcome, committed) {
            // It had a reason of its own.
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(DbError::Stopped.into()),
        };
        if let Some(answer) = self.answer {
            // A caller that is gone does not want to know.
            let _ = answer.send(outcome);
        }
    }
}

/// Where jobs wait.
#[derive(Clone)]
pub(super) struct Queue(mpsc::Sender<Box<dyn Job>>);

impl Queue {
    /// Waits for a place, then until the work is committed.
    pub(super) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'w> FnOnce(&'w mut Write) -> Work<'w, T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Pending {
            work: Some(work),
            outcome: None,
            answer: Some(answer),
        };
        match self.0.try_send(Box::new(job)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                let waiting = WAITING_MAX;
                return Err(DbError::QueueFull { waiting }.into());
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(DbError::Stopped.into()),
        }
        answered
            .await
            .unwrap_or_else(|_| Err(DbError::Stopped.into()))
    }

    /// Leaves the work with the writer, if there is a place.
    pub(super) fn write_soon<F>(&self, work: F)
    where
        F: for<'w> FnOnce(&'w mut Write) -> Work<'w, (), DbError> + Send + 'static,
    {
        let job = Pending {
            work: Some(work),
            outcome: None,
            answer: None,
        };
        // Who needs to know uses `write`.
        let _ = self.0.try_send(Box::new(job));
    }
}

/// The task's state.
pub(super) struct Writer {
    write: Write,
    waiting: mpsc::Receiver<Box<dyn Job>>,
    revisions: Arc<Revisions>,
}

impl Writer {
    /// A writer and the queue that leads to it.
    pub(super) fn new(connection: AnyConnection, revisions: Arc<Revisions>) -> (Self, Queue) {
        let (send, waiting) = mpsc::channel(WAITING_MAX);
        let touched = Touched::default();
        let write = Write {
            connection,
            touched,
        };
        let writer = Self {
            write,
            waiting,
            revisions,
        };
        (writer, Queue(send))
    }

    /// Writes until nobody can send a job any more.
    pub(super) async fn run(mut self) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        while self.waiting.recv_many(&mut group, GROUP_MAX).await > 0 {
            let (committed, touched) = self.commit(&mut group).await;
            if let Ok(()) = committed {
                self.announce(touched);
            }
            let failed = committed.err();
            for job in group.drain(..) {
                job.tell(match &failed {
                    None => Ok(()),
                    Some(error) => Err(error.again()),
                });
            }
        }
    }

    async fn commit(&mut self, group: &mut [Box<dyn Job>]) -> (Result<(), DbError>, Touched) {
        let mut touched = Touched::default();
        let done = self.transaction(group, &mut touched).await;
        if done.is_err() {
            // The connection is ready for the next group either way; SQLite may have rolled back
            // by itself.
            let _ = self.write.execute("rolling back", "ROLLBACK").await;
        }
        (done, touched)
    }

    async fn transaction(
        &mut self,
        group: &mut [Box<dyn Job>],
        touched: &mut Touched,
    ) -> Result<(), DbError> {
        let write = &mut self.write;
        write.execute("beginning", "BEGIN").await?;
        if let [job] = group {
            // Nobody else's work is to be kept where this one's is not, so that no page need be
            // copied before it is changed.
            write.touched = Touched::default();
            if !job.run(write).await {
                return write.execute("undoing a job", "ROLLBACK").await;
            }
            *touched = std::mem::take(&mut write.touched);
            return write.execute("committing", "COMMIT").await;
        }
        for job in group {
            write.touched = Touched::default();
            write.execute("beginning a job", "SAVEPOINT job").await?;
            if job.run(write).await {
                touched.access |= write.touched.access;
                touched.fleet |= write.touched.fleet;
                touched.then.append(&mut write.touched.then);
            } else {
                let sql = "ROLLBACK TO SAVEPOINT job";
                write.execute("undoing a job", sql).await?;
            }
            write
                .execute("ending a job", "RELEASE SAVEPOINT job")
                .await?;
        }
        write.execute("committing", "COMMIT").await
    }

    fn announce(&self, touched: Touched) {
        for act in touched.then {
            act();
        }
        if touched.access {
            self.revisions.access.fetch_add(1, Ordering::Release);
        }
        if touched.fleet {
            self.revisions.fleet.send_modify(|revision| *revision += 1);
        }
        self.revisions.commits.send_modify(|count| *count += 1);
    }
}
