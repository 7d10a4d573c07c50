//! Payloads, keys and envelopes that tests publish: made by the payload library from its golden
//! object. Must never draw randomness: every run makes the same.

use payload::digest::Digest;
use payload::file::{self, Contents};
use payload::signature::{Envelope, FloorEnvelope, FloorStatement, SigningKey, Statement};
use payload::unsigned::Unsigned;
use serde_json::{Value, json};

/// The golden object of the format.
pub(crate) const OBJECT: &[u8] = include_bytes!("../../../payload/tests/golden/small.bpf.o");
/// An object with other programs and privileges.
pub(crate) const OTHER_OBJECT: &[u8] =
    include_bytes!("../../../payload/tests/fuzz/corpus/several_programs.bpf.o");

/// A release that can be published.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) file: Vec<u8>,
    pub(crate) envelope: String,
}

impl Made {
    /// Where it is published.
    pub(crate) fn path(&self) -> String {
        format!("/payloads/{}/versions/{}", self.name, self.version)
    }

    /// What is sent there.
    pub(crate) fn body(&self) -> Value {
        json!({ "digest": self.digest, "envelope": self.envelope })
    }
}

/// A key of a seed.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// The body that trusts a key.
pub(crate) fn trusted_key(key: &SigningKey, namespaces: &[&str]) -> Value {
    let public = key.public();
    json!({
        "key": public.id().to_string(),
        "pem": public.to_pem().unwrap(),
        "namespaces": namespaces,
        "comment": "of a test",
    })
}

/// What a payload of this name and version holds. The description makes bytes differ.
pub(crate) fn contents(object: &[u8], name: &str, version: &str, description: &str) -> Contents {
    let name = name.parse().unwrap();
    let unsigned = Unsigned::from_object(&name, object).unwrap();
    let mut contents = unsigned.into_contents();
    contents.manifest.version = version.parse().unwrap();
    contents.manifest.description = Some(description.to_owned());
    contents
}

/// `acme/small` in this version, signed by the first key.
pub(crate) fn made(version: &str) -> Made {
    made_with(OBJECT, "acme/small", version, "of a test", &[key(1)])
}

/// A release of an object under a name, signed by keys.
pub(crate) fn made_with(
    object: &[u8],
    name: &str,
    version: &str,
    description: &str,
    keys: &[SigningKey],
) -> Made {
    let file = file::encode(&contents(object, name, version, description)).unwrap();
    let digest = Digest::of(&file);
    Made {
        name: name.to_owned(),
        version: version.to_owned(),
        digest: digest.to_string(),
        envelope: envelope(name, version, digest, keys),
        file,
    }
}

/// An envelope over any statement.
pub(crate) fn envelope(name: &str, version: &str, digest: Digest, keys: &[SigningKey]) -> String {
    let statement = Statement {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
        digest,
    };
    let mut envelope = Envelope::sign(&statement, &keys[0]).unwrap();
    for key in &keys[1..] {
        envelope.add(key).unwrap();
    }
    String::from_utf8(envelope.encode().unwrap()).unwrap()
}

/// The envelope of a floor.
pub(crate) fn floor(name: &str, minimum_version: &str, serial: u64, key: &SigningKey) -> String {
    let statement = FloorStatement {
        name: name.parse().unwrap(),
        minimum_version: minimum_version.parse().unwrap(),
        serial,
    };
    let envelope = FloorEnvelope::sign(&statement, key).unwrap();
    String::from_utf8(envelope.encode().unwrap()).unwrap()
}
