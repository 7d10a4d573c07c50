//! What every request shares: the meta data, the accesses, the clock, what is being stopped.
//! Made by the server, handed to every route.
//! Must never hold what belongs to one request.

use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Semaphore, watch};

use crate::access::{Failures, Sessions};
use crate::blobs::Blobs;
use crate::cli::System;
use crate::db::{Access, Db};
use crate::fleet::Fleet;
use crate::intake::Intake;
use crate::limits::{CHECKS_MAX, TOKEN_LIVE_PAGES_MAX, TOKEN_UPLOADS_MAX, UPLOADS_MAX};
use crate::output::Output;
use crate::rollouts::{Ended, Trends};
use crate::serve::Capacity;
use crate::shares::Shares;

/// What every request shares. Clones are handles of the same.
#[derive(Clone)]
pub(crate) struct State(Arc<Parts>);

impl Deref for State {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// See [`State`].
pub(crate) struct Parts {
    /// The meta data.
    pub(crate) db: Db,
    /// The bytes.
    pub(crate) blobs: Blobs,
    /// What there is room for.
    pub(crate) capacity: Capacity,
    /// Places of connections.
    pub(crate) places: Arc<Semaphore>,
    /// Places of those who send bytes.
    pub(crate) uploads: Arc<Semaphore>,
    /// Those of them that each token may have.
    pub(crate) uploads_of: Shares<Access>,
    /// Places of releases that are checked.
    pub(crate) checks: Arc<Semaphore>,
    /// Which node should run what.
    pub(crate) fleet: Fleet,
    /// What rollouts compared over time.
    pub(crate) trends: Trends,
    /// What was told of rollouts that have ended.
    pub(crate) ended: Ended,
    /// What nodes tell, until it is kept.
    pub(crate) intake: Intake,
    /// Places of open pages that are told of changes.
    pub(crate) live_pages: Arc<Semaphore>,
    /// Those of them that each token may have.
    pub(crate) live_pages_of: Shares<Access>,
    /// Bearers that were looked up.
    pub(crate) sessions: Sessions,
    /// Wrong tokens by address.
    pub(crate) failures: Failures,
    /// Clock and randomness.
    pub(crate) system: System,
    /// The journal.
    pub(crate) output: Output,
    /// Turns true when the registry stops: what never ends by itself ends then.
    pub(crate) stopping: watch::Receiver<bool>,
    /// How long a blob may be without a release, milliseconds.
    pub(crate) collect_after_ms: u64,
    /// What tells the ids of this start from those of another.
    start: u32,
    requests: AtomicU64,
}

/// What a state is made of.
pub(crate) struct Made {
    /// The meta data.
    pub(crate) db: Db,
    /// The bytes.
    pub(crate) blobs: Blobs,
    /// What there is room for.
    pub(crate) capacity: Capacity,
    /// Which node should run what.
    pub(crate) fleet: Fleet,
    /// Clock and randomness.
    pub(crate) system: System,
    /// The journal.
    pub(crate) output: Output,
    /// Turns true when the registry stops.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Requests of one token.
    pub(crate) requests_per_second: NonZeroU32,
    /// Wrong tokens of one address.
    pub(crate) failures_per_minute: NonZeroU32,
    /// How long a blob may be without a release, milliseconds.
    pub(crate) collect_after_ms: u64,
    /// A random number of this start.
    pub(crate) start: u32,
}

impl State {
    /// The state of a registry that has answered nothing yet.
    pub(crate) fn new(made: Made) -> Self {
        Self(Arc::new(Parts {
            db: made.db,
            blobs: made.blobs,
            capacity: made.capacity,
            places: Arc::new(Semaphore::new(made.capacity.connections)),
            uploads: Arc::new(Semaphore::new(UPLOADS_MAX)),
            uploads_of: Shares::new(TOKEN_UPLOADS_MAX),
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
            fleet: made.fleet,
            trends: Trends::default(),
            ended: Ended::default(),
            intake: Intake::default(),
            live_pages: Arc::new(Semaphore::new(made.capacity.live_pages)),
            live_pages_of: Shares::new(TOKEN_LIVE_PAGES_MAX),
            sessions: Sessions::new(made.requests_per_second),
            failures: Failures::per_minute(made.failures_per_minute),
            system: made.system,
            output: made.output,
            stopping: made.stopping,
            collect_after_ms: made.collect_after_ms,
            start: made.start,
            requests: AtomicU64::new(0),
        }))
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        (self.system.now_ms)()
    }

    /// The id of one more request.
    pub(crate) fn next_request(&self) -> String {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-{count:x}", self.start)
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> u64 {
        // One place is with the listener, for the next connection.
        let free = self.places.available_permits() + 1;
        self.capacity.connections.saturating_sub(free) as u64
    }

    /// How many requests came since the start.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}
