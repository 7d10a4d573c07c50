//! The layout of each event: what a node decodes its records by. Called by `inspect`.
//! Must never show another struct than the manifest declares.

use payload::btf::{Btf, Type};
use payload::manifest::Event;
use payload::object::{Object, type_name};
use serde::Serialize;

/// The records of one ring or perf buffer.
#[derive(Debug, Serialize)]
pub(super) struct Layout {
    pub(super) map: String,
    #[serde(rename = "struct")]
    pub(super) struct_name: String,
    pub(super) size_bytes: u64,
    pub(super) fields: Vec<Field>,
}

/// One member of a struct.
#[derive(Debug, Serialize)]
pub(super) struct Field {
    /// Empty for an anonymous struct or union.
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) type_name: String,
    /// Where it begins in the record, bits: a bit field may begin inside a byte.
    pub(super) offset_bits: u32,
    /// Its width in bits if it is a bit field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bits: Option<u32>,
}

/// The layouts of a manifest's events, by the BTF of an object.
pub(super) fn of(events: &[Event], object: &Object) -> Vec<Layout> {
    let layout = |event| layout(event, object.btf.as_ref()?);
    events.iter().filter_map(layout).collect()
}

fn layout(event: &Event, btf: &Btf) -> Option<Layout> {
    let found = btf
        .by_name(&event.struct_name)
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
    Some(Layout {
        map: event.map.clone(),
        struct_name: event.struct_name.clone(),
        size_bytes: btf.size_of(id)?,
        fields: fields.collect(),
    })
}
