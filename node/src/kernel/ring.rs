//! The node's own reader of a BPF ring buffer: spans over the mapping, committed after use.
//! Used by the reader thread. Must never show a record before its BUSY bit is clear, nor any
//! record after it was committed: from then on the kernel may write there. Who walks through `unseen`
//! by itself, in a mapping of its own, has to look at the bit itself.
//! Layout: `kernel/bpf/ringbuf.c` (one consumer page, one producer page, the data twice).
#![expect(unsafe_code, reason = "the ring is memory that the kernel writes")]

#[cfg(test)]
pub(crate) mod filled;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use handler::Records;
use libbpf_rs::{MapCore, MapHandle};

use super::gate::page_bytes;
use super::mapping::Mapping;

/// Bit of a record's length word: reserved, not yet submitted.
const BUSY: u32 = 1 << 31;
/// Bit of a record's length word: submitted to be skipped.
const DISCARD: u32 = 1 << 30;
/// Bytes before each record's content: length word and page offset.
const HEADER_BYTES: u64 = 8;

/// How many records ahead of the walk one is fetched: memory that another CPU wrote takes as long.
const FETCHED_AHEAD: u64 = 64;
/// The most that is fetched of one; what is longer, the machine fetches by itself.
const FETCHED_BYTES_MAX: u64 = 256;
/// Bytes of a line of the cache.
const LINE_BYTES: usize = 64;

/// One ring, mapped. `cursor` runs ahead of the kernel's consumer position until `commit`.
pub(crate) struct Ring {
    fd: OwnedFd,
    consumer: Mapping,
    producer: Mapping,
    /// Of the producer's page, behind which the data begin.
    page_bytes: usize,
    size_bytes: u64,
    cursor: u64,
}

/// Whole submitted records behind the cursor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Bytes from the start of the ring's data to the first record.
    pub(crate) offset: u64,
    /// Bytes of them all, headers and discarded records included.
    pub(crate) bytes: u64,
    /// How many, discarded ones left out.
    pub(crate) records: u64,
}

/// What one pass over a ring met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// Records shown.
    pub(crate) records: u64,
    /// Bytes passed over, headers and discarded records included.
    pub(crate) bytes: u64,
}

impl Ring {
    /// Maps a ring.
    ///
    /// # Errors
    /// Where the descriptor can't be duplicated or mapped.
    pub(crate) fn open(map: &MapHandle) -> io::Result<Self> {
        let fd = map.as_fd().try_clone_to_owned()?;
        let size_bytes = map.max_entries();
        let page = page_bytes();
        let data = usize::try_from(size_bytes).map_err(io::Error::other)?;
        let window = data
            .checked_mul(2)
            .and_then(|twice| twice.checked_add(page))
            .ok_or_else(|| io::Error::other("the ring is larger than the address space"))?;
        let consumer = Mapping::new(fd.as_fd(), 0, page, libc::PROT_READ | libc::PROT_WRITE)?;
        let producer = Mapping::new(fd.as_fd(), page, window, libc::PROT_READ)?;
        let mut ring = Self {
            fd,
            consumer,
            producer,
            page_bytes: page,
            size_bytes: u64::from(size_bytes),
            cursor: 0,
        };
        ring.cursor = ring.consumer_position().load(Ordering::Acquire);
        Ok(ring)
    }

    /// Where consumer and producer of a ring are, in bytes since it was made; also of one that
    /// programs read.
    ///
    /// # Errors
    /// Where the descriptor can't be duplicated or mapped.
    pub(super) fn positions(map: &MapHandle) -> io::Result<(u64, u64)> {
        let fd = map.as_fd().try_clone_to_owned()?;
        let page = page_bytes();
        let position = |offset| {
            let mapping = Mapping::new(fd.as_fd(), offset, page, libc::PROT_READ)?;
            // SAFETY: the first word of either page, mapped and aligned as long as `mapping`.
            let position = unsafe { mapping.start.cast::<AtomicU64>().as_ref() };
            Ok::<u64, io::Error>(position.load(Ordering::Acquire))
        };
        Ok((position(0)?, position(page)?))
    }

