//! Calls of a handler that go well: a span of records, the clock, a checkpoint. A part of `feed`.
//! Must never put out twice what a replayed span had put out before.

use handler::Guest;
use handler::fault::Fault;

use super::super::handling::Handling;
use super::super::source::{Batch, SPAN_BYTES_MAX, Source};
use super::super::suspect::{Given, after_success};
use super::{Feed, Now, Out};
use crate::kernel::ring::{Ring, Stretch, part};
use crate::kernel::sys::monotonic_ns;

/// A checkpoint is taken when this part of a ring is read since the last.
const PART_OF_RING: u64 = 4;

impl Feed {
    /// Gives the handler one span of a ring. Returns whether anything was there.
    pub(super) fn handle(
        &mut self,
        index: usize,
        batch: &mut Batch,
        now: Now,
        out: &mut Out<'_>,
    ) -> bool {
        let number = ring_number(&self.sources, index);
        let (Some(source), Some(handling)) = (self.sources.get(index), self.handling.as_mut())
        else {
            return false;
        };
        if let Some(bytes) = skipped_here(source, handling, index) {
            self.skip(index, bytes, batch, now, out);
            return true;
        }
        let (Some(ring), Some(guest)) = (source.ring(), handling.guest.as_mut()) else {
            return false;
        };
        let position = ring.position();
        let flushed = handling.flushed.get(index).copied().unwrap_or(position);
        let again = position < flushed;
        let bytes_max = bytes_max(source, handling.skips.as_slice(), index, flushed);
        let suspect = handling
            .suspect
            .filter(|suspect| suspect.ring == index && suspect.start <= position);
        let records_max = suspect.map_or(u64::MAX, |suspect| suspect.records);
        guest.suppress(again);
        let plain = !again && suspect.is_none();
        let mut called = if plain {
            walked(ring, guest, number, bytes_max)
        } else {
            None
        };
        if let Some(Ok((0, _))) = called {
            // It is shown what there is, and may say this again.
            handling.drop_effects();
            called = None;
        }
        if let (None, Some(guest)) = (&called, &mut handling.guest) {
            called = shown(ring, guest, number, (bytes_max, records_max));
        }
        match called {
            None => return false,
            Some(Ok((bytes, _))) if again => self.replayed(index, bytes, now, out),
            Some(Ok(taken)) => self.handled(index, taken, batch, now, out),
            Some(Err((fault, stretch))) => {
                let given = Given {
                    ring: index,
                    start: position,
                    end: position + stretch.bytes,
                    records: stretch.records,
                };
                let given = Some(given).filter(|_| stretch.bytes > 0);
                self.failed(&fault, given, now, out);
            }
        }
        true
    }

    /// These records had been put out before.
    fn replayed(&mut self, index: usize, bytes: u64, now: Now, out: &mut Out<'_>) {
        let Some(handling) = &mut self.handling else {
            return;
        };
        handling.drop_effects();
        if let Some(ring) = self.sources.get_mut(index).and_then(Source::ring_mut) {
            ring.pass_over(bytes);
            handling.suspect = after_success(handling.suspect, index, ring.position());
        }
        // What was replayed need not be once more.
        if !self.is_replaying() {
            self.check(now, out);
        }
    }

