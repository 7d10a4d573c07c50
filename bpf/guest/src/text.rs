//! Text in a room of fixed size, and what the kernel gave as bytes. Used for lines of the log, labels
//! and outputs. Must never be anything but UTF-8: each piece that is none becomes U+FFFD.

use core::fmt;

/// A text of at most `ROOM` bytes, which ends where something did not fit.
#[derive(Clone, Copy)]
pub struct Text<const ROOM: usize> {
    room: [u8; ROOM],
    length: usize,
    is_cut: bool,
}

impl<const ROOM: usize> Text<ROOM> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            room: [0; ROOM],
            length: 0,
            is_cut: false,
        }
    }

    /// What the kernel gave, up to its NUL.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut text = Self::new();
        pieces(until_nul(bytes), |piece| text.put(piece));
        text
    }

    /// What stands in it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only whole texts were put into it.
        core::str::from_utf8(&self.room[..self.length]).unwrap_or_default()
    }

    fn put(&mut self, piece: &str) {
        if self.is_cut {
            return;
        }
        let mut fits = piece.len().min(ROOM - self.length);
        self.is_cut = fits < piece.len();
        while !piece.is_char_boundary(fits) {
            fits -= 1;
        }
        self.room[self.length..self.length + fits].copy_from_slice(&piece.as_bytes()[..fits]);
        self.length += fits;
    }
}

impl<const ROOM: usize> Default for Text<ROOM> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const ROOM: usize> fmt::Write for Text<ROOM> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.put(piece);
        Ok(())
    }
}

/// Bytes up to the first NUL, or all of them.
#[must_use]
pub fn until_nul(bytes: &[u8]) -> &[u8] {
    let length = bytes.iter().position(|byte| *byte == 0);
    &bytes[..length.unwrap_or(bytes.len())]
}

/// Bytes as the texts that they consist of, U+FFFD for each piece that is none.
pub(crate) fn pieces<'a>(mut bytes: &'a [u8], mut take: impl FnMut(&'a str)) {
    loop {
        let error = match core::str::from_utf8(bytes) {
            Ok(text) => return take(text),
            Err(error) => error,
        };
        let (text, rest) = bytes.split_at(error.valid_up_to());
        take(core::str::from_utf8(text).unwrap_or_default());
        take("\u{fffd}");
        match error.error_len() {
            Some(wrong) => bytes = &rest[wrong..],
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write;

    #[test]
    fn text_ends_at_nul_and_where_its_room_ends() {
        assert_eq!(Text::<16>::of(b"bash\0junk").as_str(), "bash");
        assert_eq!(Text::<3>::of("aää".as_bytes()).as_str(), "aä");
        assert_eq!(Text::<4>::of(b"ab\xffc").as_str(), "ab");
        let mut text = Text::<8>::new();
        write!(text, "{}-abcdefgh", 12).unwrap();
        assert_eq!(text.as_str(), "12-abcde");
    }

    #[test]
    fn what_is_no_utf_8_is_replaced_piece_by_piece() {
        assert_eq!(Text::<32>::of(b"cut \xf0\x9f\xa6").as_str(), "cut \u{fffd}");
        assert_eq!(Text::<32>::of(b"\xff\xfea").as_str(), "\u{fffd}\u{fffd}a");
        assert_eq!(Text::<32>::of(b"").as_str(), "");
    }
}
