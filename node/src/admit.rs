//! What may be loaded: a payload that keys vouch for, or one that came through an open door.
//! Made by the daemon and the foreground commands, consumed by the engine.
//! Must never be made from bytes that neither signature nor door let in.

use std::time::Duration;

use api::node::Trust;
use payload::digest::Digest;
use payload::file::Contents;
use payload::legacy::Preset;
use payload::manifest::Arch;
use payload::name::Version;
use payload::object::Object;
use payload::signature::Verified;
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
    body: Body,
    /// Time it took to decode and inspect the bytes.
    pub(crate) decode: Duration,
}

enum Body {
    Verified(Verified),
    Unsigned(Unsigned),
}

impl Admitted {
    /// Keys have vouched for it.
    pub(crate) fn verified(payload: Verified, decode: Duration) -> Self {
        Self { body: Body::Verified(payload), decode }
    }

    /// A door was open for it.
    pub(crate) fn unsigned(payload: Unsigned, _door: UnsignedDoor, decode: Duration) -> Self {
        Self { body: Body::Unsigned(payload), decode }
    }

    /// Why it may be loaded.
    pub(crate) fn trust(&self) -> Trust {
        match self.body {
            Body::Verified(_) => Trust::Signed,
            Body::Unsigned(_) => Trust::Unsigned,
        }
    }

    /// What it holds.
    pub(crate) fn contents(&self) -> &Contents {
        match &self.body {
            Body::Verified(payload) => payload.contents(),
            Body::Unsigned(payload) => payload.contents(),
        }
    }

    /// What its object for `arch` holds.
    pub(crate) fn inspected(&self, arch: Arch) -> Option<&Object> {
        match &self.body {
            Body::Verified(payload) => payload.inspected_for(arch),
            Body::Unsigned(payload) => payload.inspected_for(arch),
        }
    }

    /// The version, where the publisher gave one: bare objects and legacy JSON have none.
    pub(crate) fn version(&self) -> Option<&Version> {
        let manifest = &self.contents().manifest;
        let own = match &self.body {
            Body::Verified(_) => true,
            Body::Unsigned(payload) => payload.origin() == Origin::Payload,
        };
        own.then_some(&manifest.version)
    }

    /// Values that legacy JSON gives to variables of the object.
    pub(crate) fn presets(&self) -> &[Preset] {
        match &self.body {
            Body::Verified(_) => &[],
            Body::Unsigned(payload) => payload.presets(),
        }
    }

    /// Its identity.
    pub(crate) fn digest(&self) -> &Digest {
        match &self.body {
            Body::Verified(payload) => payload.digest(),
            Body::Unsigned(payload) => payload.digest(),
        }
    }
}
