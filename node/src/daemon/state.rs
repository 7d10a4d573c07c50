//! What the routes share, and the calls of the engine that block, moved off the async threads.
//! Used by every route.
//! Must never block the thread that calls.

use std::sync::Arc;

use api::node::{Applied, Instance};
use axum::http::StatusCode;
use payload::name::InstanceName;
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;

use super::body::{Upload, Uploads};
use super::journal::Journal;
use super::refusal::Refusal;
use crate::door::Caller;
use crate::engine::Engine;
use crate::intake::{self, AllowUnsigned};

/// What all connections share. Clones are handles of the same.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) engine: Engine,
    pub(super) allow_unsigned: AllowUnsigned,
    pub(super) uploads: Uploads,
    pub(super) subscribers: Arc<Semaphore>,
    pub(super) journal: Arc<Journal>,
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
    pub(super) async fn apply(
        &self,
        asked: Option<InstanceName>,
        upload: Upload,
    ) -> Result<Applied, Refusal> {
        let (engine, allow) = (self.parts.engine.clone(), self.parts.allow_unsigned);
        let applied = off_thread(move || {
            let intake = intake::read(&upload.bytes, asked, allow)?;
            Ok(engine.apply(&intake.name, &intake.payload)?)
        })
        .await;
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
    pub(super) async fn stop(&self, name: InstanceName) -> Result<Instance, Refusal> {
        let engine = self.parts.engine.clone();
        let stopped = off_thread(move || Ok(engine.stop(&name)?)).await?;
        self.parts.journal.changed(self.caller, "stopped", &stopped);
        Ok(stopped)
    }

    /// Pauses or resumes an instance.
    ///
    /// # Errors
    /// There is none of this name.
    pub(super) async fn set_paused(
        &self,
        name: InstanceName,
        paused: bool,
    ) -> Result<Instance, Refusal> {
        let engine = self.parts.engine.clone();
        let instance = off_thread(move || Ok(engine.set_paused(&name, paused)?)).await?;
        let what = if paused { "paused" } else { "resumed" };
        self.parts.journal.changed(self.caller, what, &instance);
        Ok(instance)
    }

    /// Every instance, by id.
    pub(super) fn instances_by_id(&self) -> Vec<Instance> {
        let mut instances = self.parts.engine.instances();
        instances.sort_by_key(|instance| instance.id);
        instances
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    spawn_blocking(work).await.unwrap_or_else(|_| {
        let detail = "the node failed while it did this; its log says where";
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
    })
}
