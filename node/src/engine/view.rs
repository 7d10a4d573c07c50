//! What can be told of an instance while a verifier works on its next generation.
//! Made by `running`, read by every listing. Must never hold what keeps programs in the kernel.

use std::sync::{Arc, Weak};

use api::node::{
    Applied, Buffer, Counts, GenerationId, Hook, Instance, InstanceState, Measured, Owner, Proof,
    Staged, Trust, Watch,
};
use api::registry::SinceFlip;
use payload::name::InstanceName;
use payload::object::Object;

use super::NotYours;
use super::history::History;
use super::machine::State;
use super::prepare::PlannedHook;
use super::running::Running;
use super::stage::Waiting;
use crate::instance::counters::Counters;
use crate::instance::loss::{GenerationLoss, minus, plus};
use crate::instance::metrics::Metrics;
use crate::instance::told::Told;
use crate::kernel::load::Loaded;
use crate::kernel::seat::Seat;
use crate::kernel::timing::Timed;
use crate::sink::SinkTally;
use crate::sink::hub::Hub;

/// What stays the same over all generations of an instance.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) name: InstanceName,
    pub(super) id: u64,
    pub(super) started_ms: u64,
    pub(super) owner: Owner,
}

impl Identity {
    /// Whether one that asks may change what belongs to an owner.
    ///
    /// # Errors
    /// It is somebody else's.
    pub(super) fn check(name: &InstanceName, own: &Owner, asks: &Owner) -> Result<(), NotYours> {
        if std::mem::discriminant(own) == std::mem::discriminant(asks) {
            return Ok(());
        }
        Err(NotYours {
            instance: name.to_string(),
            owner: own.clone(),
        })
    }
}

/// What is shown of a generation.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) payload: String,
    pub(super) trust: Trust,
    pub(super) signers: Vec<String>,
    pub(super) id: GenerationId,
    pub(super) buffers: Vec<Buffer>,
}

/// Of the generation that was left and is still loaded.
#[derive(Clone)]
struct Beside {
    /// Its loss, where it has rings of its own.
    loss: Option<Arc<GenerationLoss>>,
    /// Its hooks that the one in charge lacks.
    gone: Vec<Arc<Seat>>,
}

/// An instance as it was after the last thing that was done to it; its counts are live.
#[derive(Clone)]
pub(super) struct View {
    pub(super) identity: Identity,
    state: InstanceState,
    watch: Option<Watch>,
    staged: Option<Staged>,
    pub(super) shown: Shown,
    pub(super) object: Arc<Object>,
    /// Weak: the generation's maps close with it, whoever still has a view.
    pub(super) loaded: Weak<Loaded>,
    pub(super) hooks: Vec<PlannedHook>,
    pub(super) seats: Vec<Arc<Seat>>,
    loss: Arc<GenerationLoss>,
    loss_before: Measured,
    /// What had been accepted, and lost, when the generation in charge took over.
    mark: (u64, Measured),
    timed_from: Vec<Timed>,
    beside: Option<Beside>,
    told: Option<Arc<Told>>,
    pub(super) metrics: Arc<Metrics>,
    counters: Arc<Counters>,
    sinks: SinkTally,
    pub(super) hub: Arc<Hub>,
    pub(super) history: Arc<History>,
}

impl View {
    /// An instance as it is now.
    pub(super) fn of(running: &Running) -> Self {
        let charge = &running.charge;
        let beside = running.beside.as_ref().map(|beside| {
            let gone = beside.seats_without(&charge.seats).cloned();
            // The same rings count for both where only the handler is another.
            let own = (!beside.shares_all_with(charge)).then(|| Arc::clone(&beside.loss));
            Beside {
                loss: own,
                gone: gone.collect(),
            }
        });
        Self {
            identity: running.identity.clone(),
            state: if running.paused {
                InstanceState::Paused
            } else {
                InstanceState::Running
            },
            watch: watch(running),
            staged: running.staged.as_ref().map(Waiting::shown),
            shown: charge.shown.clone(),
            object: Arc::clone(&charge.object),
            loaded: Arc::downgrade(&charge.loaded),
            hooks: charge.hooks.clone(),
            seats: charge.seats.clone(),
            loss: Arc::clone(&charge.loss),
            loss_before: running.loss_before,
            mark: (charge.mark.accepted, charge.mark.lost),
            timed_from: charge.timed_from.clone(),
            beside,
            told: charge.told.clone(),
            metrics: Arc::clone(&running.metrics),
            counters: Arc::clone(&running.counters),
            sinks: running.sinks.clone(),
            hub: Arc::clone(&running.hub),
            history: Arc::clone(&running.history),
        }
    }