    fn consumer_position(&self) -> &AtomicU64 {
        // SAFETY: the first word of the consumer page, mapped and aligned as long as `self`.
        unsafe { self.consumer.start.cast::<AtomicU64>().as_ref() }
    }

    fn producer_position(&self) -> u64 {
        // SAFETY: the first word of the producer page, mapped and aligned as long as `self`.
        let position = unsafe { self.producer.start.cast::<AtomicU64>().as_ref() };
        position.load(Ordering::Acquire)
    }

    /// Where the next record that is read begins, in bytes since the ring was made.
    pub(crate) fn position(&self) -> u64 {
        self.cursor
    }

    /// Bytes that wait to be read.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.producer_position().saturating_sub(self.cursor)
    }

    /// Bytes of records the ring holds.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Shows up to `bytes_max` of records to `each`, with the position of each; stops at a record
    /// that is not submitted yet. The records stay the reader's until `commit`.
    pub(crate) fn read(&mut self, bytes_max: u64, mut each: impl FnMut(u64, &[u8])) -> Span {
        let mut span = Span::default();
        let end = self.producer_position();
        while self.cursor < end && span.bytes < bytes_max {
            let Some((length, record)) = self.record_at(self.cursor) else {
                break;
            };
            if length & DISCARD == 0 {
                each(self.cursor, record);
                span.records += 1;
            }
            let step = step_of(length);
            self.cursor += step;
            span.bytes += step;
        }
        span
    }

    /// The records behind the cursor, none of which is read: up to `bytes_max`, or one that is larger,
    /// and up to `records_max`. Ends before a record that is not submitted yet.
    pub(crate) fn ahead(&self, bytes_max: u64, records_max: u64) -> Stretch {
        let mut stretch = Stretch {
            offset: self.cursor & (self.size_bytes - 1),
            ..Stretch::default()
        };
        let end = self.producer_position();
        while self.cursor + stretch.bytes < end {
            let at = self.cursor + stretch.bytes;
            let Some(length) = self.length_at(at) else {
                break;
            };
            let step = step_of(length);
            self.fetch(at + FETCHED_AHEAD * step, step);
            let counts = u64::from(length & DISCARD == 0);
            let too_much =
                stretch.bytes + step > bytes_max || stretch.records + counts > records_max;
            if too_much && stretch.bytes > 0 {
                break;
            }
            stretch.bytes += step;
            stretch.records += counts;
        }
        stretch
    }

    /// What lies behind the cursor, up to `bytes_max`, without a look at it: records may be BUSY, the last
    /// one cut. Offset and bytes as in a [`Stretch`].
    pub(crate) fn unseen(&self, bytes_max: u64) -> (u64, u64) {
        let offset = self.cursor & (self.size_bytes - 1);
        (offset, self.pending_bytes().min(bytes_max))
    }

    /// How many records lie in these bytes behind the cursor, discarded ones left out; `None` where they
    /// end within a record, or behind those that are submitted.
    pub(crate) fn records_in(&self, bytes: u64) -> Option<u64> {
        let end = self.producer_position();
        let (mut at, mut records) = (0, 0);
        let mut last = Last::default();
        while at < bytes && self.cursor + at < end {
            let length = self.length_at(self.cursor + at)?;
            at += last.step_of(length);
            records += u64::from(length & DISCARD == 0);
        }
        (at == bytes).then_some(records)
    }

    /// The first byte of the ring's data, which are mapped twice, one behind the other.
    pub(crate) fn data(&self) -> NonNull<u8> {
        // SAFETY: the data begin behind the producer page, within the mapping.
        unsafe { self.producer.start.byte_add(self.page_bytes) }
    }

    /// A stretch as a handler is given it.
    pub(crate) fn handed(&self, stretch: Stretch) -> Records<'_> {
        // SAFETY: the stretch lies within the double data; its records are submitted, and stay as they
        // are until `commit`, which needs the ring for itself.
        unsafe { Records::ring(self.data(), part(stretch.offset), part(stretch.bytes)) }
    }

    /// Moves the cursor over records without reading them.
    pub(crate) fn pass_over(&mut self, bytes: u64) {
        self.cursor += bytes;
    }

    /// Moves the cursor back to what was given back last.
    pub(crate) fn rewind(&mut self) {
        self.cursor = self.given_back();
    }

    /// Up to where records were given back to the kernel, in bytes since the ring was made.
    pub(crate) fn given_back(&self) -> u64 {
        self.consumer_position().load(Ordering::Relaxed)
    }

    /// Has a record at `position` brought into the cache, where the next ones are as long as this one:
    /// the walk would wait for the word of each, and whoever handles them for the rest.
    fn fetch(&self, position: u64, record_bytes: u64) {
        for line in (0..record_bytes.min(FETCHED_BYTES_MAX)).step_by(LINE_BYTES) {
            let Ok(offset) = usize::try_from((position + line) & (self.size_bytes - 1)) else {
                return;
            };
            // SAFETY: `offset` is less than the ring's size, and the data are mapped.
            prefetch(unsafe { self.data().byte_add(offset) });
        }
    }

    /// The length word of the record at `position`, unless it is still BUSY.
    fn length_at(&self, position: u64) -> Option<u32> {
        let offset = usize::try_from(position & (self.size_bytes - 1)).ok()?;
        // SAFETY: `offset` is less than the ring's size, and the data are mapped twice.
        let header = unsafe { self.data().byte_add(offset) };
        // SAFETY: records are aligned to 8 bytes, so their first word is aligned; the kernel
        // writes it atomically.
        let length = unsafe { header.cast::<AtomicU32>().as_ref() }.load(Ordering::Acquire);
        // The kernel never reserves more than the ring holds; a word that says so was not its.
        let fits = u64::from(length & !DISCARD) + HEADER_BYTES <= self.size_bytes;
        (length & BUSY == 0 && fits).then_some(length)
    }

    /// The length word and the content of the record at `position`, unless it is still BUSY.
    fn record_at(&self, position: u64) -> Option<(u32, &[u8])> {
        let length = self.length_at(position)?;
        let offset = usize::try_from(position & (self.size_bytes - 1)).ok()?;
        let content_bytes = usize::try_from(length & !DISCARD).ok()?;
        // SAFETY: header and content lie inside the double window (`length_at` has looked).
        let content = unsafe { self.data().byte_add(offset + 8) };
        // SAFETY: a submitted record is not written again until the consumer position passes it,
        // which `commit` does through `&mut self`, when no borrow of it can live any more.
        let record = unsafe { std::slice::from_raw_parts(content.as_ptr(), content_bytes) };
        Some((length, record))
    }

    /// Gives everything that was read back to the kernel.
    pub(crate) fn commit(&mut self) {
        self.consumer_position()
            .store(self.cursor, Ordering::Release);
        // The kernel wakes a reader only when the consumer position has caught up: the store must
        // be seen before the producer position is looked at again, or a wake-up is missed.
        fence(Ordering::SeqCst);
    }
}

