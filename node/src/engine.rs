//! The engine: all instances of this node, by name. Called by the daemon's routes and by the
//! foreground commands. Calls block while the kernel verifies: never call them on an async thread.
//! Must never load anything that is not `Admitted`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Instant;

use api::node::{Applied, Instance, Owner, Proof};
use api::registry::SinceFlip;
use payload::name::InstanceName;
use tokio::sync::Notify;

use crate::instance::metrics::Metrics;
use crate::kernel::pins::Pins;
use crate::kernel::vmlinux::Vmlinux;
use crate::sink::hub::Hub;
use crate::sink::{SinkError, Sinks};

mod apply;
mod apply_error;
mod arm;
mod buffers;
mod change_error;
mod contents;
mod course;
mod figures;
mod generation;
mod handlers;
mod handover;
mod history;
mod iterate;
mod joining;
mod keeper;
mod keeping;
mod machine;
mod migrate;
mod order;
mod prepare;
mod proof;
mod record;
mod rehandle;
mod resume;
mod rollback;
mod room;
mod rounds;
mod running;
mod speed;
mod stage;
mod stop;
mod verdict;
mod view;
mod watch;
mod watching;

pub(crate) use apply_error::{ApplyError, Class};
pub(crate) use change_error::ChangeError;
pub(crate) use contents::MapsError;
use handlers::Handlers;
pub(crate) use iterate::IterateError;
pub(crate) use keeper::Keeper;
pub(crate) use order::{Kept, Notice, Order};
use prepare::Means;
use record::Record;
pub(crate) use resume::LeftBehind;
use running::Running;
pub(crate) use stage::Stage;
pub(crate) use stop::{PauseError, StopError, Stopped};
pub(crate) use verdict::{Fate, ProgramVerdict, Verdict, verdict};
use view::View;

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
    /// Where what runs outlives the daemon; nothing where there is no bpffs.
    pub(crate) pins: Option<Pins>,
    /// Where compiled handlers are kept; without it they are compiled anew in each daemon.
    pub(crate) handlers: Option<PathBuf>,
    /// Whether records become outputs as they are, without decoder and handler.
    pub(crate) raw: bool,
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
    means: Means,
    slots: Mutex<BTreeMap<InstanceName, Arc<Slot>>>,
    /// What the last daemon left and nobody has gone on with yet.
    left: Mutex<BTreeMap<InstanceName, Record>>,
    /// What was left behind because the last daemon died with it, until somebody takes that.
    left_behind: Mutex<Vec<LeftBehind>>,
    last_id: AtomicU64,
    began: Instant,
    /// Makes the rounds.
    rounds: OnceLock<Thread>,
    /// Notified when an instance has changed by itself.
    stirred: Notify,
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
    pub(crate) fn new(mut config: EngineConfig) -> Self {
        let shared = Arc::new(Shared {
            means: Means {
                vmlinux: Vmlinux::default(),
                handlers: Handlers::new(config.handlers.take()),
                raw: config.raw,
            },
            config,
            slots: Mutex::default(),
            left: Mutex::default(),
            left_behind: Mutex::default(),
            last_id: AtomicU64::new(0),
            began: Instant::now(),
            rounds: OnceLock::new(),
            stirred: Notify::new(),
        });
        if let Some(thread) = rounds::begin(Arc::downgrade(&shared)) {
            // Nobody else sets it.
            let _set = shared.rounds.set(thread);
        }
        Self { shared }
    }

    /// Reads what the first load would otherwise wait for: the kernel's BTF.
    pub(crate) fn warm(&self) {
        self.shared.means.vmlinux.warm();
    }

    /// Changes what runs under `name`, of this owner, and shows it. Gives the instance as it is then
    /// and the newest proof.
    fn change(
        &self,
        name: &InstanceName,
        owner: &Owner,
        change: impl FnOnce(&mut Running) -> Result<(), ChangeError>,
    ) -> Result<Applied, ChangeError> {
        let missing = || NoInstance(name.to_string());
        let slot = self.slot(name).ok_or_else(missing)?;
        let mut place = locked(&slot.running);
        let running = place.as_mut().ok_or_else(missing)?;
        running.check_owner(owner)?;
        let changed = change(running);
        // Also where it failed: what was staged may be gone, what was watched no longer be.
        let applied = self.publish(&slot, running).ok_or_else(missing)?;
        changed.map(|()| applied)
    }

    /// Takes in an instance that another daemon left.
    fn take_in(&self, name: &InstanceName, running: Running) {
        let slot = Arc::new(Slot::default());
        self.publish(&slot, &running);
        *locked(&slot.running) = Some(running);
        locked(&self.shared.slots).insert(name.clone(), slot);
    }

    /// Shows a running instance as it is now, and waits until its history is kept: what was answered is
    /// known to the next daemon. Gives the instance with its newest proof.
    fn publish(&self, slot: &Slot, running: &Running) -> Option<Applied> {
        let view = running.view();
        let applied = view.applied();
        let before = locked(&slot.view).replace(view);
        // A view shares the history: one that has changed is another.
        let unchanged = |before: &View| Arc::ptr_eq(&before.history, &running.history);
        if let Some(keeper) = &self.shared.config.keeper
            && !before.as_ref().is_some_and(unchanged)
        {
            keeper.keep(&running.identity.name, Arc::clone(&running.history));
        }
        applied
    }

    /// Tells that it could not do what it should have.
    fn failed(&self, instance: &str, what: &str, reason: &dyn std::fmt::Display) {
        self.tell(&Notice::Failed {
            instance,
            what,
            reason: reason.to_string(),
        });
    }

    fn tell(&self, notice: &Notice<'_>) {
        (self.shared.config.told)(notice);
    }

    /// Waits until an instance has changed by itself: its watch ended, or what was staged took over.
    /// One who waits hears of all that happened since it last did.
    pub(crate) async fn stirred(&self) {
        self.shared.stirred.notified().await;
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

    /// The same, each with what its generation in charge did since it took over.
    pub(crate) fn figures(&self) -> Vec<(Instance, SinceFlip)> {
        let figures = self.slots().into_iter().filter_map(|(_, slot)| {
            let view = locked(&slot.view);
            let view = view.as_ref()?;
            Some((view.instance(), view.since_flip()))
        });
        figures.collect()
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

    /// The metrics of the handlers of every instance, by its name.
    pub(crate) fn handler_metrics(&self) -> Vec<(String, Arc<Metrics>)> {
        let shown = self.slots().into_iter().filter_map(|(name, slot)| {
            let view = locked(&slot.view);
            let view = view.as_ref()?;
            Some((name.to_string(), Arc::clone(&view.metrics)))
        });
        shown.collect()
    }

    /// The window of an instance's recent events.
    pub(crate) fn hub(&self, name: &InstanceName) -> Option<Arc<Hub>> {
        Some(Arc::clone(&locked(&self.slot(name)?.view).as_ref()?.hub))
    }

    fn slot(&self, name: &InstanceName) -> Option<Arc<Slot>> {
        locked(&self.shared.slots).get(name).cloned()
    }
}
