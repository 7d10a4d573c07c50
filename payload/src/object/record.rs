//! What the records of an event look like, member by member. Called by whoever shows events to people.
//! Must never show another struct than the one that is asked for.

use serde::Serialize;

use super::type_name;
use crate::btf::{Btf, Type};

/// A struct that records have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Its size, bytes.
    pub size_bytes: u64,
    /// Its members, in their order.
    pub fields: Vec<Field>,
}

/// One member of a struct.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Empty for an anonymous struct or union.
    pub name: String,
    /// As C writes it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Where it begins in the record, bits: a bit field may begin inside a byte.
    pub offset_bits: u32,
    /// Its width in bits if it is a bit field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
}

impl Record {
    /// The struct of this name; nothing where there is none, or none with a size.
    #[must_use]
    pub fn of(btf: &Btf, struct_name: &str) -> Option<Self> {
        let found = btf
            .by_name(struct_name)
            .find_map(|id| match btf.type_at(id) {
                Type::Struct(members) => Some((id, members)),
                _ => None,
            });
        let (id, members) = found?;
        let fields = members.members().map(|member| Field {
            name: member.name.to_owned(),
            type_name: type_name(btf, member.of),
            offset_bits: member.bit_offset,
            bits: (member.bit_field_bits > 0).then_some(member.bit_field_bits),
        });
        Some(Self {
            fields: fields.collect(),
            size_bytes: btf.size_of(id)?,
        })
    }
}
