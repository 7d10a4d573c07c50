//! Spans of records as the kernel lays them out in a ring, and the walk over owned ones.
//! Made by whoever calls a guest. Must never be walked here where the kernel still writes.
//! Layout: `kernel/bpf/ringbuf.c` (a word of length, a word of the kernel's, content, padding to 8).
#![expect(unsafe_code, reason = "a span of a ring is memory of the kernel's")]

use std::ptr::NonNull;

use crate::fault::Fault;

/// Bit of a record's length word: reserved, not yet submitted.
const BUSY: u32 = 1 << 31;
/// Bit of a record's length word: submitted to be skipped.
const DISCARD: u32 = 1 << 30;
/// Bytes before each record's content.
const HEADER_BYTES: usize = 8;

/// What a guest is given to handle.
#[derive(Debug, Clone, Copy)]
pub enum Records<'a> {
    /// Bytes of the caller's own.
    Owned(&'a [u8]),
    /// A span of a ring.
    Ring(RingSpan),
}

/// Whole submitted records of a ring that are not given back yet.
#[derive(Debug, Clone, Copy)]
pub struct RingSpan {
    data: NonNull<u8>,
    offset: u32,
    bytes: u32,
}

impl Records<'_> {
    /// A span of a ring: `data` is the first byte of the caller's own mapping of the ring's data pages
    /// (mapped twice), `offset` where the span begins, less than the ring's size, `bytes` its length.
    ///
    /// # Safety
    /// While the value is used, `data` must be mapped for the double size of the ring that it is used
    /// with, and the span must consist of submitted records that have not been given back to the
    /// kernel: it writes to any other.
    #[must_use]
    pub unsafe fn ring(data: NonNull<u8>, offset: u32, bytes: u32) -> Self {
        Self::Ring(RingSpan {
            data,
            offset,
            bytes,
        })
    }

    /// How long it is, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Owned(bytes) => bytes.len(),
            Self::Ring(span) => span.bytes as usize,
        }
    }

    /// Its first byte, readable for as many as it is long.
    pub(crate) fn start(&self) -> *const u8 {
        match self {
            Self::Owned(bytes) => bytes.as_ptr(),
            // SAFETY: `ring` was promised that the span lies inside the mapping.
            Self::Ring(span) => unsafe { span.data.as_ptr().add(span.offset as usize) },
        }
    }

    /// Its bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: `ring` was promised that the span lies inside the mapping, and that nobody writes to
        // it as long as the value is used.
        unsafe { std::slice::from_raw_parts(self.start(), self.bytes()) }
    }

    /// Checks that it fits into a ring of `size_bytes`, if it is of one.
    pub(crate) fn check(&self, size_bytes: u32) -> Result<(), Fault> {
        match self {
            Self::Ring(span) => check_span("on-events", span.offset, span.bytes, size_bytes),
            Self::Owned(_) => Ok(()),
        }
    }
}

impl RingSpan {
    /// Where it begins, in bytes from the ring's start.
    pub(crate) fn offset(&self) -> u32 {
        self.offset
    }
}

/// A record of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What the program wrote.
    pub content: &'a [u8],
    /// Whether the program discarded it.
    pub is_discarded: bool,
    /// Where the next one begins, in bytes from the beginning of the span.
    pub end: usize,
}

/// The records of a span, in order. Ends before one that is not whole, or not submitted.
pub fn walk(span: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let word = span.get(at..)?.first_chunk::<4>()?;
        let word = u32::from_le_bytes(*word);
        if word & BUSY != 0 {
            return None;
        }
        let content_bytes = (word & !DISCARD) as usize;
        let start = at + HEADER_BYTES;
        let content = span.get(start..start.checked_add(content_bytes)?)?;
        let end = (start + content_bytes).next_multiple_of(HEADER_BYTES);
        // The last record of a span has its padding too.
        span.get(..end)?;
        at = end;
        Some(Record {
            content,
            is_discarded: word & DISCARD != 0,
            end,
        })
    })
}

