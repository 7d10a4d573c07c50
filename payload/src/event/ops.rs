//! The flat list of operations that writes a record's JSON, and the loop that runs it. Made once
//! from the tree of a struct, run for every event. Must never allocate while running (but for the
//! growth of the output), nor read outside of the record.

mod compile;
mod read;

pub(super) use compile::Compiler;

use super::pen::Pen;
use super::text;
use super::tree::ShowBytes;
pub(super) use read::{bits, sign_extended};

/// One step: a text that is always the same, then a value of the record.
#[derive(Clone, Debug)]
struct Op {
    /// Where the text stands among the literals.
    literal: (u32, u32),
    /// First byte of the value, from the start of the record or array element.
    at: u32,
    what: What,
}

/// The value of a step.
#[derive(Clone, Copy, Debug)]
enum What {
    /// Only the text.
    Nothing,
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    Bool,
    F32,
    F64,
    /// An integer of so many bytes as `"0x…"`.
    Pointer {
        bytes: u32,
    },
    Ipv4,
    Ipv6,
    /// An enumeration of so many bytes, by the table of this number.
    Enum {
        bytes: u32,
        table: u32,
    },
    Bits {
        shift: u32,
        bits: u32,
        show: ShowBits,
    },
    Bytes {
        bytes: u32,
        open: bool,
        show: ShowBytes,
    },
    /// The next `ops` steps once for each element, `stride` bytes apart.
    Repeat {
        count: u32,
        stride: u32,
        ops: u32,
    },
    /// The same for as many elements as the record has bytes for.
    RepeatToEnd {
        stride: u32,
        ops: u32,
    },
}

#[derive(Clone, Copy, Debug)]
enum ShowBits {
    Unsigned,
    Signed,
    Bool,
    Enum { table: u32 },
}

/// The names of an enumeration, as JSON strings among the literals.
#[derive(Clone, Debug)]
struct Table {
    signed: bool,
    /// The lowest value, if the values follow each other without a gap: then a value's place is
    /// known without a search.
    dense_from: Option<u64>,
    values: Vec<u64>,
    names: Vec<(u32, u32)>,
}

impl Table {
    fn place(&self, value: u64) -> Option<usize> {
        match self.dense_from {
            Some(first) => usize::try_from(value.wrapping_sub(first)).ok(),
            None => self.values.binary_search(&value).ok(),
        }
    }
}

/// Steps, the texts between values, and enumerations.
#[derive(Clone, Debug, Default)]
pub(super) struct Ops {
    steps: Vec<Op>,
    literals: Vec<u8>,
    tables: Vec<Table>,
}

impl Ops {
    /// Writes what all steps say; none if the record is too short for one of them (then a part
    /// of it is written).
    pub(super) fn run(&self, record: &[u8], pen: &mut Pen<'_>) -> Option<()> {
        self.run_some(&self.steps, 0, record, pen)
    }

    /// Recurses once for each level of arrays of the struct, which `limits::BTF_DEPTH_MAX` bounds.
    fn run_some(&self, ops: &[Op], base: usize, record: &[u8], pen: &mut Pen<'_>) -> Option<()> {
        let mut ops = ops;
        while let [op, rest @ ..] = ops {
            ops = rest;
            pen.put(self.literal(op.literal));
            let at = base + place(op.at);
            let (count, stride, body) = match op.what {
                What::Repeat { count, stride, ops } => (place(count), place(stride), ops),
                What::RepeatToEnd { stride, ops } => {
                    let left = record.len().checked_sub(at)?;
                    (left.checked_div(place(stride))?, place(stride), ops)
                }
                what => {
                    self.value(what, record.get(at..)?, pen)?;
                    continue;
                }
            };
            let (body, after) = ops.split_at_checked(place(body))?;
            for number in 0..count {
                if number > 0 {
                    pen.byte(b',');
                }
                self.run_some(body, at + number * stride, record, pen)?;
            }
            ops = after;
        }
        Some(())
    }

    fn literal(&self, (from, to): (u32, u32)) -> &[u8] {
        self.literals
            .get(place(from)..place(to))
            .unwrap_or_default()
    }

