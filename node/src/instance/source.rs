//! A source: one ring or perf buffer with the decoder of its records. Used by the reader thread.
//! Must never commit a record before its output was handed to the sinks.

#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use api::node::RingProof;
use payload::event::Decoder;

use super::rate::{Meter, Peak};
use crate::kernel::cursors::{Cursor, HandedOut};
use crate::kernel::perf::Perf;
use crate::kernel::ring::Ring;

/// Most bytes of records that are decoded before their outputs go to the sinks, and the record that
/// passes it.
pub(super) const SPAN_BYTES_MAX: u64 = 64 * 1024;

/// Where records come from.
pub(crate) enum Buffer {
    /// A ring buffer, mapped.
    Ring(Ring),
    /// Perf buffers, one a CPU.
    Perf(Perf),
}

/// A ring or perf buffer and what turns its records into lines.
pub(crate) struct Source {
    map: String,
    buffer: Buffer,
    decoder: Decoder,
    /// The line up to the position: instance, generation and ring never change.
    prefix: Vec<u8>,
    perf_lost_seen: u64,
    meter: Meter,
    /// Where is kept what is being handed out, if it is kept.
    cursor: Option<Cursor>,
    /// What another daemon was handing out of this ring when it was killed: what it had not given
    /// back of that is replayed.
    left: HandedOut,
}

/// Outputs of one pass, ready for the sinks.
#[derive(Default)]
pub(crate) struct Batch {
    /// JSON lines, each with its newline.
    pub(crate) lines: Vec<u8>,
    /// Records that became a line each.
    pub(crate) decoded: u64,
    /// Records too short for their struct.
    pub(crate) malformed: u64,
    /// Records that a handler took.
    pub(crate) handled: u64,
    /// Records that no handler was given, since it failed on them.
    pub(crate) skipped: u64,
    /// Lines that a handler put out.
    pub(crate) emitted: u64,
    /// Another daemon may have handed these out, all or the first ones, before it was killed.
    pub(crate) replayed: bool,
    /// The line behind the position: when this pass was read.
    middle: Vec<u8>,
}

impl Batch {
    /// Makes ready for what was read at this moment, microseconds since 1970.
    pub(super) fn begin(&mut self, read_us: u64, replayed: bool) {
        self.lines.clear();
        self.decoded = 0;
        self.malformed = 0;
        self.handled = 0;
        self.skipped = 0;
        self.emitted = 0;
        self.replayed = replayed;
        self.middle.clear();
        if replayed {
            self.middle.extend_from_slice(b",\"replayed\":true");
        }
        self.middle.extend_from_slice(b",\"read_us\":");
        self.middle
            .extend_from_slice(itoa::Buffer::new().format(read_us).as_bytes());
    }

    /// Lines, of records and of handlers.
    pub(crate) fn outputs(&self) -> u64 {
        self.decoded + self.emitted
    }

    /// Records that it is about.
    pub(crate) fn records(&self) -> u64 {
        self.decoded + self.malformed + self.handled + self.skipped
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records() == 0 && self.emitted == 0
    }

    /// Adds what another one holds behind its own.
    pub(super) fn append(&mut self, other: &Self) {
        self.lines.extend_from_slice(&other.lines);
        self.decoded += other.decoded;
        self.malformed += other.malformed;
        self.handled += other.handled;
        self.skipped += other.skipped;
        self.emitted += other.emitted;
    }

    /// Adds an output of a handler, which came of the records at `position`, or of none.
    pub(super) fn emit(
        &mut self,
        prefix: &[u8],
        position: Option<u64>,
        stream: &[u8],
        event: &[u8],
    ) {
        self.lines.extend_from_slice(prefix);
        if let Some(position) = position {
            self.lines
                .extend_from_slice(itoa::Buffer::new().format(position).as_bytes());
        }
        self.lines.extend_from_slice(&self.middle);
        self.lines.extend_from_slice(b",\"stream\":\"");
        self.lines.extend_from_slice(stream);
        self.lines.extend_from_slice(b"\",\"event\":");
        self.lines.extend_from_slice(event);
        self.lines.extend_from_slice(b"}\n");
        self.emitted += 1;
    }

