//! The walk over the records of a ring, as the kernel keeps them. Used by `run` and handlers.
//! Must never look at a record that the kernel still writes, nor believe a length.

use core::marker::PhantomData;
use core::mem::{align_of, size_of};
use core::sync::atomic::{AtomicU32, Ordering};

use crate::event::Event;

/// The kernel still writes it.
const BUSY: u32 = 1 << 31;
/// It was given up.
const DISCARD: u32 = 1 << 30;
/// A word of length, and one that is the kernel's.
const HEADER_BYTES: u32 = 8;

/// How far ahead is fetched.
const AHEAD_BYTES: u32 = 1024;
/// Lines of the cache that are fetched for a record.
const LINES: u32 = 3;
const LINE_BYTES: u32 = 64;

/// Records of one ring, in the order in which they were reserved; each is the bytes of it.
#[derive(Debug)]
pub struct Records<'a> {
    at: *const u8,
    bytes: u32,
    done: u32,
    short: u32,
    /// Whether what comes next was busy or cut: it stays so for the call.
    is_over: bool,
    /// Up to here, what is `AHEAD_BYTES` further on is fetched.
    fetched: u32,
    lent: PhantomData<&'a [u8]>,
}

impl<'a> Records<'a> {
    /// # Safety
    /// So many bytes from there on must be records, those that are not busy unchanged, for `'a`.
    pub(crate) unsafe fn new(at: *const u8, bytes: u32) -> Self {
        Self {
            at,
            bytes,
            done: 0,
            short: 0,
            is_over: false,
            fetched: 0,
            lent: PhantomData,
        }
    }

    /// The same, where nobody has looked at them yet.
    ///
    /// # Safety
    /// As of [`new`](Self::new).
    pub(crate) unsafe fn unseen(at: *const u8, bytes: u32) -> Self {
        Self {
            fetched: bytes.saturating_sub(AHEAD_BYTES + LINES * LINE_BYTES),
            // SAFETY: as promised.
            ..unsafe { Self::new(at, bytes) }
        }
    }

    /// Fetches a record that comes soon: a load is waited for by what needs it alone, and WebAssembly knows
    /// no other way.
    fn fetch(&self) {
        if self.done >= self.fetched {
            return;
        }
        for line in 0..LINES {
            let ahead = self.done + AHEAD_BYTES + line * LINE_BYTES;
            let ahead = self.at.wrapping_add(ahead as usize);
            // SAFETY: within what `new` was given; the byte is not used.
            unsafe { ahead.read_volatile() };
        }
    }

    /// The records as structs; those that are too short for one are left out and counted.
    pub fn events<T: Event>(&mut self) -> Events<'_, 'a, T> {
        Events {
            records: self,
            of: PhantomData,
        }
    }

    /// Bytes that were looked at, all up to a record.
    pub(crate) fn done(&self) -> u32 {
        self.done
    }

    /// Records that were too short so far.
    #[must_use]
    pub fn short(&self) -> u32 {
        self.short
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.is_over && self.bytes - self.done >= HEADER_BYTES {
            // SAFETY: within what `new` was given.
            let record = unsafe { self.at.add(self.done as usize) };
            #[allow(clippy::cast_ptr_alignment)]
            let word = record.cast::<AtomicU32>();
            // SAFETY: records begin at multiples of eight, and the kernel sets the word at once. What
            // was written before the word is seen with it.
            let word = unsafe { &*word }.load(Ordering::Acquire);
            let length = word & !(BUSY | DISCARD);
            let whole = (length + HEADER_BYTES + 7) & !7;
            if word & BUSY != 0 || whole > self.bytes - self.done {
                self.is_over = true;
                return None;
            }
            self.fetch();
            self.done += whole;
            if word & DISCARD != 0 {
                continue;
            }
            // SAFETY: within what `new` was given.
            let content = unsafe { record.add(HEADER_BYTES as usize) };
            // SAFETY: as long as that, and the kernel does not write to a record that is submitted
            // before it is given back, which is after the call.
            return Some(unsafe { core::slice::from_raw_parts(content, length as usize) });
        }
        None
    }
}

/// Records as structs.
#[derive(Debug)]
pub struct Events<'r, 'a, T> {
    records: &'r mut Records<'a>,
    of: PhantomData<&'a T>,
}

impl<'a, T: Event> Iterator for Events<'_, 'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        loop {
            let record = self.records.next()?;
            let at = record.as_ptr().cast::<T>();
            if record.len() >= size_of::<T>() && at as usize % align_of::<T>() == 0 {
                // SAFETY: long enough, aligned, and any bytes are a value of it.
                return Some(unsafe { &*at });
            }
            self.records.short += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    crate::event! {
        struct Pair {
            first: u32,
            second: u32,
        }
    }

    fn record(flags: u32, content: &[u8]) -> Vec<u8> {
        let mut record = (content.len() as u32 | flags).to_le_bytes().to_vec();
        record.extend([0; 4]);
        record.extend(content);
        record.resize((record.len() + 7) & !7, 0xee);
        record
    }

    /// Bytes at a multiple of eight.
    fn aligned(records: &[Vec<u8>]) -> Vec<u64> {
        let words = records.concat();
        let words = words.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        });
        words.collect()
    }

    fn pair(first: u32, second: u32) -> Vec<u8> {
        [first.to_le_bytes(), second.to_le_bytes()].concat()
    }

    #[test]
    fn records_end_where_one_is_busy() {
        let mut words = aligned(&[
            record(0, b"a"),
            record(DISCARD, b"given up"),
            record(0, b"0123456789"),
            record(BUSY, b"not yet"),
            record(0, b"behind"),
        ]);
        let bytes = 8 * words.len() as u32;
        let base = words.as_mut_ptr();
        // SAFETY: the words are records.
        let mut records = unsafe { Records::new(base.cast(), bytes) };
        assert_eq!(records.next(), Some(&b"a"[..]));
        assert_eq!(records.next(), Some(&b"0123456789"[..]));
        assert_eq!((records.next(), records.done()), (None, 16 + 16 + 24));
        // It is submitted meanwhile, and still not for this call.
        // SAFETY: the word of the busy record.
        unsafe {
            base.cast::<u32>().wrapping_add((16 + 16 + 24) / 4).write(7);
        }
        assert_eq!((records.next(), records.done()), (None, 16 + 16 + 24));
    }

    #[test]
    fn records_that_are_too_short_are_counted() {
        let words = aligned(&[
            record(0, &pair(1, 2)),
            record(0, b"short"),
            record(0, &[pair(3, 4), pair(5, 6)].concat()),
        ]);
        // SAFETY: the words are records.
        let mut records = unsafe { Records::new(words.as_ptr().cast(), 8 * words.len() as u32) };
        let pairs: Vec<(u32, u32)> = records
            .events::<Pair>()
            .map(|pair| (pair.first, pair.second))
            .collect();
        assert_eq!(pairs, [(1, 2), (3, 4)]);
        assert_eq!(records.short(), 1);
    }

    #[test]
    fn a_length_beyond_what_was_given_is_not_believed() {
        for length in [17, 1 << 20, !(BUSY | DISCARD)] {
            let words = [u64::from(length), 0, 0];
            // SAFETY: what the words say about themselves is what is tested.
            let mut records = unsafe { Records::new(words.as_ptr().cast(), 24) };
            assert_eq!((records.next(), records.done()), (None, 0));
        }
    }
}
