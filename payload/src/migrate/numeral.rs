//! What is a number to a conversion: integers, names of values, truths, bit fields. Called while one is
//! compiled. Must never call one wider than another that has a value it lacks.

use super::NoConversion;
use super::between::{Part, small};
use super::step::Bits;
use crate::btf::{Enumeration, Int};

/// A number of one layout.
#[derive(Clone, Copy)]
pub(super) struct Numeral {
    at: u64,
    bits: u32,
    pub(super) signed: bool,
    pub(super) truth: bool,
    /// Whether it counts something.
    pub(super) integer: bool,
}

impl Numeral {
    /// Whether every value of the other is one of it.
    pub(super) fn holds(self, other: Self) -> bool {
        match (other.signed, self.signed) {
            (false, true) => self.bits > other.bits,
            (true, false) => false,
            (true, true) | (false, false) => self.bits >= other.bits,
        }
    }

    pub(super) fn place(self) -> Result<Bits, NoConversion> {
        Ok(Bits {
            at: small(self.at)?,
            bits: small(self.bits.into())?,
        })
    }
}

pub(super) fn number(int: Int, part: Part) -> Numeral {
    let whole = part.bit_field_bits == 0;
    Numeral {
        at: part.at.saturating_add(int.bit_offset.into()),
        bits: if whole { int.bits } else { part.bit_field_bits }.min(64),
        signed: int.signed,
        truth: int.boolean,
        integer: whole && !int.boolean,
    }
}

pub(super) fn names(enumeration: Enumeration<'_>, part: Part) -> Numeral {
    let whole = part.bit_field_bits == 0;
    let bits = enumeration.bytes.saturating_mul(8);
    Numeral {
        at: part.at,
        bits: if whole { bits } else { part.bit_field_bits }.min(64),
        signed: enumeration.signed,
        truth: false,
        integer: false,
    }
}
