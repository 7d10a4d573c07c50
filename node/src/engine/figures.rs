//! What an instance has counted: the sums that watches and proofs are made of. A part of `running`.
//! Must never count anything twice.

use api::node::{Measured, Proof};

use super::running::Running;
use super::watch::{SinkTally, Tally};
use crate::instance::loss::{minus, plus};

/// Sums up to a proof.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proved {
    through: u64,
    lost: Measured,
}

impl Default for Proved {
    fn default() -> Self {
        Self {
            through: 0,
            lost: Measured::Known(0),
        }
    }
}

impl Running {
    /// The sums until now, as a watch looks at them.
    pub(super) fn tally(&self) -> Tally {
        let counts = self.counters.counts();
        let lost = Measured::Known(self.counters.perf_lost());
        let sinks = self.sinks.counts().into_iter().map(|counts| SinkTally {
            sink: counts.sink,
            delivered: counts.delivered,
            lost: counts.lost_in_sink,
        });
        Tally {
            falls_through: self.falls_through(),
            lost: plus(self.charge.loss.read(), lost),
            accepted: counts.accepted,
            malformed: counts.malformed,
            sinks: sinks.collect(),
            slow: self.slow(),
            handler_failed: self.charge.told.as_ref().and_then(|told| told.failed()),
            reader_dead: self.reader.is_dead(),
        }
    }

    /// What fell through at the hooks of the generation in charge.
    pub(super) fn falls_through(&self) -> u64 {
        let seats = self.charge.seats.iter();
        seats.map(|seat| seat.falls_through()).sum()
    }

    /// Completes a proof with what was counted since the one before it.
    pub(super) fn complete(&mut self, proof: &mut Proof) {
        let gone = self.beside.iter().flat_map(|beside| {
            let gone = beside.seats_without(&self.charge.seats);
            gone.map(|seat| seat.falls_through())
        });
        let through = self.through_before + self.falls_through() + gone.sum::<u64>();
        let lost = self.view().kernel_lost();
        proof.instance = self.identity.name.to_string();
        proof.falls_through = through.saturating_sub(self.proved.through);
        if proof.lost == Measured::Known(0) {
            proof.lost = minus(lost, self.proved.lost);
        }
        self.proved = Proved { through, lost };
    }
}
