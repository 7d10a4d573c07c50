//! The handlers of the payloads below `bpf/`, as their publisher builds them, on records that are made up:
//! what they put out, count, and keep.

mod execrate;
mod execsnoop;
mod opensnoop;
mod tcplife;

use serde_json::Value;

use super::stage::{Built, Driven, repository};

/// The ring of most of them.
const EVENTS: &str = "events";
const SECOND_NS: u64 = 1_000_000_000;

/// The handler of a payload's folder.
fn built(name: &str) -> Built {
    Built::of(&repository().join("bpf").join(name))
}

/// The summary of all that a handler was given, and that of another one that goes on with its state:
/// both must be the same.
fn summary(built: &Built, driven: &mut Driven) -> Value {
    let state = driven.snapshot();
    let mut next = Driven::begun(built, false, Some(&state));
    let [own, other] = [driven, &mut next].map(|driven| {
        driven.told();
        driven.tick(11 * SECOND_NS);
        driven.told().of("summary").remove(0)
    });
    assert_eq!(own, other);
    own
}

/// A handler whose first summary is ten seconds away.
fn begun(built: &Built) -> Driven {
    let mut driven = Driven::begun(built, true, None);
    driven.tick(SECOND_NS);
    driven.told();
    driven
}

/// Text in a room of so many bytes, with what was there before behind its NUL.
fn text<const ROOM: usize>(of: &str) -> [u8; ROOM] {
    let mut room = [b'~'; ROOM];
    room[..of.len()].copy_from_slice(of.as_bytes());
    if let Some(end) = room.get_mut(of.len()) {
        *end = 0;
    }
    room
}