    fn add(&mut self, prefix: &[u8], decoder: &Decoder, position: u64, record: &[u8]) {
        let start = self.lines.len();
        self.lines.extend_from_slice(prefix);
        self.lines
            .extend_from_slice(itoa::Buffer::new().format(position).as_bytes());
        self.lines.extend_from_slice(&self.middle);
        self.lines.extend_from_slice(b",\"event\":");
        if decoder.write_json(record, &mut self.lines).is_ok() {
            self.lines.extend_from_slice(b"}\n");
            self.decoded += 1;
        } else {
            self.lines.truncate(start);
            self.malformed += 1;
        }
    }
}

/// What lines begin with: instance, generation and ring never change. Both names are checked
/// identifiers; `serde_json` quotes them all the same.
fn prefix(instance: &str, generation: u64, map: &str) -> Vec<u8> {
    let quote = |text: &str| serde_json::Value::from(text).to_string();
    let (instance, map) = (quote(instance), quote(map));
    let prefix = format!(
        "{{\"instance\":{instance},\"generation\":{generation},\"ring\":{map},\"position\":"
    );
    prefix.into_bytes()
}

impl Source {
    /// A source whose lines name `instance`, `generation` and the map.
    pub(crate) fn new(
        instance: &str,
        generation: u64,
        map: &str,
        buffer: Buffer,
        decoder: Decoder,
    ) -> Self {
        Self {
            map: map.to_owned(),
            buffer,
            decoder,
            prefix: prefix(instance, generation, map),
            perf_lost_seen: 0,
            meter: Meter::default(),
            cursor: None,
            left: HandedOut::default(),
        }
    }

    /// From now on its lines name this generation.
    pub(super) fn renumber(&mut self, instance: &str, generation: u64) {
        self.prefix = prefix(instance, generation, &self.map);
    }

    /// What its lines begin with, up to the position.
    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Its ring, where it is one.
    pub(super) fn ring(&self) -> Option<&Ring> {
        match &self.buffer {
            Buffer::Ring(ring) => Some(ring),
            Buffer::Perf(_) => None,
        }
    }

    /// Its ring, where it is one.
    pub(super) fn ring_mut(&mut self) -> Option<&mut Ring> {
        match &mut self.buffer {
            Buffer::Ring(ring) => Some(ring),
            Buffer::Perf(_) => None,
        }
    }

    /// When what is replayed was read first, microseconds since 1970.
    pub(super) fn left_read_us(&self) -> u64 {
        self.left.read_us
    }

    /// Counts bytes that somebody else has read.
    pub(super) fn measured(&mut self, bytes: u64, now_us: u64) {
        self.meter.add(bytes, now_us);
    }

    /// The same, whose ring may be read on by another daemon after this one was killed: `cursor` is
    /// kept with the ring. What it says was being handed out, and the ring was not given back, is
    /// replayed. Perf buffers end with their daemon, and have no use for one.
    #[must_use]
    pub(crate) fn with_cursor(mut self, cursor: Cursor) -> Self {
        let left = cursor.load();
        // What was never written was not handed out: those are the words of another ring.
        if let Buffer::Ring(ring) = &self.buffer
            && left.up_to <= ring.position() + ring.pending_bytes()
        {
            self.left = left;
        }
        self.cursor = Some(cursor);
        self
    }

    /// Bytes of the ring that are to be replayed.
    pub(super) fn left_bytes(&self) -> u64 {
        match &self.buffer {
            Buffer::Ring(ring) => self.left.up_to.saturating_sub(ring.position()),
            Buffer::Perf(_) => 0,
        }
    }

