//! Who vouches for a payload: DSSE envelopes with Ed25519 signatures, over name, version and digest
//! of a release, or over the floor below which no version must run.
//! Written by `packer`, checked by `registry` and `node`, each against its own keys.
//! Must never parse a payload before enough of its signatures held, nor re-serialise signed bytes.

mod envelope;
mod floor;
mod key;
mod release;
mod statement;
mod trust;

pub use envelope::{AlreadySigned, EnvelopeError, MergeError, SignedEnvelope};
pub use floor::{UnverifiedFloor, VerifiedFloor};
pub use key::{KeyError, KeyId, PublicKey, SecretText, SigningKey};
pub use release::{Unverified, Verified, VerifyError};
pub use statement::{FloorStatement, Signed, Statement};
pub use trust::{NotTrusted, TooManyKeys, TrustedKeys};

/// The envelope of a release.
pub type Envelope = SignedEnvelope<Statement>;
/// The envelope of a floor.
pub type FloorEnvelope = SignedEnvelope<FloorStatement>;

/// The bytes that are signed for a body of a type: DSSE 1.0.2, protocol.md, "Signature Definition".
fn pre_authentication_encoding(payload_type: &str, body: &[u8]) -> Vec<u8> {
    let (type_bytes, body_bytes) = (payload_type.len(), body.len());
    let mut encoded = format!("DSSEv1 {type_bytes} {payload_type} {body_bytes} ").into_bytes();
    encoded.extend_from_slice(body);
    encoded
}

#[cfg(test)]
#[path = "signature/tests.rs"]
mod tests;