/// Checks what a guest says it has handled of a span that it was given.
///
/// # Errors
/// [`Fault::Consumed`] where a record does not end there.
pub fn check_consumed(span: &[u8], claimed: u32) -> Result<(), Fault> {
    let is_boundary = claimed == 0
        || walk(span)
            .map(|record| record.end)
            .take_while(|&end| end <= claimed as usize)
            .any(|end| end == claimed as usize);
    if is_boundary {
        return Ok(());
    }
    Err(Fault::Consumed {
        claimed,
        offered: u32::try_from(span.len()).unwrap_or(u32::MAX),
        rule: "no record ends there",
    })
}

/// Checks that a span lies in a ring of `size_bytes`, which is mapped twice.
pub(crate) fn check_span(
    call: &'static str,
    offset: u32,
    bytes: u32,
    size_bytes: u32,
) -> Result<(), Fault> {
    if offset < size_bytes && bytes <= size_bytes {
        return Ok(());
    }
    Err(Fault::Contract {
        call,
        reason: format!("the records are not of a ring of {size_bytes} bytes"),
    })
}

/// Checks what needs no look at the records.
pub(crate) fn check_claim(claimed: u32, offered: usize) -> Result<(), Fault> {
    let rule = if claimed as usize > offered {
        "that is more"
    } else if !(claimed as usize).is_multiple_of(HEADER_BYTES) {
        "no multiple of 8"
    } else {
        return Ok(());
    };
    Err(Fault::Consumed {
        claimed,
        offered: u32::try_from(offered).unwrap_or(u32::MAX),
        rule,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: &[u8], bits: u32) -> Vec<u8> {
        let word = u32::try_from(content.len()).unwrap() | bits;
        let mut record = word.to_le_bytes().to_vec();
        record.extend([0; 4]);
        record.extend(content);
        record.resize(record.len().next_multiple_of(8), 0);
        record
    }

    #[test]
    fn records_are_walked_with_their_padding() {
        let span = [record(b"abc", 0), record(&[7; 16], DISCARD)].concat();
        let walked: Vec<Record<'_>> = walk(&span).collect();
        assert_eq!(walked[0].content, b"abc");
        assert_eq!((walked[0].is_discarded, walked[0].end), (false, 16));
        assert_eq!((walked[1].is_discarded, walked[1].end), (true, 40));
        assert_eq!(walked.len(), 2);
    }

    #[test]
    fn the_walk_ends_before_a_busy_or_cut_record() {
        let busy = [record(b"abc", 0), record(b"abc", BUSY)].concat();
        assert_eq!(walk(&busy).count(), 1);
        let whole = record(&[1; 16], 0);
        for cut in 0..whole.len() {
            assert_eq!(walk(&whole[..cut]).count(), 0, "{cut} bytes");
        }
        // A length that reaches beyond any memory.
        assert_eq!(walk(&[0xff, 0xff, 0xff, 0x3f, 0, 0, 0, 0]).count(), 0);
    }

    #[test]
    fn only_ends_of_records_are_consumed() {
        let span = [record(&[1; 16], 0), record(&[2; 16], 0)].concat();
        for claimed in 0..=64 {
            let is_good = [0, 24, 48].contains(&claimed);
            assert_eq!(check_consumed(&span, claimed).is_ok(), is_good, "{claimed}");
        }
        let said = check_consumed(&span, 32).unwrap_err().to_string();
        assert!(
            said.contains("32 bytes of 48: no record ends there"),
            "{said}"
        );
    }

    #[test]
    fn a_claim_is_at_most_what_was_offered() {
        assert!(check_claim(48, 48).is_ok());
        let more = check_claim(1 << 31, 48).unwrap_err().to_string();
        assert!(more.contains("2147483648 bytes of 48"), "{more}");
        assert!(check_claim(12, 48).is_err());
    }
}
