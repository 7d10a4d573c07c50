//! A handler that failed: begun again from the checkpoint, undone, or given up. A part of `feed`.
//! Must never lose a record on the way, nor have one put out by a handler that was undone.

use handler::effects::Level;
use handler::fault::Fault;

use super::super::handling::Handling;
use super::super::health::Stand;
use super::super::source::{Batch, Source};
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
        let (is_another, skipped) = handling.search(given);
        if is_another {
            let stand = handling.health.failed(now.ms);
            if skipped.is_none() || stand != Stand::Works {
                let line = format!("its handler failed: {reason}");
                (out.tell)(Level::Error, &line);
            }
            if stand != Stand::Works {
                self.rest(stand, out);
                return;
            }
        }
        if let Some(skipped) = skipped {
            handling.skips.push(skipped);
            let (ring, position) = (skipped.ring, skipped.start);
            let line = format!(
                "a record is skipped, on which its handler fails: source {ring}, position {position}: {reason}"
            );
            (out.tell)(Level::Error, &line);
        }
        self.rewind();
        let Some(handling) = &mut self.handling else {
            return;
        };
        if let Err(reason) = handling.begin_again() {
            self.give_up(&reason, now, out);
        }
    }

    /// A checkpoint behind all that was put out, for whoever goes on from there. A handler that fails
    /// meanwhile is begun again and given what it had handled, until it has come so far or rests.
    pub(super) fn check_whole(&mut self, now: Now, out: &mut Out<'_>) {
        // Records that were put out before yield nothing that could be.
        let mut batch = Batch::default();
        loop {
            for index in 0..self.sources.len() {
                while self.is_behind(index) && self.handle(index, &mut batch, now, out) {}
            }
            let stuck = self.is_replaying();
            if !stuck {
                self.check(now, out);
            }
            if stuck || !self.is_replaying() {
                return;
            }
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

impl Handling {
    /// Goes on with the search for the record that it fails on, where it was given any. Whether this is
    /// another fault than before, and the record where it is found.
    fn search(&mut self, given: Option<Given>) -> (bool, Option<Given>) {
        let Some(given) = given else {
            return (true, None);
        };
        match after_failure(self.suspect, given) {
            Next::First(suspect) => {
                self.suspect = Some(suspect);
                (true, None)
            }
            Next::Fewer(suspect) => {
                self.suspect = Some(suspect);
                (false, None)
            }
            Next::Skip { behind, is_another } => {
                self.suspect = behind;
                (is_another, Some(given))
            }
        }
    }
}
