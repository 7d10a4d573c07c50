//! Where the numbers of a value are, so that the values of all CPUs can be added and maps sorted.
//! Made beside a decoder from the same layout. Must never add what is no count: text, addresses,
//! names of an enumeration.

use super::ops::{bits, sign_extended};
use super::tree::{Leaf, Value};
use crate::limits::VALUE_NUMBERS_MAX;

/// The integers that a value consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(Vec<Number>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number {
    /// First byte, from the start of the value.
    at: usize,
    /// 1, 2, 4 or 8.
    bytes: usize,
    signed: bool,
}

impl Numbers {
    /// None for a value that holds anything but integers of up to 64 bits, or more of them than
    /// the limit.
    pub(super) fn of(value: &Value) -> Option<Numbers> {
        let mut numbers = Vec::new();
        collect(value, 0, &mut numbers)?;
        Some(Numbers(numbers))
    }

    /// The number that the value is, if it is just one.
    #[must_use]
    pub fn single(&self, value: &[u8]) -> Option<i128> {
        match self.0.as_slice() {
            [number] => number.read(value),
            _ => None,
        }
    }

    /// Whether a value is just one number.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.0.len() == 1
    }

    /// All values added, number by number; none if a sum has no room in its number, or a value is
    /// too short.
    #[must_use]
    pub fn sum<'v>(&self, values: impl IntoIterator<Item = &'v [u8]>) -> Option<Vec<u8>> {
        let mut values = values.into_iter();
        let mut sum = values.next()?.to_vec();
        for value in values {
            for number in &self.0 {
                let added = number.read(&sum)?.checked_add(number.read(value)?)?;
                number.write(added, &mut sum)?;
            }
        }
        Some(sum)
    }
}

impl Number {
    fn width(self) -> u32 {
        // At most 8 bytes.
        u32::try_from(self.bytes * 8).unwrap_or(64)
    }

    fn read(self, value: &[u8]) -> Option<i128> {
        let number = bits(value.get(self.at..)?, 0, self.width())?;
        if self.signed {
            return Some(sign_extended(number, self.width()));
        }
        i128::try_from(number).ok()
    }

    fn write(self, number: i128, value: &mut [u8]) -> Option<()> {
        let place = value.get_mut(self.at..self.at.checked_add(self.bytes)?)?;
        let bytes = number.to_le_bytes();
        place.copy_from_slice(bytes.get(..self.bytes)?);
        // What has no room does not read back.
        (self.read(value)? == number).then_some(())
    }
}

fn collect(value: &Value, base: usize, numbers: &mut Vec<Number>) -> Option<()> {
    let place = |at: u32| base.checked_add(usize::try_from(at).ok()?);
    match value {
        Value::Object(fields) => fields
            .iter()
            .try_for_each(|field| collect(&field.value, base, numbers)),
        Value::Leaf {
            at,
            leaf:
                Leaf::Integer {
                    bytes: bytes @ (1 | 2 | 4 | 8),
                    signed,
                },
        } => {
            if numbers.len() == VALUE_NUMBERS_MAX {
                return None;
            }
            numbers.push(Number {
                at: place(*at)?,
                bytes: usize::try_from(*bytes).ok()?,
                signed: *signed,
            });
            Some(())
        }
        Value::Leaf { .. } => None,
        Value::Array {
            at,
            count,
            stride,
            element,
        } => {
            let (at, stride) = (place(*at)?, usize::try_from(*stride).ok()?);
            for number in 0..usize::try_from((*count)?).ok()? {
                let before = numbers.len();
                collect(
                    element,
                    at.checked_add(number.checked_mul(stride)?)?,
                    numbers,
                )?;
                if numbers.len() == before {
                    // Elements without numbers take no time either.
                    break;
                }
            }
            Some(())
        }
    }
}
