//! A number that two layouts of a value have in common, and what was added to it. Called by the node
//! to join what two generations counted. Must never wrap where the old width did not.

use super::step::Bits;

/// An integer of 4 or 8 bytes in both layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// Its first byte in the old layout.
    pub from: usize,
    /// Its size there, bytes.
    pub from_bytes: usize,
    /// Its first byte in the new layout, a multiple of its size.
    pub to: usize,
    /// Its size there, bytes.
    pub to_bytes: usize,
    /// Whether it has a sign in the old layout.
    pub signed: bool,
}

impl Number {
    pub(super) fn at(base: (usize, usize), from: Bits, to: Bits, signed: bool) -> Option<Self> {
        let placed = |base: usize, place: Bits| {
            let (at, bytes) = (base.checked_add(place.at / 8)?, place.bits / 8);
            let fits = matches!(place.bits, 32 | 64)
                && place.at.is_multiple_of(8)
                && at.is_multiple_of(bytes);
            fits.then_some((at, bytes))
        };
        let (from, from_bytes) = placed(base.0, from)?;
        let (to, to_bytes) = placed(base.1, to)?;
        Some(Self {
            from,
            from_bytes,
            to,
            to_bytes,
            signed,
        })
    }

    /// What was added to it between two values of the old layout, to be added in the new one.
    #[must_use]
    pub fn added(&self, earlier: &[u8], later: &[u8]) -> u64 {
        self.read(later).wrapping_sub(self.read(earlier))
    }

    /// Its value in the old layout, with its sign in all 64 bits; 0 where the value is too short.
    fn read(&self, value: &[u8]) -> u64 {
        let end = self.from.saturating_add(self.from_bytes);
        let bytes = value.get(self.from..end).unwrap_or_default();
        let wide = bytes
            .iter()
            .rev()
            .fold(0_u64, |wide, &byte| wide << 8 | u64::from(byte));
        match u32::try_from(wide) {
            Ok(narrow) if self.signed && self.from_bytes == 4 => {
                i64::from(narrow.cast_signed()).cast_unsigned()
            }
            _ => wide,
        }
    }
}
