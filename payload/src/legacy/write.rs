//! Generation 0, byte for byte as the clients of 2022 wrote it, and the wrapper they posted it in.
//! Called by `packer legacy` and `packer push`.
//! Must never depend on anything but its arguments: the same object gives the same text.

use serde::Serialize;

use super::base64::encode_lines;
use super::names::{Skeleton, skeleton_map_name};

/// The keys in the alphabetical order in which the predecessor's JSON library wrote them.
#[derive(Serialize)]
struct Generation0<'a> {
    data: String,
    data_sz: usize,
    maps: Vec<String>,
    name: &'a str,
    progs: &'a [&'a str],
}

#[derive(Serialize)]
struct Wrapper<'a> {
    args: [&'a str; 1],
    export_handlers: [ExportHandler; 1],
    name: &'a str,
}

#[derive(Serialize)]
struct ExportHandler {
    args: [&'static str; 0],
    name: &'static str,
}

/// The object as one compact JSON document without a newline at its end. `name` is the object's
/// name and the instance it asks for; data sections are named after it, as libbpf does.
#[must_use]
pub fn write_generation_0(name: &str, object: &[u8], skeleton: &Skeleton<'_>) -> String {
    let map_name = |map: &&str| skeleton_map_name(name, map);
    to_text(&Generation0 {
        data: encode_lines(object),
        data_sz: object.len(),
        maps: skeleton.maps.iter().map(map_name).collect(),
        name,
        progs: &skeleton.programs,
    })
}

/// What the clients of 2022 posted to `/start`: a document inside the wrapper, for an instance.
#[must_use]
pub fn wrap(instance: &str, document: &str) -> String {
    let export_handlers = [ExportHandler {
        args: [],
        name: "plain_text",
    }];
    to_text(&Wrapper {
        args: [document],
        export_handlers,
        name: instance,
    })
}

fn to_text(document: &impl Serialize) -> String {
    // Strings, numbers and arrays of them always serialise: only maps with other keys do not.
    serde_json::to_string(document).unwrap_or_default()
}