    fn handled(
        &mut self,
        index: usize,
        (bytes, records): (u64, u64),
        batch: &mut Batch,
        now: Now,
        out: &mut Out<'_>,
    ) {
        let Self {
            sources, handling, ..
        } = self;
        let (Some(source), Some(handling)) = (sources.get_mut(index), handling.as_mut()) else {
            return;
        };
        let left = source.left_bytes() > 0;
        let read_us = if left {
            source.left_read_us()
        } else {
            now.wall_us
        };
        batch.begin(read_us, left);
        batch.handled = records;
        let position = source.ring().map_or(0, Ring::position);
        handling.take(batch, source.prefix(), Some(position), out.tell);
        if let Some(ring) = source.ring_mut() {
            ring.pass_over(bytes);
        }
        let position = position + bytes;
        if let Some(flushed) = handling.flushed.get_mut(index) {
            *flushed = position;
        }
        source.measured(bytes, now.wall_us);
        let was_suspect = handling.suspect.is_some();
        handling.suspect = after_success(handling.suspect, index, position);
        if let Some(probation) = &mut handling.probation {
            probation.held.append(batch);
            return;
        }
        source.note(batch, read_us);
        (out.deliver)(batch);
        let full = source
            .ring()
            .is_some_and(|ring| position - ring.given_back() >= ring.size_bytes() / PART_OF_RING);
        let stateless = handling
            .guest
            .as_ref()
            .is_some_and(|guest| !guest.has_state());
        if full || was_suspect || stateless {
            self.check(now, out);
        }
    }

    /// Leaves out a record that the handler fails on.
    fn skip(&mut self, index: usize, bytes: u64, batch: &mut Batch, now: Now, out: &mut Out<'_>) {
        let Self {
            sources, handling, ..
        } = self;
        let (Some(source), Some(handling)) = (sources.get_mut(index), handling.as_mut()) else {
            return;
        };
        let Some(ring) = source.ring_mut() else {
            return;
        };
        ring.pass_over(bytes);
        let position = ring.position();
        let flushed = handling.flushed.get_mut(index);
        let Some(flushed) = flushed.filter(|flushed| position > **flushed) else {
            return;
        };
        *flushed = position;
        handling.told.skipped();
        batch.begin(now.wall_us, false);
        batch.skipped = 1;
        source.note(batch, now.wall_us);
        (out.deliver)(batch);
        self.check(now, out);
    }

    /// Tells the handler the time, once a second, and takes a checkpoint behind that.
    pub(super) fn tick(&mut self, batch: &mut Batch, now: Now, out: &mut Out<'_>) {
        let Some(handling) = self.handling.as_mut() else {
            return;
        };
        let Some(guest) = &mut handling.guest else {
            return;
        };
        guest.suppress(false);
        match guest.on_tick(monotonic_ns()) {
            Ok(()) => {
                self.put_out_own(batch, now, out);
                self.check(now, out);
            }
            Err(fault) => self.failed(&fault, None, now, out),
        }
    }

    /// Puts out what the handler said of its own accord, to no record.
    pub(super) fn put_out_own(&mut self, batch: &mut Batch, now: Now, out: &mut Out<'_>) {
        let Some(handling) = &mut self.handling else {
            return;
        };
        batch.begin(now.wall_us, false);
        handling.take(batch, &self.prefix, None, out.tell);
        if !batch.is_empty() {
            (out.deliver)(batch);
        }
    }

    /// A checkpoint: takes the handler's state, and gives back what led to it.
    pub(super) fn check(&mut self, now: Now, out: &mut Out<'_>) {
        let Some(handling) = &mut self.handling else {
            return;
        };
        let Some(guest) = &mut handling.guest else {
            return;
        };
        let taken = if guest.has_state() {
            guest.snapshot().map(Some)
        } else {
            Ok(None)
        };
        match taken {
            Ok(state) => {
                handling
                    .told
                    .checked(state.as_ref().map_or(0, |state| state.bytes.len()));
                handling.state = state;
                handling.checked_ms = now.ms;
                handling.skips.clear();
                self.give_back();
            }
            Err(fault) => self.failed(&fault, None, now, out),
        }
    }

    /// Gives back everything up to the cursors.
    pub(super) fn give_back(&mut self) {
        for ring in self.sources.iter_mut().filter_map(Source::ring_mut) {
            if ring.position() > ring.given_back() {
                ring.commit();
            }
        }
    }

    /// Whether its handler is given again what was put out before.
    pub(super) fn is_replaying(&self) -> bool {
        (0..self.sources.len()).any(|index| self.is_behind(index))
    }