    /// Writes the value that begins `bytes`.
    fn value(&self, what: What, bytes: &[u8], pen: &mut Pen<'_>) -> Option<()> {
        match what {
            What::U8 => integer(u8::from_le_bytes(*bytes.first_chunk()?), pen),
            What::U16 => integer(u16::from_le_bytes(*bytes.first_chunk()?), pen),
            What::U32 => integer(u32::from_le_bytes(*bytes.first_chunk()?), pen),
            What::U64 => integer(u64::from_le_bytes(*bytes.first_chunk()?), pen),
            What::U128 => quoted(u128::from_le_bytes(*bytes.first_chunk()?), pen),
            What::I8 => integer(i8::from_le_bytes(*bytes.first_chunk()?), pen),
            What::I16 => integer(i16::from_le_bytes(*bytes.first_chunk()?), pen),
            What::I32 => integer(i32::from_le_bytes(*bytes.first_chunk()?), pen),
            What::I64 => integer(i64::from_le_bytes(*bytes.first_chunk()?), pen),
            What::I128 => quoted(i128::from_le_bytes(*bytes.first_chunk()?), pen),
            What::Bool => boolean(*bytes.first()? != 0, pen),
            What::F32 => text::float32(f32::from_le_bytes(*bytes.first_chunk()?), pen),
            What::F64 => text::float64(f64::from_le_bytes(*bytes.first_chunk()?), pen),
            What::Pointer { bytes: length } => {
                let number = bits(bytes, 0, length * 8)?;
                text::hex_number(u64::try_from(number).ok()?, pen);
            }
            What::Ipv4 => text::ipv4(*bytes.first_chunk()?, pen),
            What::Ipv6 => text::ipv6(*bytes.first_chunk()?, pen),
            What::Enum {
                bytes: length,
                table,
            } => {
                self.enumeration(table, bits(bytes, 0, length * 8)?, length * 8, pen)?;
            }
            What::Bits {
                shift,
                bits: width,
                show,
            } => {
                self.some_bits(bits(bytes, shift, width)?, width, show, pen)?;
            }
            What::Bytes {
                bytes: length,
                open,
                show,
            } => {
                let length = place(length);
                let bytes = if open && bytes.len() < length {
                    bytes
                } else {
                    bytes.get(..length)?
                };
                match show {
                    ShowBytes::Text => text::string(bytes, pen),
                    ShowBytes::Words => text::words(bytes, pen),
                    ShowBytes::Hex => text::hex(bytes, pen),
                }
            }
            What::Nothing | What::Repeat { .. } | What::RepeatToEnd { .. } => {}
        }
        Some(())
    }

    fn some_bits(&self, value: u128, width: u32, show: ShowBits, pen: &mut Pen<'_>) -> Option<()> {
        match show {
            ShowBits::Bool => boolean(value != 0, pen),
            ShowBits::Enum { table } => self.enumeration(table, value, width, pen)?,
            // Like whole integers: what is wider than 64 bits is shown as text.
            ShowBits::Unsigned if width > 64 => quoted(value, pen),
            ShowBits::Unsigned => integer(value, pen),
            ShowBits::Signed if width > 64 => quoted(sign_extended(value, width), pen),
            ShowBits::Signed => integer(sign_extended(value, width), pen),
        }
        Some(())
    }

    /// Writes the name of a value of `width` bits, or the number if it has none.
    fn enumeration(&self, table: u32, value: u128, width: u32, pen: &mut Pen<'_>) -> Option<()> {
        let table = self.tables.get(place(table))?;
        let signed = i64::try_from(sign_extended(value, width)).ok();
        let unsigned = u64::try_from(value).ok();
        let key = if table.signed {
            signed.map(i64::cast_unsigned)
        } else {
            unsigned
        }?;
        if let Some(&name) = table.place(key).and_then(|place| table.names.get(place)) {
            pen.put(self.literal(name));
        } else if table.signed {
            integer(signed?, pen);
        } else {
            integer(key, pen);
        }
        Some(())
    }
}

fn integer(number: impl itoa::Integer, pen: &mut Pen<'_>) {
    pen.put(itoa::Buffer::new().format(number).as_bytes());
}

/// A number that most readers of JSON would round.
fn quoted(number: impl itoa::Integer, pen: &mut Pen<'_>) {
    pen.byte(b'"');
    integer(number, pen);
    pen.byte(b'"');
}

fn boolean(value: bool, pen: &mut Pen<'_>) {
    pen.put(if value { b"true" } else { b"false" });
}

/// Lossless wherever Rust's `usize` has at least 32 bits.
fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
