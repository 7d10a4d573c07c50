//! Whether two types of two objects mean the same bytes in the same way. Called by the node before
//! a map goes on from one generation to the next. Must never say yes where a field moved, changed
//! its size, sign or name: the new program would misread what the old one wrote.

use std::collections::BTreeSet;

use super::{Btf, Composite, Enumeration, Type, TypeId};

/// Pairs of types that one comparison looks at; beyond it the answer is no.
const PAIRS_MAX: usize = 4096;

/// Whether a value of the one type can be read as the other, field by field, by the same names.
///
/// Modifiers and the names of typedefs, integers, structs and enums don't count, what pointers
/// point at neither: a pointer in a map is a number to the one who reads it.
#[must_use]
pub fn agree(one: (&Btf, TypeId), other: (&Btf, TypeId)) -> bool {
    let mut comparison = Comparison {
        one: one.0,
        other: other.0,
        seen: BTreeSet::new(),
    };
    comparison.types(one.1, other.1)
}

struct Comparison<'btf> {
    one: &'btf Btf,
    other: &'btf Btf,
    seen: BTreeSet<(u32, u32)>,
}

impl Comparison<'_> {
    fn types(&mut self, one: TypeId, other: TypeId) -> bool {
        let (one, other) = (self.one.resolve(one), self.other.resolve(other));
        if !self.seen.insert((one.0, other.0)) {
            return true;
        }
        if self.seen.len() > PAIRS_MAX {
            return false;
        }
        match (self.one.type_at(one), self.other.type_at(other)) {
            (Type::Void, Type::Void) | (Type::Ptr(_), Type::Ptr(_)) => true,
            (Type::Int(one), Type::Int(other)) => one == other,
            (Type::Float(one), Type::Float(other)) => one == other,
            (
                Type::Array {
                    element: one,
                    count: one_count,
                },
                Type::Array {
                    element: other,
                    count: other_count,
                },
            ) => one_count == other_count && self.types(one, other),
            (Type::Struct(one), Type::Struct(other)) | (Type::Union(one), Type::Union(other)) => {
                self.composites(one, other)
            }
            (Type::Enum(one), Type::Enum(other)) => enumerations(one, other),
            _ => false,
        }
    }

    fn composites(&mut self, one: Composite<'_>, other: Composite<'_>) -> bool {
        one.bytes == other.bytes
            && one.members().len() == other.members().len()
            && one.members().zip(other.members()).all(|(one, other)| {
                one.name == other.name
                    && one.bit_offset == other.bit_offset
                    && one.bit_field_bits == other.bit_field_bits
                    && self.types(one.of, other.of)
            })
    }
}

fn enumerations(one: Enumeration<'_>, other: Enumeration<'_>) -> bool {
    (one.bytes, one.signed) == (other.bytes, other.signed) && one.values().eq(other.values())
}
