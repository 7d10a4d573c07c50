//! The engine: all instances of this node, by name. Called by the daemon's routes and by the
//! foreground commands. Calls block while the kernel verifies: never call them on an async thread.
//! Must never load anything that is not `Admitted`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Instant;

use api::node::{Applied, Instance, Owner, Proof};
use payload::digest::Digest;
use payload::name::InstanceName;

use crate::kernel::vmlinux::Vmlinux;
use crate::sink::hub::Hub;
use crate::sink::{SinkError, Sinks};

mod apply_error;
mod arm;
mod change_error;
mod contents;
mod course;
mod generation;
mod handover;
mod history;
mod iterate;
mod keeper;
mod machine;
mod migrate;
mod order;
mod prepare;
mod proof;
mod rollback;
mod room;
mod rounds;
mod running;
mod stage;
mod stop;
mod verdict;
mod view;
mod watch;

pub(crate) use apply_error::{ApplyError, Class};
pub(crate) use change_error::ChangeError;
pub(crate) use contents::MapsError;
use course::Wish;
use history::Original;
pub(crate) use iterate::IterateError;
use keeper::File;
pub(crate) use keeper::Keeper;
pub(crate) use order::{Kept, Notice, Order};
use running::{Beginning, Clock, Running};
pub(crate) use stage::Stage;
pub(crate) use stop::{PauseError, StopError};
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
    /// Where histories and files are kept; without it there is no way back but by a flip.
    pub(crate) keeper: Option<Keeper>,
    /// Hears what the engine does by itself.
    pub(crate) told: Box<dyn Fn(&Notice<'_>) + Send + Sync>,
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
    began: Instant,
    /// Makes the rounds.
    rounds: OnceLock<Thread>,
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
            began: Instant::now(),
            rounds: OnceLock::new(),
        });
        if let Some(thread) = rounds::begin(Arc::downgrade(&shared)) {
            // Nobody else sets it.
            let _set = shared.rounds.set(thread);
        }
        Self { shared }
    }

    /// Reads what the first load would otherwise wait for: the kernel's BTF.
    pub(crate) fn warm(&self) {
        self.shared.vmlinux.warm();
    }

    /// Starts the payload under `name`, or hot-updates what runs there; the instance keeps its id.
    /// Blocks until the new generation is in charge and the records of the old one are read. What
    /// runs there must be of the same owner; a registry's deployments count as one.
    ///
    /// # Errors
    /// As `ApplyError` says; what ran before goes on untouched, unless the grace period or the
    /// reader failed behind the flip: then the new generation is in charge, and the listing says so.
    pub(crate) fn apply(
        &self,
        name: &InstanceName,
        order: Order<'_>,
    ) -> Result<Applied, ApplyError> {
        let slot = self.slot_for_apply(name)?;
        let applied = self.apply_in(&slot, name, order);
        if applied.is_err() {
            self.forget_if_idle(name, slot);
        }
        applied
    }

    fn apply_in(
        &self,
        slot: &Slot,
        name: &InstanceName,
        order: Order<'_>,
    ) -> Result<Applied, ApplyError> {
        let Order {
            payload,
            owner,
            bake_ms,
            kept,
        } = order;
        let mut place = locked(&slot.running);
        if let Some(running) = place.as_ref() {
            running.check_owner(owner)?;
        }
        let (original, file) = kept.and_then(|kept| self.original(kept)).unzip();
        let vmlinux = &self.shared.vmlinux;
        let (done, running) = if let Some(running) = place.as_mut() {
            let before = running.charge.number;
            let wish = Wish {
                prepare: Some(Box::new(|previous, number| {
                    prepare::prepare(vmlinux, name, number, payload, Some(previous))
                })),
                original,
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
            let prepared = prepare::prepare(vmlinux, name, 1, payload, None)?;
            let running = Running::start(self.beginning(name, owner)?, prepared, original)?;
            (Ok(()), place.insert(running))
        };
        // Also where a step behind the flip failed: the listing tells who is in charge.
        self.publish(slot, running, file);
        let applied = running.view().applied().ok_or(ApplyError::ReaderDead);
        done.and(applied)
    }

    /// What an instance starts with.
    fn beginning(&self, name: &InstanceName, owner: &Owner) -> Result<Beginning, ApplyError> {
        let Shared { config, began, .. } = &*self.shared;
        let hub = Arc::new(Hub::default());
        let sinks = (config.sinks)(name, &hub)?;
        let read = config.keeper.as_ref().map(|keeper| {
            // A stop a moment ago may have left something to be written.
            keeper.settle();
            keeper.read(name)
        });
        let history = match read {
            None | Some(Ok(None)) => history::History::default(),
            Some(Ok(Some(history))) => history,
            Some(Err(error)) => {
                self.tell(&Notice::Failed {
                    instance: name.as_str(),
                    what: "its history of before can't be read and is begun anew",
                    reason: error.to_string(),
                });
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
        })
    }

    /// What the history says of a file, and the file itself, where histories are kept.
    fn original(&self, kept: Kept) -> Option<(Original, File)> {
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

    /// Changes what runs under `name`, of this owner, and shows it. Gives the instance as it is then
    /// and the newest proof. `change` gives the file that is to be kept.
    fn change(
        &self,
        name: &InstanceName,
        owner: &Owner,
        change: impl FnOnce(&mut Running) -> Result<Option<File>, ChangeError>,
    ) -> Result<(Instance, Option<Proof>), ChangeError> {
        let missing = || NoInstance(name.to_string());
        let slot = self.slot(name).ok_or_else(missing)?;
        let mut place = locked(&slot.running);
        let running = place.as_mut().ok_or_else(missing)?;
        running.check_owner(owner)?;
        let changed = change(running);
        let (file, failed) = match changed {
            Ok(file) => (file, None),
            Err(error) => (None, Some(error)),
        };
        // Also where it failed: what was staged may be gone, what was watched no longer be.
        self.publish(&slot, running, file);
        let view = running.view();
        failed.map_or_else(|| Ok((view.instance(), view.last_proof().cloned())), Err)
    }

    /// Shows a running instance as it is now, and has its history kept.
    fn publish(&self, slot: &Slot, running: &Running, file: Option<File>) {
        *locked(&slot.view) = Some(running.view());
        if let Some(keeper) = &self.shared.config.keeper {
            keeper.keep(&running.identity.name, Arc::clone(&running.history), file);
        }
    }

    fn tell(&self, notice: &Notice<'_>) {
        (self.shared.config.told)(notice);
    }

    /// Has the rounds made now.
    fn wake(&self) {
        if let Some(thread) = self.shared.rounds.get() {
            thread.unpark();
        }
    }

    /// Every name that is used, with its place.
    fn slots(&self) -> Vec<(InstanceName, Arc<Slot>)> {
        let slots = locked(&self.shared.slots);
        let slots = slots
            .iter()
            .map(|(name, slot)| (name.clone(), Arc::clone(slot)));
        slots.collect()
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
        Some(locked(&self.slot(name)?.view).as_ref()?.proofs())
    }

    /// The window of an instance's recent events.
    pub(crate) fn hub(&self, name: &InstanceName) -> Option<Arc<Hub>> {
        Some(Arc::clone(&locked(&self.slot(name)?.view).as_ref()?.hub))
    }

    fn slot(&self, name: &InstanceName) -> Option<Arc<Slot>> {
        locked(&self.shared.slots).get(name).cloned()
    }
}
