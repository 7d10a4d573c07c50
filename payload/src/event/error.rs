//! Why a struct cannot be decoded, and why a record could not. The first is raised once, when a
//! decoder is made; the second a record at a time and counted. Must never carry record bytes.

use crate::btf::{Kind, TypeId};

/// A struct that no decoder can be made for. Fields are named by their path, `peers.port`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecoderError {
    /// The type of an event is not a struct.
    #[error("BTF type {id} is a {kind:?}; an event must be a struct or a union")]
    NotAStruct {
        /// The type.
        id: TypeId,
        /// What it is.
        kind: Kind,
    },
    /// A field that has no size, like a struct that is declared only.
    #[error("{path}: BTF type {id} ({kind:?}) has no size")]
    FieldWithoutSize {
        /// The field.
        path: String,
        /// Its type.
        id: TypeId,
        /// What it is.
        kind: Kind,
    },
    /// A field without a name that is no anonymous struct or union.
    #[error("a field of {path} has no name but is a {kind:?}")]
    FieldUnnamed {
        /// The struct it is in.
        path: String,
        /// What it is.
        kind: Kind,
    },
    /// A name that is longer than any identifier.
    #[error("a name in {path} has {bytes} bytes, at most {max} are accepted")]
    NameTooLong {
        /// The struct or enumeration it is in.
        path: String,
        /// Its length in bytes.
        bytes: usize,
        /// Bytes accepted.
        max: usize,
    },
    /// Names of fields and enumerations that are too long in all.
    #[error("the names of the event's fields and enumerations have more than {max} bytes")]
    NamesTooLarge {
        /// Bytes accepted.
        max: usize,
    },
    /// A field that ends behind its struct.
    #[error("{path} ends at bit {end_bits}, its struct at bit {struct_bits}")]
    FieldOutside {
        /// The field.
        path: String,
        /// Where it ends.
        end_bits: u64,
        /// Where its struct ends.
        struct_bits: u64,
    },
    /// A field between two bytes that is no bit field.
    #[error("{path} begins at bit {bit_offset}, which is not the start of a byte")]
    FieldUnaligned {
        /// The field.
        path: String,
        /// Where it begins, from the start of the record or array element.
        bit_offset: u64,
    },
    /// A bit field that is wider than its type, or than what is read at once.
    #[error("{path} is a bit field of {bits} bits, {max} at most can be read there")]
    BitFieldTooWide {
        /// The field.
        path: String,
        /// Its width.
        bits: u32,
        /// The widest that is read.
        max: u32,
    },
    /// A tag `marrow:…` that means nothing.
    #[error(
        "{path} is tagged \"marrow:{tag}\"; known are ipv4, ipv6, text, words, hex, number, log2, linear:STEP"
    )]
    RuleUnknown {
        /// The field.
        path: String,
        /// What follows `marrow:`.
        tag: String,
    },
    /// A declared rule for a field that it cannot be applied to.
    #[error("{path} is to be shown as {rule}, which its type ({kind:?}) cannot be")]
    RuleUnfit {
        /// The field.
        path: String,
        /// The rule.
        rule: &'static str,
        /// What the field is.
        kind: Kind,
    },
    /// More fields than one event may have.
    #[error("the event has more than {max} fields")]
    TooManyFields {
        /// Fields accepted.
        max: usize,
    },
    /// A struct that is larger than any record.
    #[error("the event has {bytes} bytes, at most {max} are decoded")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// Bytes accepted.
        max: u64,
    },
    /// An event whose JSON could be larger than what is ever kept.
    #[error("the event's JSON could have {bytes} bytes, at most {max} are written")]
    TextTooLarge {
        /// The longest text possible, in bytes.
        bytes: u64,
        /// Bytes accepted.
        max: u64,
    },
}

/// A record that is too short for its struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record has {bytes} bytes, its struct needs {needed}")]
pub struct Malformed {
    /// Bytes of the record.
    pub bytes: usize,
    /// Bytes that the struct's fields need.
    pub needed: usize,
}
