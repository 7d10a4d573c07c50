//! The rings and perf buffers of a generation, with the decoders of their records. Used while one is
//! prepared or found again. Must never read a record.

use api::node::Buffer as ShownBuffer;
use payload::btf;
use payload::event::Decoder;
use payload::manifest::Manifest;
use payload::name::InstanceName;
use payload::object::{Map, MapKind, Object};

use super::ApplyError;
use crate::instance::loss::GenerationLoss;
use crate::instance::source::{Buffer, Source};
use crate::kernel::load::{Loaded, MapHandle};
use crate::kernel::perf::Perf;
use crate::kernel::ring::Ring;

/// A map that carries events, with the decoder of its records and the name of their struct.
pub(super) struct Decoded<'object> {
    map: &'object Map,
    decoder: Decoder,
    event: Option<String>,
}

/// The decoder of each map that carries events; where `raw` is asked for, one that shows bytes.
pub(super) fn decoders<'object>(
    manifest: &Manifest,
    object: &'object Object,
    raw: bool,
) -> Result<Vec<Decoded<'object>>, ApplyError> {
    let carries = |map: &&Map| map.kind.carries_events();
    let decoded = |map: &'object Map| {
        let declared = manifest.events.iter().find(|event| event.map == map.name);
        let declared = declared.filter(|_| !raw);
        let raw = || Decoded {
            map,
            decoder: Decoder::raw(),
            event: None,
        };
        let (Some(declared), Some(btf)) = (declared, object.btf.as_ref()) else {
            return Ok(raw());
        };
        let failed = |reason| ApplyError::Event {
            map: map.name.clone(),
            reason,
        };
        let name = declared.struct_name.as_str();
        let type_id = btf
            .find(btf::Kind::Struct, name)
            .ok_or_else(|| failed(format!("the object's BTF has no struct {name}")))?;
        let decoder = Decoder::new(btf, type_id).map_err(|error| failed(error.to_string()))?;
        Ok(Decoded {
            map,
            decoder,
            event: Some(name.to_owned()),
        })
    };
    object.maps.iter().filter(carries).map(decoded).collect()
}

/// Opens the rings and perf buffers of a generation. `map` gives a map of this name.
pub(super) fn open(
    name: &InstanceName,
    generation: u64,
    map_of: impl Fn(&str) -> std::io::Result<MapHandle>,
    decoders: Vec<Decoded<'_>>,
) -> Result<(Vec<Source>, Vec<ShownBuffer>), ApplyError> {
    let mut sources = Vec::with_capacity(decoders.len());
    let mut shown = Vec::with_capacity(decoders.len());
    for Decoded {
        map,
        decoder,
        event,
    } in decoders
    {
        let failed = |source| ApplyError::machine(&format!("ring {}", map.name), source);
        let handle = map_of(&map.name).map_err(failed)?;
        let (buffer, size_bytes) = if map.kind == MapKind::RINGBUF {
            let ring = Ring::open(&handle).map_err(failed)?;
            let size_bytes = ring.size_bytes();
            (Buffer::Ring(ring), size_bytes)
        } else {
            (
                Buffer::Perf(Perf::open(&handle).map_err(failed)?),
                Perf::size_bytes(),
            )
        };
        sources.push(Source::new(
            name.as_str(),
            generation,
            &map.name,
            buffer,
            decoder,
        ));
        let kind = map.kind.to_string();
        shown.push(ShownBuffer {
            map: map.name.clone(),
            kind,
            size_bytes,
            event,
        });
    }
    Ok((sources, shown))
}

/// Where the programs of a generation count what full rings refused.
pub(super) fn loss_of(object: &Object, loaded: &Loaded) -> GenerationLoss {
    if !object.maps.iter().any(|map| map.kind == MapKind::RINGBUF) {
        return GenerationLoss::NoRing;
    }
    loaded
        .loss_map()
        .map_or(GenerationLoss::Uncounted, GenerationLoss::Counted)
}
