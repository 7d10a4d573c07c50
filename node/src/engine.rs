//! The engine: all instances of this node, by name. Called by the daemon's routes and by the
//! foreground commands. Calls block while the kernel verifies: never call them on an async thread.
//! Must never load anything that is not `Admitted`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::node::{Applied, Instance, Owner, Proof};
use payload::name::InstanceName;

use crate::admit::Admitted;
use crate::kernel::vmlinux::Vmlinux;
use crate::sink::hub::Hub;
use crate::sink::{SinkError, Sinks};

mod apply_error;
mod arm;
mod contents;
mod handover;
mod iterate;
mod mend;
mod prepare;
mod proof;
mod running;
mod verdict;
mod view;

pub(crate) use apply_error::{ApplyError, Class};
pub(crate) use contents::MapsError;
pub(crate) use iterate::IterateError;
use running::Running;
pub(crate) use verdict::{Fate, ProgramVerdict, Verdict, verdict};
use view::{Identity, View};

/// Most instances one node runs.
const INSTANCES_MAX: usize = 256;

/// What an engine is made with. Clocks and sinks are parameters, so that the engine decides
/// nothing about either.
pub(crate) struct EngineConfig {
    /// Microseconds since 1970.
    pub(crate) now_us: fn() -> u64,
    /// Makes the sinks of a new instance; its window of recent events is one of them.
    pub(crate) sinks: Box<SinkMaker>,
}

/// Makes the sinks of an instance that starts.
pub(crate) type SinkMaker =
    dyn Fn(&InstanceName, &Arc<Hub>) -> Result<Sinks, SinkError> + Send + Sync;

/// All instances of a node. Clones are handles of the same engine.
#[derive(Clone)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    config: EngineConfig,
    vmlinux: Vmlinux,
    slots: Mutex<BTreeMap<InstanceName, Arc<Slot>>>,
    last_id: AtomicU64,
}

/// A name's place. `running` is held over a whole start, update or stop, so that they follow each
/// other; `view` only for a moment, so that listing never waits for a verifier.
#[derive(Default)]
struct Slot {
    running: Mutex<Option<Running>>,
    view: Mutex<Option<View>>,
}

/// There is no instance of this name.
#[derive(Debug, thiserror::Error)]
#[error("no instance {0} runs here")]
pub(crate) struct NoInstance(pub(crate) String);

/// An instance is somebody else's.
#[derive(Debug, thiserror::Error)]
#[error("{}", whose(instance, owner))]
pub(crate) struct NotYours {
    /// The instance.
    pub(crate) instance: String,
    /// Whose it is.
    pub(crate) owner: Owner,
}

fn whose(instance: &str, owner: &Owner) -> String {
    match owner {
        Owner::Local => format!(
            "the name {instance} is taken by an instance that was started on this machine, and a \
             registry touches no such instance: stop it here, or give the deployment another \
             instance name"
        ),
        Owner::Registry { deployment } => format!(
            "instance {instance} runs for the registry's deployment {deployment}, which alone updates and stops it; \
             `node pause` keeps its programs from running"
        ),
    }
}

