//! One handler follows another: with the rings of its own generation, or on the same ones. A part of
//! `feed`. Must never have two handlers put out the same record.

use handler::State;

use super::super::handling::{BeginError, Begun, Handling};
use super::super::source::{Batch, Source};
use super::{Feed, Former, Now, Out};

/// How a handler took over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turned {
    /// The generation has none.
    None,
    /// It began.
    Begun(Begun),
    /// It is the one that was there, as it had stood.
    Kept,
    /// It did not begin: events are decoded plainly.
    Failed(String),
}

impl Feed {
    /// Makes ready for being left: ends the probation, takes the last checkpoint.
    pub(crate) fn settle(&mut self, now: Now, out: &mut Out<'_>) {
        self.end_probation(now, out);
        let works = self.handling.as_ref().is_some_and(Handling::works);
        if works {
            self.check(now, out);
        }
        for source in &mut self.sources {
            source.begin_anew();
        }
    }

    /// Takes over from a feed that has been read to its end and settled: a handler that has not begun
    /// begins with its state, one that was left goes on.
    pub(crate) fn take_over(&mut self, before: &Self, now: Now, out: &mut Out<'_>) -> Turned {
        for source in &mut self.sources {
            source.begin_anew();
        }
        self.mark();
        let state = before.state();
        let Some(handling) = &mut self.handling else {
            return Turned::None;
        };
        handling.show_metrics();
        handling.checked_ms = now.ms;
        if handling.has_begun() {
            let state = state.filter(|state| handling.works() && handling.accepts(state));
            return match state {
                Some(state) => handling.hand_back(state),
                None => Turned::Kept,
            };
        }
        match handling.begin(state) {
            Ok(begun) => {
                handling.drop_effects();
                handling.try_out(now.ms);
                Turned::Begun(begun)
            }
            Err(error) => {
                let reason = error.to_string();
                handling.told.fault(&reason);
                let stand = handling.health.give_up(now.ms);
                self.rest(stand, out);
                Turned::Failed(reason)
            }
        }
    }

    /// Has another handler go on from here, on the same rings, as the one of this generation. The one
    /// that was there is kept as it stands.
    ///
    /// # Errors
    /// It does not begin: the one that is there goes on from the same record.
    pub(crate) fn replace(
        &mut self,
        mut next: Handling,
        generation: u64,
        now: Now,
        out: &mut Out<'_>,
    ) -> Result<Begun, BeginError> {
        self.end_probation(now, out);
        if self.handling.as_ref().is_some_and(Handling::works) {
            self.check(now, out);
        }
        let begun = next.begin(self.state())?;
        next.drop_effects();
        next.try_out(now.ms);
        next.checked_ms = now.ms;
        next.show_metrics();
        let generation_before = self.generation;
        let before = self.handling.replace(next);
        self.former = before.map(|handling| Former {
            handling,
            generation: generation_before,
        });
        self.number(generation);
        self.mark();
        Ok(begun)
    }

    /// Has the handler go on that the one in charge has followed on these rings, with the state of
    /// that one where it accepts it.
    pub(crate) fn restore(&mut self, now: Now, out: &mut Out<'_>) -> Option<Turned> {
        let former = self.former.take()?;
        self.settle(now, out);
        let state = self.state().cloned();
        self.handling = Some(former.handling);
        self.number(former.generation);
        self.mark();
        let handling = self.handling.as_mut()?;
        handling.show_metrics();
        handling.checked_ms = now.ms;
        let state = state.filter(|state| handling.works() && handling.accepts(state));
        Some(match state {
            Some(state) => handling.hand_back(&state),
            None => Turned::Kept,
        })
    }

    /// The state of its handler now.
    pub(crate) fn told_state(&mut self, now: Now, out: &mut Out<'_>) -> Option<State> {
        let handling = self.handling.as_mut()?;
        let guest = handling.guest.as_mut().filter(|guest| guest.has_state())?;
        match guest.snapshot() {
            Ok(state) => Some(state),
            Err(fault) => {
                self.failed(&fault, None, now, out);
                self.state().cloned()
            }
        }
    }

    /// Forgets the handler that the one in charge has followed.
    pub(crate) fn forget(&mut self) {
        self.former = None;
    }

    /// Puts out what was held back, and takes the first checkpoint.
    pub(super) fn end_probation(&mut self, now: Now, out: &mut Out<'_>) {
        let Some(handling) = &mut self.handling else {
            return;
        };
        let Some(held) = handling.end_probation() else {
            return;
        };
        self.put_out(&held, now, out);
        self.check(now, out);
    }

    fn put_out(&self, held: &Batch, now: Now, out: &mut Out<'_>) {
        if held.is_empty() {
            return;
        }
        for source in &self.sources {
            source.note(held, now.wall_us);
        }
        (out.deliver)(held);
    }

    /// Where each ring stands.
    pub(crate) fn perf_lost(&mut self) -> u64 {
        self.sources.iter_mut().map(Source::perf_lost).sum()
    }
}

impl Handling {
    /// It goes on with the state of the one that had followed it, where it can, else as it stood.
    fn hand_back(&mut self, state: &State) -> Turned {
        let own = self.state.replace(state.clone());
        let frozen = self.guest.take();
        if self.begin_again().is_ok() {
            self.drop_effects();
            return Turned::Begun(Begun::Carried);
        }
        self.state = own;
        self.guest = frozen;
        Turned::Kept
    }
}
