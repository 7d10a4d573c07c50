//! The structs that a release's events have, read from its bytes: the manifest has their names alone.
//! Called by the page of a version, off the async threads. Pure.
//! Must never hold up a page that can be shown without them.

use payload::manifest::Event;
use payload::object::Record;
use payload::unsigned::Unsigned;

/// The records of one ring or perf buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventRecord {
    /// Name of the map.
    pub(crate) map: String,
    /// Name of the struct.
    pub(crate) struct_name: String,
    /// Its members.
    pub(crate) record: Record,
}

/// Those of a payload file, by its first object that has them.
pub(crate) fn of(file: &[u8]) -> Vec<EventRecord> {
    // Its bytes were checked when it was published; what an older registry took may be none to us.
    let Ok(payload) = Unsigned::from_payload(file) else {
        return Vec::new();
    };
    let Some(btf) = &payload.inspected().btf else {
        return Vec::new();
    };
    let record = |event: &Event| {
        Some(EventRecord {
            map: event.map.clone(),
            struct_name: event.struct_name.clone(),
            record: Record::of(btf, &event.struct_name)?,
        })
    };
    let events = payload.contents().manifest.events.iter();
    events.filter_map(record).collect()
}
