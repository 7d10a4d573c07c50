//! Starting payloads and hot-updating what runs. A part of the engine.
//! Must never change what is somebody else's.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use api::node::{Applied, Owner};
use handler::effects::Level;
use payload::digest::Digest;
use payload::name::InstanceName;

use super::course::Wish;
use super::history::{self, Original};
use super::keeper::File;
use super::keeping::Keeping;
use super::order::{self, Hold};
use super::running::{Beginning, Clock, Running};
use super::view::Identity;
use super::{ApplyError, Engine, Kept, Notice, Order, Shared, Slot, locked, prepare};
use crate::admit::Admitted;
use crate::instance::handling::Tell;
use crate::sink::hub::Hub;

/// What is to run.
#[derive(Clone, Copy)]
pub(super) struct Brought<'a> {
    pub(super) payload: &'a Admitted,
    /// What may be loaded beside it where another daemon left that.
    pub(super) beside: Option<&'a Admitted>,
    /// What is waited for right before it takes over.
    pub(super) hold: Option<&'a Hold<'a>>,
}

impl<'a> From<&'a Admitted> for Brought<'a> {
    fn from(payload: &'a Admitted) -> Self {
        Self {
            payload,
            beside: None,
            hold: None,
        }
    }
}

impl Engine {
    /// Starts the payload under `name`, or hot-updates what runs there; the instance keeps its id.
    /// Blocks until the new generation is in charge and the records of the old one are read. What
    /// runs there must be of the same owner; a registry's deployments count as one. Where this very
    /// payload is staged, that takes over, and nothing is loaded.
    ///
    /// # Errors
    /// As `ApplyError` says; what ran before goes on untouched, unless the grace period or the
    /// reader failed behind the flip: then the new generation is in charge, and the listing says so.
    pub(crate) fn apply(
        &self,
        name: &InstanceName,
        order: Order<'_>,
    ) -> Result<Applied, ApplyError> {
        let from = order.kept.and_then(|kept| self.original(kept)).unzip();
        let brought = Brought {
            payload: order.payload,
            beside: order.beside,
            hold: order.hold,
        };
        self.apply_from(name, brought, order.owner, order.bake_ms, from)
    }

    /// The same with what the payload was made from, and the file where that is not kept yet.
    pub(super) fn apply_from(
        &self,
        name: &InstanceName,
        brought: Brought<'_>,
        owner: &Owner,
        bake_ms: u64,
        from: (Option<Original>, Option<File>),
    ) -> Result<Applied, ApplyError> {
        let slot = self.slot_for_apply(name)?;
        let applied = self.apply_in(&slot, name, (brought, owner, bake_ms), from);
        if applied.is_err() {
            self.forget_if_idle(name, slot);
        }
        applied
    }

    fn apply_in(
        &self,
        slot: &Slot,
        name: &InstanceName,
        (brought, owner, bake_ms): (Brought<'_>, &Owner, u64),
        (original, file): (Option<Original>, Option<File>),
    ) -> Result<Applied, ApplyError> {
        let Brought { payload, hold, .. } = brought;
        let mut place = locked(&slot.running);
        if let Some(running) = place.as_ref() {
            running.check_owner(owner)?;
        }
        let means = &self.shared.means;
        let (done, running) = if let Some(running) = place.as_mut() {
            let before = running.charge.number;
            let staged = running.staged.take_if(|staged| staged.is_of(payload));
            let wish = Wish {
                prepare: Some(Box::new(|before, number| match staged {
                    Some(staged) => staged.prepared_for(means, name, before, number),
                    None => prepare::prepare(means, name, number, payload, Some(before)),
                })),
                original,
                file,
                hold,
                back: None,
            };
            let done = running.update(bake_ms, wish);
            if running.charge.number == before {
                // Before the flip. One that was watched may not be any more.
                *locked(&slot.view) = Some(running.view());
                return Err(done.err().unwrap_or(ApplyError::Unfinished));
            }
            running.adopt(owner);
            (done, running)
        } else {
            let started = self.start(name, brought, owner, (original, file))?;
            (Ok(()), place.insert(started))
        };
        // Also where a step behind the flip failed: the listing tells who is in charge.
        let applied = self.publish(slot, running);
        done.and(applied.ok_or(ApplyError::ReaderDead))
    }

    /// Starts what is not there, or goes on with what another daemon left of this very payload.
    fn start(
        &self,
        name: &InstanceName,
        brought: Brought<'_>,
        owner: &Owner,
        (original, file): (Option<Original>, Option<File>),
    ) -> Result<Running, ApplyError> {
        if let Some(running) = self.resume_for(name, (brought.payload, brought.beside), owner)? {
            return Ok(running);
        }
        let prepared = prepare::prepare(&self.shared.means, name, 1, brought.payload, None)?;
        let beginning = self.beginning(name, owner)?;
        order::wait(brought.hold)?;
        let running = Running::start(beginning, prepared, (original, file));
        if running.is_err() {
            self.remove(name);
        }
        running
    }

    /// What an instance starts with.
    pub(super) fn beginning(
        &self,
        name: &InstanceName,
        owner: &Owner,
    ) -> Result<Beginning, ApplyError> {
        let Shared { config, began, .. } = &*self.shared;
        let hub = Arc::new(Hub::default());
        let sinks = (config.sinks)(name, &hub)?;
        let read = config.keeper.as_ref().map(|keeper| keeper.read(name));
        let history = match read {
            None | Some(Ok(None)) => history::History::default(),
            Some(Ok(Some(history))) => history,
            Some(Err(error)) => {
                let what = "its history of before can't be read and is begun anew";
                self.failed(name.as_str(), what, &error);
                history::History::default()
            }
        };
        Ok(Beginning {
            identity: Identity {
                name: name.clone(),
                id: self.shared.last_id.fetch_add(1, Ordering::Relaxed) + 1,
                started_ms: (config.now_us)() / 1000,
                owner: owner.clone(),
            },
            hub,
            sinks,
            history: Arc::new(history),
            clock: Clock {
                began: *began,
                wall_us: config.now_us,
            },
            keeping: config
                .keeper
                .clone()
                .map(|keeper| Keeping::new(keeper, self.place(name))),
            tell: self.teller(name),
        })
    }

    /// Tells lines of an instance's handlers. What failed is looked at at once.
    fn teller(&self, name: &InstanceName) -> Box<Tell> {
        let (shared, name) = (Arc::downgrade(&self.shared), name.to_string());
        Box::new(move |level, line| {
            let Some(shared) = shared.upgrade() else {
                return;
            };
            let engine = Engine { shared };
            engine.tell(&Notice::Handler {
                instance: &name,
                level,
                line,
            });
            if level == Level::Error {
                engine.wake();
            }
        })
    }

    /// What the history says of a file, and the file itself, where histories are kept.
    pub(super) fn original(&self, kept: Kept) -> Option<(Original, File)> {
        self.shared.config.keeper.as_ref()?;
        let Kept { bytes, settings } = kept;
        let digest = Digest::of(&bytes);
        let original = Original {
            digest,
            size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            settings,
        };
        Some((original, File { digest, bytes }))
    }
}
