//! Where the text of events is written: the end of a Vec, without a call to grow or to copy for
//! each few bytes. Called by everything that writes JSON here. Must never leave bytes behind `end`
//! or `undo` that were not put.

/// Bytes made ready beyond what is asked for: most events need less.
const AHEAD_BYTES: usize = 256;

/// Writes behind the content of a Vec. One of [`Pen::end`] and [`Pen::undo`] must be called.
pub(super) struct Pen<'a> {
    /// Filled up to `at`; what follows is ready to be written over.
    out: &'a mut Vec<u8>,
    start: usize,
    at: usize,
}

impl<'a> Pen<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Pen<'a> {
        let start = out.len();
        Pen {
            out,
            start,
            at: start,
        }
    }

    /// Keeps what was put.
    pub(super) fn end(self) {
        self.out.truncate(self.at);
    }

    /// Leaves the Vec as it was.
    pub(super) fn undo(self) {
        self.out.truncate(self.start);
    }

    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if end > self.out.len() {
            self.make_room(end);
        }
        if let Some(room) = self.out.get_mut(self.at..end) {
            copy(room, bytes);
            self.at = end;
        }
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    #[cold]
    fn make_room(&mut self, end: usize) {
        // Twice what this event has so far: a long one must not be moved at every few bytes.
        let ahead = AHEAD_BYTES + (self.at - self.start);
        self.out.resize(end + ahead, 0);
    }
}

impl std::fmt::Write for Pen<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// Copies between slices of the same length. Short ones are copied as two overlapping words, which
/// needs no call: most texts of an event have fewer than 32 bytes.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    if from.len() > 32 {
        to.copy_from_slice(from);
    } else if !(halves::<16>(to, from) || halves::<8>(to, from) || halves::<4>(to, from)) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
    }
}

/// Copies the first and the last `N` bytes, which are all if there are at most twice as many;
/// false if there are fewer than `N`.
#[inline]
fn halves<const N: usize>(to: &mut [u8], from: &[u8]) -> bool {
    let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else {
        return false;
    };
    if let Some(to) = to.first_chunk_mut::<N>() {
        *to = *first;
    }
    if let Some(to) = to.last_chunk_mut::<N>() {
        *to = *last;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_put_is_there_and_nothing_else() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for length in 0..bytes.len() {
            let mut out = b"before".to_vec();
            let mut pen = Pen::new(&mut out);
            pen.put(&bytes[..length]);
            pen.byte(b'!');
            pen.put(&bytes[..length]);
            pen.end();
            let expected = [b"before", &bytes[..length], b"!", &bytes[..length]].concat();
            assert_eq!(out, expected, "{length}");
        }
    }

    #[test]
    fn what_is_undone_leaves_no_trace() {
        let mut out = b"before".to_vec();
        let mut pen = Pen::new(&mut out);
        pen.put(&[b'x'; 700]);
        pen.undo();
        assert_eq!(out, b"before");
    }
}
