//! A running instance: its gate, the generation in charge, the one beside it. Used by the engine
//! under the instance's lock; `course` changes the generations.
//! Must never leave two generations, or none, in charge.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::node::{Measured, Owner, Steps};

use super::arm::{advance, arm, flip};
use super::figures::Proved;
use super::generation::Generation;
use super::history::{History, Link, Original};
use super::keeper::File;
use super::keeping::{From, Keeping};
use super::machine::{Input, State, step};
use super::prepare::{Before, Prepared};
use super::record::Stands;
use super::room::Pauses;
use super::stage::Waiting;
use super::view::{Identity, View};
use super::watching::HookSpeed;
use super::{ApplyError, NotYours, proof};
use crate::fault;
use crate::instance::counters::Counters;
use crate::instance::feed::Feed;
use crate::instance::handling::Tell;
use crate::instance::metrics::Metrics;
use crate::instance::reader::{Drained, Reader, ReaderDead};
use crate::kernel::gate::{Gate, Lane};
use crate::kernel::grace;
use crate::kernel::pins::Place;
use crate::kernel::seat::Seat;
use crate::kernel::timing::Timing;
use crate::sink::hub::Hub;
use crate::sink::{SinkTally, Sinks};

/// The engine's time: one clock that only goes forward, and the one of the wall.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// When the engine was made.
    pub(super) began: Instant,
    /// Microseconds since 1970.
    pub(super) wall_us: fn() -> u64,
}

impl Clock {
    /// Milliseconds since the engine was made.
    pub(super) fn ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// An instance and the generations of it that are loaded.
pub(crate) struct Running {
    pub(super) identity: Identity,
    pub(super) paused: bool,
    /// Where it stands between two generations.
    pub(super) state: State,
    /// In charge.
    pub(super) charge: Generation,
    /// The other one that is loaded: it was left, and the one in charge is watched, or it is about
    /// to be let go.
    pub(super) beside: Option<Generation>,
    /// Loaded, in no lane, waiting for its flip.
    pub(super) staged: Option<Waiting>,
    pub(super) gate: Gate,
    pub(super) reader: Reader,
    /// The highest number that a generation had.
    pub(super) last_number: u64,
    /// What generations that are gone lost.
    pub(super) loss_before: Measured,
    /// What fell through at hooks that are gone.
    pub(super) through_before: u64,
    pub(super) counters: Arc<Counters>,
    /// The metrics of its handlers.
    pub(super) metrics: Arc<Metrics>,
    pub(super) sinks: SinkTally,
    pub(super) hub: Arc<Hub>,
    pub(super) history: Arc<History>,
    pub(super) pauses: Pauses,
    pub(super) clock: Clock,
    /// What outlives the daemon.
    pub(super) keeping: Option<Keeping>,
    /// The sums of the newest proof.
    pub(super) proved: Proved,
    /// Has its programs' runs timed, while two generations are compared.
    pub(super) timing: Option<Timing>,
    /// How long the runs of the watched generation take, by hook.
    pub(super) speeds: Vec<HookSpeed>,
}

/// What an instance starts with beside its first generation.
pub(super) struct Beginning {
    pub(super) identity: Identity,
    pub(super) hub: Arc<Hub>,
    pub(super) sinks: Sinks,
    pub(super) history: Arc<History>,
    pub(super) clock: Clock,
    pub(super) keeping: Option<Keeping>,
    /// Where lines of its handlers' logs go.
    pub(super) tell: Box<Tell>,
}

impl Beginning {
    /// The instance, with this generation in charge; its reader begins with `feed`.
    pub(super) fn with(
        self,
        gate: Gate,
        charge: Generation,
        feed: Feed,
        metrics: Arc<Metrics>,
    ) -> Result<Running, ApplyError> {
        let Self {
            identity,
            hub,
            sinks,
            history,
            clock,
            keeping,
            tell,
        } = self;
        let counters = Arc::new(Counters::default());
        let tally = sinks.tally();
        let (name, counting) = (identity.name.as_str(), Arc::clone(&counters));
        let reader = Reader::start(name, feed, sinks, counting, (clock.wall_us, tell))
            .map_err(|source| ApplyError::machine("the instance's reader", source))?;
        Ok(Running {
            last_number: charge.number,
            identity,
            paused: false,
            state: State::Steady,
            charge,
            beside: None,
            staged: None,
            gate,
            reader,
            loss_before: Measured::Known(0),
            through_before: 0,
            counters,
            metrics,
            sinks: tally,
            hub,
            history,
            pauses: Pauses::default(),
            clock,
            keeping,
            proved: Proved::default(),
            timing: None,
            speeds: Vec::new(),
        })
    }
}

impl Running {
    /// Starts an instance: every hook is attached to the empty lane, then one store puts them all
    /// in charge at once.
    pub(super) fn start(
        mut beginning: Beginning,
        prepared: Prepared,
        (original, file): (Option<Original>, Option<File>),
    ) -> Result<Self, ApplyError> {
        let gate =
            Gate::new().map_err(|source| ApplyError::machine("the instance's gate", source))?;
        if let Some(keeping) = &mut beginning.keeping {
            keeping.begin(&gate)?;
        }
        let keeping = beginning.keeping.as_ref();
        let place = keeping.and_then(Keeping::place);
        let (steps, metrics) = (prepared.steps, Arc::clone(&prepared.metrics));
        let armed = arm((&gate, place), &[], &prepared, Lane::FIRST)?;
        let mut charge = Generation::armed(prepared, Lane::FIRST, armed.seats, original);
        if let Some(place) = place {
            charge.pin(place)?;
        }
        let mut feed = std::mem::take(&mut charge.feed);
        if let Some(keeping) = keeping {
            feed = keeping.noted(charge.lane, feed, From::Beginning);
        }
        let mut running = beginning.with(gate, charge, feed, metrics)?;
        running.intend(None, file)?;
        fault::at("start intended");
        running.begin(steps, armed.took)?;
        Ok(running)
    }

