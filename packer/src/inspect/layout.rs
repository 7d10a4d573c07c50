//! The layout of each event: what a node decodes its records by. Called by `inspect`.
//! Must never show another struct than the manifest declares.

use payload::manifest::Event;
use payload::object::{Object, Record};
use serde::Serialize;

/// The records of one ring or perf buffer.
#[derive(Debug, Serialize)]
pub(super) struct Layout {
    pub(super) map: String,
    #[serde(rename = "struct")]
    pub(super) struct_name: String,
    #[serde(flatten)]
    pub(super) record: Record,
}

/// The layouts of a manifest's events, by the BTF of an object.
pub(super) fn of(events: &[Event], object: &Object) -> Vec<Layout> {
    let layout = |event: &Event| {
        Some(Layout {
            map: event.map.clone(),
            struct_name: event.struct_name.clone(),
            record: Record::of(object.btf.as_ref()?, &event.struct_name)?,
        })
    };
    events.iter().filter_map(layout).collect()
}
