//! The fields of a struct as one flat list, for who reads its bytes by names. Called for the rings of
//! a handler. Must never list more fields than the limit, nor go deeper than types may nest.

use super::{Btf, Type, TypeId};
use crate::limits::{BTF_DEPTH_MAX, EVENT_FIELDS_MAX};

/// A field of a struct, or of a struct within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPlace {
    /// Its name, behind those of the fields that it is in, with dots between.
    pub name: String,
    /// Bits from the start of the outermost struct.
    pub offset_bits: u32,
    /// Its size, bits.
    pub size_bits: u32,
}

impl Btf {
    /// The fields of a struct or union, in the order of the source; arrays are one field each. What is
    /// beyond [`EVENT_FIELDS_MAX`] is left out.
    #[must_use]
    pub fn fields(&self, id: TypeId) -> Vec<FieldPlace> {
        let mut fields = Vec::new();
        self.fields_of(id, "", 0, BTF_DEPTH_MAX, &mut fields);
        fields
    }

    fn fields_of(
        &self,
        id: TypeId,
        before: &str,
        offset_bits: u32,
        depth_left: u8,
        fields: &mut Vec<FieldPlace>,
    ) {
        let (Type::Struct(composite) | Type::Union(composite)) = self.type_at(self.resolve(id))
        else {
            return;
        };
        for member in composite.members() {
            let offset_bits = offset_bits.saturating_add(member.bit_offset);
            let name = match (before, member.name) {
                (before, "") => before.to_owned(),
                ("", name) => name.to_owned(),
                (before, name) => format!("{before}.{name}"),
            };
            let is_nested = matches!(
                self.type_at(self.resolve(member.of)),
                Type::Struct(_) | Type::Union(_)
            );
            if is_nested && depth_left > 0 {
                self.fields_of(member.of, &name, offset_bits, depth_left - 1, fields);
                continue;
            }
            if fields.len() >= EVENT_FIELDS_MAX {
                return;
            }
            let size_bits = match member.bit_field_bits {
                0 => self.size_bits(member.of),
                bits => bits,
            };
            fields.push(FieldPlace {
                name,
                offset_bits,
                size_bits,
            });
        }
    }

    fn size_bits(&self, id: TypeId) -> u32 {
        self.size_of(id)
            .and_then(|bytes| u32::try_from(bytes.saturating_mul(8)).ok())
            .unwrap_or(0)
    }
}
