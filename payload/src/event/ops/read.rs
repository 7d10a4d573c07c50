//! Bits out of bytes. Called by the loop for bit fields, enumerations and pointers. Must never
//! ask for a byte that the bits do not touch: the record may end there.

/// `width` bits, up to 128 with the shift, from bit `shift` (0 to 7) of the first byte; none if
/// there are not so many bytes.
pub(in crate::event) fn bits(bytes: &[u8], shift: u32, width: u32) -> Option<u128> {
    if let Some(eight) = bytes.first_chunk::<8>().filter(|_| shift + width <= 64) {
        let above = u64::from_le_bytes(*eight) >> shift;
        return Some(u128::from(
            above & u64::MAX.checked_shr(64 - width).unwrap_or(0),
        ));
    }
    let length = usize::try_from((shift + width).div_ceil(8)).ok()?;
    let mut wide = [0; 16];
    wide.get_mut(..length)?
        .copy_from_slice(bytes.get(..length)?);
    let mask = u128::MAX
        .checked_shr(128_u32.checked_sub(width)?)
        .unwrap_or(0);
    Some((u128::from_le_bytes(wide) >> shift) & mask)
}

/// A number of `width` bits with its sign.
pub(in crate::event) fn sign_extended(value: u128, width: u32) -> i128 {
    let unused = 128_u32.saturating_sub(width);
    (value.cast_signed().checked_shl(unused).unwrap_or(0)) >> unused.min(127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_taken_from_the_lowest_up() {
        let bytes = [0b1011_0100, 0b0000_0001, 0xff];
        assert_eq!(bits(&bytes, 0, 8), Some(0b1011_0100));
        assert_eq!(bits(&bytes, 2, 3), Some(0b101));
        assert_eq!(bits(&bytes, 4, 8), Some(0b0001_1011));
        assert_eq!(bits(&bytes, 7, 17), Some(0x1_fe03));
        assert_eq!(bits(&bytes, 7, 18), None);
        assert_eq!(bits(&[0xff; 16], 0, 128), Some(u128::MAX));
        assert_eq!(bits(&[0xff; 17], 1, 128), None);
    }

    #[test]
    fn only_the_bytes_with_the_bits_are_needed() {
        assert_eq!(bits(&[0b1000_0000], 7, 1), Some(1));
        assert_eq!(bits(&[], 0, 1), None);
    }

    #[test]
    fn signs_are_extended_from_the_highest_bit() {
        assert_eq!(sign_extended(0b111, 3), -1);
        assert_eq!(sign_extended(0b011, 3), 3);
        assert_eq!(sign_extended(1, 1), -1);
        assert_eq!(sign_extended(u128::MAX, 128), -1);
        assert_eq!(
            sign_extended(0x8000_0000_0000_0000, 64),
            i128::from(i64::MIN)
        );
    }
}
