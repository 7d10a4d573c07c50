//! The tree that a struct is laid out as, before it becomes a flat list of operations. Made by
//! `layout`, read by `ops`. Must never hold offsets outside of the struct.

use crate::btf::TypeId;

/// A named value of a struct or union.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: Value,
}

/// Something to be shown. Offsets count from the start of the record, or of the array element that
/// the value is in.
#[derive(Debug)]
pub(super) enum Value {
    /// One JSON value without parts.
    Leaf { at: u32, leaf: Leaf },
    /// A struct or union.
    Object(Vec<Field>),
    /// `count` elements; none: as many as the record has bytes for.
    Array {
        at: u32,
        count: Option<u32>,
        stride: u32,
        element: Box<Value>,
    },
}

/// What a leaf is and how it is shown.
#[derive(Debug)]
pub(super) enum Leaf {
    /// An integer of 1, 2, 4, 8 or 16 bytes. 16 bytes are shown as text.
    Integer { bytes: u32, signed: bool },
    /// Some bits, or an integer of another size.
    Bits { shift: u32, bits: u32, show: Show },
    /// A whole enumeration of 1 to 8 bytes.
    Enum { bytes: u32, of: TypeId },
    /// One byte, 0 is false.
    Bool,
    /// 4 or 8 bytes.
    Float { bytes: u32 },
    /// An address in the kernel or in a process.
    Pointer { bytes: u32 },
    /// 4 bytes in network order.
    Ipv4,
    /// 16 bytes in network order.
    Ipv6,
    /// Bytes as text, words or hex.
    Bytes { span: Span, show: ShowBytes },
}

/// How many bytes a leaf of bytes has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Declared bytes, of which a record may hold fewer if `open`.
    pub(super) bytes: u32,
    /// The record's end may cut it short, or, for a flexible array member, tells its length.
    pub(super) open: bool,
}

/// How bits are shown.
#[derive(Debug)]
pub(super) enum Show {
    Unsigned,
    Signed,
    Bool,
    Enum(TypeId),
}

/// How bytes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShowBytes {
    Text,
    Words,
    Hex,
}

impl Value {
    /// Bytes that a record must have for this value, from where offsets are counted.
    pub(super) fn needed(&self) -> u64 {
        match self {
            Value::Object(fields) => fields
                .iter()
                .map(|field| field.value.needed())
                .max()
                .unwrap_or(0),
            Value::Leaf { at, leaf } => u64::from(*at) + leaf.needed(),
            Value::Array {
                at, count, stride, ..
            } => u64::from(*at) + u64::from(count.unwrap_or(0)) * u64::from(*stride),
        }
    }
}

impl Leaf {
    fn needed(&self) -> u64 {
        match self {
            Leaf::Integer { bytes, .. }
            | Leaf::Enum { bytes, .. }
            | Leaf::Float { bytes }
            | Leaf::Pointer { bytes } => u64::from(*bytes),
            Leaf::Bits { shift, bits, .. } => u64::from((shift + bits).div_ceil(8)),
            Leaf::Bool => 1,
            Leaf::Ipv4 => 4,
            Leaf::Ipv6 => 16,
            Leaf::Bytes {
                span: Span { open: true, .. },
                ..
            } => 0,
            Leaf::Bytes { span, .. } => u64::from(span.bytes),
        }
    }
}