    /// The flip of a start, and its proof.
    fn begin(&mut self, steps: Steps, armed: Duration) -> Result<(), ApplyError> {
        let charge = &self.charge;
        advance(&charge.seats, &charge.hooks, &charge.loaded, None)?;
        let flip = flip(&self.gate, charge.lane);
        fault::at("start flip");
        let at_us = (self.clock.wall_us)();
        let times = proof::Times {
            armed,
            flip,
            grace: self.settle()?,
            ..Default::default()
        };
        let charge = &self.charge;
        let mut proof = proof::start(&charge.shown, &charge.hooks, charge.maps.clone(), at_us);
        proof.steps = times.added_to(steps);
        self.complete(&mut proof);
        let (payload, link) = (self.charge.shown.payload.clone(), self.link());
        Arc::make_mut(&mut self.history).follow(&payload, link, proof);
        Ok(())
    }

    /// The generation in charge as the history has it.
    pub(super) fn link(&self) -> Link {
        Link {
            started_ms: self.identity.started_ms,
            id: self.charge.shown.id.clone(),
            original: self.charge.original.clone(),
        }
    }

    /// Waits until no run can still see the gate as it was; then an empty lane counts again.
    pub(super) fn settle(&self) -> Result<Duration, ApplyError> {
        let started = Instant::now();
        grace::wait()
            .map_err(|source| ApplyError::machine("the grace period after the flip", source))?;
        if !self.paused {
            self.charge
                .seats
                .iter()
                .for_each(|seat| seat.hold_to_account());
        }
        Ok(started.elapsed())
    }

    /// Whether `owner` may change it.
    ///
    /// # Errors
    /// It is somebody else's.
    pub(super) fn check_owner(&self, owner: &Owner) -> Result<(), NotYours> {
        Identity::check(&self.identity.name, &self.identity.owner, owner)
    }

    /// Says whose it is now.
    pub(super) fn adopt(&mut self, owner: &Owner) {
        if self.identity.owner != *owner {
            self.identity.owner = owner.clone();
            self.note();
        }
    }

    /// Where it is pinned.
    pub(super) fn place(&self) -> Option<&Arc<Place>> {
        self.keeping.as_ref()?.place()
    }

    /// Leaves it running for the next daemon, which goes on with what is not read yet.
    pub(super) fn leave(self) {
        self.note_left();
        // What a drop would detach and unpin is the next one's.
        let mut running = ManuallyDrop::new(self);
        running.reader.leave();
        running.hub.close();
    }

    /// Detaches every hook and reads the events to their end.
    pub(super) fn stop(self) {
        // Where the disk does not take it, a crash in the next moments would start it again.
        let _intended = self.intend_as(Stands::Stopping, None, None);
        fault::at("stop intended");
        let Self {
            gate,
            charge,
            beside,
            staged,
            reader,
            hub,
            keeping,
            ..
        } = self;
        drop(staged);
        let left = beside.iter().flat_map(|beside| &beside.seats);
        let seats: Vec<Arc<Seat>> = charge.seats.iter().chain(left).cloned().collect();
        for seat in &seats {
            seat.excuse();
        }
        gate.flip(Lane::EMPTY);
        for seat in &seats {
            seat.remove();
        }
        let Generation { loaded, pins, .. } = charge;
        drop((seats, beside));
        // Without a grace period the last runs may still write; what they write is not read.
        let _waited = grace::wait();
        // A dead reader has nothing left to read.
        let _drained: Result<Drained, ReaderDead> = reader.finish();
        drop((loaded, pins, keeping));
        hub.close();
    }

    /// Points the gate at the empty lane, or back; a program that no switch serves is detached, or
    /// attached again.
    pub(super) fn set_paused(&mut self, paused: bool) -> Result<(), ApplyError> {
        if paused == self.paused {
            return Ok(());
        }
        let charge = &self.charge;
        if paused {
            self.intend_as(Stands::Paused, None, None)?;
            fault::at("pause intended");
            for seat in &charge.seats {
                seat.excuse();
                seat.detach();
            }
            self.gate.flip(Lane::EMPTY);
        } else {
            advance(&charge.seats, &charge.hooks, &charge.loaded, None)?;
            self.gate.flip(charge.lane);
        }
        fault::at("pause flip");
        self.paused = paused;
        let input = if paused {
            Input::Paused
        } else {
            Input::Resumed
        };
        // It has nothing to be done for either.
        (self.state, _) = step(self.state, input, self.clock.ms());
        let _waited = self.settle()?;
        if paused {
            return Ok(());
        }
        // Up to here the next daemon would have it paused.
        self.intend(None, None)
    }

    /// Attaches hooks again whose target had gone away and is back.
    pub(super) fn mend(&self) {
        let charge = &self.charge;
        for (seat, planned) in charge.seats.iter().zip(&charge.hooks) {
            seat.mend(planned.member(&charge.loaded));
        }
    }

    /// What the next generation is to follow.
    pub(super) fn before(&self) -> Before<'_> {
        Before {
            charge: &self.charge,
            reader: &self.reader,
            metrics: &self.metrics,
        }
    }

    /// What can be told of the instance without its lock.
    pub(super) fn view(&self) -> View {
        View::of(self)
    }
}
