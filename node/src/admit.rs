//! What may be loaded: a payload that came through an open door, or one that enough trusted keys
//! signed, above its floor and within the policy. Made by the intake and the fleet, consumed by the
//! engine. Must never be made from bytes that neither a door nor keys let in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api::node::Trust;
use handler::grant::Grant;
use payload::digest::Digest;
use payload::file::Contents;
use payload::legacy::Preset;
use payload::manifest::Arch;
use payload::name::Version;
use payload::object::Object;
use payload::signature::{KeyId, Verified};
use payload::unsigned::{Origin, Unsigned};

use crate::fleet::AboveFloor;
use crate::policy::Allowed;

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
    source: Source,
    /// Why it may be loaded.
    pub(crate) trust: Trust,
    /// Time it took to decode and inspect the bytes.
    pub(crate) decode: Duration,
    presets: Vec<Preset>,
    targets: BTreeMap<String, String>,
    grant: Option<Grant>,
}

/// What let it in.
enum Source {
    Door(Box<Unsigned>),
    Keys(Box<Verified>),
}

impl Admitted {
    /// A door was open for it, and what is set in it may be.
    pub(crate) fn unsigned(
        payload: Unsigned,
        _door: UnsignedDoor,
        allowed: Allowed,
        decode: Duration,
    ) -> Self {
        let mut presets = payload.presets().to_vec();
        presets.extend(allowed.presets);
        Self {
            source: Source::Door(Box::new(payload)),
            trust: Trust::Unsigned,
            decode,
            presets,
            targets: allowed.targets,
            grant: allowed.grant,
        }
    }

    /// Enough trusted keys signed it, no floor rules it out, and the policy allows it with what is
    /// set in it.
    pub(crate) fn signed(
        release: Verified,
        _above: AboveFloor,
        allowed: Allowed,
        decode: Duration,
    ) -> Self {
        Self {
            source: Source::Keys(Box::new(release)),
            trust: Trust::Signed,
            decode,
            presets: allowed.presets,
            targets: allowed.targets,
            grant: allowed.grant,
        }
    }

    /// What it holds.
    pub(crate) fn contents(&self) -> &Contents {
        match &self.source {
            Source::Door(payload) => payload.contents(),
            Source::Keys(release) => release.contents(),
        }
    }

    /// What its object for `arch` holds.
    pub(crate) fn inspected(&self, arch: Arch) -> Option<&Object> {
        match &self.source {
            Source::Door(payload) => payload.inspected_for(arch),
            Source::Keys(release) => release.inspected_for(arch),
        }
    }

    /// The version, where the publisher gave one: bare objects and legacy JSON have none.
    pub(crate) fn version(&self) -> Option<&Version> {
        let own = match &self.source {
            Source::Door(payload) => payload.origin() == Origin::Payload,
            Source::Keys(_) => true,
        };
        own.then_some(&self.contents().manifest.version)
    }

    /// Values that legacy JSON or a deployment gives to variables of the object.
    pub(crate) fn presets(&self) -> &[Preset] {
        &self.presets
    }

    /// Attach targets that a deployment gives to programs, in place of their sections'.
    pub(crate) fn targets(&self) -> &BTreeMap<String, String> {
        &self.targets
    }

    /// What its handler gets, where there is one.
    pub(crate) fn grant(&self) -> Option<&Grant> {
        self.grant.as_ref()
    }

    /// The keys that vouch for it; none for what came through a door.
    pub(crate) fn signers(&self) -> BTreeSet<KeyId> {
        match &self.source {
            Source::Door(_) => BTreeSet::new(),
            Source::Keys(release) => release.signers().clone(),
        }
    }

    /// Its identity.
    pub(crate) fn digest(&self) -> &Digest {
        match &self.source {
            Source::Door(payload) => payload.digest(),
            Source::Keys(release) => release.digest(),
        }
    }
}
