//! One handler follows another: with the rings of its own generation, or on the same ones. A part of
//! `feed`. Must never have two handlers put out the same record.

use handler::effects::Level;
use handler::{Reason, State};

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
        self.check_whole(now, out);
        for source in &mut self.sources {
            source.begin_anew();
        }
    }

    /// Tells its handler that the instance ends, behind the last record: what it says to that is put
    /// out.
    pub(crate) fn shut_down(&mut self, batch: &mut Batch, now: Now, out: &mut Out<'_>) {
        let Some(handling) = &mut self.handling else {
            return;
        };
        let Some(guest) = &mut handling.guest else {
            return;
        };
        guest.suppress(false);
        match guest.shutdown(Reason::Stop) {
            Ok(()) => self.put_out_own(batch, now, out),
            Err(fault) => {
                let reason = fault.to_string();
                handling.told.fault(&reason);
                let line = format!("its handler failed at the end: {reason}");
                (out.tell)(Level::Error, &line);
            }
        }
    }

    /// Takes over from a feed that has been read to its end and settled: a handler that has not begun
    /// begins with its state, one that was left goes on.
    pub(crate) fn take_over(&mut self, before: &Self, now: Now, out: &mut Out<'_>) -> Turned {
        for source in &mut self.sources {
            source.begin_anew();
        }
        self.mark();
        let Some(handling) = &mut self.handling else {
            return Turned::None;
        };
        if handling.has_begun() {
            return handling.go_on(before.state(), now.ms);
        }
        handling.show_metrics();
        match handling.begin_behind(before.state(), now.ms) {
            Ok(begun) => Turned::Begun(begun),
            Err(error) => {
                let reason = error.to_string();
                self.give_up(&reason, now, out);
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
        self.check_whole(now, out);
        let begun = next.begin_behind(self.state(), now.ms)?;
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
        Some(handling.go_on(state.as_ref(), now.ms))
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

    /// Puts out what was held back. The first checkpoint is the caller's to take.
    pub(super) fn end_probation(&mut self, now: Now, out: &mut Out<'_>) {
        let handling = self.handling.as_mut();
        let held = handling.and_then(Handling::end_probation);
        let Some(held) = held.filter(|held| !held.is_empty()) else {
            return;
        };
        for source in &self.sources {
            source.note(&held, now.wall_us);
        }
        (out.deliver)(&held);
    }

    /// Records that perf buffers refused since it was last asked.
    pub(crate) fn perf_lost(&mut self) -> u64 {
        self.sources.iter_mut().map(Source::perf_lost).sum()
    }
}
