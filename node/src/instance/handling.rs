//! A generation's handler as the reader runs it: the guest, what it can be begun anew from, and what
//! is told of it. Changed by `feed` alone.
//! Must never be begun anew from a state that is newer than what was given back to the rings.

use std::sync::Arc;

use handler::effects::{Change, Level, Series};
use handler::fault::Fault;
use handler::{Guest, State};

use super::feed::Turned;
use super::health::{Health, Stand};
use super::metrics::{Metrics, Seat};
use super::source::Batch;
use super::suspect::{Given, Suspect};
use super::told::Told;

/// How long a handler that has just taken over is on probation, milliseconds.
pub(super) const PROBATION_MS: u64 = 2_000;

/// Makes a guest with its windows, on which nothing was called yet.
pub(crate) type Maker = dyn Fn() -> Result<Guest, Fault> + Send;

/// What a handler's payload says of its state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// What is done where there is a state of before.
    pub(crate) carry: Carry,
    /// Schemas of states that it goes on with.
    pub(crate) accepts: Vec<u32>,
}

/// What becomes of the state of the handler before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Carry {
    /// Goes on, or begins anew where it can't.
    #[default]
    Offered,
    /// Goes on, or the update is refused.
    Require,
    /// Begins anew.
    Fresh,
}

/// How a handler came to its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Begun {
    /// With the state of the one before.
    Carried,
    /// Without, and why.
    Fresh(&'static str),
    /// Without, since that was refused: by whom and why.
    Anew(String),
}

/// Why a handler can't begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BeginError {
    /// It may only go on with the state of before, and doesn't.
    #[error(
        "the handler does not go on with the state of the one before, as its payload requires: {0}"
    )]
    State(String),
    /// It fails or refuses without any.
    #[error("the handler does not start: {0}")]
    Start(String),
}

/// Why a handler is refused before it takes over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TrialError {
    /// It does not begin.
    #[error(transparent)]
    Begin(#[from] BeginError),
    /// It asks for a map that its manifest does not name for it.
    #[error(
        "the handler asks for map {map}, to which its manifest gives it no right: name it in [handler.maps]"
    )]
    Denied {
        /// The map.
        map: String,
    },
}

/// A handler and what it can be begun anew from.
pub(crate) struct Handling {
    maker: Box<Maker>,
    terms: Terms,
    /// Absent while it rests.
    pub(super) guest: Option<Guest>,
    /// The state at what was given back to the rings last.
    pub(super) state: Option<State>,
    /// When that was taken, milliseconds of the reader's clock.
    pub(super) checked_ms: u64,
    /// Up to where outputs were put out, or are held back; by source.
    pub(super) flushed: Vec<u64>,
    pub(super) suspect: Option<Suspect>,
    /// Records that are left out, until they are given back: no more than faults are borne.
    pub(super) skips: Vec<Given>,
    pub(super) health: Health,
    pub(super) probation: Option<Probation>,
    pub(super) told: Arc<Told>,
    metrics: Arc<Metrics>,
    /// The guest's series, and their places.
    series: Vec<Series>,
    seats: Vec<Seat>,
    begun: bool,
}

/// The first time of a handler that took over: what it puts out is held back, so that nothing of it
/// was there if it fails.
#[derive(Default)]
pub(super) struct Probation {
    pub(super) until_ms: u64,
    pub(super) held: Batch,
    changes: Vec<Change>,
}

/// Where lines of a handler's log go.
pub(crate) type Tell = dyn Fn(Level, &str) + Send;