    /// Whether its handler is given again what was put out of this source before.
    pub(super) fn is_behind(&self, index: usize) -> bool {
        let position = self.sources.get(index).and_then(Source::ring);
        let position = position.map(Ring::position);
        let handling = self.handling.as_ref();
        let flushed = handling.and_then(|handling| handling.flushed.get(index));
        position
            .zip(flushed)
            .is_some_and(|(position, flushed)| position < *flushed)
    }
}

/// What a handler took of a ring, bytes and records; or why it failed, and on which records.
type Taken = Result<(u64, u64), (Fault, Stretch)>;

/// Has a handler that walks through its window by itself do so. What it took is looked at behind it, when
/// the words of the records are near: a walk before it would wait for each. None where nothing is there, or
/// it does not do so; nothing taken where the first record is busy or cut.
fn walked(ring: &Ring, guest: &mut Guest, number: usize, bytes_max: u64) -> Option<Taken> {
    if !guest.walks(number) {
        return None;
    }
    let (offset, bytes) = ring.unseen(bytes_max);
    if bytes == 0 {
        return None;
    }
    let called = guest.on_window(number, part(offset), part(bytes));
    let taken = called.and_then(|taken| match u64::from(taken) {
        0 => Ok((0, 0)),
        taken => checked(ring, taken, bytes),
    });
    Some(taken.map_err(|fault| (fault, ring.ahead(bytes, u64::MAX))))
}

/// Shows a handler records, all of them submitted and whole. None where there are none.
fn shown(
    ring: &Ring,
    guest: &mut Guest,
    number: usize,
    (bytes_max, records_max): (u64, u64),
) -> Option<Taken> {
    let stretch = ring.ahead(bytes_max, records_max);
    if stretch.bytes == 0 {
        return None;
    }
    let called = guest.on_events(number, ring.handed(stretch));
    let taken = called.and_then(|taken| {
        let taken = u64::from(taken);
        if taken == stretch.bytes {
            return Ok((taken, stretch.records));
        }
        checked(ring, taken, stretch.bytes)
    });
    Some(taken.map_err(|fault| (fault, stretch)))
}

/// The bytes that a handler claims, and the records in them.
fn checked(ring: &Ring, claimed: u64, offered: u64) -> Result<(u64, u64), Fault> {
    let records = ring.records_in(claimed).filter(|_| claimed > 0);
    let wrong = || Fault::Consumed {
        claimed: part(claimed),
        offered: part(offered),
        rule: "it must end where a record does, behind the first one or a later one",
    };
    records.map(|records| (claimed, records)).ok_or_else(wrong)
}

/// The number under which a handler knows the ring at this index of the sources.
fn ring_number(sources: &[Source], index: usize) -> usize {
    let before = sources.iter().take(index);
    before.filter(|source| source.ring().is_some()).count()
}

/// The bytes of the record that is left out where the ring stands.
fn skipped_here(source: &Source, handling: &Handling, index: usize) -> Option<u64> {
    let position = source.ring()?.position();
    let mut skips = handling.skips.iter();
    let skip = skips.find(|skip| skip.ring == index && skip.start == position)?;
    Some(skip.end - skip.start)
}

/// How much may be given at once: a span, no more than was put out before where that is replayed, and
/// nothing that is left out.
fn bytes_max(source: &Source, skips: &[Given], index: usize, flushed: u64) -> u64 {
    let position = source.ring().map_or(0, Ring::position);
    let ends = [source.left_bytes(), flushed.saturating_sub(position)];
    let skips = skips.iter().filter(|skip| skip.ring == index);
    let to_skip = skips.map(|skip| skip.start.saturating_sub(position));
    let ends = ends.into_iter().chain(to_skip).filter(|bytes| *bytes > 0);
    ends.fold(SPAN_BYTES_MAX, u64::min)
}
