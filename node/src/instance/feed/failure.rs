//! A handler that failed: begun again from the checkpoint, undone, or given up. A part of `feed`.
//! Must never lose a record on the way, nor have one put out by a handler that was undone.

use handler::effects::Level;
use handler::fault::Fault;

use super::super::handling::SKIPS_MAX;
use super::super::health::Stand;
use super::super::source::Source;
use super::super::suspect::{Given, Next, after_failure};
use super::{Feed, Now, Out};

impl Feed {
    /// The handler failed, on these records where it was given any.
    pub(super) fn failed(
        &mut self,
        fault: &Fault,
        given: Option<Given>,
        now: Now,
        out: &mut Out<'_>,
    ) {
        let Some(handling) = &mut self.handling else {
            return;
        };
        let reason = fault.to_string();
        handling.told.fault(&reason);
        handling.guest = None;
        if handling.probation.is_some() {
            self.fail_probation(&reason, now, out);
            return;
        }
        let counts = given.is_none_or(|given| {
            match after_failure(handling.suspect, given) {
                Next::First(suspect) => {
                    handling.suspect = Some(suspect);
                    return true;
                }
                Next::Fewer(suspect) => handling.suspect = Some(suspect),
                Next::Skip(suspect) => {
                    handling.suspect = suspect;
                    handling.skips.push(given);
                    let (ring, position) = (given.ring, given.start);
                    let line = format!("a record is skipped, on which its handler fails: source {ring}, position {position}: {reason}");
                    (out.tell)(Level::Error, &line);
                }
            }
            handling.skips.len() > SKIPS_MAX
        });
        if counts {
            let line = format!("its handler failed: {reason}");
            (out.tell)(Level::Error, &line);
            let stand = handling.health.failed(now.ms);
            if stand != Stand::Works {
                self.rest(stand, out);
                return;
            }
        }
        self.rewind();
        let Some(handling) = &mut self.handling else {
            return;
        };
        if let Err(reason) = handling.begin_again() {
            self.give_up(&reason, now, out);
        }
    }

    /// It can't go on as it is, for this reason.
    pub(super) fn give_up(&mut self, reason: &str, now: Now, out: &mut Out<'_>) {
        let Some(handling) = &mut self.handling else {
            return;
        };
        handling.told.fault(reason);
        let stand = handling.health.give_up(now.ms);
        self.rest(stand, out);
    }

    /// One that had just taken over: the one before goes on from the same record, or where there is
    /// none on these rings, the records are decoded plainly.
    fn fail_probation(&mut self, reason: &str, now: Now, out: &mut Out<'_>) {
        self.rewind();
        let (from, former) = (self.generation, self.former.take());
        let Some(handling) = &mut self.handling else {
            return;
        };
        let Some(former) = former else {
            handling.probation = None;
            let line = format!("its handler failed on probation: {reason}");
            (out.tell)(Level::Error, &line);
            let stand = handling.health.give_up(now.ms);
            self.mark();
            self.rest(stand, out);
            return;
        };
        let to = former.generation;
        handling.told.undone(reason);
        *handling = former.handling;
        handling.show_metrics();
        self.number(to);
        self.mark();
        let line = format!(
            "the handler of generation {from} failed on probation, that of generation {to} goes on: {reason}"
        );
        (out.tell)(Level::Error, &line);
    }

    /// Records are decoded plainly, from what was put out last on.
    pub(super) fn rest(&mut self, stand: Stand, out: &mut Out<'_>) {
        self.rewind();
        let Some(handling) = &mut self.handling else {
            return;
        };
        for (source, flushed) in self.sources.iter_mut().zip(&handling.flushed) {
            if let Some(ring) = source.ring_mut() {
                let bytes = flushed.saturating_sub(ring.position());
                ring.pass_over(bytes);
                ring.commit();
            }
        }
        handling.rest(stand);
        let line = match stand {
            Stand::Quarantined => "its handler is not tried again: events are decoded plainly",
            Stand::Rests { .. } | Stand::Works => {
                "its handler rests: events are decoded plainly until it is tried again"
            }
        };
        (out.tell)(Level::Error, line);
    }

    /// Its rest is over.
    pub(super) fn try_again(&mut self, now: Now, out: &mut Out<'_>) {
        let Some(handling) = &mut self.handling else {
            return;
        };
        match handling.begin_again() {
            Ok(()) => {
                handling.health.works();
                handling.told.stands(Stand::Works, false);
                handling.checked_ms = now.ms;
                self.mark();
                (out.tell)(Level::Info, "its handler is tried again");
            }
            Err(reason) => self.give_up(&reason, now, out),
        }
    }

    /// Every ring from what was given back last.
    pub(super) fn rewind(&mut self) {
        for ring in self.sources.iter_mut().filter_map(Source::ring_mut) {
            ring.rewind();
        }
    }
}
