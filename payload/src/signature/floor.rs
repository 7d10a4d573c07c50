//! Floors: a publisher's signed word that older versions of a payload must no longer run, before
//! and after its signatures were checked. Written by `packer`, kept by `registry`, kept for ever
//! by `node`. Must never give out the minimum version of what is not verified.

use std::collections::BTreeSet;

use super::envelope::{EnvelopeError, SignedEnvelope};
use super::key::KeyId;
use super::statement::FloorStatement;
use super::trust::{NotTrusted, TrustedKeys};
use crate::name::{PayloadName, Version};

/// An envelope that claims to hold a floor, not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedFloor {
    envelope: SignedEnvelope<FloorStatement>,
}

impl UnverifiedFloor {
    /// Reads an envelope.
    ///
    /// # Errors
    /// [`EnvelopeError`]; an envelope of a release is refused by its type.
    pub fn decode(envelope: &[u8]) -> Result<Self, EnvelopeError> {
        SignedEnvelope::decode(envelope).map(|envelope| Self { envelope })
    }

    /// The payload that it claims to be about.
    #[must_use]
    pub fn name(&self) -> &PayloadName {
        &self.envelope.unverified_statement().name
    }

    /// The serial that it claims.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.envelope.unverified_statement().serial
    }

    /// The keys that its signatures name.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.envelope.key_ids()
    }

    /// Checks the signatures against `keys`, as those of a release.
    ///
    /// # Errors
    /// [`NotTrusted`] when they do not suffice.
    pub fn verify(self, keys: &TrustedKeys) -> Result<VerifiedFloor, NotTrusted> {
        let signers = keys.signers(&self.envelope)?;
        Ok(VerifiedFloor {
            statement: self.envelope.unverified_statement().clone(),
            signers,
        })
    }
}

/// A floor that enough trusted keys vouch for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedFloor {
    statement: FloorStatement,
    signers: BTreeSet<KeyId>,
}

impl VerifiedFloor {
    /// What was signed.
    #[must_use]
    pub fn statement(&self) -> &FloorStatement {
        &self.statement
    }

    /// The distinct keys whose signatures counted.
    #[must_use]
    pub fn signers(&self) -> &BTreeSet<KeyId> {
        &self.signers
    }

    /// Whether `version` of this floor's payload may run.
    #[must_use]
    pub fn admits(&self, version: &Version) -> bool {
        *version >= self.statement.minimum_version
    }
}

#[cfg(test)]
#[path = "floor/tests.rs"]
mod tests;