#[cfg(target_arch = "x86_64")]
fn prefetch(line: NonNull<u8>) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

    // SAFETY: it is a hint, which reads nothing that could be seen.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
}

/// Elsewhere the machine's own prefetching has to do.
#[cfg(not(target_arch = "x86_64"))]
fn prefetch(_line: NonNull<u8>) {}

/// Bytes of a part of a ring, which are fewer than 2^32.
pub(crate) fn part(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Bytes of records that a ring holds.
pub(crate) fn size_bytes_of(map: &MapHandle) -> u32 {
    map.max_entries()
}

/// The record before, as long as which the next one mostly is: the processor goes on with that
/// instead of waiting for the word that says so.
#[derive(Default)]
struct Last {
    length: u32,
    step: u64,
}

impl Last {
    fn step_of(&mut self, length: u32) -> u64 {
        if length != self.length || self.step == 0 {
            self.is(length);
        }
        self.step
    }

    /// Cold, so that it is a jump that can be foreseen.
    #[cold]
    #[inline(never)]
    fn is(&mut self, length: u32) {
        *self = Self {
            length,
            step: step_of(length),
        };
    }
}

/// Bytes from a record to the next, by its length word.
fn step_of(length: u32) -> u64 {
    let content = u64::from(length & !(BUSY | DISCARD));
    (content + HEADER_BYTES).next_multiple_of(HEADER_BYTES)
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