impl Handling {
    /// One whose guest is made and not begun.
    pub(crate) fn new(
        maker: Box<Maker>,
        guest: Guest,
        terms: Terms,
        told: Arc<Told>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            maker,
            terms,
            guest: Some(guest),
            state: None,
            checked_ms: 0,
            flushed: Vec::new(),
            suspect: None,
            skips: Vec::new(),
            health: Health::default(),
            probation: None,
            told,
            metrics,
            series: Vec::new(),
            seats: Vec::new(),
            begun: false,
        }
    }

    /// Whether it has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Begins as the first one of its instance.
    ///
    /// # Errors
    /// [`TrialError`].
    pub(crate) fn begin_first(&mut self) -> Result<(), TrialError> {
        self.show_metrics();
        self.begin_with_rights(None)?;
        self.drop_effects();
        Ok(())
    }

    /// Begins behind another one: what it puts out is held back for a while.
    ///
    /// # Errors
    /// [`BeginError`].
    pub(super) fn begin_behind(
        &mut self,
        previous: Option<&State>,
        now_ms: u64,
    ) -> Result<Begun, BeginError> {
        let begun = self.begin(previous)?;
        self.drop_effects();
        self.try_out(now_ms);
        self.checked_ms = now_ms;
        Ok(begun)
    }

    /// Goes on where it was left, with the state of the one that had followed it where it takes that.
    pub(super) fn go_on(&mut self, state: Option<&State>, now_ms: u64) -> Turned {
        self.show_metrics();
        self.checked_ms = now_ms;
        let taken = state.filter(|state| self.works() && self.accepts(state));
        let Some(state) = taken else {
            return Turned::Kept;
        };
        let own = self.state.replace(state.clone());
        let frozen = self.guest.take();
        if self.begin_again().is_ok() {
            return Turned::Begun(Begun::Carried);
        }
        self.state = own;
        self.guest = frozen;
        Turned::Kept
    }

    /// Begins, with the state of the handler before where its terms and itself let it.
    ///
    /// # Errors
    /// [`BeginError`].
    fn begin(&mut self, previous: Option<&State>) -> Result<Begun, BeginError> {
        self.begun = true;
        let refused = match self.fitting(previous) {
            Ok(None) => None,
            Err(reason) => Some(reason),
            Ok(Some(state)) => match self.init(Some(state)) {
                Ok(()) => {
                    self.state = Some(state.clone());
                    return Ok(Begun::Carried);
                }
                Err(reason) => Some(reason),
            },
        };
        if let Some(reason) = &refused {
            if self.terms.carry == Carry::Require {
                return Err(BeginError::State(reason.clone()));
            }
            // What refused a state may have taken half of it.
            let anew = (self.maker)().map_err(|fault| BeginError::Start(fault.to_string()))?;
            self.guest = Some(anew);
            self.series.clear();
        }
        self.init(None).map_err(BeginError::Start)?;
        self.state = None;
        Ok(match (refused, self.terms.carry) {
            (Some(reason), _) => Begun::Anew(reason),
            (None, Carry::Fresh) => Begun::Fresh("its payload asks for that"),
            (None, Carry::Offered | Carry::Require) => Begun::Fresh("there was no state before"),
        })
    }

    /// Begins as it would, to see whether it does: of no use behind that.
    ///
    /// # Errors
    /// [`TrialError`].
    pub(crate) fn try_begin(&mut self, previous: Option<&State>) -> Result<(), TrialError> {
        if let Some(guest) = &mut self.guest {
            guest.suppress(true);
        }
        self.begin_with_rights(previous)
    }

    /// Begins, and asks for no map without a right to it.
    fn begin_with_rights(&mut self, previous: Option<&State>) -> Result<(), TrialError> {
        let begun = self.begin(previous);
        let effects = self.guest.as_mut().map(Guest::effects);
        if let Some(map) = effects.and_then(|effects| effects.denied.first().cloned()) {
            return Err(TrialError::Denied { map });
        }
        Ok(begun.map(drop)?)
    }

    /// The state of before that it may go on with.
    fn fitting<'a>(&self, previous: Option<&'a State>) -> Result<Option<&'a State>, String> {
        let Some(state) = previous.filter(|_| self.terms.carry != Carry::Fresh) else {
            return Ok(None);
        };
        if self.terms.accepts.contains(&state.schema) {
            return Ok(Some(state));
        }
        Err(format!(
            "it accepts states of the schemas {:?}, this one is of schema {}",
            self.terms.accepts, state.schema
        ))
    }

    fn init(&mut self, previous: Option<&State>) -> Result<(), String> {
        let Some(guest) = &mut self.guest else {
            return Err("it has failed before".to_owned());
        };
        match guest.init(previous) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(reason)) => Err(format!("it says: {reason}")),
            Err(fault) => Err(fault.to_string()),
        }
    }

    /// Makes a guest that goes on from the last checkpoint.
    pub(super) fn begin_again(&mut self) -> Result<(), String> {
        self.guest = None;
        self.series.clear();
        self.seats.clear();
        self.guest = Some((self.maker)().map_err(|fault| fault.to_string())?);
        let state = self.state.take();
        let begun = self.init(state.as_ref());
        self.state = state;
        match begun {
            Ok(()) => self.drop_effects(),
            Err(_) => self.guest = None,
        }
        begun
    }

    /// Whether events go to it.
    pub(super) fn works(&self) -> bool {
        self.guest.is_some()
    }

    /// Whether it goes on with states of this schema.
    fn accepts(&self, state: &State) -> bool {
        self.terms.accepts.contains(&state.schema)
    }

    /// From now on its metrics are those that are shown.
    pub(super) fn show_metrics(&mut self) {
        self.metrics.declare(self.told.metrics());
        let place = |series: &Series| self.metrics.place(series);
        self.seats = self.series.iter().map(place).collect();
    }

    /// Takes what the guest has asked for since the last time: lines go into `batch` behind `prefix`,
    /// each with `position` where there is one.
    pub(super) fn take(
        &mut self,
        batch: &mut Batch,
        prefix: &[u8],
        position: Option<u64>,
        tell: &Tell,
    ) {
        let Some(guest) = &mut self.guest else {
            return;
        };
        let effects = guest.effects();
        if effects.is_empty() {
            return;
        }
        for output in &effects.emitted {
            let (stream, event) = (output.stream.clone(), output.event.clone());
            let text = |range| effects.text.get(range).unwrap_or_default();
            batch.emit(prefix, position, text(stream), text(event));
        }
        for (level, line) in &effects.log {
            tell(*level, line);
        }
        for map in self.told.denied(&effects.denied) {
            tell(Level::Warn, &TrialError::Denied { map }.to_string());
        }
        self.told.used(effects);
        self.metrics
            .seat(effects, (&mut self.series, &mut self.seats));
        match &mut self.probation {
            Some(probation) => probation.changes.append(&mut effects.changes),
            None => self.metrics.change(&effects.changes, &self.seats),
        }
        effects.clear();
    }

    /// Drops what the guest has asked for, which was put out before.
    pub(super) fn drop_effects(&mut self) {
        let Some(guest) = &mut self.guest else {
            return;
        };
        let effects = guest.effects();
        self.metrics
            .seat(effects, (&mut self.series, &mut self.seats));
        effects.clear();
    }

    /// Ends the probation: gives what was held back.
    pub(super) fn end_probation(&mut self) -> Option<Batch> {
        let probation = self.probation.take()?;
        self.metrics.change(&probation.changes, &self.seats);
        self.told.stands(self.health.stand(), false);
        Some(probation.held)
    }

    /// Puts it on probation.
    fn try_out(&mut self, now_ms: u64) {
        self.probation = Some(Probation {
            until_ms: now_ms.saturating_add(PROBATION_MS),
            ..Probation::default()
        });
        self.told.stands(self.health.stand(), true);
    }

    /// It failed too often: what it does from now on.
    pub(super) fn rest(&mut self, stand: Stand) {
        self.guest = None;
        self.probation = None;
        self.suspect = None;
        self.skips.clear();
        self.told.stands(stand, false);
    }
}
