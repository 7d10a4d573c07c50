//! What can be told of an instance while a verifier works on its next generation.
//! Made by `running`, read by every listing. Must never hold what keeps programs in the kernel.

use std::sync::{Arc, Weak};

use api::node::{
    Applied, Buffer, Counts, GenerationId, Hook, Instance, InstanceState, Measured, Owner, Proof,
    Trust,
};
use payload::name::InstanceName;
use payload::object::Object;

use super::prepare::PlannedHook;
use crate::instance::counters::Counters;
use crate::instance::loss::{GenerationLoss, plus};
use crate::kernel::load::Loaded;
use crate::kernel::seat::Seat;
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

/// What is shown of a generation.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) payload: String,
    pub(super) trust: Trust,
    pub(super) signers: Vec<String>,
    pub(super) id: GenerationId,
    pub(super) buffers: Vec<Buffer>,
}

/// An instance as it was after the last thing that was done to it; its counts are live.
#[derive(Clone)]
pub(super) struct View {
    pub(super) identity: Identity,
    pub(super) state: InstanceState,
    pub(super) shown: Shown,
    pub(super) object: Arc<Object>,
    /// Weak: the generation's maps close with it, whoever still has a view.
    pub(super) loaded: Weak<Loaded>,
    pub(super) hooks: Vec<PlannedHook>,
    pub(super) seats: Vec<Arc<Seat>>,
    pub(super) loss: Arc<GenerationLoss>,
    pub(super) loss_before: Measured,
    pub(super) counters: Arc<Counters>,
    pub(super) sinks: SinkTally,
    pub(super) hub: Arc<Hub>,
    pub(super) proofs: Vec<Proof>,
}

impl View {
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
            trust: self.shown.trust,
            signers: self.shown.signers.clone(),
            owner: self.identity.owner.clone(),
            hooks: hooks.collect(),
            buffers: self.shown.buffers.clone(),
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
        let proof = self.proofs.last()?.clone();
        Some(Applied {
            instance: self.instance(),
            proof,
        })
    }

    /// Records that full rings and perf buffers refused, and runs that the kernel skipped, over all
    /// generations.
    pub(super) fn kernel_lost(&self) -> Measured {
        let missed: u64 = self.seats.iter().map(|seat| seat.missed()).sum();
        let counted = Measured::Known(self.counters.perf_lost() + missed);
        plus(plus(self.loss_before, self.loss.read()), counted)
    }
}