    /// Whether the next pass replays what another daemon was handing out when it was killed.
    pub(crate) fn is_replaying(&self) -> bool {
        self.left_bytes() > 0
    }

    /// The name of its ring and how fast that is written to; perf buffers don't tell.
    pub(crate) fn peak(&self) -> Option<(String, Peak)> {
        match &self.buffer {
            Buffer::Ring(_) => Some((self.map.clone(), self.meter.peak())),
            Buffer::Perf(_) => None,
        }
    }

    /// Makes ready to be read after a time in which nobody did.
    pub(crate) fn begin_anew(&mut self) {
        self.meter.begin_anew();
    }

    /// Becomes readable when records wait.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        match &self.buffer {
            Buffer::Ring(ring) => ring.as_fd(),
            Buffer::Perf(perf) => perf.epoll_fd(),
        }
    }

    /// Decodes one span into `batch`, notes how far it goes, hands it to `deliver`, and only then
    /// gives the records back. A span is replayed as a whole or not at all. Each line says when the
    /// span was read first, `read_us`: one look at the clock is enough for what is read at once, and
    /// a span that is replayed is known by it. Returns false when nothing was there.
    ///
    /// # Errors
    /// Where libbpf can't read a perf buffer.
    pub(crate) fn pass(
        &mut self,
        batch: &mut Batch,
        now_us: u64,
        deliver: impl FnOnce(&Batch),
    ) -> io::Result<bool> {
        let left_bytes = self.left_bytes();
        let replayed = left_bytes > 0;
        let read_us = if replayed { self.left.read_us } else { now_us };
        batch.begin(read_us, replayed);
        let Self {
            buffer,
            decoder,
            prefix,
            meter,
            ..
        } = self;
        let moved = match buffer {
            Buffer::Ring(ring) => {
                let bytes_max = if replayed {
                    left_bytes.min(SPAN_BYTES_MAX)
                } else {
                    SPAN_BYTES_MAX
                };
                let span = ring.read(bytes_max, |position, record| {
                    batch.add(prefix, decoder, position, record);
                });
                meter.add(span.bytes, now_us);
                span.bytes > 0
            }
            Buffer::Perf(perf) => {
                perf.read(|number, record| batch.add(prefix, decoder, number, record))? > 0
            }
        };
        if !batch.is_empty() {
            self.note(batch, read_us);
            deliver(batch);
        }
        if let (true, Buffer::Ring(ring)) = (moved, &mut self.buffer) {
            ring.commit();
        }
        Ok(moved)
    }

    /// Notes that the batch is being handed out; of what is replayed that stands there already.
    pub(super) fn note(&self, batch: &Batch, read_us: u64) {
        if let (Some(cursor), Buffer::Ring(ring), false) =
            (&self.cursor, &self.buffer, batch.replayed)
        {
            let up_to = ring.position();
            cursor.store(HandedOut { up_to, read_us });
        }
    }

    /// Records that this source's perf buffers refused since it was last asked.
    pub(crate) fn perf_lost(&mut self) -> u64 {
        let Buffer::Perf(perf) = &self.buffer else {
            return 0;
        };
        let lost = perf.lost();
        let since = lost - self.perf_lost_seen;
        self.perf_lost_seen = lost;
        since
    }

    /// How full the ring is, for the proof; perf buffers don't tell.
    pub(crate) fn ring_proof(&self) -> Option<RingProof> {
        let Buffer::Ring(ring) = &self.buffer else {
            return None;
        };
        Some(RingProof {
            map: self.map.clone(),
            size_bytes: ring.size_bytes(),
            high_water_bytes: ring.pending_bytes(),
            needed_bytes: None,
        })
    }

    /// Whether a record is reserved in the ring and not submitted, or waits to be read.
    pub(crate) fn has_pending(&self) -> bool {
        matches!(&self.buffer, Buffer::Ring(ring) if ring.pending_bytes() > 0)
    }
}
