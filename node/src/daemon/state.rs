//! What the routes share, and the calls of the engine, which block: the runtime is told, and goes on
//! with another thread. Used by every route.
//! Must never block a thread that the runtime counts on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use api::node::{Applied, BAKE_DEFAULT_MS, Flipped, History, Instance, Owner, Settings, Timing};
use axum::http::StatusCode;
use payload::name::InstanceName;
use tokio::sync::{Semaphore, watch};
use tokio::task::block_in_place;

use super::body::{Upload, Uploads};
use super::journal::Journal;
use super::refusal::Refusal;
use crate::door::Caller;
use crate::engine::{Engine, Kept, NoInstance, Order, Stage, Stopped};
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
    pub(super) fn apply(
        &self,
        asked: Asked,
        timing: Timing,
        upload: &Upload,
    ) -> Result<Applied, Refusal> {
        let applied = blocking(|| {
            let kept = kept(upload, &asked);
            let intake = intake::read(&upload.bytes, asked, self.parts.allow_unsigned)?;
            let order = Order {
                payload: &intake.payload,
                owner: &Owner::Local,
                bake_ms: timing.bake_ms.unwrap_or(BAKE_DEFAULT_MS),
                beside: None,
                hold: None,
                kept: Some(kept),
            };
            Ok(self.parts.engine.apply(&intake.name, order)?)
        });
        match &applied {
            Ok(applied) => self.parts.journal.applied(self.caller, applied),
            Err(refusal) => self.parts.journal.refused(self.caller, refusal),
        }
        applied
    }

    /// Puts the generation before the one in charge in charge again.
    ///
    /// # Errors
    /// There is none, or it can't be.
    pub(super) fn roll_back(&self, name: &InstanceName) -> Result<Applied, Refusal> {
        let applied = blocking(|| {
            let allow = self.parts.allow_unsigned;
            let readmit = |name: &InstanceName, bytes: &[u8], settings: Settings| {
                super::readmit(name, bytes, settings, allow)
            };
            Ok(self.parts.engine.roll_back(name, &Owner::Local, &readmit)?)
        });
        match &applied {
            Ok(applied) => {
                let instance = &applied.instance;
                self.parts
                    .journal
                    .changed(self.caller, "gone back", instance);
            }
            Err(refusal) => self.parts.journal.refused(self.caller, refusal),
        }
        applied
    }

    /// What was in charge under a name.
    ///
    /// # Errors
    /// Nothing ever was, or it can't be read.
    pub(super) fn history(&self, name: &InstanceName) -> Result<History, Refusal> {
        blocking(|| {
            let history = self.parts.engine.history(name)?;
            Ok(history.ok_or_else(|| NoInstance(name.to_string()))?)
        })
    }

    /// Loads and verifies what was uploaded beside what runs under its name.
    ///
    /// # Errors
    /// The intake or the engine says no; what was staged before still is.
    pub(super) fn stage(
        &self,
        asked: Asked,
        timing: Timing,
        upload: &Upload,
    ) -> Result<Instance, Refusal> {
        let staged = blocking(|| {
            let kept = Some(kept(upload, &asked));
            let intake = intake::read(&upload.bytes, asked, self.parts.allow_unsigned)?;
            let stage = Stage {
                payload: intake.payload,
                owner: Owner::Local,
                bake_ms: timing.bake_ms.unwrap_or(BAKE_DEFAULT_MS),
                at_ms: timing.at_ms,
                kept,
            };
            Ok(self.parts.engine.stage(&intake.name, stage)?)
        });
        match &staged {
            Ok(instance) => self.parts.journal.changed(self.caller, "staged", instance),
            Err(refusal) => self.parts.journal.refused(self.caller, refusal),
        }
        staged
    }

    /// Lets go of what is staged.
    ///
    /// # Errors
    /// Nothing is.
    pub(super) fn unstage(&self, name: &InstanceName) -> Result<(), Refusal> {
        blocking(|| Ok(self.parts.engine.unstage(name, &Owner::Local)?))
    }

    /// Puts what is staged in charge, now or at a time, milliseconds since 1970.
    ///
    /// # Errors
    /// Nothing is staged, or it can't be.
    pub(super) fn flip(&self, name: &InstanceName, at_ms: Option<u64>) -> Result<Flipped, Refusal> {
        let flipped = blocking(|| Ok(self.parts.engine.flip(name, &Owner::Local, at_ms)?));
        match &flipped {
            Ok(flipped) if flipped.proof.is_some() => {
                let instance = &flipped.instance;
                self.parts.journal.changed(self.caller, "flipped", instance);
            }
            Ok(_) => {}
            Err(refusal) => self.parts.journal.refused(self.caller, refusal),
        }
        flipped
    }

    /// Stops an instance.
    ///
    /// # Errors
    /// There is none of this name.
    pub(super) fn stop(&self, name: &InstanceName) -> Result<(), Refusal> {
        let journal = &self.parts.journal;
        match blocking(|| Ok(self.parts.engine.stop(name, &Owner::Local)?))? {
            Stopped::Instance(stopped) => journal.changed(self.caller, "stopped", &stopped),
            Stopped::Left => journal.discarded(self.caller, name),
        }
        Ok(())
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

/// The file, to go back to what is made from it.
fn kept(upload: &Upload, asked: &Asked) -> Kept {
    Kept {
        bytes: Arc::from(&*upload.bytes),
        settings: asked.settings.clone(),
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
