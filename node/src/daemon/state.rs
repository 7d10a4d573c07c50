//! What the routes share, and the calls of the engine, which block: the runtime is told, and goes on
//! with another thread. Used by every route.
//! Must never block a thread that the runtime counts on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use api::node::{Applied, Instance, Owner};
use axum::http::StatusCode;
use payload::name::InstanceName;
use tokio::sync::{Semaphore, watch};
use tokio::task::block_in_place;

use super::body::{Upload, Uploads};
use super::journal::Journal;
use super::refusal::Refusal;
use crate::door::Caller;
use crate::engine::Engine;
use crate::fleet::Watch;
use crate::intake::{self, AllowUnsigned, Asked};

/// What all connections share. Clones are handles of the same.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) engine: Engine,
    pub(super) allow_unsigned: AllowUnsigned,
    pub(super) uploads: Uploads,
    pub(super) subscribers: Arc<Semaphore>,
    /// Places for questions about maps.
    pub(super) map_reads: Arc<Semaphore>,
    pub(super) journal: Arc<Journal>,
    /// How the node stands with its registry, where it follows one.
    pub(super) fleet: Option<Watch>,
    /// Turns true when the daemon stops.
    pub(super) stopping: watch::Receiver<bool>,
    /// Milliseconds since 1970.
    pub(super) now_ms: fn() -> u64,
}

/// What the routes of one connection share.
#[derive(Clone)]
pub(super) struct State {
    pub(super) parts: Parts,
    /// Whose connection it is.
    pub(super) caller: Caller,
}

impl State {
    /// Starts what was uploaded, or hot-updates the instance that has its name.
    ///
    /// # Errors
    /// The intake or the engine says no; what ran before still runs.
    pub(super) fn apply(&self, asked: Asked, upload: &Upload) -> Result<Applied, Refusal> {
        let applied = blocking(|| {
            let intake = intake::read(&upload.bytes, asked, self.parts.allow_unsigned)?;
            let engine = &self.parts.engine;
            Ok(engine.apply(&intake.name, &intake.payload, &Owner::Local)?)
        });
        match &applied {
            Ok(applied) => self.parts.journal.applied(self.caller, applied),
            Err(refusal) => self.parts.journal.refused(self.caller, refusal),
        }
        applied
    }

    /// Stops an instance.
    ///
    /// # Errors
    /// There is none of this name.
    pub(super) fn stop(&self, name: &InstanceName) -> Result<Instance, Refusal> {
        let stopped = blocking(|| Ok(self.parts.engine.stop(name, &Owner::Local)?))?;
        self.parts.journal.changed(self.caller, "stopped", &stopped);
        Ok(stopped)
    }

    /// Pauses or resumes an instance.
    ///
    /// # Errors
    /// There is none of this name.
    pub(super) fn set_paused(
        &self,
        name: &InstanceName,
        paused: bool,
    ) -> Result<Instance, Refusal> {
        let instance = blocking(|| Ok(self.parts.engine.set_paused(name, paused)?))?;
        let what = if paused { "paused" } else { "resumed" };
        self.parts.journal.changed(self.caller, what, &instance);
        Ok(instance)
    }

    /// Runs an iterator.
    ///
    /// # Errors
    /// There is none of this name, or the kernel did not run it.
    pub(super) fn iterate(&self, name: &InstanceName, program: &str) -> Result<Vec<u8>, Refusal> {
        blocking(|| Ok(self.parts.engine.iterate(name, program)?))
    }

    /// Every instance, by id.
    pub(super) fn instances_by_id(&self) -> Vec<Instance> {
        let mut instances = self.parts.engine.instances();
        instances.sort_by_key(|instance| instance.id);
        instances
    }
}

/// Runs what blocks on this very thread, which the runtime replaces: an update does not wait until
/// another thread has woken for it.
pub(super) fn blocking<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    let done = catch_unwind(AssertUnwindSafe(|| block_in_place(work)));
    done.unwrap_or_else(|_| {
        let detail = "the node failed while it did this; its log says where";
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
    })
}
