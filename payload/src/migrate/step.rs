//! The steps of a conversion and how they run on bytes. Little-endian, as every machine that BPF
//! objects of this format are for. Must never index what it has not asked for.

use super::Number;

/// A place of a number, in bits from the start of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) at: usize,
    /// 1 to 64.
    pub(super) bits: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Bytes as they are.
    Copy {
        from: usize,
        to: usize,
        bytes: usize,
    },
    /// A number, which may have another width.
    Number {
        from: Bits,
        to: Bits,
        signed: bool,
        /// Whether adding to it means something: an integer, no name of a value, no truth.
        add: bool,
    },
    /// The steps of one element, for each; places in `steps` are within the element.
    Repeat {
        count: usize,
        /// Bytes: where the first element begins, and how far it is to the next one.
        from: (usize, usize),
        to: (usize, usize),
        steps: Vec<Step>,
    },
}

impl Step {
    /// Whether it takes all of an element of so many bytes as it is, and nobody adds to it.
    pub(super) fn is_plain(&self, bytes: usize) -> bool {
        match self {
            Self::Copy {
                from,
                to,
                bytes: of,
            } => (*from, *to, *of) == (0, 0, bytes),
            Self::Number { from, to, add, .. } => {
                let whole = Bits {
                    at: 0,
                    bits: bytes.saturating_mul(8),
                };
                *from == whole && *to == whole && !(*add && bytes >= 4)
            }
            Self::Repeat { .. } => false,
        }
    }

    pub(super) fn reversed(&self) -> Self {
        match self {
            &Self::Copy { from, to, bytes } => Self::Copy {
                from: to,
                to: from,
                bytes,
            },
            &Self::Number {
                from,
                to,
                signed,
                add,
            } => Self::Number {
                from: to,
                to: from,
                signed,
                add,
            },
            Self::Repeat {
                count,
                from,
                to,
                steps,
            } => Self::Repeat {
                count: *count,
                from: *to,
                to: *from,
                steps: steps.iter().map(Self::reversed).collect(),
            },
        }
    }
}

/// Runs the steps. What lies outside of either value is left out: it can only be where a value is
/// not of the type that was compiled for.
pub(super) fn run(steps: &[Step], old: &[u8], new: &mut [u8]) {
    for step in steps {
        match step {
            &Step::Copy { from, to, bytes } => copy(old, from, new, to, bytes),
            &Step::Number {
                from, to, signed, ..
            } => number(old, from, new, to, signed),
            Step::Repeat {
                count,
                from,
                to,
                steps,
            } => {
                for index in 0..*count {
                    let element = |(at, stride): (usize, usize)| {
                        at.saturating_add(index.saturating_mul(stride))
                    };
                    let old = old.get(element(*from)..);
                    let new = new.get_mut(element(*to)..);
                    let Some((old, new)) = old.zip(new) else {
                        break;
                    };
                    run(steps, old, new);
                }
            }
        }
    }
}

fn copy(old: &[u8], from: usize, new: &mut [u8], to: usize, bytes: usize) {
    let old = old.get(from..from.saturating_add(bytes));
    let new = new.get_mut(to..to.saturating_add(bytes));
    if let Some((old, new)) = old.zip(new) {
        new.copy_from_slice(old);
    }
}

fn number(old: &[u8], from: Bits, new: &mut [u8], to: Bits, signed: bool) {
    let whole = |place: Bits| place.at.is_multiple_of(8) && place.bits.is_multiple_of(8);
    if whole(from) && whole(to) && from.bits == to.bits {
        return copy(old, from.at / 8, new, to.at / 8, to.bits / 8);
    }
    let mut value = bits_of(old, from);
    if signed && from.bits < 64 && value >> (from.bits - 1) & 1 == 1 {
        value |= u64::MAX << from.bits;
    }
    put(new, to, value);
}

fn bits_of(bytes: &[u8], place: Bits) -> u64 {
    let bit = |index: usize| {
        let at = place.at + index;
        let byte = bytes.get(at / 8).copied().unwrap_or(0);
        u64::from(byte >> (at % 8) & 1) << index
    };
    (0..place.bits.min(64)).map(bit).sum()
}

fn put(bytes: &mut [u8], place: Bits, value: u64) {
    for index in 0..place.bits.min(64) {
        let at = place.at + index;
        if let Some(byte) = bytes.get_mut(at / 8) {
            let bit = u8::from(value >> index & 1 == 1) << (at % 8);
            *byte = *byte & !(1 << (at % 8)) | bit;
        }
    }
}

/// Collects the numbers that can be added to, of steps that begin at these bytes.
pub(super) fn numbers(
    steps: &[Step],
    base: (usize, usize),
    numbers_max: usize,
    found: &mut Vec<Number>,
) {
    for step in steps {
        match step {
            &Step::Number {
                from,
                to,
                signed,
                add: true,
            } => {
                let number = Number::at(base, from, to, signed);
                if let Some(number) = number
                    && found.len() < numbers_max
                {
                    found.push(number);
                }
            }
            Step::Repeat {
                count,
                from,
                to,
                steps,
            } => {
                for index in 0..*count {
                    if found.len() == numbers_max {
                        return;
                    }
                    let old = base.0 + from.0 + index * from.1;
                    let new = base.1 + to.0 + index * to.1;
                    numbers(steps, (old, new), numbers_max, found);
                }
            }
            Step::Copy { .. } | Step::Number { add: false, .. } => {}
        }
    }
}

/// Marks the bytes that steps write which begin at `base`.
pub(super) fn mark(steps: &[Step], base: usize, mask: &mut [u8]) {
    let fill = |mask: &mut [u8], start: usize, end: usize| {
        let end = end.min(mask.len());
        if let Some(bytes) = mask.get_mut(start..end) {
            bytes.fill(0xff);
        }
    };
    for step in steps {
        match step {
            Step::Copy { to, bytes, .. } => fill(mask, base + to, base + to + bytes),
            Step::Number { to, .. } => {
                let end = (to.at + to.bits).div_ceil(8);
                fill(mask, base + to.at / 8, base + end);
            }
            Step::Repeat {
                count, to, steps, ..
            } => {
                for index in 0..*count {
                    mark(steps, base + to.0 + index * to.1, mask);
                }
            }
        }
    }
}
