//! A source: one ring or perf buffer with the decoder of its records. Used by the reader thread.
//! Must never commit a record before its output was handed to the sinks.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use api::node::RingProof;
use payload::event::Decoder;

use super::rate::{Meter, Peak};
use crate::kernel::perf::Perf;
use crate::kernel::ring::Ring;

/// Most bytes of records that are decoded before their outputs go to the sinks.
const SPAN_BYTES_MAX: u64 = 64 * 1024;

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
}

/// Outputs of one pass, ready for the sinks.
#[derive(Default)]
pub(crate) struct Batch {
    /// JSON lines, each with its newline.
    pub(crate) lines: Vec<u8>,
    /// How many lines.
    pub(crate) decoded: u64,
    /// Records too short for their struct.
    pub(crate) malformed: u64,
    /// The line between the position and the event: when this pass was read.
    middle: Vec<u8>,
}

impl Batch {
    /// Makes ready for a pass at this moment, microseconds since 1970.
    fn begin(&mut self, read_us: u64) {
        self.lines.clear();
        self.decoded = 0;
        self.malformed = 0;
        self.middle.clear();
        self.middle.extend_from_slice(b",\"read_us\":");
        self.middle
            .extend_from_slice(itoa::Buffer::new().format(read_us).as_bytes());
        self.middle.extend_from_slice(b",\"event\":");
    }

    fn is_empty(&self) -> bool {
        self.decoded == 0 && self.malformed == 0
    }

    fn add(&mut self, prefix: &[u8], decoder: &Decoder, position: u64, record: &[u8]) {
        let start = self.lines.len();
        self.lines.extend_from_slice(prefix);
        self.lines
            .extend_from_slice(itoa::Buffer::new().format(position).as_bytes());
        self.lines.extend_from_slice(&self.middle);
        if decoder.write_json(record, &mut self.lines).is_ok() {
            self.lines.extend_from_slice(b"}\n");
            self.decoded += 1;
        } else {
            self.lines.truncate(start);
            self.malformed += 1;
        }
    }
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
        // Both names are checked identifiers; serde_json quotes them all the same.
        let quote = |text: &str| serde_json::Value::from(text).to_string();
        let prefix = format!(
            "{{\"instance\":{},\"generation\":{generation},\"ring\":{},\"position\":",
            quote(instance),
            quote(map)
        );
        Self {
            map: map.to_owned(),
            buffer,
            decoder,
            prefix: prefix.into_bytes(),
            perf_lost_seen: 0,
            meter: Meter::default(),
        }
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

    /// Decodes one span into `batch`, hands it to `deliver`, and only then gives the records back.
    /// Each line says when the span was read, `read_us`: one look at the clock is enough for what
    /// is read at once. Returns false when nothing was there.
    ///
    /// # Errors
    /// Where libbpf can't read a perf buffer.
    pub(crate) fn pass(
        &mut self,
        batch: &mut Batch,
        read_us: u64,
        deliver: impl FnOnce(&Batch),
    ) -> io::Result<bool> {
        batch.begin(read_us);
        let Self {
            buffer,
            decoder,
            prefix,
            meter,
            ..
        } = self;
        let moved = match buffer {
            Buffer::Ring(ring) => {
                let span = ring.read(SPAN_BYTES_MAX, |position, record| {
                    batch.add(prefix, decoder, position, record);
                });
                meter.add(span.bytes, read_us);
                span.bytes > 0
            }
            Buffer::Perf(perf) => {
                perf.read(|number, record| batch.add(prefix, decoder, number, record))? > 0
            }
        };
        if !batch.is_empty() {
            deliver(batch);
        }
        if let (true, Buffer::Ring(ring)) = (moved, &mut self.buffer) {
            ring.commit();
        }
        Ok(moved)
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
