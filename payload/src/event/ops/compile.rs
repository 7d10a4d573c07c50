//! From the tree of a struct to steps and literals. Called once for each decoder. Must never let
//! the steps write more than `limits::EVENT_TEXT_BYTES_MAX` for a record's fixed part.

use super::{Op, Ops, ShowBits, Table, What};
use crate::btf::{Btf, Type, TypeId};
use crate::event::DecoderError;
use crate::event::pen::Pen;
use crate::event::text;
use crate::event::tree::{Field, Leaf, Show, ShowBytes, Value};
use crate::limits::{EVENT_NAMES_BYTES_MAX, EVENT_TEXT_BYTES_MAX, IDENTIFIER_BYTES_MAX};

/// Steps in the making.
pub(in crate::event) struct Compiler<'a> {
    btf: &'a Btf,
    made: Ops,
    /// The enumerations that have a table, in the order of the tables.
    enums: Vec<TypeId>,
    /// Where the literal begins that the next step will write.
    pending: usize,
    /// The longest text that the steps so far can write, saturating.
    text_bytes: u64,
}

impl<'a> Compiler<'a> {
    pub(in crate::event) fn new(btf: &'a Btf) -> Compiler<'a> {
        Compiler {
            btf,
            made: Ops::default(),
            enums: Vec::new(),
            pending: 0,
            text_bytes: 0,
        }
    }

    /// Number of steps so far, a pending literal made one of them.
    fn steps(&mut self) -> usize {
        if self.pending < self.made.literals.len() {
            self.step(0, What::Nothing);
        }
        self.made.steps.len()
    }

    pub(in crate::event) fn finish(mut self) -> Result<Ops, DecoderError> {
        self.steps();
        if self.made.literals.len() > EVENT_NAMES_BYTES_MAX {
            return Err(DecoderError::NamesTooLarge {
                max: EVENT_NAMES_BYTES_MAX,
            });
        }
        let (bytes, max) = (self.text_bytes, EVENT_TEXT_BYTES_MAX);
        if bytes > max {
            Err(DecoderError::TextTooLarge { bytes, max })
        } else {
            Ok(self.made)
        }
    }

    pub(in crate::event) fn object(&mut self, fields: &[Field]) -> Result<(), DecoderError> {
        for (number, field) in fields.iter().enumerate() {
            self.literal(if number == 0 { b"{" } else { b"," });
            let before = self.made.literals.len();
            self.name(&field.name);
            self.count(before);
            self.literal(b":");
            self.value(&field.value)?;
        }
        self.literal(if fields.is_empty() { b"{}" } else { b"}" });
        Ok(())
    }

    pub(in crate::event) fn value(&mut self, value: &Value) -> Result<(), DecoderError> {
        match value {
            Value::Object(fields) => self.object(fields),
            Value::Leaf { at, leaf } => self.leaf(*at, leaf),
            Value::Array {
                at,
                count,
                stride,
                element,
            } => {
                self.literal(b"[");
                let first = self.made.steps.len();
                self.step(*at, What::Nothing);
                let before = std::mem::take(&mut self.text_bytes);
                self.value(element)?;
                let end = self.steps();
                let elements = u64::from(count.unwrap_or(0));
                let element_bytes = self.text_bytes.saturating_add(1);
                self.text_bytes = before.saturating_add(elements.saturating_mul(element_bytes));
                let ops = u32::try_from(end - first - 1).unwrap_or(0);
                let stride = *stride;
                if let Some(repeat) = self.made.steps.get_mut(first) {
                    repeat.what = match *count {
                        Some(count) => What::Repeat { count, stride, ops },
                        None => What::RepeatToEnd { stride, ops },
                    };
                }
                self.literal(b"]");
                Ok(())
            }
        }
    }

    fn leaf(&mut self, at: u32, leaf: &Leaf) -> Result<(), DecoderError> {
        // The longest texts: 20 digits and a sign for 64 bits, 40 with quotes for 128.
        let (what, longest) = match *leaf {
            Leaf::Integer { bytes, signed } => (integer(bytes, signed), 42),
            Leaf::Bool => (What::Bool, 5),
            Leaf::Float { bytes: 4 } => (What::F32, 32),
            Leaf::Float { .. } => (What::F64, 32),
            Leaf::Pointer { bytes } => (What::Pointer { bytes }, 20),
            Leaf::Ipv4 => (What::Ipv4, 17),
            Leaf::Ipv6 => (What::Ipv6, 48),
            Leaf::Enum { bytes, of } => (
                What::Enum {
                    bytes,
                    table: self.table(of)?,
                },
                IDENTIFIER_TEXT_BYTES,
            ),
            Leaf::Bits {
                shift,
                bits,
                ref show,
            } => {
                let show = match *show {
                    Show::Unsigned => ShowBits::Unsigned,
                    Show::Signed => ShowBits::Signed,
                    Show::Bool => ShowBits::Bool,
                    Show::Enum(of) => ShowBits::Enum {
                        table: self.table(of)?,
                    },
                };
                (What::Bits { shift, bits, show }, IDENTIFIER_TEXT_BYTES)
            }
            Leaf::Bytes { span, show } => {
                // A flexible array's text is bounded by its record, not by its declaration.
                let declared = if span.bytes == u32::MAX {
                    0
                } else {
                    u64::from(span.bytes)
                };
                let each = if show == ShowBytes::Hex { 2 } else { 6 };
                (
                    What::Bytes {
                        bytes: span.bytes,
                        open: span.open,
                        show,
                    },
                    declared * each + 4,
                )
            }
        };
        self.text_bytes = self.text_bytes.saturating_add(longest);
        self.step(at, what);
        Ok(())
    }

    /// The table of an enumeration, made if there is none yet.
    fn table(&mut self, id: TypeId) -> Result<u32, DecoderError> {
        let number = self.enums.iter().position(|&made| made == id);
        let number = if let Some(number) = number {
            number
        } else {
            self.make_table(id)?;
            self.enums.push(id);
            self.enums.len() - 1
        };
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn make_table(&mut self, id: TypeId) -> Result<(), DecoderError> {
        let Type::Enum(of) = self.btf.type_at(id) else {
            return Err(DecoderError::NotAStruct {
                id,
                kind: self.btf.kind(id),
            });
        };
        // Values of an unsigned enumeration have 32 bits even where it is stored in fewer.
        let kept = match (of.signed, of.bytes) {
            (false, bytes @ 1..=7) => (1_u64 << (bytes * 8)) - 1,
            _ => u64::MAX,
        };
        let mut all: Vec<(u64, &str)> = of
            .values()
            .map(|(name, value)| (value & kept, name))
            .collect();
        // The first of several names of one value stays.
        all.sort_by_key(|&(value, _)| value);
        all.dedup_by_key(|&mut (value, _)| value);
        // The names stand before the literal that is pending: it moves behind them.
        let pending = self.made.literals.split_off(self.pending);
        let mut names = Vec::with_capacity(all.len());
        for &(_, name) in &all {
            if name.len() > IDENTIFIER_BYTES_MAX {
                let (path, max) = (self.btf.name(id).to_owned(), IDENTIFIER_BYTES_MAX);
                return Err(DecoderError::NameTooLong {
                    path,
                    bytes: name.len(),
                    max,
                });
            }
            let from = self.made.literals.len();
            self.name(name);
            names.push((short(from), short(self.made.literals.len())));
            if self.made.literals.len() > EVENT_NAMES_BYTES_MAX {
                return Err(DecoderError::NamesTooLarge {
                    max: EVENT_NAMES_BYTES_MAX,
                });
            }
        }
        self.pending = self.made.literals.len();
        self.made.literals.extend_from_slice(&pending);
        let values: Vec<u64> = all.iter().map(|&(value, _)| value).collect();
        let dense = values
            .windows(2)
            .all(|pair| matches!(pair, [one, next] if one.checked_add(1) == Some(*next)));
        let dense_from = values.first().copied().filter(|_| dense);
        self.made.tables.push(Table {
            signed: of.signed,
            dense_from,
            values,
            names,
        });
        Ok(())
    }

    /// Adds a name as a JSON string.
    fn name(&mut self, name: &str) {
        let mut pen = Pen::new(&mut self.made.literals);
        text::string(name.as_bytes(), &mut pen);
        pen.end();
    }

    fn literal(&mut self, text: &[u8]) {
        let before = self.made.literals.len();
        self.made.literals.extend_from_slice(text);
        self.count(before);
    }

    /// Counts the literals since `before` as text to be written.
    fn count(&mut self, before: usize) {
        let more = self.made.literals.len().saturating_sub(before);
        self.text_bytes = self
            .text_bytes
            .saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
    }

    fn step(&mut self, at: u32, what: What) {
        let end = self.made.literals.len();
        let literal = (short(self.pending), short(end));
        self.made.steps.push(Op { literal, at, what });
        self.pending = end;
    }
}

/// The longest JSON string of an identifier: every byte escaped.
const IDENTIFIER_TEXT_BYTES: u64 = 6 * 511 + 2;

fn integer(bytes: u32, signed: bool) -> What {
    match (bytes, signed) {
        (1, false) => What::U8,
        (2, false) => What::U16,
        (4, false) => What::U32,
        (8, false) => What::U64,
        (16, false) => What::U128,
        (1, true) => What::I8,
        (2, true) => What::I16,
        (4, true) => What::I32,
        (8, true) => What::I64,
        (16, true) => What::I128,
        (bytes, signed) => What::Bits {
            shift: 0,
            bits: bytes.saturating_mul(8),
            show: if signed {
                ShowBits::Signed
            } else {
                ShowBits::Unsigned
            },
        },
    }
}

/// Literals are bounded far below 4 GiB; what is not shows as an empty text, never as a panic.
fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
