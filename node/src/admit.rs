//! What may be loaded: so far a payload that came through an open door. Made by the daemon and the
//! foreground commands, consumed by the engine.
//! Must never be made from bytes that no door let in.

use std::time::Duration;

use api::node::Trust;
use payload::digest::Digest;
use payload::file::Contents;
use payload::legacy::Preset;
use payload::manifest::Arch;
use payload::name::Version;
use payload::object::Object;
use payload::unsigned::{Origin, Unsigned};

/// Proof that unsigned payloads may come in: the configuration says so for this caller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnsignedDoor(());

impl UnsignedDoor {
    /// The door for a caller that was found to be root or a named local user.
    pub(crate) fn opened_by_configuration() -> Self {
        Self(())
    }
}

/// A payload that may be loaded.
pub(crate) struct Admitted {
    payload: Unsigned,
    /// Why it may be loaded.
    pub(crate) trust: Trust,
    /// Time it took to decode and inspect the bytes.
    pub(crate) decode: Duration,
}

impl Admitted {
    /// A door was open for it.
    pub(crate) fn unsigned(payload: Unsigned, _door: UnsignedDoor, decode: Duration) -> Self {
        Self {
            payload,
            trust: Trust::Unsigned,
            decode,
        }
    }

    /// What it holds.
    pub(crate) fn contents(&self) -> &Contents {
        self.payload.contents()
    }

    /// What its object for `arch` holds.
    pub(crate) fn inspected(&self, arch: Arch) -> Option<&Object> {
        self.payload.inspected_for(arch)
    }

    /// The version, where the publisher gave one: bare objects and legacy JSON have none.
    pub(crate) fn version(&self) -> Option<&Version> {
        let own = self.payload.origin() == Origin::Payload;
        own.then_some(&self.payload.contents().manifest.version)
    }

    /// Values that legacy JSON gives to variables of the object.
    pub(crate) fn presets(&self) -> &[Preset] {
        self.payload.presets()
    }

    /// Its identity.
    pub(crate) fn digest(&self) -> &Digest {
        self.payload.digest()
    }
}
