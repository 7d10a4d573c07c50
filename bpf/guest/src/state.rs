//! The state that goes from one handler to the next: numbers and bytes, one behind the other. Used by
//! handlers in `start` and `snapshot`. Must never trust what it reads: it may be another version's.

/// Takes what a handler wants to go on.
#[derive(Debug)]
pub struct Writer<'a> {
    room: &'a mut [u8],
    length: usize,
    is_cut: bool,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(room: &'a mut [u8]) -> Self {
        let (length, is_cut) = (0, false);
        Self {
            room,
            length,
            is_cut,
        }
    }

    pub(crate) fn written(&self) -> &[u8] {
        &self.room[..self.length]
    }

    /// Whether more was written than there is room for.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// As they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let room = self.room.get_mut(self.length..self.length + bytes.len());
        match room {
            Some(room) if !self.is_cut => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            _ => self.is_cut = true,
        }
    }

    /// Four bytes.
    pub fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }
}

/// Reads what the handler before has written.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    schema: u32,
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads these bytes.
    #[must_use]
    pub fn new(schema: u32, left: &'a [u8]) -> Self {
        Self { schema, left }
    }

    /// What the bytes mean: this handler's schema, or one that it accepts.
    #[must_use]
    pub fn schema(&self) -> u32 {
        self.schema
    }

    /// Whether all of it was read.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.left.is_empty()
    }

    /// So many bytes, if they are there.
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let bytes = self.left.get(..count)?;
        self.left = &self.left[count..];
        Some(bytes)
    }

    /// As many bytes as the array has, if they are there.
    pub fn array<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        let mut array = [0; COUNT];
        array.copy_from_slice(self.bytes(COUNT)?);
        Some(array)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_not_more() {
        let mut room = [0; 16];
        let mut state = Writer::new(&mut room);
        state.u32(7);
        state.u64(u64::MAX);
        state.bytes(b"abc");
        let mut reader = Reader::new(1, state.written());
        assert_eq!(reader.u32(), Some(7));
        assert_eq!(reader.u64(), Some(u64::MAX));
        assert_eq!(reader.bytes(4), None);
        assert_eq!(reader.array(), Some(*b"abc"));
        assert!(reader.is_at_end() && reader.u32().is_none());
    }

    #[test]
    fn what_does_not_fit_leaves_a_mark() {
        let mut room = [0; 8];
        let mut state = Writer::new(&mut room);
        state.u32(1);
        assert!(!state.is_cut());
        state.u64(2);
        state.u32(3);
        assert!(state.is_cut() && state.written() == 1_u32.to_le_bytes());
    }
}