/// Why an instance was not stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StopError {
    /// Nothing runs under the name.
    #[error(transparent)]
    NoInstance(#[from] NoInstance),
    /// It is somebody else's.
    #[error(transparent)]
    NotYours(#[from] NotYours),
}

/// Why an instance was not paused or resumed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PauseError {
    /// Nothing runs under the name.
    #[error(transparent)]
    NoInstance(#[from] NoInstance),
    /// A hook could not be attached again; or the gate was moved, but runs that had begun could not
    /// be waited for.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// An engine without instances.
    pub(crate) fn new(config: EngineConfig) -> Self {
        let shared = Arc::new(Shared {
            config,
            vmlinux: Vmlinux::default(),
            slots: Mutex::default(),
            last_id: AtomicU64::new(0),
        });
        mend::watch(Arc::downgrade(&shared));
        Self { shared }
    }

    /// Reads what the first load would otherwise wait for: the kernel's BTF.
    pub(crate) fn warm(&self) {
        self.shared.vmlinux.warm();
    }

    /// Starts the payload under `name`, or hot-updates what runs there; the instance keeps its id.
    /// Blocks until the new generation is in charge and the old one is gone. What runs there must
    /// be of the same owner; a registry's deployments count as one.
    ///
    /// # Errors
    /// As `ApplyError` says; what ran before goes on untouched, unless the grace period or the
    /// reader failed behind the flip: then the new generation is in charge, and the listing says so.
    pub(crate) fn apply(
        &self,
        name: &InstanceName,
        payload: &Admitted,
        owner: &Owner,
    ) -> Result<Applied, ApplyError> {
        let slot = self.slot_for_apply(name)?;
        let applied = self.apply_in(&slot, name, payload, owner);
        if applied.is_err() {
            self.forget_if_idle(name, slot);
        }
        applied
    }

    fn apply_in(
        &self,
        slot: &Slot,
        name: &InstanceName,
        payload: &Admitted,
        owner: &Owner,
    ) -> Result<Applied, ApplyError> {
        let mut place = locked(&slot.running);
        if let Some(running) = place.as_ref() {
            running.check_owner(owner)?;
        }
        let before = place.as_ref().map_or(0, |running| running.generation);
        let prepared = prepare::prepare(
            &self.shared.vmlinux,
            name,
            before + 1,
            payload,
            place.as_ref().map(Running::previous),
        )?;
        let now_us = self.shared.config.now_us;
        let (done, view) = if let Some(running) = place.as_mut() {
            let done = running.update(prepared, now_us);
            if running.generation != before {
                running.adopt(owner);
            }
            (done, running.view())
        } else {
            let hub = Arc::new(Hub::default());
            let sinks = (self.shared.config.sinks)(name, &hub)?;
            let id = self.shared.last_id.fetch_add(1, Ordering::Relaxed) + 1;
            let identity = Identity {
                name: name.clone(),
                id,
                started_ms: now_us() / 1000,
                owner: owner.clone(),
            };
            let running = Running::start(identity, prepared, hub, sinks, now_us)?;
            (Ok(()), place.insert(running).view())
        };
        let applied = view.applied().ok_or(ApplyError::ReaderDead);
        // Also where a step behind the flip failed: the listing tells who is in charge.
        *locked(&slot.view) = Some(view);
        done.and(applied)
    }

    fn slot_for_apply(&self, name: &InstanceName) -> Result<Arc<Slot>, ApplyError> {
        let mut slots = locked(&self.shared.slots);
        if !slots.contains_key(name) && slots.len() >= INSTANCES_MAX {
            return Err(ApplyError::TooManyInstances {
                instances_max: INSTANCES_MAX,
            });
        }
        Ok(Arc::clone(slots.entry(name.clone()).or_default()))
    }

    /// Forgets a name whose first start failed, unless somebody else is about to use it.
    fn forget_if_idle(&self, name: &InstanceName, slot: Arc<Slot>) {
        let mut slots = locked(&self.shared.slots);
        let idle = locked(&slot.view).is_none();
        drop(slot);
        if idle
            && slots
                .get(name)
                .is_some_and(|slot| Arc::strong_count(slot) == 1)
        {
            slots.remove(name);
        }
    }

    /// Stops an instance: its hooks are detached, its events read to their end.
    ///
    /// # Errors
    /// Where nothing runs under `name`, or what does is not the owner's.
    pub(crate) fn stop(&self, name: &InstanceName, owner: &Owner) -> Result<Instance, StopError> {
        self.stop_if(name, |running| running.check_owner(owner))
    }

    fn stop_if(
        &self,
        name: &InstanceName,
        may: impl Fn(&Running) -> Result<(), NotYours>,
    ) -> Result<Instance, StopError> {
        let missing = || NoInstance(name.to_string());
        let slot = self.slot(name).ok_or_else(missing)?;
        let stopped = {
            let mut place = locked(&slot.running);
            if let Some(running) = place.as_ref() {
                may(running)?;
            }
            let view = locked(&slot.view).take();
            place.take().zip(view).map(|(running, view)| {
                running.stop();
                view.instance()
            })
        };
        self.forget_if_idle(name, slot);
        Ok(stopped.ok_or_else(missing)?)
    }

    /// Says that an instance of the registry is now wanted by another of its deployments.
    pub(crate) fn adopt(&self, name: &InstanceName, owner: &Owner) {
        let Some(slot) = self.slot(name) else { return };
        let mut place = locked(&slot.running);
        if let Some(running) = place.as_mut()
            && running.check_owner(owner).is_ok()
        {
            running.adopt(owner);
            *locked(&slot.view) = Some(running.view());
        }
    }

    /// Stops every instance.
    pub(crate) fn stop_all(&self) {
        let names: Vec<InstanceName> = locked(&self.shared.slots).keys().cloned().collect();
        for name in names {
            // One that somebody else has stopped meanwhile is what was wanted.
            let _stopped = self.stop_if(&name, |_| Ok(()));
        }
    }

    /// Takes an instance's programs out of their hooks' way, or puts them back. The hooks stay
    /// attached.
    ///
    /// # Errors
    /// Where nothing runs under `name`, or the kernel offers no way to wait for running programs.
    pub(crate) fn set_paused(
        &self,
        name: &InstanceName,
        paused: bool,
    ) -> Result<Instance, PauseError> {
        let missing = || NoInstance(name.to_string());
        let slot = self.slot(name).ok_or_else(missing)?;
        let mut place = locked(&slot.running);
        let running = place.as_mut().ok_or_else(missing)?;
        let settled = running.set_paused(paused);
        let view = running.view();
        let instance = view.instance();
        *locked(&slot.view) = Some(view);
        Ok(settled.map(|()| instance)?)
    }

    /// Every instance, by name.
    pub(crate) fn instances(&self) -> Vec<Instance> {
        let slots: Vec<Arc<Slot>> = locked(&self.shared.slots).values().cloned().collect();
        slots
            .iter()
            .filter_map(|slot| Some(locked(&slot.view).as_ref()?.instance()))
            .collect()
    }

    /// One instance.
    pub(crate) fn instance(&self, name: &InstanceName) -> Option<Instance> {
        Some(locked(&self.slot(name)?.view).as_ref()?.instance())
    }

    /// The name of the instance with this id.
    pub(crate) fn name_of(&self, id: u64) -> Option<InstanceName> {
        let slots = locked(&self.shared.slots);
        let mut found = slots.iter().filter(|(_, slot)| {
            locked(&slot.view)
                .as_ref()
                .is_some_and(|view| view.identity.id == id)
        });
        found.next().map(|(name, _)| name.clone())
    }

    /// The proofs of an instance's latest starts and updates, oldest first.
    pub(crate) fn proofs(&self, name: &InstanceName) -> Option<Vec<Proof>> {
        Some(locked(&self.slot(name)?.view).as_ref()?.proofs.clone())
    }

    /// The window of an instance's recent events.
    pub(crate) fn hub(&self, name: &InstanceName) -> Option<Arc<Hub>> {
        Some(Arc::clone(&locked(&self.slot(name)?.view).as_ref()?.hub))
    }

    fn slot(&self, name: &InstanceName) -> Option<Arc<Slot>> {
        locked(&self.shared.slots).get(name).cloned()
    }
}