    /// The proofs of the instance's starts and updates in this life, oldest first.
    pub(super) fn proofs(&self) -> Vec<Proof> {
        let proofs = self.history.proofs_of(self.identity.started_ms);
        proofs.cloned().collect()
    }

    /// The last of these.
    pub(super) fn last_proof(&self) -> Option<&Proof> {
        self.history.proofs_of(self.identity.started_ms).next_back()
    }

    /// When what is staged is to take over, milliseconds since 1970.
    pub(super) fn staged_at_ms(&self) -> Option<u64> {
        self.staged.as_ref()?.at_ms
    }

    /// The instance in the words of the API.
    pub(super) fn instance(&self) -> Instance {
        let hooks = self
            .hooks
            .iter()
            .zip(&self.seats)
            .map(|(planned, seat)| Hook {
                program: planned.program.clone(),
                kind: planned.hook.kind_name().to_owned(),
                target: planned.hook.target_name(),
                strategy: planned.hook.strategy().word().to_owned(),
                strategy_reason: planned.hook.strategy_reason().map(str::to_owned),
                state: seat.state(),
                falls_through: seat.falls_through(),
                excused: seat.excused(),
                missed: seat.missed(),
            });
        Instance {
            id: self.identity.id,
            name: self.identity.name.to_string(),
            payload: self.shown.payload.clone(),
            version: self.shown.id.version.clone(),
            digest: self.shown.id.digest.clone(),
            generation: self.shown.id.generation,
            state: self.state,
            watch: self.watch.clone(),
            staged: self.staged.clone(),
            rolled_back: self.last_proof().and_then(|proof| {
                let back = proof.rolled_back.as_ref();
                let back = back.filter(|back| back.automatic);
                back.map(|back| back.reason.clone())
            }),
            trust: self.shown.trust,
            signers: self.shown.signers.clone(),
            owner: self.identity.owner.clone(),
            hooks: hooks.collect(),
            buffers: self.shown.buffers.clone(),
            handler: self.told.as_ref().map(|told| told.shown()),
            counts: Counts {
                kernel_lost: self.kernel_lost(),
                sinks: self.sinks.counts(),
                ..self.counters.counts()
            },
            started_ms: self.identity.started_ms,
        }
    }

    /// The answer to the start or update that led here.
    pub(super) fn applied(&self) -> Option<Applied> {
        let proof = self.last_proof()?.clone();
        Some(Applied {
            instance: self.instance(),
            proof,
        })
    }

    /// What the generation in charge did since it took over.
    pub(super) fn since_flip(&self) -> SinceFlip {
        let (accepted, lost) = self.mark;
        let perf_lost = Measured::Known(self.counters.perf_lost());
        let until: Timed = self.seats.iter().map(|seat| seat.timed()).sum();
        let timed = until.since(self.timed_from.iter().copied().sum());
        SinceFlip {
            accepted: self.counters.counts().accepted.saturating_sub(accepted),
            kernel_lost: minus(plus(self.loss.read(), perf_lost), lost),
            handler_faults: self.told.as_ref().map_or(0, |told| told.shown().faults),
            runs: timed.runs,
            run_ns: timed.ns,
        }
    }

    /// Records that full rings and perf buffers refused, and runs that the kernel skipped, over all
    /// generations.
    pub(super) fn kernel_lost(&self) -> Measured {
        let beside = self.beside.iter();
        let gone = beside.clone().flat_map(|beside| &beside.gone);
        let loss = beside.filter_map(|beside| beside.loss.as_deref());
        let loss = loss.map(GenerationLoss::read);
        let loss = loss.fold(Measured::Known(0), plus);
        let seats = self.seats.iter().chain(gone);
        let missed: u64 = seats.map(|seat| seat.missed()).sum();
        let counted = Measured::Known(self.counters.perf_lost() + missed);
        let loaded = plus(self.loss.read(), loss);
        plus(plus(self.loss_before, loaded), counted)
    }
}

/// The watch in the words of the API: its end by the clock of the wall.
fn watch(running: &Running) -> Option<Watch> {
    let (State::Watching(watch), Some(before)) = (running.state, &running.beside) else {
        return None;
    };
    let now_ms = (running.clock.wall_us)() / 1000;
    let left_ms = watch.until_ms.saturating_sub(running.clock.ms());
    Some(Watch {
        before: before.shown.id.clone(),
        until_ms: watch.paused_ms.is_none().then_some(now_ms + left_ms),
    })
}
